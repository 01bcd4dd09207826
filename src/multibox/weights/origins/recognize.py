"""Imports the weights of another SSD. The names of the tensors tell which program wrote them."""

from collections.abc import Sequence
from pathlib import Path

from multibox.errors import UsageError, WeightsError
from multibox.models.ssd import SSD
from multibox.priors import PriorSpec
from multibox.size import Size
from multibox.weights.origins import amdegroot, lufficc
from multibox.weights.origins.caffe import ssd as caffe
from multibox.weights.origins.caffe.deploy.convert import convert_deploy
from multibox.weights.origins.foreign_weights import ForeignWeights, read_foreign_weights
from multibox.weights.origins.origin import ImportChoices, Origin
from multibox.weights.origins.pytorch_ssd import origin as pytorch_ssd
from multibox.weights.origins.strange_tensors import tensor_stranger
from multibox.weights.origins.tensorflow import ssd as tensorflow
from multibox.weights.origins.torchvision import ssd as torchvision

ORIGINS: tuple[Origin, ...] = (tensorflow, caffe, torchvision, amdegroot, lufficc, pytorch_ssd)
"""All importers. To add one, write its module and add it here."""

SIZED: tuple[Origin, ...] = (pytorch_ssd,)
"""Those whose files fit any input size, so that it has to be chosen."""

COLORED: tuple[Origin, ...] = (amdegroot,)
"""Those whose files do not tell the order of colors, so that it can be chosen."""

CHANNELS = ("rgb", "bgr")


def import_weights(
    file: Path | str,
    *,
    priors: str | PriorSpec | None = None,
    class_names: Sequence[str] | None = None,
    channels: str | None = None,
    size: Size | None = None,
    prototxt: Path | str | None = None,
    mean: Sequence[float] | None = None,
    scale: float | None = None,
) -> SSD:
    """The detector of a foreign weight file, in evaluation mode, with the same results as in its own program.

    Reads the authors' .caffemodel files and the state dicts of torchvision, amdegroot/ssd.pytorch, lufficc/SSD and
    qfgaohao/pytorch-ssd (which jetson-inference trains with), as .pth or .safetensors, and .tflite files and frozen
    graphs (.pb) of the TensorFlow Object Detection API. `priors` are needed if neither the file nor its number of
    classes implies them: "ssd300-voc", "ssd300-coco", "ssd512-voc", "ssd512-coco" or a PriorSpec. Without `class_names`
    a published list of the right length is used, or for pytorch-ssd and TensorFlow a list of labels in or beside the
    file. `channels` ("rgb" or "bgr") is what the first layer of an amdegroot file expects, if
    the name of the file does not tell. `size` is the input size of a pytorch-ssd model that was trained at another one
    than usual. With `prototxt`, the file that has the layers of a .caffemodel, any Caffe SSD is read; `mean` and
    `scale` then say how its images are normalized, in the order of `channels`, BGR by default. Raises WeightsError or
    UsageError that says what does not fit.
    """
    normalization = None if mean is None else tuple(mean)
    choices = ImportChoices(priors, class_names, channels, size, prototxt, normalization, scale)
    return convert(read_foreign_weights(file), choices)


def convert(foreign: ForeignWeights, choices: ImportChoices | None = None) -> SSD:
    """`import_weights` for tensors that are already read."""
    choices = choices or ImportChoices()
    if choices.channels not in (None, *CHANNELS):
        raise UsageError(f"channel order {choices.channels!r} is not known: choose rgb or bgr")
    if choices.prototxt is not None:
        return convert_deploy(foreign, choices)
    if choices.mean is not None or choices.scale is not None:
        advice = "add --prototxt" if foreign.layers else f"leave them out for {foreign.source}"
        raise UsageError(f"--mean and --scale are for Caffe models with their .prototxt file: {advice}")
    for origin in ORIGINS:
        if origin.recognizes(foreign):
            if choices.channels is not None and origin not in COLORED:
                raise UsageError(
                    f"{foreign.source} is a model of {origin.NAME}, whose order of colors is known: "
                    "leave out --channels"
                )
            if choices.size is not None and origin not in SIZED:
                raise UsageError(f"{foreign.source} is a model of {origin.NAME}, which has one size: choose no size")
            return origin.convert(foreign, choices)
    raise _unknown(foreign)


def _unknown(foreign: ForeignWeights) -> WeightsError:
    """What a file is that no importer recognizes."""
    first = ", ".join(name[:100] for name in list(foreign.tensors)[:3])
    if foreign.layers:
        return WeightsError(
            f"{foreign.source} is a Caffe model with names that multibox does not know (they begin with {first}): "
            f"{caffe.WITH_PROTOTXT}"
        )
    stranger = tensor_stranger(foreign.tensors)
    if stranger is not None:
        return WeightsError(f"{foreign.source} is {stranger.what}, which cannot be imported: {stranger.advice}")
    return WeightsError(
        f"{foreign.source} contains no SSD of a known origin (its tensors begin with {first}): multibox imports the "
        "authors' Caffe models, torchvision's, TensorFlow's (.tflite, .pb), amdegroot/ssd.pytorch, lufficc/SSD on "
        "VGG16, pytorch-ssd and jetson-inference"
    )


def origin_of(foreign: ForeignWeights) -> str | None:
    """The name of the program that the tensors come from, None if no importer recognizes them."""
    return next((origin.NAME for origin in ORIGINS if origin.recognizes(foreign)), None)
