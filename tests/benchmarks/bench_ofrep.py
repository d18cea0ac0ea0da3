"""Flags over OFREP: evaluations per second and latency on one core, beside evaluating in process.

The engine is a process of its own on one core; whoever asks is on the other, if there is one, over
connections that stay open. Every question is another user's, and so an exposure that is written, too.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext

from engine.adapters.store import open_store
from engine.core.target import Weights
from engine.flags.document import document
from engine.flags.plan import FlagPlan

KEY = "exp.checkout.variant"
QUESTIONS = 4_000
CLIENTS = (1, 4, 16)
PLAN = FlagPlan(experiment="checkout", control="v1", treatments=("v2",), salt="s", split_pct=(50, 50))


def main() -> None:
    """Print one row per number of clients."""
    with tempfile.TemporaryDirectory() as folder:
        flags = Path(folder) / "flags.json"
        flags.write_text(json.dumps(document(PLAN, Weights.of(50))))
        in_process = per_s_in_process(flags.read_text())
        print(f"{'in process':>12}: {in_process:8,.0f} evaluations per second")
        with serving(Path(folder), flags) as (host, port):
            asked(host, port, 1, 200, "warm")
            for clients in CLIENTS:
                show(clients, asked(host, port, clients, QUESTIONS // clients, f"c{clients}"), in_process)
        store = open_store(f"sqlite:///{folder}/rampwise.sqlite3")
        kept = sum(1 for _ in store.intake.exposures("checkout"))
        store.close()
        wanted = 200 + sum(QUESTIONS // clients * clients for clients in CLIENTS)
        print(f"exposures written: {kept:,} of {wanted:,}")


def per_s_in_process(text: str) -> float:
    """Evaluations per second of the evaluator that the engine uses, without anything around it."""
    core = FlagdCore()
    core.set_flags(text)
    began_s = time.perf_counter()
    for number in range(QUESTIONS):
        core.resolve_string_value(KEY, "", EvaluationContext(f"u{number}"))
    return QUESTIONS / (time.perf_counter() - began_s)


@contextmanager
def serving(home: Path, flags: Path) -> Iterator[tuple[str, int]]:
    """A real engine on the first core that this process may use; it ends in order."""
    core = min(os.sched_getaffinity(0))
    command = [
        sys.executable,
        "-m",
        "engine.cli.main",
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--flags",
        str(flags),
    ]
    engine = subprocess.Popen(
        command,
        env={**os.environ, "RAMPWISE_HOME": str(home)},
        stderr=subprocess.PIPE,
        text=True,
    )
    os.sched_setaffinity(engine.pid, {core})
    assert engine.stderr is not None
    try:
        line = next(line for line in iter(engine.stderr.readline, "") if '"event": "pages"' in line)
        place = urlsplit(json.loads(line)["url"])
        threading.Thread(target=engine.stderr.read, daemon=True).start()
        others = os.sched_getaffinity(0) - {core}
        if others:
            os.sched_setaffinity(0, others)
        yield place.hostname or "", place.port or 0
    finally:
        engine.terminate()
        engine.wait(30)


def asked(host: str, port: int, clients: int, each: int, name: str) -> tuple[float, list[float]]:
    """Seconds that it took, and the latency of every answer in milliseconds."""
    took_ms: list[float] = []
    threads = [
        threading.Thread(target=_client, args=(host, port, each, f"{name}-{own}", took_ms))
        for own in range(clients)
    ]
    began_s = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(took_ms) == clients * each
    return time.perf_counter() - began_s, took_ms


def _client(host: str, port: int, questions: int, name: str, took_ms: list[float]) -> None:
    """Asks by hand: a client library would cost more than the answer."""
    with socket.create_connection((host, port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(questions):
            body = json.dumps({"context": {"targetingKey": f"{name}-{number}"}}).encode()
            head = (
                f"POST /ofrep/v1/evaluate/flags/{KEY} HTTP/1.1\r\nHost: {host}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            began_s = time.perf_counter()
            connection.sendall(head.encode() + body)
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(65536)
            took_ms.append(1000 * (time.perf_counter() - began_s))
            assert b'"variant":"v' in answer, answer


def show(clients: int, measured: tuple[float, list[float]], in_process: float) -> None:
    """One row."""
    took_s, took_ms = measured
    per_s = len(took_ms) / took_s
    p99 = statistics.quantiles(took_ms, n=100)[98]
    print(
        f"{clients:>4} clients: {per_s:8,.0f} evaluations per second, "
        f"1/{in_process / per_s:.0f} of in process, p50 {statistics.median(took_ms):.1f} ms, p99 {p99:.1f} ms"
    )


if __name__ == "__main__":
    main()
