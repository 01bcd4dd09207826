"""`multibox weights`: list published weights, import foreign ones, change classes."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multibox.cli.console import print_json
from multibox.cli.options import Force, Json, OutFile, Seed
from multibox.errors import DataError, UsageError
from multibox.words import counted

if TYPE_CHECKING:
    from multibox.models.ssd import SSD
    from multibox.priors import PriorSpec
    from multibox.weights.registry.entry import Published

app = typer.Typer(help="List, import and adapt weights.", no_args_is_help=True)


class Channels(StrEnum):
    """Order of the colors that a first layer expects."""

    rgb = "rgb"
    bgr = "bgr"


class ClassList(StrEnum):
    """Class lists that remap knows by name."""

    voc = "voc"
    coco = "coco"


class StoredPrecision(StrEnum):
    """Number types that a weight file can store."""

    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"


ClassNames = Annotated[
    str | None, typer.Option("--class-names", metavar="A,B,C", help="Class names in order, without background.")
]
Labels = Annotated[
    Path | None,
    typer.Option("--labels", metavar="FILE", help="Class names from a label map of TensorFlow: .txt or .pbtxt."),
]
ClassNamesFile = Annotated[
    Path | None, typer.Option("--class-names-file", metavar="FILE", help="Class names from a text file, one per line.")
]
Stored = Annotated[
    StoredPrecision,
    typer.Option("--precision", help="Number type of the stored values; 16 bits halve the file."),
]


@app.callback()
def weights() -> None:
    """List, import and adapt weights."""


@app.command("list", short_help="List all weights that have a name.")
def list_weights(*, as_json: Json = False) -> None:
    """List all weights that are included or downloaded by name: detectors first, then base networks."""
    from multibox.weights.registry.bases import BASES
    from multibox.weights.registry.detectors import DETECTORS

    if as_json:
        print_json([entry.to_json() for entry in (*DETECTORS, *BASES)])
        return
    width = max(len(entry.name) for entry in (*DETECTORS, *BASES))
    for title, entries in (("Detectors", DETECTORS), ("Base networks, for training", BASES)):
        print(title)
        for entry in entries:
            print(f"  {entry.name:<{width}}  {_facts(entry)}")


@app.command("import", short_help="Import weights of other programs.")
def import_(
    source: Annotated[
        str, typer.Argument(metavar="FILE|NAME", help="Weight file of another program, or a published name.")
    ],
    *,
    out: OutFile,
    priors: Annotated[
        str | None,
        typer.Option(
            "--priors",
            metavar="NAME|FILE",
            help="The priors that it was trained with, if the file does not contain them: ssd300-voc, ssd300-coco, "
            "ssd512-voc, ssd512-coco, or a file of `multibox priors fit`.",
        ),
    ] = None,
    class_names: ClassNames = None,
    class_names_file: ClassNamesFile = None,
    labels: Labels = None,
    channels: Annotated[
        Channels | None,
        typer.Option("--channels", help="The color order that an amdegroot file expects, or a Caffe file (else bgr)."),
    ] = None,
    prototxt: Annotated[
        Path | None,
        typer.Option("--prototxt", metavar="FILE", help="The layers of a .caffemodel: its deploy.prototxt."),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(
            "--mean", metavar="A,B,C", help="With --prototxt: what is subtracted from the colors, in their order."
        ),
    ] = None,
    scale: Annotated[
        float | None, typer.Option("--scale", metavar="X", help="With --prototxt: what the rest is multiplied by.")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="SIDE|HxW", help="Input size of the training, for pytorch-ssd files."),
    ] = None,
    precision: Stored = StoredPrecision.fp32,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Import weights of Caffe, torchvision, TensorFlow, amdegroot, lufficc, pytorch-ssd or jetson-inference.

    The origin is recognized. The new file keeps the normalization, priors and detection settings of its origin.
    """
    from multibox.models.any_size import parse_size
    from multibox.weights.source import import_named

    _check_out(out, force=force)
    model, info = import_named(
        source,
        priors=_priors(priors),
        class_names=_class_names(class_names, class_names_file, labels=labels),
        channels=channels and channels.value,
        size=None if size is None else parse_size(size),
        prototxt=prototxt,
        mean=_numbers(mean),
        scale=scale,
    )
    _write(model, out, info=info, precision=precision)
    _report(model, out, info=info, as_json=as_json)


@app.command(short_help="Publish a weight file on the Hugging Face Hub.")
def push(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="Weight file.")],
    to: Annotated[str, typer.Argument(metavar="hf://OWNER/NAME", help="Repository, with @BRANCH if it is not main.")],
    *,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    license: Annotated[
        str | None, typer.Option("--license", metavar="ID", help="License in the model card, such as apache-2.0.")
    ] = None,
    message: Annotated[str | None, typer.Option("--message", metavar="TEXT", help="Message of the commit.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the model card if there is one.")] = False,
    as_json: Json = False,
) -> None:
    """Publish a weight file as model.safetensors, with a model card, in one commit.

    The repository is created if it does not exist. Log in first with `hf auth login`, or set HF_TOKEN.
    """
    from multibox.weights.hub.push import push_weights

    commit = push_weights(source, to, private=private, license=license, message=message, new_card=force)
    if as_json:
        print_json({"file": str(source), "to": to, "commit": commit})
        return
    print(f"{source} is published: {commit}")


@app.command()
def remap(
    source: Annotated[str, typer.Argument(metavar="WEIGHTS", help="Weight file, or a published name.")],
    *,
    out: OutFile,
    to: Annotated[ClassList | None, typer.Option("--to", help="The classes of VOC or COCO, in their order.")] = None,
    class_names: ClassNames = None,
    class_names_file: ClassNamesFile = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="OLD=NEW", help="A class that keeps its weights under a new name. Repeatable."),
    ] = None,
    seed: Seed = 0,
    precision: Stored = StoredPrecision.fp32,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Give a detector other classes.

    Known classes keep their weights, by name or by --map. New classes start from random weights and need training.
    --to voc also knows which COCO class corresponds to each VOC class.
    """
    import torch

    from multibox.class_map import class_map
    from multibox.weights.remap import class_mapping
    from multibox.weights.remap import remap as with_classes
    from multibox.weights.source import open_weights

    _check_out(out, force=force)
    names = _class_names(class_names, class_names_file, to=to)
    if names is None:
        raise UsageError("no new classes given: add --class-names, --class-names-file or --to")
    model, info = open_weights(source)
    mapping = {new: old for old, new in class_map(pairs or [], known=model.class_names, new=names).items()}
    if to is not None:
        mapping = class_mapping(model.class_names, names) | mapping
    generator = torch.Generator().manual_seed(seed)
    detector = with_classes(model, class_names=names, mapping=mapping, generator=generator)
    info |= {"remapped_from": list(model.class_names)}
    _write(detector, out, info=info, precision=precision)
    new = [name for name in names if mapping.get(name, name) not in model.class_names]
    _report(detector, out, info=info, as_json=as_json, new=new)


def _facts(entry: "Published") -> str:
    origin = "to be downloaded by hand" if entry.page else "included" if entry.shipped else ""
    return "; ".join(fact for fact in (entry.about, entry.score, entry.license, origin) if fact)


def _check_out(out: Path, *, force: bool) -> None:
    if out.suffix != ".safetensors":
        raise UsageError(f"--out {out} does not end with .safetensors, the suffix of weight files: add it")
    if out.exists() and not force:
        raise UsageError(f"{out} already exists: choose another --out or add --force")


def _priors(text: str | None) -> "str | PriorSpec | None":
    if text is None or not Path(text).is_file():
        return text
    from multibox.tiling.file import read_priors

    return read_priors(Path(text))


def _class_names(
    text: str | None, file: Path | None, *, to: ClassList | None = None, labels: Path | None = None
) -> list[str] | None:
    """The names from the option that was given, None if none was."""
    if sum(option is not None for option in (text, file, to, labels)) > 1:
        raise UsageError("class names are given in more than one way: keep one option")
    if to is not None:
        from multibox.data.classes.coco import COCO_CLASSES
        from multibox.data.classes.voc import VOC_CLASSES

        return list(VOC_CLASSES if to is ClassList.voc else COCO_CLASSES)
    if labels is not None:
        from multibox.weights.origins.tensorflow.labels import read_labels_file

        return list(read_labels_file(labels))
    if file is not None:
        if not file.is_file():
            raise DataError(f"class list {file} does not exist: give a text file with one name a line")
        from multibox.system.text import read_lines

        return [name.strip() for name in read_lines(file) if name.strip()]
    if text is None:
        return None
    return [name.strip() for name in text.split(",") if name.strip()]


def _numbers(text: str | None) -> list[float] | None:
    """The values of --mean."""
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--mean {text!r} is not one number or three: write it as 104,117,123") from None


def _write(model: "SSD", out: Path, *, info: dict[str, Any], precision: StoredPrecision) -> None:
    import torch

    from multibox.weights.file import save_weights

    types = {StoredPrecision.fp32: None, StoredPrecision.bf16: torch.bfloat16, StoredPrecision.fp16: torch.float16}
    save_weights(out, model, info=info, dtype=types[precision])


def _report(model: "SSD", out: Path, *, info: dict[str, Any], as_json: bool, new: list[str] | None = None) -> None:
    """Print what was written; `new` are the classes that have random weights."""
    if as_json:
        facts = {"file": str(out), "model": model.config.name, "class_names": list(model.class_names), "info": info}
        print_json(facts if new is None else facts | {"new_classes": new})
        return
    classes = counted(len(model.class_names), "class")
    print(f"{out}: {model.config.name}, {classes}, {out.stat().st_size / 1e6:.1f} MB")
    if new:
        print(f"classes with random weights: {', '.join(new)}")
