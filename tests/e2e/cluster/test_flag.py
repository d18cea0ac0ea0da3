"""Flags in a real API server: by server-side apply and by merge patch, with nothing but the Role for them."""

import json
from typing import Any

import pytest
import yaml

from engine.adapters.flags import FlagTarget
from engine.adapters.flags.in_config_map import CONFIG_MAPS
from engine.adapters.flags.in_feature_flag import FEATURE_FLAGS
from engine.adapters.flags.options import FlagOptions
from engine.adapters.kubernetes.client import connect
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, TargetGone, TargetState, Weights
from engine.plugins import check_options
from engine.testing.targets import SeveralTreatmentsContract, TidyTargetContract, state
from tests.e2e.cluster.bed.client import Cluster, Object
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.permissions import as_controller, without
from tests.e2e.cluster.vanishing import ApiCanVanish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

ELSE = {"state": "ENABLED", "variants": {"on": True}, "defaultVariant": "on"}
API, KIND = "core.openfeature.dev/v1beta1", "FeatureFlag"
DEFINITION = "openfeature/core.openfeature.dev_featureflags.yaml"
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def definition(cluster: Cluster) -> Object:
    """FeatureFlags as the OpenFeature operator's own types have them, from before they had metadata."""
    text = (cluster.layout.manifests / DEFINITION).read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def with_metadata(made: Object) -> Object:
    """The same as operators from 0.9 on have it."""
    schema = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    flags = schema["properties"]["spec"]["properties"]["flagSpec"]["properties"]["flags"]
    flags["additionalProperties"]["properties"]["metadata"] = ANYTHING
    return made


@pytest.fixture(scope="module")
def served(cluster: Cluster) -> Cluster:
    """The cluster, with FeatureFlags; they stay."""
    cluster.apply(definition(cluster))
    api = connect()
    eventually(lambda: api.find(FEATURE_FLAGS, "", {}) is not None, what="FeatureFlags are served")
    return cluster


def put_flags(namespace: Namespace) -> None:
    """Both places, each with somebody else's flag."""
    meta = {"name": "flags"}
    namespace.apply(
        {"apiVersion": API, "kind": KIND, "metadata": meta, "spec": {"flagSpec": {"flags": {"else": ELSE}}}},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": meta,
            "data": {"flags.json": json.dumps({"flags": {"else": ELSE}})},
        },
    )


def options(namespace: Namespace, place: str, **more: Any) -> FlagOptions:
    where = {place: {"name": "flags", "namespace": namespace.name}}
    chosen = {"experiment": "checkout", "control": "old", "treatments": ["short"], **where, **more}
    return check_options(FlagTarget, chosen)


class TestFlagsInAFeatureFlag(ApiCanVanish, TidyTargetContract, SeveralTreatmentsContract):
    place = "feature_flag"

    @pytest.fixture
    def flagged(self, served: Cluster, namespace: Namespace) -> Namespace:
        put_flags(namespace)
        return namespace

    @pytest.fixture
    def target(self, flagged: Namespace) -> FlagTarget:
        return FlagTarget(options(flagged, self.place), as_controller(flagged, "flags.yaml"))

    @pytest.fixture
    def several(self, flagged: Namespace) -> FlagTarget:
        made = options(flagged, self.place, treatments=["short", "long"], split_pct=[50, 25, 25])
        return FlagTarget(made, as_controller(flagged, "flags.yaml"))


class TestFlagsInAConfigMap(TestFlagsInAFeatureFlag):
    place = "config_map"


@pytest.fixture
def flagged(served: Cluster, namespace: Namespace) -> Namespace:
    put_flags(namespace)
    return namespace


def held(namespace: Namespace) -> Object:
    return connect().get(FEATURE_FLAGS, namespace.name, "flags")


def test_every_flag_has_one_owner_and_others_stay(flagged: Namespace) -> None:
    one = FlagTarget(options(flagged, "feature_flag", testers={"short": ["ada"]}))
    other = FlagTarget(options(flagged, "feature_flag", experiment="search"))
    for weights in (Weights.of(20), Weights.of(100), ALL_TO_CONTROL):
        state(one.apply(weights))
        state(other.apply(Weights.of(50)))
        assert state(one.observe()).weights == weights
        assert state(other.observe()).weights == Weights.of(50)
    found = held(flagged)
    assert found["spec"]["flagSpec"]["flags"]["else"] == ELSE
    owned = {
        entry["manager"]: set(entry["fieldsV1"]["f:spec"]["f:flagSpec"]["f:flags"])
        for entry in found["metadata"]["managedFields"]
        if entry["manager"].startswith("rampwise.")
    }
    assert set(owned) == {"rampwise.checkout", "rampwise.search"}
    assert all(key.startswith("f:exp.checkout.") for key in owned["rampwise.checkout"])


@pytest.mark.parametrize("end", [ALL_TO_CONTROL, ALL_TO_TREATMENT], ids=str)
def test_a_finished_experiment_owns_only_what_stays(flagged: Namespace, end: Weights) -> None:
    target = FlagTarget(options(flagged, "feature_flag", testers={"short": ["ada"]}))
    state(target.apply(Weights.of(20)))
    state(target.finish(end))
    found, left = held(flagged), {"exp.checkout.enabled", "exp.checkout.variant"}
    assert set(found["spec"]["flagSpec"]["flags"]) == {"else", *left}
    [owned] = [each for each in found["metadata"]["managedFields"] if each["manager"] == "rampwise.checkout"]
    assert set(owned["fieldsV1"]["f:spec"]["f:flagSpec"]["f:flags"]) == {f"f:{key}" for key in left}


def test_dimensions_need_an_operator_that_knows_metadata(flagged: Namespace) -> None:
    target = FlagTarget(options(flagged, "feature_flag", dimensions=["country"]))
    answer = target.apply(Weights.of(20))
    assert isinstance(answer, TargetGone)
    assert "metadata: field not declared in schema" in answer.detail
    flagged.cluster.apply(with_metadata(definition(flagged.cluster)))
    try:
        eventually(lambda: isinstance(target.apply(Weights.of(20)), TargetState), what="metadata is known")
        told = held(flagged)["spec"]["flagSpec"]["flags"]["exp.checkout.variant"]["metadata"]
        assert told["dimensions"] == "country"
    finally:
        flagged.cluster.apply(definition(flagged.cluster))


def test_what_a_person_edits_is_noticed_and_taken_back(flagged: Namespace) -> None:
    target = FlagTarget(options(flagged, "feature_flag"))
    state(target.apply(Weights.of(20)))
    key = "exp.checkout.variant"
    change = {"spec": {"flagSpec": {"flags": {key: {"defaultVariant": "short"}}}}}
    flagged.cluster.patch(API, KIND, "flags", change, namespace=flagged.name)
    assert "somebody else wrote" in state(target.observe()).ended
    assert state(target.apply(ALL_TO_CONTROL)).ended == ""


@pytest.mark.parametrize(
    ("place", "resource"), [("feature_flag", "featureflags"), ("config_map", "configmaps")]
)
@pytest.mark.parametrize("verb", ["get", "patch"])
def test_what_the_role_lacks_is_named(flagged: Namespace, place: str, resource: str, verb: str) -> None:
    api = as_controller(flagged, "flags.yaml", without(verb, resource))
    answer = FlagTarget(options(flagged, place), api).apply(Weights.of(20))
    assert isinstance(answer, TargetGone)
    assert f"a Role must grant verb `{verb}` on `{resource}" in answer.detail


def test_other_flags_are_out_of_reach(flagged: Namespace) -> None:
    api = as_controller(flagged, "flags.yaml")
    flagged.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "else"}})
    made = options(flagged, "config_map", config_map={"name": "else", "namespace": flagged.name})
    assert isinstance(FlagTarget(made, api).observe(), TargetGone)
    assert connect().get(CONFIG_MAPS, flagged.name, "else")
