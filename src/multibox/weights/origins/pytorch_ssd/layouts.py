"""The models of pytorch-ssd: which one a file contains, and its config for an input size."""

from dataclasses import dataclass, replace
from math import ceil

from multibox.errors import UsageError, WeightsError
from multibox.models.bases.known import KnownBase
from multibox.models.bases.mobilenet_v1 import MobileNetV1Config
from multibox.models.bases.mobilenet_v2 import MobileNetV2Config
from multibox.models.bases.squeezenet import SqueezeNetConfig
from multibox.models.bases.ultralight import STEM, UltralightConfig
from multibox.models.bases.vgg import VGG16Config
from multibox.models.config import CAFFE_MEAN, ModelConfig, source_cells, ssd300_config
from multibox.models.heads import Extra
from multibox.nms import DetectionSettings
from multibox.priors import BoxSize, PriorMap, PriorSpec, Step, listed_map, official_sizes
from multibox.size import Size
from multibox.weights.origins.foreign_weights import ForeignWeights

USUAL = 300
STEPS_300, SIZES_300 = (16, 32, 64, 100, 150, 300), tuple(range(60, 331, 45))
"""The steps and sizes of the priors that the MobileNet and SqueezeNet models have at 300 pixels."""

FACE_SIDES = (128, 160, 320, 480, 640, 1280)
FACE_BOXES = ((10, 16, 24), (32, 48), (64, 96), (128, 192, 256))
"""Input widths of the face detectors (the height is three quarters), and the squares of each source map in pixels."""


@dataclass(frozen=True)
class Layout:
    """One model: its name in pytorch-ssd, base, extra layers, and the maps that predict if these are not all."""

    name: str
    base: KnownBase
    extras: tuple[Extra, ...]
    sources: tuple[int, ...] | None = None


_THIN = (Extra(128, 256),) * 3
MB1 = Layout("mb1-ssd", MobileNetV1Config(fine=False, added="pytorch-ssd"), (Extra(256, 512), *_THIN))
MB1_LITE = replace(MB1, name="mb1-ssd-lite", base=MobileNetV1Config(fine=False, added="pytorch-ssd-lite"))
MB2_LITE = Layout(
    "mb2-ssd-lite",
    MobileNetV2Config(fine=False, laterals=(), added="pytorch-ssd-lite"),
    (Extra(256, 512), Extra(128, 256), Extra(128, 256), Extra(64, 64)),
)
SQUEEZENET = Layout(
    "sq-ssd-lite", SqueezeNetConfig(), (Extra(256, 512, padding=2), Extra(256, 512), *_THIN), (0, 2, 3, 4, 5, 6)
)
VGG = Layout("vgg16-ssd", VGG16Config(source_norm="batch"), ssd300_config().extras)
RFB = Layout("RFB", UltralightConfig(rfb=True), (Extra(64, 256),))
SLIM = Layout("slim", UltralightConfig(rfb=False), (Extra(64, 256),))


def find_layout(foreign: ForeignWeights) -> Layout:
    """The model whose tensors these are. Raises WeightsError if it is none of them."""
    if "source_layer_add_ons.0.weight" in foreign:
        return VGG
    if "base_net.3.squeeze.weight" in foreign:
        return SQUEEZENET
    if "base_net.1.conv.0.weight" in foreign and "extras.0.conv.0.weight" in foreign:
        return MB2_LITE
    if "base_net.0.0.weight" in foreign and len(foreign["base_net.0.0.weight"]) == STEM:
        return RFB if "base_net.7.branch0.0.conv.weight" in foreign else SLIM
    if "base_net.13.3.weight" in foreign:
        return MB1_LITE if "classification_headers.0.2.weight" in foreign else MB1
    raise WeightsError(
        f"{foreign.source} is a model of pytorch-ssd that multibox cannot build: it reads mb1-ssd, mb1-ssd-lite, "
        "mb2-ssd-lite, sq-ssd-lite, vgg16-ssd and the Ultra-Light face detectors RFB and slim"
    )


def config_of(layout: Layout, *, size: Size | None, classes: int) -> ModelConfig:
    """The model at this input size, by default the usual one, with its priors and the settings of its detector.

    Raises UsageError if the model is not made for the size.
    """
    if layout in (RFB, SLIM):
        return _faces(layout, size or Size(240, 320))
    sides = size or Size(USUAL, USUAL)
    if sides.height != sides.width or (sides.height != USUAL and layout not in (MB1, MB1_LITE, MB2_LITE)):
        raise UsageError(
            f"{layout.name} is not made for {sides.height} x {sides.width} pixels: choose "
            + ("300" if layout in (VGG, SQUEEZENET) else "a square size, the --resolution of its training")
        )
    if layout is VGG:
        config = replace(ssd300_config(), base=layout.base, mean=CAFFE_MEAN)
        priors = config.priors
    else:
        priors = _priors(layout, sides)
        config = ModelConfig(
            layout.name, layout.base, layout.extras, priors, layout.sources, (127.0,) * 3, (128.0,) * 3
        )
    return replace(
        config,
        name=layout.name,
        priors=replace(priors, clip_sizes=True, clip_centers=True),
        detection=DetectionSettings(per_class=200, per_image=200 * classes),
    )


def _priors(layout: Layout, size: Size) -> PriorSpec:
    """The priors of mobilenetv1_ssd_config.py, and of jetson-inference's `set_image_size` at other sizes."""
    cells = source_cells(size, base=layout.base, extras=layout.extras)
    cells = cells if layout.sources is None else tuple(cells[i] for i in layout.sources)
    side = size.height
    steps: tuple[float, ...] = STEPS_300
    sizes: tuple[float, ...] = SIZES_300
    if side != USUAL:
        steps = tuple(ceil(side / n.height) for n in cells)
        sizes = official_sizes(side, first=10, lowest=20, highest=90, maps=len(cells))
    rows = zip(cells, steps, sizes, sizes[1:], strict=False)
    maps = tuple(PriorMap(n, Step(step, step), small, large, (2.0, 3.0)) for n, step, small, large in rows)
    return PriorSpec(size, maps)


def _faces(layout: Layout, size: Size) -> ModelConfig:
    """A face detector, with the priors and thresholds of fd_config.py and the candidates of detect_imgs.py."""
    if size.width not in FACE_SIDES or size.height * 4 != size.width * 3:
        sides = ", ".join(f"{side * 3 // 4}x{side}" for side in FACE_SIDES)
        raise UsageError(
            f"{layout.name} is not made for {size.height} x {size.width} pixels (height x width): choose one of {sides}"
        )
    cells = source_cells(size, base=layout.base, extras=layout.extras)
    maps = tuple(
        listed_map(n, Step(size.height / n.height, size.width / n.width), [BoxSize(side, side) for side in sides])
        for n, sides in zip(cells, FACE_BOXES, strict=True)
    )
    priors = PriorSpec(size, maps, clip_sizes=True, clip_centers=True)
    found = DetectionSettings(nms_threshold=0.3, per_class=1500, per_image=750)
    mean, std = (127.0,) * 3, (128.0,) * 3
    return ModelConfig(layout.name, layout.base, layout.extras, priors, mean=mean, std=std, detection=found)
