"""The gate through OpenFeature: only a clean answer of a real provider opens or closes it."""

import threading

import pytest
from openfeature.flag_evaluation import FlagResolutionDetails, Reason
from openfeature.provider import Metadata
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider
from openfeature.provider.no_op_provider import NoOpProvider

from engine.adapters.gates import file_provider, memory_provider, read_flag, write_flag
from engine.core.gate import GateStatus
from tests.adapters.answering import Answering, ask, gate_of


@pytest.mark.parametrize(("is_open", "status"), [(True, GateStatus.OPEN), (False, GateStatus.CLOSED)])
def test_a_flag_in_memory_and_in_a_file_say_the_same(flags, is_open, status):
    write_flag("checkout", is_open=is_open, path=flags)
    assert ask(file_provider("checkout", {"path": str(flags)})).status is status
    assert ask(memory_provider("checkout", {"open": is_open})).status is status
    assert read_flag("checkout", flags) is is_open


UNKNOWN = {
    "flag not found": InMemoryProvider({}),
    "wrong type": InMemoryProvider({"checkout": InMemoryFlag("a", {"a": "yes"})}),
    "only a default": Answering(FlagResolutionDetails(value=True, reason=Reason.DEFAULT)),
    "stale": Answering(FlagResolutionDetails(value=True, reason=Reason.STALE)),
    "no reason": Answering(FlagResolutionDetails(value=True)),
    "raises": Answering(RuntimeError("boom")),
}


@pytest.mark.parametrize("provider", UNKNOWN.values(), ids=UNKNOWN)
def test_anything_but_a_clean_answer_is_unknown(provider):
    state = ask(provider)
    assert state.status is GateStatus.UNKNOWN
    assert state.reason


@pytest.mark.parametrize("reason", [Reason.STATIC, Reason.TARGETING_MATCH, Reason.CACHED, Reason.SPLIT])
def test_clean_reasons_count(reason):
    assert ask(Answering(FlagResolutionDetails(value=True, reason=reason))).status is GateStatus.OPEN


def test_a_disabled_flag_is_a_closed_one():
    assert (
        ask(Answering(FlagResolutionDetails(value=False, reason=Reason.DISABLED))).status is GateStatus.CLOSED
    )


def test_no_provider_at_all_is_unknown_and_never_open():
    state = ask(NoOpProvider())
    assert (state.status, state.reason) == (GateStatus.UNKNOWN, "no provider is set")


def test_a_provider_that_hangs_does_not_hold_up_the_tick():
    release = threading.Event()

    class Hanging(Answering):
        def resolve_boolean_details(self, *_args, **_kwargs):
            release.wait(10)
            raise RuntimeError("late")

    gate, threads = gate_of(Hanging(RuntimeError("unused")), timeout_s=0.05), threading.active_count()
    states = [gate.read() for _ in range(20)]
    hanging = threading.active_count() - threads
    release.set()
    assert {state.status for state in states} == {GateStatus.UNKNOWN}
    assert states[0].reason == "no answer in 0.05 s"
    assert states[1].reason == "an earlier question still hangs"
    assert hanging == 1


def test_a_name_that_cannot_be_told_is_unknown() -> None:
    class Nameless(Answering):
        def get_metadata(self) -> Metadata:
            raise RuntimeError("boom")

    state = ask(Nameless(FlagResolutionDetails(value=True, reason=Reason.STATIC)))
    assert (state.status, state.reason) == (GateStatus.UNKNOWN, "the provider failed: RuntimeError: boom")


def test_a_process_without_threads_left_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    gate = gate_of(NoOpProvider())
    monkeypatch.setattr(threading.Thread, "start", no_more)
    states = [gate.read() for _ in range(2)]
    assert [state.reason for state in states] == [
        "the provider failed: RuntimeError: can't start new thread"
    ] * 2
