/* Loops of the codecs `planes` and `delta`, with the bytes of the numpy path (mlv_core/codecs/loops_numpy.py).
 *
 * Callers check every length (mlv_core/codecs/loops_native.py); nothing here allocates or calls Python, so the
 * interpreter's lock is free meanwhile. The only state is what is found out about the processor when the library is
 * loaded. Numbers may lie at odd addresses: a file's bytes are read where they are. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "planes are counted from the lowest byte"
#endif

enum { BLOCK = 128, LANES = 4, KEYS = 256, GROUP = 8 };
enum { PLAIN = 0, ROTATED = 1, ZIGZAG = 2 };
enum { COUNTS, TO_PLACES, FROM_PLACES };
#define INLINE static inline __attribute__((always_inline))

/* Raised with every change of a function's meaning; a library of another number is not used. */
int mlv_kernels_version(void) { return 3; }

/* Eight steps at a time, and a byte with a flag for each: bits are packed from the highest to the lowest, as numpy packs
 * them; those after the last are zero. Every compiler's baseline has such vectors, or makes them of what it has. */
typedef uint16_t Words __attribute__((vector_size(16)));
typedef int16_t Signed __attribute__((vector_size(16)));
typedef uint8_t Octets __attribute__((vector_size(8)));

INLINE int bit(const uint8_t *bits, size_t i) { return bits[i >> 3] >> (7 - (i & 7)) & 1; }

/* The next eight steps, or the `left` that there are and zeros. */
INLINE Words words_at(const uint16_t *at, size_t left) {
    Words words = {0};
    if (left >= GROUP) memcpy(&words, at, sizeof words);
    else memcpy(&words, at, left * sizeof *at);
    return words;
}

INLINE void put_words(uint16_t *at, Words words, size_t left) {
    if (left >= GROUP) memcpy(at, &words, sizeof words);
    else memcpy(at, &words, left * sizeof *at);
}

/* Each element is all ones or all zeros. One bit of each byte is moved to the top byte, where none meets another. */
INLINE uint8_t flags_of(Words set) {
    Octets bytes = __builtin_convertvector(set, Octets);
    uint64_t word;
    memcpy(&word, &bytes, sizeof word);
    return (uint8_t)((word & 0x0101010101010101) * 0x8040201008040201 >> 56);
}

INLINE Words set_of(unsigned flags) {
    const Words places = {0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01};
    return (Words)((places & (uint16_t)flags) != 0);
}

size_t mlv_count(const uint8_t *bits, size_t count) {
    size_t ones = 0, i = 0;
    for (; i + 64 <= count; i += 64) {
        uint64_t word;
        memcpy(&word, bits + (i >> 3), 8);
        word -= word >> 1 & 0x5555555555555555;
        word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333);
        ones += (size_t)(((word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f) * 0x0101010101010101 >> 56);
    }
    for (; i < count; i++) ones += (size_t)bit(bits, i);
    return ones;
}

/* How often each byte occurs among `count` bytes, `stride` apart. */
void mlv_histogram(const uint8_t *bytes, size_t count, size_t stride, uint32_t *counts) {
    uint32_t lanes[LANES][KEYS] = {{0}};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++) lanes[lane][bytes[(i + lane) * stride]]++;
    for (; i < count; i++) lanes[0][bytes[i * stride]]++;
    for (size_t key = 0; key < KEYS; key++) counts[key] = lanes[0][key] + lanes[1][key] + lanes[2][key] + lanes[3][key];
}

/* The logarithm to base 2 of a positive normal number, within 1e-11; of 1 exactly. No library of mathematics is needed:
 * by the exponent, and the series of the inverse hyperbolic tangent near 1. */
static double log_2(double number) {
    uint64_t pattern;
    memcpy(&pattern, &number, sizeof pattern);
    double exponent = (double)((int)(pattern >> 52) - 1023), near;
    pattern = (pattern & 0x000fffffffffffff) | 0x3ff0000000000000;
    memcpy(&near, &pattern, sizeof near);
    if (near > 1.4142135623730951) near /= 2, exponent += 1;
    double ratio = (near - 1) / (near + 1), square = ratio * ratio, sum = 0;
    for (int power = 13; power > 0; power -= 2) sum = sum * square + 1.0 / power;
    return exponent + 2.8853900817779268 * ratio * sum;
}

/* Bits a byte of the order-0 entropy of such bytes, within 1e-9; 0 exactly where all are the same. */
double mlv_entropy(const uint8_t *bytes, size_t count, size_t stride) {
    uint32_t counts[KEYS];
    double sum = 0;
    mlv_histogram(bytes, count, stride, counts);
    for (size_t key = 0; key < KEYS; key++) {
        double share = (double)counts[key] / (double)count;
        if (counts[key]) sum -= share * log_2(share);
    }
    return sum;
}

/* Where the processor can move the bytes of a vector by a table, steps are picked out and put back eight at a time:
 * `order` has, for each byte of flags, the places of the bytes whose steps are set, and `rank` the inverse, with the
 * highest bit where a step is not set. */
#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <tmmintrin.h>
#define SHUFFLING __attribute__((target("ssse3,popcnt")))

static int shuffling;
static uint8_t order[KEYS][16], rank[KEYS][16];

/* Whether vectors are shuffled from now on, where the processor can: tests also run what others do. */
int mlv_kernels_shuffle(int wanted) {
    unsigned a, b, c, d;
    return shuffling = wanted && __get_cpuid(1, &a, &b, &c, &d) && c & bit_SSSE3 && c & bit_POPCNT;
}

__attribute__((constructor)) static void prepare(void) {
    memset(rank, 0x80, sizeof rank);
    for (unsigned flags = 0; flags < KEYS; flags++) {
        for (unsigned place = 0, next = 0; place < 16; place++) {
            if (!(flags >> (7 - place / 2) & 1)) continue;
            order[flags][next] = (uint8_t)place;
            rank[flags][place] = (uint8_t)next++;
        }
    }
    mlv_kernels_shuffle(1);
}

SHUFFLING static inline Words shuffle(Words words, const uint8_t *places) {
    return (Words)_mm_shuffle_epi8((__m128i)words, _mm_loadu_si128((const __m128i *)places));
}

/* Whole groups only, as eight steps are written for the few that are kept; they lie before those still to be read. */
SHUFFLING static size_t compact_groups(uint16_t *steps, size_t count, uint16_t limit, uint8_t *bits) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i += GROUP) {
        Words group = words_at(steps + i, GROUP);
        uint8_t flags = flags_of((Words)(group > limit));
        bits[i >> 3] = flags;
        put_words(steps + kept, shuffle(group, order[flags]), GROUP);
        kept += (size_t)__builtin_popcount(flags);
    }
    return kept;
}

/* Only while there are eight of `above` to read; gives how many elements were made. */
SHUFFLING static size_t expand_groups(const uint8_t *bits, size_t count, uint16_t below, const uint16_t *above,
                                      size_t held, size_t *taken, uint16_t *out) {
    size_t i = 0, next = 0;
    for (; i + GROUP <= count && next + GROUP <= held; i += GROUP) {
        unsigned flags = bits[i >> 3];
        Words set = shuffle(words_at(above + next, GROUP), rank[flags]);
        put_words(out + i, set | (~set_of(flags) & below), GROUP);
        next += (size_t)__builtin_popcount(flags);
    }
    *taken = next;
    return i;
}
#else
int mlv_kernels_shuffle(int wanted) { return wanted & 0; }
#endif

/* A bit for each step, whether it is above `limit`; those that are move to the front. Gives how many. */
size_t mlv_compact(uint16_t *steps, size_t count, uint16_t limit, uint8_t *bits) {
    size_t kept = 0, i = 0;
#ifdef SHUFFLING
    if (shuffling) kept = compact_groups(steps, i = count / GROUP * GROUP, limit, bits);
#endif
    for (; i < count; i += GROUP) {
        size_t left = count - i < GROUP ? count - i : GROUP;
        uint8_t flags = flags_of((Words)(words_at(steps + i, left) > limit));
        bits[i >> 3] = flags;
        for (size_t j = 0; j < left; j++) {
            steps[kept] = steps[i + j];
            kept += flags >> (7 - j) & 1;
        }
    }
    return kept;
}

/* The inverse: an element is the next of the `held` in `above` where its bit is set, else `below`. Gives how many bits
 * were set; it never reads more than there are. Both are read and one is chosen by a mask, as a branch would be guessed
 * wrongly half of the time. */
size_t mlv_expand(const uint8_t *bits, size_t count, uint16_t below, const uint16_t *above, size_t held, uint16_t *out) {
    size_t next = 0, i = 0;
    if (!held) above = &below, held = 1;
#ifdef SHUFFLING
    if (shuffling) i = expand_groups(bits, count, below, above, held, &next, out);
#endif
    for (; i < count; i++) {
        unsigned set = (unsigned)bit(bits, i);
        uint16_t step = above[next < held ? next : held - 1];
        out[i] = (uint16_t)(below ^ ((below ^ step) & (0u - set)));
        next += set;
    }
    return next;
}

/* Signs apart from sizes, and back. */
void mlv_part_signs(uint16_t *steps, size_t count, uint8_t *bits) {
    for (size_t i = 0; i < count; i += GROUP) {
        Words group = words_at(steps + i, count - i), negative = (Words)((Signed)group < 0);
        bits[i >> 3] = flags_of(negative);
        put_words(steps + i, (group ^ negative) - negative, count - i);
    }
}

void mlv_join_signs(uint16_t *sizes, size_t count, const uint8_t *bits) {
    for (size_t i = 0; i < count; i += GROUP) {
        Words group = words_at(sizes + i, count - i), negative = set_of(bits[i >> 3]);
        put_words(sizes + i, (group ^ negative) - negative, count - i);
    }
}

/* Sum of the sizes of 16-bit steps, each counted as at most 64. Negated sizes are summed, as each has one; those of a few
 * hundred steps fit into 16 bits, so that eight are added at a time. */
size_t mlv_weight(const uint16_t *steps, size_t count) {
    size_t sum = 0;
    for (size_t start = 0; start < count; start += 2 * BLOCK) {
        size_t end = count - start < 2 * BLOCK ? count : start + 2 * BLOCK;
        uint16_t part = 0;
        for (size_t i = start; i < end; i++) {
            int16_t step = (int16_t)steps[i], other = (int16_t)-step;
            int16_t lower = step < other ? step : other;
            part = (uint16_t)(part - (lower > -64 ? lower : -64));
        }
        sum += part;
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
/* The mantissa of the most used floats of each width: for it there are loops with a constant shift. */
#define MANTISSA (BITS == 64 ? 52 : BITS == 32 ? 23 : BITS == 16 ? 7 : 3)

#define BITS 8
#define NUMBER uint8_t
#include "kernels_numbers.h"

#define BITS 16
#define NUMBER uint16_t
#include "kernels_numbers.h"

#define BITS 32
#define NUMBER uint32_t
#include "kernels_numbers.h"

#define BITS 64
#define NUMBER uint64_t
#include "kernels_numbers.h"
