"""What every `Cluster` must do. A test class subclasses this and provides `api` and `place`, a namespace.

It works with kinds of the core, so that the in-memory stand-in and a real API server can be held to the same.
"""

from typing import Any

import pytest

from engine.adapters.kubernetes.cluster import (
    DEPLOYMENTS,
    REVIEWS_OF_ONESELF,
    Cluster,
    Moved,
    NotThere,
    PatchKind,
    Resource,
)

CONFIG_MAPS = Resource(group="", version="v1", plural="configmaps")
ABOUT = {"apiVersion": "v1", "kind": "ConfigMap"}


def a_map(name: str, labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    return {**ABOUT, "metadata": {"name": name, "labels": labels or {}}, "data": data}


class ClusterContract:
    """Uses of one namespace by one client."""

    def test_what_is_created_is_there(self, api: Cluster, place: str) -> None:
        made = api.create(CONFIG_MAPS, place, a_map("one", colour="blue"))
        found = api.get(CONFIG_MAPS, place, "one")
        assert found["data"] == {"colour": "blue"}
        assert found["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
        assert found["metadata"]["namespace"] == place

    def test_a_name_is_given_once(self, api: Cluster, place: str) -> None:
        api.create(CONFIG_MAPS, place, a_map("twice"))
        with pytest.raises(Moved, match="already exists"):
            api.create(CONFIG_MAPS, place, a_map("twice"))

    def test_what_is_not_there_is_told(self, api: Cluster, place: str) -> None:
        with pytest.raises(NotThere, match="not found"):
            api.get(CONFIG_MAPS, place, "nothing")
        with pytest.raises(NotThere, match="not found"):
            api.patch(CONFIG_MAPS, place, "nothing", {"data": {}})

    def test_labels_choose(self, api: Cluster, place: str) -> None:
        for name, labels in (("a", {"app": "x"}), ("b", {"app": "x", "tier": "y"}), ("c", {"app": "z"})):
            api.create(CONFIG_MAPS, place, a_map(f"find-{name}", labels))
        found = api.find(CONFIG_MAPS, place, {"app": "x"})
        assert sorted(each["metadata"]["name"] for each in found) == ["find-a", "find-b"]
        both = api.find(CONFIG_MAPS, place, {"app": "x", "tier": "y"})
        assert [each["metadata"]["name"] for each in both] == ["find-b"]
        assert list(api.find(CONFIG_MAPS, place, {"app": "nobody"})) == []

    def test_no_namespace_is_all_of_them(self, api: Cluster, place: str) -> None:
        api.create(CONFIG_MAPS, place, a_map("anywhere", {"app": f"of-{place}"}))
        [found] = api.find(CONFIG_MAPS, "", {"app": f"of-{place}"})
        assert found["metadata"]["namespace"] == place

    def test_a_merge_patch_changes_and_takes_away(self, api: Cluster, place: str) -> None:
        api.create(CONFIG_MAPS, place, a_map("merged", one="1", two="2"))
        after = api.patch(CONFIG_MAPS, place, "merged", {"data": {"one": None, "three": "3"}})
        assert after["data"] == {"two": "2", "three": "3"}
        assert api.get(CONFIG_MAPS, place, "merged")["data"] == after["data"]

    def test_a_patch_that_changes_nothing_moves_nothing(self, api: Cluster, place: str) -> None:
        made = api.create(CONFIG_MAPS, place, a_map("still", one="1"))
        after = api.patch(CONFIG_MAPS, place, "still", {"data": {"one": "1"}})
        assert after["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]

    def test_a_write_that_rests_on_an_older_version_is_refused(self, api: Cluster, place: str) -> None:
        made = api.create(CONFIG_MAPS, place, a_map("moving", one="1"))
        version = made["metadata"]["resourceVersion"]
        body = {"metadata": {"resourceVersion": version}, "data": {"one": "2"}}
        api.patch(CONFIG_MAPS, place, "moving", body)
        with pytest.raises(Moved):
            api.patch(CONFIG_MAPS, place, "moving", {**body, "data": {"one": "3"}})
        assert api.get(CONFIG_MAPS, place, "moving")["data"] == {"one": "2"}

    def test_a_status_is_written_by_its_own_door_only(self, api: Cluster, place: str) -> None:
        labels = {"app": "none"}
        pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
        spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod}
        about = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "split"}}
        api.create(DEPLOYMENTS, place, {**about, "spec": spec})
        change = {"spec": {"minReadySeconds": 7}, "status": {"conditions": [A_CONDITION]}}
        by_front = api.patch(DEPLOYMENTS, place, "split", change)
        assert by_front["spec"]["minReadySeconds"] == 7
        assert A_CONDITION not in by_front.get("status", {}).get("conditions", [])
        change["spec"]["minReadySeconds"] = 9
        by_side = api.patch(DEPLOYMENTS, place, "split", change, subresource="status")
        assert by_side["spec"]["minReadySeconds"] == 7
        assert A_CONDITION["type"] in {each["type"] for each in by_side["status"]["conditions"]}

    def test_applying_changes_what_is_there(self, api: Cluster, place: str) -> None:
        api.create(CONFIG_MAPS, place, a_map("applied", one="1", two="2"))
        wanted = {**ABOUT, "metadata": {"name": "applied"}, "data": {"two": "3"}}
        after = api.patch(CONFIG_MAPS, place, "applied", wanted, kind=PatchKind.APPLY)
        assert after["data"] == {"one": "1", "two": "3"}

    def test_what_an_apply_leaves_out_goes_away_if_nobody_else_put_it_there(
        self, api: Cluster, place: str
    ) -> None:
        api.create(CONFIG_MAPS, place, a_map("shared", others="1"))
        about = {**ABOUT, "metadata": {"name": "shared"}}
        for manager, data in (("one", {"a": "1", "b": "1"}), ("other", {"c": "1"}), ("one", {"b": "2"})):
            wanted = {**about, "data": data}
            after = api.patch(CONFIG_MAPS, place, "shared", wanted, kind=PatchKind.APPLY, manager=manager)
        assert after["data"] == {"others": "1", "b": "2", "c": "1"}

    def test_an_apply_that_rests_on_an_older_version_is_refused(self, api: Cluster, place: str) -> None:
        made = api.create(CONFIG_MAPS, place, a_map("applied-late", one="1"))
        meta = {"name": "applied-late", "resourceVersion": made["metadata"]["resourceVersion"]}
        wanted = {**ABOUT, "metadata": meta, "data": {"one": "2"}}
        api.patch(CONFIG_MAPS, place, "applied-late", wanted, kind=PatchKind.APPLY)
        with pytest.raises(Moved):
            api.patch(CONFIG_MAPS, place, "applied-late", wanted, kind=PatchKind.APPLY)

    def test_what_is_deleted_is_gone_and_may_be_deleted_again(self, api: Cluster, place: str) -> None:
        api.create(CONFIG_MAPS, place, a_map("going"))
        for _ in range(2):
            api.delete(CONFIG_MAPS, place, "going")
        with pytest.raises(NotThere):
            api.get(CONFIG_MAPS, place, "going")

    def test_who_asks_is_told(self, api: Cluster, place: str) -> None:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        assert api.create(REVIEWS_OF_ONESELF, "", body)["status"]["userInfo"]["username"]


A_CONDITION = {"type": "Available", "status": "Unknown", "reason": "Told", "message": "by a test"}
