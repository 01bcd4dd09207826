"""SSD on any base network, for any size of the input."""

from collections.abc import Sequence

from multibox.errors import UsageError
from multibox.models.bases.config import BaseConfig
from multibox.models.bases.known import NAMED, KnownBase, find_base
from multibox.models.bases.vgg import VGG16Config
from multibox.models.config import CAFFE_MEAN, ModelConfig, source_cells, ssd300_config, ssd512_config
from multibox.models.faults import find_fault
from multibox.models.heads import Extra
from multibox.models.rule_faults import MAX_SIDE, find_class_fault
from multibox.models.ssd import SSD
from multibox.priors import official_sizes, sized_spec
from multibox.size import Size

FEWEST_CELLS = 2
"""Extra layers halve the map until its shorter side has at most so many cells."""

STRIDES_OF_SMALLEST = 4.5
"""The smallest square prior in strides of the first source map, as in SSD512 for VOC: 36 of 512 pixels at stride 8."""

LARGEST_FIRST, HIGHEST = 10, 90
"""Percentages of the shorter input side: the largest smallest prior of a map with stride 8, and the highest step."""


def ssd(class_names: Sequence[str], *, base: str | KnownBase = "vgg16", size: int | Sequence[int] = 300) -> SSD:
    """A detector of these classes on any base network, for any input size.

    `base` is a name, for example "resnet50" or "efficientnet_lite0" (an unknown name lists all), or the config of a
    base network. `size` is a side in pixels or (height, width). The values are random: `load_base` loads ImageNet
    weights. Raises UsageError if the base is unknown, the size does not fit it, or there are no or equal class names.
    """
    config = ssd_config(base, size)
    return SSD(config, _checked_names(class_names, priors=config.priors.count))


def ssd_config(base: str | KnownBase, size: int | Sequence[int]) -> ModelConfig:
    """The structure of `ssd`: sources, extra layers and priors chosen for the base and the size.

    The sources are those of the base, of stride 8, 16 and mostly 32, and extra layers of stride 2 until the shorter
    side of the map has at most two cells. Sizes of the priors rise evenly, as in the official scripts, from about 4.5
    strides of the first map, at most 10 % of the shorter side, to 90 % of it. For VGG16 at 300 and 512 pixels the
    result is the paper's SSD300 or SSD512.
    """
    config = base if isinstance(base, BaseConfig) else find_base(base)
    name = base if isinstance(base, str) else _name_of(config)
    sides = _checked_size(size, name=name, base=config)
    if config == VGG16Config() and sides in (Size(300, 300), Size(512, 512)):
        return ssd300_config() if sides.height == 300 else ssd512_config()
    extras = _extras(sides, config)
    cells = source_cells(sides, base=config, extras=extras)
    ratios = [(2.0,), *[(2.0, 3.0)] * (len(cells) - 3), (2.0,), (2.0,)][-len(cells) :]
    priors = sized_spec(sides, cells, sizes=_sizes(sides, config, maps=len(cells)), ratios=ratios)
    deviation = 58.0 if config.has_batch_norm else 1.0
    shown = str(sides.height) if sides.height == sides.width else f"{sides.height}x{sides.width}"
    model = ModelConfig(f"{name}-{shown}", config, extras, priors, mean=CAFFE_MEAN, std=(deviation,) * 3)
    fault = find_fault(model)
    if fault is not None:
        raise UsageError(f"no detector on {name} can be built for {shown} pixels: {fault}")
    return model


def parse_size(text: str) -> Size:
    """The size in "320" or "240x320" (height x width). Raises UsageError for other text."""
    parts = text.lower().split("x")
    if len(parts) not in (1, 2) or not all(part.isascii() and part.isdecimal() and len(part) < 7 for part in parts):
        raise UsageError(f"size {text[:100]!r} is no size: write a side in pixels, or HEIGHTxWIDTH such as 240x320")
    return Size(int(parts[0]), int(parts[-1]))


def _name_of(base: BaseConfig) -> str:
    """The name that users choose this base by; its kind if it differs from all of them."""
    return next((name for name, config in NAMED.items() if config == base), base.kind)


def _checked_size(size: int | Sequence[int], *, name: str, base: BaseConfig) -> Size:
    sides = (size, size) if isinstance(size, int) else tuple(size) if isinstance(size, Sequence) else ()
    if len(sides) != 2 or not all(isinstance(side, int) for side in sides):
        raise UsageError(f"size {size!r} is no size: give a side in pixels, or (height, width)")
    smallest = max(base.strides)
    if not all(smallest <= side <= MAX_SIDE for side in sides):
        raise UsageError(
            f"size {sides[0]} x {sides[1]} does not fit {name}, whose last map has stride {smallest}: choose sides of "
            f"{smallest} to {MAX_SIDE} pixels"
        )
    return Size(*sides)


def _checked_names(names: Sequence[str], *, priors: int) -> Sequence[str]:
    listed = isinstance(names, Sequence) and not isinstance(names, str) and all(isinstance(name, str) for name in names)
    if not listed:
        raise UsageError(f"class_names is {names!r:.100}, it must be a list of names, for example ['cup', 'plate']")
    fault = find_class_fault(names, priors=priors)
    if fault is not None:
        raise UsageError(f"no detector can be built: {fault}")
    return names


def _extras(size: Size, base: BaseConfig) -> tuple[Extra, ...]:
    extras: list[Extra] = []
    while min(source_cells(size, base=base, extras=extras)[-1]) > FEWEST_CELLS:
        extras.append(base.extra(len(extras)))
    return tuple(extras)


def _sizes(size: Size, base: BaseConfig, *, maps: int) -> tuple[float, ...]:
    """The sizes of the priors of all maps in pixels, and one more."""
    side, coarser = min(size), base.strides[0] // 8
    first = max(1, min(round(100 * STRIDES_OF_SMALLEST * base.strides[0] / side), LARGEST_FIRST * coarser))
    lowest = 2 * first + (first < LARGEST_FIRST)
    if maps < 3:
        return tuple(side * percent / 100 for percent in (first, lowest, HIGHEST)[: maps + 1])
    return official_sizes(side, first=first, lowest=lowest, highest=HIGHEST, maps=maps)
