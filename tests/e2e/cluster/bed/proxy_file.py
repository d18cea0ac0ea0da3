"""A file of routes for Traefik, written for it and taken by it."""

import threading

import requests
import yaml

from engine.adapters.traefik.platform_record import replace_text
from tests.e2e.cluster.bed.api import Object
from tests.e2e.cluster.bed.layout import TRAEFIK_API_URL, Layout

WITHIN_S = 5.0
POLL_S = 0.02


class ProxyFile:
    """One file of Traefik's file provider."""

    def __init__(self, layout: Layout, name: str) -> None:
        self._layout, self._name = layout, name
        self._text, self._edition = "", 0

    def publish(self, routes: Object) -> None:
        """Make the file say this, and return when Traefik shows it. requests.Timeout when it never does."""
        text = yaml.safe_dump(routes)
        if text == self._text:
            return
        self._edition += 1
        # A service that nothing leads to: when it is there, so is everything that was written with it.
        mark = f"{self._name}_{self._edition}"
        # Traefik refuses a file in which a part is empty.
        filled = {part: named for part, named in routes.items() if named}
        filled["services"] = routes["services"] | {mark: {"loadBalancer": {"servers": []}}}
        file = self._layout.routes / f"{self._name}.yaml"
        replace_text(file, yaml.safe_dump({"http": filled}), scratch=self._layout.directory)
        self._await(mark)
        self._text = text

    def _await(self, mark: str) -> None:
        pause = threading.Event()
        for _ in range(int(WITHIN_S / POLL_S)):
            if requests.get(f"{TRAEFIK_API_URL}/api/http/services/{mark}@file", timeout=WITHIN_S).ok:
                return
            pause.wait(POLL_S)
        raise requests.Timeout(f"Traefik has not taken {mark}")
