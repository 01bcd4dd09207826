"""Learning rates by parameter name, and batch normalization with fixed statistics."""

from pathlib import Path

import pytest
import torch
from torch import nn

from multibox.training.optimizer import OptimizerConfig, RateRule, describe_rates, make_optimizer, set_rate
from multibox.training.run import LoopConfig
from tiny_training import make_run, train


class Two(nn.Module):
    """A base and a head, each a convolution with bias and a batch normalization."""

    def __init__(self) -> None:
        super().__init__()
        self.base = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
        self.head = nn.Sequential(nn.Conv2d(4, 2, 1), nn.BatchNorm2d(2))


def rates(optimizer: torch.optim.Optimizer, model: nn.Module) -> dict[str, tuple[float, float]]:
    """The rate and the weight decay of each parameter."""
    of = {id(p): (g["lr"], g["weight_decay"]) for g in optimizer.param_groups for p in g["params"]}
    return {name: of[id(p)] for name, p in model.named_parameters() if id(p) in of}


def test_the_first_matching_rule_counts_and_keeps_the_rules_for_biases() -> None:
    """Rates and decays of all parameters against those computed by hand: rule x bias factor x rate."""
    model = Two()
    config = OptimizerConfig("adamw", weight_decay=0.1, rates=(RateRule(r"^base", 0.25), RateRule(r"conv|base", 7.0)))
    optimizer = make_optimizer(model, config)
    set_rate(optimizer, 0.01)
    expected = {
        "base.0.weight": (0.0025, 0.1),
        "base.0.bias": (0.005, 0.0),
        "base.1.weight": (0.0025, 0.0),
        "base.1.bias": (0.0025, 0.0),
        "head.0.weight": (0.01, 0.1),
        "head.0.bias": (0.02, 0.0),
        "head.1.weight": (0.01, 0.0),
        "head.1.bias": (0.01, 0.0),
    }
    found = rates(optimizer, model)
    assert found.keys() == expected.keys()
    for name, pair in expected.items():
        assert found[name] == pytest.approx(pair)


def test_a_rate_of_zero_freezes() -> None:
    """Frozen parameters are in no group and need no gradient; the description counts them."""
    model = Two()
    config = OptimizerConfig(rates=(RateRule(r"^base", 0.0),))
    optimizer = make_optimizer(model, config)
    assert {name.split(".")[0] for name in rates(optimizer, model)} == {"head"}
    assert not any(p.requires_grad for p in model.base.parameters())
    assert describe_rates(model, config) == [
        "frozen: names that match '^base' (4 tensors, 24 values)",
        "rate x 1: all others (4 tensors, 14 values)",
    ]
    assert describe_rates(model, OptimizerConfig()) == []


def test_fixed_statistics_stay(tmp_path: Path) -> None:
    """Running statistics after three steps: those that match the pattern are as before, all others have moved."""
    loop = LoopConfig(batch_size=4, fixed_statistics=r"^base\.")
    run = make_run(iterations=3, loop=loop)
    before = {name: value.clone() for name, value in run.model.state_dict().items() if "running_mean" in name}
    train(run, tmp_path)
    after = run.model.state_dict()
    moved = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert moved
    assert moved == {name for name in before if not name.startswith("base.")}


def test_a_frozen_part_does_not_learn(tmp_path: Path) -> None:
    """Weights after three steps: a part with a rate of 0 is as before, nearly everything else has changed."""
    run = make_run(iterations=3, loop=LoopConfig(batch_size=4), optimizer=OptimizerConfig(rates=(RateRule("base", 0),)))
    before = {name: parameter.clone() for name, parameter in run.model.named_parameters()}
    train(run, tmp_path)
    same = {name for name, parameter in run.model.named_parameters() if torch.equal(parameter, before[name])}
    base = {name for name in before if name.startswith("base.")}
    assert base <= same
    assert len(same - base) <= 1  # the last map may have no match, so that its offsets learn nothing
