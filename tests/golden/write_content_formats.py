"""Write the stored examples of content formats; run once for a new format version, never for an old one."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

from mlv_core.codecs import Codec, Encoded, general, typed
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.packs import PackBuilder, frame_of
from mlv_core.recipes import from_layout
from mlv_core.segments import BF16, F32, I64, Chunker, ElementType, plan_layout

DATA = Path(__file__).parent / "data"


def _numbers(seed: int) -> tuple[dict[str, bytes], dict[str, bytes]]:
    random = np.random.Generator(np.random.PCG64(seed))
    base = random.normal(0, 0.05, 700).astype("<f4")
    new = base.copy()
    new[:400] += random.normal(0, 1e-4, 400).astype("<f4")
    small = (base.view("<u4") >> 16).astype("<u2")
    stepped = small.copy()
    stepped[100:600] += random.integers(0, 3, 500).astype("<u2")
    whole = np.arange(300, dtype="<i8")
    bases = {"f32": base.tobytes() + b"t", "bf16": small.tobytes(), "i64": whole.tobytes()}
    return bases, {"f32": new.tobytes() + b"u", "bf16": stepped.tobytes(), "i64": (whole + 3).tobytes()}


def main() -> None:
    """Write every file of `data`."""
    DATA.mkdir(exist_ok=True)
    bases, news = _numbers(11)
    facts: dict[str, object] = {"blobs": {}}
    blobs: dict[str, tuple[Codec, bytes, bytes, str | None]] = {}
    elements: dict[str, ElementType] = {"f32": F32, "bf16": BF16, "i64": I64}
    for kind, element in elements.items():
        new, base = news[kind], bases[kind]
        (DATA / f"{kind}.base").write_bytes(base)
        blobs[f"planes-{kind}"] = (Codec.PLANES, typed.encode_planes(new, element), new, None)
        blobs[f"delta-{kind}"] = (Codec.DELTA, typed.encode_delta(new, base, element), new, f"{kind}.base")
    text = b"one line of a table, 1\n" * 60
    edited = text.replace(b"1\n", b"2\n", 3)
    (DATA / "text.base").write_bytes(text)
    blobs["raw"] = (Codec.RAW, edited, edited, None)
    blobs["zstd"] = (Codec.ZSTD, general.encode_zstd(memoryview(edited)), edited, None)
    blobs["patch"] = (Codec.PATCH, general.encode_patch(memoryview(edited), text), edited, "text.base")
    for name, (codec, blob, plain, base_name) in blobs.items():
        (DATA / f"{name}.blob").write_bytes(blob)
        fact = {"codec": codec.name, "length": len(plain), "base": base_name, "hash": hash_content(plain).hex()}
        facts["blobs"][name] = fact
    facts["pack"] = _write_pack(bases, news, text, edited)
    facts["recipe"], facts["layout"] = _write_recipe()
    chunker = Chunker(16 * 1024)
    noise = np.random.Generator(np.random.PCG64(5)).bytes(300_000)
    facts["chunks"] = [len(chunk) for chunk in [*chunker.feed(noise), *chunker.finish()]]
    (DATA / "content_formats.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")


def _write_pack(bases: dict[str, bytes], news: dict[str, bytes], text: bytes, edited: bytes) -> dict[str, object]:
    delta = Encoded(Codec.DELTA, typed.encode_delta(news["f32"], bases["f32"], F32))
    group = Encoded(Codec.ZSTD, general.encode_zstd(memoryview(text + edited)))
    frames = [
        frame_of(delta, (hash_content(bases["f32"]),), ((hash_content(news["f32"]), len(news["f32"])),)),
        frame_of(group, (), tuple((hash_content(part), len(part)) for part in (text, edited))),
    ]
    builder, entries, parts = PackBuilder(), [], []
    parts.append(builder.start())
    for frame in frames:
        offset = builder.size
        parts.append(builder.add(frame))
        entries.append([offset, builder.size - offset - len(frame.blob), len(frame.blob)])
    parts.append(builder.finish())
    (DATA / "small.pack").write_bytes(b"".join(parts))
    members = [hash_content(part).hex() for part in (news["f32"], text, edited)]
    return {"id": builder.pack_id.hex(), "entries": entries, "members": members}


def _write_recipe() -> tuple[dict[str, object], dict[str, object]]:
    header = {
        "__metadata__": {"format": "pt"},
        "small.bias": {"dtype": "BF16", "shape": [8], "data_offsets": [0, 16]},
        "large.weight": {"dtype": "BF16", "shape": [4, 300_000], "data_offsets": [16, 2_400_016]},
        "last.weight": {"dtype": "F32", "shape": [20_000], "data_offsets": [2_400_016, 2_480_016]},
    }
    text = json.dumps(header).encode()
    head = struct.pack("<Q", len(text)) + text
    (DATA / "small.safetensors.head").write_bytes(head)
    data = head + bytes(2_480_016)
    layout = plan_layout("x", len(data), lambda offset, length: data[offset : offset + length])
    assert layout is not None
    names = [ContentHash(bytes([number]) * 32) for number in range(len(layout.typed) + len(layout.rest))]
    recipe = from_layout(layout, names[: len(layout.typed)], names[len(layout.typed) :])
    (DATA / "small.recipe").write_bytes(recipe.encode())
    cuts = [[[[e.offset, e.length] for e in c.extents], c.key, c.element.name] for c in layout.rest + layout.typed]
    return (
        {
            "id": recipe.recipe_id().hex(),
            "pieces": [[p.index, p.offset, p.length] for p in recipe.pieces()],
            "segments": [[s.hash.hex(), s.length, s.key, s.element.name] for s in recipe.segments()],
        },
        {"zeros": 2_480_016, "cuts": cuts, "runs": list(layout.runs)},
    )


if __name__ == "__main__":
    main()
