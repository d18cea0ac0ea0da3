"""Who gets what, by really evaluating: the same everywhere, as ramps promise, in the shares asked for."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import sqrt
from pathlib import Path

import cbor2
import mmh3
import pytest
from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider as InstalledProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import Reason
from openfeature.provider import AbstractProvider

from engine.adapters.flags.evaluator import Evaluator
from engine.adapters.gates.flag_file import FlagdProvider, file_provider
from engine.core.target import ALL_TO_CONTROL, Weights
from engine.flags.document import document, flags, last_flags
from engine.flags.layout import slots
from engine.flags.plan import FlagPlan, Part

UNITS = [f"user-{number}" for number in range(2000)]
FEW = FlagPlan(
    experiment="x", control="c", treatments=("a",), salt="s", testers={"a": ("ada",), "c": ("bob",)}
)
THREE = FlagPlan(
    experiment="x", control="c", treatments=("a", "b", "d"), salt="s", split_pct=(40, 30, 20, 10)
)
RAMPS = {
    "canary": (FEW, [Weights.of(pct) for pct in (1, 5, 20, 50, 99, 100)]),
    "split": (
        FlagPlan(experiment="x", control="c", treatments=("a",), salt="s", split_pct=(50, 50)),
        [Weights.of(pct) for pct in (1, 5, 20, 50, 75, 100)],
    ),
    "three": (THREE, [Weights.of(3 * step, 2 * step, step) for step in (1, 2, 5, 8, 10)]),
    "uneven": (THREE, [Weights.of(1), Weights.of(1, 20), Weights.of(30, 20), Weights.of(45, 20, 5)]),
}


def answers(plan: FlagPlan, weights: Weights, part: Part = Part.VARIANT) -> dict[str, str]:
    evaluator = Evaluator(flags(plan, weights))
    return {unit: evaluator.string(plan.key(part), unit).value for unit in UNITS}


def exposed(plan: FlagPlan, weights: Weights) -> set[str]:
    """The units whose answer is recorded."""
    evaluator = Evaluator(flags(plan, weights))
    key = plan.key(Part.VARIANT)
    return {unit for unit in UNITS if evaluator.string(key, unit).reason is not Reason.DEFAULT}


@pytest.mark.parametrize("name", RAMPS)
def test_a_ramp_never_takes_anybody_out_of_a_treatment_or_out_of_exposure(name: str) -> None:
    plan, ramp = RAMPS[name]
    treated: dict[str, str] = {}
    reached: set[str] = set()
    for weights in ramp:
        evaluator = Evaluator(flags(plan, weights))
        told = {unit: evaluator.string(plan.key(Part.VARIANT), unit) for unit in UNITS}
        assert {unit: told[unit].value for unit in treated} == treated
        recorded = {unit for unit, each in told.items() if each.reason is not Reason.DEFAULT}
        assert weights.control == 0 or reached <= recorded
        treated = {unit: each.value for unit, each in told.items() if each.value != plan.control}
        reached = recorded
        assert treated


@pytest.mark.parametrize("name", RAMPS)
def test_arms_never_change_on_a_ramp(name: str) -> None:
    plan, ramp = RAMPS[name]
    first, *others = (answers(plan, weights, Part.ARM) for weights in ramp)
    assert all(each == first for each in others)


def test_a_dropped_treatment_moves_nobody_else() -> None:
    before, after = answers(THREE, Weights.of(30, 20, 10)), answers(THREE, Weights.of(0, 20, 10))
    assert {unit for unit in UNITS if before[unit] != after[unit]} == {
        unit for unit in UNITS if before[unit] == "a"
    }


def test_exposed_units_are_those_of_the_exposure_flag() -> None:
    weights = Weights.of(6, 4, 2)
    evaluator = Evaluator(flags(THREE, weights))
    ramped = {unit for unit in UNITS if evaluator.boolean(THREE.key(Part.EXPOSURE), unit).value}
    assert ramped == exposed(THREE, weights)
    assert evaluator.boolean(THREE.key(Part.EXPOSURE), next(iter(ramped))).variant == str(weights)


@pytest.mark.parametrize("weights", [Weights.of(0), Weights.of(1), Weights.of(99)], ids=str)
def test_nobody_without_a_targeting_key_is_exposed(weights: Weights) -> None:
    evaluator = Evaluator(flags(FEW, weights))
    for nobody in (None, ""):
        told = evaluator.string(FEW.key(Part.VARIANT), nobody)
        assert (told.value, told.reason) == ("c", Reason.DEFAULT)
        assert not evaluator.boolean(FEW.key(Part.EXPOSURE), nobody).value


def test_testers_have_their_variant_before_all_hashes() -> None:
    for weights in (Weights.of(0), Weights.of(1), Weights.of(99)):
        evaluator = Evaluator(flags(FEW, weights))
        assert [evaluator.string(FEW.key(Part.VARIANT), unit).value for unit in ("ada", "bob")] == ["a", "c"]


def test_before_and_after_an_experiment_nobody_is_exposed() -> None:
    assert exposed(FEW, ALL_TO_CONTROL) == exposed(FEW, Weights.of(100)) == set()
    released = Evaluator(flags(FEW, Weights.of(100)))
    assert released.string(FEW.key(Part.VARIANT), None).value == "a"


@pytest.mark.parametrize("winner", THREE.variants)
def test_after_the_end_everybody_has_the_winner_and_nobody_is_exposed(winner: str) -> None:
    tested = replace(THREE, testers={"a": ("ada",), "b": ("bob",)})
    left = Evaluator(last_flags(tested, winner))
    told = [left.string(tested.key(Part.VARIANT), unit) for unit in (*UNITS[:200], "ada", "bob", "", None)]
    assert {(each.value, each.reason) for each in told} == {(winner, Reason.DEFAULT)}


def test_answers_are_what_the_layout_says_by_flagds_published_hash() -> None:
    """Murmur3 over canonical CBOR, times the sum of the weights, shifted by 32 bits."""

    def height(text: str) -> float:
        return float(mmh3.hash(cbor2.dumps(text, canonical=True), signed=False)) / 2**32

    weights = Weights.of(45, 20, 5)
    laid_out = slots(THREE, weights)
    told = answers(THREE, weights)
    for unit in UNITS:
        arm = _at(height(f"s:arm:{unit}"), [part / 100 for part in THREE.parts])
        slot = laid_out[arm]
        got = slot[_at(height(f"s:exposure:{unit}"), [float(each.share) for each in slot])].variant
        assert told[unit] == (got or "c")


def _at(height: float, shares: list[float]) -> int:
    for index, _ in enumerate(shares):
        if height < sum(shares[: index + 1]):
            return index
    return len(shares) - 1


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Callable[[AbstractProvider], Callable[[str], str]]]:
    """Asks a provider through the OpenFeature client."""

    def ask(provider: AbstractProvider) -> Callable[[str], str]:
        domain = str(id(provider))
        api.set_provider_and_wait(provider, domain=domain)
        client = api.get_client(domain)
        key = THREE.key(Part.VARIANT)
        return lambda unit: client.get_string_value(key, "", EvaluationContext(targeting_key=unit))

    yield ask
    api.shutdown()


def test_all_evaluators_give_everybody_the_same_variant(
    asked: Callable[[AbstractProvider], Callable[[str], str]], tmp_path: Path
) -> None:
    weights = Weights.of(9, 6, 3)
    file = tmp_path / "flags.json"
    file.write_text(json.dumps(document(THREE, weights)))
    installed = asked(InstalledProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=str(file)))
    by_gate = asked(file_provider("x", {"path": str(file)}))
    in_memory = asked(FlagdProvider("memory", lambda: json.dumps(document(THREE, weights))))
    directly = answers(THREE, weights)
    assert set(directly.values()) == {"a", "b", "c", "d"}
    for unit in UNITS:
        assert installed(unit) == directly[unit], unit
    for unit in UNITS[:300]:
        assert by_gate(unit) == in_memory(unit) == directly[unit], unit


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_shares_of_a_million_units_are_within_their_sampling_error() -> None:
    """Five standard errors: a fair deal fails once in a million such checks."""
    many, weights = 1_000_000, Weights.of(45, 20, 5)
    evaluator = Evaluator(flags(THREE, weights))
    key = THREE.key(Part.VARIANT)
    counted = Counter(evaluator.string(key, f"user-{number}").value for number in range(many))
    for name, share_pct in zip(THREE.variants, (weights.control, *weights.treatments), strict=True):
        share = share_pct / 100
        assert abs(counted[name] / many - share) < 5 * sqrt(share * (1 - share) / many), name
