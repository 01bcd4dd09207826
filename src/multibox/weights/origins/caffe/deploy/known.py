"""Published files whose .prototxt lacks something: normalization, names of classes, priors. Told by their SHA-1."""

from dataclasses import dataclass
from pathlib import Path

from multibox.nms import DetectionSettings
from multibox.priors import PriorSpec
from multibox.weights.download import file_sha1
from multibox.weights.origins.caffe.deploy.normalization import Normalization
from multibox.weights.origins.pytorch_ssd.layouts import RFB, config_of

AUTHORS = Normalization((104.0, 117.0, 123.0), (1.0, 1.0, 1.0), "bgr")
"""The mean of the authors' models on VGG16."""


@dataclass(frozen=True)
class KnownFile:
    """What the publisher of a .caffemodel file says about it."""

    normalization: Normalization | None = None
    class_names: tuple[str, ...] | None = None
    priors: PriorSpec | None = None
    settings: DetectionSettings | None = None


_FACES = KnownFile(Normalization((104.0, 177.0, 123.0), (1.0, 1.0, 1.0), "bgr"), ("face",))
_RFB = config_of(RFB, size=None, classes=1)
_ULTRALIGHT = KnownFile(
    Normalization((127.0, 127.0, 127.0), (1 / 128, 1 / 128, 1 / 128), "rgb"), ("face",), _RFB.priors, _RFB.detection
)
_MOBILENET = KnownFile(Normalization((127.5, 127.5, 127.5), (0.007843, 0.007843, 0.007843), "bgr"))

_KNOWN = {
    "15aa726b4d46d9f023526d85537db81cbc8dd566": _FACES,  # OpenCV's res10_300x300_ssd_iter_140000.caffemodel
    "31fc22bfdd907567a04bb45b7cfad29966caddc1": _FACES,  # the same in 16 bits
    "2f514505af6e6973cd027a91fb41a981ef028a95": _ULTRALIGHT,  # Linzaer's RFB-320.caffemodel
    "994d30a8afaa9e754d17d2373b2d62a7dfbaaf7a": _MOBILENET,  # chuanqi305's MobileNetSSD_deploy.caffemodel
}
"""By SHA-1, the digest that the publishers name."""


def known_file(path: Path) -> KnownFile:
    """What is known about a file: nothing if it is not one of the list."""
    return _KNOWN.get(file_sha1(path), KnownFile())
