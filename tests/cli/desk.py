"""A release manager's desk: the real commands on a real database, with a target and a source in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from typer.testing import CliRunner, Result

from engine import plugins
from engine.adapters.fakes import FakeTarget, FakeTargetOptions
from engine.adapters.fakes_sink import FakeSink, FakeSinkOptions
from engine.adapters.gates import file_provider, memory_provider
from engine.cli.main import app
from engine.core.measure import Missing, MissingReason, Trials, TrialsReading, Window
from engine.core.model import Metric
from engine.core.notice import Notice
from engine.ports import Batch, Json, QueryRecord, Store
from engine.wiring import open_store
from strategies.canary import Canary

NOW_S = 1_800_000_000.0
EXPERIMENT = """\
apiVersion: rampwise.dev/v1alpha1
kind: ReleaseExperiment
metadata: {name: checkout-v2}
spec:
  target: {desk: {}}
  strategy: {canary: {steps: [10, 50], hold: 30s, floor: 50}}
  source: {desk: {}}
  interval: 10s
  warm_up: 1s
  metrics:
    - {name: errors, kind: proportion, bad: errors_total, total: requests_total, margin: {absolute: 5pp}}
"""


class Clock:
    """Time passes while somebody waits for the next tick, and only then."""

    def __init__(self) -> None:
        self.at_s = NOW_S

    def now_s(self) -> float:
        return self.at_s


class DeskSource:
    """Every window has a thousand requests per arm, as many of them bad as the test says, or is missing."""

    class Options(BaseModel):
        pass

    def __init__(self) -> None:
        self.bad = {"control": 10, "treatment": 10}
        self.silent = False
        self.missing: Missing | None = None

    def __call__(self, options: Options) -> "DeskSource":  # the plugin is its own factory: one per desk
        return self

    watermark_s = 0.0

    def read(self, metrics: Sequence[Metric], windows: Sequence[Window], cursor: Json) -> Batch:
        if self.silent:
            gone = Missing(reason=MissingReason.SOURCE_DOWN, detail="connection refused")
            return Batch(readings=(), cursor=cursor, queries=(), trouble=gone)
        reading = TrialsReading(
            control=Trials(bad=self.bad["control"], total=1000),
            treatment=Trials(bad=self.bad["treatment"], total=1000),
        )
        found = self.missing or reading
        readings = tuple({metric.name: found for metric in metrics} for _ in windows)
        query = 'errors_total{version=~"v1|v2"}'
        asked = QueryRecord(metric="errors", query=query, at_s=0.0, took_ms=2.0, outcome="2 series")
        return Batch(readings=readings, cursor=cursor, queries=(asked,))


@dataclass(frozen=True)
class Entry:
    """An entry point as `importlib.metadata` gives it."""

    name: str
    plugin: Any
    value: str = "tests.cli.desk:something"
    dist: Any = None

    def load(self) -> Any:
        if isinstance(self.plugin, Exception):
            raise self.plugin
        return self.plugin


class DeskSinks:
    """The plugin `desk`: one sink that keeps what it is told, or refuses everything."""

    Options = FakeSinkOptions

    def __init__(self) -> None:
        self.delivered: list[Notice] = []

    def __call__(self, options: FakeSinkOptions) -> FakeSink:
        made = FakeSink(options)
        made.delivered = self.delivered
        return made


class DeskTargets:
    """The plugin `desk`: one target per key, however often it is made."""

    Options = FakeTargetOptions

    def __init__(self) -> None:
        self.by_key: dict[str, FakeTarget] = {}

    def __call__(self, options: FakeTargetOptions) -> FakeTarget:
        return self.by_key.setdefault(options.key, FakeTarget(options))


@dataclass
class Desk:
    """What a test has in its hands."""

    home: Path
    clock: Clock = field(default_factory=Clock)
    targets: DeskTargets = field(default_factory=DeskTargets)
    source: DeskSource = field(default_factory=DeskSource)
    sinks: DeskSinks = field(default_factory=DeskSinks)
    more_entries: dict[str, list[Entry]] = field(default_factory=dict)

    def entry_points(self, group: str) -> list[Entry]:
        own: Mapping[str, list[Entry]] = {
            plugins.STRATEGIES: [Entry("canary", Canary)],
            plugins.TARGETS: [Entry("desk", self.targets)],
            plugins.SOURCES: [Entry("desk", self.source)],
            plugins.GATES: [Entry("file", file_provider), Entry("memory", memory_provider)],
            plugins.SINKS: [Entry("desk", self.sinks)],
        }
        return [*own[group], *self.more_entries.get(group, [])]

    @property
    def target(self) -> FakeTarget:
        """The one that experiments name unless they say otherwise."""
        return self.targets(FakeTargetOptions())

    @property
    def database(self) -> Path:
        return self.home / "rampwise.sqlite3"

    @property
    def store(self) -> Store:
        return open_store(f"sqlite:///{self.database}")

    def file(self, text: str = EXPERIMENT, name: str = "experiment.yaml") -> str:
        path = self.home / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def call(self, *arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(app, arguments, input=typed, prog_name="rampwise")

    def data(self, *arguments: str) -> str:
        """The stdout of a command that must succeed."""
        result = self.call(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    def launched(self, text: str = EXPERIMENT) -> str:
        """The id of a run that was launched and that nobody drives."""
        return self.data("-q", "launch", self.file(text), "-o", "name").strip()
