"""Evidence stored in its first form: what it said stays said, and the run goes on.

`tests/data/evidence-v1.json` was written once by the engine that stored that form: per case the evidence
after a few of the windows below, and what the verdict was. It stays as it is.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analysis import evaluate
from analysis.evaluate import Evidence
from analysis.stats import legacy
from engine.core.measure import Observation
from engine.core.model import Experiment, Role
from engine.core.plan import Stage
from engine.core.verdict import ArmSummary, Finding, VerdictKind
from engine.errors import CorruptRecord
from tests.analysis import test_arms as several
from tests.analysis import test_stages as blue_green
from tests.analysis.evaluating import ALL, BAD, FAST, HEALTHY, LATENCY, ONE, trials, window
from tests.builders import an_experiment

STORED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "evidence-v1.json").read_text())
OBJECTIVE = replace(ONE, metrics=(replace(ONE.metrics[0], role=Role.OBJECTIVE),))
SLOW = replace(LATENCY, name="slow@settle", measure="slow", stage=Stage.SETTLE)
SETTLING = an_experiment(metrics=(*blue_green.METRICS[:3], SLOW), plan=blue_green.BLUE_GREEN.plan)
SETTLED = replace(
    blue_green.SETTLED, new_start=True, readings={**blue_green.SETTLED.readings, "slow@settle": FAST}
)
CASES: dict[str, tuple[Experiment, Sequence[Observation]]] = {
    "healthy": (OBJECTIVE, [window(9, errors=HEALTHY)]),
    "harmful": (OBJECTIVE, [window(9, errors=HEALTHY)]),
    "three kinds": (
        ALL,
        [window(9, new_start=True, errors=trials(6, 100, 20, 900), latency=FAST, share=HEALTHY)],
    ),
    "settling": (SETTLING, [SETTLED]),
    "two treatments": (several.PAIR, [several.at(buys=(several.MORE, several.FEWER))]),
}


def stored(case: str) -> tuple[Experiment, Evidence, dict[str, Any]]:
    experiment, _ = CASES[case]
    return experiment, Evidence.from_plain(experiment, STORED[case]["evidence"]), STORED[case]["verdict"]


def totals(arm: ArmSummary) -> list[float]:
    return [arm.bad, arm.total, arm.step_bad, arm.step_total]


def assert_says_as_before(found: Finding, said: dict[str, Any]) -> None:
    assert found.verdict == said["verdict"]
    assert totals(found.control) == said["control"]
    assert totals(found.treatment) == said["treatment"]
    assert found.log_e_harm_max == said["log_e_harm_max"]
    assert found.log_e_promote == pytest.approx(said["log_e_promote"])
    assert found.log_e_better == pytest.approx(said["log_e_better"])
    assert [found.effect.estimate, found.effect.low, found.effect.high] == pytest.approx(said["effect"])
    assert found.difference == pytest.approx(said["difference"])


@pytest.mark.parametrize("case", CASES)
def test_what_the_run_had_found_is_still_found(case: str) -> None:
    experiment, evidence, said = stored(case)
    assert legacy.is_legacy(STORED[case]["evidence"])
    verdict = evaluate.verdict(experiment, evidence)
    assert (verdict.kind, verdict.culprit) == (said["kind"], said["culprit"])
    assert (verdict.harm_latched, verdict.log_e_harm) == (said["harm_latched"], said["log_e_harm"])
    assert [[arm.kind, arm.harm_latched] for arm in verdict.arms] == said["arms"]
    for found in verdict.findings:
        assert_says_as_before(found, said["findings"][found.metric])


@pytest.mark.parametrize("case", CASES)
def test_the_run_goes_on_and_is_stored_in_the_present_form(case: str) -> None:
    experiment, evidence, _ = stored(case)
    more = CASES[case][1]
    gone_on = evaluate.update(experiment, evidence, more)
    counted = {state.name: state.windows for state in evidence.metrics}
    assert any(state.windows == counted[state.name] + 1 for state in gone_on.metrics)
    plain = json.loads(json.dumps(gone_on.to_plain()))
    assert not legacy.is_legacy(plain)
    again = Evidence.from_plain(experiment, plain)
    assert evaluate.update(experiment, again, more).to_plain() == (
        evaluate.update(experiment, gone_on, more).to_plain()
    )


@pytest.mark.parametrize("case", ["harmful", "two treatments"])
def test_harm_that_latched_stays_latched(case: str) -> None:
    experiment, evidence, said = stored(case)
    later = evaluate.verdict(experiment, evaluate.update(experiment, evidence, [*CASES[case][1]] * 20))
    assert [arm.harm_latched for arm in later.arms] == [latched for _, latched in said["arms"]]
    assert True in [arm.harm_latched for arm in later.arms]


def test_a_run_that_goes_on_collects_evidence_of_harm_anew() -> None:
    experiment, evidence, _ = stored("healthy")
    assert evaluate.verdict(experiment, evidence).kind is VerdictKind.NOT_WORSE
    later = evaluate.verdict(experiment, evaluate.update(experiment, evidence, [window(9, errors=BAD)]))
    assert later.kind is VerdictKind.HARMFUL


@pytest.mark.parametrize("case", ["healthy", "harmful"])
def test_evidence_of_a_time_without_arms_and_objectives_goes_on(case: str) -> None:
    plain = json.loads(json.dumps(STORED[case]["evidence"]))
    for new in ("stage", "weights", "arms", "splits"):
        del plain[new]
    del plain["metrics"][0]["better"]
    old = Evidence.from_plain(OBJECTIVE, plain)
    said, now = STORED[case]["verdict"], evaluate.verdict(OBJECTIVE, old)
    assert now.arms[0].harm_latched is said["harm_latched"]
    assert (now.kind, now.culprit, now.log_e_harm) == (said["kind"], said["culprit"], said["log_e_harm"])
    assert now.findings[0].log_e_better == pytest.approx(0.0, abs=1e-12)
    gone_on = evaluate.verdict(OBJECTIVE, evaluate.update(OBJECTIVE, old, [window(9, errors=BAD)]))
    assert gone_on.findings[0].log_e_better != now.findings[0].log_e_better


def test_stored_evidence_with_a_part_missing_is_a_corrupt_record() -> None:
    for part in ("tally", "harm", "promotion", "ratios"):
        plain = json.loads(json.dumps(STORED["three kinds"]["evidence"]))
        del plain["metrics"][0][part]
        with pytest.raises(CorruptRecord, match="cannot be read"):
            Evidence.from_plain(ALL, plain)
