"""The split that is wanted, as the whole list `spec.traffic`: Knative takes no part of it. Pure."""

from collections.abc import Collection

from engine.adapters.knative.kinds import CANDIDATE_TAG
from engine.adapters.knative.reading import Pair
from engine.adapters.kubernetes.cluster import Manifest
from engine.core.target import Weights


def named(service: Manifest) -> set[str]:
    """Revisions to which the Service's split refers, by name or as the latest ready one."""
    names = {_revision(service, entry) for entry in service["spec"].get("traffic", ())}
    return names - {""}


def split(
    service: Manifest, compared: Pair, weights: Weights, unready: Collection[str] = ()
) -> Manifest | None:
    """A merge patch that leads to these weights, None where they are wished for already.

    The treatment has the tag `candidate`, also without a share. Tags of others stay.

    `unready` revisions cannot serve. While one is referred to, Knative changes no route at all, so those that
    get no share are left out.
    """
    wanted: list[Manifest] = [{"revisionName": compared.control, "percent": weights.control}]
    if weights.treatment or compared.treatment not in unready:
        share = {"revisionName": compared.treatment, "percent": weights.treatment}
        wanted.append({**share, "tag": CANDIDATE_TAG})
    wanted += tags_of_others(service, unready)
    return patch_to(service, wanted)


def tags_of_others(service: Manifest, unready: Collection[str] = ()) -> list[Manifest]:
    """The tags that people gave, without the shares that came with them."""
    return [
        {key: entry[key] for key in ("revisionName", "latestRevision", "tag") if entry.get(key)}
        for entry in service["spec"].get("traffic", ())
        if entry.get("tag") not in {None, "", CANDIDATE_TAG} and _revision(service, entry) not in unready
    ]


def patch_to(service: Manifest, wanted: list[Manifest]) -> Manifest | None:
    """A merge patch that rests on the manifest as it is, None where the list is as wanted."""
    if list(map(_told, wanted)) == list(map(_told, service["spec"].get("traffic", ()))):
        return None
    return {
        "metadata": {"resourceVersion": service["metadata"]["resourceVersion"]},
        "spec": {"traffic": wanted},
    }


def _told(entry: Manifest) -> Manifest:
    """An entry without what means the same as nothing."""
    return {key: value for key, value in entry.items() if value}


def _revision(service: Manifest, entry: Manifest) -> str:
    if entry.get("latestRevision"):
        return str(service.get("status", {}).get("latestReadyRevisionName", ""))
    return str(entry.get("revisionName", ""))
