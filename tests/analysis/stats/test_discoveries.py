"""Which values of a breakdown are worse: closed e-BH against its definition, and what it promises."""

from collections.abc import Iterable, Sequence
from itertools import chain, combinations
from math import exp, inf, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.stats import discoveries
from analysis.stats.discoveries import ALPHA, e_bh
from engine.core.verdict import Finding, VerdictKind
from tests.builders import a_finding

LOG_E = st.one_of(
    st.floats(min_value=-5.0, max_value=9.0),
    st.sampled_from([-inf, 0.0, log(20.0), log(40.0), 5_000.0]),
)


def subsets(of: Iterable[int]) -> list[tuple[int, ...]]:
    items = list(of)
    return list(chain.from_iterable(combinations(items, size) for size in range(len(items) + 1)))


def by_definition(log_es: Sequence[float], alpha: float) -> int:
    """The most hypotheses that may be rejected, looking at every set R against every set A."""
    e_values = [exp(min(log_e, 600.0)) for log_e in log_es]
    every = subsets(range(len(e_values)))
    return max(
        len(chosen)
        for chosen in every
        if all(
            sum(e_values[index] for index in nulls) / len(nulls)
            >= len(set(nulls) & set(chosen)) / (alpha * max(1, len(chosen))) * (1 - 1e-9)
            for nulls in every
            if nulls
        )
    )


def plain_e_bh(log_es: Sequence[float], alpha: float) -> int:
    ranked = sorted(log_es, reverse=True)
    return max((k for k, log_e in enumerate(ranked, 1) if log_e >= log(len(ranked) / (alpha * k))), default=0)


@given(log_es=st.lists(LOG_E, max_size=5), alpha=st.sampled_from([0.01, 0.05, 0.2]))
def test_as_many_are_named_as_the_definition_allows(log_es: list[float], alpha: float) -> None:
    nudged = [log_e + 1e-7 for log_e in log_es]
    assert sum(e_bh(nudged, alpha)) == by_definition(nudged, alpha)


@given(log_es=st.lists(LOG_E, max_size=20))
def test_everything_that_e_bh_names_is_named(log_es: list[float]) -> None:
    nudged = [log_e + 1e-7 for log_e in log_es]
    assert sum(e_bh(nudged, ALPHA)) >= plain_e_bh(log_es, ALPHA)


@given(log_es=st.lists(LOG_E, max_size=20))
def test_those_with_the_most_evidence_are_named(log_es: list[float]) -> None:
    named = e_bh(log_es, ALPHA)
    rejected = [log_e for log_e, is_named in zip(log_es, named, strict=True) if is_named]
    kept = [log_e for log_e, is_named in zip(log_es, named, strict=True) if not is_named]
    assert min(rejected, default=inf) >= max(kept, default=-inf)
    assert min(rejected, default=inf) >= log(1 / (ALPHA * max(1, len(rejected)))) - 1e-9


def test_more_is_named_than_by_plain_e_bh() -> None:
    """Plain e-BH asks 40 of one in two; their mean has to be 20."""
    log_es = [log(39.5), log(1.0)]
    assert (plain_e_bh(log_es, ALPHA), sum(e_bh(log_es, ALPHA))) == (0, 1)


def test_one_hypothesis_alone_needs_one_over_alpha() -> None:
    assert e_bh([log(20.01)], 0.05) == (True,)
    assert e_bh([log(19.99)], 0.05) == (False,)
    assert e_bh([], 0.05) == ()


def test_evidence_without_bounds_does_not_overflow() -> None:
    assert e_bh([1e6, 800.0, -inf], 0.05) == (True, True, False)


@pytest.mark.parametrize("values", [2, 5, 20])
def test_of_harmless_values_one_is_named_as_often_as_promised_at_worst(values: int) -> None:
    """The worst e-values: one of them at a time is values / alpha, each with probability alpha / values."""
    worst = log(values / ALPHA)
    for which in range(values):
        alone = [-inf] * values
        alone[which] = worst + 1e-9
        assert e_bh(alone, ALPHA) == tuple(index == which for index in range(values))
        alone[which] = worst - 1e-9
        assert not any(e_bh(alone, ALPHA))


@pytest.mark.parametrize("shared", [0.0, 0.9], ids=["independent", "dependent"])
def test_few_of_the_named_are_wrong_whenever_one_looks(shared: float) -> None:
    """Normal e-processes with a common part, read when most are named: the worst moment to look."""
    rng = np.random.default_rng(20_250_411)
    runs, values, looks, harmed = 500, 8, 60, 2
    means = np.where(np.arange(values) < harmed, 0.35, 0.0)
    common = rng.normal(size=(runs, looks, 1))
    own = rng.normal(size=(runs, looks, values))
    paths = np.cumsum(sqrt(shared) * common + sqrt(1 - shared) * own + means, axis=1)
    bet = 0.5
    log_es = bet * paths - bet**2 / 2 * np.arange(1, looks + 1)[None, :, None]
    wrong = []
    for run in range(runs):
        # Stops at the first look at which anything is named, which is a stopping time; else at the last.
        named = next((n for look in range(looks) if any(n := e_bh(log_es[run, look].tolist(), ALPHA))), ())
        wrong.append(sum(named[harmed:]) / max(1, sum(named)))
    error = float(np.std(wrong)) / sqrt(runs)
    assert float(np.mean(wrong)) <= ALPHA + 2 * error
    assert float(np.mean(wrong)) > 0.0


def part(name: str, log_e: float, **changes: object) -> Finding:
    return a_finding(**{"metric": name, "family": "errors", "weight": 0.0, "log_e_harm": log_e, **changes})


def discovered(*findings: Finding) -> list[str]:
    return [each.metric for each in discoveries.marked(findings) if each.discovered]


def test_each_family_is_judged_on_its_own() -> None:
    weak = [part(f"b{i}", 0.0) for i in range(19)]
    own = [part("a", log(30.0), family="other"), part("c", log(30.0))]
    assert discovered(*weak, own[1]) == []
    assert discovered(*weak, *own) == ["a"]


def test_what_is_named_is_harmful_and_all_else_stays_as_it_is() -> None:
    before = (a_finding(log_e_harm=9.0), part("a", 9.0), part("b", 1.0))
    after = discoveries.marked(before)
    assert after[0] is before[0]
    assert after[2] is before[2]
    assert (after[1].discovered, after[1].verdict) == (True, VerdictKind.HARMFUL)


def test_a_part_whose_assumptions_fail_is_not_named_and_helps_nobody() -> None:
    broken = part("a", 50.0, distrust="windows stay alike for too long")
    assert discovered(broken, part("b", log(39.0))) == []
    assert discovered(part("a", 50.0), part("b", log(39.0))) == ["a", "b"]
