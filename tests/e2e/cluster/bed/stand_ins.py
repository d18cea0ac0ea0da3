"""Small stand-ins for what is not to be had here: `python -m tests.e2e.cluster.bed.stand_ins DIRECTORY`."""

import sys
import threading
from pathlib import Path

import requests

from tests.e2e.cluster.bed.api import Api
from tests.e2e.cluster.bed.discovery import Discovery
from tests.e2e.cluster.bed.knative import Autoscaler, Ingress
from tests.e2e.cluster.bed.layout import Layout
from tests.e2e.cluster.bed.mesh import Mesh

RETRY_S = 0.1


def main() -> None:
    """Settle everything after every change, for as long as the cluster lives."""
    layout = Layout.of(Path(sys.argv[1]))
    api, changed = Api(layout), threading.Event()
    parts = (
        Autoscaler(api, changed),
        Ingress(api, layout, changed),
        Mesh(api, layout, changed),
        Discovery(api, layout, changed),
    )
    pause = threading.Event()
    while True:
        changed.wait()
        changed.clear()
        for part in parts:
            try:
                part.settle()
            except requests.RequestException as error:
                sys.stderr.write(f"{error}\n")
                changed.set()
                pause.wait(RETRY_S)


if __name__ == "__main__":
    main()
