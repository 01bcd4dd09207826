"""Lists of images: folders, text files, Parquet files and prefixes against the names that are expected."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from multibox.batch.image_list import list_images
from multibox.errors import DataError, UsageError
from small_s3 import small_s3


def names(source: object) -> list[str]:
    images = list_images(str(source))
    return images.take(0, len(images))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.JPG", "a.png", "deep/er/c.webp", ".hidden.jpg", ".git/d.jpg", "notes.md", "deep/a.jpg"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "photos" / "loop").symlink_to(tmp_path / "photos")
    return tmp_path / "photos"


def test_a_folder_is_searched_to_the_bottom(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """All visible images below a folder against a sorted list of absolute paths, also for a relative folder."""
    expected = [str(folder / name) for name in ("a.png", "b.JPG", "deep/a.jpg", "deep/er/c.webp")]
    assert names(folder) == expected
    monkeypatch.chdir(folder.parent)
    assert names("photos") == expected


def test_a_text_file_keeps_its_order(tmp_path: Path):
    """Lines of a list, with a byte order mark, Windows line ends and empty lines, against absolute names."""
    (tmp_path / "list.txt").write_bytes(
        "\ufeffz.jpg\r\n\n./sub/a.jpg\n/data/größe.jpg\ns3://bucket/a b.jpg\nfile:///x.jpg\nz.jpg".encode()
    )
    sub = str(tmp_path / "sub" / "a.jpg")
    again = str(tmp_path / "z.jpg")
    assert names(tmp_path / "list.txt") == [again, sub, "/data/größe.jpg", "s3://bucket/a b.jpg", "/x.jpg", again]


@pytest.mark.parametrize("columns", [{"image": ["a.jpg", "/b.jpg"], "other": ["x", "y"]}, {"key": ["a.jpg", "/b.jpg"]}])
def test_a_parquet_file_names_images(tmp_path: Path, columns: dict[str, list[str]]):
    """The column `image`, or the only column of text, against its values."""
    pq.write_table(pa.table({**columns, "number": [1, 2]}), tmp_path / "list.parquet")
    assert names(tmp_path / "list.parquet") == [str(tmp_path / "a.jpg"), "/b.jpg"]


def test_a_prefix_and_a_list_in_a_store(monkeypatch: pytest.MonkeyPatch):
    """Images below a prefix, and those of a list beside them, against their URIs without the options."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "name")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with small_s3() as server:
        for key in ("photos/b.jpg", "photos/deep/a.jpg", "photos/.x/c.jpg", "photos/readme.md"):
            server.objects[f"bucket/{key}"] = b"."
        server.objects["bucket/photos/list.txt"] = b"deep/a.jpg\n/local.jpg\n"
        photos = list_images(f"s3://bucket/photos?{server.options}")
        assert photos.take(0, 9) == ["s3://bucket/photos/b.jpg", "s3://bucket/photos/deep/a.jpg"]
        assert photos.options == server.options
        listed = names(f"s3://bucket/photos/list.txt?{server.options}")
        assert listed == ["s3://bucket/photos/deep/a.jpg", "/local.jpg"]


def test_the_digest_depends_on_names_and_order(tmp_path: Path):
    """Digests of lists that differ in order, or in where one name ends, against each other."""
    digests = set()
    for text in ("a.jpg\nb.jpg", "b.jpg\na.jpg", "a.jpgb.jpg", "a.jpg\nb.jpg\nb.jpg"):
        (tmp_path / "list.txt").write_text(text)
        digests.add(list_images(tmp_path / "list.txt").digest())
    assert len(digests) == 4


def test_many_names_are_the_same_in_slices(tmp_path: Path):
    """More names than one slice of the array holds, against the lines of the file."""
    lines = [f"/{number:06}.jpg" for number in range(70_000)]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    images = list_images(tmp_path / "list.txt")
    assert len(images) == 70_000
    assert images.take(65_530, 65_550) == lines[65_530:65_550]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "line 1 is not UTF-8"),
        (b"a.jpg\nb\0.jpg", "line 2 contains a zero byte"),
        (b"http://host/a.jpg", "names http://host/a.jpg; images are paths, s3:// or gs://"),
        (b"\n\n", "contains no images"),
    ],
)
def test_bad_lists_are_one_line(tmp_path: Path, content: bytes, message: str):
    """Damaged text files against DataError."""
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        list_images(tmp_path / "list.txt")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (None, "is not a readable Parquet file"),
        (pa.table({"a": ["x"], "b": ["y"]}), "has the columns a, b; name the column with the images 'image'"),
        (pa.table({"image": [1]}), "has the columns image; name"),
        (pa.table({"image": ["x", None]}), "holds the name None"),
    ],
)
def test_bad_parquet_lists_are_one_line(tmp_path: Path, table: pa.Table | None, message: str):
    """Parquet files without usable names, and one that is none, against DataError."""
    path = tmp_path / "list.parquet"
    if table is None:
        path.write_bytes(b"PAR1 and then nothing")
    else:
        pq.write_table(table, path)
    with pytest.raises(DataError, match=message):
        list_images(path)


def test_sources_that_are_no_list(tmp_path: Path):
    """A missing folder, one image and an unknown scheme against one line each."""
    (tmp_path / "one.jpg").write_bytes(b"")
    with pytest.raises(DataError, match="does not exist; give a folder"):
        list_images(tmp_path / "none")
    with pytest.raises(DataError, match="is a file, but not a list"):
        list_images(tmp_path / "one.jpg")
    with pytest.raises(DataError, match=r"list .*none\.txt cannot be read"):
        list_images(tmp_path / "none.txt")
    with pytest.raises(UsageError, match="kind http://"):
        list_images("http://host/photos")


def test_a_name_that_is_not_unicode_is_refused(tmp_path: Path):
    """A file name in Latin-1 against DataError that shows it in ASCII."""
    (tmp_path / "photos").mkdir()
    try:
        open(bytes(tmp_path / "photos") + b"/gr\xf6\xdfe.jpg", "wb").close()
    except OSError:
        pytest.skip("this file system stores names in Unicode only")
    with pytest.raises(DataError, match=r"gr\\udcf6\\udcdfe.jpg', whose name is not UTF-8"):
        list_images(tmp_path / "photos")
