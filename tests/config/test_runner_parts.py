"""The small parts of the runner: output, lock, port, broker's command line."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from config.runner import broker, web
from config.runner.lock import AlreadyRunning, RunnerLock, start_time
from config.runner.output import Output, wants_colour
from config.runner.process import Child, Process


def test_each_line_stands_behind_the_name_of_its_program():
    stream = io.BytesIO()
    output = Output(stream, ["web", "worker"], colour=False)
    output.line("web", "hello")
    output.line("worker", b"\xff raw bytes stay")
    assert stream.getvalue() == b"web    | hello\nworker | \xff raw bytes stay\n"


def test_colours_are_per_program_and_a_cut_off_colour_does_not_run_on():
    stream = io.BytesIO()
    output = Output(stream, ["web", "worker"], colour=True)
    output.line("web", b"\033[31mred")
    output.line("worker", b"plain")
    first, second = stream.getvalue().splitlines()
    assert first.endswith(b"\033[31mred\033[0m")
    assert first[:5] != second[:5]
    assert second.endswith(b"plain")


def test_a_closed_stream_is_remembered_not_raised():
    stream = io.BytesIO()
    output = Output(stream, ["web"], colour=False)
    stream.close()
    output.line("web", "nobody reads this")
    assert output.closed


@pytest.mark.parametrize(
    ("environ", "expected"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_colour_follows_the_usual_variables(environ, expected):
    assert wants_colour(io.BytesIO(), environ) is expected


def test_a_second_runner_on_the_same_data_is_refused(tmp_path: Path):
    first = RunnerLock(tmp_path / "lock")
    first.note([])
    with pytest.raises(AlreadyRunning, match=str(os.getpid())):
        RunnerLock(tmp_path / "lock")


def test_programs_left_by_an_earlier_runner_are_ended(tmp_path: Path):
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    earlier = RunnerLock(tmp_path / "lock")
    earlier.note([left.pid])
    del earlier  # as when it was killed: the kernel lets go of the lock
    assert RunnerLock(tmp_path / "lock").end_remains() == [left.pid]
    assert left.wait(5) == -signal.SIGTERM


def test_a_process_that_only_has_the_same_number_is_left_alone(tmp_path: Path):
    (tmp_path / "lock").write_text(
        json.dumps({"runner": 1, "programs": {str(os.getpid()): "long ago"}})
    )
    assert RunnerLock(tmp_path / "lock").end_remains() == []


def test_a_broken_lock_file_is_as_good_as_an_empty_one(tmp_path: Path):
    (tmp_path / "lock").write_text("{not json")
    assert RunnerLock(tmp_path / "lock").remains() == []


def test_a_process_that_is_gone_has_no_start_time():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert start_time(gone.pid) == ""
    assert start_time(os.getpid())


def test_a_taken_port_is_named_together_with_a_way_out():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"make run PORT={port + 1}" in web.port_problem(port)
    assert web.port_problem(port) == ""


def test_a_port_that_does_not_exist_is_said_so():
    assert "does not exist" in web.port_problem(70000)


def test_a_socket_path_that_is_too_long_is_refused_with_a_way_out(tmp_path: Path):
    with pytest.raises(broker.BrokerMissing, match="VAR_DIR"):
        broker.command(tmp_path / ("x" * 110), tmp_path / "data")


def test_the_broker_listens_on_no_port_and_writes_everything_down(tmp_path: Path):
    command = broker.command(tmp_path / "s", tmp_path / "data")
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--port"] == "0"
    assert options["--unixsocketperm"] == "700"
    assert options["--appendonly"] == "yes"


def test_small_talk_and_empty_lines_are_hidden_and_endless_lines_are_shown_in_pieces():
    script = (
        "import sys; print('hide me'); print(); print('show me'); sys.stdout.write('x' * 200000)"
    )
    child = Child(Process("web", (sys.executable, "-c", script), hides=(b"hide",)))
    lines: list[bytes] = []
    os.set_blocking(child.output.fileno(), True)
    while (read := child.lines()) is not None:
        lines += read
    lines += child.last_words()
    child.output.close()
    assert lines[0] == b"show me"
    assert b"".join(lines[1:]) == b"x" * 200000
    assert len(lines) >= 3
    child._popen.wait()
