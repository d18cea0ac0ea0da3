"""The figures to reach: how soon, against what no test can beat. Measures; the limits are the project's.

1 % bad, a tenth of the traffic, alpha 5 %, tolerance 1.0, a look every 10 + 90 requests, up to 50,000
requests of the treatment, unless a figure says otherwise. Requests are those of the treatment.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import log, sqrt
from zlib import crc32

import numpy as np

from analysis.stats import starts
from engine.core.model import Bound
from tests.builders import a_metric
from tests.simulation.kinds import NONE, Harm, proportion
from tests.simulation.measuring import HISTORIES, chunks
from tests.simulation.scenarios import Floats, iid
from tests.simulation.subjects import ERRORS, LATENCY
from tests.simulation.tables import Figure, figures_table
from tests.simulation.watching import Ends, Regime, Subject, Until, histories, on_grid, watched

RATE, SHARE = 0.01, 0.1
_CURVE_PARTS = (0.3, 0.45, 0.6, 0.8)
PER_LOOK = 10
LOOKS = 5_000
BY_LOOK = replace(ERRORS, per_window=(PER_LOOK, 90), windows=LOOKS)
SINGLE = replace(BY_LOOK, first_start=1.0)
BOUND_OF_PROMOTION = 3_634.0
"""Two-sample Kullback-Leibler bound of showing that an equal release is not 1.5 times as bad."""


def bound(ratio: float) -> float:
    """Requests that the quickest test needs on average to find harm: ln(1/alpha) over the information.

    Treatment at `ratio` times control's rate against the nearest pair of equal rates.
    """
    worse, equal = RATE * ratio, RATE * (1.0 + SHARE * (ratio - 1.0))
    return log(20.0) / (_divergence(worse, equal) + (1.0 / SHARE - 1.0) * _divergence(RATE, equal))


def _divergence(p: float, q: float) -> float:
    return p * log(p / q) + (1.0 - p) * log((1.0 - p) / (1.0 - q))


def _runs(
    name: str,
    runs: int,
    subject: Subject,
    regime: Regime,
    harm: Harm,
    until: Until = Until.ROLLED_BACK,
    *,
    onset: int = 0,
    parts: Floats | None = None,
) -> Ends:
    rng = np.random.default_rng(crc32(name.encode()))
    past = histories(rng, subject, iid, min(HISTORIES, runs)) if regime is Regime.HISTORY else None
    bets = on_grid(subject.windows) if parts is None else parts
    found = [
        watched(rng, subject, iid, [regime], harm, chunk, onset=onset, history=past, parts=bets, until=until)[
            regime
        ]
        for chunk in chunks(runs)
    ]
    return Ends(
        rolled_back=np.concatenate([each.rolled_back for each in found]),
        promoted=np.concatenate([each.promoted for each in found]),
        distrusted=np.concatenate([each.distrusted for each in found]),
    )


def _mean(name: str, ended: Floats, windows: int, unit: float, limit: float) -> Figure:
    """Mean of windows until runs ended, in a unit of so many windows."""
    counted = np.minimum(ended, windows) / unit
    error = float(counted.std() / sqrt(len(counted)))
    return Figure(name=name, value=float(counted.mean()), error=error, limit=limit)


def of_harm(runs: int) -> Sequence[Figure]:
    """Mean requests over the Kullback-Leibler bound."""
    asked = [
        ("1.5 times as bad, dispersion 1, single start", SINGLE, Regime.DECLARED, 1.5, 1.20),
        ("2 times as bad, dispersion 1, single start", SINGLE, Regime.DECLARED, 2.0, 1.30),
        ("2.5 times as bad, dispersion 1, single start", SINGLE, Regime.DECLARED, 2.5, 1.30),
        ("1.5 times as bad, dispersion from history, single start", SINGLE, Regime.HISTORY, 1.5, 1.30),
        ("1.5 times as bad, dispersion 1, several starts", BY_LOOK, Regime.DECLARED, 1.5, 1.40),
        ("1.5 times as bad, dispersion in the run, several starts", BY_LOOK, Regime.NONE, 1.5, 1.80),
    ]
    return [
        _mean(
            f"{name}: mean / bound of {bound(ratio):,.0f}",
            _runs(name, runs, subject, regime, Harm(ratio=ratio)).rolled_back,
            LOOKS,
            bound(ratio) / PER_LOOK,
            limit,
        )
        for name, subject, regime, ratio, limit in asked
    ]


def _immediate(runs: int) -> float:
    ended = _runs("immediate", runs, SINGLE, Regime.DECLARED, Harm(ratio=2.0)).rolled_back
    return float(np.minimum(ended, LOOKS).mean())


def _late(name: str, runs: int, healthy: int, parts: Floats, first: float, unit: float) -> Figure:
    subject = replace(BY_LOOK, first_start=first)
    ends = _runs(name, runs, subject, Regime.DECLARED, Harm(ratio=2.0), onset=healthy, parts=parts)
    late = ends.rolled_back[ends.rolled_back > healthy] - healthy
    return _mean(name, late, LOOKS - healthy, unit, 1.60)


def _changed(look: int, part: float = starts.AT_CHANGE) -> Floats:
    parts = on_grid(LOOKS)
    parts[look] = part
    return parts


def of_late_harm(runs: int) -> Sequence[Figure]:
    """Mean requests from the onset over those of immediate harm with a single start."""
    unit = _immediate(runs)
    grid = LOOKS // 32
    found = []
    for requests in (5_000, 20_000):
        look = requests // PER_LOOK
        at_point = round(look / grid) * LOOKS // 32
        for where, onset, parts in (
            ("at a weight change", look, _changed(look)),
            ("at a point of the time grid", at_point, on_grid(LOOKS)),
            ("between two points", at_point + grid // 2, on_grid(LOOKS)),
        ):
            name = f"2 times as bad after about {requests:,} healthy requests, {where}: delay / immediate"
            found.append(_late(name, runs, onset, parts, starts.FIRST, unit))
    return found


def curve(runs: int) -> str:
    """What first starts and later ones trade."""
    unit, look = _immediate(runs), 500
    lines = []
    for first in (0.5, 0.6, 0.7, 0.8):
        subject = replace(BY_LOOK, first_start=first)
        now = _runs("at once", runs, subject, Regime.DECLARED, Harm(ratio=1.5)).rolled_back
        cells = [_mean("", now, LOOKS, bound(1.5) / PER_LOOK, 0.0)]
        cells += [_late("curve", runs, look, _changed(look, part), first, unit) for part in _CURVE_PARTS]
        said = " | ".join(f"{cell.value:.2f} ± {cell.error:.2f}" for cell in cells)
        lines.append(f"| {first} | {said} |")
    head = (
        "| bet on the first window | 1.5 times as bad at once: mean / bound "
        "| late harm: delay / immediate, 0.3 at the change | 0.45 | 0.6 | 0.8 |\n|---|---|---|---|---|---|"
    )
    return "\n".join([head, *lines])


def of_promotion(runs: int) -> Sequence[Figure]:
    """A good release at margin 1.5, and services without errors."""
    good = _runs("good", runs, BY_LOOK, Regime.DECLARED, NONE, Until.PROMOTED).promoted
    share = float(np.isfinite(good).mean())
    error = sqrt(max(share * (1.0 - share), 1.0 / runs) / runs)
    requests = BOUND_OF_PROMOTION / PER_LOOK
    figures = [
        Figure(name="good release promoted, margin 1.5", value=share, error=error, limit=0.95, at_least=True),
        _mean("good release promoted: mean / bound of 3,634", good, LOOKS, requests, 1.10),
    ]
    silent = replace(
        BY_LOOK,
        metric=a_metric(tolerance=Bound(relative=0.0), margin=Bound(relative=0.5, absolute=0.001)),
        draw=proportion(1e-12),
    )
    ended = _runs("no errors", 1, silent, Regime.DECLARED, NONE, Until.PROMOTED).promoted
    name = "no errors at all, margin +0.1 pp: requests / ln(1/alpha)/delta"
    return [*figures, _mean(name, ended, LOOKS, log(20.0) / 0.001 / PER_LOOK, 1.0)]


def of_latency(runs: int) -> Sequence[Figure]:
    """Requests until slower releases are found, on Prometheus' default buckets, 10 + 90 a look."""
    subject = replace(LATENCY, per_window=(100, 900), windows=100)
    asked = (
        ("everything 10 % slower", Harm(ratio=1.1), 1_300.0),
        ("everything 25 % slower", Harm(ratio=1.25), 400.0),
        ("2 % of requests 3 s slower", Harm(tail=0.02), 550.0),
    )
    return [
        _mean(
            f"{name}: requests, dispersion {regime}",
            _runs(name, runs, subject, regime, harm).rolled_back,
            subject.windows,
            1.0 / subject.per_window[0],
            limit,
        )
        for name, harm, limit in asked
        for regime in (Regime.DECLARED, Regime.HISTORY)
    ]


MEASURES: Mapping[str, Callable[[int], Sequence[Figure]]] = {
    "Harm": of_harm,
    "Harm that begins late": of_late_harm,
    "Promotion": of_promotion,
    "Latency": of_latency,
}
SECTIONS = (*MEASURES, "Start points")


def section(title: str, runs: int) -> str:
    """One section of the document."""
    if title in MEASURES:
        return f"### {title}\n\n{figures_table(MEASURES[title](runs))}"
    return f"### {title}\n\n{curve(runs // 2)}"
