"""Windows per second of `rampwise replay --windows`: read, decided and written as rows, on one core.

Run as a script. The ratio is to one numpy pass over the same cells: cumulative sums of what was read already.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np

from analysis.replay import replay
from analysis.window_files import RunBlock
from engine.core.model import Bound, Experiment
from engine.replaying import blocks_in
from tests.analysis.window_files.files import generate
from tests.builders import a_metric, an_experiment

GOAL = 50_000
SHAPES = ((2000, 250), (200, 2500))
METRIC = a_metric(margin=Bound(relative=0.01))
"""Hardly any run can be promoted by such a margin, so that nearly all are watched to their end."""
CASES = {"dispersion declared": 1.0, "dispersion estimated": None}


def main() -> None:
    """Print the table."""
    print(f"{'replay, windows per second':<44}{'decided':>10}{'all':>10}{'goal':>10}{'x numpy':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for runs, windows in SHAPES:
            path = generate(Path(folder) / "windows.csv", runs=range(runs), windows=windows, seed=1)
            for name, dispersion in CASES.items():
                experiment = an_experiment(metrics=(a_metric(margin=METRIC.margin, dispersion=dispersion),))
                deciding_s, all_s, numpy_s = times_s(path, experiment)
                count = runs * windows
                print(
                    f"{f'{runs} runs of {windows} windows, {name}':<44.44}{count / deciding_s:10.0f}"
                    f"{count / all_s:10.0f}{GOAL:10}{all_s / numpy_s:9.0f} x"
                )


def times_s(path: Path, experiment: Experiment) -> tuple[float, float, float]:
    """Seconds to decide, to read and decide, and of the numpy pass."""
    read_s = numpy_s = 0.0

    def read() -> Iterator[RunBlock]:
        nonlocal read_s, numpy_s
        begin = perf_counter()
        for block in blocks_in(path, experiment):
            read_s += perf_counter() - begin
            begin = perf_counter()
            for arm in (block.metrics["errors"].control, *block.metrics["errors"].treatments):
                for cells in arm.values():
                    np.cumsum(cells, axis=1)
            numpy_s += perf_counter() - begin
            yield block
            begin = perf_counter()
        read_s += perf_counter() - begin

    begin = perf_counter()
    rows = sum(1 for _ in replay(experiment, read()))
    all_s = perf_counter() - begin - numpy_s
    assert rows
    return all_s - read_s, all_s, numpy_s


if __name__ == "__main__":
    main()
