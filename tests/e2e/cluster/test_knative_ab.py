"""A/B tests on real Knative controllers: who names the tag in a header gets the treatment."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.adapters.knative import KnativeOptions, KnativeTarget
from engine.adapters.knative.features import refusal
from engine.adapters.knative.kinds import CONFIG_MAPS, FEATURES_MAP, KNATIVE_NAMESPACE, TAG_HEADER
from engine.adapters.kubernetes.cluster import NotAllowed
from engine.core.decision import BlockerKind, Rule
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.testing.targets import ReversibleTargetContract, state
from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.driving import document, driven
from tests.e2e.cluster.knative_shop import (
    ONE,
    TWO,
    change_template,
    options,
    ready_to_release,
    target_in,
    template,
)
from tests.e2e.cluster.permissions import RBAC, as_controller
from tests.e2e.cluster.vanishing import ApiCanVanish
from tests.e2e.cluster.visitors import AB, CONVERTS, SESSIONS, SHARE_PCT, Visitors, visitors

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

AUDIENCE = {"share_pct": SHARE_PCT}
SHARE = Weights.of(SHARE_PCT)


def shoppers(namespace: Namespace, tag: str = "trial") -> AbstractContextManager[Visitors]:
    return visitors(namespace, f"shop.{namespace.name}.{at.KNATIVE_DOMAIN}", {TAG_HEADER: tag})


def experiment(namespace: Namespace, **more: Any) -> dict[str, Any]:
    place = options(
        namespace,
        prometheus=at.PROMETHEUS_URL,
        router={"traefik": "{namespace}-{revision}@file"},
        sessions=SESSIONS,
        audience=AUDIENCE,
    )
    return document(f"shop-{namespace.name}", {"knative": place}, strategy=AB, metrics=CONVERTS, **more)


def tags(namespace: Namespace) -> dict[str, str]:
    traffic = namespace.knative("shop")["status"]["traffic"]
    return {entry["tag"]: entry["revisionName"] for entry in traffic if "tag" in entry}


@pytest.fixture(scope="class")
def released(standing: Namespace) -> Namespace:
    ready_to_release(standing)
    return standing


class TestAnAudienceOfATagKeepsTheContract(ApiCanVanish, ReversibleTargetContract):
    @pytest.fixture
    def target(self, released: Namespace) -> KnativeTarget:
        chosen = options(released, control=ONE, treatment=TWO, latest=TWO, audience=AUDIENCE)
        target = KnativeTarget(KnativeOptions(**chosen))
        state(target.apply(ALL_TO_CONTROL))
        return target

    @pytest.fixture
    def possible_pct(self) -> tuple[int, ...]:
        return (SHARE_PCT,)


def test_the_tag_decides_and_without_it_the_header_means_nothing(namespace: Namespace) -> None:
    ready_to_release(namespace)
    target = target_in(namespace, audience=AUDIENCE)
    with shoppers(namespace) as shop, shoppers(namespace, tag="unheard-of") as strangers:
        shop.await_all("v1")
        state(target.apply(SHARE))
        shop.assert_divided()
        strangers.await_all("v1")
        state(target.apply(ALL_TO_CONTROL))
        shop.await_all("v1")
        state(target.apply(ALL_TO_TREATMENT))
        shop.await_all("v2")
        strangers.await_all("v2")
        shop.assert_served()
        strangers.assert_served()
    assert tags(namespace) == {"candidate": TWO}


def test_a_revision_that_sells_more_is_promoted(namespace: Namespace, home: Path) -> None:
    ready_to_release(namespace)
    with shoppers(namespace) as shop, driven(home, experiment(namespace)) as release:
        release.await_weights(SHARE_PCT)
        shop.assert_divided()
        namespace.cluster.set_behaviour(namespace.name, "shop", "v2", conversion_rate=0.9)
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.PROMOTED, Rule.EVIDENCE), run
        shop.await_all("v2")
        shop.assert_served()
    assert tags(namespace) == {"candidate": TWO}


def test_a_harmful_revision_is_rolled_back(namespace: Namespace, home: Path) -> None:
    ready_to_release(namespace, error_rate=0.5)
    with shoppers(namespace) as shop, driven(home, experiment(namespace)) as release:
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.HARM), run
        shop.await_all("v1")
        assert shop.audience.counts()["v2"] > 0
        assert "v2" not in shop.others.counts()
        shop.assert_served()


def test_a_tag_that_somebody_takes_off_holds_the_run(namespace: Namespace, home: Path) -> None:
    ready_to_release(namespace)
    with shoppers(namespace) as shop, driven(home, experiment(namespace)) as release:
        release.await_weights(SHARE_PCT)
        kept = [each for each in namespace.knative("shop")["spec"]["traffic"] if each.get("tag") != "trial"]
        namespace.patch_knative("shop", {"spec": {"traffic": kept}})
        run = release.await_that(
            "a hold",
            lambda run: any(blocker.kind is BlockerKind.FOREIGN_WRITER for blocker in run.blockers),
        )
        assert not run.phase.ended
        shop.await_all("v1")


def test_a_percentage_that_somebody_adds_holds_the_run_although_it_is_the_audiences(
    namespace: Namespace, home: Path
) -> None:
    ready_to_release(namespace)
    with shoppers(namespace), driven(home, experiment(namespace)) as release:
        release.await_weights(SHARE_PCT)
        split = [
            {"revisionName": ONE, "percent": 100 - SHARE_PCT},
            {"revisionName": TWO, "percent": SHARE_PCT, "tag": "candidate"},
        ]
        namespace.patch_knative("shop", {"spec": {"traffic": split}})
        run = release.await_that(
            "a hold",
            lambda run: any(blocker.kind is BlockerKind.FOREIGN_WRITER for blocker in run.blockers),
        )
        assert not run.phase.ended


def test_a_new_template_ends_the_test_and_the_audience_stays_where_it_is(
    namespace: Namespace, home: Path
) -> None:
    ready_to_release(namespace)
    with shoppers(namespace) as shop, driven(home, experiment(namespace)) as release:
        release.await_weights(SHARE_PCT)
        change_template(namespace, template("v3"), "three")
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.STOPPED, Rule.SUPERSEDED), run
        namespace.await_knative("shop")
        shop.assert_divided()


def test_the_role_is_enough_with_and_without_a_look_at_the_switches(namespace: Namespace) -> None:
    ready_to_release(namespace)
    cluster = as_controller(namespace, "knative.yaml")
    with pytest.raises(NotAllowed):
        cluster.get(CONFIG_MAPS, KNATIVE_NAMESPACE, FEATURES_MAP)
    target = target_in(namespace, cluster, audience=AUDIENCE)
    assert state(target.apply(SHARE)).weights == SHARE
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
    granted = list(yaml.safe_load_all((RBAC / "knative-features.yaml").read_text(encoding="utf-8")))
    for part in granted:
        namespace.cluster.apply(part, KNATIVE_NAMESPACE)
    try:
        assert target_in(namespace, cluster, audience=AUDIENCE).facts().sticky
        assert refusal(cluster.get(CONFIG_MAPS, KNATIVE_NAMESPACE, FEATURES_MAP)) == ""
    finally:
        for part in granted:
            found = (part["apiVersion"], part["kind"], part["metadata"]["name"])
            namespace.cluster.delete(*found, KNATIVE_NAMESPACE)
