"""The optimizer and its learning rate. The defaults are those of section 3 of the paper and of the official code."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import cos, pi
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn


class RateRule(NamedTuple):
    """A multiplier of the learning rate for parameters whose name matches a regular expression; 0 freezes them."""

    pattern: str
    rate: float


@dataclass(frozen=True)
class OptimizerConfig:
    """SGD with momentum as in the paper, or AdamW (Loshchilov and Hutter, ICLR 2019), which learns faster from scratch.

    `momentum` is the momentum of SGD or the first decay rate (beta 1) of AdamW. AdamW needs a larger `weight_decay`
    than SGD: 0.05 is usual. `clip` limits the norm of the whole gradient, 0 for no limit. Of `rates`, the first rule
    that matches a parameter's name counts; parameters that match none keep the rate of the schedule.
    `momentum_rule` selects the effect of a change of the rate on SGD. "torch" multiplies the whole momentum by the rate
    of the current step. "caffe" multiplies each gradient by the rate of its own step (`sgd_solver.cpp`
    ComputeUpdateValue), so past gradients keep their rate. At a constant rate the two are equal.
    """

    kind: Literal["sgd", "adamw"] = "sgd"
    momentum: float = 0.9
    weight_decay: float = 5e-4
    clip: float = 0.0
    rates: tuple[RateRule, ...] = ()
    momentum_rule: Literal["torch", "caffe"] = "torch"


@dataclass(frozen=True)
class Schedule:
    """The learning rate over `iterations` steps.

    "steps" multiplies the rate by `gamma` at each of `milestones`; "cosine" lets it fall to 0 at the end. In the first
    `warmup` steps the rate rises linearly from a tenth.
    """

    iterations: int
    rate: float = 1e-3
    shape: Literal["steps", "cosine"] = "steps"
    milestones: tuple[int, ...] = ()
    gamma: float = 0.1
    warmup: int = 0

    def at(self, step: int) -> float:
        """Return the learning rate of step number `step`, counted from 0."""
        rate = self.rate
        if self.shape == "cosine":
            rate *= (1 + cos(pi * min(1.0, step / self.iterations))) / 2
        else:
            rate *= self.gamma ** sum(step >= milestone for milestone in self.milestones)
        return rate * min(1.0, 0.1 + 0.9 * step / self.warmup) if self.warmup else rate


_FUSED_DEVICES = ("cpu", "cuda")


class GroupRule(NamedTuple):
    """Multipliers of learning rate and weight decay for parameters whose name matches a regular expression."""

    pattern: str
    rate: float
    decay: float


GROUP_RULES = (
    GroupRule(r"batch_norm", 1, 0),
    GroupRule(r"\.bias$", 2, 0),
    GroupRule(r"", 1, 1),
)
"""The first matching rule counts. Biases: twice the rate, no decay (`lr_mult`, `decay_mult` in model_libs.py)."""


def make_optimizer(
    model: nn.Module, config: OptimizerConfig, rules: Iterable[GroupRule] = GROUP_RULES
) -> torch.optim.Optimizer:
    """Return SGD or AdamW with one parameter group for each pair of a rate rule and a group rule that match.

    Parameters with a rate of 0 stop requiring gradients.

    On CPU and CUDA the optimizer uses a fused kernel. The CPU kernel requires that a parameter, its gradient and its
    momentum have the same memory layout: change the memory format of the model before this call, not after it.
    """
    groups: list[dict[str, object]] = []
    named = {name: parameter for name, parameter in _names(model).items() if parameter.requires_grad}
    for rate in (*config.rates, RateRule("", 1.0)):
        matching = {name: named.pop(name) for name in list(named) if re.search(rate.pattern, name)}
        if rate.rate == 0:
            for parameter in matching.values():
                parameter.requires_grad_(False)
            continue
        for rule in rules:
            chosen = [name for name in matching if re.search(rule.pattern, name)]
            parameters = [matching.pop(name) for name in chosen]
            if parameters:
                decay = config.weight_decay * rule.decay
                multiplier, keeps = rate.rate * rule.rate, config.momentum_rule == "caffe"
                groups.append(
                    {"params": parameters, "multiplier": multiplier, "weight_decay": decay, "keeps_past_rates": keeps}
                )
    fused = all(parameter.device.type in _FUSED_DEVICES for parameter in model.parameters())
    if config.kind == "adamw":
        return torch.optim.AdamW(groups, lr=1.0, betas=(config.momentum, 0.999), fused=fused)
    return torch.optim.SGD(groups, lr=1.0, momentum=config.momentum, fused=fused)


def _names(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters by name; names of batch normalization parameters contain "batch_norm"."""
    names = {}
    for path, module in model.named_modules():
        kind = ".batch_norm" if isinstance(module, nn.BatchNorm2d) else ""
        for name, parameter in module.named_parameters(recurse=False):
            names[f"{path}{kind}.{name}"] = parameter
    return names


def describe_rates(model: nn.Module, config: OptimizerConfig) -> list[str]:
    """Return a line for each rate rule: its multiplier, and how many parameters it applies to."""
    named = _names(model)
    lines = []
    for rule in (*config.rates, RateRule("", 1.0)) if config.rates else ():
        matching = [named.pop(name) for name in list(named) if re.search(rule.pattern, name)]
        values = sum(parameter.numel() for parameter in matching)
        what = "frozen" if rule.rate == 0 else f"rate x {rule.rate:g}"
        where = f"names that match {rule.pattern!r}" if rule.pattern else "all others"
        lines.append(f"{what}: {where} ({len(matching)} tensors, {values:,} values)")
    return lines


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every group: `rate` times its multiplier.

    Caffe's momentum is v = momentum v + rate g, and PyTorch's is b = momentum b + g with a step of rate b. A group that
    keeps past rates gets v = rate b by dividing b by the growth of the rate, once at each change.
    """
    for group in optimizer.param_groups:
        before, group["lr"] = group["lr"], rate * group["multiplier"]
        if group["keeps_past_rates"] and before != group["lr"] and min(before, group["lr"]) > 0:
            _scale_momenta(optimizer, group["params"], before / group["lr"])


def _scale_momenta(optimizer: torch.optim.Optimizer, parameters: Iterable[nn.Parameter], factor: float) -> None:
    momenta = [optimizer.state[parameter].get("momentum_buffer") for parameter in parameters]
    present = [momentum for momentum in momenta if momentum is not None]
    if present:
        torch._foreach_mul_(present, factor)


def clip_gradient(parameters: Iterable[nn.Parameter], *, limit: float) -> Float[Tensor, ""]:
    """Return the norm of the whole gradient and scale the gradient down to norm `limit` if that is not 0."""
    chosen = [parameter for parameter in parameters if parameter.grad is not None]
    norm = nn.utils.get_total_norm([parameter.grad for parameter in chosen if parameter.grad is not None])
    if limit:
        nn.utils.clip_grads_with_norm_(chosen, limit, norm)
    return norm


def load_moments(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load the momenta of a saved state and the rates of its last step, but keep the other settings of the groups.

    The momenta get the memory layout of their parameters.
    """
    settings = [
        {key: value for key, value in group.items() if key not in ("params", "lr")} for group in optimizer.param_groups
    ]
    optimizer.load_state_dict(state)
    for group, own in zip(optimizer.param_groups, settings, strict=True):
        group.update(own)
    for parameter, moments in optimizer.state.items():
        for name, value in moments.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                moments[name] = torch.empty_like(parameter).copy_(value)
