"""The search for priors, on generated objects that the official tiling misses."""

import numpy as np
import pytest

from multibox.errors import UsageError
from multibox.priors import SPECS, PriorSpec
from multibox.tiling.overlap import PriorOverlap
from multibox.tiling.search import search_priors

START = SPECS["ssd300-voc"].keep([1, 2, 3])
CELLS = 19 * 19 + 10 * 10 + 5 * 5


def wide_objects(count: int = 100) -> np.ndarray:
    """Objects six to eight times as wide as high, like lines of text: (cx, cy, w, h)."""
    rng = np.random.default_rng(5)
    width = rng.uniform(140, 260, count)
    height = width / rng.uniform(6, 8, count)
    return np.stack([rng.uniform(130, 170, count), rng.uniform(20, 280, count), width, height], axis=1)


def covered(objects: np.ndarray, spec: PriorSpec) -> float:
    overlap = PriorOverlap(objects, spec)
    return float((np.max([overlap.of(k, source) for k, source in enumerate(spec.maps)], axis=0) >= 0.5).mean())


@pytest.fixture(scope="module")
def fitted() -> PriorSpec:
    return search_priors(wide_objects(), START, boxes=START.count)


def test_shapes_that_the_start_lacks_are_found(fitted: PriorSpec) -> None:
    """Coverage of very wide objects: less than a third before, nearly all after, no more boxes on the same maps."""
    assert covered(wide_objects(), START) < 0.3
    assert covered(wide_objects(), fitted) > 0.9
    assert fitted.count <= START.count
    assert [(m.cells, m.step) for m in fitted.maps] == [(m.cells, m.step) for m in START.maps]


def test_sizes_keep_their_order_and_their_maps(fitted: PriorSpec) -> None:
    """Sizes within a factor of 2 of the start's, min sizes ascending, larger squares larger."""
    assert [m.min_size for m in fitted.maps] == sorted(m.min_size for m in fitted.maps)
    for before, after in zip(START.maps, fitted.maps, strict=True):
        assert before.min_size / 2 <= after.min_size <= before.min_size * 2
        assert after.max_size is None or after.min_size < after.max_size <= (before.max_size or 0) * 2


def test_the_same_again(fitted: PriorSpec) -> None:
    """A second search has the same result."""
    assert search_priors(wide_objects(), START, boxes=START.count) == fitted


@pytest.mark.parametrize("boxes", [CELLS, 1000])
def test_the_budget_holds(boxes: int) -> None:
    """Fewer boxes than the start has: the result never has more than requested."""
    assert search_priors(wide_objects(40), START, boxes=boxes).count <= boxes


def test_samples_do_not_cost_coverage() -> None:
    """Very small samples pull the sizes down, but the coverage of the objects does not fall."""
    rng = np.random.default_rng(2)
    start = START.keep([0])
    objects = np.concatenate([rng.uniform(80, 220, (60, 2)), rng.uniform(60, 150, (60, 2))], axis=1)
    specks = np.concatenate([rng.uniform(20, 280, (200, 2)), rng.uniform(25, 40, (200, 2))], axis=1)
    found = search_priors(objects, start, boxes=start.count, samples=specks)
    assert covered(objects, found) >= covered(objects, start)
    assert covered(specks, found) > covered(specks, start)


def test_too_few_boxes_are_wrong_use() -> None:
    """A budget below one prior for each cell against an error that names the smallest one."""
    with pytest.raises(UsageError, match=f"100 boxes are too few.*{CELLS}"):
        search_priors(wide_objects(5), START, boxes=100)
