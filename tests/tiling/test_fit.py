"""A fit to a data set, and the gain that it reports."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from multibox.data.augmentation.augmentation import AUGMENTATIONS
from multibox.data.dataset import Dataset, Example
from multibox.errors import DataError, UsageError
from multibox.priors import SPECS
from multibox.size import Size
from multibox.tiling.coverage import measure_coverage
from multibox.tiling.fit import fit_priors
from multibox.tiling.hold_out import hold_out
from multibox.tiling.tables import coverage_text, gain_text
from shared_data import shared

START = SPECS["ssd300-voc"].keep([1, 2])


def banners(count: int, *, seed: int) -> Dataset:
    """Images of 400 x 300 with two very wide objects each, and a crowd of another shape."""
    rng = np.random.default_rng(seed)
    examples = []
    for number in range(count):
        x, y, w = rng.uniform(10, 150, 2), rng.uniform(10, 250, 2), rng.uniform(90, 200, 2)
        boxes = np.stack([x, y, x + w, y + w / 9], axis=1)
        boxes = np.concatenate([boxes, [[0, 0, 12, 300]]]).astype(np.float32)
        crowd = np.array([False, False, True])
        name = f"{number}.jpg"
        examples.append(Example(Path(name), boxes, np.array([0, 1, 1]), ~crowd & crowd, crowd, name, Size(300, 400)))
    return Dataset("banners", ("text", "sign", "unused"), tuple(examples))


def test_the_gain_is_that_of_the_coverage() -> None:
    """Gains against `measure_coverage` of both sets with both tilings; held-out objects gain too."""
    data, held = banners(20, seed=1), banners(12, seed=2)
    found = fit_priors(data, START, held_out=held)
    assert found.priors.count <= START.count
    for gain, images in ((found.fitted, data), (found.held_out, held)):
        assert gain is not None
        for coverage, spec in ((gain.before, START), (gain.after, found.priors)):
            assert coverage.everything == measure_coverage(images, spec).everything
        assert gain.after.everything.overlap_50 > gain.before.everything.overlap_50 + 0.4
    text = gain_text(found.fitted, found.held_out)
    line = next(line.split() for line in text.splitlines() if line.startswith("  text"))
    assert line[1] == "20"
    assert line[6] == "12"
    assert "unused" not in text


def test_training_samples_are_reached_as_well() -> None:
    """A fit with augmentation against one without: reproducible, and not the same priors."""
    data = banners(8, seed=3)
    found = [
        fit_priors(data, START.keep([0]), augmentation=augmentation).priors
        for augmentation in (AUGMENTATIONS["caffe"], AUGMENTATIONS["caffe"], None)
    ]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_holding_out_parts_the_images(share: float) -> None:
    """Both parts against the whole: no image lost or used twice, the share as given, and the same result each time."""
    data = banners(40, seed=4)
    kept, held = hold_out(data, share)
    assert len(held) == round(40 * share)
    assert {e.id for e in kept} | {e.id for e in held} == {e.id for e in data}
    assert len(kept) + len(held) == 40
    assert [e.id for e in hold_out(data, share)[1]] == [e.id for e in held]


def test_nothing_to_fit_to_is_an_error() -> None:
    """A data set without objects, and a share that leaves one part empty: one line each."""
    empty = Dataset("none", ("a",), tuple(e.keep(np.zeros(3, np.bool_)) for e in banners(2, seed=0)))
    with pytest.raises(DataError, match="none has no objects to fit priors to"):
        fit_priors(empty, START)
    for share in (0.0, 1.0, 0.01, -3.0):
        with pytest.raises(UsageError, match="leaves one part empty"):
            hold_out(banners(4, seed=0), share)


def test_the_text_counts_missed_objects() -> None:
    """Numbers of missed objects in the text against the best IoU of each object."""
    data = banners(10, seed=6)
    coverage = measure_coverage(data, START)
    missed = int((coverage.per_object.best_iou < 0.5).sum())
    text = coverage_text(coverage, data, model="ssd300")
    assert text.startswith("banners: 20 objects in 10 whole images, the 2,766 priors of ssd300 at 300 x 300")
    assert next(line.split() for line in text.splitlines() if line.startswith("  objects"))[1] == str(missed)
    assert f"the worst of the {missed} missed objects" in text


def test_blood_cells_gain_with_no_more_boxes() -> None:
    """On real images held out from the fit: the second official map covers more cells with as many boxes."""
    from multibox.data.load import load_dataset

    path = shared("data/bccd")
    val, test = (load_dataset(path, split=split) for split in ("val", "test"))
    train, test = replace(val, examples=val.examples[:40]), replace(test, examples=test.examples[:20])
    found = fit_priors(train, SPECS["ssd300-voc"].keep([1]), held_out=test)
    assert found.held_out is not None
    assert found.priors.count <= 2166
    assert found.held_out.after.everything.overlap_50 > found.held_out.before.everything.overlap_50 + 0.02
