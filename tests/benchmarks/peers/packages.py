"""Checks the closed forms against the real packages, at random points of the very streams that are judged.

Each package lives in an environment of its own (`tools/ensure-peers`), because two of them want different
versions of numpy. A package that is not there is reported as not verified, never as verified.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import norm

from tests.benchmarks.peers.fixed import TEA_TASTING_Z_FROM, pooled_z
from tests.benchmarks.peers.sequential import growthbook_log_e, savvi_log_odds
from tests.benchmarks.peers.streams import Floats, Streams

POINTS = 60
TOLERANCE = 1e-6
"""Largest relative difference of p-values that counts as rounding."""
_ENSURE = Path(__file__).parents[3] / "tools" / "ensure-peers"
_ASKED = Path(__file__).with_name("answers.py")
_ENVIRONMENTS = {"gbstats": "gbstats", "savvi": "savvi-tea-tasting", "tea-tasting": "savvi-tea-tasting"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A closed form agreed with a package at so many points; differences are relative to the package."""

    package: str
    version: str
    points: int
    largest_difference: float

    @property
    def agrees(self) -> bool:
        """Whether the differences are rounding."""
        return self.largest_difference <= TOLERANCE

    def __str__(self) -> str:
        said = "verified against" if self.agrees else "DIFFERS from"
        return (
            f"{said} {self.package} {self.version} at {self.points} points, "
            f"largest relative difference {self.largest_difference:.1e}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unverified:
    """The package could not be asked."""

    package: str
    reason: str

    def __str__(self) -> str:
        return f"NOT verified against {self.package}: {self.reason}"


def _growthbook_p(points: Floats, alpha: float) -> Floats:
    bad_t, n_t, bad_c, n_c = points.T
    p: Floats = np.minimum(1.0, np.exp(-growthbook_log_e(bad_t, n_t, bad_c, n_c, alpha=alpha)))
    return p


def _savvi_p(points: Floats, alpha: float) -> Floats:
    bad_t, n_t, bad_c, n_c = points.T
    p: Floats = np.exp(-savvi_log_odds(bad_t, bad_c, n_t / (n_t + n_c)))
    return p


def _tea_tasting_p(points: Floats, alpha: float) -> Floats:
    bad_t, n_t, bad_c, n_c = points.T
    p: Floats = 2 * norm.sf(np.abs(pooled_z(bad_t, n_t, bad_c, n_c, corrected=True)))
    return p


CLOSED_FORMS: Mapping[str, Callable[[Floats, float], Floats]] = {
    "gbstats": _growthbook_p,
    "savvi": _savvi_p,
    "tea-tasting": _tea_tasting_p,
}


def some_points(streams: Streams, rng: np.random.Generator, wanted: int = POINTS) -> Floats:
    """Totals at random looks of random runs, shape (points, 4): as a package would be told them.

    Only where all methods are defined: errors in both arms, and enough requests for a z test.
    """
    runs, looks = streams.treatment.shape
    rows, columns = rng.integers(0, runs, 4 * wanted), rng.integers(0, looks, 4 * wanted)
    points = np.column_stack([total[rows, columns] for total in streams.so_far])
    usable = (points[:, 0] > 0) & (points[:, 2] > 0) & (points[:, 1] + points[:, 3] >= TEA_TASTING_Z_FROM)
    chosen: Floats = points[usable][:wanted]
    return chosen


def environments() -> Mapping[str, str]:
    """Interpreters of the peers' environments by name, made if missing; absent where they cannot be made."""
    made = subprocess.run([_ENSURE, sys.executable], stdout=subprocess.PIPE, text=True, check=True)
    pairs = [line.partition(" ") for line in made.stdout.splitlines()]
    return {name: python for name, _, python in pairs}


def verify(pythons: Mapping[str, str], points: Floats, alpha: float) -> Sequence[Verified | Unverified]:
    """One answer per package; `pythons` maps an environment's name to its interpreter."""
    return [_verify(package, pythons, points, alpha) for package in CLOSED_FORMS]


def _verify(package: str, pythons: Mapping[str, str], points: Floats, alpha: float) -> Verified | Unverified:
    environment = _ENVIRONMENTS[package]
    if environment not in pythons:
        return Unverified(package=package, reason="it is not installed; see tools/ensure-peers")
    asked = json.dumps({"points": points.astype(int).tolist(), "alpha": alpha})
    command = [pythons[environment], "-I", str(_ASKED), package]
    told = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    if told.returncode:
        return Unverified(package=package, reason=told.stderr.strip().splitlines()[-1])
    reply = json.loads(told.stdout)
    theirs = np.array(reply["answers"])
    ours = CLOSED_FORMS[package](points, alpha)
    difference = np.abs(ours - theirs) / np.maximum(np.abs(theirs), np.finfo(float).tiny)
    return Verified(
        package=package,
        version=reply["version"],
        points=len(points),
        largest_difference=float(difference.max()),
    )
