"""Build the codecs' kernels with the machine's C compiler; without one, or if it fails, the package is pure Python."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import sys_tags

SOURCE = "proto/mlv_core/kernels.c"
LIBRARY = "mlv_core/_kernels.so"
FLAGS = ("-O3", "-std=c11", "-shared", "-fPIC")
SWITCH = "MLV_BUILD_KERNELS"
"""The environment variable by which a builder insists on kernels (`1`: fail without) or does not want them (`0`)."""


class KernelsHook(BuildHookInterface[Any]):
    """Adds the compiled kernels to a wheel, or puts them beside their sources for an editable install."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile. An editable install keeps the library in the tree; a wheel gets it and the platform's tag."""
        switch = os.environ.get(SWITCH, "")
        in_tree = Path(self.root) / "proto" / LIBRARY
        if version == "editable":
            in_tree.unlink(missing_ok=True)
        if switch == "0":
            return
        self._folder = tempfile.TemporaryDirectory(prefix="mlv-kernels-")
        built = Path(self._folder.name) / Path(LIBRARY).name
        failure = compile_kernels(Path(self.root) / SOURCE, built)
        if failure:
            if switch == "1":
                raise RuntimeError(failure)
            self.app.display_warning(f"no compiled kernels, the codecs run on numpy: {failure}")
        elif version == "editable":
            shutil.copyfile(built, in_tree)
        else:
            build_data["force_include"][str(built)] = LIBRARY
            build_data["pure_python"] = False
            # The library knows nothing of Python: one wheel serves every version, also those without a global lock.
            build_data["tag"] = f"py3-none-{platform_tag()}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove what was only for the archive."""
        folder = getattr(self, "_folder", None)
        if folder is not None:
            folder.cleanup()


def compile_kernels(source: Path, target: Path) -> str:
    """Build the library `target`; empty, or why that was not possible."""
    command = [*compiler(), *FLAGS, *shlex.split(os.environ.get("CFLAGS", "")), "-o", str(target), str(source)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    return "" if done.returncode == 0 else f"{shlex.join(command)}\n{done.stderr.strip()}"


def compiler() -> list[str]:
    """`CC`, else the machine's `cc`, else the one that Python was built with."""
    named = os.environ.get("CC", "")
    if named or shutil.which("cc"):
        return shlex.split(named) or ["cc"]
    return shlex.split(sysconfig.get_config_var("CC") or "cc")


def platform_tag() -> str:
    """The machine as wheels name it, no older systems promised: `auditwheel repair` finds those that do as well."""
    return next(tag.platform for tag in sys_tags() if not tag.platform.startswith(("manylinux", "musllinux")))
