"""Visitors of the sample shop: `python -m engine.demo.shop.visitors --shop http://127.0.0.1:8000`.

They know no flags. What is true of them is known: at every form the same share of them gives up, whichever
checkout they are shown, so that one with fewer forms sells more; cards are declined as often in both.
Everything random is ordinary and unseeded.
"""

import argparse
import random
import secrets
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

import requests

COOKIE = "visitor"
"""Where the shop looks for a visitor's id."""
GIVE_UP = 0.2
"""Share of visitors who give up at a form."""
DECLINED = 0.03
"""Share of cards that are declined."""
PHONES = 0.4
_TIMEOUT_S = 10.0
_AT_ONCE = 8
_MOST_WAITING = 200
_AGENTS = {True: "Mozilla/5.0 (Linux; Android 15) Mobile", False: "Mozilla/5.0 (X11; Linux x86_64)"}


def bought(forms: int) -> float:
    """Share of visitors who buy at a checkout of so many forms.

    >>> round(bought(4), 3), round(bought(2), 3)
    (0.397, 0.621)
    """
    return (1 - GIVE_UP) ** forms * (1 - DECLINED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who comes once.

    Attributes:
        forms: how many they fill in before they give up. amount: what is in the basket, in EUR.
    """

    id: str
    forms: int
    amount: float
    has_valid_card: bool
    has_phone: bool

    @property
    def headers(self) -> Mapping[str, str]:
        """What their browser sends."""
        return {"Cookie": f"{COOKIE}={self.id}", "User-Agent": _AGENTS[self.has_phone]}


def arriving(rng: random.Random) -> Visitor:
    """Somebody new; what they would do is settled before they are shown anything."""
    forms = 0
    while rng.random() >= GIVE_UP:
        forms += 1
    return Visitor(
        id=f"visitor-{secrets.token_hex(6)}",
        forms=forms,
        amount=round(rng.lognormvariate(3.4, 0.5), 2),
        has_valid_card=rng.random() >= DECLINED,
        has_phone=rng.random() < PHONES,
    )


def shown(session: requests.Session, shop: str, visitor: Visitor) -> Mapping[str, object]:
    """The checkout that a visitor is shown, and how many forms it has."""
    page = session.get(f"{shop}/checkout", headers=visitor.headers, timeout=_TIMEOUT_S)
    page.raise_for_status()
    return dict(page.json())


def visit(session: requests.Session, shop: str, visitor: Visitor) -> bool:
    """Look at the checkout, fill it in, and pay; whether they bought."""
    if visitor.forms < int(str(shown(session, shop, visitor)["forms"])):
        return False
    card = "valid" if visitor.has_valid_card else "expired"
    paying = {"amount": str(visitor.amount), "card": card}
    paid = session.post(f"{shop}/checkout", params=paying, headers=visitor.headers, timeout=_TIMEOUT_S)
    return paid.status_code == HTTPStatus.CREATED


class Crowd:
    """Visitors at random times (Poisson), a bounded number at once: who finds no place does not come in."""

    def __init__(self, shop: str) -> None:
        self._shop = shop
        self._own = threading.local()
        self._waiting = threading.BoundedSemaphore(_MOST_WAITING)

    def run(self, rate_per_s: float, duration_s: float) -> None:
        """Send them for so long."""
        rng = random.Random()
        due_s = time.monotonic()
        stop_s = due_s + duration_s
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while due_s < stop_s:
                time.sleep(max(due_s - time.monotonic(), 0.0))
                if self._waiting.acquire(blocking=False):
                    pool.submit(self._visit, arriving(rng)).add_done_callback(self._left)
                due_s += rng.expovariate(rate_per_s)

    def _visit(self, visitor: Visitor) -> None:
        if not hasattr(self._own, "session"):
            self._own.session = requests.Session()
            # A proxy for the outside world must not see loopback traffic.
            self._own.session.trust_env = False
        with suppress(requests.RequestException):  # a shop that does not answer has lost a visitor
            visit(self._own.session, self._shop, visitor)

    def _left(self, _: "Future[None]") -> None:
        self._waiting.release()


def main() -> None:
    """Send visitors until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--shop", required=True)
    parser.add_argument("--rate-per-s", type=float, default=20.0)
    parser.add_argument("--duration-s", type=float, default=600.0)
    chosen = parser.parse_args()
    Crowd(chosen.shop).run(chosen.rate_per_s, chosen.duration_s)


if __name__ == "__main__":
    main()
