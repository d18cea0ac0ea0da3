"""The report as CSV (RFC 4180): one row per metric, variant and time, and one per metric and variant in all.

Empty is not known, and never 0. Cells of text are kept from being taken for formulas by a spreadsheet.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from analysis.report import words
from analysis.report.breakdowns import Part
from analysis.report.rows import MetricRow
from analysis.report.trace import MetricPoint, Point
from analysis.report.view import ReportView
from engine.core.model import Arm
from engine.core.printable import printable

COLUMNS = (
    "run",
    "experiment",
    "row",
    "metric",
    "stage",
    "treatment",
    "arm",
    "variant",
    "start_utc",
    "end_utc",
    "windows",
    "warm_up_windows",
    "trials",
    "counts",
    "counted_trials",
    "counted_share",
    "value_unit",
    "difference_share",
    "effect_measure",
    "effect",
    "effect_low",
    "effect_high",
    "e_harm_log10",
    "e_promote_log10",
    "e_better_log10",
    "verdict",
    "snapshot",
)
"""What each of them is stands in docs/reference/report.md."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

Cell = str | int | float | None


def to_csv(view: ReportView) -> str:
    """The text with a line of column names; lines end with CR LF. ValueError if a number is not finite."""
    return table_text(COLUMNS, _rows(view))


def table_text(columns: Sequence[str], rows: Iterable[Mapping[str, Cell]]) -> str:
    """A table as CSV, its column names first; a cell that a row does not have, or of None, is empty."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns, restval="")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _written(value) for name, value in row.items()})
    return stream.getvalue()


def _written(value: Cell) -> str | int | float:
    if value is None:
        return ""
    return text(value) if isinstance(value, str) else value


def text(value: str) -> str:
    """A cell of text; one that a spreadsheet would compute begins with an apostrophe.

    >>> text("=1+1"), text("v2")
    ("'=1+1", 'v2')
    """
    return f"'{printable(value)}" if value.startswith(_FORMULA) else printable(value)


def _rows(view: ReportView) -> Iterator[dict[str, Cell]]:
    common: dict[str, Cell] = {
        "run": view.provenance.run_id,
        "experiment": view.name,
        "snapshot": view.snapshot,
    }
    for place, metric in enumerate(view.metrics):
        for arm in Arm:
            who = common | _who(view, metric, arm)
            for point in view.points:
                yield who | _point(point, metric, point.metrics[place], arm)
            yield who | _total(view, place, arm)
    for breakdown in view.breakdowns:
        for part in breakdown.parts:
            for arm in Arm:
                yield common | _who(view, part.row, arm) | _of_part(view, part, arm)


def _who(view: ReportView, metric: MetricRow, arm: Arm) -> dict[str, Cell]:
    return {
        "metric": metric.declared,
        "stage": metric.stage,
        "treatment": metric.variant,
        "arm": arm,
        "variant": view.control if arm is Arm.CONTROL else metric.variant,
        "counts": metric.counts,
        "value_unit": metric.value_unit,
    }


def _point(point: Point, metric: MetricRow, each: MetricPoint, arm: Arm) -> dict[str, Cell]:
    counts = each.control if arm is Arm.CONTROL else each.treatment
    counted = None if counts is None else counts.bad
    trials = None if counts is None else counts.total
    cells: dict[str, Cell] = {
        "row": "point",
        "start_utc": words.iso(point.start_s),
        "end_utc": words.iso(point.end_s),
        "windows": point.windows,
        "warm_up_windows": point.warm_up_windows,
        "trials": trials,
        "counted_trials": counted,
        "counted_share": counted / trials if counted is not None and trials else None,
    }
    return cells if arm is Arm.CONTROL else cells | _compared(metric, each)


def _compared(metric: MetricRow, each: MetricPoint) -> dict[str, Cell]:
    """What sets the treatment against control, since launch."""
    return {
        "difference_share": each.difference,
        "effect_measure": metric.measure,
        "effect": each.effect,
        "effect_low": each.low,
        "effect_high": each.high,
        "e_harm_log10": each.log10_e_harm,
        "e_promote_log10": each.log10_e_promote,
        "e_better_log10": each.log10_e_better,
    }


def _total(view: ReportView, place: int, arm: Arm) -> dict[str, Cell]:
    metric = view.metrics[place]
    share = metric.control if arm is Arm.CONTROL else metric.treatment
    until_s = view.health.data_until_s
    pairs = [point.metrics[place] for point in view.points]
    known = any(each.treatment is not None and each.treatment.bad is not None for each in pairs)
    cells: dict[str, Cell] = {
        "row": "total",
        "start_utc": words.iso(view.launched_s),
        "end_utc": None if until_s is None else words.iso(until_s),
        "windows": metric.windows,
        "warm_up_windows": 0,
        "trials": share.total if metric.windows else None,
        "counted_trials": share.bad if known and metric.windows else None,
        "counted_share": share.rate if known else None,
    }
    if arm is Arm.CONTROL:
        return cells
    compared = _compared(metric, pairs[-1]) if pairs else {}
    return cells | compared | {"verdict": metric.verdict}


def _of_part(view: ReportView, part: Part, arm: Arm) -> dict[str, Cell]:
    """A part has one row per variant, of the whole run."""
    row = part.row
    share = row.control if arm is Arm.CONTROL else row.treatment
    until_s = view.health.data_until_s
    cells: dict[str, Cell] = {
        "row": "total",
        "start_utc": words.iso(view.launched_s),
        "end_utc": None if until_s is None else words.iso(until_s),
        "windows": row.windows,
        "warm_up_windows": 0,
        "trials": share.total if row.windows else None,
        "counted_trials": share.bad if row.windows and row.difference is not None else None,
        "counted_share": share.rate if row.difference is not None else None,
    }
    if arm is Arm.CONTROL:
        return cells
    return cells | {
        "difference_share": row.difference,
        "effect_measure": row.measure,
        "effect": row.effect,
        "effect_low": row.low,
        "effect_high": row.high,
        "e_harm_log10": part.log10_e_harm,
        "verdict": row.verdict,
    }
