"""A detector for your own data set of a few hundred to a few thousand images, from ImageNet weights."""

from dataclasses import replace

from multibox.data.augmentation.augmentation import AUGMENTATIONS
from multibox.experiments.recipe import Recipe
from multibox.models.config import lite_config
from multibox.training.optimizer import OptimizerConfig, RateRule, Schedule
from multibox.training.run import LoopConfig

_AUGMENTATION = replace(AUGMENTATIONS["caffe"], zoom_out=0.3, zoom_out_ratio=2.0, interpolations=("linear", "area"))


def lite320() -> Recipe:
    """SSD on EfficientNet-Lite0 at 320 x 320, 3,000 steps of 16 from ImageNet weights.

    The first layers are frozen, the other layers of the base learn at a tenth of the rate, and the base keeps the
    running statistics of ImageNet. Needs the extra `pretrained`.

    multibox train lite320 --data PATH --out runs/lite320
    """
    model = lite_config(side=320)
    first, imagenet = model.base.first_layers, model.base.imagenet_layers
    return Recipe(
        name="lite320",
        model=model,
        schedule=Schedule(3000, rate=0.001, shape="cosine", warmup=100),
        optimizer=OptimizerConfig(
            kind="adamw",
            weight_decay=0.05,
            clip=10.0,
            rates=(RateRule(first, 0.0), RateRule(imagenet, 0.1)),
        ),
        augmentation=_AUGMENTATION,
        loop=LoopConfig(batch_size=16, precision="auto", ema=0.998, report_every=50, fixed_statistics=imagenet),
        base_weights="efficientnet-lite0",
    )
