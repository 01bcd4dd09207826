"""A folder with a small stand-in for each file that the commands of the documentation name."""

import shutil
from pathlib import Path
from typing import Any

from devkit import tiny_settings, write_devkit
from docs.commands import Command
from multibox.cli import main
from multibox.detection.export.runtime import RUNTIME
from multibox.models.config import slim300_config
from multibox.models.ssd import SSD
from multibox.weights.file import save_weights
from tiny_detector import noise_image, write_image

CLASSES = ("cat", "dog")
_IMAGES, _VIDEOS = (".jpg", ".png"), (".mp4",)


_ORIGIN = "needs a file of another program; the tests of its origin make one"
_COMMANDS = {
    "demo": "trains for minutes; its own tests run it",
    "serve": "runs until it is stopped; the tests of the service start it",
    "reproduce": "trains the networks of the paper; its own tests run it on small ones",
    "bench": "measures for minutes; its own tests run it",
    "weights push": "needs a network",
    "weights import": _ORIGIN,
    "version": "ends the program in the parser",
}
_WORDS = {
    "://": "needs a network",
    "hf:": "needs a network",
    "mb1-ssd-jetson": "needs a network",
    "torchvision-coco": "needs a network",
    "camera:": "needs a camera",
    ".caffemodel": _ORIGIN,
    ".prototxt": _ORIGIN,
    ".tflite": _ORIGIN,
    ".pb": _ORIGIN,
    ".pth": _ORIGIN,
    "int8": "calibrates for a minute; the tests of exports do it",
    "ray": "needs Ray; its own tests start it",
    "table2-no-atrous": "needs VOC2007 and VOC2012",
    "labels/detections-voc": "needs the labels of the step before; the tests of labels do the round trip",
    "oid.safetensors": _ORIGIN,
    "mlflow": "needs an extra that is not in `dev`",
    "litert": "needs an extra that is not in `dev`",
    "lite320": "trains a network of 4.7 million values; its own tests run its parts",
    "--detections": "needs detections of a program; the tests of evaluate and analyze make some",
}


def why_not_run(command: Command, name: str) -> str | None:
    """Why the command is only parsed, None if it is run too."""
    if (found := _COMMANDS.get(name) or _COMMANDS.get(name.split()[0])) is not None:
        return found
    if name == "explain" and "--data" in command.words:
        return "needs an image of the data set; its own tests have one"
    return next((why for word, why in _WORDS.items() if any(word in one for one in command.words)), None)


def shape_of(command: Command) -> tuple[str, ...]:
    """The command without the names of its files: of two commands of one shape, one is run."""
    return tuple(Path(word).suffix or "folder" if "/" in word or "." in word else word for word in command.words)


class World:
    """The folder, and the runs in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._given = folder / ".given"
        self._data = write_devkit(self._given / "data", years={"2012": {"train": 3, "val": 2, "test": 2}}) / "VOC2012"
        lists = self._data / "ImageSets" / "Main"
        (lists / "trainval.txt").write_text((lists / "train.txt").read_text() + (lists / "val.txt").read_text())
        self._weights = self._given / "tiny.safetensors"
        save_weights(self._weights, SSD(slim300_config(width=1 / 32), CLASSES), info={})
        self._image = write_image(self._given / "a.jpg", noise_image(seed=1))
        write_image(self._data / "a.jpg", noise_image(seed=2))  # for commands that detect in the folder

    def prepare(self, name: str, given: dict[str, Any]) -> None:
        """Make what the parameters of a command name and is not there, and remove what it would write."""
        for out in (given.get("out"), *([given.get("new")] if "new" in given else [])):
            if out is not None and not (name == "train" and given.get("resume")):
                self._remove(Path(str(out)))
        for key, value in given.items():
            for one in value if isinstance(value, list | tuple) else [value]:
                if isinstance(one, str | Path) and key not in ("out", "name"):
                    self._provide(key, Path(str(one)))
        if name == "data split":  # the page is about data without a list for validation
            for split in ("train", "val", "trainval"):
                (Path(given["path"]) / "ImageSets" / "Main" / f"{split}.txt").unlink(missing_ok=True)
        if name == "train" and given.get("resume") and not (Path(given["out"]) / "checkpoint.pt").exists():
            self._train(["train", "quick", "--data", str(given["data"]), "--out", str(given["out"])])

    def run(self, command: Command, name: str) -> int:
        """The exit code of the command, with shorter trainings."""
        if name == "train":
            return self._train(list(command.words))
        return main(list(command.words))

    def _train(self, words: list[str]) -> int:
        shorter = [word for setting in tiny_settings(iterations=2) for word in ("--set", setting)]
        if any("model." in word or word.startswith("model=") for word in words):
            shorter = shorter[2:]  # the page sets parts of the model
        return main([*words, *shorter, "--workers", "0"])

    def _provide(self, key: str, path: Path) -> None:
        if path.is_absolute() or path.exists():
            return
        if path.suffix == ".safetensors":
            self._copy(self._weights, path)
        elif path.suffix in _IMAGES and key != "data":
            self._copy(self._image, path)
        elif path.suffix in _VIDEOS:
            from made_videos import make_video

            path.parent.mkdir(parents=True, exist_ok=True)
            make_video(path)
        elif key == "runtime":
            path.mkdir(parents=True)
            for file in RUNTIME:
                (path / file).touch()
        elif key in ("data", "path", "images", "source") or (key == "sources" and not path.suffix):
            shutil.copytree(self._data, path)

    def _copy(self, source: Path, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)

    def _remove(self, path: Path) -> None:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
