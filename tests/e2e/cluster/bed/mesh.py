"""What Istio's proxies would do with VirtualServices: route by header, split by weight; here Traefik does."""

import threading

from tests.e2e.cluster.bed.api import Api, Object, Seen
from tests.e2e.cluster.bed.layout import Layout
from tests.e2e.cluster.bed.mesh_routes import render
from tests.e2e.cluster.bed.proxy_file import ProxyFile

SERVICE_LABEL = "kubernetes.io/service-name"


class Mesh:
    """Programs Traefik from VirtualServices."""

    def __init__(self, api: Api, layout: Layout, changed: threading.Event) -> None:
        self._virtual = Seen(api, "/apis/networking.istio.io/v1alpha3/virtualservices", changed)
        self._slices = Seen(api, "/apis/discovery.k8s.io/v1/endpointslices", changed)
        self._file = ProxyFile(layout, "mesh")

    def settle(self) -> None:
        """Make the proxy do as the VirtualServices say."""
        self._file.publish(render(self._virtual.all(), self._backends()))

    def _backends(self) -> dict[tuple[str, str], list[str]]:
        urls: dict[tuple[str, str], list[str]] = {}
        for piece in self._slices.all():
            meta = piece["metadata"]
            for port in (piece.get("ports") or ())[:1]:
                service = meta["namespace"], meta.get("labels", {}).get(SERVICE_LABEL, "")
                urls.setdefault(service, []).extend(_urls(piece, port["port"]))
        return urls


def _urls(piece: Object, port: int) -> list[str]:
    ready = [e for e in piece.get("endpoints") or () if e.get("conditions", {}).get("ready", True)]
    return [f"http://{address}:{port}" for endpoint in ready for address in endpoint["addresses"]]
