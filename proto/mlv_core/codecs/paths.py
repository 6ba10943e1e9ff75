"""The path that the codecs take: compiled loops or numpy's, and only the one that is taken is imported."""

from __future__ import annotations

from mlv_core import kernels
from mlv_core.codecs.numbers import Loops


def loops() -> Loops:
    """The loops that `mlv_core.kernels` has chosen."""
    if kernels.running() == kernels.NATIVE:
        from mlv_core.codecs import loops_native  # noqa: PLC0415 - ctypes is imported only where it serves

        return loops_native
    from mlv_core.codecs import loops_numpy  # noqa: PLC0415 - numpy takes 50 ms and starts threads

    return loops_numpy
