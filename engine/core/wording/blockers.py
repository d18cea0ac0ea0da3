"""What forbids giving traffic, and why a window gave nothing, in one clause each."""

from engine.core.events import Freeze
from engine.core.gate import GateState
from engine.core.measure import Missing, MissingReason
from engine.core.model import Experiment
from engine.core.numbers import clock_time, duration
from engine.core.release_window import next_open_s
from engine.core.run import Run
from engine.core.target import Health, TargetState
from engine.core.verdict import SplitFinding, Verdict
from engine.core.wording.steps import place

_MISSING = {
    MissingReason.NO_SERIES: "the query returned no series",
    MissingReason.NO_TRAFFIC: "there were no requests",
    MissingReason.STALE: "the newest sample is too old",
    MissingReason.NOT_A_NUMBER: "the value is not a number",
    MissingReason.RESET: "a counter was reset in a way that cannot be repaired",
    MissingReason.FOREIGN_SERIES: "a series belongs to neither variant",
    MissingReason.AMBIGUOUS_SERIES: "a series belongs to both variants",
    MissingReason.PARTIAL: "the source answered only in part",
    MissingReason.SOURCE_DOWN: "the source does not answer",
    MissingReason.SOURCE_SLOW: "the source did not answer in time",
    MissingReason.SOURCE_ERROR: "the source answered with an error",
    MissingReason.BAD_QUERY: "the metric cannot be read like this",
}


def missing(reason: MissingReason) -> str:
    """Why there was no measurement."""
    return _MISSING[reason]


def gate_unknown(gate: GateState) -> str:
    """Why the flag's answer does not count."""
    return f"flag `{gate.flag}` gave no clean answer ({gate.provider}): {gate.reason}"


def paused(run: Run) -> str:
    """The run was paused by a person."""
    return f"paused; `rampwise resume {run.id} --reason TEXT` goes on"


def awaiting_approval(experiment: Experiment, run: Run) -> str:
    """A person has to allow going on from this step."""
    what = place(experiment.plan, run.step)
    return f"step {run.step + 1} ({what}) needs approval; `rampwise approve {run.id} --reason TEXT`"


def outside_release_window(experiment: Experiment, now_s: float) -> str:
    """When the next release window opens."""
    opens_s = next_open_s(experiment.windows, now_s)
    when = f"; it opens {clock_time(opens_s)}" if opens_s is not None else ""
    return f"outside the release window{when}"


def frozen(freeze: Freeze) -> str:
    """Who froze all releases, and why."""
    return f"frozen by {freeze.actor}: {freeze.reason}; `rampwise freeze off` ends it"


def foreign_writer(run: Run, target: TargetState) -> str:
    """Somebody else moved traffic."""
    return f"somebody else set traffic to {target.weights} (control/treatment), this run to {run.weights}"


def not_ready(variant: str, health: Health) -> str:
    """A variant cannot serve."""
    return f"{variant} is not ready" + (f": {health.detail}" if health.detail else "")


def unknown_to_the_target(variant: str) -> str:
    """The target does not say how a treatment is."""
    return f"{variant} is not known to the target"


def invisible(variant: str, metric: str) -> str:
    """Traffic goes to a variant whose series are gone."""
    return f"{variant} receives traffic but has no series for {metric}"


def warming_up(variant: str, left_s: float) -> str:
    """The warm-up is still on."""
    return f"{variant} is warming up for another {duration(left_s)}"


def no_data(metric: str, missing: Missing) -> str:
    """Why a metric has no data."""
    return f"no data for {metric}: {_MISSING[missing.reason]} ({missing.detail})"


def no_window_yet() -> str:
    """The first window is not over."""
    return "no data yet: the first window is not over"


def catching_up(unread: int) -> str:
    """Newer windows exist than those that were read."""
    return f"catching up: {unread} windows are still to be read"


def distrust(verdict: Verdict) -> str:
    """Which metric's assumptions fail, and which treatment does not get its visitors."""
    broken = [
        f"{finding.metric}: {finding.distrust}"
        for finding in verdict.findings
        if finding.distrust and not finding.family
    ]
    broken += [_off_plan(split, verdict) for split in verdict.splits if split.alarm]
    return "; ".join(broken) or "the evidence cannot be trusted"


def _off_plan(split: SplitFinding, verdict: Verdict) -> str:
    whose = f" to {split.treatment}" if len(verdict.splits) > 1 else ""
    visitors = split.control + split.treatment_count
    return (
        f"traffic{whose} is not split as planned:"
        f" planned {_tenths(split.planned)}, seen {_tenths(split.seen)} of {visitors:,} visitors"
    )


def _tenths(share: float | None) -> str:
    """A share to a tenth of a percent, so that planned and seen line up."""
    return "no data" if share is None else f"{share * 100:.1f} %"


def clock_set_back(by_s: float) -> str:
    """The machine's clock went backwards."""
    return f"the clock was set back by {duration(by_s)}"
