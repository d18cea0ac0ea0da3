"""What each kind of metric becomes."""

from dataclasses import replace

import numpy as np
from numpy.testing import assert_array_equal

from analysis.window_files import MetricColumns
from engine.core.model import MetricKind
from engine.core.plan import Stage
from tests.analysis.window_files.files import measuring, only, written
from tests.builders import a_metric, an_experiment, two_treatments

NAN = float("nan")
LE = "window_end,variant,le,count"


def values(columns: MetricColumns, name: str) -> tuple[list[float], list[float]]:
    """The first run's column in control and the first treatment."""
    return columns.control[name][0].tolist(), columns.treatments[0][name][0].tolist()


def test_a_proportion_has_bad_and_total_per_variant(tmp_path):
    path = written(tmp_path, "a,15,errors,v1,1,100", "a,15,errors,v2,2,50", "a,30,errors,v2,0,0")
    block = only(path)
    columns = block.metrics["errors"]
    assert block.runs == ("a",)
    assert block.window_ends == (("15", "30"),)
    assert block.end_s.tolist() == [[15.0, 30.0]]
    assert block.lengths.tolist() == [2]
    assert_array_equal(columns.control["bad"], [[1, NAN]])
    assert_array_equal(columns.treatments[0]["total"], [[50, 0]])
    assert columns.present.tolist() == [[[True, True], [False, True]]]


def test_a_total_of_zero_is_measured_and_an_empty_one_is_missing(tmp_path):
    columns = only(written(tmp_path, "a,15,errors,v1,0,0", "a,15,errors,v2,3,")).metrics["errors"]
    assert columns.present.tolist() == [[[True, False]]]
    assert values(columns, "total")[0] == [0.0]
    assert_array_equal(columns.treatments[0]["bad"], [[NAN]])


def test_a_threshold_reads_as_a_proportion(tmp_path):
    experiment = measuring(burn=MetricKind.THRESHOLD)
    columns = only(written(tmp_path, "a,15,burn,v1,,", "a,15,burn,v2,2,50"), experiment).metrics["burn"]
    assert columns.present.tolist() == [[[False, True]]]
    assert values(columns, "bad")[1] == [2.0]


def test_a_count_has_no_denominator(tmp_path):
    path = written(tmp_path, "15,v1,7", "15,v2,1000000000000", header="window_end,variant,count")
    columns = only(path, measuring(restarts=MetricKind.COUNT)).metrics["restarts"]
    assert values(columns, "count") == ([7.0], [1e12])


def test_a_mean_without_squares_is_measured_but_its_squares_are_unknown(tmp_path):
    header = "window_end,variant,sum,count,sum_sq"
    path = written(tmp_path, "15,v1,-2.5,2,4.25", "15,v2,10,4,", header=header)
    columns = only(path, measuring(size=MetricKind.MEAN)).metrics["size"]
    assert columns.present.all()
    assert values(columns, "sum") == ([-2.5], [10.0])
    assert columns.control["sum_sq"].tolist() == [[4.25]]
    assert_array_equal(columns.treatments[0]["sum_sq"], [[NAN]])


def test_a_mean_needs_no_column_of_squares(tmp_path):
    path = written(tmp_path, "15,v1,2,2", "15,v2,10,4", header="window_end,variant,sum,count")
    columns = only(path, measuring(size=MetricKind.MEAN)).metrics["size"]
    assert columns.present.all()
    assert_array_equal(columns.control["sum_sq"], [[NAN]])


def test_ratio_and_gauge_have_columns_of_their_own_in_one_table(tmp_path):
    experiment = measuring(cost=MetricKind.RATIO, memory=MetricKind.GAUGE)
    path = written(
        tmp_path,
        "15,cost,v1,-3.5,2,",
        "15,memory,v1,,,1e9",
        "15,cost,v2,4,0,",
        "15,memory,v2,,,0.5",
        header="window_end,metric,variant,numerator,denominator,value",
    )
    block = only(path, experiment)
    assert values(block.metrics["cost"], "numerator") == ([-3.5], [4.0])
    assert values(block.metrics["cost"], "denominator") == ([2.0], [0.0])
    assert values(block.metrics["memory"], "value") == ([1e9], [0.5])


def test_buckets_are_differenced_over_le_in_the_order_of_their_bounds(tmp_path):
    rows = ["15,v1,+Inf,10", "15,v1,1e+06,9", "15,v1,0.5,4", "15,v2,0.5,1", "15,v2,+Inf,1", "15,v2,1e+06,1"]
    columns = only(written(tmp_path, *rows, header=LE), measuring(latency=MetricKind.DISTRIBUTION)).metrics[
        "latency"
    ]
    assert columns.bounds == (0.5, 1e6)
    assert columns.control["counts"].tolist() == [[[4, 5, 1]]]
    assert columns.treatments[0]["counts"].tolist() == [[[1, 0, 0]]]


def test_a_histogram_with_an_empty_bucket_is_missing(tmp_path):
    path = written(tmp_path, "15,v1,1,3", "15,v1,+Inf,4", "15,v2,1,", "15,v2,+Inf,9", "30,v1,,", header=LE)
    columns = only(path, measuring(latency=MetricKind.DISTRIBUTION)).metrics["latency"]
    assert columns.present.tolist() == [[[True, False], [False, False]]]
    assert np.isnan(columns.treatments[0]["counts"]).all()


def test_a_metric_that_the_file_does_not_have_is_missing_everywhere(tmp_path):
    experiment = measuring(
        errors=MetricKind.PROPORTION, latency=MetricKind.DISTRIBUTION, size=MetricKind.MEAN
    )
    block = only(written(tmp_path, "a,15,errors,v1,1,100"), experiment)
    assert not block.metrics["latency"].present.any()
    assert block.metrics["latency"].control["counts"].shape == (1, 1, 1)
    assert not block.metrics["size"].present.any()


def test_treatments_stand_in_the_experiments_order(tmp_path):
    path = written(tmp_path, "a,15,errors,v3,3,30", "a,15,errors,v1,1,10", "a,15,errors,v2,2,20")
    columns = only(path, two_treatments()).metrics["errors"]
    assert [each["bad"][0, 0] for each in (columns.control, *columns.treatments)] == [1, 2, 3]
    assert columns.present.shape == (1, 1, 3)


def test_metrics_go_by_their_declared_name_and_probes_are_in_no_file(tmp_path):
    metric = a_metric(name="errors@v2", measure="errors")
    settle = replace(metric, name="errors@v2@settle", stage=Stage.SETTLE)
    probe = replace(metric, name="slow@preview", measure="slow", stage=Stage.PREVIEW)
    block = only(written(tmp_path, "a,15,errors,v1,1,100"), an_experiment(metrics=(probe, metric, settle)))
    assert list(block.metrics) == ["errors"]


WEIGHTED = "window_end,variant,bad,total,weight"


def test_a_weight_may_stand_in_any_row_of_its_window(tmp_path):
    path = written(
        tmp_path, "15,v1,0,9,5", "15,v2,0,1,5", "30,v1,0,9,20", "45,v2,0,9,50", "60,v2,0,9,", header=WEIGHTED
    )
    assert_array_equal(only(path).weights, [[[5], [20], [50], [NAN]]])


def test_without_weights_they_are_unknown(tmp_path):
    assert_array_equal(only(written(tmp_path, "a,15,errors,v1,1,100")).weights, [[[NAN]]])


def test_every_treatment_has_a_weight_of_its_own(tmp_path):
    rows = ["15,v1,0,9,70", "15,v2,0,9,10", "15,v3,0,9,20"]
    assert only(written(tmp_path, *rows, header=WEIGHTED), two_treatments()).weights.tolist() == [[[10, 20]]]
