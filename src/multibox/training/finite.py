"""Checks that losses, gradients and weights stay finite, without waiting for the device in every step."""

from collections.abc import Iterable
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from multibox.errors import TrainingError
from multibox.system.distributed import ALONE, Processes

ADVICE = "lower the rate (--set schedule.rate=...), add warm-up (--set schedule.warmup=...) or check these images"
MOST_SKIPPED_IN_A_ROW = 10
MOST_OVERFLOWS_IN_A_ROW = 40
_MOST_RECORDED_STEPS = 200


class FiniteWatch:
    """Records loss and gradient norm of each step on the device, to be checked before anything is written.

    `skipped` counts the steps skipped so far, `in_a_row` those skipped without a good step since. If the loss is
    `scaled`, as in fp16, a gradient that is not finite means that the scale was too large: such steps are expected,
    within a limit.
    """

    def __init__(self, rule: Literal["stop", "skip"], *, scaled: bool = False) -> None:
        self.rule = rule
        self.scaled = scaled
        self.skipped = 0
        self.in_a_row = 0
        self._recorded: list[tuple[int, list[str], Float[Tensor, " 2"]]] = []

    @property
    def full(self) -> bool:
        """Whether enough steps are recorded to check them."""
        return len(self._recorded) >= _MOST_RECORDED_STEPS

    def record(
        self, step: int, names: list[str], *, loss: Float[Tensor, ""], norm: Float[Tensor, ""]
    ) -> Bool[Tensor, ""]:
        """Record a step with its images, its loss and the norm of its gradient; return whether both are finite."""
        values = torch.stack([loss.detach().float(), norm.detach().float()])
        self._recorded.append((step, names, values))
        return values.isfinite().all()

    def check(self, processes: Processes = ALONE) -> list[str]:
        """Check the steps recorded since the last call; return a line about each one that was skipped.

        Raises TrainingError that names the first step whose loss or gradient is not finite, and its images. If such
        steps are skipped, it is raised after MOST_SKIPPED_IN_A_ROW of them, or MOST_OVERFLOWS_IN_A_ROW of a scaled
        loss.
        """
        if not self._recorded:
            return []
        recorded, self._recorded = self._recorded, []
        table = torch.stack([values for _, _, values in recorded]).tolist()
        lines = []
        for (step, names, _), (loss, norm) in zip(recorded, table, strict=True):
            if _finite(loss) and _finite(norm):
                self.in_a_row = 0
                continue
            # loss and norm are the same in all processes, so all of them take part
            shares = processes.gather(names)
            line = self._judge(step, [name for share in shares for name in share], loss=loss, norm=norm)
            lines += [line] if line else []
        return lines

    def _judge(self, step: int, names: list[str], *, loss: float, norm: float) -> str | None:
        """Return a line about a skipped step, None for an overflow of the scale; TrainingError if it ends the run."""
        overflow = self.scaled and _finite(loss)
        what, value = ("gradient", norm) if _finite(loss) else ("loss", loss)
        problem = f"the {what} of step {step} is {value} for the images {', '.join(names)}"
        self.in_a_row += 1
        if self.rule == "stop" and not overflow:
            raise TrainingError(f"{problem}: {ADVICE}; the last checkpoint is kept")
        if self.in_a_row >= (MOST_OVERFLOWS_IN_A_ROW if overflow else MOST_SKIPPED_IN_A_ROW):
            raise TrainingError(
                f"{problem}, the {self.in_a_row}th such step in a row: {ADVICE}; the last checkpoint is kept"
            )
        if overflow:
            return None
        self.skipped += 1
        return f"{problem}: skipped"


def _finite(value: float) -> bool:
    return abs(value) < float("inf")


def check_finite(model: nn.Module, *, step: int) -> None:
    """Raise TrainingError if a weight or a running statistic of `model` is not finite."""
    values = {name: value for name, value in model.state_dict().items() if value.is_floating_point()}
    flags = torch.stack([value.isfinite().all() for value in values.values()]).tolist()
    wrong = [name for name, fine in zip(values, flags, strict=True) if not fine]
    if wrong:
        raise TrainingError(
            f"{wrong[0]} is not finite after step {step} ({len(wrong)} of {len(values)} tensors): "
            "lower the rate (--set schedule.rate=...) or add warm-up (--set schedule.warmup=...); "
            "it was not written and the last checkpoint is kept"
        )


def make_skippable(optimizer: torch.optim.Optimizer) -> None:
    """Prepare an optimizer for `skip_unless`: it needs fused kernels, and SGD needs its momenta from the start."""
    for group in optimizer.param_groups:
        group["fused"], group["foreach"] = True, False
        for parameter in group["params"] if group.get("momentum") else ():
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)


def skip_unless(optimizer: torch.optim.Optimizer, finite: Bool[Tensor, ""]) -> None:
    """Let the optimizer's next step change neither weights nor momenta unless `finite`, decided on the device."""
    optimizer.found_inf = (~finite).float()  # type: ignore[attr-defined]


class Statistics:
    """A copy of the statistics of batch normalization, to undo a skipped step."""

    def __init__(self, model: nn.Module) -> None:
        self._buffers = list(_buffers(model))
        self._before: list[Tensor] = []

    def remember(self) -> None:
        """Copy the values before a step."""
        self._before = [buffer.clone() for buffer in self._buffers]

    def undo_unless(self, finite: Bool[Tensor, ""]) -> None:
        """Restore the copies unless the step was finite, decided on the device."""
        for buffer, before in zip(self._buffers, self._before, strict=True):
            buffer.copy_(torch.where(finite, buffer, before))


def _buffers(model: nn.Module) -> Iterable[Tensor]:
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            yield from module.buffers(recurse=False)
