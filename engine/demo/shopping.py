"""Opens the sample shop on a platform: its checkout, which asks an engine for its flag, and its visitors."""

import random
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, distribution

import requests

from engine.demo.processes import Process
from engine.demo.shop.visitors import arriving, shown
from engine.errors import Unreachable, UsageError
from engine.flags.plan import Part, key
from engine.local.platform import LocalPlatform
from engine.local.processes import port_of
from engine.local.scraping import scrape

ASKED_AT_THE_END = 25
READY_WITHIN_S = 60.0
Start = Callable[[str, Sequence[str]], Process]
"""Starts Python with these arguments; its log has this name."""


def require_packages() -> None:
    """UsageError when what the shop, or the look at its users, needs is not installed."""
    for package in ("openfeature-provider-ofrep", "ibis-framework", "tea-tasting"):
        try:
            distribution(package)
        except PackageNotFoundError as error:
            msg = f"{package} is not installed; type: pip install 'rampwise[local,warehouse]'"
            raise UsageError(msg) from error


def visitors_of(name: str) -> str:
    """What the process of a shop's visitors is called."""
    return f"{name}-visitors"


def open_shop(name: str, engine: str, platform: LocalPlatform, rate_per_s: float, start: Start) -> str:
    """Start the checkout and its visitors, and return the shop's base URL.

    Args:
        name: of the experiment.
        engine: base URL of the engine that serves flags.
        platform: whose Prometheus scrapes the checkout.
        rate_per_s: how many visitors come.
        start: how a process is started.

    Raises:
        Unreachable: the checkout does not start.
    """
    asking = ["--flag", key(name, Part.VARIANT), "--engine", engine, "--port", "0"]
    checkout = start(name, ["-m", "engine.demo.shop.checkout", *asking])
    port = port_of(checkout.pid, READY_WITHIN_S)
    if port is None:
        msg = f"the shop {name} did not start; its log says why"
        raise Unreachable(msg)
    scrape(platform.directory, name, port)
    shop = f"http://127.0.0.1:{port}"
    coming = ["--shop", shop, "--rate-per-s", f"{rate_per_s:g}"]
    start(visitors_of(name), ["-m", "engine.demo.shop.visitors", *coming])
    return shop


def checkouts_shown(shop: str) -> frozenset[str]:
    """Which checkouts new visitors are shown now. Unreachable when the shop does not answer."""
    rng = random.Random()
    try:
        with requests.Session() as session:
            session.trust_env = False
            pages = [shown(session, shop, arriving(rng)) for _ in range(ASKED_AT_THE_END)]
    except requests.RequestException as error:
        msg = f"the shop at {shop} does not answer: {type(error).__name__}"
        raise Unreachable(msg) from error
    return frozenset(str(page["checkout"]) for page in pages)
