"""The templates for analyses: what they ask is understood, and their limits let no bad version through."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine import spec
from engine.provider.answers import Said
from engine.provider.question import Analysis, Question, read_question
from engine.web import verdicts
from engine.wiring import prepare

FOLDER = Path(__file__).parents[2] / "manifests/examples/analysis"
KINDS = [kind.value for kind in Analysis]
POLLED = [kind for kind in KINDS if kind != Analysis.BACKGROUND]
ARGS = {
    "namespace": "shop",
    "rollout": "checkout",
    "stable": "6d5f9b7c8",
    "latest": "7c9d4f5b6",
    "step": "1",
    "attempt": "1",
    "prometheus": "http://prometheus.monitoring:9090",
    "preview-url": "http://checkout-preview.shop:80",
}


def template(kind: str) -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / f"{kind}.yaml").read_text(encoding="utf-8")))


def metric(kind: str) -> dict[str, Any]:
    [found] = template(kind)["spec"]["metrics"]
    return dict(found)


def question(kind: str) -> Question:
    """As the controller sends it: arguments are put into the text."""
    text = json.dumps(metric(kind)["provider"]["web"]["jsonBody"])
    for name, value in ARGS.items():
        text = text.replace(f"{{{{args.{name}}}}}", value)
    assert "{{" not in text
    return read_question(json.loads(text))


def holds(condition: str, result: object) -> bool:
    """The few forms of Argo's conditions that the templates use."""
    return any(result == part.removeprefix("result == ").strip("'") for part in condition.split(" || "))


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_asks_a_question_that_is_understood(kind: str) -> None:
    asked = question(kind)
    assert asked.analysis == kind
    assert prepare(spec.from_plain(asked.document())).experiment.name == asked.name


@pytest.mark.parametrize("kind", KINDS)
def test_every_argument_is_declared(kind: str) -> None:
    declared = {arg["name"] for arg in template(kind)["spec"]["args"]}
    text = json.dumps(metric(kind))
    assert {name for name in [*ARGS, "token"] if f"{{{{args.{name}}}}}" in text} == declared


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_pass_is_a_success_and_only_a_fail_a_failure(kind: str) -> None:
    asked = metric(kind)
    good = [said for said in (*Said, "", None, "ok") if holds(asked["successCondition"], said)]
    assert good == ([Said.PASS, Said.UNDECIDED] if kind == Analysis.BACKGROUND else [Said.PASS])
    assert [said for said in (*Said, "", None) if holds(asked["failureCondition"], said)] == [Said.FAIL]
    assert (asked["failureLimit"], asked["consecutiveErrorLimit"]) == (0, 60)
    assert asked["provider"]["web"]["jsonPath"] == "{$.verdict}"


@pytest.mark.parametrize("kind", POLLED)
def test_questions_are_repeated_until_the_first_clear_answer_and_have_an_end(kind: str) -> None:
    asked = metric(kind)
    assert asked["consecutiveSuccessLimit"] == 1
    assert asked["inconclusiveLimit"] == asked["count"] - 1


def test_a_background_analysis_has_no_end_of_its_own() -> None:
    assert not {"count", "consecutiveSuccessLimit"} & set(metric("background"))


@pytest.mark.parametrize("kind", KINDS)
def test_an_analysis_waits_longer_than_the_engine_takes_to_say_no(kind: str) -> None:
    web = metric(kind)["provider"]["web"]
    assert (web["method"], web["url"].rpartition("/")[2]) == ("POST", verdicts.PATH.strip("/"))
    assert web["timeoutSeconds"] > verdicts.BODY_WITHIN_S


def test_both_analyses_around_a_switch_share_a_run() -> None:
    before, after = question("pre-promotion"), question("post-promotion")
    assert (before.digest, before.asked) == (after.digest, after.asked)


def test_a_step_and_the_background_have_runs_of_their_own() -> None:
    assert question("step").digest != question("background").digest


@pytest.mark.parametrize(
    ("kind", "names"),
    [("canary", {"step", "background"}), ("blue-green", {"pre-promotion", "post-promotion"})],
)
def test_example_rollouts_give_every_argument(kind: str, names: set[str]) -> None:
    [rules] = yaml.safe_load((FOLDER / f"rollout-{kind}.yaml").read_text("utf-8"))["spec"][
        "strategy"
    ].values()
    uses = [each["analysis"] for each in rules.get("steps", ()) if "analysis" in each]
    uses += [
        rules[name] for name in ("analysis", "prePromotionAnalysis", "postPromotionAnalysis") if name in rules
    ]
    asked = set()
    for use in uses:
        [used] = use["templates"]
        name = used["templateName"].removeprefix("rampwise-")
        asked.add(name)
        needed = {arg["name"] for arg in template(name)["spec"]["args"] if len(arg) == 1}
        assert {arg["name"] for arg in use["args"]} == needed
    assert asked == names
