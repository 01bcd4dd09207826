"""The classes whose objects a pickle contains, found without running it, and what they say about the file."""

import io
import pickletools
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from multibox.weights.origins.strangers import Stranger

_MOST_OPERATIONS = 500_000
_MOST_BYTES = 16 << 20
_MOST_PARTS = 4  # the old format of torch.save has three pickles before that of the object
_LAYERS = "torch.nn.modules"
_PLAIN = ("torch", "collections", "numpy", "builtins", "__builtin__", "_codecs", "copyreg", "argparse", "pathlib")

_BY_MODULE: tuple[tuple[str, Stranger], ...] = (
    ("ultralytics", Stranger("a YOLO of Ultralytics", "ultralytics runs it")),
    ("models.yolo", Stranger("a YOLOv5 or YOLOv7", "the program that trained it runs it")),
    ("models.common", Stranger("a YOLOv5 or YOLOv7", "the program that trained it runs it")),
    ("mmengine", Stranger("an MMDetection model", "MMDetection runs it")),
    ("mmcv", Stranger("an MMDetection model", "MMDetection runs it")),
    ("torchvision.models.detection.ssd", Stranger("a whole SSD of torchvision", "save its state_dict and import that")),
    ("torchvision.models", Stranger("a whole model of torchvision", "torchvision runs it")),
    (_LAYERS, Stranger("a pickled module of PyTorch", "load it with PyTorch, save its state_dict() and import that")),
)
"""What objects of a module say, the first line that fits; to add one, add a line."""


def pickled_stranger(path: Path) -> Stranger | None:
    """What the file of torch.save is, by the module of the first object in it that is none of PyTorch's or Python's."""
    modules = list(dict.fromkeys(_modules(path)))
    foreign = (name for name in modules if name.partition(".")[0] not in _PLAIN)
    layers = (name for name in modules if name.startswith(_LAYERS))
    module = next(foreign, None) or next(layers, None)
    if module is None:
        return None
    known = next((found for start, found in _BY_MODULE if module == start or module.startswith(f"{start}.")), None)
    own = Stranger(
        f"a pickle with objects of the Python module {module[:80]!r}",
        "reading it could run code: load it with the program that wrote it, save only the state_dict, and import that",
    )
    return known or own


def _modules(path: Path) -> Iterator[str]:
    """The modules of all classes and functions that the pickle names, until it ends or is damaged."""
    texts: list[str] = []
    file = io.BytesIO(_pickle(path))
    parts = chain.from_iterable(pickletools.genops(file) for _ in range(_MOST_PARTS))
    try:
        for operation, value, _ in islice(parts, _MOST_OPERATIONS):
            if operation.name == "GLOBAL" and isinstance(value, str):
                yield value.partition(" ")[0]
            elif operation.name == "STACK_GLOBAL" and len(texts) > 1:
                yield texts[-2]
            elif isinstance(value, str):
                texts = [*texts[-1:], value[:1000]]
    except Exception:  # a damaged pickle can cause almost any error
        return


def _pickle(path: Path) -> bytes:
    """The first megabytes of the pickle in the file; empty if there is none."""
    try:
        with ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            with archive.open(name) as part:
                return part.read(_MOST_BYTES)
    except (BadZipFile, StopIteration, OSError, ValueError, NotImplementedError, RuntimeError):
        with open(path, "rb") as file:
            return file.read(_MOST_BYTES)
