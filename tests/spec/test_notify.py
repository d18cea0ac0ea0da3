"""Who is told of what: sinks are plugins with options of their own, checked like all others."""

import pytest

from engine.core.model import NoticeKind, PluginChoice, SinkChoice
from engine.spec import build, from_plain, parse, to_plain, to_yaml
from tests.spec.documents import DURATION, GOOD, problems_of, with_line
from tests.spec.stand_ins import facts_with

ALL_BUT_LAUNCHED = ("needs_approval", "blocked", "rollback", "promoted", "stopped")


def told(entries: str) -> tuple[SinkChoice, ...]:
    return build(parse(with_line(f"notify: {entries}"), "x.yaml"), facts_with()).sinks


def test_nobody_is_told_by_default() -> None:
    assert build(parse(GOOD, "x.yaml"), facts_with()).sinks == ()


def test_a_sink_is_told_everything_but_launches_by_default() -> None:
    assert told("[{webhook: {url: http://x}}]") == (
        SinkChoice(
            name="webhook",
            plugin=PluginChoice(name="webhook", options={"url": "http://x", "timeout": "5s"}),
            on=tuple(NoticeKind(kind) for kind in ALL_BUT_LAUNCHED),
        ),
    )


def test_a_sink_may_be_told_of_some_things_only_each_once() -> None:
    (sink,) = told("[{webhook: {url: u}, on: [rollback, launched, rollback]}]")
    assert sink.on == (NoticeKind.ROLLBACK, NoticeKind.LAUNCHED)


def test_sinks_of_one_plugin_have_names_of_their_own() -> None:
    sinks = told("[{webhook: {url: a}}, {webhook: {url: b}, name: on-call}, {email: {url: c}}]")
    assert [(sink.name, sink.plugin.name) for sink in sinks] == [
        ("webhook", "webhook"),
        ("on-call", "webhook"),
        ("email", "email"),
    ]


def test_sinks_are_printed_with_every_default_and_read_back() -> None:
    document = parse(with_line("notify: [{webhook: {url: u}}, {email: {url: v}, on: [blocked]}]"), "x.yaml")
    (first, second) = to_plain(document)["spec"]["notify"]
    assert list(first) == ["webhook", "name", "on"]
    assert first == {
        "webhook": {"url": "u", "timeout": "5s"},
        "name": "webhook",
        "on": list(ALL_BUT_LAUNCHED),
    }
    assert second["on"] == ["blocked"]
    experiment = build(document, facts_with())
    assert build(from_plain(to_plain(document)), facts_with()) == experiment
    assert build(parse(to_yaml(document), "filled.yaml"), facts_with()) == experiment


def test_documents_from_before_there_were_sinks_are_read() -> None:
    plain = to_plain(parse(GOOD, "x.yaml"))
    for newer in ("notify", "split_tolerance"):
        del plain["spec"][newer]
    assert build(from_plain(plain), facts_with()) == build(parse(GOOD, "x.yaml"), facts_with())


CASES = {
    "unknown sink": (
        "[{webhok: {url: u}}]",
        "spec.notify[0].webhok: found no plugin of the name 'webhok'; expected webhook",
    ),
    "unknown option": (
        "[{webhook: {url: u, timeuot: 1s}}]",
        "spec.notify[0].webhook.timeuot: found an unknown field; expected timeout",
    ),
    "wrong option": (
        "[{email: {url: u}}, {webhook: {url: u, timeout: 1}}]",
        f"spec.notify[1].webhook.timeout: found 1; expected {DURATION}",
    ),
    "no options": (
        "[{webhook: }]",
        "spec.notify[0].webhook.url: found nothing; expected a value, because it has no default",
    ),
    "no sink": (
        "[{on: [rollback]}]",
        (
            'spec.notify[0]: found {"on": ["rollback"]}; '
            "expected one sink plugin by name with its options, besides name and on"
        ),
    ),
    "two sinks in one": (
        "[{webhook: {url: u}, email: {url: v}}]",
        (
            'spec.notify[0]: found {"webhook": {"url": "u"}, "email": {"url": "v"}}; '
            "expected one sink plugin by name with its options, besides name and on"
        ),
    ),
    "unknown notice": (
        "[{webhook: {url: u}, on: [rolback]}]",
        (
            "spec.notify[0].on[0]: found 'rolback'; expected 'launched', 'needs_approval', 'blocked', "
            "'rollback', 'promoted' or 'stopped'"
        ),
    ),
    "told of nothing": (
        "[{webhook: {url: u}, on: []}]",
        "spec.notify[0].on: found []; expected at least one, such as [rollback, promoted]",
    ),
    "two of one name": (
        "[{webhook: {url: a}}, {webhook: {url: b}}]",
        (
            "spec.notify[1].name: found 'webhook', which is also the name of notify[0]; "
            "expected a name of its own"
        ),
    ),
    "no list": (
        "{webhook: {url: u}}",
        'spec.notify: found {"webhook": {"url": "u"}}; expected a list',
    ),
}


@pytest.mark.parametrize(("entries", "message"), CASES.values(), ids=CASES.keys())
def test_one_clear_message(entries: str, message: str) -> None:
    assert problems_of(with_line(f"notify: {entries}")) == [f"x.yaml:11: {message}"]
