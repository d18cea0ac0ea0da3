"""Releases on real Knative controllers, by the engine as a whole."""

from pathlib import Path
from typing import Any

import pytest

from engine.adapters.knative.kinds import KEEP_ANNOTATION, REVISION_LABEL
from engine.core.decision import BlockerKind, Rule
from engine.core.run import Phase
from engine.errors import UsageError
from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed import samples
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.driving import document, driven
from tests.e2e.cluster.knative_shop import (
    NEVER_READY,
    ONE,
    TWO,
    assert_all_on,
    change_template,
    load,
    options,
    pinned,
    ready_to_release,
    revision_of,
    template,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

OBSERVED_PCT = 1.5
"""The proxy splits by turns, so that shares are exact but for the requests at both ends."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAMPWISE_HOME", str(tmp_path))
    return tmp_path


def experiment(namespace: Namespace, preview_url: str | None = None, **more: Any) -> dict[str, Any]:
    router = {"traefik": "{namespace}-{revision}@file"}
    place = options(namespace, prometheus=at.PROMETHEUS_URL, router=router)
    if preview_url is not None:
        place["preview_url"] = preview_url
    return document(f"shop-{namespace.name}", {"knative": place}, **more)


def test_a_good_revision_is_promoted_and_visitors_see_just_that(namespace: Namespace, home: Path) -> None:
    ready_to_release(namespace)
    with load(namespace) as visitors, driven(home, experiment(namespace)) as release:
        release.await_weights(20)
        assert visitors.share_pct("v2", 300) == pytest.approx(20.0, abs=OBSERVED_PCT)
        run = release.end()
        assert run.phase is Phase.PROMOTED, run
        assert_all_on(visitors, "v2")
        assert visitors.stats()["failed"] == 0
        assert visitors.counts().get("none", 0) == 0
    traffic = namespace.knative("shop")["spec"]["traffic"]
    assert [(entry["revisionName"], entry["percent"]) for entry in traffic] == [(ONE, 0), (TWO, 100)]
    control = revision_of(namespace, ONE)
    assert control is not None
    assert control["metadata"]["annotations"][KEEP_ANNOTATION] == "true"


def test_a_bad_revision_is_rolled_back(namespace: Namespace, home: Path) -> None:
    ready_to_release(namespace, error_rate=0.5)
    with load(namespace) as visitors, driven(home, experiment(namespace)) as release:
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.HARM), run
        assert_all_on(visitors, "v1")
        seen = visitors.counts()
        assert 0 < seen["v2"] < 0.3 * seen["v1"]
    assert namespace.knative("shop")["spec"]["traffic"][0] == {
        "latestRevision": False,
        "percent": 100,
        "revisionName": ONE,
    }


def test_a_revision_that_stops_being_ready_under_traffic_is_rolled_back(
    namespace: Namespace, home: Path
) -> None:
    ready_to_release(namespace)
    with load(namespace) as visitors, driven(home, experiment(namespace)) as release:
        release.await_weights(20)
        namespace.cluster.set_behaviour(namespace.name, "shop", "v2", **NEVER_READY)
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.TREATMENT_UNHEALTHY), run
        assert_all_on(visitors, "v1")


def test_a_revision_that_never_becomes_ready_is_not_launched(namespace: Namespace, home: Path) -> None:
    pinned(namespace)
    change_template(namespace, samples.pod_template("shop", "missing"), "two")
    eventually(lambda: revision_of(namespace, TWO), what="the revision")
    with pytest.raises(UsageError, match="shop-two is not ready"), driven(home, experiment(namespace)):
        pass


def test_a_service_that_follows_its_template_is_not_launched(namespace: Namespace, home: Path) -> None:
    namespace.apply(samples.knative("shop", template("v1"), revision="one"))
    namespace.await_knative("shop")
    with (
        pytest.raises(UsageError, match=f"rampwise prepare ksvc/shop -n {namespace.name}"),
        driven(home, experiment(namespace)),
    ):
        pass


def test_a_switch_to_a_previewed_revision_is_taken_back_when_it_turns_bad(
    namespace: Namespace, home: Path
) -> None:
    ready_to_release(namespace)
    (pod,) = namespace.pods(f"{REVISION_LABEL}={TWO}")
    # The tag's URL needs a name server, which the test's cluster has none of.
    preview_url = f"http://{pod['status']['podIP']}:8080"
    preview = {"count": 30, "rate": 30, "time_limit": "30s", "errors": "30%"}
    strategy = {"blue_green": {"preview": preview, "settle": {"hold": "60s", "floor": 50}}}
    release_of = experiment(namespace, strategy=strategy, preview_url=preview_url)
    with load(namespace) as visitors, driven(home, release_of) as release:
        release.await_weights(100)
        assert_all_on(visitors, "v2")
        namespace.cluster.set_behaviour(namespace.name, "shop", "v2", error_rate=0.9)
        run = release.end()
        assert run.phase is Phase.ROLLED_BACK, run
        assert_all_on(visitors, "v1")


def test_a_sync_that_takes_the_split_back_holds_the_run(namespace: Namespace, home: Path) -> None:
    ready_to_release(namespace)
    git = namespace.knative("shop")["spec"]["traffic"]
    with load(namespace), driven(home, experiment(namespace)) as release:
        release.await_weights(20)
        namespace.patch_knative("shop", {"spec": {"traffic": git}})
        run = release.await_that(
            "a hold",
            lambda run: any(blocker.kind is BlockerKind.FOREIGN_WRITER for blocker in run.blockers),
        )
        assert not run.phase.ended


def test_a_split_by_a_person_is_given_back_where_the_policy_says_so(namespace: Namespace, home: Path) -> None:
    ready_to_release(namespace)
    with load(namespace) as visitors, driven(home, experiment(namespace, on_foreign="rollback")) as release:
        release.await_weights(20)
        split = [{"revisionName": ONE, "percent": 10}, {"revisionName": TWO, "percent": 90}]
        namespace.patch_knative("shop", {"spec": {"traffic": split}})
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.FOREIGN_WRITER), run
        assert_all_on(visitors, "v1")


def test_a_new_template_gets_no_traffic_and_ends_the_release(namespace: Namespace, home: Path) -> None:
    ready_to_release(namespace)
    with load(namespace) as visitors, driven(home, experiment(namespace)) as release:
        release.await_weights(20)
        change_template(namespace, template("v3"), "three")
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.STOPPED, Rule.SUPERSEDED), run
        namespace.await_knative("shop")
        assert visitors.share_pct("v2", 200) == pytest.approx(20.0, abs=OBSERVED_PCT)
        assert visitors.counts().get("v3", 0) == 0
