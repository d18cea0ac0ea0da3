"""`rampwise prepare` prints what to apply, and says on stderr what it changed."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.adapters.argo_rollouts import rungs
from engine.adapters.kubernetes import client
from engine.core.outcome import ExitCode
from tests.adapters.argo_rollouts import shop as at
from tests.adapters.knative import shop as knative
from tests.cli.desk import Desk


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What is in the cluster that the kubeconfig names."""
    chosen: dict[str, Any] = {}
    monkeypatch.setattr(client, "connect", lambda context=None: chosen["cluster"])
    return chosen


def test_a_rollouts_file_gets_a_ladder_and_its_other_documents_are_left_out(desk: Desk) -> None:
    rollout = {"kind": "Rollout", **at.rollout({"canary": {"steps": [{"setWeight": 20}]}})}
    text = yaml.safe_dump_all([{"kind": "Service", "metadata": {"name": "shop"}, "spec": {}}, rollout])
    result = desk.call("prepare", desk.file(text, "rollout.yaml"), "--steps", "5, 25%")
    assert result.exit_code == ExitCode.OK, result.output
    assert [rung.treatment_pct for rung in rungs.ladder(yaml.safe_load(result.stdout))] == [0, 5, 25]
    assert "steps: 0 %, 5 %, 25 %" in result.stderr
    assert "name a traffic router" in result.stderr


def test_what_is_fit_says_so(desk: Desk, cluster: dict[str, Any]) -> None:
    cluster["cluster"] = at.shop(at.COLOURS)
    result = desk.call("prepare", "rollout/shop", "-n", at.NAMESPACE)
    assert "Nothing has to change." in result.stderr
    assert yaml.safe_load(result.stdout)["spec"]["strategy"] == at.COLOURS


def test_a_deployment_gets_a_rollout_that_refers_to_it(desk: Desk) -> None:
    meta, selector = {"name": "shop"}, {"matchLabels": {"app": "shop"}}
    deployment = {"kind": "Deployment", "metadata": meta, "spec": {"selector": selector}}
    printed = desk.data("prepare", desk.file(yaml.safe_dump(deployment), "deployment.yaml"))
    assert yaml.safe_load(printed)["spec"]["workloadRef"]["name"] == "shop"


def test_a_knative_services_revisions_are_named_in_a_patch(desk: Desk, cluster: dict[str, Any]) -> None:
    cluster["cluster"] = knative.shop({"latestRevision": True, "percent": 100})
    patch = yaml.safe_load(desk.data("prepare", "ksvc/shop", "-n", knative.NAMESPACE))
    assert patch["spec"]["traffic"][0] == {"revisionName": "shop-two", "percent": 100}
    cluster["cluster"] = knative.shop()
    result = desk.call("prepare", "ksvc/shop", "-n", knative.NAMESPACE)
    assert "Nothing has to change." in result.stderr


@pytest.mark.parametrize("by", ["header=X-Bucket", "cookie=bucket"])
def test_visitors_get_a_ladder_of_one_header_route(desk: Desk, by: str) -> None:
    mesh = {"istio": {"virtualService": {"name": "shop"}}}
    rollout = {"kind": "Rollout", **at.rollout(at.canary([], trafficRouting=mesh))}
    result = desk.call("prepare", desk.file(yaml.safe_dump(rollout), "rollout.yaml"), "--by", by)
    assert result.exit_code == ExitCode.OK, result.output
    printed = yaml.safe_load(result.stdout)
    assert [rung.treatment_pct for rung in rungs.ladder(printed)] == [0, 50]
    assert rungs.by_header(printed)
    assert f"in the {by.replace('=', ' ')}" in result.stderr


def test_equal_arms_get_a_baseline_at_every_step(desk: Desk) -> None:
    mesh = {"istio": {"virtualService": {"name": "shop"}}}
    rollout = {"kind": "Rollout", **at.rollout(at.canary([], trafficRouting=mesh))}
    file = desk.file(yaml.safe_dump(rollout), "rollout.yaml")
    result = desk.call("prepare", file, "--equal-arms", "--steps", "5,20")
    assert result.exit_code == ExitCode.OK, result.output
    printed = yaml.safe_load(result.stdout)
    assert rungs.compares_equal_arms(printed)
    assert [rung.treatment_pct for rung in rungs.ladder(printed)] == [0, 5, 20]
    assert "a baseline of the stable version" in result.stderr


def test_equal_arms_are_for_rollouts(desk: Desk) -> None:
    meta, selector = {"name": "shop"}, {"matchLabels": {"app": "shop"}}
    deployment = {"kind": "Deployment", "metadata": meta, "spec": {"selector": selector}}
    file = desk.file(yaml.safe_dump(deployment), "deployment.yaml")
    said = desk.call("prepare", file, "--equal-arms").stderr
    assert "--equal-arms is for a Rollout; shop is a Deployment" in said


def test_header_routes_are_for_rollouts(desk: Desk) -> None:
    meta, selector = {"name": "shop"}, {"matchLabels": {"app": "shop"}}
    deployment = {"kind": "Deployment", "metadata": meta, "spec": {"selector": selector}}
    file = desk.file(yaml.safe_dump(deployment), "deployment.yaml")
    assert (
        "--by is for a Rollout; shop is a Deployment" in desk.call("prepare", file, "--by", "cookie=b").stderr
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("service/shop",), "neither a file nor rollout/NAME"),
        (("rollout/",), "neither a file nor rollout/NAME"),
        (("rollout/shop", "-n", at.NAMESPACE, "--steps", "5,many"), "no whole percents"),
        (("rollout/shop", "-n", at.NAMESPACE, "--steps", "20,5"), "they must rise"),
        (("rollout/shop", "-n", at.NAMESPACE, "--steps", ""), "no whole percents"),
        (("rollout/shop", "-n", at.NAMESPACE, "--by", "X-Bucket"), "write header=X-Bucket or cookie=bucket"),
        (("rollout/shop", "-n", at.NAMESPACE, "--by", "header=X-Bucket"), "trafficRouting.istio"),
        (("rollout/shop", "-n", at.NAMESPACE, "--equal-arms"), "one of alb, istio, plugins, smi"),
        (("rollout/shop", "-n", at.NAMESPACE, "--equal-arms", "--by", "cookie=b"), "choose one"),
    ],
)
def test_what_cannot_be_prepared_says_what_can(
    desk: Desk, cluster: dict[str, Any], arguments: tuple[str, ...], said: str
) -> None:
    cluster["cluster"] = at.shop()
    result = desk.call("prepare", *arguments)
    assert result.exit_code == ExitCode.USAGE
    assert said in result.stderr


@pytest.mark.parametrize(
    ("text", "said"), [("kind: Service\n", "0 Rollouts and Deployments"), ("a: [", "cannot be read")]
)
def test_a_file_without_a_workload_is_refused(desk: Desk, text: str, said: str) -> None:
    result = desk.call("prepare", desk.file(text, "other.yaml"))
    assert result.exit_code == ExitCode.USAGE
    assert said in result.stderr


def test_a_directory_is_no_manifest(desk: Desk, tmp_path: Path) -> None:
    assert "cannot be read" in desk.call("prepare", str(tmp_path)).stderr
