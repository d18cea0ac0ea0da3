"""Documents survive being written and read: as YAML, as JSON, and with every default filled in."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from engine.core.model import Matcher, Selector
from engine.core.plan import Stage
from engine.core.target import Weights
from engine.fields import format_duration, format_percent, format_points, format_selector
from engine.spec import build, from_plain, init, parse, read, to_plain, to_yaml
from engine.spec.yaml_text import dump, load
from tests.spec.documents import GOOD, threshold
from tests.spec.stand_ins import ENTRIES, SESSIONS, StandInEntry, facts_with

QUANTITIES = {"count", "mean", "ratio", "gauge"}
texts = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.just(" "), max_size=30)
names = st.from_regex(r"[a-z]{1,8}_total", fullmatch=True)
durations = st.integers(1, 10**7).map(lambda ms: format_duration(ms / 1000))
relatives = st.integers(51, 5000).map(lambda tenths: {"relative": format_percent(tenths / 1000)})
amounts = st.floats(1e-9, 1e9).map(lambda value: {"absolute": value})
lengths = durations.map(lambda text: {"absolute": text})
points = st.integers(1, 500).map(lambda n: {"absolute": format_points(n / 10000)})
margins = relatives | points | st.builds(lambda a, b: a | b, relatives, points)
own_margins = relatives | amounts | st.builds(lambda a, b: a | b, relatives, amounts)
selectors = st.builds(
    lambda name, value: format_selector(
        Selector(name=name, matchers=(Matcher(label="path", op="=", value=value),))
    ),
    names,
    texts,
)
shares = st.integers(1, 999).map(lambda n: format_percent(n / 1000))


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def metric(number: int) -> st.SearchStrategy[dict[str, Any]]:
    """A deciding metric of any kind, its name made unique by its number."""
    common = {"role": st.sampled_from(["guardrail", "objective"]), "weight": st.floats(0.001, 1000)}
    evidence = {
        "effect": st.integers(51, 5000).map(lambda tenths: format_percent(tenths / 1000)),
        "dispersion": st.floats(1, 100),
    }
    compared = common | evidence | {"margin": margins}
    either = {"direction": st.sampled_from(["lower", "higher"])}
    quantity = common | evidence | either | {"margin": own_margins}
    valued = quantity | {"value_unit": st.sampled_from(["bytes", "€", "s", "1"])}
    timed = {"name": st.just(f"m{number}"), "value_unit": st.just("s"), "margin": lengths}
    counters = {"bad": selectors, "total": selectors, "name": st.just(f"m{number}")}
    name = {"name": st.just(f"m{number}")}
    kinds: list[tuple[dict[str, Any], dict[str, st.SearchStrategy[Any]], dict[str, Any]]] = [
        ({"preset": "http_errors"}, compared, {"name": st.just(f"m{number}")}),
        ({"preset": "http_latency"}, compared, {"name": st.just(f"m{number}"), "slo": durations}),
        ({"preset": "conversions"}, compared, {"name": st.just(f"m{number}")}),
        ({"kind": "proportion"}, compared, counters),
        (
            {"kind": "proportion"},
            compared,
            {"good": selectors, "total": selectors, "name": st.just(f"m{number}")},
        ),
        ({"kind": "threshold"}, common, counters | {"limit": shares}),
        (
            {"kind": "distribution"},
            compared | either,
            {"name": st.just(f"m{number}"), "buckets": selectors, "slo": durations},
        ),
        ({"kind": "distribution"}, compared, name | {"histogram": selectors, "slo": durations}),
        ({"kind": "count"}, quantity, name | {"count": selectors}),
        ({"kind": "mean"}, valued | {"sum_sq": selectors}, name | {"sum": selectors, "count": selectors}),
        ({"kind": "mean"}, common | evidence | either, timed | {"buckets": selectors}),
        ({"kind": "mean"}, valued, name | {"histogram": selectors}),
        ({"kind": "ratio"}, valued, name | {"numerator": selectors, "denominator": selectors}),
        ({"kind": "gauge"}, valued, name | {"expression": st.just("avg by (version) (queue_length)")}),
    ]
    return st.one_of(
        [
            st.builds(lambda a, b, c: a | b | c, st.just(head), optional(**may), st.fixed_dictionaries(must))
            for head, may, must in kinds
        ]
    )


weights = st.sets(st.integers(1, 99), min_size=1, max_size=6).map(sorted)
steps = weights.flatmap(
    lambda found: st.tuples(
        *[
            st.just(weight)
            | optional(hold=durations, floor=st.integers(1, 10**6), approve=st.booleans()).map(
                lambda step, weight=weight: {"weight": weight} | step
            )
            for weight in found
        ]
    ).map(list)
)
times = st.times().map(lambda at: at.strftime("%H:%M"))
windows = st.fixed_dictionaries(
    {
        "days": st.lists(st.sampled_from(["mon", "tue-thu", "fri-mon", "sun"]), min_size=1, max_size=3),
        "from": times,
        "to": times,
        "time_zone": st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
    }
)
canaries = steps.map(lambda found: {"canary": {"steps": found}})
bridges = st.fixed_dictionaries({"weight": st.integers(1, 99)}, optional={"hold": durations})
blue_greens = optional(
    preview=optional(errors=st.just("4%"), latency=st.just({"over": "250ms"})),
    bridge=bridges,
    settle=optional(hold=durations, floor=st.integers(1, 100)),
    approve=st.booleans(),
).map(lambda options: {"blue_green": options})
sinks = st.lists(
    st.fixed_dictionaries(
        {"webhook": st.just({"url": "http://x"})},
        optional={
            "on": st.lists(st.sampled_from(["launched", "rollback", "blocked"]), min_size=1, max_size=4)
        },
    ),
    max_size=2,
).map(lambda found: [sink | {"name": f"sink-{index}"} for index, sink in enumerate(found)])


def fitting(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec with a share among its metrics, and nothing but shares where a switch has no bridge."""
    metrics = [*spec["metrics"], {"preset": "http_errors"}]
    bare = "bridge" not in spec["strategy"].get("blue_green", {"bridge": {}})
    kept = [each for each in metrics if not bare or each.get("kind") not in QUANTITIES]
    return spec | {"metrics": kept}


specs = st.builds(
    lambda must, may: fitting(must | may),
    st.fixed_dictionaries(
        {
            "target": st.just({"local": {"service": "s", "control": "v1", "treatment": "v2"}}),
            "strategy": canaries | blue_greens,
            "metrics": st.integers(1, 4).flatmap(
                lambda count: st.tuples(*[metric(number) for number in range(count)]).map(list)
            ),
            "horizon": st.just("366d"),
        }
    ),
    optional(
        description=texts,
        gate=optional(flag=texts.filter(bool), options=st.dictionaries(texts, texts | st.none(), max_size=2)),
        source=durations.map(lambda text: {"prometheus": {"url": "http://p", "timeout": text}}),
        interval=durations,
        warm_up=durations,
        alpha_rollback=st.floats(1e-9, 0.5),
        on_blind=st.sampled_from(["rollback", "hold"]),
        mode=st.sampled_from(["act", "observe"]),
        windows=st.lists(windows, max_size=2),
        split_tolerance=margins,
        notify=sinks,
    ),
)
documents = st.builds(
    lambda spec, metadata: {
        "apiVersion": "rampwise.dev/v1alpha1",
        "kind": "ReleaseExperiment",
        "metadata": {"name": "a-release"} | metadata,
        "spec": spec,
    },
    specs,
    optional(owner=texts, labels=st.dictionaries(texts, texts, max_size=2)),
)


FACTS = facts_with(sessions=SESSIONS, preview_url="http://127.0.0.1:9002")


@settings(max_examples=40, deadline=None)
@given(documents)
def test_any_valid_document_reads_back_as_the_same_experiment(plain: dict[str, Any]) -> None:
    document = parse(dump(plain), "x.yaml")
    experiment = build(document, FACTS)
    text = to_yaml(document)
    again = parse(text, "filled.yaml")
    assert build(again, FACTS) == experiment
    assert to_yaml(again) == text
    stored = json.loads(json.dumps(to_plain(document), allow_nan=False))
    assert build(from_plain(stored), FACTS) == experiment


@settings(max_examples=40, deadline=None)
@given(documents)
def test_weights_ascend_and_stay_below_all_traffic(plain: dict[str, Any]) -> None:
    plan = parse(dump(plain), "x.yaml").plan
    shares = [Weights.of(step.weight_pct).treatment for step in plan.steps if step.stage is Stage.SPLIT]
    assert shares == sorted(set(shares))
    assert all(0 < share < 100 for share in shares)


@settings(max_examples=40, deadline=None)
@given(documents)
def test_the_weights_of_deciding_metrics_add_up_to_one(plain: dict[str, Any]) -> None:
    experiment = build(parse(dump(plain), "x.yaml"), FACTS)
    assert abs(sum(metric.weight for metric in experiment.metrics) - 1) < 1e-9
    assert all(metric.weight > 0 for metric in experiment.metrics)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | texts
    | st.sampled_from(["1e5", "on", "17:00", "2024-01-01", "~", "", "0x1f", ".5", "1_000", "null"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_what_is_dumped_is_what_is_loaded(value: Any) -> None:
    text = dump({"value": value})
    assert load(text, "x.yaml").data == {"value": value}
    assert yaml.safe_load(text) == {"value": value}


def test_times_switches_and_versions_are_texts() -> None:
    assert load("a: 17:00\nb: on\nc: 2024-01-01\nd: 1.2.3", "x").data == {
        "a": "17:00",
        "b": "on",
        "c": "2024-01-01",
        "d": "1.2.3",
    }


def test_every_default_is_filled_in() -> None:
    filled = to_plain(parse(GOOD, "x.yaml"))["spec"]
    assert filled["target"] == {
        "local": {"service": "checkout", "control": "v1", "treatment": "v2", "sticky": False}
    }
    assert filled["strategy"]["canary"]["hold"] == "5min"
    assert filled["gate"] == {"flag": "checkout-v2", "provider": "file", "options": {}}
    assert filled["metrics"][0] == {
        "preset": "http_errors",
        "name": "http_errors",
        "role": "guardrail",
        "weight": 0.5,
        "tolerance": {"relative": "5%"},
        "margin": {"relative": "50%", "absolute": "0.1pp"},
    }
    assert (filled["horizon"], filled["on_undecided"]) == ("1d", "rollback")


def test_a_metric_begins_with_what_it_is() -> None:
    filled = to_plain(parse(threshold("limit: 1%"), "x.yaml"))["spec"]["metrics"][2]
    assert list(filled)[:3] == ["kind", "name", "role"]


def test_the_smallest_document_is_short_and_valid(tmp_path: Path) -> None:
    path = tmp_path / "experiment.yaml"
    path.write_text(init("local", name="checkout-v2"), encoding="utf-8")
    lines = [
        line for line in path.read_text(encoding="utf-8").splitlines() if not line.strip().startswith("#")
    ]
    assert len(lines) < 12
    assert build(read(path), facts_with()) == build(parse(GOOD, "x.yaml"), facts_with())


def test_options_that_only_make_sense_together_come_from_the_plugin_s_example(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class EitherTarget:
        class Options(BaseModel):
            model_config = ConfigDict(json_schema_extra={"examples": [{"service": "shop", "one": "v2"}]})

            service: str
            one: str | None = None
            several: tuple[str, ...] | None = None

    monkeypatch.setitem(ENTRIES, "rampwise.targets", [StandInEntry("either", EitherTarget)])
    plain = load(init("either", given={"service": "mine"}), "x.yaml").data
    assert plain["spec"]["target"] == {"either": {"service": "mine", "one": "v2"}}


def test_a_name_that_looks_like_a_number_is_quoted() -> None:
    assert parse(init("local", name="007"), "x.yaml").name == "007"
