"""What is known about one published weight file, and the forms that several publishers share."""

from dataclasses import dataclass
from typing import Any

from multibox.data.classes.voc import VOC_CLASSES

_TORCH = "https://download.pytorch.org/models"
_PYTORCH_SSD = "https://drive.google.com/drive/folders/1pKn-RifvJGWiOx0ZCRLtCXM5GT5lAluu"


@dataclass(frozen=True)
class Published:
    """One published weight file.

    `class_names` is empty for a base network. `url` is None if the file must be downloaded by hand from `page`, or if
    it is part of the package, in the file `shipped`. `member` is the path inside an archive, or inside the installed
    Python package `package`, which `install` installs if the extra "pretrained" does not. `priors` names the priors if
    the file does not contain them. `sha1` is for publishers that name this hash. `file` is the name of the file if the
    URL has none. `prototxt` is the URL of the file with the layers of a Caffe model, `prototxt_sha1` its hash.
    """

    name: str
    about: str
    license: str
    score: str = ""
    class_names: tuple[str, ...] = ()
    url: str | None = None
    sha256: str | None = None
    member: str | None = None
    page: str = ""
    priors: str | None = None
    shipped: str | None = None
    package: str | None = None
    install: str | None = None
    sha1: str | None = None
    file: str | None = None
    prototxt: str | None = None
    prototxt_sha1: str | None = None

    @property
    def kind(self) -> str:
        return "detector" if self.class_names else "base"

    def to_json(self) -> dict[str, Any]:
        """The entry as plain values, as `multibox weights list --json` prints it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "about": self.about,
            "score": self.score,
            "license": self.license,
            "classes": len(self.class_names),
            "url": self.url,
            "page": self.page or None,
            "shipped": self.shipped is not None,
            "sha256": self.sha256,
            "sha1": self.sha1,
            "prototxt": self.prototxt,
        }


def torchvision_entry(name: str, file: str, about: str, score: str, class_names: tuple[str, ...] = ()) -> Published:
    return Published(
        name, about, "BSD-3-Clause", score, class_names, f"{_TORCH}/{file}", sha256=file.rpartition("-")[2][:8]
    )


def pytorch_ssd_entry(name: str, about: str, score: str, class_names: tuple[str, ...] = VOC_CLASSES) -> Published:
    return Published(name, about, "MIT", score, class_names, page=_PYTORCH_SSD)
