"""`rampwise serve --flags` as a process: what it acknowledged or recorded outlives its death."""

import json
import threading
from pathlib import Path

import pytest
import requests

from engine.adapters.store import open_store
from engine.core.outcome import ExitCode
from engine.core.target import Weights
from engine.flags.document import document
from engine.flags.plan import FlagPlan
from tests.cli.conftest import desk as desk  # noqa: PLC0414
from tests.cli.desk import Desk
from tests.cli.test_process import read_until
from tests.contracts.intake_contract import DID, EXPOSED
from tests.local.waiting import eventually
from tests.web.test_intake import BATCH, EXPOSURE, an_event
from tests.web.test_process import serving

pytestmark = pytest.mark.slow

SENDERS = 4


def store_of(desk: Desk):
    return open_store(f"sqlite:///{desk.home}/rampwise.sqlite3")


def test_no_event_is_lost_after_its_acknowledgement_when_the_engine_is_killed(desk: Desk) -> None:
    acknowledged: list[str] = []

    def sender(url: str, own: int) -> None:
        with requests.Session() as session:
            for number in range(own, 1_000_000, SENDERS):
                batch = [an_event(10 * number + each) for each in range(10)]
                try:
                    answer = session.post(
                        f"{url}events", json.dumps(batch), headers={"Content-Type": BATCH}, timeout=20
                    )
                except requests.RequestException:
                    return
                if answer.status_code == 202:
                    acknowledged.extend(event["id"] for event in batch)

    with serving(desk, "--listen", "127.0.0.1:0") as engine:
        url = json.loads(read_until(engine, '"event": "pages"'))["url"]
        exposed = json.dumps([an_event(-1, EXPOSURE)])
        assert requests.post(f"{url}events", exposed, headers={"Content-Type": BATCH}, timeout=20).ok
        threads = [threading.Thread(target=sender, args=(url, own)) for own in range(SENDERS)]
        for thread in threads:
            thread.start()
        eventually(lambda: len(acknowledged) > 500)
        engine.kill()
        for thread in threads:
            thread.join()
    store = store_of(desk)
    kept = {each.id for each in store.intake.occurrences("checkout")}
    store.close()
    assert len(acknowledged) > 500
    assert set(acknowledged) <= kept


def test_flags_are_evaluated_and_exposures_written_before_an_orderly_end(desk: Desk, tmp_path: Path) -> None:
    plan = FlagPlan(experiment="checkout", control="v1", treatments=("v2",), salt="s", split_pct=(50, 50))
    flags = tmp_path / "flags.json"
    flags.write_text(json.dumps(document(plan, Weights.of(50))))
    with serving(desk, "--listen", "127.0.0.1:0", "--flags", str(flags)) as engine:
        url = json.loads(read_until(engine, '"event": "pages"'))["url"]
        with requests.Session() as session:
            for number in range(200):
                body = {"context": {"targetingKey": f"u{number}"}}
                asked = f"{url}ofrep/v1/evaluate/flags/exp.checkout.variant"
                assert session.post(asked, json=body, timeout=20).json()["value"] in {"v1", "v2"}
        engine.terminate()
        engine.communicate(timeout=30)
    store = store_of(desk)
    assert len(list(store.intake.exposures("checkout"))) == 200
    store.close()


@pytest.mark.parametrize("other", [("--once",), ("--listen", "off")])
@pytest.mark.parametrize("option", [("--flags", "flags.json"), ("--allow-origin", "https://shop.example")])
def test_what_nobody_could_ask_for_is_refused(
    desk: Desk, option: tuple[str, str], other: tuple[str, ...]
) -> None:
    result = desk.call("serve", *option, *other)
    assert result.exit_code == ExitCode.USAGE
    assert f"{option[0]}: it does nothing with --once or `--listen off`" in result.stderr


def test_one_tick_deletes_nothing(desk: Desk) -> None:
    result = desk.call("serve", "--once", "--keep-events", "90d")
    assert result.exit_code == ExitCode.USAGE
    assert "--keep-events: it does nothing with --once" in result.stderr


@pytest.mark.parametrize(
    "text", ["shop.example", "https://shop.example/cart", "https://*.example", "null", "*", "https://a:b@c"]
)
def test_what_is_no_origin_is_refused(desk: Desk, text: str) -> None:
    result = desk.call("serve", "--allow-origin", text)
    assert result.exit_code == ExitCode.USAGE
    assert f"--allow-origin: {text!r} is not an origin such as https://shop.example" in result.stderr


def test_old_records_go_while_the_engine_runs(desk: Desk) -> None:
    store = store_of(desk)
    store.intake.take_in([EXPOSED, DID], 1.0)
    with serving(desk, "--listen", "off", "--keep-events", "90d") as engine:
        line = json.loads(read_until(engine, "users' records deleted"))
    assert (line["exposures"], line["events"]) == (1, 1)
    assert store.intake.forget("ada").exposures == 0
    store.close()


def test_a_declared_origin_is_told_to_browsers(desk: Desk) -> None:
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    with serving(desk, "--listen", "127.0.0.1:0", "--allow-origin", "https://Shop.example/") as engine:
        url = json.loads(read_until(engine, '"event": "pages"'))["url"]
        answer = requests.options(f"{url}events", headers=asked, timeout=20)
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"


def test_without_the_option_no_flags_are_served(desk: Desk) -> None:
    with serving(desk, "--listen", "127.0.0.1:0") as engine:
        url = json.loads(read_until(engine, '"event": "pages"'))["url"]
        answer = requests.post(f"{url}ofrep/v1/evaluate/flags/x", json={}, timeout=20)
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "FLAG_NOT_FOUND")
        assert "--flags FILE" in answer.json()["errorDetails"]
