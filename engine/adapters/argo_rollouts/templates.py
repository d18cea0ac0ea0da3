"""Goes back to a version's own pod template, and names versions by it. Pure."""

from typing import Any

from engine.adapters.argo_rollouts.kinds import HASH_LABEL
from engine.adapters.kubernetes.cluster import Manifest


def template_of(replica_set: Manifest) -> Manifest:
    """The pod template as people wrote it, without what the controller added.

    >>> template_of({"spec": {"template": {"metadata": {"labels": {"app": "a", HASH_LABEL: "x"}}}}})
    {'metadata': {'labels': {'app': 'a'}}}
    """
    template: Manifest = replica_set["spec"]["template"]
    meta = template.get("metadata", {})
    labels = {name: value for name, value in meta.get("labels", {}).items() if name != HASH_LABEL}
    kept = {name: value for name, value in meta.items() if value is not None}
    return {**template, "metadata": {**kept, "labels": labels}}


def is_made_of(replica_set: Manifest, template: Manifest) -> bool:
    """Whether a ReplicaSet may be that of a template, by what a new version usually changes.

    Other fields are not looked at: the API server writes defaults and quantities in its own way.

    >>> is_made_of({"spec": {"template": {"spec": {"containers": [{"image": "a:1", "tty": False}]}}}},
    ...            {"spec": {"containers": [{"image": "a:2"}]}})
    False
    """
    return _substance(replica_set["spec"]["template"]) == _substance(template)


def _substance(template: Manifest) -> list[list[Any]]:
    containers = template.get("spec", {}).get("containers") or ()
    return [
        [
            each.get("image"),
            each.get("command") or [],
            each.get("args") or [],
            [(variable.get("name"), variable.get("value") or "") for variable in each.get("env") or ()],
        ]
        for each in containers
    ]


def change(before: Any, after: Any) -> Any:
    """A merge patch (RFC 7396) from one value to another; lists are replaced whole.

    >>> change({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": 2, "d": 4}})
    {'a': None, 'b': {'d': 4}}
    """
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    gone: dict[str, Any] = {key: None for key in before if key not in after}
    return gone | {
        key: change(before[key], value) if key in before else value
        for key, value in after.items()
        if key not in before or before[key] != value
    }


def names(control: Manifest, treatment: Manifest, hashes: tuple[str, str]) -> tuple[str, str]:
    """What people call two versions: the tags of the image that differs, or else the hashes."""
    for one, other in zip(_images(control), _images(treatment), strict=False):
        tags = (_tag(one), _tag(other))
        if one != other and tags[0] and tags[1] and tags[0] != tags[1]:
            return tags
    return hashes


def _images(replica_set: Manifest) -> list[str]:
    return [str(each.get("image", "")) for each in replica_set["spec"]["template"]["spec"]["containers"]]


def _tag(image: str) -> str:
    """The tag of an image; a digest names nothing to a person."""
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2]
