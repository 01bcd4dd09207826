"""Files that are written beside their target and renamed: full disks, killed processes, read-only folders."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from multibox.system import atomic
from multibox.system.atomic import atomic_file, remove_unfinished, unfinished_folder, write_atomically

KILLED = """
import os, signal, sys
from pathlib import Path
from multibox.system.atomic import atomic_file, unfinished_folder
with atomic_file(Path(sys.argv[1]) / "a.bin") as file, unfinished_folder(Path(sys.argv[1]) / "b") as folder:
    file.write(bytes(100_000))
    (folder / "part").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""

WAITS = """
import sys
from pathlib import Path
from multibox.system.atomic import atomic_file
with atomic_file(Path(sys.argv[1]) / "a.bin") as file:
    print("writing", flush=True)
    sys.stdin.read()
    file.write(b"done")
"""


@pytest.fixture(autouse=True)
def _another_process(monkeypatch: pytest.MonkeyPatch):
    """Forget which folders this process has cleaned."""
    monkeypatch.setattr(atomic, "_cleaned", set())


def test_what_a_killed_process_left_is_removed_by_the_next_write(tmp_path: Path):
    """A file and a folder of a process that SIGKILL ended against the folder after another write there."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2
    write_atomically(tmp_path / "other.txt", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["other.txt"]


def test_what_a_living_process_writes_is_kept(tmp_path: Path):
    """The unfinished file of a process that still writes against its complete file later."""
    with subprocess.Popen(
        [sys.executable, "-c", WAITS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        write_atomically(tmp_path / "other.txt", b"new")
        remove_unfinished(tmp_path)
        writer.communicate("")
    assert (tmp_path / "a.bin").read_bytes() == b"done"
    assert len(list(tmp_path.iterdir())) == 2


def test_an_error_names_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A full disk, a target that is a folder and a parent that is a file against the name in the error."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError) as caught, atomic_file(tmp_path / "folder") as file:
        file.write(b"x")
    assert (caught.value.filename, caught.value.filename2) == (str(tmp_path / "folder"), None)
    write_atomically(tmp_path / "file", b"old")
    with pytest.raises(OSError, match="file"):
        write_atomically(tmp_path / "file/inside", b"x")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomically(tmp_path / "file", b"new", durable=True)
    assert caught.value.filename == str(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_named(tmp_path: Path):
    """A folder without permission to write against the target in the error, not the unfinished file."""
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError) as caught:
        write_atomically(tmp_path / "a", b"x")
    assert caught.value.filename == str(tmp_path / "a")


def test_the_name_of_an_unfinished_file_is_never_told(tmp_path: Path):
    """An error that names the unfinished file, as in a read-only folder, against the target's name."""
    target = tmp_path / "a"
    with pytest.raises(PermissionError) as caught, atomic_file(target):
        raise PermissionError(13, "Permission denied", str(next(tmp_path.iterdir())))
    assert caught.value.filename == str(target)


def test_long_names_and_devices(tmp_path: Path):
    """A name of 255 bytes, and a device, which is written to and not replaced."""
    write_atomically(tmp_path / ("é" * 127), b"x")
    assert (tmp_path / ("é" * 127)).read_bytes() == b"x"
    write_atomically(Path(os.devnull), b"x")
    assert Path(os.devnull).is_char_device()


def test_a_folder_of_parts_is_removed(tmp_path: Path):
    """Files that a block moves out of its folder against what remains."""
    with unfinished_folder(tmp_path / "model.xml") as folder:
        (folder / "part").write_text("whole")
        (folder / "rest").write_text("rest")
        os.replace(folder / "part", tmp_path / "model.xml")
    assert [path.name for path in tmp_path.iterdir()] == ["model.xml"]
