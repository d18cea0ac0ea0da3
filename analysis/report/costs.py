"""How many users were affected so far, as text: trials more or fewer than at control's rate. Pure."""

from analysis.report import words
from analysis.report.rows import MetricRow
from analysis.report.view import ReportView


def costs(view: ReportView) -> tuple[MetricRow, ...]:
    """The metrics that tell how many were affected."""
    return tuple(row for row in view.metrics if row.extra is not None)


def cost(row: MetricRow) -> str:
    """How many trials more or fewer there were than at control's rate, with the interval."""
    if row.extra is None:
        return words.NOT_MEASURED
    counted, low, high = row.extra.estimate, row.extra.low, row.extra.high
    if row.higher_is_better:
        counted, low, high = -counted, _negative(high), _negative(low)
    way = "fewer" if counted < 0 and _count(-counted) != "0" else "more"
    where = f"; {words.stage(row)}" if words.stage(row) else ""
    return (
        f"{_count(abs(counted))} {way} {row.counts} than at the rate of control ({_ends(low, high)}{where})"
    )


def _ends(low: float | None, high: float | None) -> str:
    match low, high:
        case None, None:
            return "not bounded yet"
        case None, float(high):
            return f"at most {_signed(high)}"
        case float(low), None:
            return f"at least {_signed(low)}"
        case _:
            return f"likely {_signed(low or 0.0)} to {_signed(high or 0.0)}"


def _negative(number: float | None) -> float | None:
    return None if number is None else -number


def _signed(number: float) -> str:
    """With a sign: what is more, and what is fewer."""
    size = _count(abs(number))
    return size if size == "0" else f"{'−' if number < 0 else '+'}{size}"


def _count(number: float) -> str:
    """A rough number of trials.

    >>> _count(1234.5), _count(3.14), _count(0.001)
    ('1,234', '3.1', '0')
    """
    return f"{number:,.0f}" if number >= 10 or number < 0.05 else f"{number:.2g}"
