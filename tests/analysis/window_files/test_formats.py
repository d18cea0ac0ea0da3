"""CSV as programs write it, Parquet, and paths and names with anything in them."""

from dataclasses import replace

import duckdb
import pytest

from analysis.window_files import read_blocks
from engine.core.model import MetricKind
from tests.analysis.window_files.files import HEADER, blocks, measuring, only, written
from tests.builders import a_metric, an_experiment

ROW = "a,15,errors,v1,1,100"


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}\n{ROW}".encode(),
        f"\ufeff{HEADER}\n{ROW}\n".encode(),
        f"{HEADER}\r\n{ROW}\r\n".encode(),
        f"{HEADER}\n\n{ROW}\n\n".encode(),
        b'"run", window_end,metric,variant,bad,total\n"a","15","errors","v1","1","100"\n',
        b"total,bad,variant,metric,window_end,run,extra\n100,1,v1,errors,15,a,x\n",
    ],
    ids=["no last newline", "byte order mark", "CRLF", "blank lines", "quotes", "other columns"],
)
def test_dialects_of_csv_read_alike(tmp_path, content):
    path = tmp_path / "windows.csv"
    path.write_bytes(content)
    block = only(path)
    assert block.runs == ("a",)
    assert block.metrics["errors"].control["total"].tolist() == [[100.0]]


def test_names_may_have_commas_quotes_and_newlines(tmp_path):
    path = written(tmp_path, '"a, ""b""\nc",15,errors,v1,1,100')
    assert only(path).runs == ('a, "b"\nc',)


@pytest.mark.parametrize("name", ["we'ird.csv", "[a]*?.csv", "run=7;--.csv", "no extension", 'a"b.parquet'])
def test_paths_are_taken_literally(tmp_path, name):
    written(tmp_path, "wrong,15,errors,v1,1,100", name="ax.csv")
    folder = tmp_path / "run=5"
    folder.mkdir()
    assert only(written(folder, ROW, name=name)).runs == ("a",)


def test_names_are_no_sql(tmp_path):
    name = "x'); DROP TABLE raw; --"
    metric = a_metric(name=name, measure=name)
    experiment = replace(an_experiment(metrics=(metric,)), control=f"{name}1", treatment=f"{name}2")
    path = written(tmp_path, f"{name},15,{name},{name}1,1,100,", header=f"{HEADER},{name}")
    block = only(path, experiment)
    assert block.runs == (name,)
    assert block.metrics[name].control["bad"].tolist() == [[1.0]]


def parquet(tmp_path, select):
    path = tmp_path / "windows.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return path


def test_parquet_of_text_and_numbers_reads_as_csv_does(tmp_path):
    path = parquet(
        tmp_path,
        "SELECT 7 AS run, 1700000000 AS window_end, 'errors' AS metric, variant, bad, total, "
        "NULL::DOUBLE AS weight, "
        '\'x\' AS "odd ""name" FROM '
        "(VALUES ('v1', 1::BIGINT, 100.0::FLOAT), ('v2', NULL, 50)) t(variant, bad, total)",
    )
    block = only(path)
    assert (block.runs, block.window_ends) == (("7",), (("1700000000",),))
    assert block.metrics["errors"].control["total"].tolist() == [[100.0]]
    assert block.metrics["errors"].present.tolist() == [[[True, False]]]


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        ("TIMESTAMP '2026-01-01 00:00:00.5'", "2026-01-01T00:00:00.5"),
        ("TIMESTAMPTZ '2026-01-01 02:00:00.5+02'", "2026-01-01T00:00:00.5+00"),
    ],
)
def test_a_moment_of_parquet_is_written_as_iso_8601(tmp_path, moment, text):
    path = parquet(tmp_path, f"SELECT {moment} AS window_end, 'v1' AS variant, 1 AS bad, 2 AS total")
    block = only(path)
    assert block.window_ends == ((text,),)
    assert block.end_s.tolist() == [[1767225600.5]]


def test_parquet_buckets_may_be_text_or_numbers(tmp_path):
    experiment = measuring(latency=MetricKind.DISTRIBUTION)
    for bounds in ("('0.5', 1), ('+Inf', 3)", "(0.5::DOUBLE, 1), ('inf'::DOUBLE, 3)"):
        path = parquet(
            tmp_path,
            f"SELECT 15 AS window_end, 'v1' AS variant, le, count FROM (VALUES {bounds}) t(le, count)",
        )
        columns = only(path, experiment).metrics["latency"]
        assert columns.bounds == (0.5,)
        assert columns.control["counts"].tolist() == [[[1, 2]]]


def test_an_abandoned_read_leaves_nothing_behind(tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    path = written(tmp_path, ROW, "b,15,errors,v1,1,100")
    reading = read_blocks(path, an_experiment(), max_windows=1)
    next(reading)
    assert list(scratch.iterdir())
    reading.close()
    assert not list(scratch.iterdir())
    assert len(blocks(path, max_windows=1)) == 2
