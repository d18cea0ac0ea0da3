"""The split that is wanted, as the whole list `spec.traffic`: Knative takes no part of it. Pure."""

from collections.abc import Collection

from engine.adapters.knative.kinds import CANDIDATE_TAG
from engine.adapters.knative.reading import Pair
from engine.adapters.kubernetes.cluster import Manifest
from engine.core.target import ALL_TO_CONTROL, Weights


def named(service: Manifest) -> set[str]:
    """Revisions to which the Service's split refers, by name or as the latest ready one."""
    names = {_revision(service, entry) for entry in service["spec"].get("traffic", ())}
    return names - {""}


def split(
    service: Manifest, compared: Pair, weights: Weights, unready: Collection[str] = ()
) -> Manifest | None:
    """A merge patch that leads to these weights, None where they are wished for already.

    The treatment has the tag `candidate`, also without a share. Tags of others stay. An audience is given by
    its tag alone, which leads to the treatment or is not there.

    `unready` revisions cannot serve. While one is referred to, Knative changes no route at all, so those that
    get no share are left out.
    """
    audience = compared.audience
    is_by_tag = audience is not None and weights.control > 0
    everybodys = ALL_TO_CONTROL if is_by_tag else weights
    wanted: list[Manifest] = [{"revisionName": compared.control, "percent": everybodys.control}]
    if weights.treatment or compared.treatment not in unready:
        share = {"revisionName": compared.treatment, "percent": everybodys.treatment}
        wanted.append({**share, "tag": CANDIDATE_TAG})
    if audience is not None and is_by_tag and weights.treatment:
        wanted.append({"revisionName": compared.treatment, "tag": audience.tag})
    ours = {CANDIDATE_TAG} if audience is None else {CANDIDATE_TAG, audience.tag}
    wanted += tags_of_others(service, unready, ours)
    return patch_to(service, wanted)


def tags_of_others(
    service: Manifest, unready: Collection[str] = (), ours: Collection[str] = (CANDIDATE_TAG,)
) -> list[Manifest]:
    """The tags that people gave, without the shares that came with them."""
    not_kept = {None, "", *ours}
    return [
        {key: entry[key] for key in ("revisionName", "latestRevision", "tag") if entry.get(key)}
        for entry in service["spec"].get("traffic", ())
        if entry.get("tag") not in not_kept and _revision(service, entry) not in unready
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
