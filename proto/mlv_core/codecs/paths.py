"""The path that the codecs take: compiled loops or numpy's."""

from __future__ import annotations

from mlv_core import kernels
from mlv_core.codecs import loops_native, loops_numpy
from mlv_core.codecs.numbers import Loops


def loops() -> Loops:
    """The loops that `mlv_core.kernels` has chosen."""
    return loops_native if kernels.running() == kernels.NATIVE else loops_numpy
