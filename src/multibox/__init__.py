"""SSD, the Single Shot MultiBox Detector (Liu et al., ECCV 2016).

Names are imported when they are first used, so that `import multibox` and `multibox --help` stay quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from multibox._version import __version__

if TYPE_CHECKING:
    from multibox.data.dataset import Dataset, Example
    from multibox.data.load import load_dataset
    from multibox.detection.detector import Detector
    from multibox.detections import Detections
    from multibox.evaluation.evaluate import evaluate
    from multibox.experiments.train import train
    from multibox.models.ssd import SSD, ssd300, ssd512, ssdlite320

_HOME = {
    "SSD": "models.ssd",
    "Dataset": "data.dataset",
    "Detections": "detections",
    "Detector": "detection.detector",
    "Example": "data.dataset",
    "evaluate": "evaluation.evaluate",
    "load_dataset": "data.load",
    "ssd300": "models.ssd",
    "ssd512": "models.ssd",
    "ssdlite320": "models.ssd",
    "train": "experiments.train",
}

__all__ = [
    "SSD",
    "Dataset",
    "Detections",
    "Detector",
    "Example",
    "__version__",
    "evaluate",
    "load_dataset",
    "ssd300",
    "ssd512",
    "ssdlite320",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'multibox' has no attribute {name!r}")
    return getattr(import_module(f"multibox.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
