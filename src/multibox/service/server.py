"""The process of the service: socket, signals, loading of the models, and the orderly end."""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from multibox.errors import UsageError
from multibox.service.app import create_app
from multibox.service.protocol import with_limits
from multibox.service.service import Service
from multibox.service.tracing import Tracing

_LONGEST_HEAD = 16_384  # bytes of the request line and all headers
_BACKLOG = 1024
_END_SECONDS = 30  # for requests that have begun when the signal arrives


def open_socket(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises UsageError if the address cannot be used."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"cannot listen at {host}, port {port}: {reason}; choose another --port or --host") from None
    return listener


def address_of(listener: socket.socket) -> str:
    """The address of a page on a bound socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(service: Service, listener: socket.socket, *, on_ready: Callable[[], None]) -> None:
    """Answer requests until SIGTERM or SIGINT; requests that have begun get their answers.

    Listens at once, and is ready when the models are loaded; `on_ready` is called then. Raises the errors of
    `Detector.load`.
    """
    server = make_server(service)
    threading.Thread(target=server.load, args=(on_ready,), name="loading", daemon=True).start()
    try:
        server.run(sockets=[listener])
    finally:
        service.close()
    if server.failure is not None:
        raise server.failure


def make_server(service: Service) -> "ServiceServer":
    """The server of a service, with the limits of its settings."""
    config = uvicorn.Config(
        create_app(service, tracing=Tracing.from_environment()),
        http=with_limits(service.settings),
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        h11_max_incomplete_event_size=_LONGEST_HEAD,
        timeout_graceful_shutdown=_END_SECONDS,
    )
    return ServiceServer(config, service)


class ServiceServer(uvicorn.Server):
    """uvicorn's server, which ends with code 0 after a signal, and first tells load balancers that it is not ready."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self.failure: Exception | None = None

    def load(self, on_ready: Callable[[], None]) -> None:
        """Load the models; if that fails, end the server, which then raises the reason."""
        try:
            self._service.load()
        except Exception as error:
            self.failure, self.should_exit = error, True
        else:
            if not self.should_exit:
                on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _end(self) -> None:
        """The first signal lets requests finish, the second one does not wait for them."""
        self.force_exit = self.should_exit
        self.should_exit = self._service.draining = True
