"""The Grafana dashboard: its form, and every expression run by a Prometheus that scrapes an engine."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests

from engine.core.measure import Missing, MissingReason
from tests.analysis.sources.servers import prometheus, wait_until
from tests.web.conftest import Served

DASHBOARD = Path(__file__).parents[2] / "manifests" / "grafana" / "rampwise.json"
MAIN = {"Runs by phase", "Decisions by rule", "Weights per run", "Data age per run", "Tick time", "Engines"}
DATA_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    return json.loads(DASHBOARD.read_text(encoding="utf-8"))


def test_the_dashboard_is_in_the_form_that_grafana_imports(dashboard: dict[str, Any]) -> None:
    assert {"uid", "title", "schemaVersion", "panels", "templating", "time", "timezone"} <= set(dashboard)
    assert "id" not in dashboard
    assert max(Counter(panel["id"] for panel in dashboard["panels"]).values()) == 1
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert 0 <= place["x"] <= place["x"] + place["w"] <= 24
        assert panel["type"] in {"timeseries", "stat"}
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"] == DATA_SOURCE
        refs = [target["refId"] for target in panel["targets"]]
        assert len(refs) == len(set(refs)) > 0
        assert all(target["datasource"] == DATA_SOURCE for target in panel["targets"])


def test_panels_do_not_overlap(dashboard: dict[str, Any]) -> None:
    cells = Counter(
        (x, y)
        for place in (panel["gridPos"] for panel in dashboard["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    )
    assert set(cells.values()) == {1}


def test_every_variable_that_is_used_is_declared(dashboard: dict[str, Any]) -> None:
    declared = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(dashboard["panels"])))
    assert used - {"__rate_interval"} == declared
    types = {variable["name"]: variable["type"] for variable in dashboard["templating"]["list"]}
    assert types["datasource"] == "datasource"


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_every_panel_is_answered_by_a_prometheus_that_scrapes_the_engine(
    served: Served, dashboard: dict[str, Any], tmp_path: Path
) -> None:
    run_id = served.launched()
    config = (
        "scrape_configs: [{job_name: rampwise, scrape_interval: 1s, "
        f"static_configs: [{{targets: ['{served.url.split('/')[2]}']}}]}}]"
    )
    with prometheus(tmp_path, config) as url:
        wait_until(lambda: bool(answer(url, "rampwise_build_info")), "the first scrape")
        served.tick(run_id, 4)
        served.desk.source.missing = Missing(reason=MissingReason.STALE, detail="old")
        served.tick(run_id)
        served.driver.observer.on_error(run_id, RuntimeError("x"))
        wait_until(lambda: bool(answer(url, "rampwise_query_errors_total")), "a scrape after the ticks")
        wait_until(lambda: all(shown(url, dashboard, name) for name in MAIN), "data in the main panels")
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                answer(url, filled(target["expr"]))
        (weight,) = shown(url, dashboard, "Weights per run")
        assert weight["metric"] == {"run": run_id, "arm": "treatment"}
        assert float(weight["value"][1]) == served.site.store.load(run_id).snapshot.run.weights.treatment
        for variable in dashboard["templating"]["list"][1:]:
            metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()
            assert {series["metric"][label] for series in answer(url, metric)} == {
                {"job": "rampwise", "run": run_id}[label]
            }


def shown(url: str, dashboard: dict[str, Any], title: str) -> list[dict[str, Any]]:
    """What a panel shows now, numbers only."""
    (panel,) = [panel for panel in dashboard["panels"] if panel["title"] == title]
    found = [series for target in panel["targets"] for series in answer(url, filled(target["expr"]))]
    return [series for series in found if series["value"][1] != "NaN"]


def filled(expression: str) -> str:
    """The expression as Grafana sends it with everything chosen."""
    return expression.replace("$__rate_interval", "1m").replace("$job", ".*").replace("$run", ".*")


def answer(url: str, expression: str) -> list[dict[str, Any]]:
    """An instant query's result; a query that Prometheus refuses fails the test."""
    got = requests.get(f"{url}/api/v1/query", params={"query": expression}, timeout=5).json()
    assert got["status"] == "success", (expression, got)
    found: list[dict[str, Any]] = got["data"]["result"]
    return found
