"""A real server in a thread, for tests."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from multibox.service.server import make_server, open_socket
from multibox.service.service import Service
from multibox.service.settings import ServiceSettings

TOKEN = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Running:
    """A server that answers: its service, its port, and a client for it."""

    service: Service
    port: int
    client: httpx.Client

    def connect(self) -> socket.socket:
        """A plain connection, for bytes that no HTTP client sends."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)


Serve = Callable[..., Running]
"""A function that starts a service with other settings."""


@contextmanager
def running(sources: dict[str, str], settings: ServiceSettings) -> Iterator[Running]:
    """A service in a thread, which ends with the block."""
    service = Service(sources, settings=settings)
    listener = open_socket("127.0.0.1", 0)
    port = listener.getsockname()[1]
    server = make_server(service)
    service.load()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as client:
            yield Running(service, port, client)
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
        service.close()
