from typing import Any

import pytest

from engine.adapters.kubernetes.pods import health

Object = dict[str, Any]


def pod(name: str, since: str | None = "2026-01-01T00:00:00Z", **status: Any) -> Object:
    ready = {"type": "Ready", "status": "True" if since else "False"}
    if since:
        ready["lastTransitionTime"] = since
    return {"metadata": {"name": name}, "status": {"phase": "Running", "conditions": [ready], **status}}


def waiting(**state: Any) -> list[Object]:
    return [{"state": {"running": {}}}, {"state": {"waiting": state}}]


def test_an_arm_serves_since_the_last_of_its_pods_does() -> None:
    found = health([pod("a"), pod("b", "2026-01-01T00:01:00Z")], desired=2)
    assert (found.ready, found.ready_since_s) == (True, 1767225660.0)


def test_pods_that_are_still_to_come_count() -> None:
    assert health([pod("a")], desired=3).detail == "1 of 3 pods ready"


@pytest.mark.parametrize("desired", [None, 1])
def test_an_arm_without_pods_cannot_serve(desired: int | None) -> None:
    assert health([], desired).detail == "0 of 1 pods ready"


def test_an_arm_that_is_to_have_no_pods_cannot_serve() -> None:
    assert health([], desired=0).detail == "0 of 0 pods ready"


def test_pods_that_are_about_to_go_do_not_count() -> None:
    going = pod("a")
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert not health([going, pod("b", phase="Succeeded")], desired=1).ready


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({}, "a is not ready yet"),
        (
            {"containerStatuses": waiting(reason="ImagePullBackOff", message="no such image")},
            "a ImagePullBackOff: no such image",
        ),
        (
            {
                "containerStatuses": [
                    {
                        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}},
                        "lastState": {"terminated": {"exitCode": 3}},
                    }
                ]
            },
            "a CrashLoopBackOff: exit code 3",
        ),
        (
            {"containerStatuses": [{"state": {"terminated": {"exitCode": 2, "reason": "Error"}}}]},
            "a Error: exit code 2",
        ),
        (
            {
                "initContainerStatuses": [{"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}],
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/3 nodes are available",
                    }
                ],
            },
            "a Unschedulable: 0/3 nodes are available",
        ),
    ],
)
def test_what_is_wrong_with_a_pod_is_said(status: Object, said: str) -> None:
    assert health([pod("a", None, **status)]).detail == f"0 of 1 pods ready: {said}"


def test_many_pods_in_trouble_are_summed_up() -> None:
    found = health([pod(name, None) for name in "abcde"])
    assert found.detail.endswith("c is not ready yet, 2 more")
