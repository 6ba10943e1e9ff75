"""Which loops the typed codecs run on: compiled ones where the installation has them, else numpy's, with equal bytes.

The compiled ones (`kernels.c`) lie beside this module when a C compiler was there at installation
(`proto/hatch_build.py`).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mlv_core.errors import InvalidSettings

if TYPE_CHECKING:
    import ctypes

VARIABLE = "MLV_KERNELS"
"""The environment variable by which the two commands choose: `native`, `numpy`, or empty for the best there is."""
NATIVE, NUMPY = "native", "numpy"

# As `mlv_kernels_version` of kernels.c: a library that was built from other sources is not used.
_VERSION = 3
_FILE = "_kernels.so"

_chosen = ""


def choose(name: str) -> None:
    """Run on `NATIVE` or `NUMPY` loops from now on; on the best there are for an empty name.

    Raises: InvalidSettings for another name, or `NATIVE` where nothing was compiled.
    """
    if name not in {"", NATIVE, NUMPY}:
        raise InvalidSettings(f"{VARIABLE} is '{name}'; it may be {NATIVE}, {NUMPY} or empty.")
    if name == NATIVE and library() is None:
        raise InvalidSettings(f"{VARIABLE} is {NATIVE}, but no compiled kernels are installed.")
    global _chosen  # noqa: PLW0603 - one choice for the process, made once when a command starts
    _chosen = name


def running() -> str:
    """`NATIVE` or `NUMPY`: what the codecs run on."""
    return NATIVE if _chosen != NUMPY and library() is not None else NUMPY


@cache
def library() -> ctypes.CDLL | None:
    """The compiled kernels, None where there are none that fit."""
    import ctypes  # noqa: PLC0415 - a choice is made at the start of every command, coding is not

    try:
        loaded = ctypes.CDLL(__file__.rpartition("/")[0] + "/" + _FILE)
        fits = loaded.mlv_kernels_version() == _VERSION
    except (OSError, AttributeError):
        return None
    return loaded if fits else None
