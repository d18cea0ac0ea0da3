"""Makes a Rollout, or a Deployment, fit for releases: steps at which it waits to be told more. Pure."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from engine.adapters.argo_rollouts import equal_arms, rungs, visitors
from engine.adapters.kubernetes.cluster import Manifest
from engine.errors import UsageError

_BY_THE_SERVER = (
    "creationTimestamp",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
)
_BY_CONTROLLERS = ("rollout.argoproj.io/", "deployment.kubernetes.io/", "kubectl.kubernetes.io/")


AUDIENCE = "audience"
"""What a header route is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Where requests say their visitor's bucket, 0 to 99: in a header or in a cookie, the other is empty."""

    header: str = ""
    cookie: str = ""

    def __str__(self) -> str:
        return f"cookie {self.cookie}" if self.cookie else f"header {self.header}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A manifest to apply, and in sentences what was changed; nothing where it was fit already."""

    manifest: Manifest
    changes: tuple[str, ...]


def steps(shares_pct: Sequence[int], *, routed: bool, most: int = 100) -> list[Manifest]:
    """A ladder: no traffic first, then each share, each until told otherwise.

    >>> steps([20], routed=False)
    [{'setWeight': 0}, {'pause': {}}, {'setWeight': 20}, {'pause': {}}]

    Raises:
        UsageError: the shares are not whole percents between 0 and 100 that rise.
    """
    _must_rise(shares_pct)
    made: list[Manifest] = [{"setWeight": 0}, {"pause": {}}]
    if routed:
        # One pod is ready before it gets traffic; from then on there are as many as the share needs.
        made = [{"setCanaryScale": {"replicas": 1}}, *made, {"setCanaryScale": {"matchTrafficWeight": True}}]
    for share_pct in shares_pct:
        made += [{"setWeight": share_pct * most // 100}, {"pause": {}}]
    return made


def steps_by_header(shares_pct: Sequence[int], by: Bucket, *, most: int = 100) -> list[Manifest]:
    """A ladder of header routes: nobody first, then each share of the visitors, each until told otherwise.

    Weights stay 0, so that the pods of each share are asked for; they are ready before visitors are sent.

    Raises:
        UsageError: the shares are not whole percents between 0 and 100 that rise.
    """
    _must_rise(shares_pct)
    made: list[Manifest] = [
        {"setHeaderRoute": {"name": AUDIENCE}},
        {"setCanaryScale": {"replicas": 1}},
        {"setWeight": 0},
        {"pause": {}},
    ]
    for share_pct in shares_pct:
        match = visitors.bucket_match(header=by.header, cookie=by.cookie, share_pct=share_pct)
        made += [
            {"setCanaryScale": {"weight": share_pct * most // 100}},
            {"setHeaderRoute": {"name": AUDIENCE, "match": [match]}},
            {"pause": {}},
        ]
    return made


def _must_rise(shares_pct: Sequence[int]) -> None:
    if not shares_pct or sorted(set(shares_pct)) != list(shares_pct):
        raise UsageError(
            f"the steps {', '.join(map(str, shares_pct)) or 'are none'}; they must rise: 1,5,20,50"
        )
    if shares_pct[0] < 1 or shares_pct[-1] > 99:
        raise UsageError("steps are whole percents from 1 to 99; the 100 is the promotion")


def fit_rollout(rollout: Manifest, shares_pct: Sequence[int], by: Bucket | None = None) -> Fit:
    """A Rollout that waits at every step, or before its switch.

    Args:
        rollout: as it is.
        shares_pct: of requests, or with `by` of visitors.
        by: where a header route finds a visitor's bucket; None where weights divide requests.

    Raises:
        UsageError: it has neither canary nor blueGreen, or the shares are no ladder, or it cannot have
            header routes.
    """
    made = _plain(rollout)
    strategy = made["spec"].setdefault("strategy", {})
    if by is not None:
        return _fit_audience(made, shares_pct, by)
    if strategy.get("blueGreen"):
        return Fit(manifest=made, changes=_fit_colours(strategy["blueGreen"]))
    if "canary" not in strategy:
        raise UsageError(f"{made['metadata']['name']} has neither canary nor blueGreen in its strategy")
    routed = rungs.is_routed(made)
    wanted = steps(shares_pct, routed=routed, most=rungs.most_weight(made))
    rules = strategy["canary"] = strategy["canary"] or {}
    if rules.get("steps") == wanted:
        return Fit(manifest=made, changes=())
    rules["steps"] = wanted
    said = ", ".join(f"{share_pct} %" for share_pct in shares_pct)
    changes = [f"steps: 0 %, {said}, each until told otherwise; promotion is not left to the Rollout"]
    if not routed:
        changes.append(_coarse(made["spec"].get("replicas", 1)))
    return Fit(manifest=made, changes=tuple(changes))


def fit_equal_arms(rollout: Manifest, shares_pct: Sequence[int]) -> Fit:
    """A Rollout that waits at every step, where a baseline of the treatment's size runs beside it.

    Raises:
        UsageError: it is no canary whose router gives Experiments a weight, or the shares are no ladder.
    """
    _must_rise(shares_pct)
    made = _plain(rollout)
    name, routing = made["metadata"]["name"], rungs.canary(made).get("trafficRouting") or {}
    if not equal_arms.ROUTERS & routing.keys():
        raise UsageError(
            f"{name} cannot have equal arms: that takes a canary with trafficRouting by one of "
            f"{', '.join(sorted(equal_arms.ROUTERS))}"
        )
    rules = made["spec"]["strategy"]["canary"]
    needed = -(-made["spec"].get("replicas", 1) * shares_pct[-1] // 100)
    replicas = max(needed, equal_arms.FEWEST_PODS)
    wanted = equal_arms.steps(name, shares_pct, replicas, rungs.most_weight(made))
    label = equal_arms.labels(name)[1]
    labels = rules.setdefault("canaryMetadata", {}).setdefault("labels", {})
    if rules.get("steps") == wanted and labels.get(equal_arms.ARM_LABEL) == label:
        return Fit(manifest=made, changes=())
    rules["steps"], labels[equal_arms.ARM_LABEL] = wanted, label
    said = ", ".join(f"{share_pct} %" for share_pct in shares_pct)
    changes = (
        f"steps: 0 %, {said}, each until told otherwise; promotion is not left to the Rollout",
        f"at each, a baseline of the stable version of the same weight; both arms have {replicas} pods",
        f"pods of both have the label {equal_arms.ARM_LABEL}; Prometheus must keep it",
    )
    return Fit(manifest=made, changes=changes)


def _fit_audience(made: Manifest, shares_pct: Sequence[int], by: Bucket) -> Fit:
    """A canary with a header route, which the controller may only write when it is a managed one."""
    routing = rungs.canary(made).get("trafficRouting") or {}
    if not routing.get("istio"):
        raise UsageError(
            f"{made['metadata']['name']} cannot send visitors by {by}: that takes a canary with "
            "trafficRouting.istio"
        )
    rules = made["spec"]["strategy"]["canary"]
    wanted = steps_by_header(shares_pct, by, most=rungs.most_weight(made))
    managed = routing.setdefault("managedRoutes", [])
    if rules.get("steps") == wanted and {"name": AUDIENCE} in managed:
        return Fit(manifest=made, changes=())
    rules["steps"] = wanted
    if {"name": AUDIENCE} not in managed:
        managed.append({"name": AUDIENCE})
    said = ", ".join(f"{share_pct} %" for share_pct in shares_pct)
    changes = (
        f"steps: nobody, then {said} of the visitors, by their bucket (0 to 99) in the {by}",
        "each until told otherwise; promotion is not left to the Rollout",
        f"managedRoutes: {AUDIENCE}, the route that the steps set in its VirtualService",
    )
    return Fit(manifest=made, changes=changes)


def fit_deployment(deployment: Manifest, shares_pct: Sequence[int]) -> Fit:
    """A Rollout that takes its template from a Deployment, whose pods it replaces by its own."""
    plain = _plain(deployment)
    name, spec = plain["metadata"]["name"], plain["spec"]
    replicas = spec.get("replicas", 1)
    meta = {key: value for key, value in plain["metadata"].items() if key in {"name", "namespace", "labels"}}
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "scaleDown": "onsuccess"}
    made = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": meta,
        "spec": {
            "replicas": replicas,
            "selector": spec["selector"],
            "workloadRef": reference,
            "strategy": {"canary": {"steps": steps(shares_pct, routed=False)}},
        },
    }
    changes = (
        f"a Rollout {name} that takes its template from the Deployment {name}: go on deploying to that",
        f"once the Rollout is healthy, its {replicas} pods replace the Deployment's, which is scaled to zero",
        _coarse(replicas),
    )
    return Fit(manifest=made, changes=changes)


def _fit_colours(rules: Manifest) -> tuple[str, ...]:
    by_itself = rules.get("autoPromotionEnabled") is not False or "autoPromotionSeconds" in rules
    rules["autoPromotionEnabled"] = False
    rules.pop("autoPromotionSeconds", None)
    return ("autoPromotionEnabled: false; the switch is not left to the Rollout",) if by_itself else ()


def _coarse(replicas: int) -> str:
    return (
        f"without trafficRouting shares are those of {replicas} pods, so coarse; "
        "name a traffic router for exact ones"
    )


def _plain(manifest: Manifest) -> Manifest:
    """The manifest as somebody would write it."""
    made = copy.deepcopy(manifest)
    made.pop("status", None)
    meta = made["metadata"]
    for field in _BY_THE_SERVER:
        meta.pop(field, None)
    noted = {
        key: value
        for key, value in (meta.pop("annotations", None) or {}).items()
        if not key.startswith(_BY_CONTROLLERS)
    }
    if noted:
        meta["annotations"] = noted
    return made
