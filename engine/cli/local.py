"""`rampwise local`: a small real platform on this machine to try releases on.

Data on stdout, talk on stderr. Imports stand inside the functions, so that `--help` stays fast.
"""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from engine.cli.teaching import add

if TYPE_CHECKING:
    from engine.local.platform import LocalPlatform
    from engine.local.shape import Shape
    from engine.local.status import PlatformStatus

app = typer.Typer(
    help="Run a small real platform here: proxy, Prometheus, load.",
    no_args_is_help=True,
)


WATCH_EVERY_S = 0.5
SETTINGS_SCHEMA = "rampwise.dev/local-settings/v1"


class Output(StrEnum):
    """How data are printed."""

    TABLE = "table"
    JSON = "json"


Name = Annotated[
    str, typer.Option("--name", help="Platform by name, or by directory when there is a slash in it.")
]
Format = Annotated[Output, typer.Option("--output", "-o", help="How to print.")]


def up(
    service: Annotated[
        list[str] | None, typer.Option(help="Service and its versions; may be repeated. [checkout=v1,v2]")
    ] = None,
    rate: Annotated[float, typer.Option(help="Requests per second and service.")] = 50.0,
    sessions: Annotated[int, typer.Option(help="Visitors at a time, per service.")] = 200,
    duration: Annotated[str, typer.Option(help="The load stops by itself after this long.")] = "1h",
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay; Ctrl-C ends it all.")] = False,
    name: Name = "default",
    output: Format = Output.TABLE,
) -> None:
    """Start the platform on free loopback ports.

    It stays until `down`, or until Ctrl-C with --foreground.

    Example:
      rampwise local up --service checkout=v1,v2 --rate 50
    """
    from engine.local.shape import Shape

    shape = Shape(
        services=_services(service or ["checkout=v1,v2"]),
        rate_per_s=rate,
        sessions=sessions,
        duration_s=_parsed_duration(duration),
    )
    platform = _platform(name, shape)
    if not foreground:
        platform.start(owned=False)
        _greet(platform.status(), shape, output)
        return
    with _ended_by_sigterm(), platform:
        _greet(platform.status(), shape, output)
        _stay(platform)


def down(
    name: Name = "default",
    force: Annotated[
        bool, typer.Option("--force", help="Do not ask, even while a run goes on there.")
    ] = False,
) -> None:
    """End the platform and remove its data. Harmless when there is none.

    While a run goes on there it asks first; where nobody can be asked that needs --force.

    Example:
      rampwise local down
    """
    platform = _platform(name)
    if not force:
        from engine.cli.taking_down import ask_about_runs

        ask_about_runs(platform.directory)
    platform.down()
    typer.echo(f"Nothing runs in {platform.directory} any more.", err=True)


def status(name: Name = "default", output: Format = Output.TABLE) -> None:
    """Show what runs, what died, and where traffic goes.

    Example:
      rampwise local status -o json
    """
    _show(_platform(name).status(), output)


def set_version(
    version: Annotated[str, typer.Argument(help="The version to change.")],
    service: Annotated[str, typer.Option(help="The service it belongs to.")] = "checkout",
    name: Name = "default",
    error_rate: Annotated[str | None, typer.Option(help="Share of requests that fail, such as 4%.")] = None,
    latency_p50_ms: Annotated[float | None, typer.Option(help="Median latency.")] = None,
    latency_p99_ms: Annotated[float | None, typer.Option(help="99th percentile of latency.")] = None,
    tail_share: Annotated[str | None, typer.Option(help="Share of requests in the tail, such as 5%.")] = None,
    tail_ms: Annotated[float | None, typer.Option(help="Least latency in the tail.")] = None,
    slow_start_s: Annotated[float | None, typer.Option(help="How long it is slow after its start.")] = None,
    slow_start_factor: Annotated[float | None, typer.Option(help="How many times slower then.")] = None,
    conversion_rate: Annotated[str | None, typer.Option(help="Share of purchases that succeed.")] = None,
    ready_after_s: Annotated[
        float | None, typer.Option(help="Not ready for so long after its start.")
    ] = None,
) -> None:
    """Change how a version behaves, while it runs.

    Prints all its settings.

    Example:
      rampwise local set v2 --error-rate 4%
    """
    asked = {
        "error_rate": _parsed_share(error_rate, "--error-rate"),
        "latency_p50_ms": latency_p50_ms,
        "latency_p99_ms": latency_p99_ms,
        "tail_share": _parsed_share(tail_share, "--tail-share"),
        "tail_ms": tail_ms,
        "slow_start_s": slow_start_s,
        "slow_start_factor": slow_start_factor,
        "conversion_rate": _parsed_share(conversion_rate, "--conversion-rate"),
        "ready_after_s": ready_after_s,
    }
    changes = {setting: value for setting, value in asked.items() if value is not None}
    settings = _platform(name).set(service, version, **changes)
    typer.echo(
        json.dumps({"schema": SETTINGS_SCHEMA, "service": service, "version": version, **settings}, indent=2)
    )


add(app, "up", up)
add(app, "down", down)
add(app, "status", status)
add(app, "set", set_version)


def _platform(name: str, shape: "Shape | None" = None) -> "LocalPlatform":
    from engine.adapters.traefik.platform_record import locate
    from engine.local.platform import LocalPlatform

    return LocalPlatform(locate(name), shape)


def _services(texts: list[str]) -> dict[str, tuple[str, ...]]:
    services: dict[str, tuple[str, ...]] = {}
    for text in texts:
        service, equals, versions = text.partition("=")
        if not equals or service in services:
            fault = "is given twice" if service in services else "names no versions"
            raise typer.BadParameter(
                f"{text!r} {fault}; write SERVICE=VERSION,VERSION", param_hint="--service"
            )
        services[service] = tuple(version.strip() for version in versions.split(","))
    return services


def _parsed_duration(text: str) -> float:
    from engine.fields import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not {error}", param_hint="--duration") from error


def _parsed_share(text: str | None, option: str) -> float | None:
    from engine.fields import parse_percent

    try:
        return None if text is None else parse_percent(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not {error}", param_hint=option) from error


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """A polite request to end unwinds like Ctrl-C, so that the platform is taken down."""

    def leave(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stay(platform: "LocalPlatform") -> None:
    """Return on Ctrl-C, or when somebody else took the platform down; name parts that die meanwhile."""
    from engine.errors import Unreachable

    named: frozenset[str] = frozenset()
    try:
        typer.echo("Ctrl-C ends it all.", err=True)
        while True:
            dead = platform.dead_parts()
            for part in sorted(dead - named):
                typer.echo(f"{part} died; more: rampwise local status", err=True)
            named = dead
            time.sleep(WATCH_EVERY_S)
    except KeyboardInterrupt:
        typer.echo("Ending.", err=True)
    except Unreachable:
        typer.echo("Somebody else took the platform down.", err=True)


def _greet(status: "PlatformStatus", shape: "Shape", output: Output) -> None:
    """What is there, and what to type next."""
    from engine.fields import format_duration

    _show(status, output)
    service = next(iter(status.urls))
    prometheus = next(part.urls["http"] for part in status.parts if part.name == "prometheus")
    option = "" if status.name == "default" else f" --name {status.name}"
    treatment = list(status.routes[service])[1]
    typer.echo(
        f"\nThe shop       {status.urls[service]}\n"
        f"Prometheus     {prometheus}\n"
        f"The load       ends by itself after {format_duration(shape.duration_s)} (--duration)\n\n"
        "Next, for example:\n"
        f"  curl {status.urls[service]}\n"
        f"  rampwise init local{_init_options(status, service)} -o {service}.yaml\n"
        f"  rampwise local set {treatment} --service {service} --error-rate 4%{option}\n"
        f"  rampwise local status{option}\n"
        f"  rampwise local down{option}",
        err=True,
    )


def _init_options(status: "PlatformStatus", service: str) -> str:
    """What makes `init` write an experiment for this service; nothing for the defaults."""
    platform = "" if status.name == "default" else f" --platform {status.name}"
    return ("" if service == "checkout" else f" --service {service}") + platform


def _show(status: "PlatformStatus", output: Output) -> None:
    match output:
        case Output.JSON:
            from engine.codec import to_plain
            from engine.local.status import PlatformStatus

            typer.echo(json.dumps(to_plain(PlatformStatus, status), indent=2))
        case Output.TABLE:
            _print_tables(status)


def _print_tables(status: "PlatformStatus") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    parts = Table("PART", "STATE", "PID", "LISTENS ON", box=box.SIMPLE_HEAD)
    for part in status.parts:
        state = "running" if part.running else f"✖ dead: {part.detail}"
        parts.add_row(part.name, state, str(part.pid), " ".join(part.urls.values()) or "–")
    console.print(parts)
    routes = Table("SERVICE", "URL", "TRAFFIC", box=box.SIMPLE_HEAD)
    for service, url in status.urls.items():
        split = status.routes.get(service)
        shown = "unknown: the proxy gives no answer"
        if split is not None:
            shown = ", ".join(f"{version} {weight} %" for version, weight in split.items())
        routes.add_row(service, url, shown)
    console.print(routes)
    load = {True: "running", False: "finished", None: "unknown: the load generator gives no answer"}
    console.print(f"Load: {load[status.load_running]}. Directory: {status.directory}")
