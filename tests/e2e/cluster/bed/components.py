"""What the cluster consists of: programs' command lines, environment, configuration. Starts nothing."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from engine.adapters.traefik.routes import ASSIGNMENT_HEADER
from engine.adapters.traefik.series import ASSIGNMENT_LABEL
from engine.local.programs import prometheus_binary, traefik_binary
from engine.local.service import BUCKETS_S
from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed.layout import Layout

CONTROLLERS = (
    "replicaset,deployment,endpoint,endpointslice,namespace,garbagecollector,job,serviceaccount,"
    "resourcequota,clusterrole-aggregation"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One supervised program.

    Its name is a key of `layout.READY_URLS` where it can be asked whether it serves.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


def etcd(layout: Layout) -> Component:
    """The database. What it holds need not survive the machine."""
    return Component(
        name="etcd",
        argv=(
            "etcd",
            f"--data-dir={layout.directory / 'etcd'}",
            f"--listen-client-urls={at.ETCD_URL}",
            f"--advertise-client-urls={at.ETCD_URL}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--unsafe-no-fsync",
            "--logger=zap",
            "--log-level=warn",
            "--quota-backend-bytes=4294967296",
        ),
    )


def api_server(layout: Layout) -> Component:
    """The API server: administrator by token file, everybody else by service account tokens and RBAC."""
    return Component(
        name="kube-apiserver",
        argv=(
            layout.program("kube-apiserver"),
            f"--etcd-servers={at.ETCD_URL}",
            f"--advertise-address={at.NODE_IP}",
            "--bind-address=0.0.0.0",
            "--secure-port=6443",
            f"--cert-dir={layout.api_certificate.parent}",
            f"--token-auth-file={layout.directory / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--service-account-issuer={at.API_URL}",
            f"--service-account-signing-key-file={layout.service_account_key}",
            f"--service-account-key-file={layout.service_account_key}",
            "--api-audiences=kubernetes",
            "--endpoint-reconciler-type=none",
            # It asks etcd for progress, which Debian's does not tell, and so waits for nothing.
            "--feature-gates=SizeBasedListCostEstimate=false",
            "--v=0",
        ),
    )


def controller_manager(layout: Layout) -> Component:
    """Deployments, ReplicaSets, EndpointSlices and the rest of the usual resources."""
    return Component(
        name="kube-controller-manager",
        argv=(
            layout.program("kube-controller-manager"),
            f"--kubeconfig={layout.kubeconfig}",
            f"--controllers={CONTROLLERS}",
            "--leader-elect=false",
            f"--service-account-private-key-file={layout.service_account_key}",
            "--concurrent-deployment-syncs=10",
            "--concurrent-replicaset-syncs=10",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            "--bind-address=127.0.0.1",
            "--secure-port=10257",
            f"--cert-dir={layout.directory / 'controller-manager'}",
            "--v=0",
        ),
    )


def rollouts(layout: Layout) -> Component:
    """The Argo Rollouts controller."""
    return Component(
        name="argo-rollouts",
        argv=(
            layout.program("rollouts-controller"),
            f"--kubeconfig={layout.kubeconfig}",
            "--leader-elect=false",
            f"--healthzPort={at.ROLLOUTS_HEALTH_PORT}",
            f"--metricsPort={at.ROLLOUTS_METRICS_PORT}",
            "--ingress-api-version=networking.k8s.io/v1",
            "--traefik-api-group=traefik.io",
            "--traefik-api-version=v1alpha1",
            "--loglevel=warn",
        ),
        env={"POD_NAMESPACE": "argo-rollouts"},
    )


def knative_webhook(layout: Layout) -> Component:
    """Knative's defaulting and validation."""
    own = {"WEBHOOK_NAME": "webhook", "WEBHOOK_PORT": str(at.WEBHOOK_PORT)}
    return Component(
        name="knative-webhook",
        argv=(layout.program("knative-webhook"), f"--kubeconfig={layout.kubeconfig}", "--disable-ha"),
        env=_knative_env("webhook", 0) | own,
    )


def knative_controller(layout: Layout) -> Component:
    """Knative's controllers of Services, Configurations, Revisions and Routes."""
    return Component(
        name="knative-controller",
        argv=(
            layout.program("knative-controller"),
            f"--kubeconfig={layout.kubeconfig}",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        ),
        env=_knative_env("controller", 10),
    )


def _knative_env(name: str, offset: int) -> dict[str, str]:
    return {
        "POD_NAME": name,
        "POD_IP": at.NODE_IP,
        "SYSTEM_NAMESPACE": "knative-serving",
        "CONFIG_LOGGING_NAME": "config-logging",
        "CONFIG_OBSERVABILITY_NAME": "config-observability",
        "CONFIG_LEADERELECTION_NAME": "config-leader-election",
        "PROFILING_PORT": str(8202 + offset),
        "METRICS_PROMETHEUS_PORT": str(8203 + offset),
        "KUBERNETES_MIN_VERSION": "v1.30.0",
    }


def traefik(layout: Layout) -> Component:
    """The proxy that visitors come through."""
    config = layout.directory / "traefik.yaml"
    return Component(
        name="traefik",
        argv=(traefik_binary(), f"--configFile={config}"),
    )


def traefik_config(layout: Layout) -> str:
    """Routes by Traefik's own resources in the cluster, and from files for Knative."""
    config: dict[str, Any] = {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "entryPoints": {
            "web": {"address": f"127.0.0.1:{at.WEB_PORT}"},
            "traefik": {"address": at.TRAEFIK_API_URL.removeprefix("http://")},
        },
        "api": {"insecure": True, "dashboard": False},
        "ping": {},
        "log": {"level": "ERROR"},
        "providers": {
            "providersThrottleDuration": "0.05s",
            "file": {"directory": str(layout.routes), "watch": True},
            "kubernetesCRD": {
                "endpoint": at.API_URL,
                "token": at.ADMIN_TOKEN,
                "certAuthFilePath": str(layout.api_certificate),
                "allowEmptyServices": True,
                "safeNaming": False,
                "throttleDuration": "0.05s",
            },
            "kubernetesGateway": {
                "endpoint": at.API_URL,
                "token": at.ADMIN_TOKEN,
                "certAuthFilePath": str(layout.api_certificate),
                "throttleDuration": "0.05s",
            },
        },
        "metrics": {
            "prometheus": {
                "addServicesLabels": True,
                "addEntryPointsLabels": False,
                "buckets": list(BUCKETS_S),
                "headerLabels": {ASSIGNMENT_LABEL: ASSIGNMENT_HEADER},
            }
        },
    }
    return yaml.safe_dump(config, sort_keys=False)


def prometheus(layout: Layout) -> Component:
    """Prometheus, with the data of this cluster only."""
    return Component(
        name="prometheus",
        argv=(
            prometheus_binary(),
            f"--config.file={layout.directory / 'prometheus.yaml'}",
            f"--storage.tsdb.path={layout.directory / 'prometheus'}",
            "--web.listen-address=127.0.0.1:9090",
            "--log.level=warn",
        ),
    )


def prometheus_config(layout: Layout) -> str:
    """Scrape the proxy, and every running pod with the labels that tell variants apart.

    Prometheus looks for new pods every five seconds, whatever the scrape interval.
    """
    every = f"{at.SCRAPE_EVERY_S}s"
    pods = {
        "job_name": "pods",
        "file_sd_configs": [{"files": [str(layout.targets)]}],
        "relabel_configs": [
            _keep("__meta_kubernetes_pod_phase", "Running"),
            _drop("__meta_kubernetes_pod_container_name", "queue-proxy"),
            _label("__meta_kubernetes_namespace", "namespace"),
            _label("__meta_kubernetes_pod_name", "pod"),
            _label("__meta_kubernetes_pod_label_app", "app"),
            _label("__meta_kubernetes_pod_label_rollouts_pod_template_hash", "rollouts_pod_template_hash"),
            _label("__meta_kubernetes_pod_label_rampwise_dev_arm", "rampwise_dev_arm"),
            _label("__meta_kubernetes_pod_label_serving_knative_dev_revision", "revision"),
        ],
    }
    backend = {
        "source_labels": ["service"],
        "regex": "httproute-.+-svc-(.+)-[0-9]+@kubernetesgateway",
        "target_label": "gateway_backend",
    }
    proxy = {
        "job_name": "proxy",
        "metric_relabel_configs": [backend],
        "static_configs": [{"targets": [at.TRAEFIK_API_URL.removeprefix("http://")]}],
    }
    config = {
        "global": {"scrape_interval": every, "scrape_timeout": every},
        "scrape_configs": [proxy, pods],
    }
    return yaml.safe_dump(config, sort_keys=False)


def _keep(source: str, regex: str) -> dict[str, Any]:
    return {"source_labels": [source], "regex": regex, "action": "keep"}


def _drop(source: str, regex: str) -> dict[str, Any]:
    return {"source_labels": [source], "regex": regex, "action": "drop"}


def _label(source: str, target: str) -> dict[str, Any]:
    return {"source_labels": [source], "target_label": target}


def stand_in(name: str, layout: Layout) -> Component:
    """One of our own parts, a module of this package."""
    # -P: a folder named `engine` where the user happens to be must not be taken for ours.
    module = f"tests.e2e.cluster.bed.{name}"
    return Component(name=name, argv=(sys.executable, "-P", "-m", module, str(layout.directory)))
