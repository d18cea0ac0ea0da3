"""The tables of docs/validity.md: rows to text, and text to numbers again. Measures nothing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.measuring import Delay, Row, Share
from tests.simulation.subjects import CASES

DOC = Path(__file__).parents[2] / "docs" / "validity.md"
BEGIN, END = "<!-- calibrate: begin -->", "<!-- calibrate: end -->"
HEAD = (
    "| traffic | dispersion | false rollbacks | not trusted | wrong promotions | harm found | after windows "
    "| good promoted | after windows |\n|---|---|---|---|---|---|---|---|---|"
)
_FIGURE_COLUMNS = 4
_NUMBERS = re.compile(r"(-?[\d,]*\.?\d+) ± ([\d,]*\.?\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number with its standard error, and what it should be at most (or at least)."""

    name: str
    value: float
    error: float
    limit: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the limit is met within two standard errors."""
        if self.at_least:
            return self.value >= self.limit - 2.0 * self.error
        return self.value <= self.limit + 2.0 * self.error


def table(rows: Sequence[Row]) -> str:
    """A case's rows in Markdown."""
    lines = [
        "| "
        + " | ".join(
            (
                row.traffic,
                row.regime,
                _share(row.false_rollbacks),
                _share(row.distrusted),
                _share(row.wrong_promotions),
                _share(row.found),
                _delay(row.found_after),
                _share(row.promoted),
                _delay(row.promoted_after),
            )
        )
        + " |"
        for row in rows
    ]
    return "\n".join([HEAD, *lines])


def _share(share: Share | None) -> str:
    return "" if share is None else f"{100 * share.value:.1f} ± {100 * share.error:.1f} %"


def _delay(delay: Delay | None) -> str:
    return "" if delay is None else f"{delay.mean:,.1f} ± {delay.error:,.1f} ({delay.median:,.0f})"


def figures_table(figures: Sequence[Figure]) -> str:
    """Figures and their limits in Markdown."""
    lines = [
        f"| {each.name} | {each.value:,.3f} ± {each.error:,.3f} "
        f"| {'≥' if each.at_least else '≤'} {each.limit:,.2f} | {'yes' if each.holds else 'no'} |"
        for each in figures
    ]
    return "\n".join(["| figure | measured | wanted | reached |", "|---|---|---|---|", *lines])


def written(block: str) -> None:
    """Put the block between the marks of the document."""
    text = DOC.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    DOC.write_text(f"{before}{BEGIN}\n{block}\n{END}{after}", encoding="utf-8")


def block(rows: Mapping[str, Sequence[Row]], figures: str, runs: int) -> str:
    """All of it: figures, then a section per case."""
    parts = [figures]
    for name, found in rows.items():
        subject = CASES[name].subject
        t, c = subject.per_window
        parts.append(
            f"### {name.capitalize()}\n\n{CASES[name].says}. {runs:,} runs of {subject.windows:,} windows of "
            f"{t:,} + {c:,}.\n\n{table(found)}"
        )
    return "\n\n".join(parts)


Numbers = Sequence[tuple[float, float] | None]
"""Value and standard error of each column, None where it is empty."""


def documented() -> Mapping[tuple[str, str, str], Numbers]:
    """What the document says, by case, traffic and regime, in the columns' order; shares in percent."""
    return parsed(_inside())


def documented_figures() -> Mapping[str, tuple[float, float, bool]]:
    """Value, standard error and whether it is reached, by the figure's name."""
    found = {}
    for line in _inside().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == _FIGURE_COLUMNS and (number := _number(cells[1])):
            found[cells[0]] = (*number, cells[3] == "yes")
    return found


def documented_runs() -> int:
    """Runs of every case that the document was written from."""
    found = re.search(r"([\d,]+) runs of", _inside())
    return int(_float(found[1])) if found else 0


def _inside() -> str:
    return DOC.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


def parsed(text: str) -> Mapping[tuple[str, str, str], Numbers]:
    """Tables under their headings as numbers."""
    found: dict[tuple[str, str, str], Numbers] = {}
    case = ""
    for line in text.splitlines():
        if line.startswith("### "):
            case = line[4:]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == HEAD.splitlines()[0].count("|") - 1 and cells[0] not in ("traffic", "---"):
            found[case, cells[0], cells[1]] = [_number(cell) for cell in cells[2:]]
    return found


def _number(cell: str) -> tuple[float, float] | None:
    match = _NUMBERS.match(cell)
    return (_float(match[1]), _float(match[2])) if match else None


def _float(text: str) -> float:
    return float(text.replace(",", ""))
