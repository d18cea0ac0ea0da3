"""Makes a Rollout, or a Deployment, fit for releases: steps at which it waits to be told more. Pure."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from engine.adapters.argo_rollouts import rungs
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
    if not shares_pct or sorted(set(shares_pct)) != list(shares_pct):
        raise UsageError(
            f"the steps {', '.join(map(str, shares_pct)) or 'are none'}; they must rise: 1,5,20,50"
        )
    if shares_pct[0] < 1 or shares_pct[-1] > 99:
        raise UsageError("steps are whole percents from 1 to 99; the 100 is the promotion")
    made: list[Manifest] = [{"setWeight": 0}, {"pause": {}}]
    if routed:
        # One pod is ready before it gets traffic; from then on there are as many as the share needs.
        made = [{"setCanaryScale": {"replicas": 1}}, *made, {"setCanaryScale": {"matchTrafficWeight": True}}]
    for share_pct in shares_pct:
        made += [{"setWeight": share_pct * most // 100}, {"pause": {}}]
    return made


def fit_rollout(rollout: Manifest, shares_pct: Sequence[int]) -> Fit:
    """A Rollout that waits at every step, or before its switch.

    Raises:
        UsageError: it has neither canary nor blueGreen, or the shares are no ladder.
    """
    made = _plain(rollout)
    strategy = made["spec"].setdefault("strategy", {})
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
