"""Asks what users did, and has the answer carried out: `rampwise ab conclude` now and then, as cron would."""

from dataclasses import dataclass
from pathlib import Path

from engine.core.outcome import ExitCode
from engine.core.run import Run
from engine.demo.processes import Process
from engine.demo.scenarios import TEST_PCT, Scenario
from engine.demo.stage import Stage
from engine.errors import RampwiseError

EVERY_S = 5.0
FIRST_AFTER_S = 18.0
"""How long the test goes on before the first look; one look reads everything."""
REPORT_WITHIN_S = 60.0
_ANSWERS: dict[int, str] = {
    ExitCode.OK: "ship",
    ExitCode.ROLLED_BACK: "keep control",
    ExitCode.UNDECIDED: "keep running",
    ExitCode.NOT_TRUSTED: "do not trust",
}


@dataclass(slots=True)
class Asking:
    """One product experiment, looked at while its release goes on.

    Attributes:
        answer: of the last look.
    """

    stage: Stage
    scenario: Scenario
    file: Path
    answer: str = ""
    _look: Process | None = None
    _due_s: float | None = None

    def look(self, run: Run, now_s: float) -> None:
        """Begin a look that is due, or take the answer of one that has ended; waits for nothing."""
        if run.phase.ended:
            self.stage.send_visitors_home(self.scenario)
        if self._look is not None:
            if self._look.poll() is not None:
                self._take(self._look.returncode)
                self._due_s, self._look = now_s + EVERY_S, None
        elif self._due_s is None:
            if run.weights.treatment >= TEST_PCT:
                self._due_s = now_s + FIRST_AFTER_S
        elif now_s >= self._due_s and not run.phase.ended:
            self._look = self.stage.rampwise(self.scenario, "ab", "conclude", str(self.file))

    @property
    def note(self) -> str:
        """How users were heard so far, in a few words."""
        return f"users say: {self.answer}" if self.answer else ""

    def finish(self, report: Path) -> None:
        """Wait for the look that goes on, and write the report for people who are no statisticians.

        Raises:
            RampwiseError: it is not written.
        """
        if self._look is not None:
            self._take(self._look.wait(REPORT_WITHIN_S))
        writing = self.stage.rampwise(self.scenario, "ab", "report", str(self.file), "--output", str(report))
        if writing.wait(REPORT_WITHIN_S) != ExitCode.OK:
            msg = f"no report of {self.scenario.name} was written; see {self.stage.processes.log('rampwise')}"
            raise RampwiseError(msg)

    def _take(self, code: int) -> None:
        self.answer = _ANSWERS.get(code, "no answer")
