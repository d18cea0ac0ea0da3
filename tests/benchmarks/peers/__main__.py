"""`make bench-peers`: the same streams through other people's methods and through ours, in one run."""

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tests.benchmarks.peers.methods import methods
from tests.benchmarks.peers.packages import Verified, environments, some_points, verify
from tests.benchmarks.peers.scoring import Alarms, first_alarms, score_all, together
from tests.benchmarks.peers.streams import CASES, CHUNK_RUNS, Case, Streams, draw
from tests.benchmarks.peers.tables import as_json, markdown

ALPHA = 0.05
SEED = 20_260_901


def main() -> int:
    """Print all tables, write them if asked; 1 if a closed form differs from its package."""
    asked = _arguments()
    began_s = time.monotonic()
    pythons = {} if asked.no_packages else environments()
    checks = verify(pythons, _points(asked.seed), ALPHA)
    alarms: dict[tuple[Case, str], Alarms] = {}
    for number, case in enumerate(CASES):
        alarms |= {(case, method): each for method, each in _judged(case, number, asked).items()}
        print(f"{time.monotonic() - began_s:5.0f} s  {case.name}", file=sys.stderr)
    scores = score_all(alarms, ALPHA)
    text = markdown(scores, checks, _heading(asked))
    print(text)
    if asked.out is not None:
        settings: dict[str, object] = {"runs": asked.runs, "seed": asked.seed, "alpha": ALPHA}
        asked.out.with_suffix(".md").write_text(text, encoding="utf-8")
        asked.out.with_suffix(".json").write_text(as_json(scores, checks, settings), encoding="utf-8")
    return 1 if any(isinstance(check, Verified) and not check.agrees for check in checks) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-peers", description=__doc__)
    parser.add_argument("--runs", type=int, default=800, help="runs per case (default: 800)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"seed of all streams (default: {SEED})")
    parser.add_argument("--out", type=Path, help="write OUT.md and OUT.json too")
    parser.add_argument(
        "--no-packages", action="store_true", help="do not install the packages; closed forms go unverified"
    )
    return parser.parse_args()


def _points(seed: int) -> np.ndarray:
    """Totals at which the packages are asked, from the first runs of a case with harm."""
    streams = draw(CASES[1], (seed, 1, 0), CHUNK_RUNS)
    return some_points(streams, np.random.default_rng((seed, len(CASES))))


def _judged(case: Case, number: int, asked: argparse.Namespace) -> Mapping[str, Alarms]:
    """First alarms of each method; runs are drawn in chunks, all methods read the same ones."""
    parts: dict[str, list[Alarms]] = {name: [] for name in methods(case.per_look)}
    for chunk, begin in enumerate(range(0, asked.runs, CHUNK_RUNS)):
        streams = draw(case, (asked.seed, number, chunk), min(CHUNK_RUNS, asked.runs - begin))
        for name, each in _alarms(case, streams).items():
            parts[name].append(each)
    return {name: together(each) for name, each in parts.items()}


def _alarms(case: Case, streams: Streams) -> Mapping[str, Alarms]:
    return {
        name: first_alarms(judge(streams, ALPHA), streams, case.onset_look)
        for name, judge in methods(case.per_look).items()
    }


def _heading(asked: argparse.Namespace) -> str:
    return f"""\
## The same streams through other people's methods and ours

{asked.runs} runs a case, seed {asked.seed}, alpha {ALPHA:.0%}. Baseline 1 % bad; the treatment has 10 % of
the requests, except in the ramp. Independent cases: a look every 100 requests, to 50,000 treatment requests;
others: 1,000 windows of 1,000 requests, a look after each.

Mean and median are treatment requests from the onset of harm; a run without alarm counts as its whole length.
The bound is that of Kullback-Leibler information for two unknown rates; in storms, for storms as units.
Kayenta and Mann-Whitney get a control sample as large as the treatment. INVALID: false alarms exceed alpha by
more than two standard errors when nothing is wrong. Untrusted: runs in which the method ever said that it
cannot tell."""


if __name__ == "__main__":
    raise SystemExit(main())
