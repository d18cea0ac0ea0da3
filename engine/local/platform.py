"""`LocalPlatform`: starts, changes and ends a small real platform; the Python behind `rampwise local`.

Everything lives in one directory, which `down` removes. All servers are on free ports of 127.0.0.1.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self

from engine.adapters.traefik import platform_record as records
from engine.adapters.traefik.platform_record import LOAD, PROMETHEUS, PROXY, Part, PlatformRecord
from engine.adapters.traefik.routes import Route, publish
from engine.errors import Unreachable, UsageError
from engine.local import leftover, programs, scraping
from engine.local.client import Client, Stats
from engine.local.processes import await_listening, end, find, free_ports, identify, marked, spawn
from engine.local.shape import Shape
from engine.local.status import PlatformStatus, describe, last_words, log_file

KEEPER = "keeper"
PORT_ATTEMPTS = 5
READY_WITHIN_S = 30.0

Ports = Mapping[str, int]


class LocalPlatform:
    """A platform in one directory, whether this process started it or another.

    As a context manager it starts owned, and is gone at the end of the block.
    """

    def __init__(self, directory: Path, shape: Shape | None = None) -> None:
        self.directory = directory.absolute()
        self._shape = shape or Shape()
        self._client = Client()
        self._leash_fd: int | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    @property
    def record(self) -> PlatformRecord:
        """What runs where. Unreachable when nothing does."""
        record = records.read(self.directory)
        if record is None:
            option = records.name_option(self.directory)
            raise Unreachable(
                f"there is no local platform in {self.directory}; type: rampwise local up{option}"
            )
        return record

    def url(self, service: str) -> str:
        """The service as visitors see it, through the proxy."""
        return f"{self.record.url(PROXY)}/{service}/"

    @property
    def prometheus_url(self) -> str:
        """Prometheus's base URL."""
        return self.record.url(PROMETHEUS)

    def start(self, *, owned: bool = True) -> None:
        """Start everything and return when it serves. Owned: it goes when this process goes, even by SIGKILL.

        Whatever goes wrong on the way, nothing is left behind.

        Raises:
            UsageError: it runs already, or a program is not installed. Unreachable: a part did not start.
        """
        programs.traefik_binary()
        programs.prometheus_binary()
        self._claim(owned=owned)
        try:
            if owned:
                self._start_keeper()
            for service, versions in self._shape.services.items():
                for version in versions:
                    self._start_version(service, version)
            self._start_proxy()
            self._start_prometheus()
            self._start_load()
            records.write(self.directory, replace(self.record, phase="up"))
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """End every process of the platform and remove its directory. Harmless when there is none."""
        try:
            record = records.read(self.directory)
        except Unreachable:
            record = None  # the marks on the processes lead to them as well
        parts = record.parts.values() if record is not None else ()
        known = [process for part in parts if part.pid != os.getpid() and (process := find(part)) is not None]
        end([*known, *marked(self.directory)])
        if self._leash_fd is not None:
            os.close(self._leash_fd)
            self._leash_fd = None
        if (self.directory / records.RECORD).exists():
            shutil.rmtree(self.directory)

    def dead_parts(self) -> frozenset[str]:
        """Names of the parts that should run and do not. Unreachable when there is no platform."""
        return frozenset(name for name, part in self.record.parts.items() if find(part) is None)

    def set(self, service: str, version: str, **settings: float) -> Mapping[str, float]:
        """Change how a version behaves, and return all its settings.

        Raises:
            UsageError: unknown service, version or setting, or an impossible value. Unreachable: it is dead.
        """
        return self._client.change_settings(self._version_url(service, version), settings)

    def settings(self, service: str, version: str) -> Mapping[str, float]:
        """How a version behaves now."""
        return self._client.settings(self._version_url(service, version))

    def restart_version(self, service: str, version: str) -> None:
        """Start a version anew, as a deployment does: same port and settings, counters at zero."""
        self._version_url(service, version)
        name = f"{service}/{version}"
        ports = self.record.parts[name].ports
        self._end_part(name)
        self._start_version(service, version, ports)

    def stop_prometheus(self) -> None:
        """Stop Prometheus; its data stay."""
        self._end_part(PROMETHEUS)

    def start_prometheus(self) -> None:
        """Start Prometheus again on its old port, with its old data; harmless while it runs."""
        old = self.record.parts[PROMETHEUS]
        if find(old) is None:
            self._start_prometheus(old.ports)

    def leave_route_behind(self, service: str, weights: Mapping[str, int]) -> None:
        """Put a route in front of a service's split, as an earlier release may have left one.

        Three visitors in ten are then split by these weights per version, new ones only where the service is
        sticky by cookie. The split itself stays and looks as it is. UsageError for an unknown version.
        """
        for version in weights:
            self._version_url(service, version)
        leftover.leave(self.directory, self._client, self.record, service, weights)

    def remove_route_left_behind(self, service: str) -> None:
        """Take that route away, and return when it is gone; harmless when there is none."""
        leftover.remove(self.directory, self._client, self.record, service)

    def stats(self, service: str) -> Mapping[str, Mapping[int, int]]:
        """Answers that the load generator has had, by version and HTTP status."""
        return self.load(service).counts

    def load(self, service: str) -> Stats:
        """All that the load generator has seen of one service."""
        return self._client.stats(self.record.url(LOAD), service)

    def status(self) -> PlatformStatus:
        """What runs, what died, and what the proxy routes. Unreachable when there is no platform."""
        return describe(self.directory, self.record, self._client)

    def _claim(self, *, owned: bool) -> None:
        """Make the directory ours: refuse a living platform, clear away a dead one."""
        old = records.read(self.directory)
        if old is not None:
            alive = any(find(part) is not None for part in old.parts.values())
            if alive or (old.phase == "starting" and find(old.starter) is not None):
                option = records.name_option(self.directory)
                raise UsageError(f"a platform is up in {self.directory}; type: rampwise local down{option}")
            self.down()
        starter = identify(os.getpid(), {})
        record = PlatformRecord(
            phase="starting", starter=starter, owned=owned, versions=self._shape.services, parts={}
        )
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            if any(self.directory.iterdir()):
                raise UsageError(f"{self.directory} is not empty and no platform; choose another directory")
            records.create(self.directory, record)
            for name in ("routes", "settings", "logs", "prometheus", scraping.APPLICATIONS):
                (self.directory / name).mkdir()
        except OSError as error:
            raise UsageError(f"a platform cannot live in {self.directory}: {error}") from error

    def _start_keeper(self) -> None:
        held_by_keeper, self._leash_fd = os.pipe()
        try:
            command = programs.keeper_command(self.directory)
            part = spawn(
                command,
                log=log_file(self.directory, KEEPER),
                mark=self.directory,
                ports={},
                stdin_fd=held_by_keeper,
            )
        finally:
            os.close(held_by_keeper)
        self._note(KEEPER, part)

    def _start_version(self, service: str, version: str, ports: Ports | None = None) -> None:
        settings_file = self.directory / "settings" / f"{service}-{version}.json"
        self._start_part(
            f"{service}/{version}",
            lambda ports: programs.service_command(service, version, ports["http"], settings_file),
            ports,
        )

    def _start_proxy(self) -> None:
        record = self.record
        for service, (first, *_) in record.versions.items():
            backends = record.backends(service)
            route = Route(service=service, backends=backends, weights={first: 100})
            publish(route, records.routes_file(self.directory, service))
        config = self.directory / "traefik.yaml"

        def command(ports: Ports) -> list[str]:
            config.write_text(programs.traefik_config(ports, self.directory / "routes"), encoding="utf-8")
            return programs.traefik_command(config)

        self._start_part(PROXY, command, port_names=("http", "api"))
        api = self.record.url(PROXY, "api")
        for service in record.versions:
            self._client.wait_until_ok(f"{api}/api/http/services/{service}@file", READY_WITHIN_S)

    def _start_prometheus(self, ports: Ports | None = None) -> None:
        record = self.record
        versions = {
            service: {version: record.parts[f"{service}/{version}"].ports["http"] for version in names}
            for service, names in record.versions.items()
        }
        config = self.directory / "prometheus.yml"
        applications = self.directory / scraping.APPLICATIONS
        text = programs.prometheus_config(record.parts[PROXY].ports["api"], versions, applications)
        config.write_text(text, encoding="utf-8")
        data = self.directory / "prometheus"
        self._start_part(
            PROMETHEUS, lambda ports: programs.prometheus_command(config, data, ports["http"]), ports
        )
        self._client.wait_until_ok(f"{self.prometheus_url}/-/ready", READY_WITHIN_S)

    def _start_load(self) -> None:
        shape, proxy_port = self._shape, self.record.parts[PROXY].ports["http"]
        self._start_part(
            LOAD,
            lambda ports: programs.load_command(
                list(shape.services),
                ports["http"],
                proxy_port,
                rate_per_s=shape.rate_per_s,
                sessions=shape.sessions,
                duration_s=shape.duration_s,
            ),
        )

    def _start_part(
        self,
        name: str,
        command: Callable[[Ports], list[str]],
        ports: Ports | None = None,
        port_names: tuple[str, ...] = ("http",),
    ) -> None:
        """Start one part and wait until it listens, on these ports or on free ones that nobody snatches."""
        for _ in range(PORT_ATTEMPTS):
            chosen = ports or free_ports(port_names)
            part = spawn(
                command(chosen), log=log_file(self.directory, name), mark=self.directory, ports=chosen
            )
            self._note(name, part)
            if await_listening(part, READY_WITHIN_S):
                return
            self._end_part(name)
            if ports is not None or "address already in use" not in last_words(self.directory, name).lower():
                break
        raise Unreachable(f"{name} did not start on {dict(chosen)}: {last_words(self.directory, name)}")

    def _end_part(self, name: str) -> None:
        process = find(self.record.parts[name])
        if process is not None:
            end([process])

    def _note(self, name: str, part: Part) -> None:
        record = self.record
        records.write(self.directory, replace(record, parts={**record.parts, name: part}))

    def _version_url(self, service: str, version: str) -> str:
        versions = self.record.versions
        if service not in versions:
            name = records.label(self.directory)
            raise UsageError(f"the platform {name} has no service {service}; it has {', '.join(versions)}")
        if version not in versions[service]:
            raise UsageError(f"{service} has no version {version}; it has {', '.join(versions[service])}")
        return self.record.url(f"{service}/{version}")
