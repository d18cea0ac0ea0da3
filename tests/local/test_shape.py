import pytest

from engine.errors import UsageError
from engine.local.shape import Shape


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        ({"services": {}}, "needs a service"),
        ({"services": {"checkout": ("v1",)}}, "two or more different versions"),
        ({"services": {"checkout": ("v1", "v1")}}, "two or more different versions"),
        ({"services": {"Check out": ("v1", "v2")}}, "'Check out' is no name"),
        ({"services": {"checkout": ("v1", "../v2")}}, "'../v2' is no name"),
        ({"services": {"a": ("b-c", "d"), "a-b": ("c", "d")}}, "'a-b-c' to the proxy"),
        ({"services": {"a": ("b", "c"), "a-b": ("c", "d")}}, "'a-b' to the proxy"),
        ({"rate_per_s": 0}, "above 0"),
        ({"rate_per_s": 2001}, "at most 2000"),
        ({"rate_per_s": 1001, "services": {"a": ("v1", "v2"), "b": ("v1", "v2")}}, "makes 2002"),
        ({"sessions": 0}, "between 1 and 2000"),
        ({"duration_s": 24 * 3600 + 1}, "at most 86400"),
    ],
)
def test_a_shape_out_of_bounds_is_refused(faulty: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Shape(**faulty)  # type: ignore[arg-type]


def test_the_default_is_one_service_with_two_versions() -> None:
    assert Shape().services == {"checkout": ("v1", "v2")}
