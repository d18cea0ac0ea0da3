"""Readings of a past stretch of time are the block that a file of the same windows would be."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from analysis.replay import Outcome, block_of, replay
from engine.core.measure import HistogramReading, Missing, MissingReason, Observation
from engine.core.model import Experiment, MetricKind
from tests.analysis.replay import blocks
from tests.analysis.replay.test_like_the_engine import KINDS, a_kind, run_of
from tests.builders import an_experiment, two_treatments

GONE = Missing(reason=MissingReason.NO_SERIES, detail="control: no series")


def same_block(past: list[Observation], experiment: Experiment) -> None:
    made = block_of(experiment, "past", [(each.window, each.readings) for each in past])
    expected = blocks.block_of(experiment, {"past": [replace(each, weights=None) for each in past]})
    np.testing.assert_array_equal(made.end_s, expected.end_s)
    np.testing.assert_array_equal(made.weights, expected.weights)
    assert made.metrics.keys() == expected.metrics.keys()
    for name, columns in made.metrics.items():
        other = expected.metrics[name]
        assert columns.bounds == other.bounds
        np.testing.assert_array_equal(columns.present, other.present)
        for mine, theirs in zip(
            (columns.control, *columns.treatments), (other.control, *other.treatments), strict=True
        ):
            for column, values in mine.items():
                np.testing.assert_array_equal(values, theirs[column])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_the_cells_of_its_readings(kind: MetricKind) -> None:
    experiment = an_experiment(metrics=(a_kind(kind),))
    past = run_of(np.random.default_rng(4), experiment, 1.0, 6, (50,))
    past[2] = replace(past[2], readings=dict.fromkeys(past[2].readings, GONE))
    same_block(past, experiment)


def test_two_treatments_share_a_control() -> None:
    experiment = two_treatments()
    same_block(run_of(np.random.default_rng(4), experiment, 1.0, 6, (50,)), experiment)


def test_windows_end_at_utc_times() -> None:
    experiment = an_experiment()
    past = run_of(np.random.default_rng(4), experiment, 1.0, 2, (50,))
    made = block_of(experiment, "past", [(each.window, each.readings) for each in past])
    assert made.window_ends == (("1970-01-01T00:00:15Z", "1970-01-01T00:00:30Z"),)
    assert [datetime.fromisoformat(end).timestamp() for end in made.window_ends[0]] == made.end_s[0].tolist()


def test_a_histogram_with_new_buckets_is_as_good_as_none() -> None:
    experiment = an_experiment(metrics=(a_kind(MetricKind.DISTRIBUTION),))
    past = run_of(np.random.default_rng(4), experiment, 1.0, 2, (50,))
    (name, reading), *_ = past[1].readings.items()
    assert isinstance(reading, HistogramReading)
    finer = HistogramReading(
        control=replace(reading.control, bounds_s=(0.1, 0.2, 0.3, 0.4)),
        treatment=replace(reading.treatment, bounds_s=(0.1, 0.2, 0.3, 0.4)),
    )
    past[1] = replace(past[1], readings={name: finer})
    made = block_of(experiment, "past", [(each.window, each.readings) for each in past])
    assert made.metrics[name].present[0].tolist() == [[True, True], [False, False]]


def test_a_past_without_any_reading_has_no_data() -> None:
    experiment = an_experiment(metrics=(a_kind(MetricKind.DISTRIBUTION),))
    past = run_of(np.random.default_rng(4), experiment, 1.0, 3, (50,))
    silent = [(each.window, dict.fromkeys(each.readings, GONE)) for each in past]
    (row,) = replay(experiment, [block_of(experiment, "past", silent)])
    assert (row.outcome, row.windows, row.treatment_total) == (Outcome.NO_DATA, 3, 0)
