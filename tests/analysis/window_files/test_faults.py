"""Everything wrong with a file is an error of its own that says where it is and what is right."""

from pathlib import Path

import pytest

from analysis.window_files import (
    DuplicateRowError,
    MissingColumnError,
    UnknownNameError,
    UnreadableFileError,
    WindowFileError,
    WrongBucketsError,
    WrongValueError,
    WrongWeightError,
)
from engine.core.model import MetricKind
from engine.errors import RampwiseError
from tests.analysis.window_files.files import HEADER, blocks, measuring, written
from tests.builders import two_treatments

GOOD = "a,15,errors,v1,1,100"
LE = "window_end,variant,le,count"


def fault(path: Path, error: type[WindowFileError], experiment=None) -> str:
    with pytest.raises(error) as raised:
        blocks(path, experiment)
    assert isinstance(raised.value, RampwiseError)
    assert str(raised.value).startswith(str(path))
    return str(raised.value).removeprefix(f"{path}: ")


def test_a_file_that_is_not_there(tmp_path):
    assert fault(tmp_path / "none.csv", UnreadableFileError) == "cannot be read: No such file or directory"


def test_a_folder_is_no_file(tmp_path):
    assert "Is a directory" in fault(tmp_path, UnreadableFileError)


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00\xff",
        b"PAR1 and then nothing that is Parquet",
        f"{HEADER}\n{GOOD}\na,15,errors,v1,1\n".encode(),
        f"{HEADER}\n{GOOD},5\n".encode(),
        f'{HEADER}\n"{GOOD}\n'.encode(),
        f"{HEADER}\n\xe9,15,errors,v1,1,100\n".encode("latin-1"),
        f"{HEADER}\n{GOOD}\n".encode("utf-16"),
    ],
    ids=["picture", "broken Parquet", "short row", "long row", "open quote", "Latin-1", "UTF-16"],
)
def test_what_is_neither_csv_nor_parquet(tmp_path, content):
    path = tmp_path / "windows.csv"
    path.write_bytes(content)
    fault(path, UnreadableFileError)


def test_a_short_row_is_said_by_its_line(tmp_path):
    assert "Line: 3" in fault(written(tmp_path, GOOD, "a,15,errors,v2,1"), UnreadableFileError)


def test_an_empty_file_has_no_column_names(tmp_path):
    path = tmp_path / "windows.csv"
    path.touch()
    assert "no line of column names" in fault(path, MissingColumnError)


def test_a_column_twice(tmp_path):
    assert "column 'bad' twice" in fault(written(tmp_path, header="bad,total,bad"), MissingColumnError)


@pytest.mark.parametrize("name", ["window_end", "variant"])
def test_columns_that_say_whose_a_row_is(tmp_path, name):
    header = HEADER.replace(name, "other")
    said = fault(written(tmp_path, GOOD, header=header), MissingColumnError)
    assert said.startswith(f"no column '{name}'")
    assert said.endswith(", ".join(header.split(",")))


def test_metric_may_be_left_out_only_with_one_metric(tmp_path):
    path = written(tmp_path, "15,v1,1,100", header="window_end,variant,bad,total")
    experiment = measuring(errors=MetricKind.PROPORTION, slow=MetricKind.PROPORTION)
    assert "it measures errors, slow" in fault(path, MissingColumnError, experiment)


@pytest.mark.parametrize(
    ("kind", "needs", "add"),
    [
        (MetricKind.PROPORTION, "bad and total", "bad and total"),
        (MetricKind.THRESHOLD, "bad and total", "bad and total"),
        (MetricKind.COUNT, "count", "count"),
        (MetricKind.MEAN, "sum and count", "count"),
        (MetricKind.DISTRIBUTION, "le and count", "le and count"),
        (MetricKind.RATIO, "numerator and denominator", "numerator and denominator"),
        (MetricKind.GAUGE, "value", "value"),
    ],
)
def test_a_column_that_the_kind_needs(tmp_path, kind, needs, add):
    said = fault(
        written(tmp_path, "15,v1,5", header="window_end,variant,sum"), MissingColumnError, measuring(m=kind)
    )
    missing = add.split(" and ")[0]
    assert said == (
        f"no column '{missing}'; metric 'm' is a {kind}, which needs {needs}; "
        f"the columns are window_end, variant, sum; add {add}"
    )


def test_an_unknown_variant_with_the_nearest_known(tmp_path):
    said = fault(written(tmp_path, GOOD, "a,15,errors,v2x,1,100"), UnknownNameError)
    assert said == (
        "row 2 (run 'a', window_end 15, metric 'errors', variant 'v2x'): "
        "the experiment has no such variant; did you mean 'v2'?"
    )


def test_an_unknown_metric_with_all_known_if_none_is_near(tmp_path):
    assert fault(written(tmp_path, "a,15,zzz,v1,1,100"), UnknownNameError).endswith("it has errors")


@pytest.mark.parametrize(
    "end", ["", "yesterday", "20260101T000000Z", "2026-13-01T00:00:00Z", "nan", "inf", "1700000000000"]
)
def test_a_window_end_that_is_no_time(tmp_path, end):
    said = fault(written(tmp_path, GOOD, f"a,{end},errors,v2,1,100"), WrongValueError)
    assert f"window_end is {end or 'empty'}; expected an ISO 8601 time or epoch seconds" in said
    assert said.startswith("row 2 (run 'a'")


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ("-1,100", "bad is -1; expected a whole number, 0 or more"),
        ("1.5,100", "bad is 1.5; expected a whole number, 0 or more"),
        ("1,-100", "total is -100; expected a whole number, 0 or more"),
        ("101,100", "bad is 101; expected no more than total"),
        ("few,100", "bad is few; expected a number"),
        ("1,nan", "total is nan; expected a number"),
        ("1,inf", "total is inf; expected a number"),
        ("1e999,100", "bad is 1e999; expected a number"),
        (
            "1,1e16",
            "total is 1e16; expected at most 2^53; above it no count is told from the next",
        ),
    ],
)
def test_counts_that_cannot_be(tmp_path, cells, says):
    said = fault(written(tmp_path, GOOD, f"b,30,errors,v2,{cells}"), WrongValueError)
    assert said == f"row 2 (run 'b', window_end 30, metric 'errors', variant 'v2'): {says}"


@pytest.mark.parametrize(
    ("kind", "header", "cells", "says"),
    [
        (MetricKind.COUNT, "count", "0.5", "count is 0.5"),
        (MetricKind.MEAN, "sum,count", "1,-1", "count is -1"),
        (MetricKind.MEAN, "sum,count", "nan,1", "sum is nan"),
        (MetricKind.MEAN, "sum,count,sum_sq", "10,2,49.9", "sum_sq is 49.9"),
        (MetricKind.RATIO, "numerator,denominator", "1,-1", "denominator is -1"),
        (MetricKind.GAUGE, "value", "-inf", "value is -inf"),
        (MetricKind.DISTRIBUTION, "le,count", "1,2.5", "count is 2.5"),
    ],
)
def test_values_that_cannot_be_by_kind(tmp_path, kind, header, cells, says):
    path = written(tmp_path, f"15,v1,{cells}", header=f"window_end,variant,{header}")
    assert says in fault(path, WrongValueError, measuring(m=kind))


def test_the_smallest_possible_sum_of_squares_is_no_fault(tmp_path):
    path = written(tmp_path, "15,v1,0.3,3,0.03", header="window_end,variant,sum,count,sum_sq")
    assert blocks(path, measuring(size=MetricKind.MEAN))


def test_the_first_wrong_row_of_the_file_is_said(tmp_path):
    path = written(tmp_path, "z,15,errors,v1,2,1", "a,15,errors,v1,-1,1")
    assert fault(path, WrongValueError).startswith("row 1 (run 'z'")


def test_the_same_row_twice(tmp_path):
    path = written(tmp_path, GOOD, "b,15,errors,v1,0,1", GOOD)
    assert fault(path, DuplicateRowError) == (
        "row 3 (run 'a', window_end 15, metric 'errors', variant 'v1'): "
        "the same run, window_end, metric and variant as row 1; expected each once"
    )


def test_the_same_window_twice_in_two_spellings(tmp_path):
    path = written(tmp_path, "a,0,errors,v1,1,100", "a,1970-01-01T01:00:00+01:00,errors,v1,1,100")
    assert fault(path, DuplicateRowError).startswith("row 2 ")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["1,5", "+Inf,4"], "row 2 (window_end 15, metric 'latency', variant 'v1'): count is 4 up to le inf"),
        (["1,5", "2,5"], "no row for le +Inf"),
        (["1,5", "+Inf,5", "x,5"], "le is x; expected a bound as Prometheus writes it"),
        (["1,5", "+Inf,5", "nan,5"], "le is nan; expected a bound"),
        (["1,5", "+Inf,5", ",5"], "le is empty; expected the bound"),
    ],
)
def test_buckets_that_cannot_be(tmp_path, rows, says):
    path = written(tmp_path, *(f"15,v1,{row}" for row in rows), header=LE)
    assert says in fault(path, WrongBucketsError, measuring(latency=MetricKind.DISTRIBUTION))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (
            ["15,v2,+Inf,6"],
            "row 3 (window_end 15, metric 'latency', variant 'v2'): no row for le 1; expected all",
        ),
        (
            ["30,v1,1,6"],
            "row 3 (window_end 30, metric 'latency', variant 'v1'): no row for le +Inf; expected all",
        ),
        (
            ["15,v2,1,1", "15,v2,2,1", "15,v2,+Inf,6"],
            "row 4 (window_end 15, metric 'latency', variant 'v2'): le 2 is",
        ),
    ],
)
def test_buckets_that_differ_from_those_of_the_first_window(tmp_path, rows, says):
    path = written(tmp_path, "15,v1,1,5", "15,v1,+Inf,6", *rows, header=LE)
    assert says in fault(path, WrongBucketsError, measuring(latency=MetricKind.DISTRIBUTION))


def test_a_bucket_twice_in_two_spellings(tmp_path):
    path = written(tmp_path, "15,v1,1,5", "15,v1,+Inf,6", "15,v1,1.0,5", header=LE)
    assert "row 3 " in fault(path, DuplicateRowError, measuring(latency=MetricKind.DISTRIBUTION))


@pytest.mark.parametrize("weight", ["-1", "101", "half", "nan"])
def test_a_weight_that_is_no_percentage(tmp_path, weight):
    path = written(tmp_path, f"{GOOD},{weight}", header=f"{HEADER},weight")
    assert f"weight is {weight}; expected the treatment's percent" in fault(path, WrongWeightError)


def test_rows_of_a_window_that_disagree_about_its_weight(tmp_path):
    path = written(tmp_path, f"{GOOD},95", "a,15,errors,v2,1,100,5", header=f"{HEADER},weight")
    assert "it is the treatment's percent in every row" in fault(path, WrongWeightError)


def test_weights_of_treatments_that_are_more_than_all(tmp_path):
    rows = ["a,15,errors,v2,1,100,60", "a,15,errors,v3,1,100,50"]
    path = written(tmp_path, *rows, header=f"{HEADER},weight")
    assert "weights add up to 110" in fault(path, WrongWeightError, two_treatments())


@pytest.mark.parametrize(
    ("kind", "header", "cells", "says"),
    [
        (MetricKind.GAUGE, "value", "-1e101", "value is -1e101; expected at most 1e100"),
        (MetricKind.MEAN, "sum,count", "1e101,5", "sum is 1e101; expected at most 1e100"),
        (MetricKind.MEAN, "sum,count,sum_sq", "5,5,1e201", "sum_sq is 1e201; expected at most 1e200"),
    ],
)
def test_values_whose_squares_are_no_numbers(tmp_path, kind, header, cells, says):
    path = written(tmp_path, f"1,v1,{cells}", header=f"window_end,variant,{header}")
    assert fault(path, WrongValueError, measuring(m=kind)).endswith(says)
