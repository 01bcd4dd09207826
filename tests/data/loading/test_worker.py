import subprocess
import sys

import pytest

CODE = """
import ctypes, re, pathlib
import numpy as np
from multibox.data.loading.worker import use_one_core

np.ones((9, 9)) @ np.ones((9, 9))
use_one_core()
names = ("scipy_openblas_get_num_threads64_", "openblas_get_num_threads64_", "openblas_get_num_threads")
paths = set(re.findall(r"/.*openblas.*", pathlib.Path("/proc/self/maps").read_text()))
libraries = [ctypes.CDLL(path) for path in paths]
print([getattr(library, name)() for library in libraries for name in names if hasattr(library, name)])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere NumPy may have no OpenBLAS of its own")
def test_matrix_products_have_one_thread() -> None:
    """Numbers of threads of every loaded OpenBLAS in a separate process against 1."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=60)
    assert set(done.stdout.strip("[]\n").split(", ")) <= {"1", ""}
