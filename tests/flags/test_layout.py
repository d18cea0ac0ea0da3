"""Properties of the layout: for every plan and every pair of splits that it takes."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from engine.core.target import Weights
from engine.errors import UsageError
from engine.flags.layout import Slot, slots
from engine.flags.plan import FlagPlan

NAMES = ("a", "b", "d", "e")


def plan_of(count: int, split_pct: tuple[int, ...] = ()) -> FlagPlan:
    return FlagPlan(experiment="x", control="c", treatments=NAMES[:count], salt="x", split_pct=split_pct)


@some.composite
def whole_pct(draw: some.DrawFn, count: int, least: int = 0) -> tuple[int, ...]:
    """So many percents, and what is left of 100 before them."""
    cuts = sorted(
        draw(some.lists(some.integers(0, 100 - least * (count + 1)), min_size=count, max_size=count))
    )
    sizes = [high - low for low, high in zip([0, *cuts], [*cuts, 100 - least * (count + 1)], strict=True)]
    return tuple(size + least for size in sizes)


@some.composite
def plans(draw: some.DrawFn) -> FlagPlan:
    count = draw(some.integers(1, 4))
    return plan_of(count, draw(some.one_of(some.just(()), whole_pct(count, least=1))))


@some.composite
def planned_weights(draw: some.DrawFn, times: int) -> tuple[FlagPlan, list[Weights]]:
    plan = draw(plans())
    every = [Weights.of(*draw(whole_pct(len(plan.treatments)))[1:]) for _ in range(times)]
    return plan, every


def laid_out(plan: FlagPlan, weights: Weights) -> tuple[Slot, ...]:
    try:
        return slots(plan, weights)
    except UsageError:
        assume(False)
        raise


def heights(slot: Slot, variant: str | None) -> list[tuple[Fraction, Fraction]]:
    """Where in a slot a variant is."""
    found, bottom = [], Fraction(0)
    for each in slot:
        if each.variant == variant:
            found.append((bottom, bottom + each.share))
        bottom += each.share
    return found


def are_within(inner: list[tuple[Fraction, Fraction]], outer: list[tuple[Fraction, Fraction]]) -> bool:
    return all(any(low <= a and b <= high for low, high in outer) for a, b in inner)


@given(planned_weights(times=1))
def test_every_treatment_has_exactly_its_weight(case: tuple[FlagPlan, list[Weights]]) -> None:
    plan, [weights] = case
    total = Fraction(sum(plan.parts))
    for index, name in enumerate(plan.treatments):
        share = sum(
            (
                part / total * each.share
                for part, slot in zip(plan.parts, laid_out(plan, weights), strict=True)
                for each in slot
                if each.variant == name
            ),
            Fraction(0),
        )
        assert share == Fraction(weights.share(index), 100)


@given(planned_weights(times=2))
def test_more_weight_takes_nobody_out_of_a_treatment(case: tuple[FlagPlan, list[Weights]]) -> None:
    plan, [one, other] = case
    before, after = laid_out(plan, one), laid_out(plan, other)
    for index, name in enumerate(plan.treatments):
        small, large = sorted((before, after), key=lambda each: each is after)
        if one.share(index) > other.share(index):
            small, large = large, small
        for inner, outer in zip(small, large, strict=True):
            assert are_within(heights(inner, name), heights(outer, name))


@given(planned_weights(times=1), some.integers(0, 100))
def test_a_ramp_exposes_more_and_more_units(case: tuple[FlagPlan, list[Weights]], part_pct: int) -> None:
    plan, [weights] = case
    less = Weights.of(*(share * part_pct // 100 for share in weights.treatments))
    before, after = laid_out(plan, less), laid_out(plan, weights)
    for inner, outer in zip(before, after, strict=True):
        assert are_within(_merged(heights(outer, None)), _merged(heights(inner, None)))


def _merged(found: list[tuple[Fraction, Fraction]]) -> list[tuple[Fraction, Fraction]]:
    merged: list[tuple[Fraction, Fraction]] = []
    for low, high in sorted(found):
        if merged and merged[-1][1] == low:
            merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return merged


@given(some.sampled_from([(50, 50), (20, 80), (40, 30, 30), (30, 30, 20, 20)]), some.integers(1, 10))
def test_exposed_units_divide_as_planned_at_every_step(split_pct: tuple[int, ...], step: int) -> None:
    plan = plan_of(len(split_pct) - 1, split_pct)
    shares = [Fraction(share * step, 10) for share in split_pct]
    exposed = [
        Fraction(part, 100) * sum(each.share for each in slot if each.variant)
        for part, slot in zip(plan.split_pct, slots(plan, Weights.of(*map(int, shares[1:]))), strict=True)
    ]
    assert exposed == [Fraction(share, 100) for share in shares]


@given(plans())
def test_taking_away_is_always_possible(plan: FlagPlan) -> None:
    assert {each.variant for slot in slots(plan, Weights.of(0)) for each in slot} == {None}
    for index, name in enumerate(plan.treatments):
        everybody = slots(plan, Weights.all_to(index))
        assert {each.variant for slot in everybody for each in slot} == {name}


@given(planned_weights(times=1), some.data())
def test_what_is_less_than_a_possible_split_is_possible(
    case: tuple[FlagPlan, list[Weights]], data: some.DataObject
) -> None:
    plan, [weights] = case
    laid_out(plan, weights)
    less = [data.draw(some.integers(0, share)) for share in weights.treatments]
    assert slots(plan, Weights.of(*less))


@given(some.integers(0, 100), some.integers(0, 100))
def test_two_treatments_take_every_split(first_pct: int, second_pct: int) -> None:
    assume(first_pct + second_pct <= 100)
    for split_pct in ((), (34, 33, 33), (1, 98, 1)):
        assert slots(plan_of(2, split_pct), Weights.of(first_pct, second_pct))


def test_a_split_that_would_move_somebody_is_refused() -> None:
    with pytest.raises(UsageError, match=r"60/40.* give the experiment's target .* as `split_pct`"):
        slots(plan_of(3), Weights.of(60, 40))
    assert slots(plan_of(3, (1, 59, 39, 1)), Weights.of(60, 39))


def test_weights_for_more_treatments_than_there_are_are_refused() -> None:
    with pytest.raises(UsageError, match="more treatments than a"):
        slots(plan_of(1), Weights.of(10, 10))
