"""Terminal, Markdown, JSON, CSV and notebook tell the same facts, and nothing foreign acts in them."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from analysis.product.result import Analysis
from analysis.report.product.answers import headline
from analysis.report.product.document import SCHEMA, document, json_schema, read, schema_text
from analysis.report.product.markdown import markdown
from analysis.report.product.notebook import ProductReport
from analysis.report.product.page import page
from analysis.report.product.table_csv import COLUMNS, table_csv
from analysis.report.product.terminal import terminal
from analysis.report.product.view import Origin
from engine.codec import from_plain, to_plain
from tests.analysis.report.product.parts import HOSTILE, PLAN, TURNED
from tests.analysis.report.product.samples import SAMPLES, named, no_data, ship

ROOT = Path(__file__).parents[4]
ORIGIN = Origin(version="1.2.3", command="rampwise ab report x.yaml")


@pytest.fixture(params=SAMPLES)
def analysis(request: pytest.FixtureRequest) -> Analysis:
    return SAMPLES[request.param]()


def shown(analysis: Analysis) -> str:
    stream = io.StringIO()
    terminal(analysis, stream, ORIGIN)
    return stream.getvalue()


def test_all_forms_have_the_same_headline(analysis: Analysis) -> None:
    told = headline(analysis)
    assert told in shown(analysis)
    assert told in markdown(analysis, ORIGIN).replace("\\", "")
    assert json.loads(document(analysis))["headline"] == told
    assert told in repr(ProductReport(analysis))


def test_a_report_says_where_it_comes_from(analysis: Analysis) -> None:
    for told in (shown(analysis), markdown(analysis, ORIGIN), document(analysis, ORIGIN)):
        assert "1.2.3" in told
        assert "rampwise ab report x.yaml" in told


def test_json_comes_back_as_the_same_analysis(analysis: Analysis) -> None:
    assert read(document(analysis)) == analysis


def test_the_order_of_mappings_changes_nothing(analysis: Analysis) -> None:
    turned = from_plain(Analysis, reversed_maps(to_plain(Analysis, analysis)))
    assert turned == analysis
    assert document(turned) == document(analysis)
    assert page(turned) == page(analysis)
    assert markdown(turned) == markdown(analysis)
    assert table_csv(turned) == table_csv(analysis)


def reversed_maps(value: Any) -> Any:
    """Plain values with the keys of every object the other way round."""
    if isinstance(value, dict):
        return {key: reversed_maps(value[key]) for key in reversed(value)}
    return [reversed_maps(each) for each in value] if isinstance(value, list) else value


def test_the_schema_takes_documents(analysis: Analysis) -> None:
    assert not list(Draft202012Validator(json_schema()).iter_errors(json.loads(document(analysis))))


def test_the_committed_schema_is_up_to_date() -> None:
    committed = ROOT / "manifests" / "schema" / "product-report.schema.json"
    assert committed.read_text("utf-8") == schema_text(), (
        f"write it anew: python -m analysis.report.product.document > {committed}"
    )


@pytest.mark.parametrize(
    "broken",
    [{"schema": "rampwise.dev/report/v1"}, {"outcome": "maybe"}, {"analysis": {}}, {"headline": 1}],
)
def test_the_schema_refuses_what_is_broken(broken: dict[str, Any]) -> None:
    plain = json.loads(document(ship())) | broken
    assert list(Draft202012Validator(json_schema()).iter_errors(plain))


def test_another_schema_s_text_is_refused() -> None:
    with pytest.raises(ValueError, match=SCHEMA):
        read('{"schema": "rampwise.dev/report/v1"}')


def test_a_number_that_json_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        document(replace(ship(), caps={"revenue": float("inf")}))


def test_csv_has_a_row_per_effect_with_all_columns(analysis: Analysis) -> None:
    whole = rows_of(analysis)
    rows = [row for row in whole if row["row"] != "found"]
    assert whole[: len(rows)] == rows
    parts = (analysis.effects, analysis.parts, analysis.days, analysis.weekdays)
    assert len(rows) == sum(map(len, parts))
    assert all(tuple(row) == COLUMNS for row in rows)


def test_csv_keeps_what_is_not_known_empty() -> None:
    for row in effects_of(no_data()):
        assert (row["control_units"], row["difference"], row["p_value"]) == ("0", "", "")
        assert (row["standing"], row["reason"]) == ("too_few", "units")


def test_csv_says_which_days_are_over() -> None:
    days = [row for row in effects_of(ship()) if row["row"] == "day"]
    assert [row["over"] for row in days] == ["yes"] * 3 + ["no"] * 7
    assert {row["over"] for row in effects_of(ship()) if row["row"] != "day"} == {""}
    endless = tuple(replace(each, within_s=None) for each in PLAN.metrics)
    open_ended = replace(ship(), plan=replace(PLAN, metrics=endless))
    assert {row["over"] for row in effects_of(open_ended)} == {""}


def test_csv_has_what_was_found_per_variant_event_and_metric() -> None:
    told = {
        (row["dimension"], row["value"]): row["count"] for row in rows_of(ship()) if row["row"] == "found"
    }
    assert told["exposures", ""] == "15210"
    assert (told["early_units", "control"], told["early_units", "short"]) == ("52", "49")
    assert told["events_by_name", "refund"] == "160"
    assert told["valueless", "loading time"] == "0"
    assert {row["metric"] for row in rows_of(ship()) if row["row"] == "found"} == {""}


def test_csv_has_no_formulas() -> None:
    assert {row["experiment"] for row in rows_of(named("=1+1"))} == {"'=1+1"}


def test_every_column_is_documented_in_order() -> None:
    text = (ROOT / "docs" / "reference" / "product-report.md").read_text("utf-8")
    chapter = text.partition("## CSV\n")[2]
    names = [line.split("`")[1] for line in chapter.splitlines() if line.startswith("| `")]
    assert tuple(names) == COLUMNS


@pytest.mark.parametrize("name", [HOSTILE, TURNED, "a|b", "[red]x[/red]", "@all # 1. x", "a\nb"])
def test_foreign_names_do_nothing(name: str) -> None:
    analysis = named(name)
    told, text = shown(analysis), markdown(analysis)
    for form in (told, text, repr(ProductReport(analysis))):
        assert not {"\x1b", "\x07", "\u202e"} & set(form)
    assert "<script" not in text.replace("\\<", "")
    assert "<img" not in text.replace("\\<", "")
    assert "@all" not in text
    assert "\nb" not in told.replace("\nby", "")


def test_markdown_tables_have_the_same_number_of_cells_in_every_line(analysis: Analysis) -> None:
    for block in markdown(analysis).split("\n\n"):
        if block.startswith("| "):
            assert len({line.replace("\\|", "").count("|") for line in block.splitlines()}) == 1


def test_off_a_terminal_there_is_no_colour(analysis: Analysis) -> None:
    assert "\x1b" not in shown(analysis)


def test_on_a_terminal_there_is_colour_and_still_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen = Screen()
    terminal(ship(), screen)
    assert "\x1b[32m▲ better" in screen.getvalue()


def test_a_notebook_shows_the_page_in_a_frame_in_which_nothing_runs(analysis: Analysis) -> None:
    report = ProductReport(analysis, ORIGIN)
    frame = report._repr_html_()
    assert frame.startswith('<iframe title="Experiment report" sandbox="" srcdoc="&lt;!doctype html')
    assert frame.count("<") == 2
    assert report._repr_markdown_() == markdown(analysis, ORIGIN)


def effects_of(analysis: Analysis) -> list[dict[str, str]]:
    return [row for row in rows_of(analysis) if row["row"] != "found"]


def rows_of(analysis: Analysis) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table_csv(analysis), newline=""), strict=True))
