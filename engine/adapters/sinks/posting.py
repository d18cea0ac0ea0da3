"""One HTTP POST and every way it can go wrong. Follows no redirect, shows no secret, retries nothing."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import requests
from requests.auth import HTTPBasicAuth

from engine.core.letter import Delivered, Refused

_NEVER = frozenset({400, 405, 410, 413, 414, 415, 422})
"""Answers that no other attempt with the same content would better."""


def check_url(url: str) -> str:
    """The URL, if a notice can be posted there. ValueError says what would be right."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not url.isprintable() or " " in url:
        msg = "a URL such as https://example.com/hooks/releases"
        raise ValueError(msg)
    return url


def place_of(url: str) -> str:
    """Scheme, host and port: the only parts that may be shown, the others may hold a secret.

    >>> place_of("https://ada:pw@hooks.example:8443/T0/secret?token=x")
    'https://hooks.example:8443'
    """
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Delivered | Refused:
    """Post this once. `timeout_s` bounds connecting and each wait for bytes."""
    where = place_of(url)
    try:
        with requests.post(
            url,
            data=body,
            headers={"User-Agent": "rampwise", **headers},
            timeout=timeout_s,
            auth=_auth_of(url),
            allow_redirects=False,
            stream=True,
        ) as answer:
            return _judged(where, answer.status_code)
    except requests.Timeout:
        return Refused(detail=f"{where} did not answer within {timeout_s:g} s")
    except requests.exceptions.SSLError:
        return Refused(detail=f"{where} has a TLS certificate that is not trusted")
    except (requests.RequestException, ValueError, OSError) as error:
        # Its text may hold the URL, and so a secret.
        return Refused(detail=f"{where} cannot be reached ({type(error).__name__})")


def _auth_of(url: str) -> requests.auth.AuthBase:
    """User and password of the URL, and never those of a .netrc file."""
    parts = urlsplit(url)
    if parts.username is None:
        return _NoAuth()
    return HTTPBasicAuth(parts.username, parts.password or "")


class _NoAuth(requests.auth.AuthBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def _judged(where: str, status: int) -> Delivered | Refused:
    if 200 <= status < 300:
        return Delivered()
    if 300 <= status < 400:
        return Refused(detail=f"{where} answered status {status}: redirects are not followed, name its goal")
    return Refused(detail=f"{where} answered status {status}", retry=status not in _NEVER)
