"""The gate through OpenFeature: only a clean answer of a real provider opens or closes it."""

import json
import multiprocessing
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagResolutionDetails, Reason
from openfeature.provider import AbstractProvider, Metadata
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider

from engine.adapters.gates import FlagGate, file_provider, memory_provider, open_gate, read_flag, write_flag
from engine.core.gate import GateState, GateStatus
from engine.core.model import GateChoice
from engine.errors import PluginError, Unreachable, UsageError


@pytest.fixture(autouse=True)
def no_providers_left() -> Iterator[None]:
    yield
    api.clear_providers()


@pytest.fixture
def flags(tmp_path: Path) -> Path:
    return tmp_path / "flags.json"


def ask(provider: AbstractProvider, timeout_s: float = 2.0) -> GateState:
    api.set_provider_and_wait(provider, domain="test")
    return FlagGate(api.get_client("test"), "checkout", "checkout-v2", timeout_s).read()


class Answering(AbstractProvider):
    """Answers every flag with what it was given, or raises it."""

    def __init__(self, answer: FlagResolutionDetails[bool] | Exception) -> None:
        super().__init__()
        self._answer = answer

    def get_metadata(self) -> Metadata:
        return Metadata(name="answering")

    def resolve_boolean_details(self, flag_key, default_value, evaluation_context=None):
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    resolve_string_details = resolve_boolean_details
    resolve_integer_details = resolve_boolean_details
    resolve_float_details = resolve_boolean_details
    resolve_object_details = resolve_boolean_details


@pytest.mark.parametrize(("is_open", "status"), [(True, GateStatus.OPEN), (False, GateStatus.CLOSED)])
def test_a_flag_in_memory_and_in_a_file_say_the_same(flags, is_open, status):
    write_flag("checkout", is_open=is_open, path=flags)
    assert ask(file_provider("checkout", {"path": str(flags)})).status is status
    assert ask(memory_provider("checkout", {"open": is_open})).status is status
    assert read_flag("checkout", flags) is is_open


def test_a_flag_closed_in_the_file_counts_at_once(flags):
    write_flag("checkout", is_open=True, path=flags)
    api.set_provider_and_wait(file_provider("checkout", {"path": str(flags)}), domain="test")
    gate = FlagGate(api.get_client("test"), "checkout", "checkout-v2", 2.0)
    assert gate.read().status is GateStatus.OPEN
    write_flag("checkout", is_open=False, path=flags)
    assert gate.read().status is GateStatus.CLOSED


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
    state = FlagGate(api.get_client("nobody"), "checkout", "checkout-v2", 2.0).read()
    assert (state.status, state.reason) == (GateStatus.UNKNOWN, "no provider is set")


def test_a_provider_that_hangs_does_not_hold_up_the_tick():
    release = threading.Event()

    class Hanging(Answering):
        def resolve_boolean_details(self, *_args, **_kwargs):
            release.wait(10)
            raise RuntimeError("late")

    state = ask(Hanging(RuntimeError("unused")), timeout_s=0.05)
    release.set()
    assert (state.status, state.reason) == (GateStatus.UNKNOWN, "no answer in 0.05 s")


@pytest.mark.parametrize("content", ["", "not json", "[]", '{"flags": 3}', '{"flags": {"checkout": 7}}'])
def test_a_broken_flag_file_is_unknown_and_is_not_overwritten(flags, content):
    flags.write_text(content)
    assert ask(file_provider("checkout", {"path": str(flags)})).status is GateStatus.UNKNOWN
    if content != '{"flags": {"checkout": 7}}':
        with pytest.raises(UsageError):
            write_flag("other", is_open=True, path=flags)
        assert flags.read_text() == content


def test_a_missing_file_is_unknown(flags):
    assert ask(file_provider("checkout", {"path": str(flags)})).status is GateStatus.UNKNOWN
    assert read_flag("checkout", flags) is None


def test_the_file_is_a_flagd_document_and_keeps_other_flags(flags):
    flags.write_text(
        json.dumps({"flags": {"other": {"state": "ENABLED", "variants": {"a": 1}}}, "metadata": {"x": 1}})
    )
    write_flag("checkout", is_open=True, path=flags)
    document = json.loads(flags.read_text())
    assert document["flags"]["other"] == {"state": "ENABLED", "variants": {"a": 1}}
    assert document["metadata"] == {"x": 1}
    assert document["flags"]["checkout"]["defaultVariant"] == "on"


def test_a_flag_that_exists_is_not_reopened_by_a_launch(flags):
    write_flag("checkout", is_open=False, path=flags)
    write_flag("checkout", is_open=True, path=flags, only_if_absent=True)
    assert read_flag("checkout", flags) is False


def test_other_types_of_flags_can_be_read_from_the_file(flags):
    variants = {"text": "a", "number": 1, "share": 0.5, "object": {"a": 1}}
    entries = {
        name: {"state": "ENABLED", "variants": {"it": value}, "defaultVariant": "it"}
        for name, value in variants.items()
    }
    flags.write_text(json.dumps({"flags": entries}))
    api.set_provider_and_wait(file_provider("x", {"path": str(flags)}), domain="test")
    client, context = api.get_client("test"), EvaluationContext()
    assert client.get_string_value("text", "", context) == "a"
    assert client.get_integer_value("number", 0, context) == 1
    assert client.get_float_value("share", 0.0, context) == 0.5
    assert client.get_object_value("object", {}, context) == {"a": 1}


def _write_many(path: str, name: str) -> None:
    for number in range(20):
        write_flag(f"{name}-{number}", is_open=True, path=Path(path))


@pytest.mark.slow
def test_two_processes_writing_flags_lose_none(flags):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(str(flags), name)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    assert len(json.loads(flags.read_text())["flags"]) == 40


def test_a_flag_file_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Unreachable, match="cannot be written"):
        write_flag("checkout", is_open=True, path=tmp_path / "file" / "flags.json")


def test_any_provider_class_can_be_named_in_the_experiment():
    choice = GateChoice(
        flag="checkout",
        provider="openfeature.provider.in_memory_provider:InMemoryProvider",
        options={"flags": {"checkout": InMemoryFlag("on", {"on": True})}},
    )
    assert open_gate(choice, "checkout-v2").read().status is GateStatus.OPEN


@pytest.mark.parametrize(
    ("provider", "options"),
    [
        ("nowhere.at:All", {}),
        ("json:Nothing", {}),
        ("openfeature.provider.in_memory_provider:InMemoryProvider", {}),
    ],
)
def test_a_provider_that_cannot_be_made_says_what_to_check(provider, options):
    with pytest.raises(PluginError, match="cannot be made"):
        open_gate(GateChoice(flag="x", provider=provider, options=options), "x")


def test_built_in_gates_load_through_entry_points():
    choice = GateChoice(flag="checkout", provider="memory", options={"open": False})
    assert open_gate(choice, "checkout-v2").read().status is GateStatus.CLOSED
