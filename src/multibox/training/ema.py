"""An exponential moving average of a model's weights, which often detects better than the weights themselves."""

from copy import deepcopy

import torch

from multibox.models.ssd import SSD


class MovingAverage:
    """Holds `model`, a copy of a model in training that follows its values.

    The decay grows from 0.1 to `decay` over the first steps, so that the initial values soon lose their influence.
    """

    def __init__(self, model: SSD, *, decay: float) -> None:
        self.decay = decay
        self.model = deepcopy(model).requires_grad_(False)
        self.model.eval()

    @torch.no_grad()
    def update(self, model: SSD, *, step: int) -> None:
        """Move the average toward `model` after step number `step`, counted from 0."""
        decay = min(self.decay, (1 + step) / (10 + step))
        learned = model.state_dict(keep_vars=True)
        own = self.model.state_dict(keep_vars=True)
        floats = [name for name, value in own.items() if value.is_floating_point()]
        torch._foreach_lerp_([own[name] for name in floats], [learned[name] for name in floats], 1 - decay)
        for name in own.keys() - floats:
            own[name].copy_(learned[name])
