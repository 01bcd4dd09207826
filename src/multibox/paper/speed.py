"""Table 7 of the paper anew: frames a second on this machine beside those on the paper's Titan X."""

from collections.abc import Sequence
from typing import Any

from multibox.bench.images import sample_images
from multibox.bench.table7 import bench_table7
from multibox.paper.numbers import TABLE7
from multibox.paper.outcome import Outcome, Progress
from multibox.paper.request import Request
from multibox.paper.tables import Row, Table


def reproduce_speed(request: Request, *, weights: Sequence[str] = ()) -> tuple[Table, Progress, dict[str, Any]]:
    """The table, our rows of it, and the whole measurement with its machine.

    Without `weights` the networks have random weights, and boxes are chosen from made-up scores.
    """
    images = list(sample_images(count=8)) if weights else []
    measured = bench_table7(weights=weights, images=images, device=request.device)
    done = {}
    for row in measured["rows"]:
        for size, times in row["batches"].items():
            key = _key(row["model"], int(size))
            done[key] = Outcome(key, {"FPS": times["fps"]}, {}, request.stamp, 0, 0, 0.0, measured["machine"]["torch"])
    return speed_table(measured), Progress(done, {}), measured


def speed_table(measured: dict[str, Any]) -> Table:
    """The paper's rows, ours where a network of that name was measured, and with what, as the note."""
    ours = {row["model"] for row in measured["rows"]}
    rows = tuple(
        Row(
            f"{speed.method}, batch {speed.batch}",
            {"FPS": float(speed.frames_per_second)},
            _key(speed.method, speed.batch) if speed.method.lower() in ours else None,
        )
        for speed in TABLE7
    )
    weights = ", ".join(dict.fromkeys(row["weights"] for row in measured["rows"]))
    note = (
        f"The paper: Titan X (Maxwell), cuDNN 4. Ours: {measured['device']}, {measured['machine']['threads']} threads, "
        f"load {measured['machine']['load']:.1f}; {measured['engine']}; {weights}."
    )
    return Table("table7", "Table 7: frames a second, from pixels of the input to boxes", rows, note, unit="")


def _key(model: str, batch: int) -> str:
    return f"{model.lower()}, batch {batch}"
