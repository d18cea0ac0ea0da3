"""The engine's own metrics and health: what is counted, what is bounded, and what vanishes."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.core.events import Actor, Verb
from engine.core.measure import Missing, MissingReason
from engine.driver import Driver
from engine.errors import LeaseLost, StoreBusy, Unreachable
from engine.observing import Observers
from engine.web import health, metrics
from tests.cli.desk import EXPERIMENT
from tests.web.conftest import Served

ADA = Actor(user="ada", host="desk")


def scraped(served: Served) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = served.get("metrics").text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(served: Served, name: str, **labels: str) -> float | None:
    return scraped(served).get((name, tuple(sorted(labels.items()))))


def test_runs_are_counted_by_phase(served: Served) -> None:
    served.launched("basket-v3")
    served.launched("checkout-v2")
    assert value(served, "rampwise_runs", phase="running") == 2
    assert value(served, "rampwise_runs", phase="promoted") == 0


def test_ticks_and_decisions_are_counted_once(served: Served) -> None:
    run_id = served.launched()
    served.tick(run_id, 20)
    decided = [
        event for event in served.site.store.events(run_id) if type(event.payload).__name__ == "Decided"
    ]
    counted = {key: got for key, got in scraped(served).items() if key[0] == "rampwise_decisions_total"}
    assert sum(counted.values()) == len(decided) > 2
    assert (("decision", "shift"), ("rule", "floors_met")) in {labels for _, labels in counted}
    assert value(served, "rampwise_tick_seconds_count") == 20


def test_a_tick_that_only_counted_a_window_is_not_looked_up(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = served.launched()
    before = served.tick(run_id, 6).run
    store, asked = served.site.store, list[int]()
    events = store.events
    monkeypatch.setattr(store, "events", lambda run, after, **more: asked.append(after) or events(run, after))
    monkeypatch.setattr(store, "load", lambda _: pytest.fail("the driver knows where the run stands"))
    run = served.tick(run_id).run
    assert (run.seq, run.windows_done, run.last_rule) == (
        before.seq + 1,
        before.windows_done + 1,
        before.last_rule,
    )
    assert asked == []


def test_decisions_of_another_engine_are_not_counted_here(served: Served) -> None:
    run_id = served.launched()
    other = Driver(served.site.store, served.driver.assemble, served.driver.clock, served.driver.owner)
    for _ in range(3):
        served.desk.clock.at_s += 10
        other.step(run_id)
    served.tick(run_id)
    assert (value(served, "rampwise_tick_seconds_count") or 0) == 1
    after = [key for key in scraped(served) if key[0] == "rampwise_decisions_total"]
    assert len(after) <= 1


def test_what_a_source_does_not_give_is_counted_by_reason(served: Served) -> None:
    run_id = served.launched()
    served.tick(run_id, 2)
    served.desk.source.missing = Missing(reason=MissingReason.STALE, detail="old")
    served.tick(run_id)
    served.desk.source.silent = True
    served.tick(run_id)
    assert value(served, "rampwise_query_errors_total", reason="stale") == 1
    assert value(served, "rampwise_query_errors_total", reason="source_down") == 1


def test_what_a_breakdown_lacks_is_no_error(served: Served) -> None:
    breakdown = "breakdown: {label: route, values: [/pay, /cart]}, kind: proportion"
    run_id = served.launched(text=EXPERIMENT.replace("kind: proportion", breakdown))
    served.desk.source.missing = Missing(reason=MissingReason.STALE, detail="old")
    served.tick(run_id)
    assert value(served, "rampwise_query_errors_total", reason="stale") == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (LeaseLost("x"), "lease_lost"),
        (StoreBusy("x"), "store_busy"),
        (Unreachable("x"), "unreachable"),
        (RuntimeError("secret"), "unexpected"),
    ],
)
def test_failed_ticks_are_counted_by_kind(served: Served, error: Exception, kind: str) -> None:
    served.driver.observer.on_error("any", error)
    assert value(served, "rampwise_tick_errors_total", kind=kind) == 1


def test_a_live_run_has_weight_and_data_age_and_an_ended_one_has_none(served: Served) -> None:
    run_id = served.launched()
    served.tick(run_id, 3)
    assert value(served, "rampwise_weight_percent", run=run_id, arm="control") == 90
    assert value(served, "rampwise_weight_percent", run=run_id, arm="treatment") == 10
    age_s = value(served, "rampwise_data_age_seconds", run=run_id)
    assert age_s is not None
    served.desk.clock.at_s += 7
    assert value(served, "rampwise_data_age_seconds", run=run_id) == age_s + 7
    served.site.store.request(run_id, Verb.STOP, ADA, "enough", "cli", served.desk.clock.now_s())
    served.tick(run_id)
    assert not [key for key in scraped(served) if ("run", run_id) in key[1]]


def test_a_run_without_data_has_no_age(served: Served) -> None:
    run_id = served.launched()
    assert value(served, "rampwise_data_age_seconds", run=run_id) is None


def test_series_of_runs_are_bounded(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MOST_RUNS", 2)
    for name in ("a-1", "b-1", "c-1"):
        served.launched(name)
    runs = {dict(labels)["run"] for name, labels in scraped(served) if name == "rampwise_weight_percent"}
    assert len(runs) == 2
    assert value(served, "rampwise_runs", phase="running") == 3


def test_letters_are_counted_by_state(served: Served) -> None:
    assert value(served, "rampwise_letters", state="waiting") == 0
    assert value(served, "rampwise_letters", state="given_up") == 0


def test_the_build_is_named(served: Served) -> None:
    assert [key for key in scraped(served) if key[0] == "rampwise_build_info"]


def test_alive_means_that_the_driver_looks_for_runs(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert served.get("healthz").status_code == 200
    assert served.get("readyz").status_code == 503
    served.driver.observer.on_round()
    assert (served.get("healthz").text, served.get("readyz").text) == ("ok\n", "ok\n")
    monkeypatch.setattr(health, "ALIVE_S", -1.0)
    stuck = served.get("healthz")
    assert stuck.status_code == 503
    assert "the driver has not looked for due runs" in stuck.text


def test_a_failing_observer_stops_neither_the_tick_nor_the_others(served: Served) -> None:
    class Broken:
        def __getattr__(self, name: str):
            raise RuntimeError(name)

    run_id = served.launched()
    served.driver.observer = Observers((Broken(), served.site.metrics))
    served.tick(run_id)
    assert value(served, "rampwise_tick_seconds_count") == 1
