"""Communication between processes that train or detect together.

`torchrun --nproc-per-node N -m multibox ...` starts them, on one machine or on several. The first process prints and
writes for all. A single process runs the same code, which then sends nothing and does not import PyTorch.
"""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Optional, TypeVar

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
    from torch.distributed import Work

from multibox.errors import MultiboxError, ProcessError
from multibox.system.launcher import place

T = TypeVar("T")

PATIENCE = timedelta(minutes=10)
"""How long a process waits for the others; the first one may compute the score of a large validation set."""


@dataclass(frozen=True)
class Processes:
    """This process among those that work together; `rank` starts at 0.

    Methods that communicate must be called by all processes in the same order.
    """

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process prints and writes for all."""
        return self.rank == 0

    def from_first(self, make: Callable[[], T]) -> T:
        """Call `make` in the first process and return its value in all of them; a MultiboxError is raised in all."""
        if self.count == 1:
            return make()
        import torch
        import torch.distributed as dist

        outcome: list[tuple[T | None, MultiboxError | None]] = [(None, None)]
        if self.first:
            try:
                outcome = [(make(), None)]
            except MultiboxError as error:
                outcome = [(None, error)]
        dist.broadcast_object_list(outcome, src=0, device=torch.device("cpu"))
        value, mistake = outcome[0]
        if mistake is not None:
            raise mistake
        return value  # type: ignore[return-value]

    def gather(self, value: T) -> list[T]:
        """Return the values of all processes in the order of their ranks."""
        if self.count == 1:
            return [value]
        import torch.distributed as dist

        values: list[T] = [value] * self.count
        dist.all_gather_object(values, value)
        return values

    def sum(self, values: "Tensor") -> "Tensor":
        """Return the sum of a tensor over the processes; on a GPU the host does not wait for it."""
        if self.count == 1:
            return values
        import torch.distributed as dist

        total = values.clone()
        dist.all_reduce(total)
        return total

    def averaging(self, model: "nn.Module") -> "nn.Module":
        """Return the model with gradients that are averaged over the processes during the backward pass.

        The running statistics of batch normalization are not averaged; see `share_buffers`.
        """
        if self.count == 1:
            return model
        from torch.nn.parallel import DistributedDataParallel

        device = next(model.parameters()).device
        # The strides of 1 x 1 kernels differ, but their layout is the same:
        # https://github.com/pytorch/pytorch/issues/157862
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
        network = DistributedDataParallel(
            model, device_ids=[device] if device.type == "cuda" else None, gradient_as_bucket_view=True
        )
        network.broadcast_buffers = False  # its argument is deprecated, and the new one does not exist before 2.13
        return network

    def share_buffers(self, model: "nn.Module") -> None:
        """Give all processes the running statistics of the first one."""
        if self.count == 1:
            return
        import torch.distributed as dist

        for buffer in model.buffers():
            dist.broadcast(buffer, src=0)


ALONE = Processes()


class Agreement:
    """Lets processes that learn of an event at different times act on it after the same step."""

    def __init__(self, processes: Processes) -> None:
        self._alone = processes.count == 1
        self._asked: tuple[Work, Tensor] | None = None

    def largest(self, number: int) -> int:
        """Return the largest number of all processes in the previous call, without waiting; alone, `number` itself."""
        if self._alone:
            return number
        import torch
        import torch.distributed as dist

        answer = 0
        if self._asked:
            work, said = self._asked
            work.wait()
            answer = int(said)
        said = torch.tensor(number)
        self._asked = dist.all_reduce(said, dist.ReduceOp.MAX, async_op=True), said
        return answer


def without_averaging(network: "nn.Module") -> AbstractContextManager[None]:
    """Add up gradients within each process inside the block: for all micro-batches of a step but the last."""
    from torch.nn.parallel import DistributedDataParallel

    return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()


@contextmanager
def joined(device: Optional["torch.device"] = None, *, patience: timedelta = PATIENCE) -> Iterator[Processes]:
    """Connect the processes that a launcher started for this command inside the block.

    Tensors on a CUDA `device` are sent through NCCL, everything else through Gloo. Raises ProcessError if another
    process ended or does not answer within `patience`, or if they cannot join. A process group that the caller set up
    is used and kept.
    """
    if place().alone and "torch.distributed" not in sys.modules:
        yield ALONE
        return
    import torch.distributed as dist

    if not dist.is_available() or (place().alone and not dist.is_initialized()):
        yield ALONE
        return
    ours = not dist.is_initialized()
    if ours:
        _join(device, patience)
    processes = Processes(dist.get_rank(), dist.get_world_size())
    try:
        yield processes
    except RuntimeError as error:
        if not _lost_another(error):
            raise
        raise ProcessError(
            f"process {processes.rank} of {processes.count} stops because another one ended or did not answer within "
            f"{patience.total_seconds():.0f} s; its message states the cause"
        ) from error
    if ours:  # after an error the others may not answer
        dist.destroy_process_group()


def _join(device: Optional["torch.device"], patience: timedelta) -> None:
    import torch
    import torch.distributed as dist

    cuda = device is not None and device.type == "cuda"
    if cuda:
        torch.cuda.set_device(device)
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=patience)
        dist.all_reduce(torch.zeros(1))  # without it, a process that ends at once cuts off others that still connect
    except (RuntimeError, ValueError) as error:  # ValueError for an environment variable that is missing
        here, reason = place(), str(error).strip().partition("\n")[0].rstrip(".")
        raise ProcessError(
            f"process {here.rank} of {here.count} cannot join the others ({reason}): check MASTER_ADDR and "
            "MASTER_PORT, and that all processes were started"
        ) from error


def _lost_another(error: RuntimeError) -> bool:
    """Return whether the error is about the connection; Gloo raises plain RuntimeErrors that name its files."""
    import torch.distributed as dist

    return isinstance(error, dist.DistError) or "gloo" in str(error).lower()
