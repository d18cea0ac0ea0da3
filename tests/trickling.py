"""A server that never finishes its answer: it sends a head, and then one byte after the other."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

HALF_A_HEAD = b"HTTP/1.1 200 OK\r\nX-Endless: "
A_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


@contextmanager
def trickling(head: bytes, every_s: float = 0.05) -> Iterator[int]:
    """Its loopback port; every socket timeout longer than `every_s` begins anew with each byte."""
    done = Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        acceptor = Thread(target=_accept, args=(listener, head, every_s, done))
        acceptor.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            done.set()
            acceptor.join()


def _accept(listener: socket.socket, head: bytes, every_s: float, done: Event) -> None:
    talkers: list[Thread] = []
    while not done.is_set():
        try:
            client, _ = listener.accept()
        except TimeoutError:
            continue
        talkers.append(Thread(target=_trickle, args=(client, head, every_s, done)))
        talkers[-1].start()
    for talker in talkers:
        talker.join()


def _trickle(client: socket.socket, head: bytes, every_s: float, done: Event) -> None:
    with client:
        try:
            client.recv(65536)
            client.sendall(head)
            while not done.wait(every_s):
                client.sendall(b" ")
        except OSError:
            return
