"""The table of engines, and the choice of the one that runs a file.

To add an engine, write a module beside this one with a function `load(source, *, device, precision) -> Loaded`, and add
a line to ENGINES. This module imports no engine until it is used, so that the command line can read the table quickly.
"""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING

from multibox.detection.engines.tflite_file import DESCRIPTION
from multibox.errors import UsageError
from multibox.system.process import loading_packages

if TYPE_CHECKING:
    from multibox.detection.engines.engine import Loaded


@dataclass(frozen=True)
class EngineEntry:
    """One line of the table.

    `module` is the file in this folder that loads the engine. `suffixes` are those of the exported models that it runs.
    `precisions` are the choices for weight files, empty if it cannot run these; `by_processor` are those that need
    instructions which not every processor has. `package` is the package that it needs. `foreign` is a text in files of
    other programs that it runs as they are. `starts_soon`: it compiles nothing, so that a few images are done before
    another engine has started.
    """

    name: str
    module: str
    suffixes: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    by_processor: tuple[str, ...] = ()
    cpu_only: bool = False
    gpu_only: bool = False
    package: str | None = None
    foreign: bytes | None = None
    starts_soon: bool = False

    @property
    def installed(self) -> bool:
        """Whether its package is there."""
        return self.package is None or find_spec(self.package) is not None

    def runs(self, source: Path | str) -> bool:
        """Whether it runs a file as it is: an exported model, or one of another program."""
        path = Path(source)
        if path.suffix not in self.suffixes:
            return False
        return is_exported(source) or (
            self.foreign is not None and path.is_file() and self.foreign in path.read_bytes()
        )

    def computes(self, precision: str | None) -> bool:
        """Whether this processor has the instructions for a precision."""
        if precision not in self.by_processor:
            return True
        from multibox.system.device import onednn_has_bfloat16

        return onednn_has_bfloat16()


# In order of preference: the first engine that can run a file is the default for it; for FEW_IMAGES or less the first
# one that starts soon, if results do not depend on the engine. OpenVINO needs 0.1 to 0.3 s more than ONNX Runtime until
# the first box, and gains 0 to 8 ms with each image (SSDLite320 and SSD300 in fp32, one thread).
FEW_IMAGES = 8
ENGINES = (
    EngineEntry("packed", "packed", precisions=("fp32", "bf16"), by_processor=("bf16",), cpu_only=True),
    EngineEntry("openvino", "openvino", (".xml", ".onnx"), ("fp32", "bf16"), cpu_only=True, package="openvino"),
    EngineEntry("onnxruntime", "onnx", (".onnx",), package="onnxruntime", starts_soon=True),
    EngineEntry("tensorrt", "tensorrt", (".onnx",), gpu_only=True, package="onnxruntime"),
    EngineEntry(
        "litert",
        "litert",
        (".tflite",),
        cpu_only=True,
        package="ai_edge_litert",
        foreign=b"TFLite_Detection_PostProcess",
    ),
    EngineEntry("torch", "torch", precisions=("fp32", "bf16")),
)
_BY_ENGINE = (b'"precision": "bf16"', b'"precision": "int8"')  # what OpenVINO and ONNX Runtime compute differently

ENGINE_NAMES = tuple(entry.name for entry in ENGINES)
PRECISIONS = tuple(dict.fromkeys(word for entry in ENGINES for word in entry.precisions))


def load_engine(
    source: Path | str,
    *,
    device: str | None = None,
    precision: str | None = None,
    engine: str | None = None,
    images: int | None = None,
) -> "Loaded":
    """Load a weight file or an exported model into an engine; by default the fastest that is installed.

    `precision` is "fp32" by default; an exported model has its own. `images` is the number of images to come, if it is
    known: up to FEW_IMAGES, an engine that starts soon is preferred. Raises UsageError if engine, device, precision and
    file do not go together or a package is missing, and the errors of the engine's loader.
    """
    with loading_packages():
        return _load(_local(source), device=device, precision=precision, engine=engine, images=images)


def _load(
    source: Path | str, *, device: str | None, precision: str | None, engine: str | None, images: int | None
) -> "Loaded":
    entry = _chosen(source, engine, device=device, precision=precision, images=images)
    if not entry.runs(source) and find_spec("torch") is None:
        raise UsageError(
            f"{source} is no exported model, and weights need PyTorch: install it with `pip install torch`, or give a "
            "file of `multibox export`"
        )
    if entry.cpu_only and device not in (None, "cpu"):
        raise UsageError(f"engine {entry.name!r} has no support for the device {device!r}: choose cpu")
    if entry.gpu_only and device == "cpu":
        raise UsageError(f"engine {entry.name!r} needs an NVIDIA GPU: choose --device cuda, or another engine")
    if precision is not None and entry.runs(source):
        raise UsageError(
            f"precision {precision!r} cannot be chosen for {source}, an exported model has its own: "
            "export it with the --precision you want"
        )
    if precision is not None and precision not in entry.precisions:
        raise UsageError(f"precision {precision!r} is not known: choose {' or '.join(entry.precisions)}")
    loaded: Loaded = import_module(f"{__package__}.{entry.module}").load(source, device=device, precision=precision)
    return loaded


def find_engine(name: str) -> EngineEntry:
    """The line of the table with this name; raises UsageError for an unknown name."""
    for entry in ENGINES:
        if entry.name == name:
            return entry
    raise UsageError(f"engine {name!r} is not known: choose one of {', '.join(ENGINE_NAMES)}")


def engines_for(source: Path | str) -> list[EngineEntry]:
    """The engines that can run a file, whether they are installed or not, best first."""
    if is_exported(source):
        return [entry for entry in ENGINES if entry.runs(source)]
    return [*(entry for entry in ENGINES if entry.precisions), *(entry for entry in ENGINES if entry.runs(source))]


def is_exported(source: Path | str) -> bool:
    """Whether the file is an exported model; all other names are weights.

    A .tflite file of another program counts as weights, which can be imported, also if an engine runs it as it is.
    """
    path = Path(source)
    if path.suffix == ".tflite" and path.is_file():
        return DESCRIPTION in path.read_bytes()
    return any(path.suffix in entry.suffixes for entry in ENGINES)


def why_chosen(source: Path | str, *, device: str | None, engine: str | None, images: int) -> str | None:
    """The rule in one line if the default engine is not that of many images; None if it is, or if one is given."""
    if engine is not None or images > FEW_IMAGES or not is_exported(source):
        return None
    source = _local(source)
    few, many = (_chosen(source, None, device=device, precision=None, images=number) for number in (images, None))
    if few == many:
        return None
    return f"{few.name} starts soonest, so it is the default up to {FEW_IMAGES} images; {many.name} is that of more"


def _chosen(
    source: Path | str, name: str | None, *, device: str | None, precision: str | None, images: int | None
) -> EngineEntry:
    able = engines_for(source)
    if name is not None:
        entry = find_engine(name)
        if entry not in able:
            raise UsageError(
                f"engine {name!r} cannot run {source}{_lacking(entry, source)}: {_alternatives(source, able)}"
            )
        return entry
    has_torch = find_spec("torch") is not None
    on_cpu = _is_cpu(device, weights=has_torch and not is_exported(source))
    usable = [
        entry
        for entry in able
        if entry.installed
        and (has_torch or entry.runs(source))
        and entry.computes(precision)
        and not (entry.cpu_only if not on_cpu else entry.gpu_only)
    ]
    if images is not None and images <= FEW_IMAGES and is_exported(source) and _same_in_every_engine(Path(source)):
        usable = [entry for entry in usable if entry.starts_soon] or usable
    return (usable or able)[0]


def _same_in_every_engine(path: Path) -> bool:
    """Whether all engines compute the exported model in float32. A file that cannot be read is left to its loader."""
    try:
        with open(path, "rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            return all(content.find(words) < 0 for words in _BY_ENGINE)
    except (OSError, ValueError):
        return True


def _local(source: Path | str) -> Path | str:
    """The path of an exported model that is on the Hub; any other source as it is."""
    from multibox.weights.hub.name import is_hub_name

    if not is_hub_name(source) or not is_exported(source):
        return source
    from multibox.weights.hub.client import fetch_from_hub

    return fetch_from_hub(source)


def _lacking(entry: EngineEntry, source: Path | str) -> str:
    """Why an engine of exported models cannot run a file with a suffix of its own, made by another program."""
    if entry.foreign is None or Path(source).suffix not in entry.suffixes:
        return ""
    return f", which is no file of `multibox export` and does not end with {entry.foreign.decode()}"


def _alternatives(source: Path | str, able: list[EngineEntry]) -> str:
    names = " or ".join(entry.name for entry in able)
    if is_exported(source):
        return f"choose {names}, or give a weight file"
    if Path(source).suffix == ".tflite":
        return f"choose {names}, or `multibox weights import` it and export that"
    return f"choose {names}, or export it first with `multibox export`"


def _is_cpu(device: str | None, *, weights: bool) -> bool:
    """Weights go to a GPU if there is one; exported models stay on the CPU unless a device is given."""
    if not weights:
        return device in (None, "cpu")
    from multibox.system.device import choose_device

    return choose_device(device).type == "cpu"
