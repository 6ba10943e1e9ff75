"""Run the fast tests with the lowest and with the newest dependencies that pyproject.toml allows (`make bounds`)."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".cache/bounds"
SUITES = [name for name in ("unit", "property", "golden", "contracts") if (ROOT / "tests" / name).is_dir()]


def run(*words: str | Path) -> None:
    """Raises: CalledProcessError."""
    subprocess.run([str(word) for word in words], cwd=ROOT, check=True)


def environment(name: str, resolution: str, uv: Path) -> Path:
    """A virtual environment with every direct dependency at one end of its bounds; its Python."""
    folder = FOLDER / name
    if not (folder / "bin/python").exists():
        venv.create(folder, with_pip=False)
    python = folder / "bin/python"
    run(
        uv,
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
        "--resolution",
        resolution,
        "--upgrade",
        "-e",
        ".[server,dev]",
    )
    return python


def main() -> int:
    """Both ends; the number of ends at which a test failed."""
    tools = FOLDER / "tools"
    if not (tools / "bin/uv").exists():
        venv.create(tools, with_pip=True)
        run(tools / "bin/python", "-m", "pip", "install", "--quiet", "uv>=0.8,<1")
    failed = 0
    for name, resolution in (("lowest", "lowest-direct"), ("newest", "highest")):
        python = environment(name, resolution, tools / "bin/uv")
        print(f"--- {name} versions", flush=True)
        done = subprocess.run(
            [str(python), "-m", "pytest", "-q", *(f"tests/{suite}" for suite in SUITES)], cwd=ROOT, check=False
        )
        failed += done.returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
