"""What a Knative Service's manifest says about its traffic. Pure; asks nothing.

Shares come from `status.traffic`: `spec.traffic` says only what somebody wished for.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.adapters.knative.kinds import CANDIDATE_TAG, REVISION_LABEL
from engine.adapters.knative.options import KnativeOptions, TagAudience
from engine.adapters.kubernetes import pods as of
from engine.adapters.kubernetes.cluster import Manifest
from engine.core.target import Health, TargetGone, TargetState, Weights
from engine.errors import UsageError

NEXT = "change its template, wait for the new revision, and launch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The revisions that are compared.

    Attributes:
        latest: the revision of the template at launch, empty before.
        audience: who gets the treatment by a header, None where Knative divides requests by percent.
    """

    control: str
    treatment: str
    latest: str = ""
    audience: TagAudience | None = None

    def leads_to(self, service: Manifest) -> str:
        """Where the audience's tag leads, empty where there is no such tag."""
        return "" if self.audience is None else tagged(service, self.audience.tag)


def condition(manifest: Manifest, kind: str) -> Manifest:
    """A status condition; one that was never set is Unknown."""
    conditions = manifest.get("status", {}).get("conditions", ())
    return next((each for each in conditions if each["type"] == kind), {"type": kind, "status": "Unknown"})


def holds(manifest: Manifest, kind: str) -> bool:
    """Whether a condition is True."""
    return bool(condition(manifest, kind)["status"] == "True")


def explained(manifest: Manifest, kind: str) -> str:
    """A condition's reason and message, as far as it has them."""
    found = condition(manifest, kind)
    return ": ".join(part for part in (found.get("reason", ""), found.get("message", "")) if part) or (
        f"{kind} is {found['status']}"
    )


def is_observed(service: Manifest) -> bool:
    """Whether the status is about the manifest as it is now."""
    seen = service.get("status", {}).get("observedGeneration")
    return bool(seen == service["metadata"]["generation"])


def shares(service: Manifest) -> dict[str, int]:
    """Percent per revision as routed; also revisions that are referred to and have nothing."""
    found: dict[str, int] = {}
    for entry in service.get("status", {}).get("traffic", ()):
        name = str(entry["revisionName"])
        found[name] = found.get(name, 0) + int(entry.get("percent") or 0)
    return found


def in_words(split: Mapping[str, int]) -> str:
    """Who has how much."""
    return (
        ", ".join(f"{name} {share} %" for name, share in split.items() if share) or "nobody has any traffic"
    )


def latest(service: Manifest) -> str:
    """The revision of the template as it is now; empty before there is one."""
    return str(service.get("status", {}).get("latestCreatedRevisionName", ""))


def pair(service: Manifest, options: KnativeOptions) -> Pair:
    """The revisions to compare.

    Raises:
        UsageError: the options leave open which they are, and so does the Service.
    """
    treatment = options.treatment or latest(service)
    control = options.control or _serving(service, treatment, options)
    return Pair(control=control, treatment=treatment, latest=options.latest or "", audience=options.audience)


def _serving(service: Manifest, treatment: str, options: KnativeOptions) -> str:
    split = shares(service)
    others = [name for name, share in split.items() if name != treatment and share]
    # All traffic on the treatment: its predecessor is the one that a promotion has kept in the list.
    others = others or [name for name in split if name != treatment]
    match others:
        case [control]:
            return control
        case []:
            raise UsageError(
                f"{options.service} has nothing to release: its latest revision {treatment or '(none)'} "
                f"already has all the traffic; {_advice(service, options)}"
            )
        case _:
            raise UsageError(
                f"{options.service} splits its traffic ({in_words(split)}); name two revisions in the "
                "experiment as `control` and `treatment`"
            )


def _advice(service: Manifest, options: KnativeOptions) -> str:
    if follows_latest(service):
        return f"any new revision gets it at once; {preparation(options)}, then change the template"
    return NEXT


def preparation(options: KnativeOptions) -> str:
    """What to type so that a new template gets no traffic by itself."""
    return f"apply what `rampwise prepare ksvc/{options.service} -n {options.namespace}` prints"


def follows_latest(service: Manifest) -> bool:
    """Whether a new revision would get traffic without being asked for, as far as routed now."""
    entries = service.get("status", {}).get("traffic", ())
    return any(entry.get("latestRevision") and entry.get("percent") for entry in entries)


def preview_url(service: Manifest, treatment: str) -> str | None:
    """Where the treatment answers under its tag, None while the tag is not there or means another."""
    for entry in service.get("status", {}).get("traffic", ()):
        if entry.get("tag") == CANDIDATE_TAG and entry["revisionName"] == treatment:
            return str(entry["url"]) if "url" in entry else None
    return None


def tagged(service: Manifest, tag: str) -> str:
    """The revision to which a tag leads as routed, empty where none does."""
    entries = service.get("status", {}).get("traffic", ())
    return next((str(entry["revisionName"]) for entry in entries if entry.get("tag") == tag), "")


def version(service: Manifest, compared: Pair) -> str:
    """Changes with the manifest and with what is routed, not with the rest of the status."""
    meta = service["metadata"]
    routed = (sorted(shares(service).items()), follows_latest(service), compared.leads_to(service))
    told = (meta.get("uid", ""), meta["generation"], *routed)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def weights(service: Manifest, compared: Pair) -> Weights:
    """The split as routed; what control lacks counts as the treatment's.

    Who names a tag that is not there is routed like everybody else.
    """
    lacking_pct = 100 - min(100, shares(service).get(compared.control, 0))
    if compared.audience is None:
        return Weights.of(lacking_pct)
    within_pct = {"": lacking_pct, compared.control: 0}.get(compared.leads_to(service), 100)
    return compared.audience.weights(within_pct=within_pct, outside_pct=lacking_pct)


def ended(service: Manifest, compared: Pair) -> str:
    """What somebody else did that ends this release, empty while nothing did."""
    if compared.latest and latest(service) != compared.latest:
        return f"the template was changed: the latest revision is {latest(service)}, not {compared.latest}"
    if follows_latest(service):
        return f"traffic follows the latest revision again ({in_words(shares(service))})"
    if compared.leads_to(service) not in {"", compared.control, compared.treatment}:
        return f"the audience is led to another revision, {compared.leads_to(service)}"
    strangers = {
        name: share
        for name, share in shares(service).items()
        if share and name not in {compared.control, compared.treatment}
    }
    return f"traffic goes to other revisions, too: {in_words(strangers)}" if strangers else ""


def is_left_to_others(service: Manifest, compared: Pair, asked: Weights, found: str) -> bool:
    """Whether somebody else ended the release, and what is asked for is what was found then."""
    is_so = weights(service, compared) == asked and version(service, compared) == found
    return is_so and bool(ended(service, compared))


def must_be_possible(name: str, compared: Pair, asked: Weights) -> None:
    """UsageError for weights at which an audience cannot be."""
    audience = compared.audience
    if audience is not None and not audience.possible(asked):
        raise UsageError(f"{name} gives an audience of {audience.share_pct} % all or nothing, not {asked}")


def state(
    service: Manifest,
    compared: Pair,
    revisions: Mapping[str, Manifest | None],
    pods: Iterable[Manifest],
) -> TargetState | TargetGone:
    """What the Service routes.

    Args:
        service: as read just now.
        compared: the revisions that share its traffic.
        revisions: the two of them, None for one that does not exist.
        pods: of the whole Service.
    """
    name = service["metadata"]["name"]
    known = list(pods)
    control, treatment = (
        health(each, revisions[each], known) for each in (compared.control, compared.treatment)
    )
    split = shares(service)
    if sum(split.values()) != 100:
        return TargetGone(detail=f"{name} routes nothing yet: {explained(service, 'RoutesReady')}")
    # A revision that cannot serve makes the routes unready, too; then they are as they were before.
    is_settled = holds(service, "RoutesReady") or not is_observed(service)
    if not is_settled and control.ready and treatment.ready:
        return TargetGone(detail=f"the routes of {name} are not ready: {explained(service, 'RoutesReady')}")
    return TargetState(
        weights=weights(service, compared),
        control=control,
        treatment=treatment,
        version=version(service, compared),
        ended=ended(service, compared),
    )


def health(name: str, revision: Manifest | None, pods: Iterable[Manifest]) -> Health:
    """Whether a revision can serve. One that is scaled to zero can: a request wakes it.

    It serves since its oldest ready pod does: pods come and go with the load, and each of them would
    otherwise begin a warm-up.
    """
    if revision is None:
        return Health(ready=False, ready_since_s=None, detail=f"there is no revision {name}")
    own = of.alive(pod for pod in pods if pod["metadata"].get("labels", {}).get(REVISION_LABEL) == name)
    since = [since_s for pod in own if (since_s := of.ready_since_s(pod)) is not None]
    if not holds(revision, "Ready"):
        detail = of.shortage(own, len(own)) if len(since) < len(own) else explained(revision, "Ready")
        return Health(ready=False, ready_since_s=None, detail=f"{name}: {detail}")
    if own and not since:
        return Health(ready=False, ready_since_s=None, detail=f"{name}: {of.shortage(own, len(own))}")
    became_s = of.epoch_s(condition(revision, "Ready")["lastTransitionTime"])
    return Health(ready=True, ready_since_s=max(became_s, min(since)) if since else became_s)
