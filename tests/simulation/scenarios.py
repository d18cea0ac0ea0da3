"""Seeded traffic for simulation: what it does when nothing is wrong with a release. Decides nothing.

A scenario draws, for many runs at once, how many trials both arms have in every window and how the level of a
metric moves: together for both arms, or for each arm on its own. `kinds` turns that into what a metric
counts; called directly, a scenario draws bad and all trials of a proportion.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rng = np.random.Generator

STORM = 3.0
"""Bad trials that come together on average in a retry storm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How much traffic a window has, and how bad it usually is."""

    runs: int = 400
    windows: int = 1000
    treatment: int = 100
    control: int = 900
    rate: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Trials and levels per run and window, each broadcastable to (runs, windows).

    Attributes:
        treatment, control: trials of each arm.
        shared: level of both arms, 1 on average. own_treatment, own_control: of each arm alone.
        storm: how many trials share one fate on average.
    """

    treatment: Floats
    control: Floats
    shared: Floats
    own_treatment: Floats
    own_control: Floats
    storm: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Counts per run and window, shape (runs, windows) each."""

    bad_treatment: Floats
    treatment: Floats
    bad_control: Floats
    control: Floats


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way for traffic to behave."""

    traffic: Callable[[Rng, Shape], Traffic]

    def __call__(self, rng: Rng, shape: Shape, ratio: Floats) -> Stream:
        """Trials of a proportion; `ratio` is how many times as bad the treatment is, per window or ever."""
        seen = self.traffic(rng, shape)
        size = (shape.runs, shape.windows)
        treatment, control = np.broadcast_to(seen.treatment, size), np.broadcast_to(seen.control, size)
        rates = shape.rate * seen.shared
        return Stream(
            bad_treatment=trials(rng, treatment, rates * ratio * seen.own_treatment, seen.storm),
            treatment=treatment,
            bad_control=trials(rng, control, rates * seen.own_control, seen.storm),
            control=control,
        )


def trials(rng: Rng, sizes: Floats, rates: Floats, storm: float = 1.0) -> Floats:
    """Bad ones among so many trials; in storms of geometric size if `storm` is above 1."""
    if storm > 1.0:
        return np.minimum(events(rng, sizes * rates, storm), sizes)
    whole, rates = np.broadcast_arrays(sizes.astype(np.int64), np.clip(rates, 0.0, 1.0))
    return rng.binomial(whole, rates).astype(np.float64)


def events(rng: Rng, expected: Floats, storm: float = 1.0) -> Floats:
    """Poisson counts; in storms of geometric size if `storm` is above 1."""
    started = rng.poisson(expected / storm)
    if storm == 1.0:
        return started.astype(np.float64)
    more = rng.negative_binomial(np.maximum(started, 1), 1.0 / storm)
    return np.where(started > 0, started + more, 0).astype(np.float64)


def _steady(shape: Shape, **changes: Floats | float) -> Traffic:
    one = np.ones((1, 1))
    settings = {
        "treatment": one * shape.treatment,
        "control": one * shape.control,
        "shared": one,
        "own_treatment": one,
        "own_control": one,
        **changes,
    }
    return Traffic(**settings)  # type: ignore[arg-type]


def _autoregression(rng: Rng, shape: Shape, phi: float, sd: float) -> Floats:
    """Stationary and of first order, shape (runs, windows)."""
    noise: Floats = rng.normal(size=(shape.windows, shape.runs)) * sd * np.sqrt(1.0 - phi**2)
    noise[0] = rng.normal(size=shape.runs) * sd
    for index in range(1, shape.windows):
        noise[index] += phi * noise[index - 1]
    return noise.T


def _iid(rng: Rng, shape: Shape) -> Traffic:
    """Independent trials at a constant rate."""
    return _steady(shape)


def _shared_bursts(rng: Rng, shape: Shape) -> Traffic:
    """Both arms face the same bursts and the same trend."""
    level = _autoregression(rng, shape, 0.98, 0.7) + np.linspace(0.0, 1.0, shape.windows)
    return _steady(shape, shared=np.exp(level - level.mean(axis=1, keepdims=True)))


def _daily_cycle(rng: Rng, shape: Shape) -> Traffic:
    """Traffic and level go up and down together, twice over the run."""
    wave = np.sin(np.linspace(0.0, 4.0 * np.pi, shape.windows))[None]
    sizes = (np.rint(size * (1.0 + 0.6 * wave)) for size in (shape.treatment, shape.control))
    treatment, control = sizes
    return _steady(shape, treatment=treatment, control=control, shared=np.exp(0.5 * wave))


def _ramp(rng: Rng, shape: Shape) -> Traffic:
    """5, 10, 25, 50 % while the level drifts up for everyone."""
    total = shape.treatment + shape.control
    quarter = -(-shape.windows // 4)
    share = np.repeat([0.05, 0.10, 0.25, 0.50], quarter)[: shape.windows]
    treatment = np.rint(total * share)[None]
    shared = np.linspace(0.5, 2.0, shape.windows)[None]
    return _steady(shape, treatment=treatment, control=total - treatment, shared=shared)


def _growing(rng: Rng, shape: Shape) -> Traffic:
    """Hardly any traffic at first: from 1 % of the usual to all of it in a tenth of the run."""
    part = np.geomspace(0.01, 1.0, max(shape.windows // 10, 1))
    part = np.concatenate([part, np.ones(shape.windows - len(part))])[None]
    return _steady(shape, treatment=np.ceil(shape.treatment * part), control=np.ceil(shape.control * part))


def _few(rng: Rng, shape: Shape) -> Traffic:
    """A twentieth of the usual traffic."""
    return _steady(
        shape,
        treatment=np.full((1, 1), np.ceil(shape.treatment / 20)),
        control=np.full((1, 1), np.ceil(shape.control / 20)),
    )


def _retry_storms(rng: Rng, shape: Shape) -> Traffic:
    """Trials share their fate in storms of geometric size, three on average."""
    return _steady(shape, storm=STORM)


def over_dispersed(variation: float) -> Scenario:
    """Each arm's rate varies on its own from window to window, by this coefficient of variation."""

    def traffic(rng: Rng, shape: Shape) -> Traffic:
        k = 1.0 / variation**2
        wobble = rng.gamma(k, 1.0 / k, size=(2, shape.runs, shape.windows))
        return _steady(shape, own_treatment=wobble[0], own_control=wobble[1])

    return Scenario(traffic)


def correlated(phi: float, sd: float = 0.5) -> Scenario:
    """Each arm's log rate is a first-order autoregression of its own."""

    def traffic(rng: Rng, shape: Shape) -> Traffic:
        levels = [np.exp(_autoregression(rng, shape, phi, sd) - sd**2 / 2) for _ in range(2)]
        return _steady(shape, own_treatment=levels[0], own_control=levels[1])

    return Scenario(traffic)


iid = Scenario(_iid)
shared_bursts = Scenario(_shared_bursts)
daily_cycle = Scenario(_daily_cycle)
ramp = Scenario(_ramp)
retry_storms = Scenario(_retry_storms)

INDEPENDENT: Mapping[str, Scenario] = {
    "independent": iid,
    "shared bursts and trend": shared_bursts,
    "daily cycle": daily_cycle,
    "ramp with shared drift": ramp,
    "few requests": Scenario(_few),
    "traffic that starts from nothing": Scenario(_growing),
}
"""By name; given the levels, trials are independent, so that a declared dispersion of 1 is true."""

SCENARIOS: Mapping[str, Scenario] = {
    **INDEPENDENT,
    "over-dispersed, cv 0.5": over_dispersed(0.5),
    "over-dispersed, cv 1.0": over_dispersed(1.0),
    "retry storms of 3": retry_storms,
    "correlated, AR(1) 0.8": correlated(0.8),
    "correlated, AR(1) 0.95": correlated(0.95),
}
"""By name; those of the survey, and some more."""
