"""Numbers as people read them: shares, differences, ratios, lengths of time, moments. No sentences."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime


def percent(share: float | None) -> str:
    """A share with about three significant digits.

    >>> percent(0.0123), percent(0), percent(None)
    ('1.23 %', '0 %', 'no data')
    """
    if share is None:
        return "no data"
    return f"{_significant(share * 100)} %"


def points(difference: float | None) -> str:
    """A signed difference of two shares in percentage points.

    >>> points(-0.0012)
    '−0.12 pp'
    """
    if difference is None:
        return "no data"
    size = _significant(abs(difference) * 100)
    if size == "0":
        return "0 pp"
    sign = "−" if difference < 0 else "+"
    return f"{sign}{size} pp"


RESCALED: Mapping[str, tuple[tuple[float, str], ...]] = {
    "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")),
    "bytes": ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "bytes")),
}
"""Units that are shown in larger or smaller ones where a number would be long, the largest first."""


def amount(value: float | None, unit: str = "") -> str:
    """A value in its unit; seconds as milliseconds and bytes as megabytes where that reads better.

    >>> amount(0.0215, "s"), amount(3_200_000, "bytes"), amount(12.5, "EUR"), amount(1234.0)
    ('21.5 ms', '3.2 MB', '12.5 EUR', '1,234')
    """
    if value is None:
        return "no data"
    known = RESCALED.get(unit, ((1.0, unit),))
    factor, shown = next((each for each in known if abs(value) >= each[0]), known[-1])
    if value == 0:
        factor, shown = 1.0, unit
    sign = "−" if value < 0 else ""
    return f"{sign}{_significant(abs(value) / factor)} {shown}".rstrip()


def change(difference: float | None, unit: str = "") -> str:
    """A signed difference of two values in their unit.

    >>> change(-0.02, "s"), change(3.0), change(0.0, "s")
    ('−20 ms', '+3', '0 s')
    """
    if difference is None:
        return "no data"
    return f"{'+' if difference > 0 else ''}{amount(difference, unit)}"


def times(ratio: float | None) -> str:
    """A ratio, as in `1.5×`; an open end is `∞` or 0, and what is far below one hundredth is not spelt out.

    >>> times(0.25), times(4e-6)
    ('0.25×', 'under 0.01×')
    """
    if ratio is None:
        return "no data"
    if 0 < ratio < 0.01:
        return "under 0.01×"
    return "∞" if math.isinf(ratio) else f"{_significant(ratio)}×"


def duration(seconds: float) -> str:
    """A rough length of time.

    >>> duration(45), duration(200), duration(600), duration(90000)
    ('45 s', '3 min 20 s', '10 min', '25 h')
    """
    if seconds < 120:
        return f"{max(seconds, 0):.0f} s"
    minutes, rest_s = divmod(round(seconds), 60)
    if seconds < 600 and rest_s:
        return f"{minutes} min {rest_s} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} d"


def clock_time(at_s: float) -> str:
    """A moment in UTC, to the second."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _significant(value: float) -> str:
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{min(digits, 6)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
