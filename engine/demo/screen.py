"""What the demonstration shows: a live table on a terminal, one line per change elsewhere."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from engine.core.numbers import duration
from engine.core.run import Run
from engine.demo.mail import Mail
from engine.demo.outcome import Result
from engine.demo.scenarios import Scenario, Twist, users_report

_WIDE_ENOUGH_FOR_ANYTHING = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one release stands; `note` is what happened to it from outside."""

    run: Run
    reason: str
    note: str


class Screen:
    """Shows how the releases go."""

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        self._scenarios = scenarios
        self._console = _console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._seen: dict[str, tuple[object, ...]] = {}

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def say(self, text: str) -> None:
        """One line of talk."""
        self._console.print(Text(text))

    def show(self, standings: Mapping[str, Standing]) -> None:
        """How the releases stand now."""
        if self._console.is_terminal:
            self._live.update(self._table(standings), refresh=True)
            return
        for scenario in self._scenarios:
            standing = standings[scenario.name]
            key = (standing.run.phase, standing.run.weights, standing.note)
            if self._seen.get(scenario.name) != key:
                self._seen[scenario.name] = key
                words = [
                    f"{scenario.name:<12}",
                    _weight(standing),
                    _word(scenario, standing),
                    standing.reason,
                ]
                self.say("  ".join(words))

    def _table(self, standings: Mapping[str, Standing]) -> Table:
        table = Table(box=None, pad_edge=False)
        table.add_column("RELEASE", no_wrap=True)
        table.add_column("NEW GETS", justify="right", no_wrap=True)
        table.add_column("STANDING", no_wrap=True)
        table.add_column("NOW", no_wrap=True, overflow="ellipsis")
        for scenario in self._scenarios:
            standing = standings[scenario.name]
            table.add_row(
                Text(scenario.title),
                _weight(standing),
                Text(_word(scenario, standing)),
                Text(standing.reason),
            )
        return table

    def closing(self, results: Sequence[Result], mail: Mail, output: Path, took_s: float) -> None:
        """One line per release with its report, and what to do next."""
        titles = {scenario.name: scenario.title for scenario in self._scenarios}
        table = Table(box=None, pad_edge=False)
        for title in ("RELEASE", "OUTCOME", "AFTER", "NEW SERVED", "FAILED", "REPORT"):
            numbers = title in {"AFTER", "NEW SERVED", "FAILED"}
            table.add_column(title, no_wrap=True, justify="right" if numbers else "left")
        for result in results:
            table.add_row(
                Text(titles[result.scenario]),
                Text(_verdict(result)),
                "–" if result.decided_after_s is None else duration(result.decided_after_s),
                f"{result.treatment_requests:,}",
                f"{result.treatment_bad:,}",
                Text(str(output / f"{result.scenario}.html")),
            )
        _console(stderr=False).print(table)
        self.say(_mail_line(results, mail))
        for scenario in self._scenarios:
            if scenario.product is not None:
                self.say(f"What its users did, and what it means: {output / users_report(scenario)}")
        self.say(
            f"Took {duration(took_s)}. Open a report in a browser; the numbers are in {output}/results.json,"
        )
        self.say(f"the experiments as launched in {output}/*.yaml.")
        self.say("Next: `source .venv/bin/activate && rampwise local up`, then README's first release.")


def _console(*, stderr: bool) -> Console:
    """Off a terminal nothing is wrapped or cut: whoever reads the lines knows no width."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _WIDE_ENOUGH_FOR_ANYTHING
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=True)


def _verdict(result: Result) -> str:
    if result.as_expected:
        return f"✔ {result.outcome}"
    if result.outcome == result.expected:
        return f"✖ {result.outcome}, but nobody was told so"
    return f"✖ {result.outcome} (expected: {result.expected})"


def _mail_line(results: Sequence[Result], mail: Mail) -> str:
    """How much the webhook received, and whether it was all that had to be told."""
    told = sum(result.end_told for result in results)
    received = f"The webhook received {len(mail.received)} notices"
    signed = "all signed" if not mail.unsigned else f"and {mail.unsigned} messages without a good signature"
    ids = "each once" if not mail.repeated else f"{mail.repeated} of them repeated"
    line = f"{received}, {signed}, {ids}; {told} of {len(results)} ends were told."
    return f"✔ {line}" if mail.is_sound and told == len(results) else f"✖ {line}"


def _weight(standing: Standing) -> str:
    return f"{standing.run.weights.treatment:>3} %"


def _word(scenario: Scenario, standing: Standing) -> str:
    word = str(standing.run.phase).replace("_", " ")
    if scenario.twist is Twist.NOT_OURS:
        word = f"would be {word}, nothing moved"
    return f"{word}, {standing.note}" if standing.note else word
