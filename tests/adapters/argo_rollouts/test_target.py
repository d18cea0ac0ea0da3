import pytest

from engine.adapters.argo_rollouts import RolloutTarget, reading
from engine.adapters.argo_rollouts.kinds import HASH_LABEL, ROLLOUTS
from engine.adapters.kubernetes.cluster import REPLICA_SETS
from engine.adapters.kubernetes.fake import FakeCluster
from engine.core.model import Arm
from engine.errors import Unreachable, UsageError
from engine.testing.targets import TargetContract, state
from tests.adapters.argo_rollouts.asking import BY_PODS, launched, target_on
from tests.adapters.argo_rollouts.shop import (
    COLOURS,
    LADDER,
    NAMESPACE,
    V1,
    V2,
    V3,
    canary,
    idle,
    order,
    read,
    reconcile,
    shop,
    template,
    write,
)
from tests.adapters.clusters import FakeApiCanVanish, gone


class TestACanaryKeepsTheContract(FakeApiCanVanish, TargetContract):
    @pytest.fixture
    def cluster(self) -> FakeCluster:
        return shop()

    @pytest.fixture
    def target(self, cluster: FakeCluster) -> RolloutTarget:
        return launched(cluster)

    @pytest.fixture
    def possible_pct(self) -> tuple[int, ...]:
        return (5, 20, 50)


class TestACanaryByPodsKeepsTheContract(TestACanaryKeepsTheContract):
    @pytest.fixture
    def cluster(self) -> FakeCluster:
        return shop(BY_PODS)


class TestTwoColoursKeepTheContract(TestACanaryKeepsTheContract):
    @pytest.fixture
    def cluster(self) -> FakeCluster:
        return shop(COLOURS)

    @pytest.fixture
    def possible_pct(self) -> tuple[int, ...]:
        return ()


def test_a_hash_that_is_still_that_of_the_template_before_is_not_pinned() -> None:
    cluster = shop()
    cluster.after_write = lambda _: None
    cluster.patch(ROLLOUTS, NAMESPACE, "shop", {"spec": {"template": template("v3")}})
    write(cluster, observedGeneration=str(read(cluster)["metadata"]["generation"]))
    with pytest.raises(Unreachable, match="has not looked at shop as it is now; try again"):
        target_on(cluster).facts()
    reconcile(cluster)
    assert target_on(cluster).facts().pinned["pinned"]["treatment"] == V3  # type: ignore[index]


def test_what_the_api_server_adds_to_a_template_is_no_other_template() -> None:
    cluster = shop()
    [made] = cluster.find(REPLICA_SETS, NAMESPACE, {HASH_LABEL: V2})
    [container] = made["spec"]["template"]["spec"]["containers"]
    container |= {"env": [], "terminationMessagePath": "/dev/termination-log", "resources": {}}
    cluster.put(REPLICA_SETS, made)
    assert target_on(cluster).facts().treatment == "v2"


def test_the_versions_are_the_stable_one_and_the_one_of_the_template() -> None:
    facts = target_on(shop()).facts()
    assert (facts.control, facts.treatment, facts.key) == ("v1", "v2", "argo_rollout/store/shop")
    fingerprint = reading.fingerprint(template("v2"))
    assert facts.pinned == {"pinned": {"control": V1, "treatment": V2, "template": fingerprint}}
    assert facts.arm_labels[Arm.TREATMENT] == {"namespace": NAMESPACE, "rollouts_pod_template_hash": V2}
    assert (facts.rungs_pct, facts.router, facts.preview_url) == ((0, 5, 20, 50), None, None)


def test_labels_and_place_follow_the_options() -> None:
    facts = target_on(
        shop(), context="eu", hash_label="hash", namespace_label="ns", prometheus="http://p:9090"
    ).facts()
    assert facts.key == "argo_rollout/eu/store/shop"
    assert facts.arm_labels[Arm.CONTROL] == {"ns": NAMESPACE, "hash": V1}
    assert facts.source_options == {"url": "http://p:9090"}


def test_the_presets_read_what_traefik_counts_for_both_services() -> None:
    router = target_on(shop(), router="traefik").facts().router
    assert router is not None
    assert router.arm_labels[Arm.CONTROL] == {"service": "store-shop-stable-80@kubernetescrd"}
    assert router.arm_labels[Arm.TREATMENT] == {"service": "store-shop-canary-80@kubernetescrd"}
    assert target_on(shop(BY_PODS), router="traefik").facts().router is None


def test_two_colours_have_a_preview_and_only_the_whole() -> None:
    facts = target_on(shop(COLOURS), router="traefik").facts()
    assert (facts.rungs_pct, facts.router) == ((100,), None)
    assert facts.preview_url == "http://shop-preview.store.svc:80"
    assert target_on(shop(COLOURS), preview_url="http://10.0.0.1").facts().preview_url == "http://10.0.0.1"


def test_versions_without_a_replica_set_are_named_by_their_hashes() -> None:
    cluster = shop()
    cluster.after_write = lambda _: None
    cluster.delete(REPLICA_SETS, NAMESPACE, f"shop-{V1}")
    assert target_on(cluster).facts().control == V1
    seen = state(launched(cluster).observe())
    assert (seen.control.ready, seen.control.detail) == (False, f"its ReplicaSet ({V1}) is gone")


def aborted() -> FakeCluster:
    cluster = shop()
    order(cluster, abort=True)
    return cluster


def invalid() -> FakeCluster:
    cluster = shop()
    write(cluster, conditions=[{"type": "InvalidSpec", "status": "True", "message": "the steps are odd"}])
    return cluster


def unseen() -> FakeCluster:
    cluster = shop()
    write(cluster, observedGeneration="0")
    return cluster


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        (idle(canary()), "nothing to release: its template is the stable version"),
        (aborted(), "it was aborted"),
        (invalid(), "the steps are odd"),
        (
            shop({"canary": {"steps": LADDER[4:]}}),
            "has no ladder: .* `rampwise prepare rollout/shop -n store`",
        ),
        (shop(canary([])), "has no ladder: a new template gets traffic at once"),
        (shop({"blueGreen": {"activeService": "shop-active"}}), "switches by itself"),
    ],
)
def test_what_cannot_be_released_says_what_to_do(cluster: FakeCluster, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        target_on(cluster).facts()


def test_a_rollout_without_a_strategy_is_refused() -> None:
    cluster = shop()
    cluster.after_write = lambda _: None
    seen = read(cluster)
    seen["spec"]["strategy"] = {}
    cluster.put(ROLLOUTS, seen)
    with pytest.raises(UsageError, match="neither canary nor blueGreen"):
        target_on(cluster).facts()


def test_a_rollout_that_its_controller_has_not_seen_is_no_answer() -> None:
    with pytest.raises(Unreachable, match="has not looked at shop"):
        target_on(unseen()).facts()
    assert "has not looked" in gone(target_on(unseen()).observe())
