"""`rampwise rx`: commands from outside, over the objects of a cluster."""

from typing import Any

import pytest
from kubernetes import config

from engine.adapters.kubernetes import client
from engine.adapters.kubernetes.cluster import NotAllowed
from engine.adapters.kubernetes.fake import FakeCluster
from engine.cli import rx_objects
from engine.controller.resource import BY, COMMAND, EXPERIMENTS, REASON
from engine.core.outcome import ExitCode
from engine.errors import UsageError
from tests.cli.desk import Desk

RUNNING: dict[str, Any] = {
    "run": "shop--checkout-1",
    "phase": "running",
    "step": "1/2",
    "weights": "80/20",
    "verdict": "undecided",
    "reason": "waits for more trials",
    "started": "2026-01-01T00:00:00Z",
    "conditions": [
        {"type": "Accepted", "status": "True", "reason": "Launched", "message": "run shop--checkout-1"},
        {"type": "Blocked", "status": "False", "reason": "NothingInTheWay", "message": ""},
    ],
    "history": [
        {
            "at": "2026-01-01T00:00:00Z",
            "decision": "shift",
            "weights": "80/20",
            "actor": "engine",
            "reason": "go",
        }
    ],
}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    fake = FakeCluster()
    monkeypatch.setattr(client, "connect", lambda _: fake)
    monkeypatch.setattr(client, "namespace_of", lambda _: "shop")
    monkeypatch.setattr(rx_objects, "_POLL_S", 0.01)
    put(fake, RUNNING)
    return fake


def put(
    cluster: FakeCluster, status: dict[str, Any], name: str = "checkout", namespace: str = "shop"
) -> None:
    meta = {"namespace": namespace, "name": name, "uid": name, "managedFields": [{}]}
    cluster.put(EXPERIMENTS, {"metadata": meta, "spec": {}, "status": status})


def answering(cluster: FakeCluster, refused: str = "", **changes: str) -> list[dict[str, str]]:
    """A controller that answers each command at once; what was asked."""
    asked: list[dict[str, str]] = []

    def answer(at: FakeCluster) -> None:
        found = at.get(EXPERIMENTS, "shop", "checkout")
        notes = found["metadata"].pop("annotations", {})
        if COMMAND in notes:
            asked.append(notes)
            number = found["status"].get("command", {}).get("number", 0) + 1
            command = {
                "number": number,
                "verb": notes[COMMAND],
                "actor": "ada",
                "at": "now",
                "refused": refused,
            }
            found["status"] |= {"command": command, **changes}
            at.put(EXPERIMENTS, found)

    cluster.after_write = answer
    return asked


@pytest.mark.parametrize("verb", ["promote", "rollback", "stop", "pause", "resume", "approve"])
def test_a_command_is_written_on_the_object_with_who_and_why(
    desk: Desk, cluster: FakeCluster, verb: str
) -> None:
    asked = answering(cluster, phase="paused")
    yes = ["--yes"] if verb == "promote" else []
    result = desk.call("rx", verb, "checkout", "--reason", "because", *yes)
    assert result.exit_code == ExitCode.OK, result.output
    assert asked == [{COMMAND: verb, REASON: "because", BY: "ada"}]
    assert result.stderr == "checkout: paused at 80/20. waits for more trials\n"


def test_which_treatment_is_passed_on(desk: Desk, cluster: FakeCluster) -> None:
    asked = answering(cluster)
    desk.call("rx", "promote", "checkout", "--treatment", "blue", "--reason", "x", "--yes")
    assert asked[0]["rampwise.dev/treatment"] == "blue"


def test_a_promotion_is_questioned(desk: Desk, cluster: FakeCluster) -> None:
    result = desk.call("rx", "promote", "checkout", "--reason", "x")
    assert result.exit_code == ExitCode.USAGE
    assert cluster.patches == []


def test_a_refusal_is_an_error_with_its_reason(desk: Desk, cluster: FakeCluster) -> None:
    answering(cluster, refused="the freeze `holidays` is in force")
    result = desk.call("rx", "promote", "checkout", "--reason", "x", "--yes")
    assert result.exit_code == ExitCode.ERROR
    assert "promote was refused: the freeze `holidays` is in force" in result.stderr


def test_a_command_that_nobody_takes_says_what_to_look_at(desk: Desk, cluster: FakeCluster) -> None:
    result = desk.call("rx", "stop", "checkout", "--reason", "x", "--timeout", "0s")
    assert result.exit_code == ExitCode.ERROR
    assert "no controller has taken it; it waits on the object" in result.stderr
    again = desk.call("rx", "pause", "checkout", "--reason", "x")
    assert again.exit_code == ExitCode.USAGE
    assert "the command 'stop' waits for the controller" in again.stderr


def test_a_command_that_was_taken_and_not_answered_says_so(desk: Desk, cluster: FakeCluster) -> None:
    def take(at: FakeCluster) -> None:
        found = at.get(EXPERIMENTS, "shop", "checkout")
        found["metadata"].pop("annotations", None)
        at.put(EXPERIMENTS, found)

    cluster.after_write = take
    result = desk.call("rx", "stop", "checkout", "--reason", "x", "--timeout", "0s")
    assert "the controller has it, and will do it; `rampwise rx status checkout`" in result.stderr


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ({}, "checkout has not started: no controller has looked at it yet"),
        ({"phase": "pending", "reason": "the proxy is down"}, "checkout has not started: the proxy is down"),
        ({"phase": "promoted"}, "checkout has ended, promoted; there is nothing to do"),
    ],
)
def test_what_does_not_go_on_takes_no_command(
    desk: Desk, cluster: FakeCluster, status: dict[str, Any], message: str
) -> None:
    put(cluster, status)
    result = desk.call("rx", "stop", "checkout", "--reason", "x")
    assert (result.exit_code, message in result.stderr) == (ExitCode.USAGE, True)
    assert cluster.patches == []


def test_an_unknown_experiment_points_to_the_list(desk: Desk, cluster: FakeCluster) -> None:
    result = desk.call("rx", "status", "chekout", "-n", "bank")
    assert result.exit_code == ExitCode.USAGE
    assert "no ReleaseExperiment chekout in namespace bank; `rampwise rx list -A`" in result.stderr


def test_a_missing_right_is_told_as_the_api_server_tells_it(
    desk: Desk, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise NotAllowed("not allowed to patch releaseexperiments.rampwise.dev checkout")

    monkeypatch.setattr(cluster, "patch", forbidden)
    result = desk.call("rx", "stop", "checkout", "--reason", "x")
    assert result.exit_code == ExitCode.ERROR
    assert "not allowed to patch" in result.stderr


def test_who_cannot_be_told_is_left_out(
    desk: Desk, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise NotAllowed("no")

    asked = answering(cluster)
    monkeypatch.setattr(cluster, "create", forbidden)
    desk.call("rx", "stop", "checkout", "--reason", "x")
    assert BY not in asked[0]


def test_the_list_is_that_of_a_namespace_or_of_all(desk: Desk, cluster: FakeCluster) -> None:
    put(cluster, {}, name="transfer", namespace="bank")
    assert desk.data("rx", "list").splitlines() == [
        "NAMESPACE  NAME      PHASE    STEP  WEIGHTS  VERDICT",
        "shop       checkout  running  1/2   80/20    undecided",
    ]
    assert desk.data("rx", "list", "-A", "-o", "name") == "bank/transfer\nshop/checkout\n"
    assert "waits for more trials" in desk.data("rx", "list", "-o", "wide")
    assert desk.data("rx", "list", "-n", "bank").splitlines()[1].split() == ["bank", "transfer", *"----"]
    assert "No experiments." in desk.call("rx", "list", "-n", "empty").stderr


def test_one_is_shown_with_conditions_command_and_history(desk: Desk, cluster: FakeCluster) -> None:
    refused = {"number": 1, "verb": "promote", "actor": "ada", "at": "now", "refused": "no"}
    put(cluster, RUNNING | {"command": refused})
    shown = desk.data("rx", "status", "checkout")
    for line in (
        "experiment  shop/checkout",
        "accepted    True: run shop--checkout-1",
        "blocked     False: NothingInTheWay",
        "command     promote by ada at now: refused: no",
        "2026-01-01T00:00:00Z  shift     80/20    engine  go",
    ):
        assert line in shown
    assert "managedFields" not in desk.data("rx", "status", "checkout", "-o", "yaml")


def test_the_namespace_is_the_contexts_own(monkeypatch: pytest.MonkeyPatch) -> None:
    contexts = [
        {"name": "a", "context": {"namespace": "shop"}},
        {"name": "b", "context": {}},
    ]
    monkeypatch.setattr("kubernetes.config.list_kube_config_contexts", lambda: (contexts, contexts[0]))
    assert [client.namespace_of(each) for each in (None, "a", "b", "c")] == [
        "shop",
        "shop",
        "default",
        "default",
    ]


def test_without_a_kubeconfig_the_namespace_is_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    def nothing() -> None:
        raise config.ConfigException("no file")

    monkeypatch.setattr("kubernetes.config.list_kube_config_contexts", nothing)
    assert client.namespace_of() == "default"


def test_a_missing_kubeconfig_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(UsageError, match="export KUBECONFIG=FILE"):
        client.connect("nowhere")
