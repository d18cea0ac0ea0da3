"""The record of a local platform: which processes it has, on which ports, and which versions it serves.

`engine.local` writes it, `LocalTarget` reads it. It starts and asks nothing.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Literal

import platformdirs
from pydantic import ValidationError

from engine.codec import from_plain, to_plain
from engine.errors import Unreachable

RECORD = "platform.json"
PROXY = "proxy"
PROMETHEUS = "prometheus"
LOAD = "load"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One process of the platform.

    Attributes:
        pid, created_s: together they name a process; a recycled pid has another creation time (epoch s).
        ports: loopback ports it listens on, by purpose.
    """

    pid: int
    created_s: float
    ports: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformRecord:
    """A platform as recorded.

    Attributes:
        phase: `starting` until every part is ready. starter: the process that runs `up`.
        owned: the platform goes when its starter goes.
        versions: version names per service, in the order given; the first gets the traffic at first.
        parts: by name: proxy, prometheus, load, and SERVICE/VERSION.
    """

    phase: Literal["starting", "up"]
    starter: Part
    owned: bool
    versions: Mapping[str, tuple[str, ...]]
    parts: Mapping[str, Part]
    schema: Literal[1] = 1

    def url(self, part: str, port: str = "http") -> str:
        """Base URL of a part; KeyError when it was never started."""
        return f"http://127.0.0.1:{self.parts[part].ports[port]}"

    def backends(self, service: str) -> dict[str, str]:
        """Base URL per version of a service."""
        return {version: self.url(f"{service}/{version}") for version in self.versions[service]}


def home() -> Path:
    """Where named platforms live: `$RAMPWISE_HOME/local`, or the user's state directory."""
    chosen = os.environ.get("RAMPWISE_HOME")
    return (Path(chosen) if chosen else platformdirs.user_state_path("rampwise")).absolute() / "local"


def locate(platform: str) -> Path:
    """The directory of a platform given by name, or by path when there is a slash in it."""
    return Path(platform).absolute() if "/" in platform else home() / platform


def label(directory: Path) -> str:
    """The shortest text that `locate` leads back to this directory."""
    return directory.name if directory.parent == home() else str(directory)


def name_option(directory: Path) -> str:
    """What has to be typed after `rampwise local VERB` to mean this platform; nothing for the default one."""
    name = label(directory)
    return "" if name == "default" else f" --name {name}"


def having(service: str) -> tuple[str, ...]:
    """Names of the platforms that serve this service."""
    directories = sorted(home().iterdir()) if home().is_dir() else []
    return tuple(directory.name for directory in directories if _has(directory, service))


def _has(directory: Path, service: str) -> bool:
    try:
        record = read(directory)
    except Unreachable:
        return False
    return record is not None and service in record.versions


def routes_file(directory: Path, service: str) -> Path:
    """The file that says how this service's traffic is split."""
    return directory / "routes" / f"{service}.yaml"


def read(directory: Path) -> PlatformRecord | None:
    """The record, or None where no platform is.

    Raises:
        Unreachable: there is a record, but it cannot be read.
    """
    path = directory / RECORD
    try:
        return from_plain(PlatformRecord, json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise Unreachable(
            f"{path} cannot be read: {reason}; type: rampwise local down{name_option(directory)}"
        ) from error


def write(directory: Path, record: PlatformRecord) -> None:
    """Replace the record as a whole; a reader sees the old or the new one."""
    replace_text(directory / RECORD, _text(record), scratch=directory)


def create(directory: Path, record: PlatformRecord) -> None:
    """Write the first record. FileExistsError when somebody else was faster."""
    with (directory / RECORD).open("x", encoding="utf-8") as file:
        file.write(_text(record))


def replace_text(path: Path, text: str, *, scratch: Path) -> None:
    """Put a file in place by rename, from `scratch` on the same file system.

    The proxy watches its directory, so the unfinished file must lie elsewhere.
    """
    with NamedTemporaryFile("w", dir=scratch, suffix=".part", delete=False, encoding="utf-8") as unfinished:
        temporary = Path(unfinished.name)
        try:
            unfinished.write(text)
            unfinished.flush()
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _text(record: PlatformRecord) -> str:
    return json.dumps(to_plain(PlatformRecord, record), indent=2)
