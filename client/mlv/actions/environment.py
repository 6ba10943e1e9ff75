"""What a version was made with: packages of the active Python environment, Python, system, machine, driver."""

from __future__ import annotations

import json
import os
import platform
import re
import sys

from mlv_core.entities import Environment
from mlv_core.errors import UsageError
from mlv_core.ids import escape

PACKAGES_LIMIT = 20_000
"""More lines than any environment has: a wrong file was named."""
_UNPINNED = re.compile(r"$|#|-|[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\])?\s*@\s")
_PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*={2,3}\s*([^\s;#]+)")


def capture() -> Environment:
    """The active environment: VIRTUAL_ENV or CONDA_PREFIX, else the one that mlv runs in. Nothing is executed."""
    variable = next((name for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if os.path.isdir(os.environ.get(name, ""))), "")
    prefix = os.environ[variable] if variable else sys.prefix
    facts = {"python": _python_of(prefix), **_machine()}
    packages = _installed(prefix)
    cuda = next((version for name, version in packages if name.startswith("nvidia-cuda-runtime")), "")
    facts["cuda"] = cuda or _cuda()
    facts["driver"] = _driver()
    known = tuple(sorted((key, value) for key, value in facts.items() if value))
    return Environment(known, tuple(packages), variable or "sys.prefix")


def read(file: str) -> Environment:
    """The environment that a file describes: a list of NAME==VERSION lines, or JSON with `facts` and `packages`.

    Raises: UsageError.
    """
    origin = os.path.basename(file)
    try:
        with open(file, encoding="utf-8") as stream:
            text = stream.read()
        if text.lstrip().startswith("{"):
            facts, packages = _stated(text)
        else:
            facts = _machine()
            packages = _pinned(text)
    except OSError as error:
        raise UsageError(f"'{escape(file)}' cannot be read: {error.strerror}.", advice="Check the path.") from error
    except (ValueError, AttributeError) as error:
        raise UsageError(
            f"'{escape(file)}' describes no environment: {error}.", advice="Use the output of 'pip freeze', or JSON."
        ) from error
    if len(packages) > PACKAGES_LIMIT:
        raise UsageError(f"'{escape(file)}' names {len(packages)} packages.", advice="Is it the right file?")
    return Environment(tuple(sorted(facts.items())), tuple(sorted(packages.items())), origin)


def _stated(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """The facts and packages of a JSON object.

    Raises: ValueError, AttributeError for what is none.
    """
    found = json.loads(text)
    facts = {str(k): str(v) for k, v in found.get("facts", {}).items()}
    packages = {_normal(str(k)): str(v) for k, v in found.get("packages", {}).items()}
    if not facts and not packages:
        raise ValueError("it has neither 'facts' nor 'packages'")
    return facts, packages


def _pinned(text: str) -> dict[str, str]:
    """The packages of a list; options, comments and packages from elsewhere ('-e ...', 'NAME @ URL') have no version.

    Raises: ValueError for what is no such list.
    """
    packages: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        found = _PINNED.match(line.strip())
        if found:
            packages[_normal(found[1])] = found[2]
        elif not _UNPINNED.match(line.strip()):
            raise ValueError(f"line {number} is not NAME==VERSION")
    if not packages:
        raise ValueError("no line is NAME==VERSION")
    return packages


def _machine() -> dict[str, str]:
    return {
        "os": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "hardware": _processor(),
        "gpu": _gpus(),
    }


def _python_of(prefix: str) -> str:
    try:
        with open(os.path.join(prefix, "pyvenv.cfg"), encoding="utf-8") as stream:
            for line in stream:
                key, _, value = line.partition("=")
                if key.strip() in {"version", "version_info"}:
                    return ".".join(value.strip().split(".")[:3])
    except OSError:
        pass
    return platform.python_version() if prefix == sys.prefix else ""


def _installed(prefix: str) -> list[tuple[str, str]]:
    """Names and versions by the names of the `.dist-info` folders: reading the metadata takes 20 times longer."""
    found: dict[str, str] = {}
    library = os.path.join(prefix, "lib")
    folders = [os.path.join(prefix, "Lib", "site-packages")]
    if os.path.isdir(library):
        folders += [
            os.path.join(library, name, "site-packages") for name in os.listdir(library) if name[:6] == "python"
        ]
    for folder in folders:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            if name.endswith(".dist-info"):
                package, _, version = name.removesuffix(".dist-info").rpartition("-")
                if package:
                    found[_normal(package)] = version
    return sorted(found.items())[:PACKAGES_LIMIT]


def _normal(name: str) -> str:
    """A package's name in the normal form of PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _processor() -> str:
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return f"{line.partition(':')[2].strip()} x {os.cpu_count()}"
    return f"{platform.processor() or platform.machine()} x {os.cpu_count()}"


def _gpus() -> str:
    folder = "/proc/driver/nvidia/gpus"
    if not os.path.isdir(folder):
        return ""
    models: list[str] = []
    for name in sorted(os.listdir(folder)):
        lines = _lines(os.path.join(folder, name, "information"))
        models.extend(line.partition(":")[2].strip() for line in lines if line.startswith("Model:"))
    return ", ".join(models)


def _driver() -> str:
    for line in _lines("/proc/driver/nvidia/version"):
        match = re.search(r"Kernel Module.*?(\d+(?:\.\d+)+)", line)
        if match:
            return match[1]
    return ""


def _cuda() -> str:
    text = "".join(_lines("/usr/local/cuda/version.json"))
    try:
        return str(json.loads(text)["cuda"]["version"]) if text else ""
    except (ValueError, KeyError, TypeError):
        return ""


def _lines(file: str) -> list[str]:
    try:
        with open(file, encoding="utf-8", errors="replace") as stream:
            return stream.readlines()
    except OSError:
        return []
