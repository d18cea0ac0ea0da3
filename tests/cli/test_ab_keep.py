"""`ab analyze --keep`: the same answer, and a word on stderr when everything is read."""

import json

from tests.cli.desk import Desk
from tests.cli.test_ab import sampled


def test_the_second_look_reads_files_that_came_and_answers_as_without(desk: Desk) -> None:
    file = sampled(desk, visitors=2_000)
    keep = ("--keep", str(desk.home / "totals"))
    first = desk.call("ab", "analyze", file, "-o", "json", *keep)
    assert "Nothing is kept yet: reading everything." in first.stderr
    assert list((desk.home / "totals").glob("*.duckdb"))
    second = desk.call("ab", "analyze", file, "-o", "json", *keep)
    assert "reading everything" not in second.stderr
    whole = desk.call("ab", "analyze", file, "-o", "json")
    assert json.loads(second.stdout) == json.loads(whole.stdout) == json.loads(first.stdout)
