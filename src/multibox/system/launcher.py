"""Which of several processes this is, as a launcher such as torchrun says it in the environment."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """`rank` among all `count` processes of a command, `local_rank` among the `local_count` on this machine.

    Ranks count from 0.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process speaks and writes for all."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        return self.count == 1


def place() -> Place:
    """The place of this process; that of a process alone where no launcher started it.

    Reads RANK, WORLD_SIZE, LOCAL_RANK and LOCAL_WORLD_SIZE, which torchrun sets. A batch system may set some of them
    too: without MASTER_ADDR, where the processes meet, they mean nothing here.
    """
    if "MASTER_ADDR" not in os.environ or _number("WORLD_SIZE", 1) < 2:
        return Place()
    rank, count = _number("RANK", 0), _number("WORLD_SIZE", 1)
    return Place(rank, count, _number("LOCAL_RANK", rank), _number("LOCAL_WORLD_SIZE", count))


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() else default
