"""What is said when the time that a product experiment takes is not there, and what to write instead."""

import re

import pytest

from analysis.product.planning import Baseline, plan_for
from engine import spec
from engine.product.fitting import days_to_an_answer, misfits

DAY_S, NOW_S = 86400.0, 1_767_225_600.0  # 2026-01-01
RELEASE = """\
apiVersion: rampwise.dev/v1alpha1
kind: ReleaseExperiment
metadata: {name: checkout}
spec:
  target:
    flag: {experiment: checkout, file: flags.json, control: old, treatments: [new], split_pct: [50, 50]}
  strategy: {ab: {weights: [50], hold: 1h, canary: {steps: [5, 20], hold: 1d}}}
  source: {prometheus: {url: "http://127.0.0.1:9"}}
  metrics:
    - {kind: proportion, name: errors, bad: bad_total, total: all_total}
  # horizon
"""
ALONE = """\
apiVersion: rampwise.dev/v1alpha1
kind: ReleaseExperiment
metadata: {name: checkout}
spec:
"""
PRODUCT = """\
  product:
    question: Do they buy?
    control: old
    variants: {old: 50, new: 50}
    data: .
    metrics:
      - {conversion: order, role: objective, name: ordered}
      - {conversion: help, role: guardrail, name: asked, direction: lower, margin: {relative: 50%}}
      - {conversion: view, name: viewed}
    # times
"""
KNOWN = {name: Baseline.of_rate(rate) for name, rate in (("ordered", 0.12), ("asked", 0.3))}


def said(text: str, per_day: float, times: str = "", horizon: str = "") -> list[str]:
    full = (text + PRODUCT).replace("# times", times).replace("# horizon", horizon)
    document = spec.parse_any(full, "experiment.yaml")
    plan = spec.product_plan(document)
    assert plan is not None
    return list(misfits(document, plan, plan_for(plan, per_day, KNOWN), NOW_S))


def takes_d(per_day: float) -> float:
    plan = spec.product_plan(spec.parse_any(ALONE + PRODUCT, "experiment.yaml"))
    assert plan is not None
    found = days_to_an_answer(plan, plan_for(plan, per_day, KNOWN))
    assert found is not None
    return found


def test_nothing_is_said_of_an_experiment_that_fits() -> None:
    assert said(ALONE, 10_000, "ends: 2026-12-01T00:00:00Z") == []
    assert said(RELEASE, 100_000, horizon="horizon: 60d") == []


def test_an_experiment_without_an_end_has_time() -> None:
    assert said(ALONE, 10) == []


def test_a_planned_end_before_an_answer_is_told_with_one_that_fits() -> None:
    [text] = said(ALONE, 10_000, "starts: 2026-01-01T00:00:00Z\n    ends: 2026-01-15T00:00:00Z")
    assert f"An answer takes {takes_d(10_000):,.1f} days, and `ends` is 14.0 days after `starts`" in text
    written = re.search(r"write `ends: (\S+)`", text)
    assert written
    assert said(ALONE, 10_000, f"starts: 2026-01-01T00:00:00Z\n    ends: {written[1]}") == []


def test_an_experiment_that_does_not_say_when_it_starts_would_start_now() -> None:
    [text] = said(ALONE, 10_000, "ends: 2026-01-15T00:00:00Z")
    assert "`ends` is 14.0 days after now" in text


def test_a_horizon_before_an_answer_is_told_with_one_that_fits() -> None:
    [text] = said(RELEASE, 10_000)
    assert f"An answer takes {takes_d(10_000):,.1f} days, and the run's horizon is 14d" in text
    assert "then all users get control (`on_undecided: rollback`)" in text
    written = re.search(r"write `(horizon: \d+d)` beside `strategy`", text)
    assert written
    assert said(RELEASE, 10_000, horizon=written[1]) == []


def test_no_horizon_is_named_that_a_document_cannot_have() -> None:
    [text] = said(RELEASE, 100)
    assert "write" not in text
    assert text.endswith(": look for a larger effect (`mde`).")


def test_a_run_that_waits_for_a_person_at_its_horizon_is_told_so() -> None:
    [text] = said(RELEASE, 10_000, horizon="on_undecided: hold")
    assert "then it waits for a person (`on_undecided: hold`)" in text


def test_the_canary_s_days_come_out_of_the_horizon_too() -> None:
    wanted = takes_d(10_000)
    [text] = said(RELEASE, 10_000, horizon=f"horizon: {int(wanted) + 2}d")
    assert f"write `horizon: {int(wanted) + 3}d`" in text, "two steps of a day each"


def test_a_planned_end_after_the_horizon_is_told() -> None:
    [text] = said(RELEASE, 1_000_000, "starts: 2026-01-01T00:00:00Z\n    ends: 2026-01-29T00:00:00Z")
    assert "The experiment is planned for 28.0 days, and the run's horizon is 14d" in text
    assert "write `horizon: 30d`" in text


def test_the_release_s_own_canary_is_no_test_that_has_to_wait() -> None:
    canary = re.sub(r"strategy: .*", "strategy: canary", RELEASE)
    assert said(canary, 1_000) == []


@pytest.mark.parametrize("known", [(), ("viewed",)])
def test_how_long_is_unknown_without_what_decides(known: tuple[str, ...]) -> None:
    plan = spec.product_plan(spec.parse_any(ALONE + PRODUCT, "experiment.yaml"))
    assert plan is not None
    forecast = plan_for(plan, 1_000, {name: Baseline.of_rate(0.5) for name in known})
    assert days_to_an_answer(plan, forecast) is None
