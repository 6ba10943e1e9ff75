/* Loops of the codecs `planes` and `delta`, with the bytes of the numpy path (mlv_core/codecs/loops_numpy.py).
 *
 * Callers check every length (mlv_core/codecs/loops_native.py); nothing here allocates, keeps state or calls Python, so the
 * interpreter's lock is free meanwhile. Numbers may lie at odd addresses: a file's bytes are read where they are. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "planes are counted from the lowest byte"
#endif

enum { BLOCK = 128, LANES = 4, KEYS = 256 };
enum { PLAIN = 0, ROTATED = 1, ZIGZAG = 2 };

/* Raised with every change of a function's meaning; a library of another number is not used. */
int mlv_kernels_version(void) { return 2; }

/* Bits are packed from the highest to the lowest, as numpy packs them; those after the last are zero. */
static inline int bit(const uint8_t *bits, size_t i) { return bits[i >> 3] >> (7 - (i & 7)) & 1; }

size_t mlv_count(const uint8_t *bits, size_t count) {
    size_t ones = 0, i = 0;
    for (; i + 64 <= count; i += 64) {
        uint64_t word;
        memcpy(&word, bits + (i >> 3), 8);
        ones += (size_t)__builtin_popcountll(word);
    }
    for (; i < count; i++) ones += (size_t)bit(bits, i);
    return ones;
}

/* How often each byte occurs among `count` bytes, `stride` apart. */
void mlv_histogram(const uint8_t *bytes, size_t count, size_t stride, uint32_t *counts) {
    uint32_t lanes[LANES][KEYS];
    memset(lanes, 0, sizeof lanes);
    for (size_t i = 0; i < count; i++) lanes[i % LANES][bytes[i * stride]]++;
    for (size_t key = 0; key < KEYS; key++) counts[key] = lanes[0][key] + lanes[1][key] + lanes[2][key] + lanes[3][key];
}

/* A bit for each step, whether it is above `limit`; those that are move to the front. Gives how many. */
size_t mlv_compact(uint16_t *steps, size_t count, uint16_t limit, uint8_t *bits) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i += 8) {
        size_t end = count - i < 8 ? count - i : 8;
        unsigned packed = 0;
        for (size_t j = 0; j < end; j++) {
            uint16_t step = steps[i + j];
            unsigned above = step > limit;
            steps[kept] = step;
            kept += above;
            packed |= above << (7 - j);
        }
        bits[i >> 3] = (uint8_t)packed;
    }
    return kept;
}

/* The inverse: an element is the next of `above` where its bit is set, else `below`. `above` has one more to read. Both
 * are read and one is chosen by a mask, as a branch would be guessed wrongly half of the time. */
void mlv_expand(const uint8_t *bits, size_t count, uint16_t below, const uint16_t *above, uint16_t *out) {
    for (size_t i = 0; i < count; i += 8) {
        size_t end = count - i < 8 ? count - i : 8;
        unsigned packed = bits[i >> 3];
        for (size_t j = 0; j < end; j++) {
            unsigned set = packed >> (7 - j) & 1;
            out[i + j] = (uint16_t)(below ^ ((below ^ *above) & (0u - set)));
            above += set;
        }
    }
}

/* Signs apart from sizes, and back. */
void mlv_part_signs(uint16_t *steps, size_t count, uint8_t *bits) {
    memset(bits, 0, (count + 7) / 8);
    for (size_t i = 0; i < count; i++) {
        unsigned negative = steps[i] >> 15;
        bits[i >> 3] |= (uint8_t)(negative << (7 - (i & 7)));
        steps[i] = (uint16_t)((steps[i] ^ (0u - negative)) + negative);
    }
}

void mlv_join_signs(uint16_t *sizes, size_t count, const uint8_t *bits) {
    for (size_t i = 0; i < count; i++) {
        unsigned negative = (unsigned)bit(bits, i);
        sizes[i] = (uint16_t)((sizes[i] ^ (0u - negative)) + negative);
    }
}

/* Sum of the sizes of 16-bit steps, each counted as at most 64. */
size_t mlv_weight(const uint16_t *steps, size_t count) {
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned size = steps[i] >> 15 ? (uint16_t)-steps[i] : steps[i];
        sum += size < 64 ? size : 64;
    }
    return sum;
}

/* Each step raised by the same, with wrapping. */
void mlv_shift(uint16_t *steps, size_t count, uint16_t by) {
    for (size_t i = 0; i < count; i++) steps[i] = (uint16_t)(steps[i] + by);
}

#define NAME_(stem, bits) mlv_##stem##_##bits
#define NAME__(stem, bits) NAME_(stem, bits)
#define NAME(stem) NAME__(stem, BITS)

#define BITS 8
#define NUMBER uint8_t
#include "kernels_numbers.h"
#undef BITS
#undef NUMBER

#define BITS 16
#define NUMBER uint16_t
#include "kernels_numbers.h"
#undef BITS
#undef NUMBER

#define BITS 32
#define NUMBER uint32_t
#include "kernels_numbers.h"
#undef BITS
#undef NUMBER

#define BITS 64
#define NUMBER uint64_t
#include "kernels_numbers.h"
