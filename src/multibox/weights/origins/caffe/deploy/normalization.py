"""What a Caffe network expects as its image: mean, scale and the order of colors.

A .prototxt file for detection usually does not say it. It follows from `transform_param` if there is one, from what the
caller says, or from a list of published files.
"""

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from multibox.errors import UsageError
from multibox.weights.origins.caffe.deploy.options import Options
from multibox.weights.origins.origin import ImportChoices

Three = tuple[float, float, float]


@dataclass(frozen=True)
class Normalization:
    """(x - mean) · scale, with a mean and a scale for each channel in the network's order, which is `channels`."""

    mean: Three
    scale: Three
    channels: str

    def then(self, factor: Float[Tensor, "3"], summand: Float[Tensor, "3"]) -> "Normalization":
        """The normalization followed by a factor and a summand; not `valid` if a factor is 0 or negative."""
        rows = zip(self.mean, self.scale, factor.tolist(), summand.tolist(), strict=True)
        values = [(m - b / (s * f) if s * f else 0.0, s * f) for m, s, f, b in rows]
        means, scales = zip(*values, strict=True)
        return replace(self, mean=means, scale=scales)

    @property
    def valid(self) -> bool:
        """Whether a model can have it."""
        return all(abs(mean) <= 1000 for mean in self.mean) and all(1e-4 <= scale <= 1000 for scale in self.scale)

    @property
    def std(self) -> Three:
        """What a model divides by."""
        first, second, third = self.scale
        return 1 / first, 1 / second, 1 / third

    @property
    def rgb(self) -> "Normalization":
        """Mean and scale in the order of RGB."""
        if self.channels == "rgb":
            return self
        return Normalization(self.mean[::-1], self.scale[::-1], "rgb")


def find_normalization(
    transform: Options, choices: ImportChoices, *, known: Normalization | None, source: str
) -> Normalization:
    """What the caller says, else `transform_param`, else what is known of the file.

    Raises UsageError if nothing says it.
    """
    mean = choices.mean or tuple(transform.numbers("mean_value")) or None
    scale = transform.number("scale", 1) if transform.has("scale") else None
    scale = choices.scale if choices.scale is not None else scale
    if mean is None and known is None:
        raise UsageError(
            f"{source} does not say how its images are normalized: add --mean and --scale as its training used them, "
            "for example --mean 104,117,123 for a VGG, --mean 127.5 --scale 0.007843 for a MobileNet-SSD, and "
            "--channels rgb if it expects RGB"
        )
    usual = known or Normalization((0.0,) * 3, (1.0,) * 3, "bgr")
    if mean is not None:
        if len(mean) not in (1, 3):
            raise UsageError(
                f"{len(mean)} values for the mean of {source}: give one, or one for each of three channels"
            )
        first, second, third = mean * (3 // len(mean))
        usual = Normalization((first, second, third), (1.0,) * 3, "bgr")
    found = replace(usual, channels=choices.channels or usual.channels)
    if scale is not None:
        found = replace(found, scale=(scale,) * 3)
    if not found.valid:
        raise UsageError(
            f"mean {found.mean} and scale {found.scale[0]:g} of {source} are out of range: give a mean to 1000 and a "
            "scale above 0"
        )
    return found
