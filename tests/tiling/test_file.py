"""Files of priors: a round trip, and errors for files that do not fit."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from multibox.errors import InputError
from multibox.priors import SPECS
from multibox.size import Size
from multibox.tiling.file import read_priors, write_priors

SPEC = SPECS["ssd300-voc"]


@pytest.mark.parametrize("name", sorted(SPECS))
def test_round_trip(tmp_path: Path, name: str) -> None:
    """Every official tiling, with a map without a larger square, written to a new folder and read again."""
    spec = SPECS[name]
    spec = replace(spec, maps=(replace(spec.maps[0], max_size=None, ratios=()), *spec.maps[1:]), truncate=True)
    path = tmp_path / "new" / "priors.json"
    write_priors(path, spec, about={"data": "cells"})
    assert read_priors(path, like=spec) == spec
    assert json.loads(path.read_text())["about"] == {"data": "cells"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read priors: .*no such file"),
        ("not json", "is not JSON"),
        ("[1, 2]", "is not a JSON file with an entry 'priors'"),
        ('{"boxes": 3}', "is not a JSON file with an entry 'priors'"),
        ('{"priors": {"input_size": [300, 300]}}', "priors.maps does not fit"),
        ('{"priors": {"input_size": [300, "wide"], "maps": []}}', "priors.input_size.1 does not fit"),
        ('{"priors": [300]}', "is not a JSON file with an entry 'priors'"),
        ('{"priors": {"input_size": [300, 300], "maps": [], "clips": true}}', "priors have no entry clips"),
        ('{"priors": {"input_size": [9, 9], "maps": [{"min": 3}]}}', r"priors have no entry min \(map 1\)"),
        ('{"priors": {"input_size": [300, 300], "maps": []}}', "priors has 0 maps, 1 to 32 are allowed"),
        ('{"priors": ' + "[" * 100_000, "cannot read priors: .* is nested too deeply"),
        ('{"priors": ' + "9" * 5000 + "}", "cannot read priors: .* holds an integer of thousands of digits"),
    ],
)
def test_invalid_priors_files(tmp_path: Path, content: str | None, message: str) -> None:
    """Missing files and other contents against a one-line error that names the next step."""
    path = tmp_path / "priors.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=f"{message}.*multibox priors fit") as caught:
        read_priors(path)
    assert "\n" not in str(caught.value)


def test_file_of_version_0_1_0(tmp_path: Path) -> None:
    """The priors of a file with the old British key, against the same priors written today."""
    spec = replace(SPEC, clip_sizes=True, clip_centers=True)
    path = tmp_path / "priors.json"
    write_priors(path, spec, about={})
    old = path.read_text().replace("clip_centers", "clip_centres")
    assert old != path.read_text()
    path.write_text(old)
    assert read_priors(path, like=spec) == spec


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"min_size": 0.0}, "priors.maps.1.min_size is 0.0, it must be 1 to 40960"),
        ({"min_size": math.nan}, "priors.maps.1.min_size is nan, it must be 1 to 40960"),
        ({"ratios": (math.inf,)}, "priors.maps.1.ratios.0 is inf, it must be 0.001 to 1000"),
        ({"cells": Size(10**9, 10**9)}, "priors.maps.1.cells.height is 1000000000, it must be 1 to 4096"),
        ({"cells": Size(4096, 4096)}, r"priors has \d+ boxes, at most 500000 are allowed"),
    ],
)
def test_numbers_have_to_be_in_their_ranges(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    """One wrong value on the second map against the error that names it and its range."""
    path = tmp_path / "priors.json"
    write_priors(path, replace(SPEC, maps=(SPEC.maps[0], replace(SPEC.maps[1], **change))), about={})
    with pytest.raises(InputError, match=message):
        read_priors(path)


def test_priors_of_another_model_are_refused(tmp_path: Path) -> None:
    """Priors for 512 pixels for a model of 300 against an error that names both."""
    path = tmp_path / "priors.json"
    write_priors(path, SPECS["ssd512-voc"], about={})
    with pytest.raises(InputError, match=r"holds priors for 512 x 512 .*but the model has 300 x 300"):
        read_priors(path, like=SPEC)
