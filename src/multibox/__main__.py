"""The command `multibox`, also as `python -m multibox` for launchers such as torchrun.

An installation for a device has only some of the packages, so this file imports the command line when it runs.
"""

import gc
import sys

# What pyproject.toml requires: the package by the name under which it is imported.
_PACKAGES = {
    "cv2": "opencv-python-headless",
    "jaxtyping": "jaxtyping",
    "jinja2": "Jinja2",
    "numpy": "numpy",
    "pydantic": "pydantic",
    "rich": "rich",
    "safetensors": "safetensors",
    "torch": "torch",
    "typer": "typer",
    "yaml": "PyYAML",
}
_FAILED = 2


def main() -> int:
    """Run one command and return its exit code; a required package that is missing is one line on standard error.

    The garbage collector leaves out what is imported, before a command runs and when the process ends: the last search
    for cycles takes 0.4 s after an import of PyTorch.
    """
    try:
        gc.disable()
        from multibox.cli import main as run

        gc.freeze()
        gc.enable()
        return run()
    except ModuleNotFoundError as missing:
        package = _PACKAGES.get(missing.name or "")
        if package is None:
            raise
        message = f"multibox: this command needs the package {package}, which is not installed: pip install {package}"
        print(message, file=sys.stderr)
        return _FAILED
    finally:
        gc.freeze()


if __name__ == "__main__":
    sys.exit(main())
