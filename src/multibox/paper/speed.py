"""Reproduces Table 7 of the paper: frames per second on this machine, compared with the paper's Titan X."""

from collections.abc import Sequence
from typing import Any

from multibox.bench.images import sample_images
from multibox.bench.peers.headline import bench_headline
from multibox.bench.table7 import bench_table7
from multibox.paper.headline import headline_text
from multibox.paper.outcome import Outcome, Results
from multibox.paper.printed import TABLE7
from multibox.paper.request import Request
from multibox.paper.tables import Row, Table


def reproduce_speed(
    request: Request, *, weights: Sequence[str] = (), peers: str | None = None
) -> tuple[Table, Results, dict[str, Any]]:
    """Return the table, our results, and the whole measurement with a description of the machine.

    Without `weights` the networks have random weights, and boxes are selected from made-up scores. `peers` is the
    Python of an environment with torchvision, whose detectors are measured in turns with ours. Raises the errors of
    `bench_headline` and `bench_table7`.
    """
    headline = None if peers is None else bench_headline(peers, device=request.device)
    images = list(sample_images(count=8)) if weights else []
    measured = bench_table7(weights=weights, images=images, device=request.device)
    if headline is not None:
        measured["peers"] = headline
    done = {}
    for row in measured["rows"]:
        for size, times in row["batches"].items():
            key = _key(row["model"], int(size))
            done[key] = Outcome(key, {"FPS": times["fps"]}, {}, request.stamp, 0, 0, 0.0, measured["machine"]["torch"])
    return speed_table(measured), Results(done, {}), measured


def speed_table(measured: dict[str, Any]) -> Table:
    """Return the paper's rows, with a recipe if a network of that name was measured; the note describes the machine."""
    ours = {row["model"] for row in measured["rows"]}
    rows = tuple(
        Row(
            f"{speed.method}, batch {speed.batch}",
            {"FPS": float(speed.frames_per_second), "mAP": speed.score},
            _key(speed.method, speed.batch) if speed.method.lower() in ours else None,
        )
        for speed in TABLE7
    )
    weights = ", ".join(dict.fromkeys(row["weights"] for row in measured["rows"]))
    note = (
        f"The paper: Titan X (Maxwell), cuDNN 4. Ours: {measured['device']}, {measured['machine']['threads']} threads, "
        f"load {measured['machine']['load']:.1f}; {measured['engine']}; {weights}."
    )
    appendix = f"## Beside other detectors\n\n{headline_text(measured['peers'])}" if "peers" in measured else ""
    return Table("table7", "Table 7: frames per second, from input pixels to boxes", rows, note, "", appendix)


def _key(model: str, batch: int) -> str:
    return f"{model.lower()}, batch {batch}"
