"""An A/B test on Knative: who names the tag gets the treatment, everybody else control."""

from typing import Any

import pytest
from pydantic import ValidationError

from engine.adapters.knative import KnativeOptions, KnativeTarget
from engine.adapters.knative.kinds import CONFIG_MAPS, FEATURES_MAP, KNATIVE_NAMESPACE, REVISIONS
from engine.adapters.kubernetes.cluster import Manifest, NotAllowed, Resource
from engine.adapters.kubernetes.fake import FakeCluster
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.errors import UsageError
from engine.testing.targets import ReversibleTargetContract, state
from tests.adapters.clusters import FakeApiCanVanish, gone
from tests.adapters.knative import shop as at
from tests.adapters.knative.shop import NAMESPACE, fail, shop, traffic, write

ONE, TWO, THREE = "shop-one", "shop-two", "shop-three"
SHARE = Weights.of(40)
ON_CONTROL, PREVIEWED = {"revisionName": ONE, "percent": 100}, {"revisionName": TWO, "tag": "candidate"}
TRIAL = {"revisionName": TWO, "tag": "trial"}


def target_on(cluster: FakeCluster, **options: Any) -> KnativeTarget:
    audience = {"share_pct": 40, **options.pop("audience", {})}
    chosen = {"service": "shop", "namespace": NAMESPACE, "audience": audience, **options}
    return KnativeTarget(KnativeOptions.model_validate(chosen), cluster)


def launched(cluster: FakeCluster, **options: Any) -> KnativeTarget:
    """The target of a run: the revisions are those of its launch."""
    return target_on(cluster, **{**options, **target_on(cluster, **options).facts().pinned})


class TestAnAudienceOfATagKeepsTheContract(FakeApiCanVanish, ReversibleTargetContract):
    @pytest.fixture
    def cluster(self) -> FakeCluster:
        return shop()

    @pytest.fixture
    def target(self, cluster: FakeCluster) -> KnativeTarget:
        return launched(cluster)

    @pytest.fixture
    def possible_pct(self) -> tuple[int, ...]:
        return (40,)


def test_visitors_are_sticky_and_nobody_counts_their_requests_as_draws() -> None:
    facts = target_on(shop(), router={"traefik": "{revision}@file"}).facts()
    assert (facts.sticky, facts.rungs_pct) == (True, (40, 100))
    assert facts.router is not None
    assert facts.router.assignments is None
    divided = KnativeTarget(KnativeOptions(service="shop", namespace=NAMESPACE), shop()).facts()
    assert (divided.sticky, divided.rungs_pct) == (False, None)


def test_sessions_are_those_of_the_two_revisions() -> None:
    sessions = {"total": "sessions_total", "converted": "sessions_converted_total"}
    facts = target_on(shop(), sessions=sessions).facts()
    assert facts.sessions is not None
    assert [(each.label, each.value) for each in facts.sessions.total.matchers] == [
        ("namespace", NAMESPACE),
        ("revision", f"{ONE}|{TWO}"),
    ]


def test_giving_is_the_tag_alone_and_taking_back_is_without_it() -> None:
    cluster = shop(*at.PINNED, {"revisionName": ONE, "tag": "current"})
    target = launched(cluster)
    assert state(target.apply(SHARE)).weights == SHARE
    previewed = {"revisionName": TWO, "percent": 0, "tag": "candidate"}
    assert traffic(cluster) == [ON_CONTROL, previewed, TRIAL, {"revisionName": ONE, "tag": "current"}]
    state(target.apply(ALL_TO_CONTROL))
    assert traffic(cluster) == [ON_CONTROL, previewed, {"revisionName": ONE, "tag": "current"}]


def test_a_promotion_needs_no_tag_any_more() -> None:
    cluster = shop()
    target = launched(cluster)
    state(target.apply(SHARE))
    assert state(target.apply(ALL_TO_TREATMENT)).weights == ALL_TO_TREATMENT
    assert traffic(cluster) == [
        {"revisionName": ONE, "percent": 0},
        {"revisionName": TWO, "percent": 100, "tag": "candidate"},
    ]


def test_another_name_of_the_tag_leaves_a_tag_trial_to_its_owner() -> None:
    cluster = shop(*at.PINNED, {"revisionName": ONE, "tag": "trial"})
    state(launched(cluster, audience={"tag": "checkout-test"}).apply(SHARE))
    assert traffic(cluster)[2:] == [
        {"revisionName": TWO, "tag": "checkout-test"},
        {"revisionName": ONE, "tag": "trial"},
    ]


@pytest.mark.parametrize("tag", ["candidate", "Trial", "-a", "a" * 64])
def test_a_tag_is_one_that_knative_takes_and_no_preview(tag: str) -> None:
    with pytest.raises(ValidationError, match="tag"):
        KnativeOptions.model_validate({"service": "shop", "audience": {"share_pct": 50, "tag": tag}})


def test_an_audience_has_all_or_nothing() -> None:
    target = launched(shop())
    assert gone(target.apply(Weights.of(20))) == "shop gives an audience of 40 % all or nothing, not 80/20"


@pytest.mark.parametrize(
    ("written", "weights", "ended"),
    [
        ((ON_CONTROL, PREVIEWED), ALL_TO_CONTROL, ""),
        ((ON_CONTROL,), ALL_TO_CONTROL, ""),
        ((ON_CONTROL, {"revisionName": ONE, "tag": "trial"}), ALL_TO_CONTROL, ""),
        (({"revisionName": TWO, "percent": 100}, TRIAL), ALL_TO_TREATMENT, ""),
        (({"revisionName": TWO, "percent": 100},), ALL_TO_TREATMENT, ""),
        (
            ({"revisionName": ONE, "percent": 60}, {"revisionName": TWO, "percent": 40}),
            Weights.of(39),
            "",
        ),
        (
            ({"revisionName": ONE, "percent": 60}, {"revisionName": TWO, "percent": 40}, TRIAL),
            Weights.of(64),
            "",
        ),
        (
            (ON_CONTROL, {"revisionName": THREE, "tag": "trial"}),
            SHARE,
            "the audience is led to another revision, shop-three",
        ),
    ],
)
def test_what_others_make_of_the_tag_is_seen(written: Any, weights: Weights, ended: str) -> None:
    cluster = shop()
    cluster.put(REVISIONS, at.revision(THREE))
    target = launched(cluster)
    before = state(target.apply(SHARE))
    write(cluster, *written)
    seen = state(target.observe())
    assert (seen.weights, seen.ended) == (weights, ended)
    assert seen.version != before.version
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL


def test_a_tag_that_is_wished_for_and_not_resolved_is_not_given() -> None:
    cluster = shop()
    target = launched(cluster)
    cluster.after_write = lambda _: None
    write(cluster, ON_CONTROL, TRIAL)
    assert state(target.observe()).weights == ALL_TO_CONTROL
    assert "does not route 60/40 (control/treatment) yet" in gone(target.apply(SHARE))


def test_a_tag_that_was_left_is_no_start_and_is_taken_off_by_a_reset() -> None:
    cluster = shop(*at.PINNED, TRIAL)
    target = target_on(cluster)
    assert state(target.observe()).weights == SHARE
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
    assert [entry.get("tag") for entry in traffic(cluster)] == [None, "candidate"]


def test_a_treatment_that_cannot_serve_loses_its_audience() -> None:
    cluster = shop()
    target = launched(cluster)
    state(target.apply(SHARE))
    fail(cluster, TWO)
    assert not state(target.observe()).treatment.ready
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
    assert traffic(cluster) == [ON_CONTROL]


def test_a_release_that_others_ended_is_left_as_it_is() -> None:
    cluster = shop()
    cluster.put(REVISIONS, at.revision(THREE))
    target = launched(cluster)
    state(target.apply(SHARE))
    write(cluster, ON_CONTROL, {"revisionName": THREE, "tag": "trial"})
    seen, sent = state(target.observe()), len(cluster.patches)
    assert state(target.apply(seen.weights, seen.version)) == seen
    assert len(cluster.patches) == sent


def features(**data: str) -> Manifest:
    return {"metadata": {"name": FEATURES_MAP, "namespace": KNATIVE_NAMESPACE}, "data": data}


@pytest.mark.parametrize(
    "found",
    [features(), {"metadata": features()["metadata"]}, features(**{"tag-header-based-routing": "Allowed"})],
)
def test_a_knative_that_ignores_the_header_is_refused_and_told_how(found: Manifest) -> None:
    cluster = shop()
    cluster.put(CONFIG_MAPS, found)
    with pytest.raises(UsageError, match="set `tag-header-based-routing: enabled` in the ConfigMap"):
        target_on(cluster).facts()
    assert KnativeTarget(KnativeOptions(service="shop", namespace=NAMESPACE), cluster).facts()


@pytest.mark.parametrize("said", ["enabled", "Enabled"])
def test_a_knative_that_looks_at_the_header_is_taken(said: str) -> None:
    cluster = shop()
    cluster.put(CONFIG_MAPS, features(**{"tag-header-based-routing": said}))
    assert target_on(cluster).facts().sticky


def test_switches_that_nobody_may_read_are_in_nobodys_way(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = shop()
    cluster.put(CONFIG_MAPS, features())
    real = cluster.get

    def get(resource: Resource, namespace: str, name: str) -> Manifest:
        if resource == CONFIG_MAPS:
            raise NotAllowed("a Role must grant verb `get` on `configmaps`")
        return real(resource, namespace, name)

    monkeypatch.setattr(cluster, "get", get)
    assert target_on(cluster).facts().sticky


def test_a_split_that_a_third_revision_ended_is_left_as_it_is_without_an_audience() -> None:
    cluster = shop()
    cluster.put(REVISIONS, at.revision(THREE))
    chosen = {"service": "shop", "namespace": NAMESPACE, "control": ONE, "treatment": TWO, "latest": TWO}
    target = KnativeTarget(KnativeOptions.model_validate(chosen), cluster)
    write(cluster, {"revisionName": ONE, "percent": 70}, {"revisionName": THREE, "percent": 30})
    seen, sent = state(target.observe()), len(cluster.patches)
    assert (seen.weights, seen.ended) == (
        Weights.of(30),
        "traffic goes to other revisions, too: shop-three 30 %",
    )
    assert state(target.apply(seen.weights, seen.version)) == seen
    assert len(cluster.patches) == sent
