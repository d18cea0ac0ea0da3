"""Writes experiment documents: complete ones from checked documents, and the smallest one to start from."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from engine import plugins
from engine.errors import UsageError
from engine.spec.product_metrics import KINDS
from engine.spec.read import AnyDocument, Document
from engine.spec.sinks import plugin_of
from engine.spec.yaml_text import dump, dump_inline

_METRIC_HEAD = ("preset", "kind", "name", "role")

_SMALLEST = """\
# A release as an experiment. `rampwise validate FILE` checks it; add `-o yaml` to see every default.
apiVersion: rampwise.dev/v1alpha1
kind: ReleaseExperiment
metadata: {{name: {name}}}
spec:
  # What carries traffic: control serves now, treatment is to be released.
  target: {target}
  # Traffic of the treatment: 1, 5, 20, 50 %, 5 min each; then promotion.
  strategy: canary
  # Worse than control is rolled back at any time. Both presets read the router's counters.
  metrics:
    - preset: http_errors
    - preset: http_latency
      slo: 500ms
"""


def to_plain(document: AnyDocument) -> dict[str, Any]:
    """The document as plain JSON values with every default filled in; `from_plain` reads a release again."""
    plain: dict[str, Any] = document.content.model_dump(mode="json", by_alias=True, exclude_none=True)
    if product := plain["spec"].get("product"):
        product["metrics"] = [_in_order(metric, tuple(KINDS)) for metric in product["metrics"]]
    if isinstance(document, Document):
        plain["spec"]["metrics"] = [_in_order(metric) for metric in plain["spec"]["metrics"]]
        plain["spec"]["notify"] = [plugin_of(sink) | sink for sink in plain["spec"]["notify"]]
    return plain


def to_yaml(document: AnyDocument) -> str:
    """The document as YAML with every default filled in; reads as the same experiment."""
    return dump(to_plain(document))


def init(target: str, name: str = "checkout-v2", given: Mapping[str, str] | None = None) -> str:
    """The smallest useful document for a target, with comments.

    Args:
        target: the target plugin's name.
        name: the experiment's name.
        given: options of the target; others get the plugin's example.

    Raises:
        PluginError: there is no such target.
        UsageError: it has no such option.
    """
    schema = TypeAdapter(plugins.load(plugins.TARGETS, target).Options).json_schema()
    fields = schema.get("properties", {})
    options = _examples(schema) | dict(given or {})
    for unknown in options.keys() - fields.keys():
        msg = f"target {target} has no option {unknown}; it has {', '.join(fields)}"
        raise UsageError(msg)
    return _SMALLEST.format(name=dump_inline(name), target=dump_inline({target: options}))


def _examples(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A value for every option that has no default, and the plugin's example of options as a whole."""
    fields = schema.get("properties", {})
    required = {name: fields[name].get("examples", [name])[0] for name in schema.get("required", ())}
    whole: dict[str, Any] = schema.get("examples", [{}])[0]
    return required | whole


def _in_order(metric: dict[str, Any], first: tuple[str, ...] = _METRIC_HEAD) -> dict[str, Any]:
    """What a metric is comes first."""
    head = {field: metric[field] for field in first if field in metric}
    return head | metric
