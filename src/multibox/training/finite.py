"""Whether losses, gradients and weights stay finite, without waiting for the device at every step."""

from collections.abc import Iterable
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from multibox.errors import TrainingError
from multibox.system.distributed import ALONE, Processes

ADVICE = "lower the rate (--set schedule.rate=...), add warm-up (--set schedule.warmup=...) or look at these images"
MOST_IN_A_ROW = 10
MOST_SCALED = 40
_MOST_NOTED = 200


class FiniteWatch:
    """Takes notes of each step on the device, and looks at them before anything is written.

    `skipped` counts the steps left out so far, `in_a_row` those at the end. Where the loss is `scaled`, as for float16,
    a gradient that is not finite says that the scale was too large: such steps are in order, until they do not end.
    """

    def __init__(self, rule: Literal["stop", "skip"], *, scaled: bool = False) -> None:
        self.rule = rule
        self.scaled = scaled
        self.skipped = 0
        self.in_a_row = 0
        self._noted: list[tuple[int, list[str], Float[Tensor, " 2"]]] = []

    @property
    def full(self) -> bool:
        """Whether so many steps are noted that it is time to look."""
        return len(self._noted) >= _MOST_NOTED

    def note(
        self, step: int, names: list[str], *, loss: Float[Tensor, ""], norm: Float[Tensor, ""]
    ) -> Bool[Tensor, ""]:
        """Remember a step with its images, its loss and the norm of its gradient; true where both are finite."""
        values = torch.stack([loss.detach().float(), norm.detach().float()])
        self._noted.append((step, names, values))
        return values.isfinite().all()

    def look(self, processes: Processes = ALONE) -> list[str]:
        """Judge what was noted since the last look; a line about each step that was left out.

        Raises TrainingError that names the first step whose loss or gradient is not finite, and its images; where
        such steps are left out, once there are MOST_IN_A_ROW of them in a row, or MOST_SCALED for a scaled loss.
        """
        if not self._noted:
            return []
        noted, self._noted = self._noted, []
        table = torch.stack([values for _, _, values in noted]).tolist()
        lines = []
        for (step, names, _), (loss, norm) in zip(noted, table, strict=True):
            if _finite(loss) and _finite(norm):
                self.in_a_row = 0
                continue
            self.in_a_row += 1
            shares = processes.gather(names)  # loss and norm are those of all, so all come here
            what = f"the {'gradient' if _finite(loss) else 'loss'} of step {step} is {norm if _finite(loss) else loss}"
            what += f" for the images {', '.join(name for share in shares for name in share)}"
            in_order = self.scaled and _finite(loss)
            if self.rule == "stop" and not in_order:
                raise TrainingError(f"{what}: {ADVICE}; the last checkpoint is kept")
            if self.in_a_row >= (MOST_SCALED if in_order else MOST_IN_A_ROW):
                raise TrainingError(
                    f"{what}, the {self.in_a_row}th such step in a row: {ADVICE}; the last checkpoint is kept"
                )
            if not in_order:
                self.skipped += 1
                lines.append(f"{what}: left out")
        return lines


def _finite(value: float) -> bool:
    return abs(value) < float("inf")


def check_finite(model: nn.Module, *, step: int) -> None:
    """Raise TrainingError where a weight or a running statistic of `model` is not finite."""
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
    """Let `leave_out_unless` work: it needs the fused kernels, and for SGD momentum that is there from the start."""
    for group in optimizer.param_groups:
        group["fused"], group["foreach"] = True, False
        for parameter in group["params"] if group.get("momentum") else ():
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)


def leave_out_unless(optimizer: torch.optim.Optimizer, finite: Bool[Tensor, ""]) -> None:
    """Make the optimizer's next step change neither weights nor momentum unless `finite`, decided on the device."""
    optimizer.found_inf = (~finite).float()  # type: ignore[attr-defined]


class Statistics:
    """A copy of what batch normalization gathers, to undo a step that is left out."""

    def __init__(self, model: nn.Module) -> None:
        self._buffers = list(_buffers(model))
        self._before: list[Tensor] = []

    def remember(self) -> None:
        """Copy the values as they are before a step."""
        self._before = [buffer.clone() for buffer in self._buffers]

    def undo_unless(self, finite: Bool[Tensor, ""]) -> None:
        """Put the copies back unless the step was finite, decided on the device."""
        for buffer, before in zip(self._buffers, self._before, strict=True):
            buffer.copy_(torch.where(finite, buffer, before))


def _buffers(model: nn.Module) -> Iterable[Tensor]:
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            yield from module.buffers(recurse=False)
