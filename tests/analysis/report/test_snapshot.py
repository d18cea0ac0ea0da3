"""Frozen reports: named by their content, shown from the file alone, never after a change."""

import csv
import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.report.html import to_html
from analysis.report.markdown import to_markdown
from analysis.report.snapshot import freeze, is_address, thaw
from analysis.report.table_csv import to_csv
from analysis.report.terminal import print_report
from engine.errors import CorruptRecord, StoreError, UsageError
from tests.analysis.report.scenario import promoted, rolled_back
from tests.analysis.report.stories import QUERY, STORIES

KEPT = Path(__file__).parents[2] / "data" / "report-v1.json"
"""Frozen by the first version that could; every later one must show it."""


def address_of(path: Path) -> str:
    return f"sha256:{path.stem}"


@pytest.mark.parametrize("name", STORIES)
def test_a_frozen_report_comes_back_whole(name: str, tmp_path: Path) -> None:
    view = STORIES[name]().view(queries=[QUERY])

    frozen = freeze(view, tmp_path)

    assert frozen == replace(view, snapshot=frozen.snapshot)
    assert frozen.snapshot is not None
    assert thaw(frozen.snapshot, tmp_path) == frozen


def test_the_address_is_the_hash_of_the_file(tmp_path: Path) -> None:
    frozen = freeze(rolled_back().view(), tmp_path / "reports")

    (file,) = (tmp_path / "reports").iterdir()
    assert frozen.snapshot == f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
    assert file.name == f"{file.stem}.json"
    assert json.loads(file.read_text("utf-8"))["schema"] == "rampwise.dev/report/v1"


def test_the_same_report_has_the_same_address(tmp_path: Path) -> None:
    once = freeze(rolled_back().view(), tmp_path)
    again = freeze(once, tmp_path)
    other = freeze(promoted().view(), tmp_path)

    assert once.snapshot == again.snapshot != other.snapshot
    assert len(list(tmp_path.iterdir())) == 2


def test_every_form_of_a_frozen_report_says_its_address(tmp_path: Path) -> None:
    frozen = freeze(rolled_back().view(), tmp_path)
    assert frozen.snapshot is not None
    stream = io.StringIO()
    print_report(frozen, stream)

    for text in (to_markdown(frozen), to_html(frozen), stream.getvalue()):
        assert frozen.snapshot in text
    rows = csv.DictReader(io.StringIO(to_csv(frozen), newline=""))
    assert {row["snapshot"] for row in rows} == {frozen.snapshot}


def test_a_report_that_is_not_frozen_says_no_address() -> None:
    assert "sha256:" not in to_markdown(rolled_back().view())
    rows = csv.DictReader(io.StringIO(to_csv(rolled_back().view()), newline=""))
    assert {row["snapshot"] for row in rows} == {""}


def test_the_beginning_of_an_address_is_enough_if_only_one_has_it(tmp_path: Path) -> None:
    frozen = freeze(rolled_back().view(), tmp_path)
    assert frozen.snapshot is not None

    assert thaw(frozen.snapshot[: len("sha256:") + 8], tmp_path) == frozen
    assert thaw(f"sha256:{frozen.snapshot.removeprefix('sha256:').upper()}", tmp_path) == frozen


def test_a_beginning_of_several_addresses_names_them(tmp_path: Path) -> None:
    for last in "ab":
        (tmp_path / f"{'0' * 63}{last}.json").write_text("{}")

    with pytest.raises(UsageError, match="2 frozen reports begin with sha256:0000"):
        thaw("sha256:0000", tmp_path)


@pytest.mark.parametrize(
    "text", ["sha256:", "sha256:ab", "sha256:xyz1", "sha256:../../etc", "sha256:" + "a" * 65]
)
def test_what_is_no_address_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no address"):
        thaw(text, tmp_path)


def test_an_address_that_nobody_has_says_where_was_looked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"no frozen report sha256:abcd in {tmp_path}"):
        thaw("sha256:abcd", tmp_path)


@pytest.mark.parametrize("change", ["one digit", "cut", "emptied", "a line more"])
def test_a_changed_file_is_not_shown(change: str, tmp_path: Path) -> None:
    frozen = freeze(rolled_back().view(), tmp_path)
    assert frozen.snapshot is not None
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    changed = {
        "one digit": content.replace(b'"weight_pct":0', b'"weight_pct":9', 1),
        "cut": content[:-20],
        "emptied": b"",
        "a line more": content + b"\n",
    }[change]
    assert changed != content
    file.write_bytes(changed)

    with pytest.raises(CorruptRecord, match="was changed after it was frozen"):
        thaw(frozen.snapshot, tmp_path)


def test_a_file_of_another_schema_is_no_report_although_its_hash_is_right(tmp_path: Path) -> None:
    content = b'{"schema":"rampwise.dev/report/v9"}\n'
    file = tmp_path / f"{hashlib.sha256(content).hexdigest()}.json"
    file.write_bytes(content)

    with pytest.raises(CorruptRecord, match="cannot be read by this version of rampwise"):
        thaw(address_of(file), tmp_path)


def test_a_place_that_takes_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("not a directory")

    with pytest.raises(StoreError, match=r"cannot be frozen in .*reports"):
        freeze(rolled_back().view(), tmp_path / "reports")


def test_only_addresses_are_taken_for_addresses() -> None:
    assert is_address("sha256:abcd")
    assert not is_address("checkout-v2")


def test_a_report_frozen_by_an_earlier_version_is_still_shown_in_every_form(tmp_path: Path) -> None:
    content = KEPT.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    (tmp_path / f"{digest}.json").write_bytes(content)

    view = thaw(f"sha256:{digest}", tmp_path)

    stream = io.StringIO()
    print_report(view, stream)
    for text in (to_markdown(view), to_html(view), to_csv(view), stream.getvalue()):
        assert "checkout-v2" in text
        assert f"sha256:{digest}" in text
