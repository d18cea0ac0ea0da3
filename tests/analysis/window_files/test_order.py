"""Runs, windows and blocks come in one order, whatever the order of the rows."""

import random
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from tests.analysis.window_files.files import blocks, only, written


def test_runs_come_as_they_first_appear_however_their_rows_are_mixed(tmp_path):
    path = written(
        tmp_path,
        "zeta,30,errors,v1,3,10",
        "alpha,15,errors,v1,1,10",
        "zeta,15,errors,v1,2,10",
        "alpha,30,errors,v1,0,10",
    )
    block = only(path)
    assert block.runs == ("zeta", "alpha")
    assert block.metrics["errors"].control["bad"].tolist() == [[2, 3], [1, 0]]


def test_a_run_is_whole_and_in_one_block(tmp_path):
    lengths = {"a": 2, "b": 3, "c": 1, "d": 9, "e": 1}
    rows = [f"{run},{15 * n},errors,v1,0,10" for run, length in lengths.items() for n in range(length)]
    found = blocks(written(tmp_path, *rows), max_windows=6)
    assert [block.runs for block in found] == [("a", "b"), ("c",), ("d",), ("e",)]
    assert [block.lengths.tolist() for block in found] == [[2, 3], [1], [9], [1]]


def test_a_shorter_run_is_padded_with_nothing(tmp_path):
    block = only(written(tmp_path, "a,15,errors,v1,0,10", "b,15,errors,v1,0,10", "b,30,errors,v1,0,10"))
    assert block.window_ends == (("15",), ("15", "30"))
    assert_array_equal(block.end_s, [[15, np.nan], [15, 30]])
    assert block.metrics["errors"].present[:, :, 0].tolist() == [[True, False], [True, True]]
    assert np.isnan(block.metrics["errors"].control["bad"][0, 1])


def test_a_file_without_runs_is_one_run(tmp_path):
    header = "window_end,variant,bad,total"
    assert only(written(tmp_path, "15,v1,0,10", "30,v1,0,10", header=header)).runs == ("",)


def test_a_file_without_rows_has_no_blocks(tmp_path):
    assert blocks(written(tmp_path)) == []


@pytest.mark.parametrize(
    ("early", "late"),
    [
        ("9", "10"),
        ("1700000000.25", "1700000000.5"),
        ("2026-01-01T12:00:00+02:00", "2026-01-01T11:00:00Z"),
        ("2026-01-01T10:00:00", "2026-01-01T10:00:00.000001Z"),
        ("2026-01-01 10:00:00-0500", "2026-01-01T15:00:01+00"),
        ("1767225599", "2026-01-01"),
    ],
)
def test_time_orders_windows_and_their_text_is_kept(tmp_path, early, late):
    block = only(written(tmp_path, f"a,{late},errors,v1,2,10", f"a,{early},errors,v1,1,10"))
    assert block.window_ends == ((early, late),)
    assert block.metrics["errors"].control["bad"].tolist() == [[1, 2]]


def test_one_time_in_two_spellings_is_one_window_called_as_it_was_first(tmp_path):
    path = written(
        tmp_path, "a,2026-01-01T02:00:00+02:00,errors,v2,2,10", "a,2026-01-01T00:00:00Z,errors,v1,1,10"
    )
    block = only(path)
    assert block.window_ends == (("2026-01-01T02:00:00+02:00",),)
    assert block.end_s.tolist() == [[1767225600.0]]
    assert block.metrics["errors"].present.all()


ROWS = st.dictionaries(
    st.tuples(st.sampled_from("abcdef"), st.integers(1, 6), st.sampled_from(["v1", "v2"])),
    st.tuples(st.integers(0, 5), st.integers(5, 10**12)),
    min_size=1,
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(rows=ROWS, max_windows=st.integers(1, 40), seed=st.integers(0, 2**32))
def test_any_order_of_rows_and_any_block_size_give_what_plain_dictionaries_give(
    tmp_path_factory, rows, max_windows, seed
):
    shuffled = list(rows.items())
    random.Random(seed).shuffle(shuffled)
    path = written(
        tmp_path_factory.mktemp("windows"),
        *(f"{run},{end},errors,{variant},{bad},{total}" for (run, end, variant), (bad, total) in shuffled),
    )
    ends: dict[str, set[int]] = defaultdict(set)
    for (run, end, _), _ in shuffled:
        ends[run].add(end)

    found = blocks(path, max_windows=max_windows)

    assert [run for block in found for run in block.runs] == list(ends)
    for block in found:
        assert len(block.runs) == 1 or block.end_s.size <= max_windows
        columns = block.metrics["errors"]
        arms = {"v1": columns.control, "v2": columns.treatments[0]}
        for index, run in enumerate(block.runs):
            assert block.window_ends[index] == tuple(str(end) for end in sorted(ends[run]))
            for window, end in enumerate(sorted(ends[run])):
                for arm, (variant, values) in enumerate(arms.items()):
                    known = rows.get((run, end, variant))
                    assert columns.present[index, window, arm] == (known is not None)
                    if known:
                        assert (values["bad"][index, window], values["total"][index, window]) == known
        assert columns.present.sum() == sum(1 for run, _, _ in rows if run in block.runs)
