"""How long training and detection take on this machine, from counted operations and the rate of one convolution."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import torch
from torch import Tensor, nn

from multibox.experiments.recipe import Recipe
from multibox.models.operations import operations_per_image
from multibox.models.ssd import SSD
from multibox.system.clock import synchronize
from multibox.system.device import choose_device
from multibox.training.network import computing_in, computing_type

_CHANNELS, _SIDE = 256, 38  # of conv3 and conv4 in SSD300, where most of its time goes
_PASSES, _ENOUGH_SECONDS = 4, 0.1
_CPU_IMAGES, _GPU_IMAGES = 1, 32


@dataclass(frozen=True)
class SecondsPerImage:
    """`training`: one image in a training step, without loading it. `detection`: one image through the network."""

    training: float
    detection: float


class Estimator:
    """Estimates times on one device; the rate of each precision is measured once."""

    def __init__(self, device: str | None = None, *, on_message: Callable[[str], object] = lambda text: None) -> None:
        self._device = choose_device(device)
        self._on_message = on_message
        self._rates: dict[torch.dtype, float] = {}
        self._known: dict[tuple[object, ...], SecondsPerImage] = {}

    def seconds(self, recipe: Recipe, *, classes: int) -> SecondsPerImage:
        """Return the operations of the recipe's convolutions divided by the measured rate.

        Layers other than convolutions, the loss and the optimizer are not counted, so the true time is longer: on a
        CPU about a third for SSD300.
        """
        network = recipe.model, recipe.loop.precision, classes
        if network not in self._known:
            self._known[network] = self._seconds(recipe, classes)
        return self._known[network]

    def _seconds(self, recipe: Recipe, classes: int) -> SecondsPerImage:
        precision = computing_type(recipe.loop.precision, self._device)
        if precision not in self._rates:
            self._rates[precision] = convolution_rate(precision, device=self._device)
            self._on_message(
                f"convolutions on {self._device}: {self._rates[precision]:.0f} · 10⁹ operations per second"
            )
        rate = self._rates[precision]
        with torch.device("meta"):
            model = SSD(recipe.model, [str(number) for number in range(classes)])
        operations = operations_per_image(model)
        return SecondsPerImage(operations.training / rate, operations.detection / rate)


def convolution_rate(precision: torch.dtype, *, device: torch.device) -> float:
    """Return the operations per second, in units of 10⁹, of a 3 x 3 convolution, forward and backward.

    The fastest of a few passes counts, because other programs may slow some of them down.
    """
    images = _CPU_IMAGES if device.type == "cpu" else _GPU_IMAGES
    with torch.random.fork_rng(devices=[]):
        layer = nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=1).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    maps = torch.zeros(images, _CHANNELS, _SIDE, _SIDE, device=device).to(memory_format=torch.channels_last)
    maps.requires_grad_()
    operations = 3 * 2 * maps.numel() * layer.weight[0].numel()
    times = [_timed(layer, maps, precision)]  # the first pass also warms up
    while len(times) < _PASSES and sum(times[1:]) < _ENOUGH_SECONDS:
        times.append(_timed(layer, maps, precision))
    return operations / min(times) / 1e9


def _timed(layer: nn.Conv2d, maps: Tensor, precision: torch.dtype) -> float:
    """Return the seconds of one pass, forward and backward."""
    synchronize(maps.device)
    started = perf_counter()
    with computing_in(precision, maps.device):
        output = layer(maps)
    output.sum().backward()
    synchronize(maps.device)
    return perf_counter() - started
