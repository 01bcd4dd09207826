"""One turn of a program among others that are measured in the same run."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
REST = 0.02
"""Seconds before a turn, in which idle threads of the program before stop spinning and give their cores back."""


def settled(call: Callable[[], Found]) -> Found:
    """The answer of the second of two calls: the first brings weights and code back into the caches."""
    time.sleep(REST)
    call()
    return call()
