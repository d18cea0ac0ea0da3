"""Windows per second of `rampwise replay --windows`: read, decided and written as rows, on one core.

A window is one metric's, of both arms: 2 rows of a file, or 2 rows per bucket.

Run as a script. Times are of the processor, so that a busy machine matters less. The ratio is to one numpy
pass over the same cells: cumulative sums of what was read already.
"""

import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from time import process_time

import numpy as np

from analysis.replay import replay
from analysis.window_files import RunBlock
from engine.core.model import Bound, Experiment, Metric, MetricKind
from engine.replaying import blocks_in
from tests.analysis.window_files.files import generate
from tests.benchmarks.bench_evaluate import BOUNDS_S, SLOW
from tests.builders import a_metric, an_experiment

GOAL = 50_000
SHAPES = ((2000, 250), (200, 2500))
HISTOGRAMS = (200, 250)
MARGIN = Bound(relative=0.01)
"""Hardly any run can be promoted by such a margin, so that nearly all are watched to their end."""
CASES = {"dispersion declared": 1.0, "dispersion estimated": None}


def main() -> None:
    """Print the table."""
    print(f"{'replay, windows per second':<44}{'decided':>10}{'all':>10}{'goal':>10}{'x numpy':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for runs, windows in SHAPES:
            path = generate(Path(folder) / "windows.csv", runs=range(runs), windows=windows, seed=1)
            for name, dispersion in CASES.items():
                metric = a_metric(margin=MARGIN, dispersion=dispersion)
                show(path, metric, runs, windows, name)
        runs, windows = HISTOGRAMS
        path = histograms(Path(folder) / "histograms.csv", runs, windows)
        metric = a_metric(kind=MetricKind.DISTRIBUTION, slo_s=0.5, margin=MARGIN)
        show(path, metric, runs, windows, f"{len(BOUNDS_S)} bucket bounds")


def show(path: Path, metric: Metric, runs: int, windows: int, name: str) -> None:
    """Print a line of the table."""
    deciding_s, all_s, numpy_s = times_s(path, an_experiment(metrics=(metric,)))
    count = runs * windows
    print(
        f"{f'{runs} runs of {windows} windows, {name}':<44.44}{count / deciding_s:10.0f}"
        f"{count / all_s:10.0f}{GOAL:10}{all_s / numpy_s:9.0f} x"
    )


def histograms(path: Path, runs: int, windows: int) -> Path:
    """A file of one latency, a row per bucket, both arms alike."""
    rng = np.random.default_rng(1)
    shares = np.array(SLOW.control.counts) / SLOW.control.total
    les = [*(f"{bound:g}" for bound in BOUNDS_S), "+Inf"]
    with path.open("w", encoding="utf-8") as stream:
        stream.write("run,window_end,metric,variant,le,count\n")
        for run, window in product(range(runs), range(windows)):
            for variant, size in (("v1", 900), ("v2", 100)):
                key = f"run-{run},{1_700_000_000 + 15 * window},errors,{variant}"
                counts = rng.multinomial(size, shares).cumsum().tolist()
                stream.writelines(f"{key},{le},{count}\n" for le, count in zip(les, counts, strict=True))
    return path


def times_s(path: Path, experiment: Experiment) -> tuple[float, float, float]:
    """Seconds to decide, to read and decide, and of the numpy pass."""
    read_s = numpy_s = 0.0

    def read() -> Iterator[RunBlock]:
        nonlocal read_s, numpy_s
        begin = process_time()
        for block in blocks_in(path, experiment):
            read_s += process_time() - begin
            begin = process_time()
            for arm in (block.metrics["errors"].control, *block.metrics["errors"].treatments):
                for cells in arm.values():
                    np.cumsum(cells, axis=1)
            numpy_s += process_time() - begin
            yield block
            begin = process_time()
        read_s += process_time() - begin

    begin = process_time()
    rows = sum(1 for _ in replay(experiment, read()))
    all_s = process_time() - begin - numpy_s
    assert rows
    return all_s - read_s, all_s, numpy_s


if __name__ == "__main__":
    main()
