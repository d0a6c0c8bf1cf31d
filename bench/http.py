"""The optimiser over HTTP: PostgreSQL, gunicorn, production middleware, synchronous commit.

Every view is measured in the same run, in turns, and compared with a bare JSON view and a view that
makes one query. CPU is that of the web workers and the database together, so the figures hold when
other programs run beside. `python bench/http.py`
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402
from cryptography.fernet import Fernet  # noqa: E402

from bench import load  # noqa: E402
from config.suites import servers  # noqa: E402

KEY = "bench-key-0123456789"
ROUNDS, SECONDS, WARM_UP, CONNECTIONS = 3, 4.0, 1.0, 16
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Case:
    """One measured request."""

    name: str
    make: object
    wanted: tuple[float, float] = (0.0, 0.0)  # least ratio to the bare and to the one-query view
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)  # µs per request
    p95: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)


def ideas() -> list[str]:
    """Return the corpus of the bench."""
    lines = (ROOT / "bench" / "ideas.txt").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def cpu_ticks(pids: list[int]) -> int:
    """Return the CPU time of processes and their children so far, in clock ticks."""
    total = 0
    for pid in pids:
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(path.parent.name) == pid or int(fields[1]) == pid:
                total += int(fields[11]) + int(fields[12])
    return total


@contextmanager
def web(environment: dict[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run gunicorn as production does, 2 workers with 4 threads."""
    command = [
        *(sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}"),
        *(
            "--worker-class",
            "config.server.PatientThreadWorker",
            "--workers",
            "2",
            "--threads",
            "4",
        ),
        *("--no-control-socket", "--log-level", "warning", "--keep-alive", "30"),
    ]
    log = (Path(environment["VAR_DIR"]) / "web.log").open("wb")
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        for _ in range(200):
            try:
                load.run(
                    port, lambda n: load.request("GET", "/bench/bare"), seconds=0, connections=1
                )
                break
            except OSError:
                time.sleep(0.1)
        yield server
    finally:
        server.terminate()
        server.wait(30)


def measure(cases: list[Case], port: int, pids: list[int], *, seconds: float = SECONDS) -> None:
    """Run all cases in turns."""
    for turn in range(ROUNDS + 1):
        for case in cases:
            span = WARM_UP if turn == 0 else seconds
            before = cpu_ticks(pids)
            outcome = load.run(port, case.make, seconds=span, connections=CONNECTIONS)
            used = (cpu_ticks(pids) - before) / TICKS * 1e6 / len(outcome.latencies)
            if turn:
                case.rates.append(outcome.rate)
                case.cpu.append(used)
                case.p95.append(outcome.percentile(0.95))
                for status, count in outcome.statuses.items():
                    case.statuses[status] = case.statuses.get(status, 0) + count


def report(cases: list[Case]) -> None:
    """Print a row per case; ratios are medians against the two yardsticks of the same run."""
    bare, query = median(cases[0].cpu), median(cases[1].cpu)
    print(
        f"\n{'view':<34}{'req/s':>8}{'p95 ms':>8}{'CPU µs':>8}{'/bare':>7}{'/1-query':>9}  answers"
    )
    for case in cases:
        cpu = median(case.cpu)
        print(
            f"{case.name:<34}{median(case.rates):>8.0f}{median(case.p95):>8.1f}{cpu:>8.0f}"
            f"{bare / cpu:>7.2f}{query / cpu:>9.2f}  {case.statuses}"
        )
    for case in cases:
        cpu = median(case.cpu)
        kept = bare / cpu >= case.wanted[0] and query / cpu >= case.wanted[1]
        if any(case.wanted):
            least = f"at least {case.wanted[0]:.2f} and {case.wanted[1]:.2f}"
            print(f"{case.name}: {least}: {'kept' if kept else 'MISSED'}")


def over_granting(port: int, database: str) -> None:
    """64 clients at once on a key with 500 units: exactly 500 calls may pass."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE accounts_apikey SET daily_limit = 500")
        connection.execute("DELETE FROM billing_usagecounter")
    make = optimise_calls("race")
    outcome = load.run(port, make, seconds=60, connections=64, most=2000)
    granted = outcome.statuses.get(200, 0)
    print(f"\n64 clients, 2,000 calls, 500 units: {granted} granted {outcome.statuses}")
    if granted != 500:
        raise SystemExit("the quota was not kept")


def optimise_calls(salt: str) -> object:
    """Return a maker of optimise requests that never repeat."""
    corpus = ideas()

    def make(number: int) -> bytes:
        idea = f"{corpus[number % len(corpus)]}, {salt} {number}"
        body = json.dumps({"idea": idea, "aspect_ratio": "16:9"}).encode()
        return load.request("POST", "/api/optimize", key=KEY, body=body)

    return make


def same_call(number: int) -> bytes:
    """Return the same optimise request each time: the result cache answers."""
    body = json.dumps({"idea": "a lighthouse at dawn", "aspect_ratio": "16:9"}).encode()
    return load.request("POST", "/api/optimize", key=KEY, body=body)


def prepare(environment: dict[str, str], database: str) -> None:
    """Migrate, seed, and make a key that never runs out."""
    script = (
        "from accounts.flows import keys, starter; from accounts.models import Account;"
        "a = Account.objects.create(name='bench');"
        f"keys.issue(a, name='bench', daily_limit=2_000_000_000, text={KEY!r})"
    )
    for arguments in (
        ["migrate", "-v0"],
        ["seed"],
        ["shell", "--no-imports", "-c", script],
    ):
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )


def main() -> None:
    """Measure and print."""
    import tempfile

    with (
        tempfile.TemporaryDirectory() as folder,
        servers.postgres(durable=True) as database,
        servers.valkey() as broker,
    ):
        port = servers.free_port()
        environment = {
            **os.environ,
            "ATELIER_ENV": "production",
            "DJANGO_SETTINGS_MODULE": "bench.settings",
            "SECRET_KEY": "b3nch-only-Zq8LmX2cT7pWn5KdHs9BfJ0aGyUe4iRoQxVt6-NkE1",
            "FIELD_KEYS": Fernet.generate_key().decode(),
            "DATABASE_URL": database,
            "REDIS_URL": broker,
            "PUBLIC_BASE_URL": "https://127.0.0.1",
            "VAR_DIR": folder,
            "OPTIMIZE_CACHE_SIZE": "1024",
            "SMTP_HOST": "127.0.0.1",
            "TRUSTED_PROXY_COUNT": "0",
        }
        prepare(environment, database)
        with psycopg.connect(database) as connection:
            settings = connection.execute(
                "SELECT name, setting FROM pg_settings"
                " WHERE name IN ('fsync', 'synchronous_commit')"
            ).fetchall()
            postmaster = connection.execute("SELECT pg_backend_pid()").fetchone()
        print("PostgreSQL:", ", ".join(f"{name}={value}" for name, value in settings))
        with web(environment, port) as server:
            cases = [
                Case("bare JSON", lambda n: load.request("GET", "/bench/bare")),
                Case("one query", lambda n: load.request("GET", "/bench/one-query")),
                Case(
                    "key and charge",
                    lambda n: load.request("GET", "/bench/charge", key=KEY),
                    (0.20, 0.55),
                ),
                Case("/api/optimize, never the same idea", optimise_calls("run"), (0.12, 0.35)),
                Case("/api/optimize, from the result cache", same_call),
            ]
            assert postmaster is not None
            measure(cases, port, [server.pid, parent_of(postmaster[0])])
            report(cases)
            over_granting(port, database)


def parent_of(pid: int) -> int:
    """Return the parent of a process; a backend that has just ended is read from the cluster."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        found = subprocess.run(
            ["pgrep", "-o", "postgres"], capture_output=True, text=True, check=True
        )
        return int(found.stdout)


if __name__ == "__main__":
    main()
