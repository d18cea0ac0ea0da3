"""`make calibrate`: the simulations at full size, written into docs/validity.md."""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.simulation import figures, tables
from tests.simulation.measuring import Row, rows, traffics
from tests.simulation.subjects import CASES

Job = tuple[str, str, int]


def _measured(job: Job) -> Sequence[Row]:
    return rows(*job)


def _figures(job: tuple[str, int]) -> str:
    return figures.section(*job)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure everything on all processors and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300, help="runs of every case in every scenario")
    parser.add_argument("--figure-runs", type=int, default=1_000, help="runs of every figure")
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args(arguments)
    jobs = [(name, traffic, chosen.runs) for name in CASES for traffic in traffics(name)]
    with ProcessPoolExecutor(chosen.processes) as pool:
        sections = pool.map(_figures, [(title, chosen.figure_runs) for title in figures.SECTIONS])
        found: dict[str, list[Row]] = {name: [] for name in CASES}
        for (name, traffic, _), measured in zip(jobs, pool.map(_measured, jobs), strict=True):
            sys.stderr.write(f"{name}: {traffic}\n")
            found[name].extend(measured)
        tables.written(tables.block(found, "\n\n".join(sections), chosen.runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
