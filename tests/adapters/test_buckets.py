"""Buckets of users: exact, and nobody is moved without need."""

import re

from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.buckets import BUCKETS, allot, pattern


@st.composite
def shares(draw: st.DrawFn) -> tuple[int, ...]:
    """Whole percent of one to five treatments, at most 100 together."""
    cuts = sorted(draw(st.lists(st.integers(0, 100), min_size=1, max_size=5)))
    return tuple(high - low for low, high in zip([0, *cuts], cuts, strict=False))


@given(shares())
def test_every_bucket_is_in_one_variant_and_every_weight_is_exact(treatments_pct: tuple[int, ...]) -> None:
    control, *treatments = allot(treatments_pct)
    assert tuple(map(len, treatments)) == treatments_pct
    assert sorted([*control, *(bucket for own in treatments for bucket in own)]) == list(range(BUCKETS))


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_treatment_that_grows_keeps_its_users(one_pct: int, other_pct: int) -> None:
    small, large = (set(allot((share,))[1]) for share in sorted((one_pct, other_pct)))
    assert small <= large


@given(st.integers(1, 4), st.data())
def test_dropping_a_treatment_of_an_ab_test_moves_only_its_own_users(count: int, data: st.DataObject) -> None:
    largest = 100 // (count + 1)
    before = data.draw(st.lists(st.integers(0, largest), min_size=count, max_size=count))
    dropped = data.draw(st.integers(0, count - 1))
    after = [0 if index == dropped else share for index, share in enumerate(before)]
    was, now = allot(before)[1:], allot(after)[1:]
    assert now[dropped] == ()
    assert [own for i, own in enumerate(now) if i != dropped] == [
        own for i, own in enumerate(was) if i != dropped
    ]


@given(st.sets(st.integers(0, 99), min_size=1))
def test_a_pattern_takes_its_buckets_and_nothing_else(buckets: set[int]) -> None:
    written = [*map(str, range(100)), *(f"{bucket:02d}" for bucket in range(10))]
    others = ["", "100", "007", "-1", "1.0", "x", "1 ", "0x1"]
    matched = [text for text in (*written, *others) if re.search(pattern(buckets), text)]
    assert matched == [text for text in written if int(text) in buckets]
