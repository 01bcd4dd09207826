"""A batch in this process: rows against the detector, resuming, and what a resumed run refuses."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch.conftest import BROKEN
from multibox.batch.manifest import MANIFEST
from multibox.detection.detector import Detector
from multibox.errors import DataError, InputError, UsageError
from multibox.images.settings import VARIABLE
from small_s3 import SmallS3, small_s3

PARTS = [f"part-{number:05}.parquet" for number in range(3)]


def parts(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("part-*"))}


def test_rows_are_what_the_detector_finds(run_here, photos: Path, weights: Path, tmp_path: Path):
    """Every row against the detections of a detector for that image; broken images against their error."""
    summary = run_here(photos, tmp_path / "out")
    rows = pq.read_table(tmp_path / "out").to_pylist()  # by pyarrow's own reader of folders
    assert [row["image"] for row in rows] == [str(path) for path in sorted(photos.iterdir())]
    detector = Detector.load(weights)
    for row in rows:
        if Path(row["image"]).name in BROKEN:
            assert row["error"].startswith(f"cannot decode {row['image']}: ")
            assert (row["width"], row["height"], row["detections"]) == (None, None, [])
            continue
        expected = detector(row["image"])
        assert row["error"] is None
        assert (row["height"], row["width"]) == expected.image_size
        boxes, scores, labels, names = (
            [d[key] for d in row["detections"]] for key in ("box", "score", "label", "name")
        )
        np.testing.assert_allclose(boxes, expected.boxes, atol=1e-2)
        np.testing.assert_allclose(scores, expected.scores, atol=1e-5)
        assert labels == expected.labels.tolist()
        assert names == [expected.class_names[label] for label in labels]
    assert (summary.shards, summary.kept, summary.images, summary.errors) == (3, 0, 11, 2)
    assert summary.detections == sum(len(row["detections"]) for row in rows)
    assert summary.bytes == sum(map(len, parts(tmp_path / "out").values()))


def test_columns_have_these_types(run_here, photos: Path, tmp_path: Path):
    """The schema of a part against the documented one."""
    run_here(photos, tmp_path / "out")
    detection = pa.struct(
        {"box": pa.list_(pa.float32(), 4), "score": pa.float32(), "label": pa.int32(), "name": pa.string()}
    )
    assert pq.read_schema(tmp_path / "out" / PARTS[0]) == pa.schema(
        {
            "image": pa.string(),
            "width": pa.int32(),
            "height": pa.int32(),
            "error": pa.string(),
            "detections": pa.list_(detection),
        }
    )


def test_a_second_run_makes_exactly_the_missing_parts(run_here, photos: Path, tmp_path: Path):
    """Parts after one was removed: this one is made again with the same content, and a third run makes nothing."""
    out = tmp_path / "out"
    run_here(photos, out)
    whole = parts(out)
    assert list(whole) == PARTS
    (out / PARTS[1]).unlink()
    untouched = {name: (out / name).stat().st_mtime_ns for name in (PARTS[0], PARTS[2], MANIFEST)}
    seen: list[tuple[int, int]] = []
    second = run_here(photos, out, resume=True, progress=lambda done, total: seen.append((done, total)))
    assert (second.shards, second.kept, second.images) == (1, 2, 4)
    assert seen == [(11, 11)]
    assert parts(out) == whole
    third = run_here(photos, out, resume=True)
    assert (third.shards, third.kept, third.images) == (0, 3, 0)
    assert {name: (out / name).stat().st_mtime_ns for name in untouched} == untouched


def test_min_score_leaves_out_lower_scores(run_here, photos: Path, tmp_path: Path):
    """Scores of a run with a limit against those of a run without one."""
    run_here(photos, tmp_path / "all")
    run_here(photos, tmp_path / "few", min_score=0.5)
    scores = [
        [[d["score"] for d in row["detections"]] for row in pq.read_table(tmp_path / name).to_pylist()]
        for name in ("all", "few")
    ]
    assert scores[1] == [[score for score in row if score >= 0.5] for row in scores[0]]
    assert any(scores[1])


def test_parts_are_not_overwritten_without_resume(run_here, photos: Path, tmp_path: Path):
    """A second run without --resume against UsageError and untouched parts."""
    run_here(photos, tmp_path / "out")
    before = parts(tmp_path / "out")
    with pytest.raises(UsageError, match=r"holds 3 parts of a batch: add --resume"):
        run_here(photos, tmp_path / "out")
    assert parts(tmp_path / "out") == before


def _other_weights(tmp_path: Path, weights: Path) -> Path:
    from multibox.weights.file import load_weights, save_weights

    save_weights(tmp_path / "other.safetensors", load_weights(weights)[0], info={"recipe": "another"})
    return tmp_path / "other.safetensors"


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ("weights", "weights"),
        ("images", "list of images"),
        ("shard", "--shard: 4, now 5"),
        ("min_score", "--min-score: 0.0, now 0.25"),
        ("engine", "--engine: None, now torch"),
        ("pixels", "--max-pixels"),
    ],
)
def test_a_resumed_run_refuses_to_mix(
    run_here, photos: Path, weights: Path, tmp_path: Path, monkeypatch, changed: str, word: str
):
    """A run with another setting than the first against UsageError, with nothing written."""
    out = tmp_path / "out"
    (tmp_path / "list.txt").write_text("\n".join(str(photos / f"{number:02}.jpg") for number in range(4)))
    run_here(tmp_path / "list.txt", out)
    before = parts(out)
    (out / PARTS[0]).rename(out / PARTS[2])  # a shard is missing
    options = {"shard": {"shard": 5}, "min_score": {"min_score": 0.25}, "engine": {"engine": "torch"}}.get(changed, {})
    if changed == "images":
        (tmp_path / "list.txt").write_text("\n".join(str(photos / f"{number:02}.jpg") for number in range(1, 5)))
    if changed == "pixels":
        monkeypatch.setenv(VARIABLE, "1000000")
    if changed == "weights":
        options = {"weights": _other_weights(tmp_path, weights)}
    with pytest.raises(UsageError, match=f"was begun with another {word}"):
        run_here(tmp_path / "list.txt", out, resume=True, **options)
    assert list(parts(out).values()) == list(before.values())


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "holds parts, but no _manifest.json"), (b"{", "is not JSON"), (b"[1]", "is not a manifest of format 1")],
)
def test_a_damaged_manifest_is_one_line(run_here, photos: Path, tmp_path: Path, content: bytes | None, message: str):
    """A missing, a cut and a foreign manifest against one line."""
    run_here(photos, tmp_path / "out")
    manifest = tmp_path / "out" / MANIFEST
    manifest.unlink() if content is None else manifest.write_bytes(content)
    with pytest.raises((UsageError, DataError), match=message):
        run_here(photos, tmp_path / "out", resume=True)


def test_the_manifest_says_what_was_run(run_here, photos: Path, tmp_path: Path, weights: Path):
    """Entries of the manifest against the run; the digest against sha256sum's way of computing it."""
    import hashlib

    run_here(photos, tmp_path / "out")
    stored = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert stored["weights_sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    names = b"".join(f"{path}\0".encode() for path in sorted(photos.iterdir()))
    assert stored["images_sha256"] == hashlib.sha256(names).hexdigest()
    assert (stored["images"], stored["shard"], stored["shards"], stored["source"]) == (11, 4, 3, str(photos))


def test_nothing_is_written_if_the_detector_does_not_load(run_here, photos: Path, tmp_path: Path):
    """Damaged weights, and a missing precision, against their error and no folder."""
    (tmp_path / "bad.safetensors").write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"bad\.safetensors"):
        run_here(photos, tmp_path / "out", weights=tmp_path / "bad.safetensors")
    with pytest.raises(UsageError, match="fp8"):
        run_here(photos, tmp_path / "out", precision="fp8")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallS3]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "name")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with small_s3() as server:
        yield server


def test_a_batch_in_a_store_is_that_of_a_folder(run_here, photos: Path, tmp_path: Path, server: SmallS3):
    """Images and parts in S3 against those of the same images in a folder; an object that is gone is a row."""
    for path in photos.iterdir():
        server.objects[f"bucket/photos/{path.name}"] = path.read_bytes()
    source, out = (f"s3://bucket/{name}?{server.options}" for name in ("photos", "out"))
    run_here(source, out)
    run_here(photos, tmp_path / "out")
    for name, content in parts(tmp_path / "out").items():
        ours = pq.read_table(pa.BufferReader(server.objects[f"bucket/out/{name}"])).to_pylist()
        theirs = pq.read_table(pa.BufferReader(content)).to_pylist()
        for mine, yours in zip(ours, theirs, strict=True):
            assert mine.pop("image") == f"s3://bucket/photos/{Path(yours.pop('image')).name}"
            assert (mine.pop("error") is None) == (yours.pop("error") is None)
            assert mine == yours
    assert [key for method, key in server.requests if method == "PUT"] == [
        f"bucket/out/{name}" for name in (MANIFEST, *PARTS)
    ]
    del server.objects[f"bucket/out/{PARTS[2]}"]
    assert run_here(source, out, resume=True).shards == 1


def test_a_store_that_refuses_stops_the_run(run_here, photos: Path, server: SmallS3):
    """An object that may not be read against InputError and no part for its shard; one that is gone is a row."""
    for path in photos.iterdir():
        server.objects[f"bucket/photos/{path.name}"] = path.read_bytes()
    server.objects["bucket/list.txt"] = b"photos/00.jpg\nphotos/gone.jpg\nphotos/01.jpg"
    server.refused.add("bucket/photos/01.jpg")
    source, out = (f"s3://bucket/{name}?{server.options}" for name in ("list.txt", "out"))
    with pytest.raises(InputError, match=r"shard 1: cannot use s3://bucket/photos/01\.jpg: .*use --resume"):
        run_here(source, out, shard=2)
    assert f"bucket/out/{PARTS[1]}" not in server.objects
    rows = pq.read_table(pa.BufferReader(server.objects[f"bucket/out/{PARTS[0]}"])).to_pylist()
    assert [row["error"] for row in rows] == [None, "s3://bucket/photos/gone.jpg does not exist; list the images again"]
