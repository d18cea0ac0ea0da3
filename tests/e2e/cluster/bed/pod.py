"""One pod's process: the sample service on the pod's own address, as `bed.kubelet` starts it.

It behaves as its own settings file says, changed by the file that all pods of its version share. It ends when
its standard input is closed, that is when the kubelet is gone, however it went.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from engine.local.service import SampleService
from engine.local.wire import Connection, Request

FOLLOW_EVERY_S = 0.1


def _end_without_kubelet() -> None:
    if not os.read(sys.stdin.fileno(), 1):
        os._exit(0)


async def _follow(service: SampleService, shared: Path) -> None:
    seen = ""
    while True:
        text = shared.read_text(encoding="utf-8") if shared.exists() else ""
        if text != seen:
            service.handle(Request(method="POST", path="/settings", body=text.encode()))
            seen = text
        await asyncio.sleep(FOLLOW_EVERY_S)


async def _serve(
    service: SampleService, address: str, port: int, *, shared: Path, exit_after_s: float, exit_code: int
) -> None:
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), _end_without_kubelet)
    if exit_after_s >= 0:
        loop.call_later(exit_after_s, os._exit, exit_code)
    following = loop.create_task(_follow(service, shared))
    server = await loop.create_server(lambda: Connection(service.handle), address, port, backlog=1024)
    async with server:
        await asyncio.gather(server.serve_forever(), following)


def main() -> None:
    """Serve until told to stop, or until it is time to crash."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--service", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--settings-file", type=Path, required=True)
    parser.add_argument("--shared-file", type=Path, required=True)
    parser.add_argument("--exit-after-s", type=float, default=-1.0)
    parser.add_argument("--exit-code", type=int, default=1)
    chosen = parser.parse_args()
    service = SampleService(chosen.service, chosen.version, chosen.settings_file)
    asyncio.run(
        _serve(
            service,
            chosen.address,
            chosen.port,
            shared=chosen.shared_file,
            exit_after_s=chosen.exit_after_s,
            exit_code=chosen.exit_code,
        )
    )


if __name__ == "__main__":
    main()
