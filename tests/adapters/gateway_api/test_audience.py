"""An A/B test by an HTTPRoute: a rule of its own sends the audience to the treatment, and nobody else."""

from typing import Any

import pytest
from pydantic import ValidationError

from engine.adapters.gateway_api import HttpRouteOptions, HttpRouteTarget
from engine.adapters.gateway_api.target import HTTP_ROUTES
from engine.adapters.kubernetes.cluster import Manifest
from engine.adapters.kubernetes.fake import FakeCluster
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.errors import UsageError
from engine.testing.targets import ReversibleTargetContract, state
from tests.adapters.clusters import FakeApiCanVanish, gone
from tests.adapters.gateway_api.routes import NAMESPACE, ref, rule, shop, split, write

SHARE = Weights.of(40)
BY_HEADER = [{"headers": [{"name": "X-Trial", "value": "yes"}]}]


def pages(control: int = 1, treatment: int = 0, **more: Any) -> Manifest:
    return {**rule(ref("v1", control), ref("v2", treatment), name="pages"), **more}


def trial(control: int = 1, treatment: int = 0, **more: Any) -> Manifest:
    asked = {"matches": BY_HEADER, **more}
    return {**rule(ref("v1", control), ref("v2", treatment), name="trial"), **asked}


def two_rules() -> FakeCluster:
    """A route with everything on v1, and a rule for the audience."""
    return shop(pages(), trial())


def target_on(cluster: FakeCluster, **options: Any) -> HttpRouteTarget:
    chosen = {"control": "v1", "treatment": "v2", "audience": {"rule": "trial", "share_pct": 40}, **options}
    return HttpRouteTarget(HttpRouteOptions(route="shop", namespace=NAMESPACE, **chosen), cluster)


def launched(cluster: FakeCluster, **options: Any) -> HttpRouteTarget:
    """The target of a run: rules and matches are those of its launch."""
    return target_on(cluster, **{**options, **target_on(cluster, **options).facts().pinned})


def both(cluster: FakeCluster) -> list[list[int | None]]:
    """The weights of everybody's rule and of the audience's."""
    return [[weight for _, weight in split(cluster, place)] for place in (0, 1)]


class TestAnAudienceOfARuleKeepsTheContract(FakeApiCanVanish, ReversibleTargetContract):
    @pytest.fixture
    def cluster(self) -> FakeCluster:
        return two_rules()

    @pytest.fixture
    def target(self, cluster: FakeCluster) -> HttpRouteTarget:
        return launched(cluster)

    @pytest.fixture
    def possible_pct(self) -> tuple[int, ...]:
        return (40,)


def test_the_rules_and_who_they_take_are_fixed_at_launch() -> None:
    facts = target_on(two_rules()).facts()
    assert (facts.key, facts.sticky, facts.rungs_pct) == ("http_route/store/shop/pages", True, (40, 100))
    fingerprint = facts.pinned["audience"]["matches"]  # type: ignore[index]
    assert facts.pinned == {
        "rule": "pages",
        "audience": {"rule": "trial", "share_pct": 40, "matches": fingerprint},
    }
    by_place = target_on(two_rules(), audience={"rule": 1, "share_pct": 40}).facts()
    assert by_place.pinned == facts.pinned


def test_both_rules_are_counted_and_nobody_counts_requests_as_draws() -> None:
    facts = target_on(two_rules(), router="traefik").facts()
    assert facts.router is not None
    assert facts.router.assignments is None
    (matcher,) = facts.router.requests.matchers
    assert "-(0|1)-[0-9a-f]+-svc-store-(v1|v2)-" in matcher.value


def test_sessions_are_those_of_the_two_services() -> None:
    sessions = {"total": "sessions_total", "converted": "sessions_converted_total"}
    facts = target_on(two_rules(), sessions=sessions, service_label="app").facts()
    assert facts.sessions is not None
    assert [(each.label, each.value) for each in facts.sessions.converted.matchers] == [
        ("namespace", NAMESPACE),
        ("app", "v1|v2"),
    ]


@pytest.mark.parametrize(
    ("rules", "options", "said"),
    [
        (
            [pages()],
            {},
            "shop has no rule trial for the audience; add one that `matches` its header or cookie",
        ),
        ([pages(), trial(matches=[])], {}, "the rule trial takes requests of everybody"),
        ([pages(), trial(matches=[*BY_HEADER, {"path": {"value": "/"}}])], {}, "all of its `matches` need"),
        ([pages(), {**trial(), "backendRefs": [ref("v1")]}], {}, "shop: the rule has no backend v2"),
        ([{**pages(), "backendRefs": [ref("v1")]}, trial()], {}, "no rule with the backends v1 and v2"),
        ([{**pages(), "backendRefs": [ref("v1")]}, trial()], {"rule": "pages"}, "rule has no backend v2"),
        ([pages(), trial()], {"rule": 1}, "the rule trial cannot be both everybody's and the audience's"),
        ([pages(), trial(), rule(name="more")], {}, "several rules with the backends v1 and v2"),
    ],
)
def test_a_route_without_an_audience_says_what_to_do(rules: Any, options: Any, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        target_on(shop(*rules), **options).facts()
    assert said in str(refused.value)


def test_one_rule_is_not_both() -> None:
    with pytest.raises(ValidationError, match="trial is named for the audience, too"):
        target_on(two_rules(), rule="trial")


def test_giving_moves_the_audience_alone_and_a_promotion_everybody_in_one_write() -> None:
    cluster = two_rules()
    target = launched(cluster)
    assert state(target.apply(SHARE)).weights == SHARE
    assert both(cluster) == [[1, 0], [0, 100]]
    state(target.apply(ALL_TO_TREATMENT))
    assert both(cluster) == [[0, 100], [0, 100]]
    state(target.apply(ALL_TO_CONTROL))
    assert both(cluster) == [[100, 0], [100, 0]]
    assert len(cluster.patches) == 3
    assert cluster.get(HTTP_ROUTES, NAMESPACE, "shop")["spec"]["rules"][1]["matches"] == BY_HEADER


def test_an_audience_has_all_or_nothing() -> None:
    target = launched(two_rules())
    assert gone(target.apply(Weights.of(20))) == "shop gives an audience of 40 % all or nothing, not 80/20"


@pytest.mark.parametrize(
    ("rules", "weights"),
    [
        ((pages(), trial()), ALL_TO_CONTROL),
        ((pages(), trial(0, 1)), SHARE),
        ((pages(0, 1), trial(0, 1)), ALL_TO_TREATMENT),
        ((pages(0, 1), trial()), Weights.of(60)),
        ((pages(), trial(1, 1)), Weights.of(20)),
        ((pages(3, 2), trial(3, 2)), Weights.of(39)),
        ((pages(9, 1), trial(0, 1)), Weights.of(46)),
    ],
)
def test_the_treatments_share_is_that_of_all_visitors(rules: Any, weights: Weights) -> None:
    cluster = two_rules()
    target = launched(cluster)
    write(cluster, *rules)
    seen = state(target.observe())
    assert (seen.weights, seen.ended) == (weights, "")


CHANGED = "the `matches` were changed by which the rule trial knows the audience"


@pytest.mark.parametrize(
    ("rules", "ended"),
    [
        ((pages(), trial(0, 1, matches=[{"headers": [{"name": "X-Other", "value": "yes"}]}])), CHANGED),
        ((pages(matches=[{"path": {"value": "/shop"}}]), trial(0, 1)), CHANGED),
        ((pages(), {**trial(), "backendRefs": [ref("v2", 1)]}), "the rule has no backend v1 any more"),
        (
            (pages(), {**trial(), "backendRefs": [ref("v1", 0), ref("v2", 1), ref("v3", 1)]}),
            "traffic goes to other backends, too: v3",
        ),
    ],
)
def test_an_audience_that_others_changed_ends_the_release_and_is_left_to_them(rules: Any, ended: str) -> None:
    cluster = two_rules()
    target = launched(cluster)
    state(target.apply(SHARE))
    write(cluster, *rules)
    seen, sent = state(target.observe()), len(cluster.patches)
    assert (seen.weights, seen.ended) == (SHARE, ended)
    assert state(target.apply(seen.weights, seen.version)) == seen
    assert len(cluster.patches) == sent


def test_a_rule_of_the_audience_that_was_taken_out_ends_the_release() -> None:
    cluster = two_rules()
    target = launched(cluster)
    state(target.apply(SHARE))
    write(cluster, pages())
    seen = state(target.observe())
    assert (seen.weights, seen.ended) == (ALL_TO_CONTROL, "the audience's rule trial was taken out")
    assert gone(target.apply(SHARE)) == "shop has no rule trial any more"
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL


def test_without_everybodys_rule_the_audience_is_taken_back_all_the_same() -> None:
    cluster = two_rules()
    target = launched(cluster)
    state(target.apply(SHARE))
    write(cluster, trial(0, 1))
    assert "no rule pages" in gone(target.observe())
    assert "no rule pages" in gone(target.apply(SHARE))
    assert "no rule pages" in gone(target.apply(ALL_TO_CONTROL))
    assert split(cluster) == [("v1", 100), ("v2", 0)]


def test_a_port_that_a_service_lacks_is_found_in_both_rules() -> None:
    cluster = shop(pages(), {**trial(), "backendRefs": [ref("v1"), {**ref("v2", 0), "port": 81}]})
    assert state(target_on(cluster).observe()).treatment.detail == "the Service v2 has no port 81"


def test_a_split_that_a_third_backend_ended_is_left_as_it_is_without_an_audience() -> None:
    cluster = shop(pages())
    target = launched(cluster, audience=None)
    write(cluster, rule(ref("v1", 7), ref("v2", 0), ref("v3", 3), name="pages"))
    seen, sent = state(target.observe()), len(cluster.patches)
    assert seen.weights == Weights.of(30)
    assert state(target.apply(seen.weights, seen.version)) == seen
    assert len(cluster.patches) == sent


def test_giving_rests_on_what_was_found() -> None:
    cluster = two_rules()
    target = launched(cluster)
    found = state(target.observe()).version
    write(cluster, pages(), trial(2))
    assert gone(target.apply(SHARE, found)) == "shop was changed meanwhile"
