"""A recipe that trains a detector from scratch in minutes on two cores."""

from multibox.data.augmentation.augmentation import AUGMENTATIONS
from multibox.experiments.recipe import Recipe
from multibox.models.config import slim300_config
from multibox.training.optimizer import OptimizerConfig, Schedule
from multibox.training.run import LoopConfig


def quick() -> Recipe:
    """A slim SSD300 with batch normalization, for a few hundred images of a few classes.

    multibox train quick --data PATH --out runs/quick
    """
    return Recipe(
        name="quick",
        model=slim300_config(sizes=(18, 48, 90, 132, 174, 216, 258)),
        schedule=Schedule(1500, rate=0.012, shape="cosine", warmup=100),
        optimizer=OptimizerConfig(clip=10.0),
        augmentation=AUGMENTATIONS["caffe"],
        loop=LoopConfig(batch_size=16, precision="auto", ema=0.998, checkpoint_every=250),
    )
