"""The common settings of the paper's experiments (section 3): VGG16, the batch, and the schedule of each data set.

Every recipe of a table calls one of the four functions here and changes the settings of its row. A batch of 32 is
split into four micro-batches of 8, each with its own normalizer, as on the authors' four GPUs; it needs the memory of
8. Costs in the docstrings are image counts. SSD300 needs about 63 billion operations (additions and multiplications)
for one image and SSD512 about 181, and training three times as many. `multibox reproduce TABLE --plan` measures them.
"""

from dataclasses import replace

from multibox.data.augmentation.augmentation import AUGMENTATIONS
from multibox.experiments.recipe import Recipe
from multibox.models.config import ModelConfig
from multibox.training.optimizer import OptimizerConfig, Schedule
from multibox.training.run import LoopConfig

VOC07 = "2007:trainval"
VOC0712 = "2007:trainval+2012:trainval"
VOC0712_PLUS = "2007:trainval+2007:test+2012:trainval"
COCO = "trainval35k"
ILSVRC = "train+val1"

DATA = {VOC07: "voc", VOC0712: "voc", VOC0712_PLUS: "voc", COCO: "coco", ILSVRC: "ilsvrc"}
"""The data set of each training split."""

CLASS_COUNTS = {"voc": 20, "coco": 80, "ilsvrc": 200}

VGG16 = "vgg16-reducedfc-caffe"
WHOLE_VGG16 = "vgg16-torchvision"

SAMPLED = replace(AUGMENTATIONS["paper"], zoom_out=0.0)
"""Section 2.2: patches and photometric distortion. Section 3.6 adds the zoom-out."""

ZOOMED_OUT = AUGMENTATIONS["caffe"]

VOC2007_SCHEDULE = Schedule(60_000, milestones=(40_000, 50_000))
VOC2012_SCHEDULE = Schedule(80_000, milestones=(60_000,))
COCO_SCHEDULE = Schedule(240_000, milestones=(160_000, 200_000))
ILSVRC_SCHEDULE = Schedule(440_000, milestones=(320_000, 400_000))

OPTIMIZER = OptimizerConfig(momentum_rule="caffe")
"""Past gradients keep their rate when the rate drops, as in the authors' solver."""

LOOP = LoopConfig(batch_size=32, accumulate=4, checkpoint_every=1000)


def voc2007(name: str, model: ModelConfig, *, train_split: str = VOC0712) -> Recipe:
    """Section 3.1: 40k steps at 1e-3, 10k at 1e-4, 10k at 1e-5, evaluated by AP at 11 points of recall."""
    return Recipe(
        name=name,
        model=model,
        schedule=VOC2007_SCHEDULE,
        augmentation=SAMPLED,
        loop=LOOP,
        optimizer=OPTIMIZER,
        train_split=train_split,
        metric="voc07",
        base_weights=VGG16,
    )


def voc2012(name: str, model: ModelConfig) -> Recipe:
    """Section 3.3: 60k steps at 1e-3 and 20k at 1e-4, evaluated by AP as area under the curve."""
    recipe = voc2007(name, model, train_split=VOC0712_PLUS)
    return replace(recipe, schedule=VOC2012_SCHEDULE, metric="voc10")


def coco(name: str, model: ModelConfig) -> Recipe:
    """Section 3.4: 160k steps at 1e-3, 40k at 1e-4, 40k at 1e-5; crowds are not targets."""
    return Recipe(
        name=name,
        model=model,
        schedule=COCO_SCHEDULE,
        augmentation=SAMPLED,
        loop=LOOP,
        optimizer=OPTIMIZER,
        train_split=COCO,
        metric="coco",
        use_difficult=False,
        base_weights=VGG16,
    )


def ilsvrc(name: str, model: ModelConfig) -> Recipe:
    """Section 3.5: 320k steps at 1e-3, 80k at 1e-4, 40k at 1e-5, evaluated by AP as area under the curve."""
    recipe = coco(name, model)
    return replace(recipe, schedule=ILSVRC_SCHEDULE, train_split=ILSVRC, metric="voc10", pixel_rule="caffe")


def zoomed_out(recipe: Recipe) -> Recipe:
    """Section 3.6: with zoom-out, and twice the steps."""
    return replace(recipe, augmentation=ZOOMED_OUT, schedule=times(recipe.schedule, 2))


def from_coco(recipe: Recipe, start: str) -> Recipe:
    """Start from the weights of the recipe `start` on COCO instead of VGG16's (sections 3.1 and 3.3)."""
    return replace(recipe, base_weights=None, start_weights=trained(start))


def class_count(recipe: Recipe) -> int:
    """Return the number of classes that an unchanged recipe of the paper learns."""
    return CLASS_COUNTS[DATA[str(recipe.train_split)]]


def trained(name: str) -> str:
    """Return the path of a recipe's weights after training with `--out runs/NAME`, as in its docstring."""
    return f"runs/{name}/last.safetensors"


def times(schedule: Schedule, factor: float) -> Schedule:
    """Return the schedule with `factor` times the steps, at least one; the rates do not change."""
    return replace(
        schedule,
        iterations=max(1, round(schedule.iterations * factor)),
        milestones=tuple(round(step * factor) for step in schedule.milestones),
        warmup=round(schedule.warmup * factor),
    )
