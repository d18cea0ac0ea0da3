"""Compares a treatment with a baseline of its own size, by `experiment` steps of a Rollout. Pure.

The treatment is the canary's own pods. The baseline is an Experiment of one template: as many new pods of the
stable version, with the same weight. Only these two are compared; the rest of control has what is left.

What the controller (v1.10) does at such a step, as seen on a real one:

- Without duration and analyses the Experiment runs until it is told otherwise. It has its weight while all of
  its pods are available, and the stable version has it while one is not.
- Sent to another `experiment` step, the controller keeps the Experiment with its pods, and takes over
  only the new weight, for both arms in one write. So size, name and labels must be the same at every step.
- An abort and a promotion take its weight away, and then end it. Deleted by somebody, it is made anew; where
  the new one finds the Service of the old, it fails, and the Rollout aborts.
- Ended by somebody (`terminate`), it counts as passed, and the Rollout goes on to the next step: therefore
  `setWeight: 0` and a pause come behind each.
- Of an Experiment with two templates, the VirtualService keeps one at its weight until the controller looks
  again, and its destination for ever. So the treatment must not be a template of the Experiment.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from engine.adapters.kubernetes import pods as of
from engine.adapters.kubernetes.cluster import Manifest
from engine.core.target import Health
from engine.errors import UsageError

ARM_LABEL = "rampwise.dev/arm"
"""Label of the pods that are compared; its values are unique in a namespace."""
BASELINE = "baseline"
ROUTERS = frozenset({"alb", "istio", "plugins", "smi"})
"""Kinds of `trafficRouting` by which the controller gives weights to Experiments."""
FEWEST_PODS = 3
"""Of fewer pods in an arm a bad one cannot be told from a bad release."""
MOST_PCT = 50
"""Both arms together have at most everything."""

_STEP = "experiment"
_GUARD: tuple[Manifest, ...] = ({"setWeight": 0}, {"pause": {}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A step at which the Rollout waits, and the weight that the treatment has there.

    `enter` is the step from which on the controller gets there while it has no baseline.
    """

    index: int
    enter: int
    weight: int


def is_used(canary: Manifest) -> bool:
    """Whether the steps of a canary start baselines."""
    return any(_STEP in step for step in canary.get("steps") or ())


def labels(name: str) -> tuple[str, str]:
    """Values of `ARM_LABEL` of control and treatment of a Rollout.

    >>> labels("shop")
    ('shop-baseline', 'shop-treatment')
    """
    return f"{name}-{BASELINE}", f"{name}-treatment"


def steps(name: str, shares_pct: Sequence[int], replicas: int, most: int = 100) -> list[Manifest]:
    """A ladder for a Rollout of this name: no traffic first, then equal arms of so many pods at each share.

    `most` is the weight of all traffic.

    Raises:
        UsageError: a share is more than a half.
    """
    if max(shares_pct) > MOST_PCT:
        raise UsageError(
            f"of two equal arms each has at most {MOST_PCT} %, not {max(shares_pct)} %; "
            "the 100 is the promotion"
        )
    made: list[Manifest] = [*_GUARD, {"setCanaryScale": {"replicas": replicas}}]
    for share_pct in shares_pct:
        template = {
            "name": BASELINE,
            "specRef": "stable",
            "replicas": replicas,
            "weight": share_pct * most // 100,
            "metadata": {"labels": {ARM_LABEL: labels(name)[0]}},
        }
        made += [{"setWeight": template["weight"]}, {_STEP: {"templates": [template]}}, *_GUARD]
    return made


def places(name: str, canary: Manifest, most: int) -> list[Place]:
    """Where the Rollout of this name waits, the place without traffic first; `most` is the weight of all.

    Raises:
        UsageError: the steps do not compare equal arms, or move on by themselves; says why.
    """
    if not canary.get("trafficRouting"):
        raise UsageError("its steps start experiments, whose pods get no weight without trafficRouting")
    _must_label(canary.get("canaryMetadata"), labels(name)[1], "canaryMetadata")
    all_steps = canary["steps"]
    found = list(_places(name, all_steps))
    if any(2 * place.weight > most for place in found):
        raise UsageError(f"of two equal arms each has at most {MOST_PCT} % of the traffic")
    baselines = [all_steps[place.index][_STEP]["templates"][0] for place in found if place.weight]
    if len({(each["name"], each.get("replicas", 1)) for each in baselines}) > 1:
        raise UsageError(
            "its baselines differ in name or replicas; the controller keeps the pods of one for the next"
        )
    return found


def _places(name: str, all_steps: Sequence[Manifest]) -> Iterator[Place]:
    weight = 0
    replicas: int | None = None
    waits = False
    for index, step in enumerate(all_steps):
        ((kind, what),) = step.items()
        match kind:
            case "setWeight":
                weight = what
            case "setCanaryScale":
                replicas = what.get("replicas")
            case "pause" if weight:
                raise UsageError(
                    f"at step {index + 1} the treatment has traffic without a baseline of its own size"
                )
            case "pause" if not waits:
                waits = True
                yield Place(index=index, enter=index, weight=0)
            case "experiment":
                _must_be_baseline(what, index, labels(name)[0])
                _must_be_equal(what["templates"][0], index, weight, replicas)
                _must_be_between(all_steps, index)
                yield Place(index=index, enter=index - 1, weight=weight)


def _must_be_baseline(experiment: Manifest, index: int, label: str) -> None:
    here = f"the experiment at step {index + 1}"
    templates = experiment.get("templates") or []
    if experiment.get("duration"):
        raise UsageError(f"{here} ends by itself (duration)")
    if experiment.get("analyses"):
        raise UsageError(f"{here} is ended by analyses")
    if [each.get("specRef") for each in templates] != ["stable"]:
        raise UsageError(
            f"{here} must have one template, of the stable version; the treatment is the canary's own pods, "
            "because routers may keep the weight of a second template when the experiment ends"
        )
    if templates[0].get("service"):
        raise UsageError(f"{here} names a Service of its own for the baseline; leave service out")
    _must_label(templates[0].get("metadata"), label, here)


def _must_label(meta: Manifest | None, label: str, where: str) -> None:
    if ((meta or {}).get("labels") or {}).get(ARM_LABEL) != label:
        raise UsageError(f"{where} must label its pods {ARM_LABEL}: {label}, so that they can be told apart")


def _must_be_equal(template: Manifest, index: int, weight: int, replicas: int | None) -> None:
    sizes = {"weight": (template.get("weight"), weight), "pods": (template.get("replicas", 1), replicas)}
    for what, (baseline, treatment) in sizes.items():
        if baseline != treatment or not baseline:
            raise UsageError(
                f"at step {index + 1} the baseline has {baseline or 'no'} {what}, the treatment "
                f"{treatment or 'no'} (setWeight, setCanaryScale: {{replicas}}); they must be the same"
            )


def _must_be_between(all_steps: Sequence[Manifest], index: int) -> None:
    before, behind = all_steps[index - 1], all_steps[index + 1 : index + 3]
    if "setWeight" not in before:
        raise UsageError(f"setWeight must come just before the experiment at step {index + 1}")
    if tuple(behind) != _GUARD:
        raise UsageError(
            f"setWeight: 0 and pause: {{}} must come just after the experiment at step {index + 1}: when "
            "somebody ends it, the Rollout moves on by itself"
        )


def has_baseline(rollout: Manifest) -> bool:
    """Whether the controller is at a step that has a baseline, and has made its Experiment."""
    return _template(rollout) is not None and bool(replica_set(rollout))


def is_at_baseline(rollout: Manifest) -> bool:
    """Whether the controller is at a step that has a baseline, also while that is not there yet."""
    return _template(rollout) is not None


def is_compared(rollout: Manifest) -> bool:
    """Whether both arms have the weight of the step; a baseline has it only while its pods are available."""
    template = _template(rollout)
    if template is None:
        return False
    weight = (_weights(rollout).get("canary") or {}).get("weight")
    return bool(weight == template.get("weight") == baseline_weight(rollout))


def baseline_weight(rollout: Manifest) -> int:
    """What routers give to the baseline now; it is a part of control's."""
    name = replica_set(rollout)
    parts = _weights(rollout).get("additional") or ()
    return sum(int(part["weight"]) for part in parts if part.get("serviceName") == name)


def replica_set(rollout: Manifest) -> str:
    """Name of the baseline's ReplicaSet and Service; empty while there is no Experiment."""
    experiment = _canary_status(rollout).get("currentExperiment")
    steps = (rollout["spec"].get("strategy", {}).get("canary") or {}).get("steps") or ()
    templates = [each for step in steps for each in step.get(_STEP, {}).get("templates", ())]
    name = next((each["name"] for each in templates if each.get("specRef") == "stable"), "")
    return f"{experiment}-{name}" if experiment and name else ""


def control_health(stable: Health, rollout: Manifest, pods: Iterable[Manifest]) -> Health:
    """Whether control can serve: all of it must be able to. `pods` are those with the baseline's label.

    Pods of an Experiment that has ended stay some time, and are of another ReplicaSet.
    """
    if not stable.ready:
        return stable
    name = replica_set(rollout)
    own = [
        pod
        for pod in pods
        if any(owner["name"] == name for owner in pod["metadata"].get("ownerReferences", ()))
    ]
    baseline = of.health(own, (_template(rollout) or {}).get("replicas", 1))
    return baseline if baseline.ready else replace(baseline, detail=f"its baseline: {baseline.detail}")


def _template(rollout: Manifest) -> Manifest | None:
    """The baseline of the controller's present step, None where it has none or the release has ended."""
    status = rollout.get("status") or {}
    steps = (rollout["spec"].get("strategy", {}).get("canary") or {}).get("steps") or ()
    index = status.get("currentStepIndex") or 0
    if status.get("abort") or status.get("promoteFull") or index >= len(steps):
        return None
    templates = steps[index].get(_STEP, {}).get("templates", ())
    return next((each for each in templates if each.get("specRef") == "stable"), None)


def _weights(rollout: Manifest) -> Manifest:
    weights: Manifest = _canary_status(rollout).get("weights") or {}
    return weights


def _canary_status(rollout: Manifest) -> Manifest:
    status: Manifest = (rollout.get("status") or {}).get("canary") or {}
    return status
