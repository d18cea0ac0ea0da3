"""Counts of both arms and differences that a ramp cannot fake. Adds up windows; judges nothing."""

from dataclasses import dataclass, replace

from engine.core.measure import Trials, TrialsReading
from engine.core.verdict import ArmSummary

_NONE = ArmSummary(bad=0, total=0, step_bad=0, step_total=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Totals of one metric since launch and since the last weight change.

    `bad_treatment`, `bad_control` and `pairs` are Mantel-Haenszel sums over windows: bad trials of one arm
    times the other arm's share of the window's trials, and the product of both arms' trials over their sum.
    Totals over a ramp with a moving base rate would show a difference where there is none; these do not.
    """

    control: ArmSummary = _NONE
    treatment: ArmSummary = _NONE
    bad_treatment: float = 0.0
    bad_control: float = 0.0
    pairs: float = 0.0

    def plus(self, reading: TrialsReading) -> "Tally":
        """With one more window, in which at least one arm has trials."""
        c, t = reading.control, reading.treatment
        n = c.total + t.total
        return Tally(
            control=_with(self.control, c),
            treatment=_with(self.treatment, t),
            bad_treatment=self.bad_treatment + t.bad * (c.total / n),
            bad_control=self.bad_control + c.bad * (t.total / n),
            pairs=self.pairs + c.total * (t.total / n),
        )

    def at_new_step(self) -> "Tally":
        """With the step's totals back at zero."""
        return replace(
            self,
            control=replace(self.control, step_bad=0, step_total=0),
            treatment=replace(self.treatment, step_bad=0, step_total=0),
        )

    @property
    def risk_ratio(self) -> float | None:
        """Treatment rate over control rate within windows, or None while control has no bad trials."""
        return self.bad_treatment / self.bad_control if self.bad_control else None

    @property
    def difference(self) -> float | None:
        """Treatment rate minus control rate within windows, or None without windows."""
        return (self.bad_treatment - self.bad_control) / self.pairs if self.pairs else None


def _with(arm: ArmSummary, trials: Trials) -> ArmSummary:
    return ArmSummary(
        bad=arm.bad + trials.bad,
        total=arm.total + trials.total,
        step_bad=arm.step_bad + trials.bad,
        step_total=arm.step_total + trials.total,
    )
