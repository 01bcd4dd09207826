"""Settings of the service, and the checks that need no detector."""

import hmac
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from multibox.errors import InputError, UsageError
from multibox.images.settings import max_pixels as limit_of_process
from multibox.images.settings import set_max_pixels

_SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class ServiceSettings:
    """Limits and access.

    Up to `batch` images go through the network together, fewer if that is faster; a batch waits up to `wait_ms` for
    images that are being decoded. `queue` images may wait, and a request waits `timeout` seconds at most. `media` is
    the folder in which Label Studio keeps its files, if tasks may name files of it.
    """

    batch: int = 8
    wait_ms: float = 5.0
    queue: int = 64
    max_mb: float = 20.0
    max_pixels: int = 50_000_000
    timeout: float = 10.0
    token: str | None = None
    host: str = "127.0.0.1"
    media: Path | None = None
    body_seconds: float = 30.0
    head_seconds: float = 10.0
    write_seconds: float = 30.0
    connections: int = 512

    @property
    def max_bytes(self) -> int:
        """Bytes that one request may have."""
        return int(self.max_mb * 1_000_000)

    @property
    def max_images(self) -> int:
        """Images in one request."""
        return min(self.queue, 32)

    @property
    def memory(self) -> int:
        """Bytes of all requests that are being read or wait."""
        return max(256_000_000, 4 * self.max_bytes)

    def apply(self) -> None:
        """Raise the limit of the process if this one is higher; `multibox.service.images` checks this one."""
        if self.max_pixels > limit_of_process():
            set_max_pixels(self.max_pixels)

    def is_token(self, given: str) -> bool:
        """Compare in constant time."""
        return self.token is not None and hmac.compare_digest(given.encode(), self.token.encode())


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address; False for a name other than localhost."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_token_beyond_loopback(host: str, *, token: str | None, without_token: bool) -> None:
    """Raise UsageError if other machines could use the service without a token and nobody asked for that."""
    if is_loopback(host) or token is not None or without_token:
        return
    raise UsageError(
        f"--host {host} can be reached from other machines: give --token FILE, or --without-token to serve everyone"
    )


def read_token(path: Path) -> str:
    """The first line of a file. Raises InputError if it cannot be read, is too short or has invisible characters."""
    try:
        with open(path, "rb") as file:
            line = file.readline(4096).strip().decode("ascii")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot read the token file {path} ({reason}): check the path and its permissions") from None
    except UnicodeDecodeError:
        line = ""
    if len(line) < _SHORTEST_TOKEN or not all("!" <= letter <= "~" for letter in line):
        raise InputError(
            f"the first line of {path} is not a token of {_SHORTEST_TOKEN} or more visible ASCII characters: make one "
            f"with 'openssl rand -hex 32 > {path}'"
        )
    return line
