"""A script that the Python of another environment runs: a line goes in, a line of JSON comes back."""

import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any

from multibox.errors import ProcessError, UsageError
from multibox.system.program import check_program

_LONGEST_ANSWER = 1 << 20  # bytes


class PeerProcess:
    """Starts the script and waits for its first answer, which is `described`.

    `patience` limits the seconds of every answer. The first answer is a JSON object; its entry "problem" says why the
    script cannot work there. Raises UsageError if `python` cannot be started, and ProcessError if it has a problem,
    ends, stays silent or prints something else.
    """

    def __init__(
        self,
        python: Path | str,
        script: Path,
        words: Sequence[object] = (),
        *,
        environment: Mapping[str, str] | None = None,
        patience: float = 300.0,
    ) -> None:
        check_program(python, what="a Python")
        self._python, self._patience = python, patience
        self._errors = TemporaryFile()  # noqa: SIM115, closed by close()
        self._rest = b""
        try:
            self._process = subprocess.Popen(
                [str(python), str(script), *map(str, words)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        except (OSError, ValueError) as problem:
            self._errors.close()
            reason = problem.strerror if isinstance(problem, OSError) else str(problem)
            raise UsageError(f"{str(python)!r} cannot be started ({reason}): give the path of a Python") from None
        try:
            self.described = self._description()
        except BaseException:
            self.close()
            raise

    def ask(self, line: str) -> Any:
        """The answer to a line."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process and its children."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._errors.close()

    def __enter__(self) -> "PeerProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _description(self) -> dict[str, Any]:
        answer = self._answer()
        if not isinstance(answer, dict):
            raise self._failure(f"printed {str(answer)[:60]!r} instead of a description")
        if "problem" in answer:
            raise self._failure(f"cannot be measured: {answer['problem']}")
        return answer

    def _answer(self) -> Any:
        line = self._line()
        try:
            return json.loads(line)
        except ValueError:
            raise self._failure(f"printed {line[:60].decode(errors='replace').strip()!r} instead of JSON") from None

    def _line(self) -> bytes:
        """The next line of its output."""
        end = time.monotonic() + self._patience
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if not selector.select(max(0.0, end - time.monotonic())):
                    raise self._failure(f"did not answer within {self._patience:g} seconds")
                part = os.read(self._process.stdout.fileno(), 1 << 16)
                if not part:
                    raise self._failure(f"ended{self._last_words()}")
                self._rest += part
                if len(self._rest) > _LONGEST_ANSWER:
                    raise self._failure("printed an endless line")
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _last_words(self) -> str:
        """The last line that it wrote to standard error."""
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - 4096))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f" with {lines[-1][:200]!r}" if lines else ""

    def _failure(self, what: str) -> ProcessError:
        return ProcessError(f"{self._python} {what}: give the Python of an environment with torchvision")
