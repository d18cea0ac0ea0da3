"""A file is written whole or not at all."""

import os
import threading
from pathlib import Path

import pytest

from analysis.report.output import write_whole


def test_text_is_written_as_it_is(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.csv", "x\r\n−\n")

    assert (tmp_path / "a.csv").read_bytes() == "x\r\n−\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_an_interrupted_write_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.html").write_text("before")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "a.html", "after")

    assert (tmp_path / "a.html").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


def test_a_file_keeps_its_mode_and_a_new_one_has_the_usual(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("")
    (tmp_path / "old").chmod(0o640)
    (tmp_path / "usual").write_text("")

    write_whole(tmp_path / "old", "x")
    write_whole(tmp_path / "new", "x")

    assert (tmp_path / "old").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("before")
    (tmp_path / "link").symlink_to("file")

    write_whole(tmp_path / "link", "after")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "after"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()

    write_whole(pipe, "through")
    reader.join(timeout=10)

    assert read == ["through"]
    assert pipe.is_fifo()
