"""Shards as actors of a Ray cluster. These tests need Ray, which is not part of the extra `dev`."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from multibox import DetectBatch
from multibox.errors import InputError

ray = pytest.importorskip("ray", reason="Ray is not installed")
pytest.importorskip("ray.data")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """A cluster of one node in processes of this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield
        ray.shutdown()


def test_parts_are_those_of_this_process(run_here, photos: Path, tmp_path: Path):
    """Parts that two actors write against those of this process; a second run makes exactly the missing one."""
    run_here(photos, tmp_path / "here")
    summary = run_here(photos, tmp_path / "there", runner="ray", workers=2)
    assert (summary.shards, summary.images, summary.errors) == (3, 11, 2)
    for path in sorted((tmp_path / "here").glob("part-*")):
        assert pq.read_table(tmp_path / "there" / path.name).to_pylist() == pq.read_table(path).to_pylist()
    (tmp_path / "there" / "part-00001.parquet").unlink()
    again = run_here(photos, tmp_path / "there", runner="ray", resume=True)
    assert (again.shards, again.kept) == (1, 2)


def test_an_error_of_an_actor_is_one_line(run_here, photos: Path, tmp_path: Path):
    """Damaged weights against the loader's message, without Ray's traceback."""
    (tmp_path / "bad.safetensors").write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"bad\.safetensors") as caught:
        run_here(photos, tmp_path / "out", runner="ray", weights=tmp_path / "bad.safetensors")
    assert "\n" not in str(caught.value)


def test_detect_batch_in_map_batches(photos: Path, weights: Path):
    """`DetectBatch` in a pipeline of Ray against its own rows."""
    names = [str(path) for path in sorted(photos.iterdir())]
    rows = ray.data.from_items([{"image": name} for name in names])
    found = rows.map_batches(DetectBatch, fn_constructor_args=[str(weights)], concurrency=1, batch_size=4).take_all()
    expected = DetectBatch(weights)({"image": names}).to_pylist()
    counts = {row["image"]: len(row["detections"]) for row in found}
    assert counts == {row["image"]: len(row["detections"]) for row in expected}
