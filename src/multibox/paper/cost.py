"""What training and detection cost on this machine, measured by a few steps of the network itself."""

from dataclasses import dataclass, replace
from itertools import repeat
from time import perf_counter

import torch

from multibox.bench.train import timed_step
from multibox.data.classes.voc import VOC_CLASSES
from multibox.data.loading.loader import Batch
from multibox.detection.engines.torch import TorchBackend
from multibox.experiments.recipe import Recipe
from multibox.models.ssd import SSD
from multibox.system.device import choose_device
from multibox.training.loop import Run
from multibox.training.optimizer import set_rate

_BATCH = 2
_OBJECTS = 3


@dataclass(frozen=True)
class Cost:
    """Seconds for one image: in a training step without loading it, and through the network at test time."""

    training: float
    detection: float


class Costs:
    """Costs of recipes on one device; a network is measured once, whatever number of recipes share it."""

    def __init__(self, device: str | None = None) -> None:
        self._device = choose_device(device)
        self._known: dict[tuple[object, ...], Cost] = {}

    def of(self, recipe: Recipe) -> Cost:
        """The cost of one image in a small batch, from the second of two steps."""
        if not self.known(recipe):
            self._known[_network(recipe)] = self._measure(recipe)
        return self._known[_network(recipe)]

    def known(self, recipe: Recipe) -> bool:
        """Whether the recipe's network was measured already."""
        return _network(recipe) in self._known

    def _measure(self, recipe: Recipe) -> Cost:
        with torch.random.fork_rng(devices=[]):
            model = SSD(recipe.model, VOC_CLASSES).to(self._device)
        loop = replace(recipe.loop, batch_size=_BATCH, accumulate=1)
        run = Run(model, loop=loop, optimizer=recipe.optimizer, schedule=recipe.schedule, loss=recipe.loss)
        model.train()
        set_rate(run.optimizer, 0.0)
        batches = repeat(_noise(recipe.model.input_size).to(self._device))
        timed_step(run, model, batches)
        training = sum(timed_step(run, model, batches).values()) / 1000
        return Cost(training / _BATCH, self._detection(model))

    def _detection(self, model: SSD) -> float:
        backend = TorchBackend(model)
        images = _noise(model.config.input_size).images.permute(0, 2, 3, 1).numpy()
        backend.forward(images)
        started = perf_counter()
        backend.forward(images)
        return (perf_counter() - started) / _BATCH


def _network(recipe: Recipe) -> tuple[object, ...]:
    """What the cost depends on, batches aside."""
    return recipe.model, recipe.loop.precision


def _noise(size: tuple[int, int]) -> Batch:
    """A small batch of noise with a few objects."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (_BATCH, *size, 3), dtype=torch.uint8, generator=generator).permute(0, 3, 1, 2)
    corners = torch.rand(_BATCH, _OBJECTS, 2, generator=generator) / 2
    boxes = torch.cat([corners, corners + 0.4], dim=-1)
    labels = torch.zeros(_BATCH, _OBJECTS, dtype=torch.int64)
    valid = torch.ones(_BATCH, _OBJECTS, dtype=torch.bool)
    return Batch(images, boxes, labels, valid, ~valid, ["noise"] * _BATCH)
