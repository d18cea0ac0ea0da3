"""The stand-ins' rules, without a cluster."""

from tests.e2e.cluster.bed import discovery, ingress_routes, mesh_routes, samples
from tests.e2e.cluster.bed.workload import Facts, Object, Stage, is_ready, status, workload


def pod(version: str = "v1", env: dict[str, str] | None = None, **spec: object) -> Object:
    template = samples.pod_template("shop", version, env)
    meta = {"name": "shop-1", "namespace": "t", **template["metadata"]}
    return {"metadata": meta, "spec": {**template["spec"], **spec}}


def told(stage: Stage, **more: int) -> Object:
    facts = Facts(stage=stage, address="10.244.0.1", changed_at="then", started_at="before", **more)
    return status(pod(), facts)


def test_a_pod_says_what_to_start() -> None:
    wanted = workload(pod("v2", {"EXIT_AFTER_S": "3"}, restartPolicy="Never"))
    assert (wanted.service, wanted.version, wanted.port) == ("shop", "v2", 8080)
    assert (wanted.exit_after_s, wanted.exit_code, wanted.once, wanted.missing) == (3.0, 1, True, False)


def test_without_knobs_the_image_says_the_version_and_the_label_the_service() -> None:
    bare = pod("v7")
    del bare["spec"]["containers"][0]["env"]
    wanted = workload(bare)
    assert (wanted.service, wanted.version, wanted.exit_after_s) == ("shop", "v7", -1.0)


def test_only_a_ready_process_makes_a_ready_pod() -> None:
    ready = {stage for stage in Stage if is_ready({"metadata": {}, "status": told(stage)})}
    assert ready == {Stage.READY}


def test_a_pod_that_is_to_go_is_not_counted_as_ready() -> None:
    leaving = {"metadata": {"deletionTimestamp": "now"}, "status": told(Stage.READY)}
    assert not is_ready(leaving)


def test_a_crash_loop_says_how_the_last_process_ended() -> None:
    (container,) = told(Stage.CRASHED, restarts=2, exit_code=3)["containerStatuses"]
    assert container["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert container["restartCount"] == 2
    assert container["lastState"]["terminated"]["exitCode"] == 3


def test_a_job_ends_in_a_phase_of_its_own() -> None:
    assert told(Stage.SUCCEEDED, exit_code=0)["phase"] == "Succeeded"
    assert told(Stage.FAILED, exit_code=1)["phase"] == "Failed"


def test_prometheus_is_told_of_a_pod_as_a_cluster_would() -> None:
    running = pod() | {"status": told(Stage.READY)}
    running["metadata"] |= {"uid": "u", "labels": {"rollouts-pod-template-hash": "abc"}}
    (group,) = discovery.groups(running)
    assert group["targets"] == ["10.244.0.1:8080"]
    labels = {name.removeprefix("__meta_kubernetes_"): value for name, value in group["labels"].items()}
    assert labels["pod_label_rollouts_pod_template_hash"] == "abc"
    assert (labels["namespace"], labels["pod_phase"], labels["pod_ready"]) == ("t", "Running", "true")
    assert (labels["pod_container_name"], labels["pod_container_port_name"]) == ("app", "http")


def test_a_pod_without_an_address_is_no_target() -> None:
    assert list(discovery.groups(pod() | {"status": {}})) == []


def split(revision: str, percent: int) -> Object:
    return {"serviceNamespace": "t", "serviceName": revision, "servicePort": 80, "percent": percent}


def test_an_ingress_is_split_between_revisions_and_a_tag_goes_before() -> None:
    tagged = {
        "headers": {"Knative-Serving-Tag": {"exact": "candidate"}},
        "splits": [split("shop-two", 100)],
    }
    everybody = {"splits": [split("shop-one", 80), split("shop-two", 20)]}
    rule = {"hosts": ["shop.t.test"], "http": {"paths": [tagged, everybody]}}
    ingress = {"metadata": {"name": "shop", "namespace": "t"}, "spec": {"rules": [rule]}}
    routes = ingress_routes.render([ingress], {("t", "shop-one"): ["http://10.244.0.1:8080"]})
    by_tag, plain = routes["routers"]["t-shop-0-0_route"], routes["routers"]["t-shop-0-1_route"]
    assert by_tag["rule"] == "(Host(`shop.t.test`)) && Header(`Knative-Serving-Tag`, `candidate`)"
    assert plain["rule"] == "(Host(`shop.t.test`))"
    assert by_tag["priority"] > plain["priority"]
    assert routes["services"]["t-shop-0-1_route"]["weighted"]["services"] == [
        {"name": "t-shop-one", "weight": 80},
        {"name": "t-shop-two", "weight": 20},
    ]
    assert routes["services"]["t-shop-one"]["loadBalancer"]["servers"] == [{"url": "http://10.244.0.1:8080"}]
    assert routes["services"]["t-shop-two"]["loadBalancer"]["servers"] == []


def test_the_first_route_of_a_virtual_service_goes_first() -> None:
    by_header = {
        "name": "trial",
        "match": [{"headers": {"x-user": {"exact": "a.b"}}}, {"headers": {"cookie": {"regex": ".*beta.*"}}}],
        "route": [{"destination": {"host": "shop-canary"}}],
    }
    everybody = {
        "route": [
            {"destination": {"host": "shop-stable"}, "weight": 80},
            {"destination": {"host": "shop-canary"}, "weight": 20},
        ]
    }
    virtual = {
        "metadata": {"name": "shop", "namespace": "t"},
        "spec": {"hosts": ["shop.t.test"], "http": [by_header, everybody]},
    }
    routes = mesh_routes.render([virtual], {("t", "shop-stable"): ["http://10.244.0.1:8080"]})
    first, second = routes["routers"]["t-shop-0_mesh_route"], routes["routers"]["t-shop-1_mesh_route"]
    assert first["priority"] > second["priority"]
    assert first["rule"] == (
        "(Host(`shop.t.test`)) && ((HeaderRegexp(`x-user`, `^(?:a\\.b)$`))"
        " || (HeaderRegexp(`cookie`, `^(?:.*beta.*)$`)))"
    )
    assert second["rule"] == "(Host(`shop.t.test`))"
    assert routes["services"]["t-shop-1_mesh_route"]["weighted"]["services"] == [
        {"name": "t-shop-stable_mesh", "weight": 80},
        {"name": "t-shop-canary_mesh", "weight": 20},
    ]
