"""One proportion decided without the code under test: a few lines of arithmetic over the rows of a file.

Dispersion 1, tolerance none, margin a ratio, rare bad trials, one start point: `statistics.md` 2.1 in Python
floats. The weights of the mixtures are written out, so that changing them by accident shows.
"""

import csv
from collections import defaultdict
from math import exp, log
from pathlib import Path

EFFECT = 1.5
MARGIN = 1.5
HARM = {EFFECT**1.0: 0.38, EFFECT**1.5: 0.27, EFFECT**2.1: 0.22, EFFECT**3.3: 0.13}
PROMOTE = {0.5: 0.2, 0.8: 0.2, 1.0: 0.6}
FIRST = 0.6

Window = tuple[str, int, int, int, int, str]
"""End, bad and all trials of the treatment, then of control, and the weight, as they stand in the file."""


def windows(path: Path) -> dict[str, list[Window]]:
    """The windows of every run, in the file's order."""
    cells: dict[tuple[str, str], dict[str, dict[str, str]]] = defaultdict(dict)
    for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
        cells[row["run"], row["window_end"]][row["variant"]] = row
    found: dict[str, list[Window]] = defaultdict(list)
    for (run, end), arms in cells.items():
        t, c = arms["v2"], arms["v1"]
        counts = (int(t["bad"]), int(t["total"]), int(c["bad"]), int(c["total"]))
        found[run].append((end, *counts, t.get("weight", "")))
    return found


def e_harm(run: list[Window]) -> list[float]:
    """The e-value of harm after every window, most of it bet on the first."""
    return [1 - FIRST + FIRST * mixed(run[: last + 1], HARM, 1.0) for last in range(len(run))]


def e_promote(run: list[Window]) -> list[float]:
    """The e-value against "worse by the margin" after every window."""
    return [mixed(run[: last + 1], PROMOTE, MARGIN) for last in range(len(run))]


def mixed(run: list[Window], weights: dict[float, float], null: float) -> float:
    return sum(weight * exp(log_ratio(run, ratio, null)) for ratio, weight in weights.items())


def log_ratio(run: list[Window], ratio: float, null: float) -> float:
    """Which arm did the bad trials come from? Log likelihood of one risk ratio less that of another."""
    total = 0.0
    for _, bad_t, n_t, bad_c, n_c, _ in run:
        share = n_t / (n_t + n_c)
        for psi, sign in ((ratio, 1), (null, -1)):
            total += sign * (bad_t * log(psi) - (bad_t + bad_c) * log(1 - share + share * psi))
    return total
