"""Scripts that another Python runs: answers, and one line for every way in which they can fail."""

import sys
from pathlib import Path

import pytest

from multibox.bench.peers.process import PeerProcess
from multibox.errors import MultiboxError, ProcessError, UsageError

ECHO = """
import json, os, sys
print(json.dumps({"words": sys.argv[1:], "setting": os.environ["SETTING"]}), flush=True)
for line in sys.stdin:
    print(json.dumps(line.strip().upper()), flush=True)
"""


def script(folder: Path, text: str) -> Path:
    path = folder / "script.py"
    path.write_text(text)
    return path


def test_lines_and_answers(tmp_path: Path):
    """A script that repeats words and lines, against its arguments, its environment and its answers."""
    with PeerProcess(sys.executable, script(tmp_path, ECHO), ("a b", 3), environment={"SETTING": "x"}) as peer:
        assert peer.described == {"words": ["a b", "3"], "setting": "x"}
        assert [peer.ask("one"), peer.ask("two")] == ["ONE", "TWO"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raise SystemExit('nothing\\nworks here')", "ended with 'works here'"),
        ("pass", "ended: give the Python"),
        ("print('hello')", "printed 'hello' instead of JSON"),
        ("print(3)", "printed '3' instead of a description"),
        ('print(\'{"problem": "no torchvision"}\')', "cannot be measured: no torchvision"),
        ("import time; time.sleep(60)", "did not answer within 0.5 seconds"),
        ("import sys\nwhile True: sys.stdout.write('x' * 99999)", "printed an endless line"),
    ],
)
def test_a_script_that_fails_is_one_line(tmp_path: Path, text: str, message: str):
    """Scripts that end, stay silent or talk nonsense against a message that names the program."""
    patience = 0.5 if "sleep" in text else 20
    with pytest.raises(ProcessError) as raised:
        PeerProcess(sys.executable, script(tmp_path, text), patience=patience)
    assert message in str(raised.value)
    assert str(raised.value).startswith(sys.executable)
    assert "\n" not in str(raised.value)


def test_a_program_that_cannot_be_started(tmp_path: Path):
    """A missing program, a folder, a name with a zero byte, and one that ends at once, against their messages."""
    for python, kind, message in (
        (tmp_path / "none", UsageError, "none' does not exist: give the path of a Python"),
        (tmp_path, UsageError, "' is a folder, not a program: give the path of a Python"),
        (Path(__file__), UsageError, "test_process.py' is not executable: give the path of a Python"),
        ("no-such-python", UsageError, "'no-such-python' is not found in PATH: give the path of a Python"),
        ("", UsageError, "'' is no program: give the path of a Python"),
        ("a\0b", UsageError, "is no program, it has a NUL character: give the path of a Python"),
        ("true", ProcessError, "true ended"),
    ):
        with pytest.raises(MultiboxError) as raised:
            PeerProcess(python, script(tmp_path, ECHO))
        assert type(raised.value) is kind
        assert message in str(raised.value)


def test_it_ends_between_answers(tmp_path: Path):
    """A script that answers once and ends, against an error for the second line instead of a wait."""
    once = "print('{}', flush=True); print(input(), flush=True)"
    with PeerProcess(sys.executable, script(tmp_path, once)) as peer:
        assert peer.ask("1") == 1
        with pytest.raises(ProcessError, match="ended"):
            peer.ask("2")
