import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.adapters.traefik import LocalTarget
from engine.adapters.traefik.platform_record import RECORD, read
from engine.cli.local import app
from engine.core.target import TargetState, Weights
from engine.errors import Unreachable, UsageError
from engine.local.platform import LocalPlatform
from engine.local.processes import find, marked
from engine.plugins import check_options
from tests.local.waiting import eventually

COMMAND = [sys.executable, "-c", "from engine.cli.local import app; app()"]


@pytest.fixture
def rampwise_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    monkeypatch.setenv("RAMPWISE_HOME", str(tmp_path))
    yield CliRunner()
    LocalPlatform(tmp_path / "local" / "default").down()


@pytest.fixture
def foreground(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    owners: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        options = ["up", "--foreground", "--rate", "5", "--name", str(tmp_path / "p")]
        owner = subprocess.Popen(
            [*COMMAND, *options], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        owners.append(owner)
        return owner

    yield start
    for owner in owners:
        owner.kill()
        owner.communicate()
    LocalPlatform(tmp_path / "p").down()


def is_up(directory: Path) -> bool:
    try:
        record = read(directory)
    except Unreachable:
        return False
    return record is not None and record.phase == "up"


@pytest.mark.slow
def test_up_set_status_down(rampwise_local: CliRunner, tmp_path: Path) -> None:
    up = rampwise_local.invoke(app, ["up", "--rate", "5", "-o", "json"], catch_exceptions=False)
    status = json.loads(up.stdout)
    assert status["routes"] == {"checkout": {"v1": 100, "v2": 0}}
    assert f"curl {status['urls']['checkout']}" in up.stderr
    assert "rampwise local set v2 --service checkout --error-rate 4%" in up.stderr

    options = ["set", "v2", "--error-rate", "4%", "--latency-p50-ms", "20", "--tail-share", "5%"]
    settings = json.loads(rampwise_local.invoke(app, options, catch_exceptions=False).stdout)
    assert (settings["error_rate"], settings["latency_p50_ms"], settings["tail_share"]) == (0.04, 20, 0.05)

    process = find(LocalPlatform(tmp_path / "local" / "default").record.parts["checkout/v2"])
    assert process is not None
    process.kill()
    process.wait()
    table = rampwise_local.invoke(app, ["status"], catch_exceptions=False).stdout
    (dead,) = [line for line in table.splitlines() if "dead" in line]
    assert "checkout/v2" in dead
    with pytest.raises(Unreachable, match="rampwise local status"):
        rampwise_local.invoke(app, ["set", "v2", "--error-rate", "1%"], catch_exceptions=False)

    down = rampwise_local.invoke(app, ["down"], catch_exceptions=False)
    assert (down.exit_code, down.stdout) == (0, "")
    assert not (tmp_path / "local" / "default").exists()
    assert rampwise_local.invoke(app, ["down"], catch_exceptions=False).exit_code == 0


@pytest.mark.slow
def test_up_with_three_versions(rampwise_local: CliRunner) -> None:
    arguments = ["up", "--rate", "5", "--service", "checkout=v1,v2,v3", "-o", "json"]
    up = rampwise_local.invoke(app, arguments, catch_exceptions=False)
    assert json.loads(up.stdout)["routes"] == {"checkout": {"v1": 100, "v2": 0, "v3": 0}}
    place = {"service": "checkout", "control": "v1", "treatments": ["v2", "v3"]}
    target = LocalTarget(check_options(LocalTarget, place))
    assert isinstance(target.apply(Weights.of(25, 25)), TargetState)
    table = rampwise_local.invoke(app, ["status"], catch_exceptions=False).stdout
    assert "v1 50 %, v2 25 %, v3 25 %" in table
    assert "checkout/v3" in table
    settings = rampwise_local.invoke(app, ["set", "v3", "--conversion-rate", "12%"], catch_exceptions=False)
    assert json.loads(settings.stdout)["conversion_rate"] == 0.12


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_foreground_platform_ends_with_its_owner(
    foreground: Callable[[], subprocess.Popen[str]], tmp_path: Path, number: signal.Signals
) -> None:
    owner = foreground()
    assert owner.stderr is not None
    assert any("Ctrl-C ends it all" in line for line in owner.stderr)
    assert is_up(tmp_path / "p")
    owner.send_signal(number)
    assert owner.wait(timeout=20) == 0
    assert not (tmp_path / "p").exists()
    assert marked(tmp_path / "p") == []


@pytest.mark.slow
@pytest.mark.parametrize("parts", [1, 3, 6])
def test_an_owner_killed_at_any_moment_leaves_nothing(
    foreground: Callable[[], subprocess.Popen[str]], tmp_path: Path, parts: int
) -> None:
    owner = foreground()

    def far_enough() -> bool:
        try:
            record = read(tmp_path / "p")
        except Unreachable:
            return False
        return record is not None and len(record.parts) >= parts

    eventually(far_enough, within_s=30)
    owner.kill()
    eventually(lambda: not (tmp_path / "p" / RECORD).exists(), within_s=20)
    eventually(lambda: marked(tmp_path / "p") == [])


@pytest.mark.slow
def test_a_foreground_owner_notices_that_somebody_took_the_platform_down(
    foreground: Callable[[], subprocess.Popen[str]], tmp_path: Path
) -> None:
    owner = foreground()
    eventually(lambda: is_up(tmp_path / "p"), within_s=30)
    LocalPlatform(tmp_path / "p").down()
    _, talk = owner.communicate(timeout=20)
    assert owner.returncode == 0
    assert "Somebody else took the platform down" in talk


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["up", "--service", "checkout"], "write SERVICE=VERSION,VERSION"),
        (["up", "--service", "a=v1,v2", "--service", "a=v1,v2"], "given twice"),
        (["up", "--duration", "10"], "a duration with its unit"),
        (["set", "v2", "--error-rate", "0.04"], "'0.04' is not"),
    ],
)
def test_a_faulty_option_is_a_usage_error(
    rampwise_local: CliRunner, arguments: list[str], message: str
) -> None:
    result = rampwise_local.invoke(app, arguments, env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert message in result.stderr


def test_too_much_load_is_refused(rampwise_local: CliRunner) -> None:
    with pytest.raises(UsageError, match="at most 2000 in all"):
        rampwise_local.invoke(app, ["up", "--rate", "5000"], catch_exceptions=False)


def test_importing_the_command_imports_nothing_heavy() -> None:
    code = (
        "import sys, engine.cli.local; "
        "print([m for m in ('requests', 'pydantic', 'yaml', 'psutil', 'rich.table') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
