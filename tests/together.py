"""Several processes as a launcher would start them, but forked from the test, which is faster."""

import multiprocessing
import os
import socket
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import pytest
import torch

from multibox.errors import MultiboxError

# Python 3.12 and later warn about every fork of a process that has threads, as torch always has
forks = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")

_SECONDS = 60.0


def together(work: Callable[[int], Any], *, count: int = 2, awaited: int | None = None) -> list[Any]:
    """Return the outcome of `work(rank)` in each of `count` processes: its value, its MultiboxError, or its exit code.

    If `awaited` is given, only the first ones are awaited; the others are killed then.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe(duplex=False) for _ in range(count)]
    children = [
        context.Process(target=_child, args=(work, rank, count, port, pipe[1])) for rank, pipe in enumerate(pipes)
    ]
    for child in children:
        child.start()
    for _, sender in pipes:
        sender.close()
    try:
        return [_result(child, receiver) for child, (receiver, _) in list(zip(children, pipes, strict=True))[:awaited]]
    finally:
        for child in children:
            child.kill()
            child.join()


def _result(child: Any, receiver: Connection) -> Any:
    assert receiver.poll(_SECONDS), "a process hangs"
    try:
        kind, value = receiver.recv()
    except EOFError:
        child.join(_SECONDS)
        return child.exitcode
    assert kind != "failed", value
    return value


def _child(work: Callable[[int], Any], rank: int, count: int, port: int, sender: Connection) -> None:
    torch.set_num_threads(1)
    place = {"RANK": rank, "WORLD_SIZE": count, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": count}
    os.environ.update({name: str(value) for name, value in place.items()})
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    try:
        result = ("value", work(rank))
    except MultiboxError as error:
        result = ("value", error)
    except BaseException:
        result = ("failed", traceback.format_exc())
    sender.send(result)
    sender.close()
    os._exit(0)  # skip the cleanup of the test process
