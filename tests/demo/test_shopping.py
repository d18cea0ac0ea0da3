"""A shop that does not open, does not answer, or cannot be opened for want of a package is told as such."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from engine.demo import shopping
from engine.demo.processes import Processes
from engine.demo.shopping import checkouts_shown, open_shop, require_packages
from engine.errors import Unreachable, UsageError
from engine.local.platform import LocalPlatform
from engine.local.processes import free_ports


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path, {})
    yield made
    made.end()


def test_a_checkout_that_dies_is_no_shop(processes: Processes, tmp_path: Path) -> None:
    platform = LocalPlatform(tmp_path / "platform")
    with pytest.raises(Unreachable, match="the shop checkout did not start"):
        open_shop(
            "checkout",
            "http://127.0.0.1:9",
            platform,
            1.0,
            lambda name, _: processes.serve(name, ("-c", "raise SystemExit(1)")),
        )


def test_a_shop_that_does_not_answer_shows_nothing() -> None:
    port = free_ports(["http"])["http"]
    with pytest.raises(Unreachable, match=rf"127\.0\.0\.1:{port} does not answer"):
        checkouts_shown(f"http://127.0.0.1:{port}")


def test_a_package_that_is_missing_is_named_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    require_packages()

    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(shopping, "distribution", missing)
    with pytest.raises(UsageError, match=r"openfeature-provider-ofrep .* pip install 'rampwise\[local,ware"):
        require_packages()
