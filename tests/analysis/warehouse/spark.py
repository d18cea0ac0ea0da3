"""A real Spark session in this machine's memory, and tables of looks in it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyspark.sql

from tests.analysis.warehouse.data import Event, Exposure, write_parquet

SETTINGS = {
    "spark.master": "local[2]",
    "spark.driver.memory": "1g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.session.timeZone": "Asia/Tokyo",  # whatever it is, days are of UTC
}


@contextmanager
def session(folder: Path) -> Iterator[pyspark.sql.SparkSession]:
    """A session for the length of a block; its tables are kept under `folder`."""
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = pyspark.sql.SparkSession.builder.appName("rampwise-tests")
    for name, value in {**SETTINGS, "spark.sql.warehouse.dir": str(folder)}.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    try:
        yield spark
    finally:
        spark.stop()


def write_spark(
    spark: pyspark.sql.SparkSession, folder: Path, exposures: Sequence[Exposure], events: Sequence[Event]
) -> None:
    """Both tables as views of files, made anew."""
    write_parquet(folder, exposures, events)
    for name in ("exposures", "events"):
        spark.read.parquet(str(folder / f"{name}.parquet")).createOrReplaceTempView(name)
