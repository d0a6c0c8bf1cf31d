"""How fast the optimiser is: ideas a second on one core, time per idea, memory.

Run it as `python bench/optimizer.py [rounds]`. It uses no database and no network: the starter
vocabulary, and the ideas in bench/ideas.txt with the options people use most.
"""

import gc
import json
import statistics
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from prompts.optimizer import OptimizeRequest, Vocabulary, optimize, starter_data  # noqa: E402

IDEAS = Path(__file__).with_name("ideas.txt")
OPTIONS: tuple[dict[str, object], ...] = (
    {},
    {"aspect_ratio": "16:9", "negative": "crowds, rust"},
    {"lighting": "golden hour", "color_grade": "warm tones", "extra_tags": ["film grain", "haze"]},
    {"preset": "cinematic", "midjourney_version": "7"},
)


def ideas() -> list[str]:
    """Return the ideas of the corpus."""
    return IDEAS.read_text("utf-8").splitlines()


def requests() -> Iterator[OptimizeRequest]:
    """Yield every idea with one of the usual sets of options, in turn."""
    for number, idea in enumerate(ideas()):
        yield OptimizeRequest.parse({"idea": idea, **OPTIONS[number % len(OPTIONS)]})


def measure(rounds: int = 10) -> dict[str, float]:
    """Return figures of `rounds` rounds: rate in ideas a second, times in ms, memory in MiB."""
    tracemalloc.start()
    started = time.perf_counter()
    vocabulary = Vocabulary.from_data(starter_data())
    build = time.perf_counter() - started
    work = list(requests())
    for request in work:
        optimize(request, vocabulary).as_dict()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    gc.collect()
    times = []
    cpu = time.process_time()
    for _ in range(rounds):
        for request in work:
            started = time.perf_counter()
            optimize(request, vocabulary).as_dict()
            times.append(time.perf_counter() - started)
    cpu = time.process_time() - cpu
    marks = statistics.quantiles(times, n=100)
    answers = [len(json.dumps(optimize(request, vocabulary).as_dict())) for request in work]
    return {
        "ideas": len(work),
        "ideas per second": len(times) / cpu,
        "p50 ms": marks[49] * 1000,
        "p95 ms": marks[94] * 1000,
        "p99 ms": marks[98] * 1000,
        "vocabulary ms (with tracing)": build * 1000,
        "peak MiB": peak / 2**20,
        "answer bytes": statistics.mean(answers),
    }


def main() -> None:
    """Print the figures."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    for name, value in measure(rounds).items():
        print(f"{name:<30}{value:>12,.2f}")


if __name__ == "__main__":
    main()
