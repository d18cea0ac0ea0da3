"""Header routes in the steps and in VirtualServices: whose requests they take, and what leaves that open."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.argo_rollouts import reading, rungs, visitors
from engine.adapters.argo_rollouts.ladder import AUDIENCE, Bucket, fit_rollout, steps_by_header
from engine.adapters.argo_rollouts.reading import Instances, Pair
from engine.adapters.argo_rollouts.visitors import Visitors, bucket_match
from engine.adapters.buckets import allot
from engine.adapters.kubernetes.cluster import Manifest
from engine.core.target import Weights
from engine.errors import Unreachable, UsageError
from tests.adapters.argo_rollouts.shop import COLOURS, V1, V2, canary, rollout

ISTIO: Manifest = {"istio": {"virtualService": {"name": "shop"}}, "managedRoutes": [{"name": AUDIENCE}]}
BY_HEADER, BY_COOKIE = Bucket(header="X-Bucket"), Bucket(cookie="bucket")
FIXED = {"headerName": "x-trial", "headerValue": {"exact": "yes"}}
TO_TREATMENT: list[Manifest] = [{"destination": {"host": "shop-canary"}, "weight": 100}]
PRIMARY: Manifest = {"name": "primary", "route": [{"destination": {"host": "shop-stable"}}]}


def routed(steps: list[Manifest], **routing: Any) -> Manifest:
    """A Rollout whose router is Istio's."""
    return rollout(canary(steps, trafficRouting={**ISTIO, **routing}), "v2")


def to_all(match: list[Manifest] | None) -> list[Manifest]:
    """A ladder of one rung for this match."""
    given_there = {"name": AUDIENCE} if match is None else {"name": AUDIENCE, "match": match}
    return [
        {"setHeaderRoute": {"name": AUDIENCE}},
        {"setCanaryScale": {"replicas": 2}},
        {"pause": {}},
        {"setHeaderRoute": given_there},
        {"pause": {}},
    ]


def shares(manifest: Manifest, declared_pct: int | None = None) -> list[int]:
    return [rung.treatment_pct for rung in rungs.ladder(manifest, declared_pct)]


def virtual(*http: Manifest, name: str = "shop") -> Manifest:
    return {"metadata": {"name": name}, "spec": {"http": list(http)}}


def audience(match: list[Manifest] | None, route: list[Manifest] = TO_TREATMENT) -> Manifest:
    return {"name": AUDIENCE, "match": match, "route": route}


def bucketed(share_pct: int, header: str = "x-bucket") -> list[Manifest]:
    made = bucket_match(header=header, share_pct=share_pct)
    return [{"headers": {made["headerName"]: made["headerValue"]}}]


def given_pct(manifest: Manifest, *virtuals: Manifest, declared_pct: int | None = None) -> int:
    return visitors.given_pct(rungs.canary(manifest), virtuals, declared_pct)


@pytest.mark.parametrize("by", [BY_HEADER, BY_COOKIE], ids=str)
def test_a_rung_is_entered_at_its_first_step_and_has_the_share_of_its_buckets(by: Bucket) -> None:
    ladder = rungs.ladder(routed(steps_by_header([20, 50], by)))
    assert [(rung.enter, rung.index, rung.treatment_pct) for rung in ladder] == [
        (0, 3, 0),
        (4, 6, 20),
        (7, 9, 50),
    ]


@given(st.integers(1, 99), st.integers(0, 99))
def test_a_cookie_is_found_among_others_and_nothing_like_it(share_pct: int, bucket: int) -> None:
    pattern = bucket_match(cookie="bucket", share_pct=share_pct)["headerValue"]["regex"]
    taken = bucket in allot((share_pct,))[1]
    for jar in (f"bucket={bucket}", f"a=1; bucket={bucket:02d}", f"a=1; bucket={bucket}; b=2"):
        assert bool(re.fullmatch(pattern, jar)) is taken
    for jar in (f"nobucket={bucket}", f"bucket={bucket}9x", f"a=bucket={bucket}", "bucket=", ""):
        assert not re.fullmatch(pattern, jar)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (to_all([FIXED]), "audience: {share_pct: 50}"),
        (to_all([bucket_match(header="b", share_pct=5), FIXED]), "audience: {share_pct: 50}"),
        (to_all(None), "0, 0 do not rise"),
        ([*to_all([FIXED])[:3], {"pause": {}}], "0 header routes are set before the pause at step 4"),
        (
            [{"setHeaderRoute": {"name": AUDIENCE}}, *to_all([FIXED])],
            "2 header routes are set before the pause",
        ),
        ([*to_all(None)[:3], {"setHeaderRoute": {"name": "b"}}, {"pause": {}}], "audience, b"),
        ([{"setWeight": 5}, *to_all([FIXED])], "weights above 0"),
        (
            [each for each in steps_by_header([50], BY_HEADER) if "setCanaryScale" not in each],
            "no pods at step 5",
        ),
        (
            [
                *to_all(None)[:3],
                {"setCanaryScale": {"matchTrafficWeight": True}},
                *steps_by_header([5], BY_HEADER)[5:],
            ],
            "no pods at step 6",
        ),
    ],
)
def test_steps_that_leave_open_who_gets_the_treatment_say_why(steps: list[Manifest], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        rungs.ladder(routed(steps))


def test_a_header_route_that_cannot_be_read_back_is_no_rung() -> None:
    by_plugin = rollout(canary(to_all([FIXED]), trafficRouting={"plugins": {}, "managedRoutes": []}), "v2")
    with pytest.raises(UsageError, match="VirtualServices only"):
        rungs.ladder(by_plugin, 50)


def test_an_audience_is_as_large_as_declared_where_its_match_does_not_tell() -> None:
    assert shares(routed(to_all([FIXED])), 30) == [0, 30]
    by_buckets = routed(steps_by_header([20], BY_HEADER))
    assert shares(by_buckets, 20) == [0, 20]
    with pytest.raises(UsageError, match="declared as 30 %, but the steps' buckets say 0 %, 20 %"):
        rungs.ladder(by_buckets, 30)
    with pytest.raises(UsageError, match="no header route for it"):
        rungs.ladder(routed([{"setWeight": 0}, {"pause": {}}]), 30)


def test_visitors_are_those_whom_the_first_matching_route_takes() -> None:
    manifest = routed(steps_by_header([20, 50], BY_HEADER))
    assert given_pct(manifest, virtual(PRIMARY)) == 0
    assert given_pct(manifest, virtual(audience(bucketed(50)), PRIMARY)) == 50
    health = {"match": [{"uri": {"exact": "/healthz"}}], "route": PRIMARY["route"]}
    assert given_pct(manifest, virtual(health, audience(bucketed(50)), PRIMARY)) == 50
    assert given_pct(manifest, virtual(PRIMARY, audience(bucketed(50)))) == 0
    assert given_pct(manifest, {"metadata": {"name": "shop"}, "spec": {}}) == 0


def test_other_buckets_than_the_steps_name_are_still_a_share() -> None:
    manifest = routed(steps_by_header([20], BY_HEADER))
    assert given_pct(manifest, virtual(audience(bucketed(35)), PRIMARY)) == 35


def test_a_declared_share_is_about_the_match_of_the_steps_and_no_other() -> None:
    manifest = routed(to_all([FIXED]))
    written = [{"headers": {"x-trial": {"exact": "yes"}}}]
    assert given_pct(manifest, virtual(audience(written)), declared_pct=30) == 30
    other = [{"headers": {"x-trial": {"exact": "no"}}}]
    with pytest.raises(Unreachable, match="somebody changed the route audience of the VirtualService shop"):
        given_pct(manifest, virtual(audience(other)), declared_pct=30)


@pytest.mark.parametrize(
    "changed",
    [
        audience(None),
        audience([]),
        audience([{"headers": {"x-bucket": {"regex": "^[0-4]$"}}}]),
        audience([{**bucketed(20)[0], "uri": {"prefix": "/a"}}]),
        audience([{"uri": {"prefix": "/a"}}]),
        audience([{"headers": {**bucketed(20)[0]["headers"], "x": {"exact": "y"}}}]),
        audience(bucketed(20), PRIMARY["route"]),
        audience(bucketed(20), TO_TREATMENT * 2),
        {"name": AUDIENCE, "match": bucketed(20)},
    ],
)
def test_a_changed_route_leaves_open_who_has_the_treatment(changed: Manifest) -> None:
    with pytest.raises(Unreachable, match="somebody changed the route audience"):
        given_pct(routed(steps_by_header([20], BY_HEADER)), virtual(changed, PRIMARY))


def test_a_subset_of_a_destination_rule_is_the_treatment_too() -> None:
    rule = {"destinationRule": {"name": "shop", "canarySubsetName": "trial", "stableSubsetName": "kept"}}
    manifest = routed(steps_by_header([20], BY_HEADER), istio={**ISTIO["istio"], **rule})
    to = {"destination": {"host": "shop", "subset": "trial"}}
    assert given_pct(manifest, virtual(audience(bucketed(20), [to]))) == 20
    with pytest.raises(Unreachable):
        given_pct(manifest, virtual(audience(bucketed(20))))


def test_virtual_services_that_do_not_agree_leave_open_who_has_the_treatment() -> None:
    named = [{"name": "shop"}, {"name": "web.edge.cluster.local"}]
    manifest = routed(steps_by_header([20], BY_HEADER), istio={"virtualServices": named})
    assert visitors.virtual_services(rungs.canary(manifest)) == [(None, "shop"), ("edge", "web")]
    one, other = virtual(audience(bucketed(20))), virtual(PRIMARY, name="web")
    with pytest.raises(Unreachable, match="20 % by shop, 0 % by web"):
        given_pct(manifest, one, other)
    assert given_pct(manifest, one, {**one, "metadata": {"name": "web"}}) == 20


def split(manifest: Manifest, given_there: int, canary_weight: int = 0) -> Weights:
    weighed = {
        "canary": {"weight": canary_weight, "podTemplateHash": V2},
        "stable": {"weight": 100 - canary_weight, "podTemplateHash": V1},
    }
    status = {"stableRS": V1, "currentPodHash": V2, "canary": {"weights": weighed}}
    nobody = Instances(replica_set=None, pods=())
    return reading.weights(
        {**manifest, "status": status},
        Pair(control=V1, treatment=V2),
        nobody,
        nobody,
        Visitors(given_pct=given_there),
    )


def test_what_weights_take_of_the_other_visitors_is_added() -> None:
    manifest = routed(steps_by_header([50], BY_HEADER))
    assert split(manifest, 50) == Weights.of(50)
    assert split(manifest, 50, canary_weight=20) == Weights.of(60)
    assert split(manifest, 33, canary_weight=1) == Weights.of(34)
    assert split(manifest, 0, canary_weight=100) == Weights.of(100)


def promoting(**status: Any) -> Visitors:
    manifest = routed(steps_by_header([20, 50], BY_HEADER))
    return rungs.visitors_of(
        {**manifest, "status": {"currentPodHash": V2, **status}}, [virtual(PRIMARY)], None
    )


def kept_by(pod_hash: str) -> Manifest:
    return {"weights": {"stable": {"weight": 100, "podTemplateHash": pod_hash}}}


def test_a_promotion_counts_as_given_until_it_is_done() -> None:
    under_way = Visitors(given_pct=50, are_moving=True)
    assert promoting(promoteFull=True, stableRS=V1) == under_way
    # The controller calls the new version stable, and moves the weights when it looks again.
    assert promoting(promoteFull=True, stableRS=V2, canary=kept_by(V1)) == under_way
    assert promoting(stableRS=V2, canary=kept_by(V1)) == under_way
    assert promoting(stableRS=V2, canary=kept_by(V2)) == Visitors()
    assert promoting(promoteFull=True, stableRS=V2) == Visitors()
    assert promoting(stableRS=V1, canary=kept_by(V1)) == Visitors()


def test_a_prepared_rollout_has_the_route_among_its_managed_ones() -> None:
    bare = routed([{"setWeight": 20}], managedRoutes=[{"name": "mirror"}])
    fit = fit_rollout(bare, [50], BY_HEADER)
    part = fit.manifest["spec"]["strategy"]["canary"]
    assert part["trafficRouting"]["managedRoutes"] == [{"name": "mirror"}, {"name": AUDIENCE}]
    assert shares(fit.manifest) == [0, 50]
    assert "50 % of the visitors, by their bucket (0 to 99) in the header X-Bucket" in fit.changes[0]
    again = fit_rollout(fit.manifest, [50], BY_HEADER)
    assert (again.changes, again.manifest) == ((), fit.manifest)
    assert fit_rollout(fit.manifest, [50], BY_COOKIE).changes[0].endswith("in the cookie bucket")


@pytest.mark.parametrize("strategy", [canary(), COLOURS, {"canary": {}}], ids=["traefik", "colours", "pods"])
def test_without_istio_no_header_route_is_prepared(strategy: Manifest) -> None:
    with pytest.raises(
        UsageError, match=r"by header X-Bucket: that takes a canary with trafficRouting\.istio"
    ):
        fit_rollout(rollout(strategy), [50], BY_HEADER)
