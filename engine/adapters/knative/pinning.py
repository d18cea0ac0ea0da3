"""Makes a Knative Service fit for a release: a new template must get no traffic by itself. Pure."""

from dataclasses import dataclass

from engine.adapters.knative.kinds import CANDIDATE_TAG
from engine.adapters.knative.patches import patch_to, tags_of_others
from engine.adapters.knative.reading import explained, in_words, shares
from engine.adapters.kubernetes.cluster import Manifest
from engine.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What to change, and why in sentences.

    Attributes:
        patch: a merge patch of the Service, None where nothing has to change.
    """

    patch: Manifest | None
    changes: tuple[str, ...]


def pin(service: Manifest) -> Pin:
    """Name the revisions that have the traffic now; the latest one answers under the tag `candidate`.

    >>> pin({
    ...     "metadata": {"name": "shop", "resourceVersion": "7"},
    ...     "spec": {},
    ...     "status": {"traffic": [{"revisionName": "shop-1", "latestRevision": True, "percent": 100}]},
    ... }).patch["spec"]["traffic"]
    [{'revisionName': 'shop-1', 'percent': 100}, {'latestRevision': True, 'tag': 'candidate'}]

    Raises:
        UsageError: the Service routes nothing yet.
    """
    name = service["metadata"]["name"]
    split = {revision: share for revision, share in shares(service).items() if share}
    if not split:
        raise UsageError(f"{name} routes nothing yet ({explained(service, 'Ready')}); wait until it serves")
    wanted: list[Manifest] = [{"revisionName": each, "percent": share} for each, share in split.items()]
    wanted.append({"latestRevision": True, "tag": CANDIDATE_TAG})
    wanted += tags_of_others(service)
    patch = patch_to(service, wanted)
    if patch is None:
        return Pin(patch=None, changes=())
    return Pin(
        patch=patch,
        changes=(
            f"spec.traffic: {in_words(split)}, by name: a new template gets no traffic of itself any more",
            f"spec.traffic: the latest revision answers under the tag {CANDIDATE_TAG}, without a share",
        ),
    )
