"""Options that several commands share, so that they read the same everywhere."""

from enum import StrEnum
from typing import Annotated

import typer


class Precision(StrEnum):
    """Number type of the convolutions."""

    float32 = "float32"
    bfloat16 = "bfloat16"


class Metric(StrEnum):
    """Kinds of average precision."""

    voc07 = "voc07"
    voc10 = "voc10"
    coco = "coco"


Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, for machines.")]
Device = Annotated[
    str | None,
    typer.Option("--device", metavar="NAME", help="cpu, cuda, cuda:1 or mps; by default a GPU where there is one."),
]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, metavar="N", help="Threads; by default one for each core.")
]
Batch = Annotated[int, typer.Option("--batch", min=1, metavar="N", help="How many images go through together.")]
PrecisionOption = Annotated[
    Precision | None,
    typer.Option(
        "--precision", help="Number type of the convolutions; by default float32, or what a model was exported for."
    ),
]
BackendOption = Annotated[
    str | None,
    typer.Option("--backend", metavar="NAME", help="torch, packed, onnxruntime or openvino; by default the fastest."),
]
Classes = Annotated[
    str | None, typer.Option("--classes", metavar="A,B", help="Count these classes of the data set only.")
]
