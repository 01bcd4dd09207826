"""One file out of a downloaded archive."""

import shutil
import tarfile
from pathlib import Path

from multibox.errors import WeightsError
from multibox.system.atomic import atomic_file


def extract(archive: Path, member: str) -> Path:
    """The file `member` of a tar archive, written beside the archive under its own name unless it is there already.

    Raises WeightsError where the archive is damaged or has no such file.
    """
    target = archive.with_name(member.rpartition("/")[2])
    if target.exists():
        return target
    try:
        with tarfile.open(archive) as tar:
            content = tar.extractfile(member)
            if content is None:
                raise KeyError(member)
            with atomic_file(target) as file:
                shutil.copyfileobj(content, file)
    except (KeyError, tarfile.TarError, EOFError, OSError):
        raise WeightsError(f"{archive} holds no readable {member}: remove the archive and fetch it again") from None
    return target
