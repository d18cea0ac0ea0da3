"""Lets a platform's Prometheus scrape applications that are none of its services. Starts nothing."""

import json
from pathlib import Path

from engine.adapters.traefik.platform_record import replace_text

APPLICATIONS = "applications"
"""Directory of a platform, watched by its Prometheus: a JSON file for each application says where it is."""


def scrape(directory: Path, name: str, port: int) -> None:
    """Have `/metrics` of an application on this loopback port scraped, with the label `application`.

    Args:
        directory: the platform's.
        name: what the application is called; the same again replaces its place.
        port: where it listens.
    """
    found = [{"targets": [f"127.0.0.1:{port}"], "labels": {"application": name}}]
    replace_text(directory / APPLICATIONS / f"{name}.json", json.dumps(found), scratch=directory)
