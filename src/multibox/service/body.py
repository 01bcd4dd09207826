"""Reading request bodies: bytes are counted while they arrive, and the time for them is limited."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request

from multibox.service.problem import ClientLeftError, Problem, busy
from multibox.service.settings import ServiceSettings


class Memory:
    """Counts the bytes of all bodies that are in memory, up to a limit."""

    def __init__(self, limit: int) -> None:
        self.limit, self.used = limit, 0

    def take(self, count: int) -> None:
        """Raises Problem 503 if the limit would be exceeded."""
        if self.used + count > self.limit:
            raise busy("too many large requests at once: try again later")
        self.used += count

    def free(self, count: int) -> None:
        self.used -= count


@asynccontextmanager
async def whole_body(request: Request, *, settings: ServiceSettings, memory: Memory) -> AsyncIterator[bytes]:
    """The body of a request, which counts as memory in use until the end of the block.

    Raises Problem: 413 above the limit of bytes, 408 if the body takes too long, 503 if too many bodies are in memory;
    ClientLeftError if the client leaves.
    """
    _check_declared(request.headers.get("content-length"), settings)
    taken = 0

    def take(count: int) -> None:
        nonlocal taken
        memory.take(count)
        taken += count

    try:
        try:
            async with asyncio.timeout(settings.body_seconds):
                body = await _read(request, limit=settings.max_bytes, take=take)
        except TimeoutError:
            seconds = settings.body_seconds
            raise Problem(408, "slow_body", f"the body did not arrive within {seconds:g} s: send it faster") from None
        yield body
    finally:
        memory.free(taken)


async def _read(request: Request, *, limit: int, take: Callable[[int], None]) -> bytes:
    chunks: list[bytes] = []
    total = 0
    try:
        async for chunk in request.stream():
            total += len(chunk)
            if total > limit:
                raise too_large(limit)
            take(len(chunk))
            chunks.append(chunk)
    except ClientDisconnect:
        raise ClientLeftError from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _check_declared(length: str | None, settings: ServiceSettings) -> None:
    """Refuse a body by the length that its header states, before a byte is read."""
    if length is not None and length.isdecimal() and int(length[:20]) > settings.max_bytes:
        raise too_large(settings.max_bytes)


def too_large(limit: int) -> Problem:
    """413: the body has too many bytes."""
    return Problem(413, "too_large", f"the body has more than {limit / 1e6:g} MB: send a smaller image, or fewer")
