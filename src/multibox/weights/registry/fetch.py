"""From the name of published weights to their file.

One small file is part of multibox. All others are downloaded from their authors on first use. Files without a published
hash are not checked; torchvision's file names contain the first 8 digits of theirs.
"""

from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path

from multibox.errors import UsageError, WeightsError
from multibox.weights.registry.bases import BASES
from multibox.weights.registry.detectors import DETECTORS
from multibox.weights.registry.entry import Published

_SHIPPED = Path(__file__).parents[1] / "shipped"


def published(name: str) -> Published | None:
    """The entry with that name, None if there is none."""
    return next((entry for entry in (*DETECTORS, *BASES) if entry.name == name), None)


def published_file(path: Path) -> Published | None:
    """The entry of the detector whose file this is, told by its whole SHA-256 or SHA-1; None if it is none of them."""
    from multibox.weights.download import file_sha1, file_sha256

    single = [entry for entry in DETECTORS if not entry.member]
    whole, short = file_sha256(path), file_sha1(path)
    return next((entry for entry in single if whole == entry.sha256 or short == entry.sha1), None)


def fetch_published(entry: Published, *, cache: Path | None = None) -> Path:
    """The path of its file: part of the package, or downloaded and extracted from its archive.

    Raises WeightsError if the file cannot be fetched, with instructions for downloading the file by hand.
    """
    if entry.shipped is not None:
        return _SHIPPED / entry.shipped
    if entry.package is not None:
        return _packaged_file(entry)
    if entry.url is None:
        raise WeightsError(
            f"{entry.name} must be downloaded by hand: get it from {entry.page}, unpack it if it is an archive, and "
            "give the path of the .caffemodel or .pth file"
        )
    from multibox.weights.download import extract, fetch_file  # its modules take long to import

    path = fetch_file(entry.url, sha256=entry.sha256 or entry.sha1, cache=cache, name=entry.file)
    return path if entry.member is None else extract(path, entry.member)


def fetch_prototxt(entry: Published, *, cache: Path | None = None) -> Path | None:
    """The file with the layers of a Caffe model, None for other models. Raises the errors of `fetch_published`."""
    if entry.prototxt is None:
        return None
    from multibox.weights.download import fetch_file

    return fetch_file(entry.prototxt, sha256=entry.prototxt_sha1, cache=cache, name=f"{entry.name}.prototxt")


def _packaged_file(entry: Published) -> Path:
    """The file inside an installed Python package, which is not imported."""
    assert entry.package is not None
    assert entry.member is not None
    spec = find_spec(entry.package)
    if spec is None or spec.origin is None:
        advice = (
            f"`{entry.install}`" if entry.install else "install it with pip, or multibox with the extra 'pretrained'"
        )
        raise WeightsError(
            f"{entry.name} needs the package {entry.package.replace('_', '-')}, which is not installed: {advice}"
        )
    return Path(spec.origin).parent / entry.member


def unknown_name(name: str, *, among: tuple[Published, ...]) -> UsageError:
    """The error for a source that is neither a file nor a known name, with the most similar names."""
    names = [entry.name for entry in among]
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    advice = f"did you mean {', '.join(near)}?" if near else "see the names in `multibox weights list`"
    return UsageError(f"{name!r} is neither a file nor the name of published weights: {advice}")
