"""List and report of runs: what they show, how fresh they say they are, and whom they answer."""

import json
import re
import socket

import pytest
import requests

from analysis.report.document import SCHEMA
from engine.cli.session import a_driver
from engine.core.events import Actor, Verb
from engine.errors import UsageError
from engine.web import pages
from engine.web.guard import POLICY
from engine.web.server import Listen, bind, url_of
from tests.web.conftest import Served

ADA = Actor(user="ada", host="desk")
HOSTILE = "<script>alert(1)</script>"


def stop(served: Served, run_id: str, reason: str) -> None:
    served.site.store.request(run_id, Verb.STOP, ADA, reason, "cli", served.desk.clock.now_s())
    served.tick(run_id)


def test_the_list_shows_live_runs_first_with_all_that_is_asked_of_them(served: Served) -> None:
    ended, live = served.launched("basket-v3"), served.launched("checkout-v2")
    stop(served, ended, "enough")
    served.tick(live, 2)
    html = served.get().text
    running, _, over = html.partition('<h2 id="ended">')
    assert ended in over
    assert live in running
    assert live not in over
    assert ">90/10<" in running
    assert "</span> running" in running
    assert "</span> stopped" in over
    assert "10 s old" in running or "0 s old" in running
    assert f'<a href="/r/{live}">checkout-v2</a>' in running
    assert "enough" in over


def test_an_empty_list_says_what_to_type(served: Served) -> None:
    assert "<code>rampwise launch FILE</code> begins one" in served.get().text


def test_texts_of_others_are_escaped(served: Served) -> None:
    run_id = served.launched()
    stop(served, run_id, HOSTILE)
    for path in ("", f"r/{run_id}"):
        html = served.get(path).text
        assert HOSTILE not in html
        assert "&lt;script&gt;alert(1)" in html


def test_a_run_page_is_the_report_with_a_bar_and_a_policy_of_the_server(served: Served) -> None:
    run_id = served.launched()
    served.tick(run_id, 3)
    answer = served.get(f"r/{run_id}")
    html = answer.text
    assert answer.status_code == 200
    assert html.startswith("<!doctype html>")
    assert html.count("<!doctype html>") == 1
    assert 'data-state="live"' in html
    assert f'data-feed="/events/{run_id}"' in html
    assert f'data-seen="{served.site.store.load(run_id).snapshot.run.seq}"' in html
    assert "Evidence and traffic over time" in html
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert 'http-equiv="Content-Security-Policy' not in html
    assert "'unsafe-inline'" not in POLICY.partition("style-src")[0]
    assert re.findall(r"<script[^>]*>", html) == ['<script src="/static/live.js" defer>']
    assert " on" + "click=" not in html
    assert "<!--live" not in html


def test_without_javascript_a_live_page_loads_itself_anew_and_an_ended_one_does_not(served: Served) -> None:
    run_id = served.launched()
    served.tick(run_id)
    assert '<noscript><meta http-equiv="refresh"' in served.get(f"r/{run_id}").text
    stop(served, run_id, "enough")
    html = served.get(f"r/{run_id}").text
    assert 'http-equiv="refresh"' not in html
    assert 'data-state="ended" data-feed=""' in html


def test_a_run_that_nobody_ticks_is_not_live(served: Served) -> None:
    run_id = served.launched()
    served.tick(run_id, 2)
    assert 'data-state="live"' in served.get(f"r/{run_id}").text
    served.desk.clock.at_s += 31
    html = served.get(f"r/{run_id}").text
    assert 'data-state="silent"' in html
    assert "Not live: no tick since" in html
    assert "so what you see is as of then" in html
    assert "no tick for 31 s" in served.get().text


def test_a_report_is_drawn_once_per_event(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = served.launched()
    served.tick(run_id)
    drawn = []
    real = served.site.reports._begin
    monkeypatch.setattr(type(served.site.reports), "_begin", lambda _, *a: drawn.append(a) or real(*a))
    for _ in range(3):
        served.get(f"r/{run_id}")
    assert len(drawn) == 1
    served.tick(run_id)
    served.get(f"r/{run_id}")
    assert len(drawn) == 2


def test_the_json_is_the_report_of_the_same_run(served: Served) -> None:
    run_id = served.launched()
    served.tick(run_id, 2)
    answer = served.get(f"r/{run_id}.json")
    plain = answer.json()
    assert answer.headers["Content-Type"] == "application/json"
    assert plain["schema"] == SCHEMA
    assert plain["provenance"]["run_id"] == run_id


def test_an_unknown_run_and_an_unknown_page_are_not_found(served: Served) -> None:
    for path in ("r/nothing", "r/nothing.json", "events/nothing", "static/none.js", "nothing", "r/a/b"):
        assert served.get(path).status_code == 404


def test_a_run_that_cannot_be_read_is_told_and_harms_no_other(served: Served) -> None:
    bad, good = served.launched("basket-v3"), served.launched("checkout-v2")
    served.desk.more_entries.clear()
    with served.site.store._database.write() as connection:
        connection.exec_driver_sql("update runs set spec = '{}' where id = ?", (bad,))
    assert served.get(f"r/{bad}").status_code in {500, 503}
    assert served.get(f"r/{good}").status_code == 200
    assert bad in served.get().text


def test_a_damaged_row_is_named_on_the_list(served: Served) -> None:
    run_id = served.launched()
    with served.site.store._database.write() as connection:
        connection.exec_driver_sql("update runs set snapshot = 'x' where id = ?", (run_id,))
    served.site.board.look(0.0)
    html = served.get().text
    assert f"run {run_id}, snapshot at event 1 cannot be read" in html
    assert served.get(f"r/{run_id}").status_code == 503


def test_a_run_that_another_engine_ends_is_seen_to_end(served: Served) -> None:
    run_id = served.launched()
    other = a_driver(served.site.store)
    served.site.store.request(run_id, Verb.STOP, ADA, "enough", "cli", served.desk.clock.now_s())
    other.step(run_id)
    served.site.board.look(0.0)
    assert run_id in served.get().text.partition('<h2 id="ended">')[2]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_can_be_changed(served: Served, method: str) -> None:
    answer = requests.request(method, served.url, timeout=5)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8484", 200),
        ("localhost", 200),
        ("[::1]:80", 200),
        ("releases.example:8484", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
    ],
)
def test_only_own_names_are_answered(served: Served, host: str, status: int) -> None:
    assert served.get(headers={"Host": host}).status_code == status


def test_a_refused_host_is_told_the_option(served: Served) -> None:
    assert "--allow-host" in served.get(headers={"Host": "evil.example"}).text


def test_bodies_and_long_addresses_are_refused(served: Served) -> None:
    assert served.get(data="x").status_code == 413
    assert served.get("?" + "x" * 3000).status_code == 414


def test_every_answer_is_hardened_and_sets_no_cookie(served: Served) -> None:
    for path in ("", "r/nothing", "metrics", "healthz", "static/live.js", "nothing"):
        headers = served.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == POLICY
        assert "Set-Cookie" not in headers
        assert "Server" not in headers


def test_a_head_has_no_body(served: Served) -> None:
    answer = requests.head(served.url, timeout=5)
    assert (answer.status_code, answer.content) == (200, b"")


def test_every_asset_that_pages_name_is_there(served: Served) -> None:
    named = set(re.findall(r'(?:href|src)="/static/([^"]+)"', served.get().text))
    run_id = served.launched()
    named |= set(re.findall(r'(?:href|src)="/static/([^"]+)"', served.get(f"r/{run_id}").text))
    assert named == set(pages.assets())
    assert all(served.get(f"static/{name}").status_code == 200 for name in named)


def test_a_busy_port_that_was_asked_for_names_the_option() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1:{port}: Address already in use.*--listen"):
            bind(Listen(host="127.0.0.1", port=port))


def test_a_busy_port_that_nobody_asked_for_is_replaced_by_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with bind(Listen(host="127.0.0.1", port=port, asked=False)) as bound:
            assert bound.getsockname()[1] not in {0, port}
            assert url_of(bound).startswith("http://127.0.0.1:")


@pytest.mark.parametrize("text", ["8484", "127.0.0.1:", "host:70000", "", "on"])
def test_a_wrong_place_to_listen_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        Listen.parse(text)


def test_a_wrong_place_is_a_usage_error_of_serve(served: Served) -> None:
    result = served.desk.call("serve", "--listen", "here")
    assert result.exit_code == 2
    assert "--listen: 'here' is not HOST:PORT" in result.stderr


def test_the_database_gone_is_a_page_not_a_crash(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = served.launched()
    served.desk.database.rename(served.desk.home / "away")
    served.site.store.close()
    assert served.get(f"r/{run_id}").status_code == 503
    assert served.get("readyz").status_code == 503
    assert served.get().status_code == 200


def test_json_texts_are_strict(served: Served) -> None:
    run_id = served.launched()
    served.tick(run_id)
    json.loads(served.get(f"r/{run_id}.json").text, parse_constant=pytest.fail)
