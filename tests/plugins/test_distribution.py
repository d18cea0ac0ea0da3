"""A plugin distribution of its own: installed with Rampwise, both from wheels, where nothing else is."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
ACME = Path(__file__).parent / "acme-rampwise"
ALL_FIVE = {
    "strategies/two_step",
    "targets/weight_file",
    "sources/sample_file",
    "gates/switch_file",
    "sinks/event_file",
}


class Installed(NamedTuple):
    """An environment with both wheels, and a folder to work in."""

    bin: Path
    folder: Path

    def run(self, *command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(self.bin / command[0]), *command[1:]],
            cwd=self.folder,
            env={"PATH": os.defpath, "RAMPWISE_HOME": str(self.folder / "home"), **environment},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def rampwise(self, *arguments: str, **environment: str) -> str:
        """What the command prints; it must succeed."""
        done = self.run("rampwise", *arguments, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def plugins(self, **environment: str) -> dict[str, dict[str, Any]]:
        listed = json.loads(self.rampwise("plugins", "-o", "json", **environment))["plugins"]
        return {f"{one['kind']}/{one['name']}": one for one in listed}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with both wheels; what they depend on comes from the one that tests run in."""
    folder = tmp_path_factory.mktemp("environment")
    acme = Path(shutil.copytree(ACME, folder / "acme", ignore=shutil.ignore_patterns("__pycache__")))
    for project in (ROOT, acme):
        _python("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "wheels"), cwd=project)
    venv = folder / "venv"
    _python("-m", "venv", "--without-pip", str(venv))
    wheels = [str(wheel) for wheel in (folder / "wheels").glob("*.whl")]
    pip = ("-m", "pip", "--disable-pip-version-check", "--python", str(venv / "bin" / "python"))
    _python(*pip, "install", "--no-deps", "--no-index", "--no-compile", *wheels)
    (site,) = venv.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"])
    return venv / "bin"


def _python(*arguments: str, cwd: Path | None = None) -> None:
    subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, timeout=100, check=True)


@pytest.fixture
def installed(environment: Path, tmp_path: Path) -> Installed:
    """The environment, and a folder with Acme's experiment and the files that its plugins work on."""
    shutil.copy(ACME / "experiment.yaml", tmp_path)
    weights = {"weights": {"v1": 100, "v2": 0}, "ready_since_s": {"v1": 1.0, "v2": 1.0}}
    (tmp_path / "weights.json").write_text(json.dumps(weights))
    (tmp_path / "switches.json").write_text(json.dumps({"acme-checkout": True}))
    (tmp_path / "samples.jsonl").touch()
    return Installed(environment, tmp_path)


@contextmanager
def traffic(folder: Path, failing: Callable[[str], float]) -> Iterator[None]:
    """1,000 requests every quarter of a second, split by the weights in the file; `failing` is a share."""
    stop, counts = Event(), {(version, code): 0 for version in ("v1", "v2") for code in ("200", "500")}

    def go_on() -> None:
        while not stop.wait(0.25):
            weights = json.loads((folder / "weights.json").read_text())["weights"]
            with (folder / "samples.jsonl").open("a") as samples:
                for (version, code), before in list(counts.items()):
                    share = failing(version) if code == "500" else 1 - failing(version)
                    counts[version, code] = before + round(weights[version] * 10 * share)
                    labels = {"version": version, "code": code}
                    value = counts[version, code]
                    sample = {"at_s": time.time(), "name": "requests_total", "labels": labels, "value": value}
                    samples.write(json.dumps(sample) + "\n")

    thread = Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def weight_of(folder: Path, version: str) -> int:
    return int(json.loads((folder / "weights.json").read_text())["weights"][version])


def events(folder: Path) -> list[dict[str, Any]]:
    """What the sink wrote, each event once."""
    lines = (folder / "events.jsonl").read_text().splitlines()
    return list({event["id"]: event for event in map(json.loads, lines)}.values())


def test_what_is_installed_is_the_wheel_and_not_the_working_tree(installed: Installed) -> None:
    found = installed.run(
        "python", "-c", "import engine, acme_rampwise as a; print(engine.__file__, a.__file__)"
    )
    assert found.returncode == 0, found.stderr
    for file in found.stdout.split():
        assert Path(file).is_relative_to(installed.bin.parent)


def test_all_five_are_listed_with_their_distribution(installed: Installed) -> None:
    listed = installed.plugins()
    ours = {name for name, one in listed.items() if one["distribution"] == "acme-rampwise 1.0"}
    assert ours == ALL_FIVE
    assert [name for name, one in listed.items() if one["error"]] == []


def test_the_authors_own_tests_pass_against_the_wheel(installed: Installed) -> None:
    tests = installed.bin.parents[1] / "acme"
    done = installed.run(
        "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tests), str(tests)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    *_, summary = done.stdout.strip().splitlines()
    assert int(summary.split()[0]) > 60, summary
    assert re.fullmatch(r"\d+ passed in .*", summary), summary


def test_a_release_on_these_plugins_alone_is_promoted_and_told(installed: Installed) -> None:
    assert "acme-checkout" in installed.rampwise("validate", "experiment.yaml", "-o", "json")
    with traffic(installed.folder, failing=lambda _: 0.01):
        installed.rampwise("launch", "experiment.yaml", "--wait", "--timeout", "90s")
    assert weight_of(installed.folder, "v2") == 100
    assert [event["type"] for event in events(installed.folder)] == ["com.acme.release.promoted"]


def test_a_bad_release_on_these_plugins_is_rolled_back_and_told(installed: Installed) -> None:
    with traffic(installed.folder, failing=lambda version: 0.3 if version == "v2" else 0.01):
        done = installed.run("rampwise", "launch", "experiment.yaml", "--wait", "--timeout", "90s")
    assert done.returncode == 3, done.stdout + done.stderr
    assert weight_of(installed.folder, "v2") == 0
    (event,) = events(installed.folder)
    assert event["type"] == "com.acme.release.rollback"
    assert event["data"]["rule"] == "harm"


def test_a_switch_that_is_turned_off_takes_the_traffic_back(installed: Installed) -> None:
    one_tick_of_every_run = ("serve", "--once", "--listen", "off")
    installed.rampwise("launch", "experiment.yaml")
    with traffic(installed.folder, failing=lambda _: 0.01):
        for _ in range(20):
            installed.rampwise(*one_tick_of_every_run)
            if weight_of(installed.folder, "v2") == 20:
                break
    assert weight_of(installed.folder, "v2") == 20
    (installed.folder / "switches.json").write_text(json.dumps({"acme-checkout": False}))
    installed.rampwise(*one_tick_of_every_run)
    assert weight_of(installed.folder, "v2") == 0
    (event,) = events(installed.folder)
    assert (event["type"], event["data"]["rule"]) == ("com.acme.release.stopped", "gate_closed")


def test_a_broken_plugin_is_told_and_harms_no_other(installed: Installed) -> None:
    broken = installed.folder / "broken"
    about = broken / "broken_rampwise-0.9.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-rampwise\nVersion: 0.9\n")
    groups = ("strategies", "targets", "sources", "gates", "sinks")
    (about / "entry_points.txt").write_text(
        "".join(f"[rampwise.{group}]\nbroken = broken_rampwise:Broken\n" for group in groups)
    )
    (broken / "broken_rampwise.py").write_text("raise RuntimeError('half installed')\n")
    listed = installed.plugins(PYTHONPATH=str(broken))
    failing = {name: (one["distribution"], one["error"]) for name, one in listed.items() if one["error"]}
    assert failing == dict.fromkeys(
        (f"{group}/broken" for group in groups), ("broken-rampwise 0.9", "RuntimeError: half installed")
    )
    installed.rampwise("validate", "experiment.yaml", PYTHONPATH=str(broken))
    spec = installed.folder / "experiment.yaml"
    spec.write_text(spec.read_text().replace("event_file: {path: events.jsonl}", "broken: {}"))
    done = installed.run("rampwise", "validate", "experiment.yaml", PYTHONPATH=str(broken))
    assert done.returncode == 2
    assert "sinks/broken from broken-rampwise 0.9 does not load: RuntimeError: half installed" in done.stderr


def test_the_suites_say_what_they_need(installed: Installed) -> None:
    without = "import sys; sys.modules['pytest'] = None; import engine.testing.targets"
    done = installed.run("python", "-c", without)
    assert done.stderr.splitlines()[-1] == (
        "ImportError: the contract suites need pytest: pip install 'rampwise[testing]'"
    )


def test_nothing_but_the_suites_needs_pytest(installed: Installed) -> None:
    listing = "import sys; sys.modules['pytest'] = None; from engine.cli.main import main; main()"
    done = installed.run("python", "-c", listing, "plugins")
    assert "two_step" in done.stdout, done.stderr
