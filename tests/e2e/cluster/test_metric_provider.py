"""Rollouts of the real controller that ask Rampwise for verdicts: nothing of theirs is replaced."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.core.model import Mode
from engine.core.run import Phase, Run
from tests.e2e.cluster import analyses
from tests.e2e.cluster.analyses import (
    Engine,
    analysis_runs,
    analysis_template,
    await_analysis,
    engine_in,
    example_strategy,
    forwarding,
    phase,
    secret,
    values,
)
from tests.e2e.cluster.bed import samples
from tests.e2e.cluster.bed.client import Object
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.shops import load, template

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NOBODY = "http://127.0.0.1:9"
"""Where nobody listens."""


@pytest.fixture
def engine(home: Path) -> Iterator[Engine]:
    with engine_in(home) as made:
        yield made


def start_canary(namespace: Namespace, *templates: Object, background: bool = False) -> None:
    """v1 healthy, with the example's analyses between v2 and everything."""
    rules = example_strategy("canary")
    [_, judged, *_] = rules["steps"]
    steps = [{"setWeight": 20}, judged]
    more: dict[str, Any] = {"analysis": rules["analysis"]} if background else {}
    namespace.apply(secret(), *templates, samples.canary_routes("shop", namespace.name))
    namespace.apply(samples.canary("shop", template("v1"), steps, **more))
    namespace.await_rollout("shop", "Healthy")


def start_blue_green(namespace: Namespace, preview_url: str, *templates: Object) -> None:
    """v1 active, with the example's analyses around the switch to v2."""
    rules = example_strategy("blue-green")
    for name in ("prePromotionAnalysis", "postPromotionAnalysis"):
        for arg in rules[name]["args"]:
            if arg["name"] == "preview-url":
                arg["value"] = preview_url
    own = {"activeService": "shop-active", "previewService": "shop-preview"}
    namespace.apply(secret(), *templates, samples.blue_green_routes("shop", namespace.name))
    namespace.apply(samples.blue_green("shop", template("v1"), **{**rules, **own}))
    namespace.await_rollout("shop", "Healthy")


def release(namespace: Namespace, **settings: float) -> None:
    """v2, as a deployment by Git brings it."""
    namespace.patch_rollout("shop", {"spec": {"template": template("v2", **settings)}}, subresource="")


def await_end(namespace: Namespace, phase_: str) -> Object:
    """The Rollout at rest, after it has seen the new template."""

    def look() -> bool:
        status = namespace.rollout("shop")["status"]
        promoted = status.get("stableRS") == status.get("currentPodHash")
        assert promoted is (phase_ == "Healthy"), status
        return True

    eventually(look, 120.0, f"{phase_}, of v2")
    return namespace.await_rollout("shop", phase_)


def only_run(engine: Engine) -> Run:
    [stored] = engine.store.runs()
    return stored.snapshot.run


def test_a_good_release_passes_its_step_and_is_promoted_by_the_rollout(
    namespace: Namespace, engine: Engine
) -> None:
    start_canary(
        namespace,
        analysis_template("step", engine.url),
        analysis_template("background", engine.url),
        background=True,
    )
    with load(namespace) as visitors:
        release(namespace)
        step = await_analysis(namespace, "Step", "Successful")
        await_end(namespace, "Healthy")
        visitors.await_all("v2")
    assert values(step)[-1] == "pass"
    assert set(values(step)[:-1]) <= {"undecided"}
    assert phase(analysis_runs(namespace)["Background"]) == "Successful"
    runs = [stored.snapshot.run for stored in engine.store.runs()]
    assert {run.mode for run in runs} == {Mode.OBSERVE}
    assert len(runs) == 2, "the step's and the background's"


def test_a_bad_release_fails_its_step_and_the_rollout_aborts(namespace: Namespace, engine: Engine) -> None:
    start_canary(namespace, analysis_template("step", engine.url))
    with load(namespace) as visitors:
        release(namespace, error_rate=0.5)
        step = await_analysis(namespace, "Step", "Failed")
        await_end(namespace, "Degraded")
        visitors.await_all("v1")
    assert values(step)[-1] == "fail"
    assert "pass" not in values(step)
    assert only_run(engine).phase is Phase.ROLLED_BACK


def test_harm_that_begins_late_fails_the_background_analysis(namespace: Namespace, engine: Engine) -> None:
    hard = {"strategy": {"canary": {"hold": "10min", "floor": 100}}}
    start_canary(
        namespace,
        analysis_template("step", engine.url, spec=hard),
        analysis_template("background", engine.url),
        background=True,
    )
    with load(namespace) as visitors:
        release(namespace)
        eventually(
            lambda: "pass" in values(await_analysis(namespace, "Background", "Running")), what="all is well"
        )
        namespace.cluster.set_behaviour(namespace.name, "shop", "v2", error_rate=0.5)
        await_analysis(namespace, "Background", "Failed")
        await_end(namespace, "Degraded")
        visitors.await_all("v1")


def test_without_traffic_a_step_is_inconclusive_and_the_rollout_pauses(
    namespace: Namespace, engine: Engine
) -> None:
    start_canary(namespace, analysis_template("step", engine.url, count=8, inconclusiveLimit=7))
    release(namespace)
    step = await_analysis(namespace, "Step", "Inconclusive")
    assert set(values(step)) == {"undecided"}
    rollout = namespace.await_rollout("shop", "Paused")
    assert [each["reason"] for each in rollout["status"]["pauseConditions"]] == ["InconclusiveAnalysisRun"]
    assert rollout["status"]["stableRS"] != rollout["status"]["currentPodHash"]
    assert not only_run(engine).phase.ended


def test_an_engine_that_is_away_is_an_error_and_never_a_pass(namespace: Namespace) -> None:
    start_canary(namespace, analysis_template("step", NOBODY, consecutiveErrorLimit=1))
    with load(namespace):
        release(namespace)
        step = await_analysis(namespace, "Step", "Error")
        await_end(namespace, "Degraded")
    assert values(step) == []


def test_a_wrong_token_is_an_error_and_never_a_pass(namespace: Namespace, engine: Engine) -> None:
    start_canary(namespace, analysis_template("step", engine.url, consecutiveErrorLimit=0))
    namespace.apply({**secret(), "stringData": {"token": "guessed"}})
    release(namespace)
    step = await_analysis(namespace, "Step", "Error")
    assert "401" in str(step["status"]["metricResults"])
    assert engine.store.runs() == []


def test_a_restarted_engine_goes_on_with_the_same_evidence(namespace: Namespace, engine: Engine) -> None:
    slow = {"strategy": {"canary": {"hold": "25s", "floor": 100}}}
    start_canary(namespace, analysis_template("step", engine.url, spec=slow))
    with load(namespace):
        release(namespace)
        before = eventually(lambda: _counted(engine, windows=5), what="some evidence")
        engine.kill()
        engine.start()
        await_analysis(namespace, "Step", "Successful")
        await_end(namespace, "Healthy")
    after = only_run(engine)
    assert (after.id, after.launched_s) == (before.id, before.launched_s)
    assert after.windows_done > before.windows_done


def _counted(engine: Engine, windows: int) -> Run | None:
    runs = [stored.snapshot.run for stored in engine.store.runs()]
    return next((run for run in runs if run.windows_done >= windows), None)


@pytest.fixture
def preview_url(namespace: Namespace) -> Iterator[str]:
    with forwarding(samples.host("shop-preview", namespace.name)) as url:
        yield url


def colours(engine: Engine) -> tuple[Object, Object]:
    pre, post = (analysis_template(kind, engine.url) for kind in ("pre-promotion", "post-promotion"))
    return pre, post


def test_a_good_colour_is_probed_switched_to_and_settled(
    namespace: Namespace, engine: Engine, preview_url: str
) -> None:
    start_blue_green(namespace, preview_url, *colours(engine))
    with load(namespace) as visitors:
        release(namespace)
        assert values(await_analysis(namespace, "PrePromotion", "Successful"))[-1] == "pass"
        assert values(await_analysis(namespace, "PostPromotion", "Successful"))[-1] == "pass"
        await_end(namespace, "Healthy")
        visitors.await_all("v2")
    run = only_run(engine)
    assert (run.phase, run.ended_by and run.ended_by.value) == (Phase.PROMOTED, "settled")


def test_a_preview_with_errors_is_never_switched_to(
    namespace: Namespace, engine: Engine, preview_url: str
) -> None:
    start_blue_green(namespace, preview_url, *colours(engine))
    with load(namespace) as visitors:
        release(namespace, error_rate=0.5)
        assert values(await_analysis(namespace, "PrePromotion", "Failed"))[-1] == "fail"
        await_end(namespace, "Degraded")
        assert set(visitors.counts()) - {"none"} == {"v1"}


def test_a_colour_that_does_harm_after_the_switch_is_taken_back(
    namespace: Namespace, engine: Engine, preview_url: str
) -> None:
    long = {**analyses.QUICK["blue_green"], "settle": {"hold": "10min", "floor": 100}}
    kinds = ("pre-promotion", "post-promotion")
    start_blue_green(
        namespace,
        preview_url,
        *(analysis_template(kind, engine.url, spec={"strategy": {"blue_green": long}}) for kind in kinds),
    )
    with load(namespace) as visitors:
        release(namespace)
        await_analysis(namespace, "PrePromotion", "Successful")
        await_analysis(namespace, "PostPromotion", "Running")
        visitors.await_all("v2")
        namespace.cluster.set_behaviour(namespace.name, "shop", "v2", error_rate=0.5)
        await_analysis(namespace, "PostPromotion", "Failed")
        visitors.await_all("v1")
    assert only_run(engine).phase is Phase.ROLLED_BACK
