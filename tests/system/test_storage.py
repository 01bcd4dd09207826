"""Storage: the same calls on a folder and on an S3 server of this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from multibox.errors import DataError, InputError, UsageError
from multibox.system.storage import Storage, open_storage, read_object
from small_s3 import SmallS3, small_s3

pytest.importorskip("pyarrow")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallS3]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "name")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with small_s3() as server:
        yield server


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, server: SmallS3, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return open_storage(tmp_path / "place")
    return open_storage(f"s3://bucket/place?{server.options}")


@pytest.mark.parametrize("name", ["a.bin", "a b%20#?=&+.bin", "größe.bin"])
def test_what_is_written_is_read(storage: Storage, name: str):
    """Content of a file against the bytes that were written, also under an odd name, and written twice."""
    assert storage.names() == set()
    storage.write(name, b"old")
    storage.write(name, b"new")
    assert storage.names() == {name}
    assert storage.read(name) == b"new"


def test_a_missing_file_has_its_own_error(storage: Storage):
    """A missing file against FileNotFoundError, on both."""
    with pytest.raises(FileNotFoundError):
        storage.read("nothing.bin")


def test_a_large_file_is_refused(storage: Storage):
    """A file above the limit against DataError."""
    storage.write("large.bin", b"12345")
    assert storage.read("large.bin", limit=5) == b"12345"
    with pytest.raises(DataError, match="more than 4 bytes"):
        storage.read("large.bin", limit=4)


def test_one_file_is_one_request(server: SmallS3):
    """Requests of a write against one PUT: the object appears whole."""
    storage = open_storage(f"s3://bucket/place?{server.options}")
    storage.write("a.bin", bytes(3 << 20))
    assert server.requests == [("PUT", "bucket/place/a.bin")]
    assert server.objects == {"bucket/place/a.bin": bytes(3 << 20)}


def test_prefixes_end_at_a_slash(server: SmallS3):
    """Objects below s3://bucket/photos against those of photos2, and depth against names()."""
    for key in ("photos/a.jpg", "photos/sub/b.jpg", "photos2/c.jpg"):
        server.objects[f"bucket/{key}"] = b"."
    storage = open_storage(f"s3://bucket/photos/?{server.options}")
    assert set(storage.walk()) == {"a.jpg", "sub/b.jpg"}
    assert storage.names() == {"a.jpg"}
    assert storage.join("a.jpg") == "s3://bucket/photos/a.jpg"


def test_a_refusal_is_one_line(server: SmallS3):
    """An object that may not be read against InputError with its URI: the run has to stop, not the image."""
    server.objects["bucket/a.jpg"] = b"."
    server.refused.add("bucket/a.jpg")
    with pytest.raises(InputError, match=r"cannot use s3://bucket/a\.jpg: .*ACCESS_DENIED") as caught:
        read_object("s3://bucket/a.jpg", options=server.options)
    assert "\n" not in str(caught.value)


def test_a_store_that_does_not_answer_is_one_line(server: SmallS3):
    """A closed port against InputError."""
    with pytest.raises(InputError, match="cannot use s3://bucket/a"):
        open_storage("s3://bucket?endpoint_override=127.0.0.1:9&scheme=http&region=here").read("a")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("", "the place is empty"),
        ("ftp://host/photos", "is of the kind ftp://; give a path, s3://bucket/prefix or gs://bucket/prefix"),
        ("s3://", "names no bucket"),
        ("s3:///photos", "names no bucket"),
        ("s3://bucket/photos?secret_key=1", "has the option 'secret_key'; choose from region"),
    ],
)
def test_unknown_places_are_refused(place: str, message: str):
    """Malformed places against UsageError."""
    with pytest.raises(UsageError, match=message):
        open_storage(place)
