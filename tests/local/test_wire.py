from hypothesis import given
from hypothesis import strategies as st

from engine.local.wire import header_number, take_request

GET = b"GET /buy?x=1 HTTP/1.1\r\nHost: shop\r\n\r\n"
POST = b'POST /settings HTTP/1.1\r\nContent-Length: 13\r\nConnection: close\r\n\r\n{"tail_ms":9}'


@given(cut=st.integers(0, len(POST) - 1))
def test_a_request_is_taken_only_when_it_is_whole(cut: int) -> None:
    assert take_request(POST[:cut]) is None


def test_requests_that_arrive_together_are_taken_one_by_one() -> None:
    first = take_request(GET + POST)
    assert first is not None
    request, close, rest = first
    assert (request.method, request.path, request.body, close, rest) == ("GET", "/buy", b"", False, POST)
    second = take_request(rest)
    assert second is not None
    request, close, rest = second
    assert (request.path, request.body, close, rest) == ("/settings", b'{"tail_ms":9}', True, b"")


def test_a_header_that_is_missing_or_no_number_is_none_and_not_zero() -> None:
    assert header_number(b"get / http/1.1\r\nhost: shop", b"content-length") is None
    assert header_number(b"get / http/1.1\r\ncontent-length: many", b"content-length") is None
    assert header_number(b"get / http/1.1\r\ncontent-length:  0\r\nhost: shop", b"content-length") == 0
