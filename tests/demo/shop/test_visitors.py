"""Visitors of the sample shop do what is said to be true of them."""

import random
from typing import Any

import pytest
import requests

from engine.demo.shop import visitors
from engine.demo.shop.checkout import FORMS, VISITOR_COOKIE
from engine.demo.shop.visitors import COOKIE, DECLINED, Visitor, arriving, bought, shown, visit

MANY = 20_000


class Shop:
    """Stands in for a session with a shop whose checkout has so many forms."""

    def __init__(self, forms: int) -> None:
        self.forms = forms
        self.paid: list[dict[str, str]] = []

    def get(self, url: str, **_: Any) -> requests.Response:
        assert url == "http://shop/checkout"
        return an_answer(200, f'{{"checkout": "short", "forms": {self.forms}}}')

    def post(self, url: str, params: dict[str, str], **_: Any) -> requests.Response:
        assert url == "http://shop/checkout"
        self.paid.append(params)
        return an_answer(201 if params["card"] == "valid" else 402, "{}")


def an_answer(status: int, body: str) -> requests.Response:
    made = requests.Response()
    made.status_code, made._content = status, body.encode()
    return made


def a_visitor(forms: int = 3, *, has_valid_card: bool = True) -> Visitor:
    return Visitor(id="ada", forms=forms, amount=12.5, has_valid_card=has_valid_card, has_phone=True)


@pytest.mark.parametrize(("forms", "buys"), [(2, True), (3, True), (4, False)])
def test_a_visitor_gives_up_when_there_are_more_forms_than_they_fill_in(forms: int, buys: bool) -> None:
    shop = Shop(forms)
    assert visit(shop, "http://shop", a_visitor(forms=3)) is buys  # type: ignore[arg-type]
    assert shop.paid == ([{"amount": "12.5", "card": "valid"}] if buys else [])


def test_a_visitor_whose_card_is_declined_has_not_bought() -> None:
    shop = Shop(2)
    assert not visit(shop, "http://shop", a_visitor(has_valid_card=False))  # type: ignore[arg-type]
    assert shop.paid == [{"amount": "12.5", "card": "expired"}]


def test_a_shop_without_a_page_shows_nothing() -> None:
    shop = Shop(2)
    shop.get = lambda *_, **__: an_answer(503, "")  # type: ignore[method-assign]
    with pytest.raises(requests.HTTPError):
        shown(shop, "http://shop", a_visitor())  # type: ignore[arg-type]


def test_visitors_send_the_cookie_that_the_shop_reads() -> None:
    assert COOKIE == VISITOR_COOKIE
    assert a_visitor().headers["Cookie"] == "visitor=ada"


@pytest.mark.parametrize("forms", FORMS.values())
def test_as_many_buy_as_is_said(forms: int) -> None:
    rng = random.Random(1)
    everybody = [arriving(rng) for _ in range(MANY)]
    buyers = sum(each.forms >= forms and each.has_valid_card for each in everybody) / MANY
    # Four standard errors of a share of 20,000 are at most 1.4 points.
    assert buyers == pytest.approx(bought(forms), abs=0.014)


def test_nobody_comes_twice_and_everybody_has_something_in_the_basket() -> None:
    rng = random.Random(1)
    everybody = [arriving(rng) for _ in range(1000)]
    assert len({each.id for each in everybody}) == 1000
    assert min(each.amount for each in everybody) > 0
    declined = sum(not each.has_valid_card for each in everybody) / 1000
    assert declined == pytest.approx(DECLINED, abs=0.022)


def test_who_finds_no_place_does_not_come_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "_MOST_WAITING", 0)
    came: list[Visitor] = []
    crowd = visitors.Crowd("http://shop")
    monkeypatch.setattr(crowd, "_visit", came.append)
    crowd.run(rate_per_s=500.0, duration_s=0.05)
    assert came == []
