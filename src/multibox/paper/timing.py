"""How long training and detection take on this machine, measured with a few steps of the network itself."""

from collections.abc import Callable
from dataclasses import replace
from itertools import repeat
from time import perf_counter

import torch

from multibox.bench.train import timed_step
from multibox.data.loading.batch import Batch
from multibox.detection.engines.torch import TorchEngine
from multibox.experiments.recipe import Recipe
from multibox.models.ssd import SSD
from multibox.paper.estimate import SecondsPerImage
from multibox.system.device import choose_device
from multibox.training.optimizer import set_rate
from multibox.training.run import Run

BATCH_SIZE = 2
OBJECTS_PER_IMAGE = 3


class Timer:
    """Times recipes on one device. Each network is measured once, however many recipes share it."""

    def __init__(self, device: str | None = None, *, on_message: Callable[[str], object] = lambda text: None) -> None:
        self._device = choose_device(device)
        self._on_message = on_message
        self._known: dict[tuple[object, ...], SecondsPerImage] = {}

    def seconds(self, recipe: Recipe, *, classes: int) -> SecondsPerImage:
        """Return the time of one image in a small batch, taken from the second of two steps."""
        network = (recipe.model, recipe.loop.precision, classes)  # everything the time depends on, except the batch
        if network not in self._known:
            self._on_message(f"measuring {recipe.model.name} with {classes} classes for {recipe.name}")
            self._known[network] = self._measure(recipe, classes)
        return self._known[network]

    def _measure(self, recipe: Recipe, classes: int) -> SecondsPerImage:
        with torch.random.fork_rng(devices=[]):
            model = SSD(recipe.model, [str(number) for number in range(classes)]).to(self._device)
        loop = replace(recipe.loop, batch_size=BATCH_SIZE, accumulate=1)
        run = Run(model, loop=loop, optimizer=recipe.optimizer, schedule=recipe.schedule, loss=recipe.loss)
        model.train()
        set_rate(run.optimizer, 0.0)
        batches = repeat(_noise(recipe.model.input_size).to(self._device))
        timed_step(run, model, batches)
        training = sum(timed_step(run, model, batches).values()) / 1000
        return SecondsPerImage(training / BATCH_SIZE, self._detection(model))

    def _detection(self, model: SSD) -> float:
        engine = TorchEngine(model)
        images = _noise(model.config.input_size).images.permute(0, 2, 3, 1).numpy()
        engine.forward(images)
        started = perf_counter()
        engine.forward(images)
        return (perf_counter() - started) / BATCH_SIZE


def _noise(size: tuple[int, int]) -> Batch:
    """A small batch of noise with a few objects."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (BATCH_SIZE, *size, 3), dtype=torch.uint8, generator=generator).permute(0, 3, 1, 2)
    corners = torch.rand(BATCH_SIZE, OBJECTS_PER_IMAGE, 2, generator=generator) / 2
    boxes = torch.cat([corners, corners + 0.4], dim=-1)
    labels = torch.zeros(BATCH_SIZE, OBJECTS_PER_IMAGE, dtype=torch.int64)
    valid = torch.ones(BATCH_SIZE, OBJECTS_PER_IMAGE, dtype=torch.bool)
    return Batch(images, boxes, labels, valid, ~valid, ["noise"] * BATCH_SIZE)
