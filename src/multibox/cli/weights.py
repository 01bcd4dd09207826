"""`multibox weights`: list published weights, import foreign ones, exchange classes."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multibox.cli.console import print_json
from multibox.cli.options import Json
from multibox.errors import DataError, UsageError

if TYPE_CHECKING:
    from multibox.models.ssd import SSD
    from multibox.weights.registry import Published

app = typer.Typer(help="List, import and adapt weights.", no_args_is_help=True)


class Priors(StrEnum):
    """Priors that a file may have been trained with."""

    ssd300_voc = "ssd300-voc"
    ssd300_coco = "ssd300-coco"
    ssd512_voc = "ssd512-voc"
    ssd512_coco = "ssd512-coco"


class Channels(StrEnum):
    """Order of the colors that a first layer expects."""

    rgb = "rgb"
    bgr = "bgr"


class ClassList(StrEnum):
    """Class lists that remap knows by name."""

    voc = "voc"
    coco = "coco"


Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="The .safetensors file to write.")]
Classes = Annotated[
    str | None, typer.Option("--classes", metavar="A,B,C", help="Class names in order, without background.")
]
ClassFile = Annotated[
    Path | None, typer.Option("--classes-file", metavar="FILE", help="Class names in order, one a line.")
]
Half = Annotated[bool, typer.Option("--half", help="Store float16 values: half the size, nearly the same detections.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]


@app.callback()
def weights() -> None:
    """List, import and adapt weights."""


@app.command("list")
def list_weights(*, as_json: Json = False) -> None:
    """List the weights that multibox has or fetches by name, detectors first, then base networks."""
    from multibox.weights.registry import BASES, DETECTORS

    if as_json:
        print_json([_entry(entry) for entry in (*DETECTORS, *BASES)])
        return
    width = max(len(entry.name) for entry in (*DETECTORS, *BASES))
    for title, entries in (("Detectors", DETECTORS), ("Base networks, for training", BASES)):
        print(title)
        for entry in entries:
            facts = [entry.about, entry.score, entry.license, _whence(entry)]
            print(f"  {entry.name:<{width}}  {'; '.join(fact for fact in facts if fact)}")


@app.command("import")
def import_(
    source: Annotated[str, typer.Argument(metavar="FILE|NAME", help="A foreign weight file, or a name of the list.")],
    *,
    out: Out,
    model: Annotated[
        Priors | None, typer.Option("--model", help="Its priors, where neither the file nor its classes tell them.")
    ] = None,
    classes: Classes = None,
    classes_file: ClassFile = None,
    channels: Annotated[
        Channels | None, typer.Option("--channels", help="What the first layer of an amdegroot file expects.")
    ] = None,
    half: Half = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Turn weights of the authors' Caffe, torchvision, amdegroot/ssd.pytorch or lufficc/SSD into a multibox file.

    The origin is recognized. The file keeps the normalization, priors and detection settings of its origin.
    """
    from multibox.weights.origins.foreign import read_foreign
    from multibox.weights.origins.importer import convert, origin_of
    from multibox.weights.source import about, find_weights

    _check_target(out, force=force)
    names = _class_names(classes, classes_file)
    file, entry = find_weights(source)
    foreign = read_foreign(file)
    usual_model, usual_names = (entry.model, entry.class_names) if entry else (None, None)
    detector = convert(
        foreign,
        model=model.value if model else usual_model,
        class_names=names or usual_names,
        channels=channels and channels.value,
    )
    info = about(entry) if entry else {"origin": origin_of(foreign), "file": file.name}
    _write(detector, out, info=info, half=half, as_json=as_json)


@app.command()
def remap(
    source: Annotated[Path, typer.Argument(metavar="WEIGHTS", help="A multibox weight file.")],
    *,
    out: Out,
    to: Annotated[ClassList | None, typer.Option("--to", help="The classes of VOC or COCO, in their order.")] = None,
    classes: Classes = None,
    classes_file: ClassFile = None,
    continues: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="NEW=OLD", help="A new class that continues an old one; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Start of the random weights of new classes.")] = 0,
    half: Half = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Give a detector other classes.

    Classes that it knows keep their weights, by their own name or as --map says; other classes start anew and need
    training. --to voc knows which COCO class each VOC class is.
    """
    import torch

    from multibox.weights.file import load_weights
    from multibox.weights.remap import VOC_FROM_COCO
    from multibox.weights.remap import remap as exchange

    _check_target(out, force=force)
    names = _class_names(classes, classes_file, to=to)
    if names is None:
        raise UsageError("no new classes given: add --classes, --classes-file or --to")
    mapping = dict(_pair(text) for text in continues or [])
    model, info = load_weights(source)
    if to is ClassList.voc:
        known = {new: old for new, old in VOC_FROM_COCO.items() if new not in model.class_names}
        mapping = {new: old for new, old in known.items() if old in model.class_names} | mapping
    generator = torch.Generator().manual_seed(seed)
    detector = exchange(model, class_names=names, mapping=mapping, generator=generator)
    kept = [name for name in names if mapping.get(name, name) in model.class_names]
    new = [name for name in names if name not in kept]
    _write(detector, out, info=info | {"remapped_from": list(model.class_names)}, half=half, as_json=as_json, new=new)


def _whence(entry: "Published") -> str:
    if entry.shipped:
        return "part of multibox"
    return "" if entry.url else "to be fetched by hand"


def _entry(entry: "Published") -> dict[str, Any]:
    return {
        "name": entry.name,
        "kind": entry.kind,
        "about": entry.about,
        "score": entry.score,
        "license": entry.license,
        "classes": len(entry.class_names),
        "url": entry.url,
        "page": entry.page or None,
        "shipped": entry.shipped is not None,
        "sha256": entry.sha256,
    }


def _check_target(out: Path, *, force: bool) -> None:
    if out.suffix != ".safetensors":
        raise UsageError(f"--out {out} has no suffix .safetensors, which weight files have: add it")
    if out.exists() and not force:
        raise UsageError(f"{out} exists already: choose another --out or add --force")


def _class_names(classes: str | None, file: Path | None, *, to: ClassList | None = None) -> list[str] | None:
    """The names from whichever of the options was given, None where none was."""
    if sum(option is not None for option in (classes, file, to)) > 1:
        raise UsageError("class names are given in more than one way: keep one option")
    if to is not None:
        from multibox.data.classes.coco import COCO_CLASSES
        from multibox.data.classes.voc import VOC_CLASSES

        return list(VOC_CLASSES if to is ClassList.voc else COCO_CLASSES)
    if file is not None:
        if not file.is_file():
            raise DataError(f"class list {file} does not exist: give a text file with one name a line")
        classes = ",".join(file.read_text(encoding="utf-8").splitlines())
    if classes is None:
        return None
    return [name.strip() for name in classes.split(",") if name.strip()]


def _pair(text: str) -> tuple[str, str]:
    new, equals, old = text.partition("=")
    if not equals:
        raise UsageError(f"--map {text!r} is not of the form NEW=OLD: name the new class, then the old one")
    return new.strip(), old.strip()


def _write(
    model: "SSD", out: Path, *, info: dict[str, Any], half: bool, as_json: bool, new: list[str] | None = None
) -> None:
    """Save the detector and tell what was written."""
    import torch

    from multibox.weights.file import save_weights

    save_weights(out, model, info=info, dtype=torch.float16 if half else None)
    if as_json:
        facts = {"file": str(out), "model": model.config.name, "class_names": list(model.class_names), "info": info}
        print_json(facts if new is None else facts | {"new_classes": new})
        return
    print(f"{out}: {model.config.name}, {len(model.class_names)} classes, {out.stat().st_size / 1e6:.1f} MB")
    if new:
        print(f"without weights yet: {', '.join(new)}")
