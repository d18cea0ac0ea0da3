"""What the target does to real Knative controllers, act by act."""

import time

import pytest

from engine.adapters.knative import KnativeOptions, KnativeTarget
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, TargetGone, Weights
from engine.testing.targets import ReversibleTargetContract, state
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.knative_shop import (
    NEVER_READY,
    ONE,
    THREE,
    TWO,
    assert_all_on,
    await_latest,
    change_template,
    load,
    options,
    pinned,
    ready_to_release,
    revision_of,
    target_in,
    template,
)
from tests.e2e.cluster.permissions import as_controller, without
from tests.e2e.cluster.vanishing import ApiCanVanish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="class")
def released(standing: Namespace) -> Namespace:
    ready_to_release(standing)
    return standing


class TestKnativeKeepsTheContract(ApiCanVanish, ReversibleTargetContract):
    @pytest.fixture
    def target(self, released: Namespace) -> KnativeTarget:
        chosen = options(released, control=ONE, treatment=TWO, latest=TWO)
        target = KnativeTarget(KnativeOptions(**chosen))
        state(target.apply(ALL_TO_CONTROL))
        return target

    @pytest.fixture
    def possible_pct(self) -> tuple[int, ...]:
        return (1, 99)


def test_an_unknown_revision_moves_nobody(namespace: Namespace) -> None:
    ready_to_release(namespace)
    target = KnativeTarget(KnativeOptions(**options(namespace, control=ONE, treatment=THREE)))
    with load(namespace) as visitors:
        assert "RevisionMissing" in gone(target.apply(Weights.of(20)))
        assert state(target.observe()).weights == ALL_TO_CONTROL
        assert_all_on(visitors, "v1")
        assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL


def test_a_failed_revision_is_left_although_knative_moves_no_route_that_refers_to_it(
    namespace: Namespace,
) -> None:
    ready_to_release(namespace, {"EXIT_AFTER_S": "10"})
    target = target_in(namespace)
    state(target.apply(Weights.of(20)))
    namespace.cluster.set_behaviour(namespace.name, "shop", "v2", **NEVER_READY)
    eventually(lambda: is_failed(namespace, TWO), what="Knative calls the revision failed")
    assert not state(target.observe()).treatment.ready
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
    assert [entry["revisionName"] for entry in namespace.knative("shop")["status"]["traffic"]] == [ONE]
    with load(namespace) as visitors:
        assert_all_on(visitors, "v1")


def is_failed(namespace: Namespace, revision: str) -> bool:
    """Whether Knative has looked at the crashed pod, which it does when the revision changes."""
    looked = {"metadata": {"annotations": {"looked-at": str(time.time())}}}
    found = namespace.cluster.patch(
        "serving.knative.dev/v1", "Revision", revision, looked, namespace=namespace.name
    )
    return any(
        each["type"] == "Ready" and each["status"] == "False" for each in found["status"]["conditions"]
    )


def test_the_way_back_is_kept_when_knative_collects_other_revisions(namespace: Namespace) -> None:
    ready_to_release(namespace)
    state(target_in(namespace).apply(ALL_TO_TREATMENT))
    namespace.patch_knative("shop", {"spec": {"traffic": [{"revisionName": TWO, "percent": 100}]}})
    for version, revision in (("v3", "three"), ("v4", "four")):
        change_template(namespace, template(version), revision)
        await_latest(namespace, f"shop-{revision}")
    eventually(lambda: revision_of(namespace, THREE) is None, what="an unused revision is collected")
    assert revision_of(namespace, ONE) is not None


def test_the_role_is_enough(namespace: Namespace) -> None:
    ready_to_release(namespace)
    target = target_in(namespace, as_controller(namespace, "knative.yaml"))
    assert state(target.apply(ALL_TO_TREATMENT)).weights == ALL_TO_TREATMENT
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL


def test_missing_permissions_are_named(namespace: Namespace) -> None:
    pinned(namespace)
    chosen = KnativeOptions(**options(namespace, control=ONE, treatment=TWO))
    services, revisions = "services.serving.knative.dev", "revisions.serving.knative.dev"
    for verb, resource in [("patch", revisions), ("patch", services), ("list", "pods"), ("get", services)]:
        plural, _, _ = resource.partition(".")
        target = KnativeTarget(chosen, as_controller(namespace, "knative.yaml", without(verb, plural)))
        assert_named(target, f"a Role must grant verb `{verb}` on `{resource}`")


def assert_named(target: KnativeTarget, wanted: str) -> None:
    def said() -> bool:
        answers = (target.observe(), target.apply(Weights.of(20)))
        return any(wanted in answer.detail for answer in answers if isinstance(answer, TargetGone))

    eventually(said, what=wanted)


def gone(answer: object) -> str:
    assert isinstance(answer, TargetGone), answer
    return answer.detail
