from typing import Any

import pytest
from pydantic import ValidationError

from engine.adapters.knative import KnativeOptions, KnativeTarget
from engine.adapters.knative.kinds import KEEP_ANNOTATION, KNATIVE_SERVICES, REVISIONS
from engine.adapters.kubernetes import client
from engine.adapters.kubernetes.cluster import PODS, NotAllowed, NotThere
from engine.adapters.kubernetes.fake import FakeCluster
from engine.core.model import Arm
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.errors import UsageError
from engine.fields import format_selector
from engine.testing.targets import ReversibleTargetContract, state
from tests.adapters.clusters import FakeApiCanVanish, gone
from tests.adapters.knative import shop as at
from tests.adapters.knative.shop import NAMESPACE, fail, shop, traffic, write

ONE, TWO, THREE = "shop-one", "shop-two", "shop-three"


def target_on(cluster: FakeCluster, **options: Any) -> KnativeTarget:
    return KnativeTarget(KnativeOptions(service="shop", namespace=NAMESPACE, **options), cluster)


def launched(cluster: FakeCluster, **options: Any) -> KnativeTarget:
    """The target of a run: the revisions are those of its launch."""
    return target_on(cluster, **{**options, **target_on(cluster, **options).facts().pinned})


class TestKnativeTargetKeepsTheContract(FakeApiCanVanish, ReversibleTargetContract):
    @pytest.fixture
    def cluster(self) -> FakeCluster:
        return shop()

    @pytest.fixture
    def target(self, cluster: FakeCluster) -> KnativeTarget:
        return launched(cluster)


def test_the_revisions_are_the_serving_one_and_the_latest_one() -> None:
    facts = target_on(shop()).facts()
    assert (facts.control, facts.treatment, facts.key) == (ONE, TWO, "knative/store/shop")
    assert facts.pinned == {"control": ONE, "treatment": TWO, "latest": TWO}
    assert facts.arm_labels[Arm.TREATMENT] == {"namespace": NAMESPACE, "revision": TWO}
    assert (facts.router, dict(facts.source_options), facts.rungs_pct) == (None, {}, None)


def test_the_key_names_the_cluster_where_one_is_chosen() -> None:
    assert target_on(shop(), context="eu").facts().key == "knative/eu/store/shop"


def test_the_presets_read_the_router_that_the_options_describe() -> None:
    facts = target_on(
        shop(), router={"traefik": "{namespace}-{revision}@file"}, prometheus="http://prometheus:9090"
    ).facts()
    assert facts.router is not None
    assert facts.router.arm_labels[Arm.CONTROL] == {"service": "store-shop-one@file"}
    both = "store-shop-one@file|store-shop-two@file"
    assert format_selector(facts.router.errors) == (
        f'traefik_service_requests_total{{service=~"{both}",code=~"5.."}}'
    )
    assert facts.source_options == {"url": "http://prometheus:9090"}


@pytest.mark.parametrize("pattern", ["{namespace}", "{revision}-{port}", "{revision", "no place"])
def test_a_router_pattern_that_cannot_name_a_revision_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError, match="revision"):
        KnativeOptions(service="shop", router={"traefik": pattern})  # type: ignore[arg-type]


def test_one_revision_is_not_compared_with_itself() -> None:
    with pytest.raises(ValidationError, match="named twice"):
        KnativeOptions(service="shop", control=ONE, treatment=ONE)


def test_the_preview_is_the_tags_url_while_the_tag_means_the_treatment() -> None:
    assert target_on(shop()).facts().preview_url == "http://candidate-shop.store.example.com"
    untagged = shop({"revisionName": ONE, "percent": 100})
    assert target_on(untagged).facts().preview_url is None
    assert target_on(untagged, preview_url="http://10.0.0.1").facts().preview_url == "http://10.0.0.1"
    elsewhere = shop({"revisionName": ONE, "percent": 100, "tag": "candidate"})
    assert target_on(elsewhere).facts().preview_url is None


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        (
            shop({"latestRevision": True, "percent": 100}),
            "apply what `rampwise prepare ksvc/shop -n store` prints, then change the template",
        ),
        (
            shop({"latestRevision": True, "percent": 50}, {"revisionName": ONE, "percent": 50}),
            "at once; apply what `rampwise prepare ksvc/shop -n store` prints",
        ),
        (shop({"revisionName": TWO, "percent": 100}), "has nothing to release: its latest revision shop-two"),
        (
            shop({"revisionName": ONE, "percent": 0}, {"revisionName": TWO, "percent": 100}),
            "shop-two already has all the traffic; change its template",
        ),
        (
            shop({"revisionName": ONE, "percent": 60}, {"revisionName": TWO, "percent": 40}, latest=THREE),
            "splits its traffic (shop-one 60 %, shop-two 40 %); name two revisions",
        ),
        (shop({"revisionName": ONE, "percent": 100}, latest=THREE), "shop has no revision shop-three"),
    ],
)
def test_a_service_without_a_release_says_what_to_do(cluster: FakeCluster, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        target_on(cluster).facts()
    assert said in str(refused.value)


def test_a_revision_that_never_became_ready_says_why() -> None:
    cluster = shop()
    fail(cluster, TWO, "ContainerMissing", "no such image")
    with pytest.raises(UsageError, match="shop-two is not ready: ContainerMissing: no such image"):
        target_on(cluster).facts()


def test_a_service_that_is_not_there_says_so() -> None:
    with pytest.raises(NotThere, match="shop"):
        target_on(FakeCluster()).facts()


def test_an_act_writes_the_whole_list_and_keeps_the_tags_of_others() -> None:
    cluster = shop(*at.PINNED, {"revisionName": ONE, "tag": "current"})
    state(launched(cluster).apply(Weights.of(20)))
    assert traffic(cluster) == [
        {"revisionName": ONE, "percent": 80},
        {"revisionName": TWO, "percent": 20, "tag": "candidate"},
        {"revisionName": ONE, "tag": "current"},
    ]


def test_nothing_at_all_is_given_under_the_tag() -> None:
    cluster = shop({"revisionName": ONE, "percent": 100})
    state(launched(cluster).apply(ALL_TO_CONTROL))
    assert traffic(cluster)[1] == {"revisionName": TWO, "percent": 0, "tag": "candidate"}
    assert target_on(cluster).facts().preview_url == "http://candidate-shop.store.example.com"


def test_the_way_back_is_kept_from_garbage_collection_before_traffic_leaves_it() -> None:
    cluster = shop()
    target = launched(cluster)
    state(target.apply(Weights.of(1)))
    state(target.apply(Weights.of(2)))
    kept = cluster.get(REVISIONS, NAMESPACE, ONE)["metadata"]["annotations"]
    assert kept == {KEEP_ANNOTATION: "true"}
    assert [kind for kind, _, _ in cluster.patches] == [str(REVISIONS), *[str(KNATIVE_SERVICES)] * 2]
    state(launched(shop()).apply(ALL_TO_CONTROL))


def test_a_promotion_leaves_both_revisions_pinned_and_can_be_taken_back_without_a_run() -> None:
    cluster = shop()
    target = launched(cluster)
    seen = state(target.apply(ALL_TO_TREATMENT))
    assert (seen.weights, seen.ended) == (ALL_TO_TREATMENT, "")
    assert traffic(cluster)[0] == {"revisionName": ONE, "percent": 0}
    assert state(target_on(cluster).apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL


def test_the_next_release_begins_where_the_last_one_ended() -> None:
    cluster = shop()
    state(launched(cluster).apply(ALL_TO_TREATMENT))
    cluster.put(REVISIONS, at.revision(THREE))
    cluster.put(PODS, at.pod("three-pod", THREE))
    write(cluster, latestCreatedRevisionName=THREE, latestReadyRevisionName=THREE)
    facts = target_on(cluster).facts()
    assert (facts.control, facts.treatment) == (TWO, THREE)
    state(launched(cluster).apply(Weights.of(10)))
    assert [entry["revisionName"] for entry in traffic(cluster)] == [TWO, THREE]


def test_what_is_wished_for_is_not_what_is_routed() -> None:
    cluster = shop()
    target = launched(cluster)
    cluster.after_write = lambda _: None
    write(cluster, {"revisionName": ONE, "percent": 10}, {"revisionName": TWO, "percent": 90})
    assert state(target.observe()).weights == ALL_TO_CONTROL


def test_an_act_that_never_shows_is_no_success() -> None:
    cluster = shop()
    target = launched(cluster)
    cluster.after_write = lambda _: None
    assert "does not route 80/20 (control/treatment) yet" in gone(target.apply(Weights.of(20)))


def test_a_revision_that_does_not_exist_is_named_and_the_old_split_goes_on() -> None:
    cluster = shop()
    target = target_on(cluster, control=ONE, treatment=THREE)
    assert 'RevisionMissing: Revision "shop-three" referenced in traffic not found.' in gone(
        target.apply(Weights.of(20))
    )
    seen = state(target.observe())
    assert (seen.weights, seen.treatment.ready) == (ALL_TO_CONTROL, False)
    assert seen.treatment.detail == "there is no revision shop-three"
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
    assert traffic(cluster) == [{"revisionName": ONE, "percent": 100}]


def test_a_person_who_names_a_wrong_revision_leaves_the_routes_unready() -> None:
    cluster = shop()
    target = launched(cluster)
    write(cluster, {"revisionName": THREE, "percent": 100})
    assert "the routes of shop are not ready: RevisionMissing" in gone(target.observe())
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL


def test_a_treatment_that_fails_under_traffic_is_seen_and_taken_out_of_the_list() -> None:
    cluster = shop(
        *at.PINNED, {"revisionName": TWO, "tag": "beta"}, {"latestRevision": True, "tag": "newest"}
    )
    target = launched(cluster)
    state(target.apply(Weights.of(20)))
    fail(cluster, TWO)
    seen = state(target.observe())
    assert (seen.weights, seen.treatment.ready) == (Weights.of(20), False)
    assert seen.treatment.detail == "shop-two: 0 of 1 pods ready: shop-two-pod CrashLoopBackOff"
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
    assert traffic(cluster) == [{"revisionName": ONE, "percent": 100}]


def test_an_act_rests_on_what_was_found_also_between_reading_and_writing() -> None:
    cluster = shop()
    target = launched(cluster)
    found = state(target.observe()).version
    raced: list[str] = []
    real = cluster.patch

    def patch(resource: Any, namespace: str, name: str, body: Any, **how: Any) -> Any:
        if resource == KNATIVE_SERVICES and not raced:
            raced.append(name)
            real(resource, namespace, name, {"spec": {"traffic": [{"revisionName": ONE, "percent": 100}]}})
        return real(resource, namespace, name, body, **how)

    cluster.patch = patch  # type: ignore[method-assign]
    assert gone(target.apply(Weights.of(20), found)) == "shop was changed meanwhile"
    assert state(target.apply(Weights.of(20))).weights == Weights.of(20)


def test_statuses_that_move_do_not_keep_an_act_from_being_written() -> None:
    cluster = shop()
    target = launched(cluster)
    found = state(target.observe()).version
    raced: list[str] = []
    real = cluster.patch

    def patch(resource: Any, namespace: str, name: str, body: Any, **how: Any) -> Any:
        if resource == KNATIVE_SERVICES and len(raced) < 3:
            raced.append(name)
            write(cluster, observed=len(raced))
        return real(resource, namespace, name, body, **how)

    cluster.patch = patch  # type: ignore[method-assign]
    assert state(target.apply(Weights.of(20), found)).weights == Weights.of(20)
    assert len(raced) == 3


def test_a_split_by_somebody_else_is_read_as_it_is() -> None:
    cluster = shop()
    target = launched(cluster)
    before = state(target.apply(Weights.of(20)))
    write(cluster, {"revisionName": ONE, "percent": 100})
    after = state(target.observe())
    assert (after.weights, after.ended) == (ALL_TO_CONTROL, "")
    assert after.version != before.version


def test_a_third_revision_with_traffic_ends_the_release() -> None:
    cluster = shop()
    target = launched(cluster)
    cluster.put(REVISIONS, at.revision(THREE))
    write(cluster, {"revisionName": ONE, "percent": 70}, {"revisionName": THREE, "percent": 30})
    seen = state(target.observe())
    assert (seen.weights, seen.ended) == (
        Weights.of(30),
        "traffic goes to other revisions, too: shop-three 30 %",
    )


def test_traffic_that_follows_the_latest_revision_again_ends_the_release() -> None:
    cluster = shop()
    target = launched(cluster)
    write(cluster, {"latestRevision": True, "percent": 100})
    seen = state(target.observe())
    assert seen.weights == ALL_TO_TREATMENT
    assert seen.ended == "traffic follows the latest revision again (shop-two 100 %)"


def test_a_changed_template_ends_the_release() -> None:
    cluster = shop()
    target = launched(cluster)
    write(cluster, latestCreatedRevisionName=THREE)
    assert state(target.observe()).ended == (
        "the template was changed: the latest revision is shop-three, not shop-two"
    )


def test_a_revision_without_pods_is_ready_for_a_request_wakes_it() -> None:
    cluster = shop()
    cluster.delete(PODS, NAMESPACE, "shop-two-pod")
    seen = state(launched(cluster).observe())
    assert (seen.treatment.ready, seen.treatment.ready_since_s) == (True, at.SINCE_S)


def test_pods_that_come_with_the_load_begin_no_warm_up() -> None:
    cluster = shop()
    late = at.pod("late", TWO)
    late["status"]["conditions"][0]["lastTransitionTime"] = "2026-01-02T00:00:00Z"
    cluster.put(PODS, late)
    assert state(launched(cluster).observe()).treatment.ready_since_s == at.SINCE_S


def test_a_revision_none_of_whose_pods_is_ready_cannot_serve() -> None:
    cluster = shop()
    target = launched(cluster)
    cluster.put(PODS, at.pod("shop-two-pod", TWO, ready=False))
    assert "0 of 1 pods ready: shop-two-pod" in state(target.observe()).treatment.detail


def test_a_service_that_was_never_routed_is_no_target_yet() -> None:
    cluster = shop()
    target = launched(cluster)
    write(cluster, traffic=[])
    assert "shop routes nothing yet" in gone(target.observe())


def test_a_missing_permission_is_named() -> None:
    cluster = shop()
    target = launched(cluster)
    cluster.trouble = NotAllowed("not allowed to patch revisions.serving.knative.dev shop-one")
    assert "patch revisions.serving.knative.dev" in gone(target.apply(Weights.of(1)))


def test_the_cluster_is_connected_to_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []

    def connect(context: str | None) -> FakeCluster:
        asked.append(context)
        return shop()

    monkeypatch.setattr(client, "connect", connect)
    target = KnativeTarget(KnativeOptions(service="shop", namespace=NAMESPACE, context="eu"))
    assert asked == []
    assert target.facts().control == ONE
    assert asked == ["eu"]
