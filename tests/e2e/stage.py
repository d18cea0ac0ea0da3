"""What the stories of `test_strategies` share: sites on one platform, told webhooks, and browsers."""

import base64
import secrets

import requests

from engine.local.platform import LocalPlatform
from tests.e2e.conftest import Site
from tests.e2e.receiver import Receiver

SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
SECRET_VARIABLE = "RAMPWISE_E2E_SECRET"


class World:
    """The platform, one site with an engine for most, and sites of their own for engines that are killed."""

    def __init__(self, directory, platform: LocalPlatform, receiver: Receiver, late_port: int) -> None:
        self._directory = directory
        self.platform = platform
        self.receiver = receiver
        self.late_port = late_port
        self.sites: list[Site] = []
        self.main, self.killed, self.late = map(self._site, ("main", "killed", "late"))
        self.main.start("serve", "--listen", "off")

    def _site(self, name: str) -> Site:
        """A home of its own, without an engine yet."""
        home = self._directory / name
        home.mkdir()
        made = Site(home, self.platform)
        assert not made.opened.runs()
        self.sites.append(made)
        return made

    def notify(self, port: int) -> list:
        """That a webhook on this port is told everything."""
        url = f"http://127.0.0.1:{port}/releases"
        return [{"webhook": {"url": url, "secret": {"env": SECRET_VARIABLE}}}]


def visitors(world: World, service: str, count: int) -> list[requests.Session]:
    """Browsers, each with the version that its first visit was answered by."""
    made = []
    for _ in range(count):
        browser = requests.Session()
        browser.trust_env = False
        browser.get(world.platform.url(service), timeout=10)
        made.append(browser)
    return made


def version_for(world: World, service: str, browser: requests.Session, **headers: str) -> str:
    return browser.get(world.platform.url(service), headers=headers, timeout=10).text.split()[1]
