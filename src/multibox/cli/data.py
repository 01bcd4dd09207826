"""`multibox data`: check, show, split and convert data sets."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from multibox.cli.console import print_json, progress_bar, say
from multibox.cli.options import Force, Json, MaxPixels, OutFile, OutFolder, Outside, Seed, Split, Stretch
from multibox.cli.priors.source import ModelOption, choose_priors
from multibox.words import counted

app = typer.Typer(help="Check, show, split and convert data sets.", no_args_is_help=True)


class PixelRule(StrEnum):
    """How the corners in VOC files count pixels."""

    voc = "voc"
    caffe = "caffe"


class Files(StrEnum):
    """How a conversion places the image files."""

    copy = "copy"
    link = "link"
    none = "none"


DataPath = Annotated[Path, typer.Argument(metavar="PATH", help="Folder or annotation file; its format is recognized.")]
PixelRuleOption = Annotated[
    PixelRule,
    typer.Option("--pixel-rule", help="How VOC's corners count pixels: voc from 1; caffe from 0, unchanged."),
]


@app.callback()
def data() -> None:
    """Check, show, split and convert data sets."""


@app.command()
def check(
    path: DataPath,
    *,
    split: Split = None,
    model: ModelOption = None,
    pixel_rule: PixelRuleOption = PixelRule.voc,
    outside: Outside = False,
    holdout: Annotated[
        float | None,
        typer.Option("--holdout", metavar="SHARE", help="Also check what a training with this option would hold out."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write an HTML page that shows the problems.")
    ] = None,
    max_pixels: MaxPixels = None,
    stretch: Stretch = False,
    as_json: Json = False,
) -> None:
    """List the problems of a data set, with file and object.

    Decodes all images, reads all annotations of one split or of all, and compares the objects with the priors of a
    model. The exit code is 1 if a problem is an error: training would fail or learn from wrong data.
    """
    from multibox.check.check import check_dataset
    from multibox.check.report import write_check_report
    from multibox.check.text import check_text

    name, spec = choose_priors(model=model, sizes=None, recipe=None, weights=None, priors=None)
    with progress_bar("checking") as progress:
        result = check_dataset(
            path,
            split=split,
            priors=spec,
            pixel_rule=pixel_rule.value,
            outside=outside,
            holdout=holdout,
            progress=progress,
        )
    if report is not None:
        write_check_report(result, report, model=name)
        say(f"report: {report}")
    if as_json:
        print_json(result.to_json())
    else:
        print(check_text(result, model=name))
    raise typer.Exit(0 if result.ok else 1)


@app.command(short_help="Draw random images with their boxes on one sheet.")
def show(
    path: DataPath,
    *,
    split: Split = None,
    augmentation: Annotated[
        str | None,
        typer.Option("--augmentation", metavar="NAME", help="Show training samples: none, flip, paper or caffe."),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, metavar="N", help="Number of images.")] = 12,
    seed: Seed = 0,
    out: OutFile = Path("contact-sheet.png"),
    pixel_rule: PixelRuleOption = PixelRule.voc,
    outside: Outside = False,
    max_pixels: MaxPixels = None,
    stretch: Stretch = False,
    as_json: Json = False,
) -> None:
    """Draw random images of a split with their boxes on one sheet, PNG or JPEG.

    The default split is the one for training. With --augmentation each image is a training sample of 300 x 300 pixels.
    """
    from multibox.data.augmentation.augmentation import find_augmentation
    from multibox.data.load import load_dataset
    from multibox.data.show import contact_sheet
    from multibox.images.write import require_image_suffix, write_image

    require_image_suffix(out)
    chosen = None if augmentation is None else find_augmentation(augmentation)
    dataset = load_dataset(path, split=split, pixel_rule=pixel_rule.value, outside=outside)
    write_image(out, contact_sheet(dataset, augmentation=chosen, count=count, seed=seed))
    if as_json:
        counts = {"images": len(dataset), "objects": dataset.num_objects}
        print_json({"out": str(out), "name": dataset.name, **counts})
    else:
        print(f"{out}: {dataset.name}, {counted(len(dataset), 'image')}, {counted(dataset.num_objects, 'object')}")


@app.command(short_help="Write lists that split a data set in two.")
def split(
    path: DataPath,
    *,
    share: Annotated[float, typer.Option("--share", metavar="SHARE", help="Share in the second list.")] = 0.15,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Folder to write to; by default the data set's.")
    ] = None,
    split: Split = None,
    names: Annotated[str, typer.Option("--names", metavar="A,B", help="Names of the two new splits.")] = "train,val",
    outside: Outside = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write lists that split the training images in two, in the format of the data set.

    The images are chosen by their content, so that the same ones are chosen again when others are added. Copies of an
    image are on one side.
    """
    from multibox.data.formats.split import split_lists

    result = split_lists(path, share=share, out=out, split=split, names=names.split(","), outside=outside, force=force)
    if as_json:
        print_json(result.to_json())
        return
    counts = ", ".join(f"{name} {counted(count, 'image')}" for name, count in result.images.items())
    print(f"{', '.join(map(str, result.files))}: {counts}")


@app.command(short_help="Write a data set in another format.")
def convert(
    path: DataPath,
    *,
    to: Annotated[
        str, typer.Option("--to", metavar="FORMAT", help="Format to write, for example coco; a wrong name lists all.")
    ],
    out: OutFolder,
    split: Split = None,
    files: Annotated[Files, typer.Option("--files", help="Copy the image files, link to them, or neither.")] = (
        Files.copy
    ),
    pixel_rule: PixelRuleOption = PixelRule.voc,
    outside: Outside = False,
    max_pixels: MaxPixels = None,
    stretch: Stretch = False,
    as_json: Json = False,
) -> None:
    """Write one split of a data set, or all, in another format into a new folder.

    Boxes keep their pixels and classes their names. Messages name what the new format cannot hold.
    """
    from multibox.data.formats.convert import convert as convert_data
    from multibox.data.load import load_dataset, load_splits

    if split is None:
        splits = load_splits(path, pixel_rule=pixel_rule.value, outside=outside)
    else:
        splits = {split: load_dataset(path, split=split, pixel_rule=pixel_rule.value, outside=outside)}
    lines = [line for dataset in splits.values() for line in dataset.problems]
    lines += convert_data(splits, to=to, out=out, files=files.value)
    for line in lines:
        say(line)
    counts = {name: len(dataset) for name, dataset in splits.items()}
    if as_json:
        print_json({"out": str(out), "format": to, "splits": counts, "messages": lines})
    else:
        print(f"{out}: {', '.join(f'{name} {count:,}' for name, count in counts.items())} images as {to}")
