"""What a path given as an exported model is, if it is none."""

from pathlib import Path

from multibox.errors import WeightsError
from multibox.weights.origins.strangers import find_strange_folder, find_stranger

_ADVICE = (
    "give a file of `multibox export`, or the checkpoint that it was made from (.safetensors, .caffemodel, .pth, "
    ".tflite or .pb), which `multibox weights import` reads"
)


def check_model_file(path: Path | str) -> None:
    """Raise WeightsError if the path is a folder, does not exist, or is an empty file."""
    path = Path(path)
    if path.is_dir():
        stranger = find_strange_folder(path)
        what = f"a folder, {stranger.what}" if stranger else "a folder"
        raise WeightsError(f"model file {path} is {what}: give {stranger.advice if stranger else _file_in(path)}")
    if not path.is_file():
        raise WeightsError(f"model file {path} does not exist: make it with `multibox export`")
    if not path.stat().st_size:
        raise WeightsError(f"model file {path} is empty: copy or fetch it again")


def undescribed(path: Path | str) -> WeightsError:
    """The error for a model without a description of multibox: what it is, and what to give instead."""
    stranger = find_stranger(Path(Path(path).name), b"")  # by its suffix: an engine has read the content
    what = stranger.what if stranger else "a model"
    return WeightsError(f"{path} is {what} of another program and does not describe a multibox detector: {_ADVICE}")


def _file_in(folder: Path) -> str:
    """A model file in the folder; how to make one if there is none."""
    files = sorted(path for path in folder.glob(f"*{folder.suffix}") if path.is_file()) if folder.suffix else []
    return f"a file, for example {files[0]}" if files else "a file of `multibox export`"
