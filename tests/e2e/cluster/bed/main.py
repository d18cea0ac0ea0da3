"""Runs a cluster: `python -m tests.e2e.cluster.bed.main DIRECTORY TOOLS [COMMAND ...]`.

To be started by `tools/rampwise-cluster` as the first process of new network and process namespaces. With a
command it runs that in the cluster and ends with its exit code; without, it runs until it is ended.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

import requests
import yaml

from tests.e2e.cluster.bed import components as of
from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed import manifests
from tests.e2e.cluster.bed.api import Api
from tests.e2e.cluster.bed.layout import CLUSTER_VARIABLE, Layout
from tests.e2e.cluster.bed.supervisor import NotStartedError, Supervisor

FAILED = 1
ACCEPTED_WITHIN_S = 120.0
POLL_S = 0.1


def start(layout: Layout, supervisor: Supervisor) -> None:
    """Bring the whole cluster up. NotStartedError with the end of a log when a part does not start."""
    _prepare(layout)
    supervisor.start([of.etcd(layout)])
    supervisor.start([of.api_server(layout)])
    api = Api(layout)
    for document in manifests.basics(layout.manifests):
        _insist(partial(api.ensure, manifests.path(document), document))
    supervisor.start(
        [
            of.controller_manager(layout),
            of.knative_webhook(layout),
            of.traefik(layout),
            of.prometheus(layout),
            of.stand_in("kubelet", layout),
        ]
    )
    for document in manifests.webhooks(layout.manifests):
        api.ensure(manifests.path(document), document)
    supervisor.start([of.rollouts(layout), of.knative_controller(layout), of.stand_in("stand_ins", layout)])
    _await_webhook(api)
    layout.up.touch()


def _prepare(layout: Layout) -> None:
    """Addresses, directories, keys and configuration."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "address", "add", f"{at.NODE_IP}/32", "dev", "lo"], check=True)
    for folder in (layout.routes, layout.settings, layout.halted, layout.pids, layout.logs / "pods"):
        folder.mkdir(parents=True)
    (layout.directory / "pods").mkdir()
    (layout.directory / "etcd").mkdir(mode=0o700)
    key = ["openssl", "genrsa", "-out", str(layout.service_account_key), "2048"]
    subprocess.run(key, check=True, stderr=subprocess.DEVNULL)
    (layout.directory / "tokens.csv").write_text(
        f'{at.ADMIN_TOKEN},admin,admin,"system:masters"\n', encoding="utf-8"
    )
    (layout.directory / "traefik.yaml").write_text(of.traefik_config(layout), encoding="utf-8")
    (layout.directory / "prometheus.yaml").write_text(of.prometheus_config(layout), encoding="utf-8")
    layout.kubeconfig.write_text(_kubeconfig(layout), encoding="utf-8")


def _kubeconfig(layout: Layout) -> str:
    cluster = {"server": at.API_URL, "certificate-authority": str(layout.api_certificate)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "bed", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": at.ADMIN_TOKEN}}],
        "contexts": [{"name": "bed", "context": {"cluster": "bed", "user": "admin"}}],
        "current-context": "bed",
    }
    return yaml.safe_dump(config)


def _await_webhook(api: Api) -> None:
    """Until Knative's webhook has put its certificate in place and answers for a Service of Knative's."""
    document = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "probe", "namespace": "default"},
        "spec": {"template": {"spec": {"containers": [{"image": "sample:v1"}]}}},
    }
    place = "/apis/serving.knative.dev/v1/namespaces/default/services?dryRun=All"
    _insist(lambda: api.post(place, document))


def _insist(act: Callable[[], object]) -> None:
    """Try until it is accepted: a kind may be unknown, and a webhook away, for a moment."""
    until_s, pause = time.monotonic() + ACCEPTED_WITHIN_S, threading.Event()
    while True:
        try:
            act()
        except requests.RequestException as error:
            if time.monotonic() > until_s:
                raise NotStartedError(f"the API server does not accept it: {error}") from error
            pause.wait(POLL_S)
        else:
            return


def serve(layout: Layout, supervisor: Supervisor, command: list[str]) -> int:
    """Supervise until the command ends; without one, for ever. Returns its exit code."""
    pause = threading.Event()
    if not command:
        while True:
            supervisor.look()
            pause.wait(POLL_S)
    env = {**os.environ, CLUSTER_VARIABLE: str(layout.directory), "KUBECONFIG": str(layout.kubeconfig)}
    running = subprocess.Popen(command, env=env)
    while running.poll() is None:
        supervisor.look()
        pause.wait(POLL_S)
    return running.returncode


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signal.SIGTERM)


def main() -> int:
    """Start, serve, end; whatever happens, nothing is left running."""
    # The first process of a process namespace hears only the signals for which it has a handler.
    signal.signal(signal.SIGTERM, _leave)
    directory, tools, *command = sys.argv[1:]
    layout = Layout(Path(directory), Path(tools))
    (layout.directory / "tools").symlink_to(layout.tools)
    supervisor = Supervisor(layout)
    started_s = time.monotonic()
    try:
        start(layout, supervisor)
        sys.stderr.write(f"The cluster is up after {time.monotonic() - started_s:.0f} s.\n")
        return serve(layout, supervisor, command)
    except NotStartedError as error:
        sys.stderr.write(f"The cluster did not start: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        supervisor.end()
        if command:
            shutil.rmtree(layout.directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
