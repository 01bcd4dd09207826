"""The settings of data augmentation, and the named ones that recipes use."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from multibox.data.augmentation.color import ColorJitter
from multibox.data.augmentation.crop_sampler import CropSampler
from multibox.data.augmentation.distortion import Distortion
from multibox.data.augmentation.resample import Interpolation
from multibox.errors import UsageError

ALL_INTERPOLATIONS: tuple[Interpolation, ...] = ("linear", "area", "nearest", "cubic", "lanczos")


@dataclass(frozen=True)
class Augmentation:
    """The random changes of a training sample. The default is none: the transform used at test time.

    zoom_out: probability of placing the image on a larger canvas. zoom_out_ratio: largest ratio of the sides.
    crop: how patches are drawn; None for no crops.
    color: photometric distortion; None for none.
    mirror: probability of exchanging left and right.
    upside_down, quarter_turn: probabilities of a vertical flip and of a turn by 90 degrees counter-clockwise, for
    images that have no natural top, such as those from a microscope or from the air.
    interpolations: one of them is drawn for each sample.
    jpeg_quality: if given, the visible part of the image is compressed and decompressed before it is resized.
    reduced_above: images with more pixels are decoded at 1/2, 1/4 or 1/8 of their size if the sample shows them smaller
    than that; 0 for all images, None for no image.
    """

    zoom_out: float = 0.0
    zoom_out_ratio: float = 4.0
    crop: CropSampler | None = None
    color: ColorJitter | None = None
    mirror: float = 0.0
    upside_down: float = 0.0
    quarter_turn: float = 0.0
    interpolations: tuple[Interpolation, ...] = ("linear",)
    jpeg_quality: int | None = None
    reduced_above: int | None = None

    @property
    def distortions(self) -> tuple[Distortion, ...]:
        """The changes of pixels in the order in which they are drawn and applied; new ones go to the end."""
        return tuple(distortion for distortion in (self.color,) if distortion is not None)


CAFFE = Augmentation(
    zoom_out=0.5,
    crop=CropSampler(),
    color=ColorJitter(),
    mirror=0.5,
    interpolations=ALL_INTERPOLATIONS,
    reduced_above=1_000_000,
)
PAPER = Augmentation(
    zoom_out=0.5,
    crop=CropSampler(scale=(0.1, 1.0), aspect_drawn="where_it_fits"),
    color=ColorJitter(),
    mirror=0.5,
    interpolations=ALL_INTERPOLATIONS,
    reduced_above=1_000_000,
)
AUGMENTATIONS: Mapping[str, Augmentation] = MappingProxyType(
    {"none": Augmentation(), "flip": Augmentation(mirror=0.5), "paper": PAPER, "caffe": CAFFE},
)


def find_augmentation(name: str) -> Augmentation:
    """The augmentation of a name. Raises UsageError if the name is not known."""
    if name not in AUGMENTATIONS:
        raise UsageError(f"augmentation {name!r} is not known: choose one of {', '.join(AUGMENTATIONS)}")
    return AUGMENTATIONS[name]
