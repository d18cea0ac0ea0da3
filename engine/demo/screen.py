"""What the demonstration shows: a live table on a terminal, one line per change elsewhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from engine.core.numbers import duration
from engine.core.run import Run
from engine.demo.outcome import Result
from engine.demo.scenarios import Scenario


class Screen:
    """Shows how the releases go."""

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        self._scenarios = scenarios
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._seen: dict[str, str] = {}

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
        self._console.print(text, highlight=False)

    def show(self, runs: Mapping[str, Run]) -> None:
        """How the releases stand now."""
        if self._console.is_terminal:
            self._live.update(self._table(runs), refresh=True)
            return
        for scenario in self._scenarios:
            line = _line(runs[scenario.name])
            if self._seen.get(scenario.name) != line:
                self._seen[scenario.name] = line
                self.say(f"{scenario.name:<12} {line}")

    def _table(self, runs: Mapping[str, Run]) -> Table:
        table = Table("RELEASE", "TREATMENT", "STANDING", "NOW", box=None, pad_edge=False)
        for scenario in self._scenarios:
            run = runs[scenario.name]
            reason = run.reason if len(run.reason) < 90 else run.reason[:87] + "..."
            table.add_row(scenario.title, f"{run.weights.treatment:>3} %", str(run.phase), reason)
        return table

    def closing(self, results: Sequence[Result], output: Path, took_s: float) -> None:
        """The closing table, and where to read more."""
        titles = {scenario.name: scenario.title for scenario in self._scenarios}
        table = Table("RELEASE", "EXPECTED", "OUTCOME", "AFTER", "REQUESTS TO V2", "OF THEM BAD", "")
        for result in results:
            after = "-" if result.decided_after_s is None else duration(result.decided_after_s)
            table.add_row(
                titles[result.scenario],
                result.expected,
                result.outcome,
                after,
                f"{result.treatment_requests:,}",
                f"{result.treatment_bad:,}",
                "✔ as expected" if result.as_expected else "✖ NOT as expected",
            )
        Console().print(table)
        self.say(f"Took {duration(took_s)}. Reports: open {output}/errors.html, or any other *.html there.")
        self.say(f"Experiments as launched: {output}/*.yaml. Numbers: {output}/results.json.")
        self.say("Next: `rampwise local up` and README.md's first release of your own.")


def _line(run: Run) -> str:
    return f"{run.weights.treatment:>3} %  {run.phase}  {run.reason}"
