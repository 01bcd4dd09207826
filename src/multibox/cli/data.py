"""`multibox data`: check, show and convert data sets."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multibox.cli.console import print_json, progress_bar, say
from multibox.cli.options import Json
from multibox.errors import UsageError

if TYPE_CHECKING:
    from multibox.priors import PriorSpec

app = typer.Typer(help="Check, show and convert data sets.", no_args_is_help=True)
_IMAGES = (".png", ".jpg", ".jpeg")


class Model(StrEnum):
    """Models whose priors a check can measure."""

    ssd300 = "ssd300"
    ssd512 = "ssd512"
    ssdlite320 = "ssdlite320"


class Pixels(StrEnum):
    """How the corners in VOC files count pixels."""

    voc = "voc"
    caffe = "caffe"


class Format(StrEnum):
    """Formats that can be written."""

    coco = "coco"
    voc = "voc"
    yolo = "yolo"


class Images(StrEnum):
    """What happens to the images in a conversion."""

    copy = "copy"
    link = "link"
    none = "none"


DataPath = Annotated[Path, typer.Argument(metavar="PATH", help="Folder or annotation file: VOC, COCO, YOLO or ILSVRC.")]
Split = Annotated[str | None, typer.Option("--split", metavar="NAME", help="One split only; by default all.")]
PixelRule = Annotated[
    Pixels, typer.Option("--pixels", help="How VOC corners count: voc from 1, caffe as they stand (from 0).")
]


@app.callback()
def data() -> None:
    """Check, show and convert data sets."""


@app.command()
def check(
    path: DataPath,
    *,
    split: Split = None,
    model: Annotated[Model, typer.Option("--model", help="Whose priors to measure.")] = Model.ssd300,
    pixels: PixelRule = Pixels.voc,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write an HTML page that shows what is wrong.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find what is wrong with a data set, with every file and object named.

    Decodes all images, reads all annotations and compares the objects with the priors of a model. The exit code is 1
    where a problem is an error, one that makes training fail or learn something false.
    """
    from multibox.check.check import check_dataset
    from multibox.check.report import write_check_report
    from multibox.check.text import check_text

    with progress_bar("checking") as progress:
        result = check_dataset(path, split=split, priors=_priors(model), pixel_rule=pixels.value, progress=progress)
    if report is not None:
        write_check_report(result, report, model=model.value)
        say(f"report: {report}")
    if as_json:
        print_json(result.to_json())
    else:
        print(check_text(result, model=model.value))
    raise typer.Exit(0 if result.ok else 1)


@app.command()
def show(
    path: DataPath,
    *,
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="The split; by default that for training.")
    ] = None,
    augmented: Annotated[
        str | None,
        typer.Option("--augmented", metavar="NAME", help="Show training samples: none, flip, paper or caffe."),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, metavar="N", help="How many images.")] = 12,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Another seed shows others.")] = 0,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The image to write, PNG or JPEG.")] = Path(
        "contact-sheet.png"
    ),
    pixels: PixelRule = Pixels.voc,
) -> None:
    """Draw images with their boxes, as they are or as a network in training sees them, on one sheet.

    Images are taken at random. With --augmented each is a sample of 300 x 300 pixels.
    """
    if out.suffix.lower() not in _IMAGES:
        raise UsageError(f"--out {out} has to end in one of {', '.join(_IMAGES)}")
    from multibox.data.augmentation.augmentation import find_augmentation
    from multibox.data.load import load_dataset
    from multibox.data.show import contact_sheet
    from multibox.images.write import write_image

    augmentation = None if augmented is None else find_augmentation(augmented)
    dataset = load_dataset(path, split=split, pixel_rule=pixels.value)
    sheet = contact_sheet(dataset, augmentation=augmentation, count=count, seed=seed)
    write_image(out, sheet)
    print(f"{out}: {dataset.name}, {len(dataset):,} images, {dataset.num_objects:,} objects")


@app.command()
def convert(
    path: DataPath,
    *,
    to: Annotated[Format, typer.Option("--to", help="The format to write.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new or empty folder.")],
    split: Split = None,
    images: Annotated[Images, typer.Option("--images", help="Copy images, link to them, or neither.")] = (Images.copy),
    pixels: PixelRule = Pixels.voc,
    as_json: Json = False,
) -> None:
    """Write a data set in another format.

    Boxes keep their pixels and classes their names; what the new format cannot hold is said on standard error.
    """
    from multibox.data.formats.convert import convert as convert_data
    from multibox.data.load import load_dataset, load_splits

    if split is None:
        splits = load_splits(path, pixel_rule=pixels.value)
    else:
        splits = {split: load_dataset(path, split=split, pixel_rule=pixels.value)}
    lines = [line for dataset in splits.values() for line in dataset.problems]
    lines += convert_data(splits, to=to.value, out=out, files=images.value)
    for line in lines:
        say(line)
    counts = {name: len(dataset) for name, dataset in splits.items()}
    if as_json:
        print_json({"out": str(out), "format": to.value, "splits": counts, "messages": lines})
    else:
        print(f"{out}: {', '.join(f'{name} {count:,}' for name, count in counts.items())} images as {to.value}")


def _priors(model: Model) -> "PriorSpec":
    from multibox.models.config import ssd300_config, ssd512_config, ssdlite320_config

    builders = {Model.ssd300: ssd300_config, Model.ssd512: ssd512_config, Model.ssdlite320: ssdlite320_config}
    return builders[model]().priors
