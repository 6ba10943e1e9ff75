"""On real checkpoints the codecs reach the measured figures."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from mlv_core.codecs import decode, encode
from mlv_core.segments import OPAQUE, Layout, plan_layout

SLICE = Path(__file__).parents[3] / "examples" / "minilm-slice"


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("codec_reference", Path(__file__).with_name("codec_reference.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cuts(path: Path) -> list[tuple[bytes, object]]:
    data = path.read_bytes()
    layout = plan_layout(path.name, len(data), lambda offset, length: data[offset : offset + length])
    assert isinstance(layout, Layout)
    return [
        (b"".join(data[extent.offset : extent.offset + extent.length] for extent in cut.extents), cut.element)
        for cut in layout.typed + layout.rest
    ]


@pytest.mark.parametrize(
    ("version", "base", "share"),
    [
        ("finetune-bf16/step_0000", None, 0.67),
        ("finetune-bf16/step_0024", "finetune-bf16/step_0000", 0.107),
        ("finetune-bf16/step_0048", "finetune-bf16/step_0024", 0.096),
        ("finetune-fp32/step_0000", None, 0.84),
        ("finetune-fp32/step_0024", "finetune-fp32/step_0000", 0.53),
    ],
)
def test_a_version_costs_at_most_what_the_reference_needs(version, base, share, reference):
    new = cuts(SLICE / f"{version}.safetensors")
    old = cuts(SLICE / f"{base}.safetensors") if base else [(None, None)] * len(new)
    ours = theirs = raw = 0
    for (plain, element), (before, _) in zip(new, old, strict=True):
        encoded = encode(plain, element, before)
        assert decode(encoded.codec, encoded.blob, len(plain), before, len(plain)) == plain
        if element == OPAQUE:
            continue
        full = reference.full_size(plain, element.width, element.mantissa_bits)
        delta = full if base is None else reference.delta_size(plain, before, element.width, element.mantissa_bits)
        ours, theirs, raw = ours + len(encoded.blob), theirs + min(full, delta), raw + len(plain)
    assert ours <= theirs
    assert ours < share * raw
