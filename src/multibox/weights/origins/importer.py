"""Weights of another SSD as a model here: the origin is recognized by the names of the tensors."""

from collections.abc import Sequence
from pathlib import Path

from multibox.errors import UsageError, WeightsError
from multibox.models.ssd import SSD
from multibox.weights.origins import amdegroot, caffe_ssd, lufficc, torchvision_ssd
from multibox.weights.origins.foreign import Foreign, read_foreign

CONVERTED_FROM_CAFFE = "ssd_300_VOC0712.pth"
CHANNELS = ("rgb", "bgr")


def import_weights(
    file: Path | str,
    *,
    model: str | None = None,
    class_names: Sequence[str] | None = None,
    channels: str | None = None,
) -> SSD:
    """The detector of a foreign weight file, in evaluation mode, giving the results that its own program gives.

    Reads the authors' .caffemodel files and the state dicts of torchvision, amdegroot/ssd.pytorch and lufficc/SSD, as
    .pth or .safetensors. `model` ("ssd300-voc", "ssd300-coco", "ssd512-voc", "ssd512-coco") chooses the priors where
    neither the file nor its number of classes tells them; without `class_names` a published list of the right length
    is taken. `channels` ("rgb" or "bgr") is what the first layer of an amdegroot file expects, if it is not what the
    file's name tells. Raises WeightsError or UsageError that says what does not fit.
    """
    return convert(read_foreign(file), model=model, class_names=class_names, channels=channels)


def convert(
    foreign: Foreign,
    *,
    model: str | None = None,
    class_names: Sequence[str] | None = None,
    channels: str | None = None,
) -> SSD:
    """The same for tensors that are already read."""
    if channels not in (None, *CHANNELS):
        raise UsageError(f"channel order {channels!r} is not known: choose rgb or bgr")
    if caffe_ssd.recognizes(foreign):
        return caffe_ssd.convert(foreign, model=model, class_names=class_names)
    if torchvision_ssd.recognizes(foreign):
        return torchvision_ssd.convert(foreign, class_names=class_names)
    if amdegroot.recognizes(foreign):
        usual = "bgr" if Path(foreign.source).name == CONVERTED_FROM_CAFFE else "rgb"
        return amdegroot.convert(foreign, model=model, class_names=class_names, bgr=(channels or usual) == "bgr")
    if lufficc.recognizes(foreign):
        return lufficc.convert(foreign, model=model, class_names=class_names)
    raise WeightsError(_unknown(foreign))


def origin_of(foreign: Foreign) -> str | None:
    """The program whose SSD the tensors are, None where no importer recognizes them."""
    origins = (caffe_ssd, torchvision_ssd, amdegroot, lufficc)
    return next((origin.NAME for origin in origins if origin.recognizes(foreign)), None)


def _unknown(foreign: Foreign) -> str:
    first = ", ".join(list(foreign.tensors)[:3])
    return (
        f"{foreign.source} holds no SSD of a known origin (its tensors begin with {first}): multibox imports the "
        "authors' Caffe models, torchvision's, those of amdegroot/ssd.pytorch, and lufficc/SSD on VGG16"
    )
