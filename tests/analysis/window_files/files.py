"""Window files for tests: written from rows as text, and big ones from a seed."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from analysis.window_files import RunBlock, read_blocks
from engine.core.model import Experiment, MetricKind
from tests.builders import a_metric, an_experiment

HEADER = "run,window_end,metric,variant,bad,total"


def measuring(**kinds: MetricKind) -> Experiment:
    """An experiment of v1 (control) and v2 with metrics of these names and kinds."""
    return an_experiment(
        metrics=tuple(a_metric(name=name, measure=name, kind=kind) for name, kind in kinds.items())
    )


def written(folder: Path, *lines: str, header: str = HEADER, name: str = "windows.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def blocks(path: Path, experiment: Experiment | None = None, max_windows: int = 1000) -> list[RunBlock]:
    return list(read_blocks(path, experiment or an_experiment(), max_windows=max_windows))


def only(path: Path, experiment: Experiment | None = None) -> RunBlock:
    (block,) = blocks(path, experiment)
    return block


def generate(path: Path, *, runs: Iterable[int], windows: int, seed: int) -> Path:
    """A file of one proportion metric, two rows per window, runs one after another."""
    rng = np.random.default_rng(seed)
    ends = [f"2026-01-01T{w // 240:02d}:{w // 4 % 60:02d}:{w % 4 * 15:02d}Z" for w in range(windows)]
    with path.open("w", encoding="utf-8") as stream:
        stream.write(HEADER + "\n")
        for run in runs:
            total = rng.integers(100, 1000, (windows, 2))
            stream.write("".join(_rows(run, ends, rng.binomial(total, 0.01).tolist(), total.tolist())))
    return path


def _rows(
    run: int, ends: Sequence[str], bad: Sequence[Sequence[int]], total: Sequence[Sequence[int]]
) -> Iterable[str]:
    for end, wrong, of in zip(ends, bad, total, strict=True):
        for arm, variant in enumerate(("v1", "v2")):
            yield f"run-{run},{end},errors,{variant},{wrong[arm]},{of[arm]}\n"
