"""The CustomResourceDefinition of `ReleaseExperiment`, made from the one model, never by hand.

    python -m engine.controller.crd > manifests/base/crd.yaml

In the cluster plugins are always written as an object (`strategy: {canary: {}}`), since a structural schema
cannot take a text and an object in the same place.
"""

from typing import Any

import yaml
from pydantic import TypeAdapter

from engine import plugins
from engine.controller.structural import OPEN, Schema, structural
from engine.spec.document import Spec

GROUP = "rampwise.dev"
VERSION = "v1alpha1"
PLURAL = "releaseexperiments"
KIND = "ReleaseExperiment"
MOST_HISTORY = 20
MOST_NAME = 40
MOST_STEPS = 100
MOST_METRICS = 100
MOST_AMOUNT = 32

_IMMUTABLE = {
    "rule": "!has(oldSelf.status) || !has(oldSelf.status.run) || self.spec == oldSelf.spec",
    "message": "the experiment has started, and its spec cannot change any more; make another one",
}
_SHORT_NAME = {
    "rule": f"self.metadata.name.size() <= {MOST_NAME} && self.metadata.name.matches('^[a-z][a-z0-9-]*$')",
    "message": f"the name is lower-case letters, digits and dashes, at most {MOST_NAME} of them",
}
_ASCENDING = {
    "rule": "self.all(step, self.filter(other, other.weight == step.weight).size() == 1)"
    " && self.map(step, step.weight).isSorted()",
    "message": "weights of steps go up",
}
_OF_AMOUNTS = "has(self.kind) && self.kind in ['count', 'gauge', 'mean', 'ratio']"
_IS_POINTS = "type({0}) == string && {0}.matches('^[0-9]+([.][0-9]+)? *pp$')"
_IS_AMOUNT = "type({0}) == int ? {0} >= 0 : {0}.matches('^[0-9]+([.][0-9]+)? *(ms|s|min|h|d)?$')"


def definition() -> Schema:
    """The whole CustomResourceDefinition."""
    names = {"kind": KIND, "listKind": f"{KIND}List", "plural": PLURAL, "singular": "releaseexperiment"}
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _root()},
        "subresources": {"status": {}},
        "additionalPrinterColumns": list(_columns()),
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {**names, "shortNames": ["rx"], "categories": ["rampwise"]},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def _root() -> Schema:
    return {
        "description": "Releases a version as an experiment, and promotes or rolls it back on evidence.",
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": _spec(),
            "status": _status(),
        },
        "x-kubernetes-validations": [_IMMUTABLE, _SHORT_NAME],
    }


def _spec() -> Schema:
    spec = structural(Spec.model_json_schema(by_alias=True))
    fields = spec["properties"]
    fields["target"] = _plugin(plugins.TARGETS, fields["target"])
    fields["strategy"] = _plugin(plugins.STRATEGIES, fields["strategy"])
    fields["source"] = {"type": "object", **OPEN, "description": fields["source"].get("description", "")}
    strategies = fields["strategy"]["properties"]
    for canary in (strategies["canary"], strategies["ab"]["properties"]["canary"]):
        rule = {"maxItems": MOST_STEPS, "x-kubernetes-validations": [_ASCENDING]}
        canary["properties"]["steps"] |= rule
    _check_units(fields["metrics"])
    return spec


def _check_units(metrics: Schema) -> None:
    """Rules for the absolute parts of bounds, whose unit is that of the metric's kind."""
    metrics["maxItems"] = MOST_METRICS
    metric = metrics["items"]
    bounds = [name for name in ("tolerance", "margin") if name in metric["properties"]]
    for bound in bounds:
        metric["properties"][bound]["properties"]["absolute"]["maxLength"] = MOST_AMOUNT
    metric["x-kubernetes-validations"] = [rule for bound in bounds for rule in _unit_rules(bound)]


def _unit_rules(bound: str) -> list[Schema]:
    part = f"self.{bound}.absolute"
    absent = f"!has(self.{bound}) || !has({part})"
    return [
        {
            "rule": f"{absent} || ({_OF_AMOUNTS}) || ({_IS_POINTS.format(part)})",
            "message": f"{bound}.absolute of a share is in percentage points, such as 0.1pp",
        },
        {
            "rule": f"{absent} || !({_OF_AMOUNTS}) || ({_IS_AMOUNT.format(part)})",
            "message": f"{bound}.absolute of a count, gauge, mean or ratio is in the metric's own unit,"
            " such as 20, '0.5' or 20ms",
        },
    ]


def _plugin(group: str, described: Schema) -> Schema:
    """One key names the plugin; the options of those that are known are described."""
    options = {name: _options(group, name) for name in plugins.available(group)}
    return {
        "type": "object",
        "description": described.get("description", ""),
        "properties": options,
        "minProperties": 1,
        "maxProperties": 1,
        **OPEN,
    }


def _options(group: str, name: str) -> Schema:
    schema = TypeAdapter(plugins.load(group, name).Options).json_schema(by_alias=True)
    return {**structural(schema), "nullable": True}


def _status() -> Schema:
    fields = {
        "observedGeneration": _whole("The generation of the spec that this is about."),
        "run": _text("Id of the run, once it has started."),
        "phase": _text("Where the run is in its life; `pending` before it has started."),
        "step": _text("Current step of how many, such as 2/4, or 2/4 canary before a test."),
        "weights": _text("Control and treatments in percent, such as 80/20."),
        "verdict": _text("What the evidence says now."),
        "reason": _text("Why the run stands where it stands, in a sentence."),
        "started": _time("When the run was launched."),
        "ended": _time("When the run ended; absent before."),
        "command": {
            "description": "The latest command of a person, and what came of it.",
            "type": "object",
            "properties": _command(),
        },
        "conditions": {
            "description": "What holds, and since when.",
            "type": "array",
            "items": _condition(),
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
        "history": {
            "description": f"The latest {MOST_HISTORY} decisions, oldest first.",
            "type": "array",
            "maxItems": MOST_HISTORY,
            "items": {"type": "object", "properties": _entry()},
            "x-kubernetes-list-type": "atomic",
        },
    }
    about = "What the run of this experiment is doing; made anew from the event log."
    return {"type": "object", "description": about, "properties": fields}


def _condition() -> Schema:
    return {
        "type": "object",
        "required": ["type", "status", "lastTransitionTime", "reason", "message"],
        "properties": {
            "type": _text("What it is about."),
            "status": {**_text("Whether it holds."), "enum": ["True", "False", "Unknown"]},
            "observedGeneration": _whole("The generation of the spec that this is about."),
            "lastTransitionTime": _time("Since when the status is so."),
            "reason": _text("Why, in one word."),
            "message": _text("Why, in a sentence."),
        },
    }


def _command() -> Schema:
    return {
        "number": _whole("Grows with every command."),
        "verb": _text("What was asked for."),
        "at": _time("When it was answered."),
        "actor": _text("Who asked, as they said themselves."),
        "refused": _text("Why it was refused, empty if it took effect."),
    }


def _entry() -> Schema:
    return {
        "at": _time("When it was made."),
        "decision": _text("What was decided about traffic."),
        "rule": _text("The rule that decided."),
        "weights": _text("Where traffic was to be then; absent where it stayed."),
        "actor": _text("Who decided: `engine`, or a person."),
        "reason": _text("Why, in a sentence."),
    }


def _text(says: str) -> Schema:
    return {"type": "string", "description": says}


def _whole(says: str) -> Schema:
    return {"type": "integer", "description": says}


def _time(says: str) -> Schema:
    return {"type": "string", "format": "date-time", "description": says}


def _columns() -> list[Schema]:
    shown = [
        ("Phase", ".status.phase", 0),
        ("Step", ".status.step", 0),
        ("Weights", ".status.weights", 0),
        ("Verdict", ".status.verdict", 0),
        ("Reason", ".status.reason", 1),
    ]
    texts: list[dict[str, Any]] = [
        {"name": name, "type": "string", "jsonPath": path, "priority": priority}
        for name, path, priority in shown
    ]
    return [*texts, {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp", "priority": 0}]


class _WrittenOut(yaml.SafeDumper):
    """Repeats what is there twice, as every reader of a manifest expects."""

    def ignore_aliases(self, data: object) -> bool:
        return True


if __name__ == "__main__":
    print(yaml.dump(definition(), Dumper=_WrittenOut, sort_keys=False, width=110), end="")
