"""Cut small checkpoints that can ship with the project from a folder of real fine-tuning checkpoints.

    python examples/cut_slice.py FOLDER [DESTINATION]

FOLDER holds `finetune-bf16/step_*.safetensors` and `finetune-fp32/step_*.safetensors`. Of each named version the
small tensors and a few weight matrices are copied, byte for byte, into a file that is again a valid safetensors file.
"""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

LIMIT_BYTES = 8_000_000
SMALL_BYTES = 16 * 1024
STEPS = {"finetune-bf16": ("0000", "0024", "0048"), "finetune-fp32": ("0000", "0024")}
# An early and a late layer: they move differently. bf16 has room for one of the large matrices.
WEIGHTS = {
    "finetune-bf16": {"encoder.layer.0.attention.self.query.weight", "encoder.layer.5.intermediate.dense.weight"},
    "finetune-fp32": {"encoder.layer.0.attention.self.query.weight", "encoder.layer.5.attention.self.query.weight"},
}


def read(path: Path) -> tuple[dict[str, str], dict[str, tuple[str, list[int], bytes]]]:
    """The metadata and the tensors (name -> element type, shape, bytes) of a safetensors file, in file order."""
    content = path.read_bytes()
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    start = 8 + length
    tensors = {
        name: (
            entry["dtype"],
            entry["shape"],
            content[start + entry["data_offsets"][0] : start + entry["data_offsets"][1]],
        )
        for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"][0])
    }
    return metadata, tensors


def write(path: Path, metadata: dict[str, str], tensors: dict[str, tuple[str, list[int], bytes]]) -> None:
    """Write a safetensors file; the header is padded so that the data begins at a multiple of eight."""
    header: dict[str, object] = {"__metadata__": metadata}
    offset = 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data for _, _, data in tensors.values()))


def cut(source: Path, destination: Path) -> int:
    """Write the slice of every version; the sum of their sizes in bytes."""
    total = 0
    for series, steps in STEPS.items():
        for step in steps:
            metadata, tensors = read(source / series / f"step_{step}.safetensors")
            kept = {n: t for n, t in tensors.items() if len(t[2]) <= SMALL_BYTES or n in WEIGHTS[series]}
            target = destination / series / f"step_{step}.safetensors"
            write(target, metadata, kept)
            total += target.stat().st_size
            print(f"{target}: {len(kept)} tensors, {target.stat().st_size:,} bytes")
    return total


def main() -> int:
    """Cut, and refuse a slice that is too large to ship."""
    if len(sys.argv) not in {2, 3}:
        print(__doc__, file=sys.stderr)
        return 2
    destination = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent / "minilm-slice"  # noqa: PLR2004
    total = cut(Path(sys.argv[1]), destination)
    print(f"{total:,} of at most {LIMIT_BYTES:,} bytes")
    return 0 if total <= LIMIT_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
