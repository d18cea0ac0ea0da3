"""Pods of a live run: what its evidence keeps of them, through the store, and what its findings say."""

from dataclasses import replace

import pytest

from analysis import evaluate
from analysis.evaluate import Evidence
from engine.codec import from_plain, to_plain
from engine.core.measure import ByPod, Observation, PodCount, Trials, TrialsReading
from engine.errors import CorruptRecord
from tests.analysis.evaluating import ONE, after, judged, window


def reading(treatment: tuple[int, ...], control: tuple[int, ...] = (10, 10, 10)) -> TrialsReading:
    """So many bad ones of 1,000 trials of each pod."""
    arms = [
        tuple(PodCount(pod=f"{name}-{i}", weight=1000, sums=(bad,)) for i, bad in enumerate(pods))
        for name, pods in (("v1", control), ("v2", treatment))
    ]
    return TrialsReading(
        control=Trials(bad=sum(control), total=1000 * len(control)),
        treatment=Trials(bad=sum(treatment), total=1000 * len(treatment)),
        pods=(len(control), len(treatment)),
        by_pod=ByPod(control=arms[0], treatment=arms[1]),
    )


ONE_BAD_POD = reading((10, 11, 60))
ALL_WORSE = reading((28, 26, 27))


def test_one_bad_pod_of_three_is_not_harm_but_three_are() -> None:
    assert not judged(ONE, *[ONE_BAD_POD] * 40).harm_latched
    assert judged(ONE, *[replace(ONE_BAD_POD, by_pod=None)] * 40).harm_latched
    assert judged(ONE, *[ALL_WORSE] * 40).harm_latched


def test_evidence_with_pods_comes_back_from_the_store_and_goes_on() -> None:
    early = after(ONE, *[ONE_BAD_POD] * 5)
    again = Evidence.from_plain(ONE, early.to_plain())
    later = Observation(window=window(5).window, readings={"errors": reading((12, 9, 40, 11))})
    found, wanted = (evaluate.update(ONE, each, [later]).to_plain() for each in (again, early))
    assert found == wanted
    assert found["metrics"][0]["pod_names"] == [["v1-0", "v1-1", "v1-2"], ["v2-0", "v2-1", "v2-2", "v2-3"]]


def test_evidence_stored_before_pods_were_told_apart_goes_on() -> None:
    plain = after(ONE, *[replace(ONE_BAD_POD, by_pod=None)] * 5).to_plain()
    del plain["metrics"][0]["pod_names"]
    del plain["metrics"][0]["sums"]["pods"]
    again = evaluate.update(ONE, Evidence.from_plain(ONE, plain), [window(5, errors=ONE_BAD_POD)])
    assert again.metrics[0].pod_names == (("v1-0", "v1-1", "v1-2"), ("v2-0", "v2-1", "v2-2"))


def test_stored_sums_of_other_pods_than_named_are_a_corrupt_record() -> None:
    plain = after(ONE, ONE_BAD_POD).to_plain()
    plain["metrics"][0]["pod_names"] = [["v1-0"], ["v2-0"]]
    with pytest.raises(CorruptRecord, match="other sums"):
        Evidence.from_plain(ONE, plain)


def test_a_reading_stored_before_pods_were_told_apart_is_read() -> None:
    plain = to_plain(TrialsReading, ONE_BAD_POD)
    assert from_plain(TrialsReading, plain) == ONE_BAD_POD
    del plain["by_pod"]
    assert from_plain(TrialsReading, plain) == replace(ONE_BAD_POD, by_pod=None)


def said(*readings: TrialsReading) -> str:
    return " ".join(judged(ONE, *readings).findings[0].assumptions)


def test_findings_say_what_pods_take_from_the_evidence() -> None:
    finding = judged(ONE, *[ONE_BAD_POD] * 9).findings[0]
    counted = "pods count as clusters (control: 3, treatment: 3): "
    told = f"{counted}they differ, which makes dispersion {finding.dispersion:.2f}"
    assert told in " ".join(finding.assumptions)
    assert "they differ by no more than chance" in said(ALL_WORSE)
    assert "clusters" not in said(replace(ALL_WORSE, by_pod=None))


def test_fewer_than_three_pods_are_said() -> None:
    assert "2 pods in an arm: a bad node" in said(reading((10, 11)))
    assert "a bad node" not in said(ONE_BAD_POD)
