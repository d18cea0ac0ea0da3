"""Plugins load by name, and one that does not harms no other."""

from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from engine import plugins
from engine.core.model import PluginChoice
from engine.errors import PluginError


@dataclass(frozen=True)
class Distribution:
    name: str = "acme-rampwise"
    version: str = "1.2"


class Greeter:
    class Options(BaseModel):
        greeting: str
        loud: bool = False
        note: str | None = None

    def __init__(self, options: Any) -> None:
        self.options = options


@dataclass(frozen=True)
class Entry:
    name: str
    plugin: Any
    value: str = "acme.greet:Greeter"
    dist: Distribution = Distribution()

    def load(self) -> Any:
        if isinstance(self.plugin, BaseException):
            raise self.plugin
        return self.plugin


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {
        plugins.TARGETS: [Entry("greeter", Greeter), Entry("broken", ImportError("no module named 'boto'"))],
        plugins.STRATEGIES: [Entry("canary", object)],
    }
    monkeypatch.setattr(plugins, "entry_points", lambda group: entries.get(group, []))
    monkeypatch.delenv(plugins.DISABLED_VARIABLE, raising=False)


def error_of(group: str, name: str) -> str:
    with pytest.raises(PluginError) as caught:
        plugins.load(group, name)
    return str(caught.value)


def test_a_plugin_loads_by_name() -> None:
    assert plugins.load(plugins.TARGETS, "greeter") is Greeter
    assert plugins.available(plugins.TARGETS) == ("broken", "greeter")


def test_an_unknown_name_suggests_the_near_one_and_lists_all() -> None:
    assert error_of(plugins.TARGETS, "greter") == (
        "no plugin targets/greter; did you mean greeter? there is: broken, greeter"
    )


def test_an_unknown_name_with_nothing_near_lists_all() -> None:
    assert error_of(plugins.STRATEGIES, "x") == "no plugin strategies/x; there is: canary"


def test_an_empty_group_says_so() -> None:
    assert error_of(plugins.GATES, "file") == "no plugin gates/file; there is: none"


def test_a_failing_plugin_names_its_distribution_and_error() -> None:
    assert error_of(plugins.TARGETS, "broken") == (
        "targets/broken from acme-rampwise 1.2 does not load: ImportError: no module named 'boto'"
    )


def test_a_module_that_ends_the_program_is_only_a_plugin_that_does_not_load(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = Entry("program", SystemExit(2))
    monkeypatch.setattr(plugins, "entry_points", lambda group: [program] if group == plugins.SINKS else [])
    assert error_of(plugins.SINKS, "program") == (
        "sinks/program from acme-rampwise 1.2 does not load: SystemExit: 2"
    )
    assert [info.error for info in plugins.listing()] == ["SystemExit: 2"]


def test_a_plugin_that_is_switched_off_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(plugins.DISABLED_VARIABLE, "sources/greeter, targets/greeter")
    assert plugins.available(plugins.TARGETS) == ("broken",)
    assert error_of(plugins.TARGETS, "greeter") == (
        "targets/greeter is switched off by the environment variable RAMPWISE_DISABLED_PLUGINS"
    )
    assert [info.disabled for info in plugins.listing() if info.name == "greeter"] == [True]


def test_the_listing_shows_all_with_the_errors_of_those_that_fail() -> None:
    shown = [(info.kind, info.name, info.distribution, info.error) for info in plugins.listing()]
    assert shown == [
        ("strategies", "canary", "acme-rampwise 1.2", ""),
        ("targets", "broken", "acme-rampwise 1.2", "ImportError: no module named 'boto'"),
        ("targets", "greeter", "acme-rampwise 1.2", ""),
    ]


def test_a_factory_gets_its_checked_options() -> None:
    made = plugins.create(plugins.TARGETS, PluginChoice(name="greeter", options={"greeting": "hi"}))
    assert made.options == Greeter.Options(greeting="hi", loud=False)


@pytest.mark.parametrize("options", [{}, {"greeting": 5}, {"greeting": "hi", "lod": True}])
def test_wrong_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        plugins.check_options(Greeter, options)


def test_plain_options_have_every_default_and_nothing_absent() -> None:
    options = plugins.check_options(Greeter, {"greeting": "hi"})
    assert plugins.plain_options(Greeter, options) == {"greeting": "hi", "loud": False}
