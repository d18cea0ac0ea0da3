"""A value stands for the JSON it would make, and is never written as JSON that says something else."""

import json
from copy import deepcopy
from dataclasses import replace

import pytest

from analysis import evaluate
from engine.codec import json_text
from engine.errors import CorruptRecord
from tests.builders import a_metric, an_experiment

EXPERIMENT = an_experiment()
EVIDENCE = evaluate.start(EXPERIMENT)


def test_a_deferred_object_is_like_the_plain_one():
    deferred = EVIDENCE.deferred()
    assert deferred == EVIDENCE.to_plain()
    assert len(deferred) == len(EVIDENCE.to_plain())
    assert deferred["windows"] == 0
    assert deepcopy(deferred) is deferred


def test_its_text_is_that_of_the_plain_one():
    assert json.loads(json_text(EVIDENCE.deferred())) == json.loads(json_text(EVIDENCE.to_plain()))


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_what_json_cannot_hold_is_refused_and_never_written_as_nothing(number):
    evidence = replace(EVIDENCE, log_e_harm=number)
    for form in (evidence.deferred(), evidence.to_plain()):
        with pytest.raises(ValueError, match="not JSON compliant"):
            json_text(form)


def test_a_name_that_looks_like_no_number_is_written_all_the_same():
    experiment = an_experiment(metrics=(a_metric(name="NaN"),))
    deferred = evaluate.start(experiment).deferred()
    assert json.loads(json_text(deferred)) == deferred


def test_whoever_knows_the_kind_takes_the_value_if_it_is_of_the_same_metrics():
    assert evaluate.Evidence.from_plain(EXPERIMENT, EVIDENCE.deferred()) is EVIDENCE
    other = an_experiment(metrics=(a_metric(name="another"),))
    with pytest.raises(CorruptRecord, match="the experiment has"):
        evaluate.Evidence.from_plain(other, EVIDENCE.deferred())
