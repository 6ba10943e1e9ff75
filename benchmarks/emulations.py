"""What published methods make of the same next versions: bytes, and speed of one core. Our own code after the papers.

- Xet: content-defined chunks of 64 KiB (8 to 128), known ones dropped, the others compressed as they are or with
  their bytes grouped by four, whichever is smaller. Y. Low et al., "Git is for Data", CIDR 2023; zstd level 1 stands
  in for LZ4, which is quicker and shrinks less.
- ZipNN: exponents apart from sign and mantissa, each byte plane Huffman coded or left, per 256 KiB; every version
  alone. M. Hershcovitch et al., "ZipNN: Lossless Compression for AI Models", arXiv 2411.05239. "ZipNN delta" is its
  XOR with the version before, grouped in planes, zstd.
- BitX: XOR with the version before, zstd. Z. Wang et al., "ZipLLM: Efficient LLM Storage via Model-Aware Synergistic
  Data Deduplication and Compression", arXiv 2505.06252.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable

from benchmarks.machine import markdown_table, megabytes
from benchmarks.series import HERE, SERIES, Series

CHUNK = 256 << 10
LEVEL = 3


def measure(series: Series, most: int) -> list[tuple[str, float, float, float]]:
    """Per method: its name, median bytes of a next version, bytes of all versions, MB/s of coding."""
    import statistics

    width = 4 if series.name.endswith("f32") else 2
    methods = _methods(width)
    sizes: dict[str, list[int]] = {name: [] for name in methods}
    seconds = dict.fromkeys(methods, 0.0)
    raw, old = 0, b""
    for path in series.versions()[:most]:
        new = path.read_bytes()
        raw += len(new)
        for name, method in methods.items():
            started = time.perf_counter()
            sizes[name].append(method(new, old))
            seconds[name] += time.perf_counter() - started
        old = new
    return [
        (name, statistics.median(sizes[name][1:] or sizes[name]), sum(sizes[name]), raw / 1e6 / seconds[name])
        for name in methods
    ]


def _methods(width: int) -> dict[str, Callable[[bytes, bytes], int]]:
    import blake3
    import numpy as np
    import zstandard
    from pyfastcdc import FastCDC

    huffman = zstandard.ZstdCompressionParameters.from_level(
        1, window_log=17, hash_log=6, chain_log=6, min_match=7, strategy=zstandard.STRATEGY_FAST
    )
    literal = zstandard.ZstdCompressor(compression_params=huffman)
    fast, usual = zstandard.ZstdCompressor(level=1), zstandard.ZstdCompressor(level=LEVEL)
    cutter = FastCDC(avg_size=64 << 10, min_size=8 << 10, max_size=128 << 10)
    known: set[bytes] = set()
    kind = {2: np.uint16, 4: np.uint32}[width]

    def grouped(data: bytes, by: int) -> list[bytes]:
        whole = np.frombuffer(data, np.uint8)
        even = whole.size - whole.size % by
        return [np.ascontiguousarray(whole[i:even:by]).tobytes() for i in range(by)] + [whole[even:].tobytes()]

    def xet(new: bytes, _: bytes) -> int:
        total = 0
        for cut in cutter.cut_buf(new):
            chunk = new[cut.offset : cut.offset + cut.length]
            name = blake3.blake3(chunk).digest()
            if name not in known:
                known.add(name)
                regrouped = b"".join(grouped(chunk, 4))
                total += min(len(chunk), len(fast.compress(chunk)), len(fast.compress(regrouped)))
        return total

    def zipnn(new: bytes, _: bytes) -> int:
        total = 0
        for at in range(0, len(new), CHUNK):
            chunk = new[at : at + CHUNK]
            even = len(chunk) - len(chunk) % width
            floats = np.frombuffer(chunk[:even], kind)
            turned = (floats << kind(1)) | (floats >> kind(8 * width - 1))
            planes = grouped(turned.tobytes(), width)
            total += sum(min(len(p), len(literal.compress(p))) for p in planes) + len(chunk) - even
        return total

    def exclusive(new: bytes, old: bytes) -> bytes:
        if len(new) != len(old):
            return new
        return (np.frombuffer(new, np.uint8) ^ np.frombuffer(old, np.uint8)).tobytes()

    def zipnn_delta(new: bytes, old: bytes) -> int:
        if not old:
            return zipnn(new, old)
        difference = exclusive(new, old)
        planes = (plane for at in range(0, len(new), CHUNK) for plane in grouped(difference[at : at + CHUNK], width))
        return sum(min(len(p), len(usual.compress(p))) for p in planes)

    def bitx(new: bytes, old: bytes) -> int:
        return len(usual.compress(exclusive(new, old) if old else new))

    return {"Xet-like chunks": xet, "ZipNN": zipnn, "ZipNN delta": zipnn_delta, "BitX": bitx}


def table(series: Series, most: int) -> str:
    """The Markdown table, measured in a process of its own so that the caller stays small."""
    command = (sys.executable, "-m", "benchmarks.emulations", series.name, str(most))
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE.parent)
    rows = [
        (name, megabytes(size), megabytes(total), f"{speed:,.0f}")
        for name, size, total, speed in json.loads(done.stdout)
    ]
    return markdown_table(("emulation", "a next version (MB)", "all versions (MB)", "coding MB/s"), rows)


if __name__ == "__main__":
    print(json.dumps(measure(SERIES[sys.argv[1]], int(sys.argv[2]))))
