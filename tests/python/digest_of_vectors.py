"""Digests of the sketches' vectors as JSON. The tests run it, one process per environment.

The import of numpy settles the BLAS kernel, the number of threads and the SIMD. So each
environment needs a process, which also reports what it uses.
"""

import ctypes
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy._core import _multiarray_umath  # type: ignore[attr-defined]

from python_encoders.encoders import fixed_point
from python_encoders.encoders.panel_sketch import panel_sketch
from python_encoders.encoders.stress_shape import stress_shape
from python_encoders.encoders.stress_shape_v2 import stress_shape_v2

SKETCHES = {
    "panel-sketch": panel_sketch,
    "stress-shape": stress_shape,
    "stress-shape-v2": stress_shape_v2,
}
Encode = Callable[[np.ndarray, list[str]], np.ndarray]


def made_up_panels(num_panels: int, num_days: int, num_series: int) -> np.ndarray:
    """Panels over all of ±4, the same on every machine, of values that are not dyadic."""
    cells = np.arange(num_panels * num_days * num_series, dtype=np.int64)
    scattered = cells * 2_654_435_761 % 80_000_001 - 40_000_000
    return (scattered / 1e7).reshape(num_panels, num_days, num_series)


def names(num_series: int) -> list[str]:
    return [f"S{i}" for i in range(num_series)]


def panels_in_blocks() -> np.ndarray:
    """Panels of 4800 cells and 80 days, so many that no step takes them all at once.

    The sketches take 4096 cells at a time, 64 days, and parts of a batch, here of 8 panels.
    """
    fixed_point._PART_CELLS = 40_000
    return made_up_panels(30, 80, 60)


def digests(encode: Encode) -> dict[str, str]:
    """Digest the vectors of the same panels, made in several ways."""
    panels, ids = panels_in_blocks(), names(60)
    random = np.random.default_rng(0)

    def in_batches(size: int) -> np.ndarray:
        starts = range(0, len(panels), size)
        return np.concatenate([encode(panels[i : i + size], ids) for i in starts])

    def in_another_order() -> np.ndarray:
        order = random.permutation(len(panels))
        return encode(panels[order], ids)[np.argsort(order)]

    def in_other_columns() -> np.ndarray:
        order = random.permutation(len(ids))
        return encode(panels[:, :, order], [ids[i] for i in order])

    vectors = {
        "batches of 1": in_batches(1),
        "batches of 7": in_batches(7),
        "batches of 1000": in_batches(1000),
        "scenarios shuffled": in_another_order(),
        "columns permuted": in_other_columns(),
    }
    return {
        way: hashlib.sha256(made.astype("<f4").tobytes()).hexdigest()
        for way, made in vectors.items()
    }


def naive_sketch() -> np.ndarray:
    """Multiply the same panels with signs in float32, which the sketches must not do."""
    panels = panels_in_blocks().astype(np.float32).reshape(30, -1)
    signs = np.random.default_rng(0).integers(0, 2, (panels.shape[1], 320)) * 2 - 1
    return panels @ signs.astype(np.float32)


def openblas() -> Any:
    """Open the OpenBLAS that numpy brings along, if it does."""
    home = Path(np.__file__).parent
    for folder in (home.parent / "numpy.libs", home / ".dylibs"):
        for library in folder.glob("*openblas*"):
            return ctypes.CDLL(str(library))
    return None


def environment() -> dict[str, Any]:
    """Say what the arithmetic really runs on."""
    features = _multiarray_umath.__cpu_features__
    found: dict[str, Any] = {
        "simd": [name for name in _multiarray_umath.__cpu_dispatch__ if features[name]],
        "kernel": None,
        "threads": None,
    }
    library = openblas()
    if library is not None:
        core_name = library.scipy_openblas_get_corename64_
        core_name.restype = ctypes.c_char_p
        found["kernel"] = core_name().decode()
        found["threads"] = library.scipy_openblas_get_num_threads64_()
    return found


def peak_memory(num_panels: int, num_days: int, num_series: int) -> int:
    """Run the sketches over one batch, and give the process's peak in bytes (Linux)."""
    panels = made_up_panels(num_panels, num_days, num_series)
    for encode in SKETCHES.values():
        encode(panels, names(num_series))
    # Unlike getrusage, this does not count the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def asked_for(what: str, *numbers: int) -> dict[str, Any]:
    if what == "sketches":
        return {name: digests(encode) for name, encode in SKETCHES.items()}
    if what == "naive":
        return {"naive": naive_sketch().astype("<f4").tobytes().hex()}
    if what == "memory":
        return {"peak_bytes": peak_memory(*numbers)}
    assert what == "environment"
    return {}


if __name__ == "__main__":
    print(json.dumps(environment() | asked_for(sys.argv[1], *map(int, sys.argv[2:]))))
