"""`rampwise demo`: launches every scenario at once, and says whether each ended as it had to."""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from analysis.report.html import to_html
from engine.core.outcome import ExitCode
from engine.demo.asking import Asking
from engine.demo.mail import Mail
from engine.demo.outcome import Result, Users, result_of
from engine.demo.scenarios import SCENARIOS, Scenario, users_report
from engine.demo.screen import Screen, Standing
from engine.demo.shopping import checkouts_shown, require_packages
from engine.demo.stage import Stage
from engine.demo.twists import Twister
from engine.errors import RampwiseError, UsageError
from engine.ports import Snapshot
from engine.reporting import view_of

LONGEST_S = 300.0
MARK = ".rampwise-demo"
"""Marks a directory as made here, so that nothing else is ever removed."""
MAIL_WITHIN_S = 15.0
"""How long the last notices may take after the last release ended."""
POLL_S = 0.5


def demo(output: Path, scenarios: Sequence[Scenario] = SCENARIOS) -> ExitCode:
    """Run the demonstration; results.json, a report per release and the experiments go to `output`."""
    require_packages()
    started_s = time.monotonic()
    screen = Screen(scenarios)
    screen.say("Starting real services, a proxy, Prometheus and load on this machine ...")
    with _own_home(output) as home, Stage(home, scenarios) as stage:
        for scenario in scenarios:
            stage.launch(scenario, _spec_file(output, scenario))
        users = {
            each.name: Asking(stage, each, _spec_file(output, each)) for each in scenarios if each.product
        }
        with screen:
            _watch(stage, screen, scenarios, users, started_s)
        mail = _await_mail(stage, scenarios)
        results = [_conclude(stage, each, output, mail, users.get(each.name)) for each in scenarios]
    (output / "results.json").write_text(json.dumps([r.to_plain() for r in results], indent=2) + "\n")
    screen.closing(results, mail, output, time.monotonic() - started_s)
    fine = mail.is_sound and all(result.as_expected for result in results)
    return ExitCode.OK if fine else ExitCode.ERROR


@contextmanager
def _own_home(output: Path) -> Iterator[Path]:
    """A Rampwise home of the demonstration's own, so that it touches nobody's runs and flags."""
    _clear(output)
    home = output / "home"
    home.mkdir(parents=True)
    (output / MARK).touch()
    before = os.environ.get("RAMPWISE_HOME")
    os.environ["RAMPWISE_HOME"] = str(home.absolute())
    try:
        yield home.absolute()
    finally:
        if before is None:
            del os.environ["RAMPWISE_HOME"]
        else:
            os.environ["RAMPWISE_HOME"] = before


def _clear(output: Path) -> None:
    """Remove what an earlier demonstration left; refuse to remove anything else."""
    if output.exists() and any(output.iterdir()) and not (output / MARK).exists():
        msg = f"{output} holds other files than a demonstration's; name another directory with --output-dir"
        raise UsageError(msg)
    shutil.rmtree(output, ignore_errors=True)


def _spec_file(output: Path, scenario: Scenario) -> Path:
    return output / f"{scenario.name}.yaml"


def _watch(
    stage: Stage,
    screen: Screen,
    scenarios: Sequence[Scenario],
    users: Mapping[str, Asking],
    started_s: float,
) -> None:
    """Until every run has ended or time is up."""
    twister = Twister(stage)
    while time.monotonic() - started_s < LONGEST_S:
        snapshots = {scenario.name: stage.snapshot(scenario) for scenario in scenarios}
        for scenario in scenarios:
            twister.look(scenario, snapshots[scenario.name].run, time.monotonic())
        for name, asking in users.items():
            asking.look(snapshots[name].run, time.monotonic())
        notes = {each.name: twister.note(each) for each in scenarios}
        notes |= {name: asking.note for name, asking in users.items()}
        screen.show({each.name: _standing(snapshots[each.name], notes[each.name]) for each in scenarios})
        if all(snapshot.run.phase.ended for snapshot in snapshots.values()):
            return
        for name, log in stage.processes.dead().items():
            msg = f"{name} ended by itself; its log is {log}"
            raise RampwiseError(msg)
        time.sleep(POLL_S)


def _standing(snapshot: Snapshot, note: str) -> Standing:
    return Standing(run=snapshot.run, reason=snapshot.reason or snapshot.run.reason, note=note)


def _await_mail(stage: Stage, scenarios: Sequence[Scenario]) -> Mail:
    """What the webhook received, once every end was told or time is up."""
    deadline_s = time.monotonic() + MAIL_WITHIN_S
    ends = {scenario.name: stage.snapshot(scenario).run.phase for scenario in scenarios}
    while True:
        mail = Mail(received=stage.receiver.received, unsigned=stage.receiver.unsigned)
        if all(mail.tells(name, end) for name, end in ends.items()) or time.monotonic() > deadline_s:
            return mail
        time.sleep(POLL_S)


def _conclude(stage: Stage, scenario: Scenario, output: Path, mail: Mail, asking: Asking | None) -> Result:
    """The result of one release, and its reports."""
    store, run = stage.store(scenario), stage.snapshot(scenario).run
    (output / f"{scenario.name}.html").write_text(to_html(view_of(store, run.id)), encoding="utf-8")
    users = None
    if asking is not None:
        asking.finish(output / users_report(scenario))
        users = Users(answer=asking.answer, shown=checkouts_shown(stage.shop(scenario)))
    return result_of(scenario, run, store.events(run.id), stage.split(scenario), mail, users)
