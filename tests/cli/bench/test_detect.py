"""`multibox bench detect`: its output, and wrong use."""

import json
from pathlib import Path
from typing import Any

from multibox.detection.detector import STAGES
from multibox.system.device import onednn_has_bfloat16


def test_the_report_has_every_stage_of_every_engine(multibox: Any, weights: Path, photos: Path):
    """The JSON of one round with two sizes of batch against the names of engines, stages and numbers that add up."""
    result = multibox(
        "bench", "detect", "-w", weights, "--engine", "packed", "--batches", "1,2", "--rounds", 1, "--images", photos,
        "--json",
    )  # fmt: skip
    assert result.code == 0
    report = json.loads(result.out)
    assert (report["images"], report["rounds"]) == (2, 1)
    assert set(report["matrix_product_giga_operations_per_second"]) == {"fp32", "bf16"}
    assert [engine["engine"].split(", ")[-1] for engine in report["engines"]] == (
        ["fp32", "bf16"] if onednn_has_bfloat16() else ["fp32"]
    )
    for engine in report["engines"]:
        assert set(engine["batches"]) == {"1", "2"}
        for found in engine["batches"].values():
            times = {name: spread["median"] for name, spread in found["milliseconds"].items()}
            assert abs(sum(times[stage] for stage in STAGES) - times["whole"]) < 0.01
            rate = found["giga_operations_per_second"]
            possible = report["matrix_product_giga_operations_per_second"][engine["engine"].split(", ")[-1]]
            assert abs(found["share_of_matrix_product"] - rate / possible) < 0.01


def test_text_is_a_table_with_the_generated_images(multibox: Any, weights: Path):
    """A run without --json against a row for each engine, and the machine on standard error."""
    result = multibox("bench", "detect", "-w", weights, "--engine", "torch", "--batches", "1", "--rounds", 1)
    assert result.code == 0
    assert len(result.out.splitlines()) == 4
    assert "GFLOP/s" in result.err


def test_wrong_use_is_one_line(multibox: Any, weights: Path, tmp_path: Path):
    """Unknown engines, sizes and an empty folder against exit code 2 and a message that names the value."""
    for words, message in (
        (["--engine", "ncnn"], "'ncnn' is not known"),
        (["--batches", "1,none"], "--batches is '1,none'"),
        (["--images", tmp_path], str(tmp_path)),
    ):
        result = multibox("bench", "detect", "-w", weights, *words)
        assert result.code == 2
        assert message in result.err
        assert result.err.count("\n") == 1
