"""Element types: how wide a number is and how many of its bits are mantissa."""

from __future__ import annotations

from mlv_core.deferred import dataclass


@dataclass(frozen=True, slots=True)
class ElementType:
    """One layout of numbers.

    `width` is in bytes (1, 2, 4 or 8), `mantissa_bits` is 0 for everything that is no float, `code` is the byte
    that stands for the type in canonical bytes and never changes its meaning.
    """

    name: str
    width: int
    mantissa_bits: int
    code: int = 0


OPAQUE = ElementType("opaque", 1, 0, 0)
F64 = ElementType("f64", 8, 52, 1)
F32 = ElementType("f32", 4, 23, 2)
F16 = ElementType("f16", 2, 10, 3)
BF16 = ElementType("bf16", 2, 7, 4)
F8_E4M3 = ElementType("f8_e4m3", 1, 3, 5)
F8_E5M2 = ElementType("f8_e5m2", 1, 2, 6)
F8_E8M0 = ElementType("f8_e8m0", 1, 0, 7)
I64 = ElementType("i64", 8, 0, 16)
I32 = ElementType("i32", 4, 0, 17)
I16 = ElementType("i16", 2, 0, 18)
I8 = ElementType("i8", 1, 0, 19)
U64 = ElementType("u64", 8, 0, 20)
U32 = ElementType("u32", 4, 0, 21)
U16 = ElementType("u16", 2, 0, 22)
U8 = ElementType("u8", 1, 0, 23)
BOOL = ElementType("bool", 1, 0, 24)

ALL_ELEMENTS: tuple[ElementType, ...] = (
    OPAQUE, F64, F32, F16, BF16, F8_E4M3, F8_E5M2, F8_E8M0, I64, I32, I16, I8, U64, U32, U16, U8, BOOL,
)  # fmt: skip

_BY_CODE = {element.code: element for element in ALL_ELEMENTS}


def element_from_code(code: int) -> ElementType | None:
    """The element type that `code` stands for, None for an unknown code."""
    return _BY_CODE.get(code)
