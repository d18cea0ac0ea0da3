"""What Prometheus's own discovery of pods would tell it; Debian's Prometheus is built without.

The labels are those of `kubernetes_sd_configs` with `role: pod`, so that relabelling is as in a cluster.
"""

import json
import re
import threading
from collections.abc import Iterator

from engine.adapters.traefik.platform_record import replace_text
from tests.e2e.cluster.bed.api import Api, Object, Seen
from tests.e2e.cluster.bed.layout import Layout

PREFIX = "__meta_kubernetes"


class Discovery:
    """Keeps the file of Prometheus's targets true."""

    def __init__(self, api: Api, layout: Layout, changed: threading.Event) -> None:
        self._layout = layout
        self._pods = Seen(api, "/api/v1/pods", changed)
        self._text = ""

    def settle(self) -> None:
        """Write the file when it would be another."""
        text = json.dumps([group for pod in self._pods.all() for group in groups(pod)], indent=1)
        if text != self._text:
            replace_text(self._layout.targets, text, scratch=self._layout.directory)
            self._text = text


def groups(pod: Object) -> Iterator[Object]:
    """A target for each port that a container of the pod declares, none before it has an address."""
    address = pod.get("status", {}).get("podIP")
    if address is None:
        return
    for container in pod["spec"]["containers"]:
        for port in container.get("ports", ()):
            labels = _pod_labels(pod) | {
                f"{PREFIX}_pod_container_name": container["name"],
                f"{PREFIX}_pod_container_port_name": port.get("name", ""),
                f"{PREFIX}_pod_container_port_number": str(port["containerPort"]),
            }
            yield {"targets": [f"{address}:{port['containerPort']}"], "labels": labels}


def _pod_labels(pod: Object) -> dict[str, str]:
    meta, status = pod["metadata"], pod["status"]
    ready = next((c["status"] for c in status.get("conditions", ()) if c["type"] == "Ready"), "unknown")
    labels = {
        f"{PREFIX}_namespace": meta["namespace"],
        f"{PREFIX}_pod_name": meta["name"],
        f"{PREFIX}_pod_ip": status["podIP"],
        f"{PREFIX}_pod_phase": status["phase"],
        f"{PREFIX}_pod_ready": ready.lower(),
        f"{PREFIX}_pod_uid": meta["uid"],
    }
    for kind in ("label", "annotation"):
        for name, value in (meta.get(f"{kind}s") or {}).items():
            plain = re.sub(r"[^a-zA-Z0-9_]", "_", name)
            labels[f"{PREFIX}_pod_{kind}_{plain}"] = value
            labels[f"{PREFIX}_pod_{kind}present_{plain}"] = "true"
    return labels
