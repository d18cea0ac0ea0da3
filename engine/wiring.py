"""Joins a stored run with the plugins it names. The only place where ports meet adapters."""

from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from analysis.planning.blast import with_budget
from engine import plugins, spec
from engine.adapters.clock import SystemClock
from engine.adapters.gates import open_gate
from engine.adapters.prober import HttpProber
from engine.adapters.store import SqlStore
from engine.adapters.store import open_store as _open_store
from engine.codec import from_plain, to_plain
from engine.core.letter import Letter
from engine.core.model import Experiment, PluginChoice
from engine.core.target import TargetFacts
from engine.errors import CorruptRecord, PluginError, SpecError
from engine.home import database_url
from engine.intake import Intake
from engine.ports import MetricSource, Sink, Store, StoredRun, Strategy, Target
from engine.runner import Parts


def open_store(url: str | None = None) -> Store:
    """The store at this URL; by default `$RAMPWISE_DATABASE`, or SQLite in Rampwise's home."""
    return _open_store(url or database_url())


def intake_of(store: Store) -> Intake:
    """Where users' exposures and events are kept: in the database of the runs."""
    return cast("SqlStore", store).intake


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A checked document joined with its target: all that a launch or a rehearsal needs."""

    document: spec.Document
    facts: TargetFacts
    experiment: Experiment
    target: Target

    def to_plain(self) -> dict[str, Any]:
        """What the store keeps: the document and the target's facts, so that old runs can always be read."""
        return {"document": spec.to_plain(self.document), "facts": to_plain(TargetFacts, self.facts)}


def prepare(document: spec.Document) -> Prepared:
    """Join a document with its target. Unreachable when the target's own state cannot be read."""
    target = cast("Target", document.target.plugin(document.target_options))
    facts = target.facts()
    experiment = with_budget(spec.build(document, facts))
    return Prepared(document=document, facts=facts, experiment=experiment, target=target)


def load_experiment(stored: StoredRun) -> Experiment:
    """The experiment of a stored run, as it was launched. CorruptRecord when it cannot be read."""
    plain = stored.spec
    try:
        facts = from_plain(TargetFacts, plain["facts"])
        return with_budget(spec.build(spec.from_plain(plain["document"]), facts))
    except (KeyError, TypeError, ValidationError, SpecError) as error:
        name = stored.snapshot.run.id
        msg = f"the experiment of {name} cannot be read, a plugin or version may be gone: {error}"
        raise CorruptRecord(msg) from error


def assemble(store: Store, run_id: str, place: str) -> Parts:
    """Everything that is needed to tick a run."""
    experiment = load_experiment(store.load(run_id))
    return Parts(
        experiment=experiment,
        store=store,
        target=make_target(experiment.target),
        source=make_source(experiment.source),
        gate=open_gate(experiment.gate, experiment.name),
        prober=HttpProber(),
        strategy=cast("Strategy", plugins.load(plugins.STRATEGIES, experiment.plan.strategy)()),
        clock=SystemClock(),
        place=place,
    )


def open_sink(store: Store, letter: Letter) -> Sink:
    """The sink that a letter goes to, as its run's experiment describes it.

    Raises:
        RampwiseError: the experiment cannot be read or has no such sink, or the plugin refuses its options.
    """
    experiment = load_experiment(store.load(letter.notice.run_id))
    choice = next((sink.plugin for sink in experiment.sinks if sink.name == letter.sink), None)
    if choice is None:
        msg = f"the experiment of {letter.notice.run_id} has no sink {letter.sink}"
        raise CorruptRecord(msg)
    return cast("Sink", _made(plugins.SINKS, choice))


def make_target(choice: PluginChoice) -> Target:
    """The target plugin with these options."""
    return cast("Target", _made(plugins.TARGETS, choice))


def make_source(choice: PluginChoice) -> MetricSource:
    """The metric source plugin with these options."""
    return cast("MetricSource", _made(plugins.SOURCES, choice))


def _made(group: str, choice: PluginChoice) -> Any:
    try:
        return plugins.create(group, choice)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        msg = f"{choice.name}: {wrong}; check its options in the experiment"
        raise PluginError(msg) from error
