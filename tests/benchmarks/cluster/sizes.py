"""How large the benchmark is, and what of it to run. Values only."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

PARTS = ("scale", "reaction", "outage", "idle")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Chosen by the options.

    Attributes:
        experiments: that are driven at once, every `interval_s`; `pairs` of Services are behind their routes.
        measure_s: how long a row is measured. settle_s: what passes before.
        ended, waiting: objects of the idle part.
        trials: Rollouts that go bad, per row. reaction_interval_s: between evaluations of theirs.
        healthy: releases under the outage of `outage_s`. healthy_s: how long all is well before any fault.
        rows: of the scale part. out: where the page is written, None for nowhere.
    """

    parts: tuple[str, ...] = PARTS
    experiments: int = 1000
    pairs: int = 200
    interval_s: int = 10
    measure_s: float = 60.0
    settle_s: float = 20.0
    ended: int = 9_900
    waiting: int = 100
    trials: int = 20
    reaction_interval_s: int = 5
    healthy: int = 16
    healthy_s: float = 90.0
    outage_s: float = 60.0
    rows: tuple[str, ...] = ("nobody", "sqlite", "postgresql", "argo", "argo-raised")
    out: Path | None = None


QUICK = Sizes(
    experiments=50,
    pairs=10,
    measure_s=30.0,
    settle_s=10.0,
    ended=450,
    waiting=50,
    trials=4,
    healthy=4,
    healthy_s=60.0,
)


def chosen(arguments: Sequence[str]) -> Sizes:
    """The sizes that a command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.cluster")
    parser.add_argument("--quick", action="store_true", help="small, to try it")
    parser.add_argument("--parts", default="", help=f"some of {','.join(PARTS)}")
    parser.add_argument("--rows", default="", help=f"some of {','.join(Sizes().rows)}")
    for name in ("experiments", "pairs", "ended", "waiting", "trials", "healthy"):
        parser.add_argument(f"--{name}", type=int)
    for name in ("measure-s", "settle-s", "healthy-s", "outage-s"):
        parser.add_argument(f"--{name}", type=float)
    for name in ("interval-s", "reaction-interval-s"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--out", type=Path, help="write the page there, too")
    given = vars(parser.parse_args(arguments))
    sizes = QUICK if given.pop("quick") else Sizes()
    for name in ("parts", "rows"):
        given[name] = tuple(filter(None, given[name].split(","))) or None
        if unknown := set(given[name] or ()) - set(getattr(Sizes(), name)):
            parser.error(f"--{name}: no such thing: {', '.join(sorted(unknown))}")
    return replace(sizes, **{name: value for name, value in given.items() if value is not None})
