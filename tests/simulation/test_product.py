"""Product experiments in which nothing differs: how often a look claims something all the same.

2,000 experiments of 3,000 units each, over a week: three variants, ten metrics (conversion, count, winsorised
revenue with a heavy tail, ratio, retention, and three adjusted by the time before), a look at every hour
while units come and go on buying. Evidence is computed for all 336,000 looks at once; wherever it comes near
to a claim, or to an alarm, the real analysis is asked. That the two agree is tested on looks taken at random.

All of that twice: with the same share for every variant, and with 70, 10 and 20 %, where treatments have met
few of their largest numbers. With an effect of interest of 30 % the bounds are tuned to what so many units
can show: they have every chance to be crossed. Each assertion states its standard errors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import log, sqrt
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from analysis.product.analyse import analyse
from analysis.product.anytime import precision_of
from analysis.product.result import Analysis, FaultKind, Outcome, Standing
from analysis.product.split import log_e as split_log_e
from analysis.stats.split import LOG_ALARM
from engine.core.model import Bound, Role
from engine.core.product import (
    Aggregate,
    Correction,
    Measure,
    ProductMetric,
    ProductPlan,
    Share,
    Tables,
)
from tests.analysis.product.counting import counted
from tests.simulation.evidence import most_of_split, of_all_looks, of_earlier
from tests.simulation.shoppers import CAP, HOURS, VARIANTS, Week, week

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EXPERIMENTS, UNITS, AT_ONCE = 2_000, 3_000, 50
ALPHA, MDE = 0.05, 0.3
START_S = 1_777_852_800.0
NEAR = 0.1
"""Looks whose evidence is so near below a limit are asked about too: the real analysis adjusts without any
variant of too few units, so that in the first hours its evidence differs by some hundredths."""
BUY = Measure(event="purchase")
MONEY = Measure(event="purchase", value="amount")
VISIT = Measure(event="visit")


def a_metric(name: str, aggregate: Aggregate, measure: Measure, role: Role, **more: Any) -> ProductMetric:
    return ProductMetric(
        name=name, aggregate=aggregate, measure=measure, role=role, margin=Bound(relative=0.3), **more
    )


def metrics(role: Callable[[int], Role]) -> tuple[ProductMetric, ...]:
    two_weeks_s = 14 * 86_400.0
    rows: list[tuple[str, Aggregate, Measure, dict[str, Any]]] = [
        ("bought", Aggregate.CONVERSION, BUY, {}),
        ("revenue", Aggregate.SUM, MONEY, {"cap": CAP}),
        ("orders_adjusted", Aggregate.COUNT, BUY, {"before_s": two_weeks_s}),
        ("revenue_per_visit", Aggregate.RATIO, MONEY, {"per": VISIT, "cap": CAP}),
        ("orders", Aggregate.COUNT, BUY, {}),
        ("revenue_adjusted", Aggregate.SUM, MONEY, {"cap": CAP, "before_s": two_weeks_s}),
        ("returned", Aggregate.CONVERSION, VISIT, {"from_s": 86_400.0}),
        ("orders_per_visit", Aggregate.RATIO, BUY, {"per": VISIT, "before_s": two_weeks_s}),
        ("subscribed", Aggregate.CONVERSION, Measure(event="subscription"), {}),
        ("minutes", Aggregate.SUM, Measure(event="visit", value="minutes"), {}),
    ]
    return tuple(a_metric(*row[:3], role(at), **row[3]) for at, row in enumerate(rows))


def a_plan(
    shares: Sequence[float], role: Callable[[int], Role], correction: Correction = Correction.HOLM
) -> ProductPlan:
    return ProductPlan(
        name="shop",
        question="Does nothing happen?",
        shares=tuple(Share(variant=name, share=share) for name, share in zip(VARIANTS, shares, strict=True)),
        tables=Tables(warehouse="", columns={}),
        metrics=metrics(role),
        correction=correction,
        alpha=ALPHA,
        mde=MDE,
        starts_s=START_S,
        ends_s=START_S + HOURS * 3600.0,
    )


def four_and_four(at: int) -> Role:
    return (Role.OBJECTIVE, Role.GUARDRAIL, Role.QUALITY)[at // 4]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The same units under three plans, at most 20 questions each."""

    shares: Sequence[float]
    objectives: ProductPlan
    by_share_of_false: ProductPlan
    mixed: ProductPlan


def asked(shares: Sequence[float]) -> Asked:
    return Asked(
        shares=shares,
        objectives=a_plan(shares, lambda at: Role.OBJECTIVE),
        by_share_of_false=a_plan(shares, lambda at: Role.OBJECTIVE, Correction.E_BH),
        mixed=a_plan(shares, four_and_four),
    )


EVEN, LOPSIDED = asked([1 / 3, 1 / 3, 1 / 3]), asked([0.7, 0.1, 0.2])
PRECISION = precision_of(ALPHA, EVEN.objectives.power, MDE)


@dataclass
class Happened:
    """In how many experiments something was said at one look at least, all of it false."""

    holm: int = 0
    e_bh: int = 0
    objectives: int = 0
    guardrails: int = 0
    shipped: int = 0
    splits: int = 0
    biased: int = 0
    peeked: int = 0
    evidence: list[tuple[float, float]] = field(default_factory=list)
    """Of looks taken at random: from the real analysis, and from the fast way."""


def look(plan: ProductPlan, simulated: Week, experiment: int, hour: int) -> Analysis:
    at_s = START_S + (hour + 1) * 3600.0
    found = counted(exposures=UNITS, events=UNITS, first_s=START_S, last_s=at_s)
    return analyse(plan, simulated.totals(experiment, hour, found), at_s)


def claims(said: Analysis, role: Role = Role.OBJECTIVE) -> bool:
    """A guardrail that is not worse is true here."""
    deciding = (each for each in said.effects if said.plan.metric(each.metric).role is role)
    return any(each.claimed and each.standing is not Standing.NOT_WORSE for each in deciding)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Evidence of all looks of some experiments: log e-values and z per metric, (experiments, 2, hours)."""

    simulated: Week
    log_e: dict[str, Floats]
    z: dict[str, Floats]

    def largest(self, names: Sequence[str]) -> Floats:
        """The strongest evidence of any of these metrics and any treatment, (experiments, hours)."""
        strongest: Floats = np.max([self.log_e[name].max(axis=1) for name in names], axis=0)
        return strongest

    def together(self) -> Floats:
        """Log of the sum of all e-values."""
        total: Floats = np.logaddexp.reduce(np.concatenate(list(self.log_e.values()), axis=1), axis=1)
        return total

    def ever(self, plan: ProductPlan, near: Bools, said: Callable[[Analysis], bool]) -> int:
        """In how many experiments the real analysis says it, at one of the looks that come near to it."""
        return sum(
            any(said(look(plan, self.simulated, at, int(hour))) for hour in np.flatnonzero(near[at]))
            for at in range(len(near))
        )


def seen(simulated: Week) -> Seen:
    found = {name: of_all_looks(simulated, name, PRECISION) for name in simulated.grown}
    return Seen(
        simulated=simulated,
        log_e={name: log_e for name, (log_e, _) in found.items()},
        z={name: z for name, (_, z) in found.items()},
    )


def add(happened: Happened, plans: Asked, each: Seen) -> None:
    """What is said in these experiments. Without evidence of so much, no correction lets a claim pass."""
    every, mixed = plans.objectives, plans.mixed
    names = [metric.name for metric in every.metrics]
    objectives, guardrails = (each.largest(mine) >= log(8 / ALPHA) - NEAR for mine in (names[:4], names[4:8]))
    of_twenty = each.largest(names) >= log(20 / ALPHA) - NEAR
    on_average = each.together() >= log(20 / ALPHA) - NEAR
    before = of_earlier(each.simulated, PRECISION) >= LOG_ALARM - NEAR
    happened.holm += each.ever(every, of_twenty, claims)
    happened.e_bh += each.ever(plans.by_share_of_false, on_average, claims)
    happened.objectives += each.ever(mixed, objectives, claims)
    happened.guardrails += each.ever(mixed, guardrails, lambda said: claims(said, Role.GUARDRAIL))
    happened.shipped += each.ever(mixed, objectives, lambda said: said.answer.outcome is Outcome.SHIP)
    happened.splits += alarms(each.simulated.units, plans.shares)
    happened.biased += each.ever(every, before, lambda said: FaultKind.BIASED_BEFORE in kinds(said))
    naive = float(norm.isf(ALPHA / 20 / 2))
    happened.peeked += int(np.any([np.abs(z) >= naive for z in each.z.values()], axis=(0, 2, 3)).sum())


def alarms(units: Floats, shares: Sequence[float]) -> int:
    """In how many experiments the split raises the alarm."""
    near = most_of_split(units, shares) >= LOG_ALARM - NEAR
    return sum(
        any(split_log_e(counts, shares) >= LOG_ALARM for counts in each[:, hours].T)
        for each, hours in zip(units, near, strict=True)
    )


def kinds(said: Analysis) -> set[FaultKind]:
    return {fault.kind for fault in said.faults}


@pytest.fixture(scope="module", params=[EVEN, LOPSIDED], ids=["even", "lopsided"])
def happened(request: pytest.FixtureRequest) -> Happened:
    plans, found = request.param, Happened()
    for seed in np.random.SeedSequence(2026).spawn(EXPERIMENTS // AT_ONCE):
        rng = np.random.default_rng(seed)
        each = seen(week(rng, AT_ONCE, UNITS, plans.shares))
        add(found, plans, each)
        found.evidence += taken_at_random(rng, plans.objectives, each)
    return found


def taken_at_random(rng: np.random.Generator, plan: ProductPlan, each: Seen) -> list[tuple[float, float]]:
    """Evidence of all effects of one look, from the third day on: real, and computed the fast way."""
    at, hour = int(rng.integers(AT_ONCE)), int(rng.integers(48, HOURS))
    said = look(plan, each.simulated, at, hour)
    return [
        (effect.evidence, float(each.log_e[effect.metric][at, VARIANTS.index(effect.variant) - 1, hour]))
        for effect in said.effects
        if effect.evidence is not None
    ]


def assert_at_most(count: int, limit: float) -> None:
    """At most the limit, with two standard errors of a rate that is exactly at it."""
    assert count / EXPERIMENTS <= limit + 2 * sqrt(limit * (1 - limit) / EXPERIMENTS)


def test_the_fast_way_is_the_real_one(happened: Happened) -> None:
    real, fast = np.array(happened.evidence).T
    assert len(real) > 400
    np.testing.assert_allclose(fast, real, atol=1e-9)


def test_twenty_questions_make_no_more_false_claims_than_declared(happened: Happened) -> None:
    assert_at_most(happened.holm, ALPHA)


def test_the_share_of_false_claims_is_as_declared(happened: Happened) -> None:
    """All claims are false here, so that it is the chance of any."""
    assert_at_most(happened.e_bh, ALPHA)


def test_objectives_and_guardrails_each_keep_their_rate(happened: Happened) -> None:
    assert_at_most(happened.objectives, ALPHA)
    assert_at_most(happened.guardrails, ALPHA)


def test_nothing_ships_more_often_than_one_in_forty(happened: Happened) -> None:
    """Half of the false claims would be of the wrong sign."""
    assert_at_most(happened.shipped, ALPHA / 2)


def test_a_sound_split_raises_the_alarm_in_one_of_a_hundred_at_most(happened: Happened) -> None:
    assert_at_most(happened.splits, 0.01)


def test_alike_variants_differ_before_in_one_of_a_hundred_at_most(happened: Happened) -> None:
    assert_at_most(happened.biased, 0.01)


def test_the_same_looks_deceive_a_test_that_is_made_for_one(happened: Happened) -> None:
    """So that the rates above say something: with p-values for one look, corrected just so, it is many."""
    assert happened.peeked / EXPERIMENTS > 4 * ALPHA
