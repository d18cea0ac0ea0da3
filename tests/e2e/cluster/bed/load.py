"""Bounded load on one host of the cluster: `python -m tests.e2e.cluster.bed.load`.

The load generator of `rampwise local`, except that the proxy knows the service by its host, and that requests
may have further headers, or the visitor's bucket in a cookie. It ends when its standard input is closed.
"""

import argparse
import asyncio
import os
import random
import sys

from engine.adapters.traefik.routes import BUCKET_HEADER
from engine.local.load import Load, Session, Shop
from tests.e2e.cluster.bed.layout import WEB_PORT


class HostShop(Shop):
    """The load on one service, known by its host."""

    def __init__(
        self, service: str, host: str, headers: list[str], *, cookie: str, rate_per_s: float, sessions: int
    ) -> None:
        self._cookie = cookie
        super().__init__(service, WEB_PORT, BUCKET_HEADER, rate_per_s, sessions)
        more = "".join(f"{header}\r\n" for header in headers)
        self._requests = {
            path: f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}".encode() for path in ("/", "/buy")
        }

    def visitor(self) -> Session:
        """Somebody new, who has other cookies around the one with the bucket."""
        session = super().visitor()
        if self._cookie:
            jar = f"theme=dark; {self._cookie}={random.randrange(100):02d}; seen=yes"
            session.headers = f"Cookie: {jar}\r\n".encode()
        return session


def _end_without_owner() -> None:
    if not os.read(sys.stdin.fileno(), 1):
        os._exit(0)


async def _run(load: Load, port: int, duration_s: float) -> None:
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _end_without_owner)
    await load.run(port, duration_s)


def main() -> None:
    """Load the service until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--service", required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--cookie", default="")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate-per-s", type=float, required=True)
    parser.add_argument("--sessions", type=int, required=True)
    parser.add_argument("--duration-s", type=float, required=True)
    chosen = parser.parse_args()
    shop = HostShop(
        chosen.service,
        chosen.host,
        chosen.header,
        cookie=chosen.cookie,
        rate_per_s=chosen.rate_per_s,
        sessions=chosen.sessions,
    )
    asyncio.run(_run(Load({chosen.service: shop}), chosen.port, chosen.duration_s))


if __name__ == "__main__":
    main()
