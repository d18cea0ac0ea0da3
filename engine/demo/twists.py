"""What happens to the releases from outside: a flag closes, an engine dies, Prometheus stops."""

from dataclasses import dataclass, field

from engine.adapters.gates import write_flag
from engine.core.run import Run
from engine.demo.scenarios import Scenario, Twist
from engine.demo.stage import Stage

_NOTES = {Twist.FLAG_CLOSED: "flag closed", Twist.ENGINE_KILLED: "engine killed, another goes on"}

OUTAGE_S = 12.0
FIRST_WEIGHT_PCT = 30


@dataclass(slots=True)
class Twister:
    """Does each twist once, when its release is half-way up."""

    stage: Stage
    _done_s: dict[str, float] = field(default_factory=dict)
    _mended: set[str] = field(default_factory=set)

    def note(self, scenario: Scenario) -> str:
        """What happened to a release from outside, in a few words."""
        if scenario.name not in self._done_s:
            return ""
        if scenario.twist is Twist.SOURCE_STOPPED:
            return "Prometheus is back" if scenario.name in self._mended else "Prometheus is gone"
        return _NOTES.get(scenario.twist, "")

    def look(self, scenario: Scenario, run: Run, now_s: float) -> None:
        """Do what is due."""
        if scenario.name not in self._done_s:
            if run.weights.treatment >= FIRST_WEIGHT_PCT and not run.phase.ended:
                self._begin(scenario)
                self._done_s[scenario.name] = now_s
        elif scenario.name not in self._mended and now_s - self._done_s[scenario.name] >= OUTAGE_S:
            self._mended.add(scenario.name)
            if scenario.twist is Twist.SOURCE_STOPPED:
                self.stage.platform(scenario).start_prometheus()

    def _begin(self, scenario: Scenario) -> None:
        match scenario.twist:
            case Twist.FLAG_CLOSED:
                write_flag(scenario.name, is_open=False)
            case Twist.ENGINE_KILLED:
                self.stage.kill_engine(scenario)
                self.stage.start_engine(scenario)
            case Twist.SOURCE_STOPPED:
                self.stage.platform(scenario).stop_prometheus()
            case Twist.NONE | Twist.COLD_START | Twist.NOT_OURS | Twist.ROUTE_LEFT_BEHIND:
                pass
