"""Where flags are: in a file beside others', in a ConfigMap, in a FeatureFlag; and what options say of it."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from engine.adapters.flags.in_config_map import CONFIG_MAPS
from engine.adapters.flags.in_feature_flag import FEATURE_FLAGS
from engine.adapters.kubernetes.fake import FakeCluster
from engine.core.target import ALL_TO_CONTROL, Weights
from engine.errors import Unreachable
from engine.flags.document import written
from engine.testing.targets import state
from tests.adapters.clusters import gone
from tests.adapters.flags.places import (
    ELSE,
    IN_MAP,
    IN_RESOURCE,
    NAMESPACE,
    cluster_with_flags,
    launched,
    options,
    target_at,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "flags.json"


def test_other_flags_in_a_file_stay(file: Path) -> None:
    file.write_text(json.dumps({"flags": {"else": ELSE}, "$evaluators": {"e": {"==": [1, 1]}}}))
    state(launched(file).apply(Weights.of(20)))
    after = json.loads(file.read_text())
    assert after["flags"]["else"] == ELSE
    assert after["$evaluators"] == {"e": {"==": [1, 1]}}
    assert set(after["flags"]) == {
        "else",
        *(f"exp.checkout.{part}" for part in ("enabled", "exposure", "arm", "variant")),
    }


def test_a_change_of_other_flags_is_no_change_of_the_target(file: Path) -> None:
    target = launched(file)
    before = state(target.apply(Weights.of(20)))
    document = json.loads(file.read_text())
    file.write_text(json.dumps({"flags": {**document["flags"], "else": ELSE}}))
    assert state(target.observe()) == before


def test_two_experiments_share_a_file(file: Path) -> None:
    one, other = launched(file), launched(file, experiment="search")
    state(one.apply(Weights.of(20)))
    state(other.apply(Weights.of(50)))
    assert state(one.observe()).weights == Weights.of(20)
    assert state(other.observe()).weights == Weights.of(50)


def test_who_reads_the_file_meanwhile_sees_all_of_a_change_or_nothing(file: Path) -> None:
    target = launched(file, split_pct=[50, 50])
    state(target.apply(ALL_TO_CONTROL))
    plan, ended, seen = options(file, split_pct=[50, 50]).plan, threading.Event(), []

    def read() -> None:
        while not ended.is_set():
            seen.append(written(json.loads(file.read_text())["flags"], plan))

    with ThreadPoolExecutor() as readers:
        reading = readers.submit(read)
        for treatment_pct in range(1, 60):
            state(target.apply(Weights.of(treatment_pct)))
        ended.set()
        reading.result()
    assert None not in seen
    assert len(set(seen)) > 1


def test_experiments_that_write_at_once_lose_nothing(file: Path) -> None:
    def ramped(name: str) -> None:
        target = launched(file, experiment=name)
        for treatment_pct in range(1, 20):
            assert state(target.apply(Weights.of(treatment_pct))).weights == Weights.of(treatment_pct)

    with ThreadPoolExecutor() as writers:
        list(writers.map(ramped, ("a", "b", "d")))
    for name in ("a", "b", "d"):
        assert state(launched(file, experiment=name).observe()).weights == Weights.of(19)


@pytest.mark.parametrize("place", [IN_MAP, IN_RESOURCE])
def test_other_flags_in_a_cluster_stay(place: dict[str, Any]) -> None:
    cluster = cluster_with_flags()
    target = launched(place, cluster, testers={"short": ["ada"]})
    search = launched(place, cluster, experiment="search")
    for weights in (Weights.of(20), Weights.of(100), Weights.of(0)):
        state(target.apply(weights))
        state(search.apply(Weights.of(50)))
        assert state(target.observe()).weights == weights
        assert state(search.observe()).weights == Weights.of(50)
    config_map = cluster.get(CONFIG_MAPS, NAMESPACE, "flags")
    document = json.loads(config_map["data"]["flags.json"])
    held = cluster.get(FEATURE_FLAGS, NAMESPACE, "flags")["spec"]["flagSpec"]["flags"]
    assert (document["flags"]["else"], held["else"]) == (ELSE, ELSE)
    assert (config_map["data"]["other"], document["metadata"]) == ("kept", {"owner": "shop"})


def test_a_feature_flag_is_applied_with_nothing_but_our_flags() -> None:
    cluster = cluster_with_flags()
    state(launched(IN_RESOURCE, cluster).apply(Weights.of(20)))
    [(resource, name, body)] = cluster.patches
    assert (resource, name) == ("featureflags.core.openfeature.dev", "flags")
    assert isinstance(body, dict)
    applied = body["spec"]["flagSpec"]["flags"]
    assert all(key.startswith("exp.checkout.") for key in applied)
    assert all("metadata" not in flag for flag in applied.values())


def test_who_needs_dimensions_has_metadata_everywhere(file: Path) -> None:
    told = {"run": "checkout", "dimensions": "country,plan"}
    assert options(file, dimensions=["country", "plan"]).plan.metadata == told
    assert options(IN_RESOURCE, dimensions=["country", "plan"]).plan.metadata == told
    assert options(file, salt="again").plan.metadata == {"run": "again"}


@pytest.mark.parametrize("place", [IN_MAP, IN_RESOURCE])
def test_what_somebody_writes_in_between_is_not_overwritten(place: dict[str, Any]) -> None:
    cluster = cluster_with_flags()
    target = launched(place, cluster)
    state(target.apply(ALL_TO_CONTROL))
    resource = CONFIG_MAPS if place is IN_MAP else FEATURE_FLAGS
    reads = iter([True])
    get = cluster.get

    def get_then_move(*where: Any) -> Any:
        found = get(*where)
        if next(reads, False):
            moved = {**found, "metadata": {**found["metadata"], "labels": {"moved": "yes"}}}
            cluster.put(resource, moved)
        return found

    cluster.get = get_then_move  # type: ignore[method-assign]
    assert state(target.apply(Weights.of(20))).weights == Weights.of(20)
    assert get(resource, NAMESPACE, "flags")["metadata"]["labels"] == {"moved": "yes"}


@pytest.mark.parametrize("place", [IN_MAP, IN_RESOURCE])
def test_nothing_is_made_where_nobody_put_a_place_for_flags(place: dict[str, Any]) -> None:
    empty = FakeCluster()
    assert "not found" in gone(target_at(place, empty).apply(ALL_TO_CONTROL))
    with pytest.raises(Unreachable, match="not found"):
        target_at(place, empty).facts()


def test_a_key_of_a_config_map_is_made() -> None:
    cluster = cluster_with_flags()
    place = {"config_map": {**IN_MAP["config_map"], "key": "new.json"}}
    assert state(launched(place, cluster).apply(Weights.of(5))).weights == Weights.of(5)


@pytest.mark.parametrize("text", ["{", "[]", '{"flags": []}'])
def test_what_is_no_flag_document_is_left_alone(text: str, file: Path) -> None:
    cluster = cluster_with_flags()
    meta = {"name": "flags", "namespace": NAMESPACE}
    cluster.put(CONFIG_MAPS, {"metadata": meta, "data": {"flags.json": text}})
    file.write_text(text)
    for target in (target_at(IN_MAP, cluster), target_at(file)):
        assert gone(target.apply(ALL_TO_CONTROL))
        assert gone(target.observe())
    assert file.read_text() == text
    assert cluster.get(CONFIG_MAPS, NAMESPACE, "flags")["data"]["flags.json"] == text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"treatments": ["old"]}, "named twice"),
        ({"treatments": []}, "at least 1 item"),
        ({"split_pct": [50, 25, 25]}, "one for each treatment"),
        ({"split_pct": [50, 40]}, "100 together"),
        ({"testers": {"other": ["ada"]}}, "there is none called other"),
        ({"testers": {"old": ["ada"], "short": ["ada"]}}, "ada is named twice"),
        ({"control": "a b"}, "should match pattern"),
        (IN_MAP, "one of file"),
    ],
)
def test_options_that_make_no_sense_say_so(file: Path, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        options(file, **wrong)
