import re
from typing import Any

import pytest
from pydantic import ValidationError

from engine.adapters.gateway_api import HttpRouteOptions, HttpRouteTarget
from engine.adapters.gateway_api.target import HTTP_ROUTES
from engine.adapters.kubernetes.cluster import PODS, SERVICES, NotAllowed
from engine.adapters.kubernetes.fake import FakeCluster
from engine.core.model import Arm
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.errors import UsageError
from engine.testing.targets import ReversibleTargetContract, state
from tests.adapters.clusters import FakeApiCanVanish, gone
from tests.adapters.gateway_api import routes as at
from tests.adapters.gateway_api.routes import NAMESPACE, ref, rule, shop, split, write


def target_on(cluster: FakeCluster, **options: Any) -> HttpRouteTarget:
    chosen = {"control": "v1", "treatment": "v2", **options}
    return HttpRouteTarget(HttpRouteOptions(route="shop", namespace=NAMESPACE, **chosen), cluster)


def launched(cluster: FakeCluster) -> HttpRouteTarget:
    """The target of a run: the rule is that of its launch."""
    return target_on(cluster, **target_on(cluster).facts().pinned)


class TestHttpRouteTargetKeepsTheContract(FakeApiCanVanish, ReversibleTargetContract):
    @pytest.fixture
    def cluster(self) -> FakeCluster:
        return shop()

    @pytest.fixture
    def target(self, cluster: FakeCluster) -> HttpRouteTarget:
        return launched(cluster)


def test_the_only_rule_with_both_backends_is_meant() -> None:
    other = rule(ref("images"), name="images")
    facts = target_on(shop(other, rule(name="pages"))).facts()
    assert (facts.key, facts.pinned) == ("http_route/store/shop/pages", {"rule": "pages"})
    assert target_on(shop(other, rule())).facts().pinned == {"rule": 1}
    assert facts.arm_labels[Arm.TREATMENT] == {"namespace": NAMESPACE, "service": "v2"}
    assert (facts.router, facts.preview_url, facts.rungs_pct) == (None, None, None)


def test_rules_are_chosen_by_name_or_place() -> None:
    cluster = shop(rule(name="a"), rule(name="b"))
    with pytest.raises(UsageError, match=r"several rules.*choose one in the experiment as `rule`: a, b"):
        target_on(cluster).facts()
    assert target_on(cluster, rule="b").facts().pinned == {"rule": "b"}
    assert target_on(cluster, rule=1).facts().pinned == {"rule": "b"}


@pytest.mark.parametrize(
    ("rules", "options", "said"),
    [
        ([rule(ref("v1"))], {}, "shop has no rule with the backends v1 and v2; add the one that is missing"),
        ([rule()], {"rule": "pages"}, "no rule pages with the backends v1 and v2"),
        ([rule(ref("v1"))], {"rule": 0}, "shop: the rule has no backend v2"),
        ([rule(ref("v1"), ref("v2", 0), ref("v3"))], {}, "traffic goes to other backends, too: v3"),
        ([rule(ref("v1"), ref("v2", 0, namespace="far"))], {}, "has no rule with the backends v1 and v2"),
    ],
)
def test_a_route_without_such_a_split_says_what_to_do(rules: Any, options: Any, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        target_on(shop(*rules), **options).facts()
    assert said in str(refused.value)


def test_one_service_is_not_compared_with_itself() -> None:
    with pytest.raises(ValidationError, match="named twice"):
        HttpRouteOptions(route="shop", control="v1", treatment="v1")


def test_the_presets_read_the_gateways_counters() -> None:
    facts = target_on(shop(), router="traefik").facts()
    assert facts.router is not None
    assert facts.router.arm_labels == {
        Arm.CONTROL: {"gateway_backend": "store-v1"},
        Arm.TREATMENT: {"gateway_backend": "store-v2"},
    }
    (matcher,) = facts.router.requests.matchers
    rule = "httproute-store-shop-gw-store-web-ep-web-0-90b0d2284802f718e3ea"
    assert re.fullmatch(matcher.value, f"{rule}-svc-store-v2-1@kubernetesgateway")
    assert not re.fullmatch(matcher.value, f"{rule}-svc-store-v3-2@kubernetesgateway")
    assert not re.fullmatch(matcher.value, f"{rule}-wrr@kubernetesgateway")


@pytest.mark.parametrize(
    ("backends", "treatment_pct"),
    [
        ([ref("v1", 1), ref("v2", 0)], 0),
        ([ref("v1", 0), ref("v2", 3)], 100),
        ([ref("v1"), ref("v2")], 50),
        ([ref("v1", 3), ref("v2")], 25),
        ([ref("v1", 2), ref("v2", 1)], 33),
        ([ref("v1", 999_999), ref("v2", 1)], 1),
        ([ref("v1", 1), ref("v2", 999_999)], 99),
        ([ref("v1", 1), ref("v1", 2, port=81), ref("v2", 1)], 25),
    ],
)
def test_weights_are_proportions_and_a_missing_one_counts_one(backends: Any, treatment_pct: int) -> None:
    assert state(target_on(shop(rule(*backends))).observe()).weights == Weights.of(treatment_pct)


def test_a_rule_without_any_weight_routes_nothing() -> None:
    cluster = shop(rule(ref("v1", 0), ref("v2", 0)))
    target = target_on(cluster)
    assert "shop routes nothing: all weights of the rule are 0" in gone(target.observe())
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL


def test_only_one_rule_is_written_and_the_rest_of_it_stays() -> None:
    filters = [{"type": "RequestMirror"}]
    cluster = shop(
        rule(ref("v1"), name="a"),
        rule(ref("v1", 1, filters=filters), ref("v2", 0), ref("v3", 0), name="b"),
    )
    state(launched(cluster).apply(Weights.of(20)))
    assert split(cluster, 0) == [("v1", None)]
    assert split(cluster, 1) == [("v1", 80), ("v2", 20), ("v3", 0)]
    rules = cluster.get(HTTP_ROUTES, NAMESPACE, "shop")["spec"]["rules"]
    assert rules[1]["backendRefs"][0]["filters"] == filters


def test_proportions_that_are_right_already_are_not_written() -> None:
    cluster = shop(rule(ref("v1"), ref("v2", 0)))
    state(launched(cluster).apply(ALL_TO_CONTROL))
    assert cluster.patches == []
    state(launched(cluster).apply(Weights.of(30)))
    assert len(cluster.patches) == 1


def test_a_service_that_a_rule_has_twice_gets_its_share_once() -> None:
    cluster = shop(rule(ref("v1", 1), ref("v1", 2, port=81), ref("v2", 0)))
    assert state(launched(cluster).apply(Weights.of(10))).weights == Weights.of(10)
    assert split(cluster) == [("v1", 90), ("v1", 0), ("v2", 10)]


def test_a_third_backend_with_traffic_ends_the_release_and_an_act_takes_it_away() -> None:
    cluster = shop()
    target = launched(cluster)
    write(cluster, rule(ref("v1", 7), ref("v2", 0), ref("v3", 3)))
    seen = state(target.observe())
    assert (seen.weights, seen.ended) == (Weights.of(30), "traffic goes to other backends, too: v3")
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
    assert split(cluster) == [("v1", 100), ("v2", 0), ("v3", 0)]


def test_a_backend_of_another_namespace_or_kind_is_a_stranger() -> None:
    cluster = shop()
    target = launched(cluster)
    bucket = ref("v2", 1, group="cloud.example", kind="Bucket")
    write(cluster, rule(ref("v1", 9), ref("v2", 0), bucket))
    assert state(target.observe()).ended == (
        "traffic goes to other backends, too: cloud.example/Bucket store/v2"
    )


def test_a_backend_that_was_taken_out_ends_the_release() -> None:
    cluster = shop()
    target = launched(cluster)
    write(cluster, rule(ref("v1")))
    seen = state(target.observe())
    assert (seen.weights, seen.ended) == (ALL_TO_CONTROL, "the rule has no backend v2 any more")
    assert gone(target.apply(Weights.of(10))) == "the rule of shop has no backend v2 any more"
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL


def test_a_rule_that_was_taken_out_is_a_lost_target() -> None:
    cluster = shop()
    target = launched(cluster)
    write(cluster, rule(ref("images")), rule())
    assert "no rule 0 with the backends" in gone(target.observe())


def test_a_split_by_somebody_else_is_read_as_it_is() -> None:
    cluster = shop()
    target = launched(cluster)
    before = state(target.apply(Weights.of(20)))
    write(cluster, rule())
    after = state(target.observe())
    assert (after.weights, after.ended) == (ALL_TO_CONTROL, "")
    assert after.version != before.version


def test_a_change_that_no_gateway_has_taken_yet_is_not_routed() -> None:
    cluster = shop()
    target = launched(cluster)
    cluster.after_write = lambda _: None
    assert "gateway web has not taken the latest change of shop yet" in gone(target.apply(Weights.of(20)))
    assert "has not taken" in gone(target.observe())


def test_a_route_that_no_gateway_knows_is_no_target_yet() -> None:
    cluster = shop()
    cluster.put(HTTP_ROUTES, at.route())
    assert "no gateway has taken shop yet; check its `parentRefs`" in gone(target_on(cluster).observe())


def test_a_route_that_a_gateway_refuses_says_why() -> None:
    cluster = shop()
    seen = cluster.get(HTTP_ROUTES, NAMESPACE, "shop")
    at.write_status(cluster, at.condition(seen, "Accepted", "False", "NoMatchingParent", "no listener"))
    assert gone(target_on(cluster).observe()) == (
        "gateway web has not accepted shop: NoMatchingParent: no listener"
    )
    at.write_status(cluster)
    assert "not accepted shop: no reason given" in gone(target_on(cluster).observe())


def test_a_treatment_whose_service_is_gone_cannot_serve_and_loses_what_it_has() -> None:
    cluster = shop()
    target = launched(cluster)
    state(target.apply(Weights.of(20)))
    cluster.delete(SERVICES, NAMESPACE, "v2")
    seen = state(target.observe())
    assert (seen.treatment.ready, seen.treatment.detail) == (False, "there is no Service v2")
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL


def test_every_pod_behind_a_service_must_be_ready() -> None:
    cluster = shop()
    cluster.put(PODS, at.pod("v2-late", "v2", ready=False))
    seen = state(target_on(cluster).observe())
    assert (seen.control.ready, seen.control.ready_since_s) == (True, at.SINCE_S)
    assert seen.treatment.detail == "v2: 1 of 2 pods ready: v2-late is not ready yet"


def test_a_service_without_the_rules_port_cannot_serve() -> None:
    cluster = shop()
    write(cluster, rule(ref("v1"), {**ref("v2", 0), "port": 81}))
    assert state(target_on(cluster).observe()).treatment.detail == "the Service v2 has no port 81"


def test_a_service_that_selects_no_pods_cannot_be_judged() -> None:
    cluster = shop()
    cluster.put(SERVICES, {"metadata": {"name": "v2", "namespace": NAMESPACE}, "spec": {}})
    assert "the Service v2 selects no pods" in state(target_on(cluster).observe()).treatment.detail


def test_an_act_rests_on_what_was_found_also_between_reading_and_writing() -> None:
    cluster = shop()
    target = launched(cluster)
    found = state(target.observe()).version
    raced: list[str] = []
    real = cluster.patch

    def patch(resource: Any, namespace: str, name: str, body: Any, **how: Any) -> Any:
        if not raced:
            raced.append(name)
            write(cluster, rule(), rule(ref("new")))
        return real(resource, namespace, name, body, **how)

    cluster.patch = patch  # type: ignore[method-assign]
    assert gone(target.apply(Weights.of(20), found)) == "shop was changed meanwhile"
    assert state(target.apply(Weights.of(20))).weights == Weights.of(20)
    assert split(cluster, 1) == [("new", None)]


def test_a_missing_permission_is_named() -> None:
    cluster = shop()
    target = launched(cluster)
    cluster.trouble = NotAllowed("not allowed to patch httproutes.gateway.networking.k8s.io shop")
    assert "patch httproutes" in gone(target.apply(ALL_TO_TREATMENT))
