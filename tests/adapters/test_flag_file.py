"""The built-in gate in a flagd file: what is written is what is read, and a broken file opens nothing."""

import json
import multiprocessing
import os
import stat
from pathlib import Path

import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext

from engine.adapters.gates import file_provider, read_flag, write_flag
from engine.core.gate import GateStatus
from engine.errors import Unreachable, UsageError
from tests.adapters.answering import ask, gate_of


def test_a_flag_closed_in_the_file_counts_at_once(flags):
    write_flag("checkout", is_open=True, path=flags)
    gate = gate_of(file_provider("checkout", {"path": str(flags)}))
    assert gate.read().status is GateStatus.OPEN
    write_flag("checkout", is_open=False, path=flags)
    assert gate.read().status is GateStatus.CLOSED


@pytest.mark.parametrize("content", ["", "not json", "[]", '{"flags": 3}', '{"flags": {"checkout": 7}}'])
def test_a_broken_flag_file_is_unknown_and_is_not_overwritten(flags, content):
    flags.write_text(content)
    assert ask(file_provider("checkout", {"path": str(flags)})).status is GateStatus.UNKNOWN
    if content != '{"flags": {"checkout": 7}}':
        with pytest.raises(UsageError):
            write_flag("other", is_open=True, path=flags)
        assert flags.read_text() == content


@pytest.mark.parametrize("entry", [7, "on", [], None])
def test_a_broken_flag_is_neither_closed_nor_written_over(flags, entry):
    text = json.dumps({"flags": {"checkout": entry}})
    flags.write_text(text)
    with pytest.raises(UsageError, match=r"flag `checkout` in .* is no flagd flag but"):
        write_flag("checkout", is_open=False, path=flags)
    assert flags.read_text() == text


@pytest.mark.parametrize("endless", ["/dev/zero", "[" * 100_000])
def test_a_flag_file_without_end_is_unknown_and_is_refused(flags, endless):
    if endless.startswith("["):
        flags.write_text(endless)
    else:
        flags.symlink_to(endless)
    assert ask(file_provider("checkout", {"path": str(flags)})).status is GateStatus.UNKNOWN
    with pytest.raises(UsageError, match="is not JSON"):
        read_flag("checkout", flags)


def test_a_flag_file_behind_a_link_is_changed_and_the_link_stays(tmp_path, flags):
    shared = tmp_path / "shared" / "flags.json"
    flags.symlink_to(shared)
    for is_open in (True, False):
        write_flag("checkout", is_open=is_open, path=flags)
        assert flags.is_symlink()
        assert read_flag("checkout", shared) is is_open


def test_links_in_a_circle_are_named(tmp_path, flags):
    flags.symlink_to(tmp_path / "other.json")
    (tmp_path / "other.json").symlink_to(flags)
    with pytest.raises(Unreachable, match="cannot be written"):
        write_flag("checkout", is_open=True, path=flags)


def test_a_new_flag_file_can_be_read_by_the_engine_of_another_user(flags):
    before = os.umask(0o077)
    try:
        write_flag("checkout", is_open=True, path=flags)
    finally:
        os.umask(before)
    assert stat.S_IMODE(flags.stat().st_mode) == 0o644


def test_a_flag_file_keeps_its_mode_and_leaves_nothing_beside_it(flags):
    write_flag("checkout", is_open=True, path=flags)
    flags.chmod(0o660)
    write_flag("checkout", is_open=False, path=flags)
    assert stat.S_IMODE(flags.stat().st_mode) == 0o660
    assert sorted(path.name for path in flags.parent.iterdir()) == [".flags.json.lock", "flags.json"]


@pytest.mark.parametrize("refused", [None, PermissionError("not yours")])
def test_a_flag_file_keeps_its_owner_where_the_user_may_give_it_away(flags, monkeypatch, refused):
    given: list[tuple[int, int]] = []

    def give(_: int, uid: int, gid: int) -> None:
        given.append((uid, gid))
        if refused:
            raise refused

    write_flag("checkout", is_open=True, path=flags)
    before = flags.stat()
    monkeypatch.setattr(os, "fchown", give)
    write_flag("checkout", is_open=False, path=flags)
    assert given == [(before.st_uid, before.st_gid)]
    assert read_flag("checkout", flags) is False


def test_a_flag_file_that_cannot_be_read_says_so(flags):
    flags.mkdir()
    with pytest.raises(Unreachable, match="cannot be read"):
        read_flag("checkout", flags)


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
