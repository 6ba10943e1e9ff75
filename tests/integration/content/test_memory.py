"""A file of any size passes through either side in bounded memory (N8)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]
LIMIT_BYTES = 330_000_000
MEBIBYTE = 1 << 20

ACT = """
import sys
import mlv
url, token, fingerprint, name, folder, act = sys.argv[1:]
with mlv.connect(url, token, fingerprint) as client:
    repo = client.repository(name)
    if act == "checkout":
        repo.checkout(folder).close()
    else:
        workspace = mlv.sdk.Workspace(folder, client._context.credentials)
        if act == "commit":
            workspace.add(".")
            workspace.commit("large")
        else:
            workspace.update(int(act))
        workspace.close()
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


def peak_bytes(site: Site, name: str, folder: Path, act: str) -> int:
    """The most memory that a process of its own held while it did `act`."""
    words = [site.process.url, site.admin_token, site.process.fingerprint, name, str(folder), act]
    done = subprocess.run([sys.executable, "-c", ACT, *words], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return int(done.stdout) << 10


def write_array(file: Path, changed: float) -> None:
    """300 MiB of numbers in an .npy, of which a share differs between versions."""
    shape = (300 * MEBIBYTE // 4 // 1024, 1024)
    array = np.lib.format.open_memmap(file, "w+", np.float32, shape)
    for start in range(0, shape[0], 4096):
        numbers = np.random.default_rng(start)
        block = numbers.standard_normal(array[start : start + 4096].shape, dtype=np.float32)
        if changed:
            block += (numbers.random(block.shape, dtype=np.float32) < changed) * np.float32(1e-3)
        array[start : start + 4096] = block
    array.flush()


def write_table(file: Path, changed: float) -> None:
    """300 MiB of lines that no container names."""
    numbers = np.random.default_rng(1)
    with file.open("wb") as stream:
        for step in range(300):
            lines = bytearray(numbers.integers(32, 127, MEBIBYTE, dtype=np.uint8).tobytes())
            lines[80::81] = b"\n" * len(lines[80::81])
            if changed and step % 7 == 0:
                lines[1000:1010] = b"0123456789"
            stream.write(lines)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "write"), [("rows.npy", write_array), ("rows.csv", write_table)])
def test_N8_three_hundred_mebibytes_pass_in_less_than_330_megabytes(own_site: Site, tmp_path: Path, name, write):
    repo = own_site.repository()
    peaks: dict[str, int] = {}
    with repo.checkout(tmp_path / "ws") as workspace:
        write(tmp_path / "ws" / name, 0)
        peaks["commit"] = peak_bytes(own_site, repo.name, tmp_path / "ws", "commit")
        workspace.lock(name)
    write(tmp_path / "ws" / name, 0.01)
    peaks["commit of a delta"] = peak_bytes(own_site, repo.name, tmp_path / "ws", "commit")
    peaks["update back"] = peak_bytes(own_site, repo.name, tmp_path / "ws", "1")
    peaks["checkout"] = peak_bytes(own_site, repo.name, tmp_path / "fresh", "checkout")
    process = own_site.process.process
    assert process is not None
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    peaks["server"] = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) << 10
    assert {act: peak >> 20 for act, peak in peaks.items() if peak >= LIMIT_BYTES} == {}


@pytest.mark.timeout(600)
def test_a_mebibyte_inside_a_gigabyte_moves_less_than_eight(own_site: Site, tmp_path: Path):
    repo = own_site.repository()
    middle = np.random.default_rng(3).bytes(4 * MEBIBYTE)
    with repo.checkout(tmp_path / "ws") as workspace:
        with (tmp_path / "ws/large.bin").open("wb") as stream:
            stream.truncate(1 << 30)
            stream.seek(500 * MEBIBYTE + 12_345)
            stream.write(middle)
        workspace.add("large.bin")
        workspace.commit("large")
    before = own_site.admin.received_bytes + own_site.admin.sent_bytes
    with repo.version().open("large.bin") as file:
        file.seek(500 * MEBIBYTE + 12_345 + MEBIBYTE)
        assert file.read(MEBIBYTE) == middle[MEBIBYTE : 2 * MEBIBYTE]
    assert own_site.admin.received_bytes + own_site.admin.sent_bytes - before < 2 * MEBIBYTE
