"""Prepare the folder that a machine without network access needs beside the checkout: wheels and data.

    python -m benchmarks.gpu.pack --data ../shared/data/voc_animals [--out .gpu] [--side 256] [--quality 80]

The wheels are those of packages that the GPU machine lacks, for Python 3.12 on x86-64 Linux. The images of the data set
are reduced, and their boxes with them: AP on them is comparable within one run only.
"""

import argparse
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2

from benchmarks.gpu.layout import DATA, WHEELS
from multibox.data.dataset import Dataset, Example
from multibox.data.formats.convert import convert
from multibox.data.load import load_splits
from multibox.images.decode import read_image
from multibox.size import Size

# The imports of the package, the type checkers of the tests, and their dependencies.
PACKAGES = (
    "pydantic",
    "pydantic_core",
    "annotated-types",
    "typing-inspection",
    "typing_extensions",
    "typer",
    "rich",
    "shellingham",
    "annotated-doc",
    "markdown-it-py",
    "mdurl",
    "Pygments",
    "jaxtyping",
    "wadler_lindig",
    "safetensors",
    "faster-coco-eval",
    "beartype",
)
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


def download_wheels(out: Path) -> None:
    """Fetch the versions that are installed here; `--no-deps`, because PACKAGES is complete."""
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.whl"):
        old.unlink()
    platforms = [word for name in PLATFORMS for word in ("--platform", name)]
    wanted = [f"{name}=={version(name)}" for name in PACKAGES]
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", str(out)]
    subprocess.run(
        [*command, "--python-version", "3.12", "--implementation", "cp", *platforms, *wanted],
        check=True,
    )


def pack_data(splits: Mapping[str, Dataset], out: Path, *, side: int, quality: int) -> None:
    """Write the splits with reduced images as a VOC devkit in one tar file."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        reduced = {name: _reduced(split, folder / "images", side, quality) for name, split in splits.items()}
        convert(reduced, to="voc", out=folder / "devkit")
        with tarfile.open(out, "w:gz", compresslevel=6) as archive:
            archive.add(folder / "devkit", arcname="voc_animals")


def _reduced(dataset: Dataset, folder: Path, side: int, quality: int) -> Dataset:
    folder.mkdir(exist_ok=True)
    return replace(dataset, examples=tuple(_reduce(example, folder, side, quality) for example in dataset))


def _reduce(example: Example, folder: Path, side: int, quality: int) -> Example:
    """The example with the longest side of its image at most `side`, as a JPEG file in `folder`."""
    image = read_image(example.image)
    height, width = image.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = Size(round(height * scale), round(width * scale))
    small = cv2.resize(image, (size.width, size.height), interpolation=cv2.INTER_AREA)
    path = folder / f"{example.image.stem}.jpg"
    path.write_bytes(cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())
    stretch = [size.width / width, size.height / height]
    boxes = (example.boxes * [*stretch, *stretch]).astype("float32")
    return replace(example, image=path, boxes=boxes, size=size)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--out", default=Path(".gpu"), type=Path)
    parser.add_argument("--side", default=256, type=int)
    parser.add_argument("--quality", default=80, type=int)
    parser.add_argument("--only", choices=("wheels", "data"))
    arguments = parser.parse_args()
    arguments.out.mkdir(exist_ok=True)
    if arguments.only != "data":
        download_wheels(arguments.out / WHEELS)
    if arguments.only != "wheels":
        splits = load_splits(arguments.data)
        pack_data(splits, arguments.out / DATA, side=arguments.side, quality=arguments.quality)
    total = sum(path.stat().st_size for path in arguments.out.rglob("*") if path.is_file())
    print(f"{arguments.out}: {total / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
