"""The place of this process among those that a launcher such as torchrun started."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """The rank of this process among the `count` processes of a command, and among the `local_count` on this machine.

    Ranks start at 0.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process prints and writes for all."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        return self.count == 1


def place() -> Place:
    """Return the place of this process; a process without a launcher is alone.

    Reads RANK, WORLD_SIZE, LOCAL_RANK and LOCAL_WORLD_SIZE, which torchrun sets. A batch system may set some of them
    too, so they are ignored without MASTER_ADDR, the address where the processes meet.
    """
    if "MASTER_ADDR" not in os.environ or _number("WORLD_SIZE", 1) < 2:
        return Place()
    rank, count = _number("RANK", 0), _number("WORLD_SIZE", 1)
    return Place(rank, count, _number("LOCAL_RANK", rank), _number("LOCAL_WORLD_SIZE", count))


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() else default
