"""Evidence in the form it was first stored in, taken over. Knows the old form; computes nothing new.

Totals, evidence for promotion and for the effect's interval mean the same then and now. Evidence of harm was
kept for other alternatives: what it had come to is kept to be shown, and a run that still goes on collects it
anew, which is slower and not less safe. Verdicts that latched stay latched.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from analysis.stats import stages
from analysis.stats.evidence import MetricEvidence
from analysis.stats.methods import monitor_of
from analysis.stats.mixture import Floats
from engine.core.measure import Missing
from engine.core.model import Metric

_FLOATS: TypeAdapter[Floats] = TypeAdapter(Floats)
_MISSING: TypeAdapter[Missing | None] = TypeAdapter(Missing | None)


def is_legacy(plain: Mapping[str, Any]) -> bool:
    """Whether the evidence of a run is in the old form."""
    return any("tally" in metric for metric in plain.get("metrics", ()))


def taken_over(metric: Metric, plain: Mapping[str, Any]) -> MetricEvidence:
    """The metric's evidence in today's form. KeyError or ValueError when `plain` is not in the old one."""
    bounds_s = tuple(plain["bounds_s"])
    empty = stages.nothing_yet(metric)
    sums = monitor_of(metric, len(bounds_s)).start() if bounds_s else empty.sums
    tally, harm = plain["tally"], plain["harm"]
    arms = [tally["treatment"], tally["control"]]
    totals = np.array(
        [[*(arm[part] for arm in arms for part in ("bad", "total")), *_within(tally)]], dtype=np.float64
    )
    in_step = np.array([[arm[f"step_{part}"] for arm in arms for part in ("bad", "total")]], dtype=np.float64)
    return replace(
        empty,
        sums=replace(
            sums,
            totals=totals,
            step=totals[:, :4] - in_step,
            promote=_as_wide_as(sums.promote, plain["promotion"]["logs"]),
            better=_as_wide_as(sums.better, plain.get("better")),
            effect=_as_wide_as(sums.effect, plain["ratios"]),
            log_e_harm=np.array([float(harm["log_e"])]),
            log_e_harm_max=np.array([float(harm["log_e_max"])]),
            windows=np.array([float(plain["windows"])]),
            exact_windows=np.array([float(plain["exact_windows"])]),
        ),
        bounds_s=bounds_s,
        warm_up_windows=plain["warm_up_windows"],
        missing_windows=plain["missing_windows"],
        missing=_MISSING.validate_python(plain["missing"]),
        distrust=plain["distrust"],
    )


def _within(tally: Mapping[str, Any]) -> tuple[float, float, float]:
    return tally["bad_treatment"], tally["bad_control"], tally["pairs"]


def _as_wide_as(empty: Floats, stored: Any) -> Floats:
    """The stored row, where there is one of the same meaning."""
    if stored is None:
        return empty
    row = _FLOATS.validate_python(stored)[None, :]
    return row if row.shape == empty.shape else empty
