"""The codecs on kernels built with the compiler's sanitizers: a byte read or written out of bounds ends the process."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.fuzz.engine import Outcome
from tests.fuzz.workers import run_one

from mlv_core import kernels

VARIABLE = "MLV_FUZZ_KERNELS"
"""Names the library that a worker of `tests.fuzz` loads in place of the installed one."""
SOURCES = Path(kernels.__file__).parent
TARGETS = ("decode", "encode")
_FLAGS = (
    "-g",
    "-O1",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
    "-shared",
    "-fPIC",
)


def compiler() -> str | None:
    """A C compiler that has the sanitizers, None where there is none."""
    found = shutil.which(os.environ.get("CC", "cc"))
    return found if found and _runtime(found) else None


def build(folder: Path) -> dict[str, str]:
    """Compile the kernels into `folder`; the environment in which a worker runs on them."""
    found = compiler()
    if found is None:
        raise RuntimeError("there is no C compiler with sanitizers")
    library = folder.absolute() / "_kernels_sanitized.so"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([found, *_FLAGS, str(SOURCES / "kernels.c"), "-o", str(library)], check=True)
    return {
        VARIABLE: str(library),
        "LD_PRELOAD": _runtime(found),
        # Python keeps memory until it ends, which is no leak; all blocks must come from the checked allocator.
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "PYTHONMALLOC": "malloc",
    }


def choose_library() -> None:
    """In a worker: run on the library that the environment names, if it names one."""
    named = os.environ.get(VARIABLE)
    if named:
        kernels._FILE = os.path.relpath(named, SOURCES)
        kernels.choose(kernels.NATIVE)


def run(inputs: int, seed: int, folder: Path) -> list[Outcome]:
    """The targets of the codecs again, each with so many inputs."""
    environment = build(folder)
    return [run_one(name, inputs, seed, folder, environment) for name in TARGETS]


def _runtime(found: str) -> str:
    told = subprocess.run([found, "-print-file-name=libasan.so"], capture_output=True, text=True, check=False)
    path = Path(told.stdout.strip())
    return str(path.resolve()) if path.is_absolute() else ""
