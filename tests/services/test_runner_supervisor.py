"""The supervisor with small programs of our own: order, restarts, signals, remains."""

import os
import re
import signal
from pathlib import Path

import pytest

from tests.services.programs import Program, python, runs, wait

pytestmark = [pytest.mark.slow, pytest.mark.services]

# One program: says its pid, does as it is told, and says what is done to it.
ACTOR = """
import os, signal, subprocess, sys, time
name, finishing = sys.argv[1], float(sys.argv[2])
def term(*_):
    print("finishing", flush=True)
    time.sleep(finishing)
    print("finished", flush=True)
    os._exit(0)
def note(number, _):
    print("got", signal.Signals(number).name, flush=True)
    if number == signal.SIGQUIT:
        os._exit(0)
signal.signal(signal.SIGTERM, term)
signal.signal(signal.SIGINT, note)
signal.signal(signal.SIGQUIT, note)
if "helper" in sys.argv:
    helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print("helper", helper.pid, flush=True)
print("pid", os.getpid(), flush=True)
while "dies" not in sys.argv:
    time.sleep(0.2)
sys.exit(3)
"""

STAGE = """
import sys
from config.runner.output import Output
from config.runner.process import Process
from config.runner.supervisor import Supervisor
actor, patience, *cast = sys.argv[1:]
processes = []
for part in cast:
    name, *rest = part.split(",")
    processes.append(Process(name, (sys.executable, actor, name, *rest), says_ready=b"pid",
                             goes_last=name == "broker"))
output = Output(sys.stdout.buffer, [p.name for p in processes], colour=False)
with Supervisor(output, patience=float(patience)) as supervisor:
    for process in processes:
        supervisor.start(process)
    supervisor.until(supervisor.all_ready, 10)
    output.block("all ready")
    supervisor.serve()
output.block("all over")
"""


@pytest.fixture
def stage(tmp_path: Path):
    """Starts a supervisor over actors: stage("web,0.1", patience=10)."""
    actor = tmp_path / "actor.py"
    actor.write_text(ACTOR)
    started: list[Program] = []

    def start(*cast: str, patience: float = 10) -> Program:
        program = python("-c", STAGE, actor, str(patience), *cast)
        started.append(program)
        program.wait_for("all ready")
        return program

    yield start
    for program in started:
        program.__exit__()


def pid_of(program: Program, name: str, word: str = "pid") -> int:
    found = re.findall(rf"^{name} *\| {word} (\d+)$", program.text, re.MULTILINE)
    return int(found[-1])


def test_programs_end_in_reverse_order_and_the_broker_last(stage):
    program = stage("broker,0", "web,0.2", "worker,1")
    program.send(signal.SIGTERM)
    assert program.ended() == 0
    order = [line for line in program.lines if "finish" in line]
    assert order[-2:] == ["broker | finishing", "broker | finished"]
    assert order.index("worker | finished") < order.index("broker | finishing")
    assert program.lines[-1] == "all over"


def test_ctrl_c_reaches_only_the_runner_and_running_work_finishes(stage):
    program = stage("broker,0", "worker,2")
    program.send_to_terminal(signal.SIGINT)
    assert program.ended() == 0
    assert "got SIGINT" not in program.text
    assert "worker | finished" in program.text


def test_a_second_ctrl_c_cuts_the_wait_short(stage):
    program = stage("broker,0", "worker,30", patience=60)
    program.send(signal.SIGINT)
    program.wait_for("worker | finishing")
    program.send(signal.SIGINT)
    assert program.ended(10) == 0
    assert "worker | finished" not in program.text
    assert "broker | finished" in program.text


def test_what_does_not_end_in_time_is_killed(stage):
    program = stage("worker,60", patience=1)
    pid = pid_of(program, "worker")
    program.send(signal.SIGTERM)
    assert program.ended(10) == 0
    assert not runs(pid)


def test_a_died_program_is_started_again_and_the_others_are_left_alone(stage):
    program = stage("broker,0", "web,0")
    broker, web = pid_of(program, "broker"), pid_of(program, "web")
    os.kill(web, signal.SIGKILL)
    program.wait_for("was ended by SIGKILL; starts again in 1 s")
    program.wait_for("web    | pid", times=2)
    assert pid_of(program, "web") != web
    assert pid_of(program, "broker") == broker


def test_pauses_grow_while_a_program_keeps_dying(tmp_path):
    actor = tmp_path / "actor.py"
    actor.write_text(ACTOR)
    with python("-c", STAGE, actor, "5", "web,0,dies") as program:
        program.wait_for("ended with exit code 3; starts again in 1 s")
        program.wait_for("starts again in 2 s")
        program.wait_for("starts again in 4 s")


def test_what_a_dead_leader_leaves_behind_ends_too(stage):
    program = stage("web,0,helper")
    helper = pid_of(program, "web", "helper")
    os.kill(pid_of(program, "web"), signal.SIGKILL)
    wait(lambda: not runs(helper), 5)


def test_when_the_runner_is_killed_nothing_stays_behind(stage):
    program = stage("broker,0", "web,0", "worker,1")
    pids = [pid_of(program, name) for name in ("broker", "web", "worker")]
    program.send(signal.SIGKILL)
    wait(lambda: not any(map(runs, pids)), 10)


def test_a_closed_terminal_is_a_stop(tmp_path):
    actor = tmp_path / "actor.py"
    actor.write_text(ACTOR)
    with python("-c", STAGE, actor, "5", "web,0.2") as program:
        program.wait_for("all ready")
        pid = pid_of(program, "web")
        program.send(signal.SIGHUP)
        assert program.ended() == 0
        assert not runs(pid)
