"""The kubelet's stand-in: `python -m tests.e2e.cluster.bed.kubelet DIRECTORY`.

Every pod gets an address of its own on the loopback device and a real process of the sample service there.
A pod is ready when its process says so; a process that ends is started again, ever later. A pod that is to go
serves on for `DRAIN_S`, as well-behaved services do, so that nobody is still sent to it when it ends.
"""

import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import requests

from engine.local.settings import Settings
from tests.e2e.cluster.bed.api import Api, Follow, Object
from tests.e2e.cluster.bed.layout import NODE, Layout
from tests.e2e.cluster.bed.workload import Facts, Stage, Workload, status, workload

OK = 200
POLL_S = 0.1
DRAIN_S = 1.0
BACK_OFF_S = (1.0, 2.0, 4.0, 8.0)
HEALTH_TIMEOUT_S = 2.0
END_PATIENCE_S = 3.0


class Addresses:
    """Pods' addresses on the loopback device; none is used twice, so that no pod is taken for another."""

    def __init__(self) -> None:
        self._next = itertools.count(int(time.time()) % 200 * 256 + 1)

    def take(self) -> str:
        """A new address."""
        number = next(self._next)
        address = f"10.{244 + number // 65536 % 8}.{number // 256 % 256}.{number % 256}"
        subprocess.run(["ip", "address", "replace", f"{address}/32", "dev", "lo"], check=True)
        return address

    def give_back(self, address: str) -> None:
        """Remove an address."""
        subprocess.run(["ip", "address", "delete", f"{address}/32", "dev", "lo"], check=True)


class Process:
    """The process of one pod."""

    def __init__(self, layout: Layout, pod: Object, wanted: Workload, address: str) -> None:
        meta = pod["metadata"]
        self._address, self._port = address, wanted.port
        own = layout.directory / "pods" / f"{meta['uid']}.json"
        shared = layout.settings_file(meta["namespace"], wanted.service, wanted.version)
        declared = Settings().changed(json.loads(wanted.settings))
        own.write_text(json.dumps(declared.to_plain()), encoding="utf-8")
        argv = [
            *(sys.executable, "-P", "-m", "tests.e2e.cluster.bed.pod"),
            *(f"--service={wanted.service}", f"--version={wanted.version}", f"--address={address}"),
            *(f"--port={wanted.port}", f"--settings-file={own}", f"--shared-file={shared}"),
            *(f"--exit-after-s={wanted.exit_after_s}", f"--exit-code={wanted.exit_code}"),
        ]
        log = layout.logs / "pods" / f"{meta['namespace']}--{meta['name']}.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=output, stderr=output)

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def is_ready(self) -> bool:
        """What the process itself says."""
        connection = HTTPConnection(self._address, self._port, timeout=HEALTH_TIMEOUT_S)
        try:
            connection.request("GET", "/healthz", headers={"Connection": "close"})
            return connection.getresponse().status == OK
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def end(self) -> None:
        """End it for certain."""
        self._process.terminate()
        try:
            self._process.wait(END_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


class Pod(threading.Thread):
    """One pod from its creation to its end."""

    def __init__(self, layout: Layout, api: Api, addresses: Addresses, pod: Object) -> None:
        super().__init__(daemon=True, name=pod["metadata"]["name"])
        self._layout, self._api, self._addresses, self._pod = layout, api, addresses, pod
        self._path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
        self._wanted = workload(pod)
        self._leave, self._gone = threading.Event(), threading.Event()
        self._process: Process | None = None
        self._restarts, self._exit_code, self._start_at_s = 0, -1, 0.0
        self._stage = Stage.NO_IMAGE if self._wanted.missing else Stage.STARTING
        self._reported: Stage | None = None

    def leave(self) -> None:
        """The pod is to go."""
        self._leave.set()

    def gone(self) -> None:
        """The pod is gone from the API."""
        self._gone.set()
        self._leave.set()

    def run(self) -> None:
        """Live."""
        self._address = self._addresses.take()
        self._started_at = _now()
        try:
            self._bind()
            while not self._leave.wait(POLL_S):
                self._look()
                self._report()
            self._gone.wait(DRAIN_S)
        finally:
            if self._process is not None:
                self._process.end()
            self._addresses.give_back(self._address)
        self._forget()

    def _bind(self) -> None:
        if "nodeName" in self._pod["spec"]:
            return
        target = {"apiVersion": "v1", "kind": "Node", "name": NODE}
        body = {"metadata": {"name": self._pod["metadata"]["name"]}, "target": target}
        self._insist(lambda: self._api.post(f"{self._path}/binding", body))

    def _look(self) -> None:
        if self._stage in (Stage.NO_IMAGE, Stage.SUCCEEDED, Stage.FAILED):
            return
        if self._process is None:
            if time.monotonic() >= self._start_at_s:
                self._process = Process(self._layout, self._pod, self._wanted, self._address)
                self._stage = Stage.STARTING
            return
        code = self._process.exit_code
        if code is not None:
            self._ended(code)
        elif self._process.is_ready():
            self._stage = Stage.READY
        elif self._stage is Stage.READY:
            self._stage = Stage.NOT_READY

    def _ended(self, code: int) -> None:
        self._process, self._exit_code = None, code
        if self._wanted.once:
            self._stage = Stage.FAILED if code else Stage.SUCCEEDED
            return
        self._stage = Stage.CRASHED
        self._start_at_s = time.monotonic() + BACK_OFF_S[min(self._restarts, len(BACK_OFF_S) - 1)]
        self._restarts += 1

    def _report(self) -> None:
        if self._stage is self._reported:
            return
        facts = Facts(
            stage=self._stage,
            address=self._address,
            changed_at=_now(),
            started_at=self._started_at,
            restarts=self._restarts,
            exit_code=self._exit_code,
        )
        body = {"status": status(self._pod, facts)}
        if self._insist(lambda: self._api.merge(f"{self._path}/status", body)):
            self._reported = facts.stage

    def _forget(self) -> None:
        if not self._gone.is_set():
            self._insist(lambda: self._api.delete_now(self._path))

    def _insist(self, act: Callable[[], object]) -> bool:
        """Try until the server answers at all; whether it did as asked. Gives up when the pod is gone."""
        while not self._gone.wait(0):
            try:
                act()
            except requests.HTTPError:
                return False
            except requests.RequestException:
                self._gone.wait(0.5)
            else:
                return True
        return False


class Kubelet:
    """All pods of the cluster."""

    def __init__(self, layout: Layout) -> None:
        self._layout, self._api, self._addresses = layout, Api(layout), Addresses()
        self._pods: dict[str, Pod] = {}

    def run(self) -> None:
        """Live as long as the cluster."""
        Follow(self._api, "/api/v1/pods", self._tell, self._gone).run()

    def _tell(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        if uid not in self._pods:
            self._pods[uid] = Pod(self._layout, self._api, self._addresses, pod)
            self._pods[uid].start()
        if "deletionTimestamp" in pod["metadata"]:
            self._pods[uid].leave()

    def _gone(self, pod: Object) -> None:
        known = self._pods.pop(pod["metadata"]["uid"], None)
        if known is not None:
            known.gone()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    Kubelet(Layout.of(Path(sys.argv[1]))).run()
