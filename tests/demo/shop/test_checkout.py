"""The sample checkout: a flag says which one a visitor gets; the engine hears of it, and of what they buy."""

import asyncio
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagResolutionDetails, Reason
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider
from starlette.requests import Request
from starlette.responses import Response

from engine.demo.shop.checkout import Checkout, visitor_of
from engine.openfeature import ExposureHook, Sender, Tracker
from tests.hook.receiving import Engine, receiving

FLAG = "exp.checkout.variant"
GIVEN = {"ada": "short", "bob": "classic", "eve": "unheard-of"}


def given(_: InMemoryFlag[str], context: EvaluationContext) -> FlagResolutionDetails[str]:
    variant = GIVEN.get(context.targeting_key or "")
    if variant is None:
        return FlagResolutionDetails(value="classic", variant="classic", reason=Reason.DEFAULT)
    return FlagResolutionDetails(value=variant, variant=variant, reason=Reason.SPLIT)


@pytest.fixture
def engine() -> Iterator[Engine]:
    with receiving() as made:
        yield made


@pytest.fixture
def sender(engine: Engine) -> Iterator[Sender]:
    made = Sender(engine.url, token="")
    yield made
    made.close(5)
    if made._session is not None:
        made._session.close()


@pytest.fixture
def checkout(sender: Sender) -> Iterator[Checkout]:
    flags = {FLAG: InMemoryFlag("classic", {"classic": "classic"}, context_evaluator=given)}
    api.set_provider(Tracker(InMemoryProvider(flags), sender), "shop")
    client = api.get_client("shop")
    client.add_hooks([ExposureHook(sender, dimensions=["device"])])
    yield Checkout(client, FLAG)
    api.clear_providers()


def asking(cookie: str = "", agent: str = "Mozilla/5.0", **query: str) -> Request:
    headers = [(b"user-agent", agent.encode())]
    if cookie:
        headers.append((b"cookie", f"visitor={cookie}".encode()))
    return Request({"type": "http", "headers": headers, "query_string": urlencode(query).encode()})


def told(engine: Engine, sender: Sender) -> list[dict[str, object]]:
    assert sender.flush(10)
    return engine.data()


def text(answer: Response) -> str:
    return bytes(answer.body).decode()


@pytest.mark.parametrize(
    ("visitor", "page"),
    [
        ("ada", '{"checkout":"short","forms":2}'),
        ("bob", '{"checkout":"classic","forms":4}'),
        ("nobody", '{"checkout":"classic","forms":4}'),
    ],
)
def test_the_flag_says_which_checkout_a_visitor_gets(checkout: Checkout, visitor: str, page: str) -> None:
    assert text(checkout.show(asking(visitor))) == page


def test_a_variant_that_this_build_does_not_have_is_the_classic_checkout(checkout: Checkout) -> None:
    assert text(checkout.show(asking("eve"))) == '{"checkout":"classic","forms":4}'


def test_the_engine_hears_who_was_shown_what_once_and_on_which_device(
    checkout: Checkout, engine: Engine, sender: Sender
) -> None:
    checkout.show(asking("ada", agent="Mozilla/5.0 Mobile"))
    checkout.show(asking("ada", agent="Mozilla/5.0 Mobile"))
    checkout.show(asking("nobody"))
    assert told(engine, sender) == [
        {"experiment": "checkout", "unit": "ada", "variant": "short", "dimensions": {"device": "phone"}}
    ]


def test_a_purchase_is_told_with_its_value_and_the_orders_number(
    checkout: Checkout, engine: Engine, sender: Sender
) -> None:
    answer = checkout.pay(asking("ada", amount="12.5", card="valid"))
    assert answer.status_code == 201
    purchase = told(engine, sender)[-1]
    assert text(answer) == f'{{"order":"{purchase.pop("id")}"}}'
    assert purchase == {"unit": "ada", "name": "purchase", "value": 12.5}


def test_a_declined_card_sells_nothing_and_is_told(
    checkout: Checkout, engine: Engine, sender: Sender
) -> None:
    assert checkout.pay(asking("bob", amount="12.5", card="expired")).status_code == 402
    assert told(engine, sender)[-1] == {"unit": "bob", "name": "declined"}


def test_payments_are_counted_by_variant_and_begin_at_zero(checkout: Checkout) -> None:
    checkout.pay(asking("ada", amount="3", card="valid"))
    checkout.pay(asking("ada", amount="3", card="expired"))
    counted = [
        line
        for line in text(asyncio.run(checkout.metrics(asking()))).splitlines()
        if line.startswith("payments_t")
    ]
    assert counted == [
        'payments_total{outcome="paid",variant="classic"} 0.0',
        'payments_total{outcome="declined",variant="classic"} 0.0',
        'payments_total{outcome="paid",variant="short"} 1.0',
        'payments_total{outcome="declined",variant="short"} 1.0',
    ]


def test_a_new_visitor_gets_an_id_and_keeps_it(checkout: Checkout) -> None:
    first = checkout.show(asking()).headers["set-cookie"]
    name, _, unit = first.split(";")[0].partition("=")
    assert name == "visitor"
    assert len(unit) == 16
    assert visitor_of(asking(unit)).targeting_key == unit
    assert checkout.show(asking()).headers["set-cookie"] != first
