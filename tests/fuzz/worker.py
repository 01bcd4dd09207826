"""Cases in a child process with limits of memory and time, which may write in its own folder only."""

import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fuzz.kinds import Files, Kind
from fuzz.readers import OUTSIDE
from multibox.errors import MultiboxError, ShortMemoryError

MEMORY_BYTES = 2**30
CPU_SECONDS = 5
_SOURCE = f"{os.sep}multibox{os.sep}"


class TooSlow(BaseException):
    """The processor time of a case is over; not an Exception, so that nothing catches it."""


class WrittenOutside(BaseException):
    """A case tries to change a file outside of its folder."""


@dataclass(frozen=True)
class Case:
    """One changed input: it follows from the seed of the run, the kind and a number."""

    seed: int
    kind: Kind
    number: int

    @property
    def name(self) -> str:
        return f"{self.seed}-{self.kind.name}-{self.number}"

    def write(self, folder: Path, files: Files) -> random.Random:
        """Write the files of the case, one of them changed; return random numbers for its reader."""
        rng = random.Random(self.name)
        changed, content = self.kind.changed(files, rng)
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if name == changed else data)
        return rng


def run_case(case: Case, files: Files, home: Path) -> str | None:
    """Run a case in a fresh folder below `home`. Return None, or a text about what went wrong."""
    place = home / "case"
    (place / "in").mkdir(parents=True)
    (place / "out").mkdir()
    (place / "outside.png").write_bytes(OUTSIDE)
    rng = case.write(place / "in", files)
    try:
        with _limited(place):
            case.kind.read(place / "in", place / "out", rng)
    except ShortMemoryError as error:
        return f"ShortMemoryError: {error}"
    except MultiboxError as error:
        message = str(error)
        return f"message of several lines: {message!r}" if "\n" in message else None
    except BaseException as error:
        return _described(error)
    finally:
        shutil.rmtree(place)
    return None


def _described(error: BaseException) -> str:
    """The error, the innermost line of multibox that it comes from, and the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _SOURCE in frame.filename] or frames
    place = f"{ours[-1].filename.rpartition(_SOURCE)[2]}:{ours[-1].lineno}"
    return f"{type(error).__name__} at {place}\n" + "".join(traceback.format_exception(error))[-6000:]


_folder_of_case: Path | None = None
_PATHS_OF_EVENTS = {  # how many arguments of an audit event are paths, and the place of their folder's descriptor
    "os.mkdir": (1, 2),
    "os.remove": (1, 1),
    "os.rmdir": (1, 1),
    "os.rename": (2, None),
    "os.truncate": (1, None),
    "os.chmod": (1, None),
    "os.symlink": (2, None),
    "os.link": (2, None),
}


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse changes outside of the folder of the case, and other programs."""
    if _folder_of_case is None:
        return
    if event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"):
        raise WrittenOutside(f"{event} {arguments}")
    for target in _changed_paths(event, arguments):
        if target != os.devnull and not (target + os.sep).startswith(f"{_folder_of_case}{os.sep}"):
            raise WrittenOutside(f"{event} {target}")


def _changed_paths(event: str, arguments: tuple[Any, ...]) -> list[str]:
    """The real paths that an audit event changes. Links are followed if the system call follows them."""
    if event == "open":
        path, _mode, flags = arguments
        writes = not isinstance(path, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        return [os.path.realpath(os.fsdecode(path))] if writes else []
    if event not in _PATHS_OF_EVENTS:
        return []
    paths, place = _PATHS_OF_EVENTS[event]
    folder = arguments[place] if place is not None else -1
    base = "" if folder in (-1, None) else os.readlink(f"/proc/self/fd/{folder}")
    names = arguments[1:2] if event in ("os.symlink", "os.link") else arguments[:paths]
    whole = [os.path.join(base, os.fsdecode(name)) for name in names if not isinstance(name, int)]
    if event in ("os.chmod", "os.truncate"):
        return [os.path.realpath(name) for name in whole]
    return [os.path.join(os.path.realpath(os.path.dirname(name)), os.path.basename(name)) for name in whole]


@contextmanager
def _limited(place: Path) -> Iterator[None]:
    global _folder_of_case

    def stop(_number: int, _frame: object) -> None:
        raise TooSlow(f"more than {CPU_SECONDS} seconds")

    signal.signal(signal.SIGPROF, stop)
    _folder_of_case = place.resolve()
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        _folder_of_case = None


def work(cases: Sequence[Case], files: dict[str, Files], output: int) -> None:
    """Run the cases, and write a line of JSON to `output` before and after each. Never returns."""
    status = 1
    home = Path(tempfile.mkdtemp(prefix="multibox-fuzz-"))
    try:
        sys.addaudithook(_audit)
        for stream in (1, 2):  # image decoders and ONNX Runtime report damage there
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        for index, case in enumerate(cases):
            _say(output, index=index)
            fault = run_case(case, files[case.kind.name], home)
            _say(output, index=index, fault=fault)
        status = 0
    finally:
        shutil.rmtree(home, ignore_errors=True)
        os._exit(status)


def _say(output: int, **fields: Any) -> None:
    os.write(output, (json.dumps(fields) + "\n").encode())
