"""The reference names every field of the models, with the defaults that hold, and its example is valid."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from engine.adapters.argo_rollouts import RolloutOptions
from engine.adapters.gateway_api import HttpRouteOptions
from engine.adapters.knative import KnativeOptions
from engine.adapters.observed import ObservedOptions
from engine.adapters.traefik import LocalTargetOptions
from engine.fields import format_duration, format_percent
from engine.spec import parse
from engine.spec.document import GateField, Metadata, Spec, WindowField
from engine.spec.metrics import KINDS
from engine.spec.presets import PRESETS
from engine.spec.sinks import SinkField
from strategies.ab import AbOptions
from strategies.blue_green import BlueGreenOptions, BridgeOptions, PreviewOptions, SettleOptions
from strategies.canary import CanaryOptions
from tests.spec.documents import GOOD

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "experiment.md").read_text(encoding="utf-8")
SECTIONS: list[tuple[str, type[BaseModel]]] = [
    ("metadata", Metadata),
    ("spec", Spec),
    ("target: local", LocalTargetOptions),
    ("target: argo_rollout", RolloutOptions),
    ("target: knative", KnativeOptions),
    ("target: http_route", HttpRouteOptions),
    ("target: observed", ObservedOptions),
    ("strategy: canary", CanaryOptions),
    ("strategy: blue_green", BlueGreenOptions),
    ("preview", PreviewOptions),
    ("bridge", BridgeOptions),
    ("settle", SettleOptions),
    ("strategy: ab", AbOptions),
    ("notify", SinkField),
    ("gate", GateField),
    ("windows", WindowField),
]
DURATIONS = {"interval", "warm_up", "patience", "progress_deadline", "hold", "time_limit", "timeout"}
PERCENTAGES = {"errors"}


def section(title: str) -> str:
    """A section's text without its parts."""
    return re.split(rf"\n##+ {re.escape(title)}\n", TEXT)[1].split("\n##")[0]


def rows(title: str) -> dict[str, str]:
    """Default per field, as the section's table has it."""
    return dict(re.findall(r"^\| `([a-z_]+)` \| (.*?) \|", section(title), flags=re.MULTILINE))


@pytest.mark.parametrize(("title", "model"), SECTIONS)
def test_every_field_is_in_the_reference_and_no_other(title: str, model: type[BaseModel]) -> None:
    fields = {field.alias or name for name, field in model.model_fields.items()}
    assert set(rows(title)) == fields


@pytest.mark.parametrize(("title", "model"), SECTIONS)
def test_the_reference_says_what_is_required(title: str, model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        assert (rows(title)[field.alias or name] == "required") == field.is_required(), name


@pytest.mark.parametrize(("title", "model"), SECTIONS)
def test_plain_defaults_are_those_of_the_models(title: str, model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        default: Any = field.default
        if name in DURATIONS and default is not PydanticUndefined:
            default = format_duration(default)
        if name in PERCENTAGES:
            default = format_percent(default)
        if isinstance(default, float) and default.is_integer():
            default = int(default)
        if isinstance(default, bool):
            default = str(default).lower()
        if isinstance(default, str | int | float) and default != "":
            assert rows(title)[name] == f"`{default}`", name


@pytest.mark.parametrize("said", PRESETS | KINDS)
def test_every_field_of_a_metric_is_in_the_reference(said: str) -> None:
    (line,) = [line for line in section("metrics").splitlines() if f": {said}`" in line]
    fields = set((PRESETS | KINDS)[said].model_fields) - {"preset", "kind"}
    assert set(re.findall(r"`([a-z_]+)`", line)) == fields


def test_the_default_bounds_are_those_of_the_models() -> None:
    def bound(kind: str, field: str) -> str:
        parts = (PRESETS | KINDS)[kind].model_fields[field].default.model_dump(mode="json", exclude_none=True)
        return "{" + ", ".join(f"{part}: {value}" for part, value in parts.items()) + "}"

    metrics = section("metrics")
    labels = {
        "http_errors": "`margin`",
        "proportion": "`margin`",
        "distribution": "`margin` of latency",
        "conversions": "`margin` of `conversions` and `good`",
        "mean": "`margin` of a `mean`, `ratio` or `gauge`",
        "ratio": "`margin` of a `mean`, `ratio` or `gauge`",
        "gauge": "`margin` of a `mean`, `ratio` or `gauge`",
    }
    for kind, label in labels.items():
        assert f"| {label} | `{bound(kind, 'margin')}` |" in metrics
        assert f"| `tolerance` | `{bound(kind, 'tolerance')}` |" in metrics


def test_the_example_is_the_smallest_document() -> None:
    example = TEXT.split("```yaml\n")[1].split("```")[0]
    assert parse(example, "docs").content == parse(GOOD, "x.yaml").content
