"""A light detector trained from scratch on a few thousand photographs, first on small images and then on larger ones.

Steps on small images are cheap, and the same weights fit any input size. docs/experiments.md has the experiments that
led to these settings.
"""

from dataclasses import replace

from multibox.data.augmentation.augmentation import AUGMENTATIONS
from multibox.experiments.recipe import Recipe
from multibox.models.config import light_config
from multibox.training.optimizer import OptimizerConfig, Schedule
from multibox.training.run import LoopConfig

_PRIOR_SCALES = (0.15, 0.30, 0.45, 0.60, 0.75, 0.90, 1.05)  # for photographs with few small objects
_CROPS = replace(AUGMENTATIONS["caffe"], zoom_out=0.0, interpolations=("linear", "area"))


def light96() -> Recipe:
    """The first round, at 96 x 96: crops, mirror images and color, 9,600 steps of 16.

    multibox train light96 --data PATH --out runs/light96 --workers 1 --cache 1500
    """
    return Recipe(
        name="light96",
        model=light_config(side=96, sizes=_sizes(96)),
        schedule=Schedule(9600, rate=0.002, shape="cosine", warmup=300),
        optimizer=OptimizerConfig(kind="adamw", weight_decay=0.05, clip=10.0),
        augmentation=_CROPS,
        loop=LoopConfig(batch_size=16, precision="auto", ema=0.998, report_every=50),
    )


def light160() -> Recipe:
    """The second round, at 160 x 160, with some zoom-out: 10,000 steps of 16 from the weights of the first round.

    multibox train light160 --data PATH --out runs/light160 --set start_weights=runs/light96/last.safetensors
    """
    return replace(
        light96(),
        name="light160",
        model=light_config(side=160, sizes=_sizes(160)),
        schedule=Schedule(10_000, rate=0.001, shape="cosine", warmup=300),
        augmentation=replace(_CROPS, zoom_out=0.3, zoom_out_ratio=2.0),
    )


def _sizes(side: int) -> tuple[float, ...]:
    return tuple(side * scale for scale in _PRIOR_SCALES)
