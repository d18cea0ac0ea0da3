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
_ONE_PLUGIN = {"rule": "self.size() == 1", "message": "name one plugin, with its options"}


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
    steps = fields["strategy"]["properties"]["canary"]["properties"]["steps"]
    steps |= {"maxItems": MOST_STEPS, "x-kubernetes-validations": [_ASCENDING]}
    return spec


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
    text, whole, time = {"type": "string"}, {"type": "integer"}, {"type": "string", "format": "date-time"}
    condition = {
        "type": "object",
        "required": ["type", "status", "lastTransitionTime", "reason", "message"],
        "properties": {
            "type": text,
            "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
            "observedGeneration": whole,
            "lastTransitionTime": time,
            "reason": text,
            "message": text,
        },
    }
    command = {
        "number": {**whole, "description": "Grows with every command."},
        "verb": text,
        "at": time,
        "actor": text,
        "refused": {**text, "description": "Why it was refused, empty if it took effect."},
    }
    entry = {"at": time, "decision": text, "rule": text, "weights": text, "actor": text, "reason": text}
    return {
        "type": "object",
        "description": "What the run of this experiment is doing; made anew from the event log.",
        "properties": {
            "observedGeneration": whole,
            "run": {**text, "description": "Id of the run, once it has started."},
            "phase": text,
            "step": {**text, "description": "Current step of how many, such as 2/4."},
            "weights": {**text, "description": "Control and treatments in percent, such as 80/20."},
            "verdict": text,
            "reason": text,
            "started": time,
            "ended": time,
            "command": {
                "description": "The latest command of a person, and what came of it.",
                "type": "object",
                "properties": command,
            },
            "conditions": {
                "type": "array",
                "items": condition,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            },
            "history": {
                "description": "The latest decisions, oldest first.",
                "type": "array",
                "maxItems": MOST_HISTORY,
                "items": {"type": "object", "properties": entry},
                "x-kubernetes-list-type": "atomic",
            },
        },
    }


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


if __name__ == "__main__":
    print(yaml.safe_dump(definition(), sort_keys=False, width=110), end="")
