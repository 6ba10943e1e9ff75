/* The loops over numbers, for one width: included by kernels.c with BITS and NUMBER. */

static inline NUMBER NAME(load)(const uint8_t *at, size_t i) {
    NUMBER number;
    memcpy(&number, at + i * sizeof number, sizeof number);
    return number;
}

static inline void NAME(store)(uint8_t *at, size_t i, NUMBER number) { memcpy(at + i * sizeof number, &number, sizeof number); }

static inline NUMBER NAME(turn)(NUMBER number, int mode) {
    NUMBER sign = number >> (BITS - 1);
    if (mode == ROTATED) return (NUMBER)((NUMBER)(number << 1) | sign);
    if (mode == ZIGZAG) return (NUMBER)((NUMBER)(number << 1) ^ (NUMBER)(0 - sign));
    return number;
}

static inline NUMBER NAME(turn_back)(NUMBER number, int mode) {
    NUMBER low = number & 1;
    if (mode == ROTATED) return (NUMBER)((NUMBER)(number >> 1) | (NUMBER)(low << (BITS - 1)));
    if (mode == ZIGZAG) return (NUMBER)((NUMBER)(number >> 1) ^ (NUMBER)(0 - low));
    return number;
}

static inline void NAME(split_as)(const uint8_t *numbers, size_t count, int mode, uint8_t *restrict planes) {
    for (size_t i = 0; i < count; i++) {
        NUMBER number = NAME(turn)(NAME(load)(numbers, i), mode);
        for (size_t plane = 0; plane < BITS / 8; plane++) planes[plane * count + i] = (uint8_t)(number >> (8 * plane));
    }
}

/* Planes of bytes, the lowest first, of numbers that are turned first; and back from planes anywhere. */
void NAME(split)(const uint8_t *numbers, size_t count, int mode, uint8_t *planes) {
    if (mode == ROTATED) NAME(split_as)(numbers, count, ROTATED, planes);
    else if (mode == ZIGZAG) NAME(split_as)(numbers, count, ZIGZAG, planes);
    else NAME(split_as)(numbers, count, PLAIN, planes);
}

static inline void NAME(join_as)(const uint8_t *const *planes, size_t count, int mode, uint8_t *restrict numbers) {
    const uint8_t *plane[BITS / 8];
    for (size_t p = 0; p < BITS / 8; p++) plane[p] = planes[p];
    for (size_t i = 0; i < count; i++) {
        NUMBER number = 0;
        for (size_t p = 0; p < BITS / 8; p++) number |= (NUMBER)((NUMBER)plane[p][i] << (8 * p));
        NAME(store)(numbers, i, NAME(turn_back)(number, mode));
    }
}

void NAME(join)(const uint8_t *const *planes, size_t count, int mode, uint8_t *numbers) {
    if (mode == ROTATED) NAME(join_as)(planes, count, ROTATED, numbers);
    else if (mode == ZIGZAG) NAME(join_as)(planes, count, ZIGZAG, numbers);
    else NAME(join_as)(planes, count, PLAIN, numbers);
}

/* A bit for each block of numbers, whether anything in it changed. Gives how many numbers such blocks hold. */
size_t NAME(mark)(const uint8_t *new, const uint8_t *old, size_t count, uint8_t *live) {
    size_t kept = 0;
    memset(live, 0, ((count + BLOCK - 1) / BLOCK + 7) / 8);
    for (size_t start = 0, block = 0; start < count; start += BLOCK, block++) {
        size_t length = count - start < BLOCK ? count - start : BLOCK;
        if (memcmp(new + start * sizeof(NUMBER), old + start * sizeof(NUMBER), length * sizeof(NUMBER)) == 0) continue;
        live[block >> 3] |= (uint8_t)(0x80 >> (block & 7));
        kept += length;
    }
    return kept;
}

/* A run of numbers: their keys are counted, or their steps go to, or come from, the next place of their key. */
INLINE void NAME(run)(int job, const uint8_t *old, size_t start, size_t end, int shift, uint32_t *restrict place,
                      const uint8_t *from, uint8_t *restrict to) {
    size_t first = place[0];
    for (size_t i = start; i < end; i++) {
        NUMBER base = NAME(load)(old, i);
        size_t at = shift ? place[(uint8_t)(base >> shift)]++ : first + (i - start);
        if (job == TO_PLACES) NAME(store)(to, at, (NUMBER)(NAME(load)(from, i) - base));
        if (job == FROM_PLACES) NAME(store)(to, i, (NUMBER)(base + NAME(load)(from, at)));
    }
    if (!shift) place[0] += (uint32_t)(end - start);
}

/* All numbers in live blocks. Numbers of the same key wait for each other's place, and neighbours often have the same; so
 * the blocks are parted into lanes, each after the other and with its own places, and one number of each is taken in turn. */
INLINE void NAME(walk)(int job, const uint8_t *old, size_t count, const uint8_t *live, int shift,
                       uint32_t place[LANES][KEYS], const uint8_t *from, uint8_t *to) {
    size_t blocks = count / BLOCK / LANES, far = blocks * BLOCK;
    for (size_t block = 0; block < blocks; block++) {
        int all = shift != 0;
        for (size_t lane = 0; lane < LANES; lane++) all &= bit(live, lane * blocks + block);
        for (size_t i = block * BLOCK; all && i < (block + 1) * BLOCK; i++)
            for (size_t lane = 0; lane < LANES; lane++)
                NAME(run)(job, old, lane * far + i, lane * far + i + 1, shift, place[lane], from, to);
        for (size_t lane = 0, i = block * BLOCK; !all && lane < LANES; lane++, i += far)
            if (bit(live, lane * blocks + block)) NAME(run)(job, old, i, i + BLOCK, shift, place[lane], from, to);
    }
    for (size_t i = LANES * far; i < count; i += BLOCK)
        if (bit(live, i / BLOCK))
            NAME(run)(job, old, i, count - i < BLOCK ? count : i + BLOCK, shift, place[LANES - 1], from, to);
}

/* All numbers in live blocks, in the stable order by key; as they stand where `shift` is 0. */
INLINE void NAME(order)(int job, const uint8_t *old, size_t count, const uint8_t *live, int shift, const uint8_t *from,
                        uint8_t *to) {
    uint32_t place[LANES][KEYS] = {{0}}, sum = 0;
    NAME(walk)(COUNTS, old, count, live, shift, place, from, to);
    for (size_t key = 0; key < KEYS; key++) {
        for (size_t lane = 0; lane < LANES; lane++) {
            uint32_t found = place[lane][key];
            place[lane][key] = sum;
            sum += found;
        }
    }
    NAME(walk)(job, old, count, live, shift, place, from, to);
}

/* Steps of the numbers in live blocks; where `shift` is not 0, in the stable order by the byte of the old number above
 * it. */
void NAME(steps)(const uint8_t *new, const uint8_t *old, size_t count, const uint8_t *live, int shift, uint8_t *out) {
    if (shift == MANTISSA) NAME(order)(TO_PLACES, old, count, live, MANTISSA, new, out);
    else if (shift) NAME(order)(TO_PLACES, old, count, live, shift, new, out);
    else NAME(order)(TO_PLACES, old, count, live, 0, new, out);
}

/* The inverse: old numbers, and in live blocks the steps from them. */
void NAME(apply)(const uint8_t *old, size_t count, const uint8_t *live, int shift, const uint8_t *steps, uint8_t *out) {
    for (size_t start = 0; start < count; start += BLOCK) {
        size_t length = count - start < BLOCK ? count - start : BLOCK;
        if (!bit(live, start / BLOCK))
            memcpy(out + start * sizeof(NUMBER), old + start * sizeof(NUMBER), length * sizeof(NUMBER));
    }
    if (shift == MANTISSA) NAME(order)(FROM_PLACES, old, count, live, MANTISSA, steps, out);
    else if (shift) NAME(order)(FROM_PLACES, old, count, live, shift, steps, out);
    else NAME(order)(FROM_PLACES, old, count, live, 0, steps, out);
}

#undef BITS
#undef NUMBER
