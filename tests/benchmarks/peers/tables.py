"""The comparison as Markdown, which is also what the terminal shows, and as JSON. Adds no number."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby

from tests.benchmarks.peers.packages import Unverified, Verified
from tests.benchmarks.peers.scoring import Score

OURS = "Rampwise"
_HARM = ("method", "found", "early", "mean", "median", "x bound", "untrusted", "")
_WORST = ("method", "false alarms", "in", "INVALID in")
_NULL = ("method", "false alarms", "untrusted", "")


def markdown(scores: Sequence[Score], checks: Sequence[Verified | Unverified], heading: str) -> str:
    """Everything, one table per case."""
    parts = [heading, "\n".join(f"- {check}" for check in checks)]
    for case, rows in groupby(scores, key=lambda score: score.case):
        parts.append(f"### {case[0].upper()}{case[1:]}\n\n{_table(list(rows))}")
    parts.append(f"### The worst of all cases without harm\n\n{_worst(scores)}")
    parts.append("### Where Rampwise does not come first\n\n" + "\n".join(losses(scores)))
    return "\n\n".join(parts) + "\n"


def _worst(scores: Sequence[Score]) -> str:
    nulls = [row for row in scores if row.is_null]
    by_method = {
        method: [row for row in nulls if row.method == method]
        for method in dict.fromkeys(row.method for row in nulls)
    }
    worst = [max(rows, key=lambda row: row.found) for rows in by_method.values()]
    invalid = [sum(row.invalid for row in rows) for rows in by_method.values()]
    cells = [
        (row.method, _percent(row), row.case.removesuffix(", nothing wrong"), f"{count} of {len(rows)}")
        for row, count, rows in zip(worst, invalid, by_method.values(), strict=True)
    ]
    return _aligned([_WORST, *cells])


def _table(rows: Sequence[Score]) -> str:
    cells = [_null_cells(row) if row.is_null else _harm_cells(row) for row in rows]
    return _aligned([_NULL if rows[0].is_null else _HARM, *cells])


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = [_line(line, widths) for line in lines]
    rule = (
        "|"
        + "|".join("-" * (width + 1) + (":" if column else "-") for column, width in enumerate(widths))
        + "|"
    )
    return "\n".join([text[0], rule, *text[1:]])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        f"{cell:<{width}}" if column == 0 else f"{cell:>{width}}"
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "| " + " | ".join([first, *others]) + " |"


def _percent(row: Score) -> str:
    return f"{row.found:.1%} ± {row.found_error:.1%}"


def _null_cells(row: Score) -> tuple[str, ...]:
    return row.method, _percent(row), f"{row.untrustworthy:.1%}", "INVALID" if row.invalid else ""


def _harm_cells(row: Score) -> tuple[str, ...]:
    at_least = "≥ " if row.found + row.early < 1 else ""
    median = "never" if row.median_requests is None else f"{row.median_requests:,.0f}"
    return (
        row.method,
        _percent(row),
        f"{row.early:.1%}",
        f"{at_least}{row.mean_requests:,.0f} ± {row.mean_error:,.0f}",
        median,
        f"{at_least}{row.bound_ratio:.2f}",
        f"{row.untrustworthy:.1%}",
        "INVALID without harm" if row.invalid else "",
    )


def losses(scores: Sequence[Score]) -> Sequence[str]:
    """What speaks against us: invalid rows, and peers that are valid in the case and no slower."""
    lines = [
        f"- {row.method}: {row.found:.1%} false alarms ({row.case})."
        for row in scores
        if row.is_null and row.invalid and row.method.startswith(OURS)
    ]
    harms = [row for row in scores if not row.is_null]
    for case, rows in groupby(harms, key=lambda score: score.case):
        valid = [row for row in rows if not row.invalid]
        peers = [row for row in valid if not row.method.startswith(OURS)]
        lines.extend(
            f"- {row.method}: {row.mean_requests:,.0f}; {peer.method}: {peer.mean_requests:,.0f} ({case})."
            for row in valid
            if row.method.startswith(OURS)
            for peer in peers
            if peer.mean_requests <= row.mean_requests
        )
    return lines or ["- Nowhere in this run."]


def as_json(
    scores: Sequence[Score], checks: Sequence[Verified | Unverified], settings: dict[str, object]
) -> str:
    """The same as plain records."""
    plain = {
        "settings": settings,
        "checks": [
            {**asdict(check), "verified": isinstance(check, Verified) and check.agrees} for check in checks
        ],
        "scores": [asdict(row) for row in scores],
    }
    return json.dumps(plain, indent=2) + "\n"
