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

/* Where the first number of each key goes, in the stable order by key of the numbers in live blocks. */
static void NAME(places)(const uint8_t *old, size_t count, const uint8_t *live, int shift, uint32_t *place) {
    uint32_t lanes[LANES][KEYS];
    memset(lanes, 0, sizeof lanes);
    for (size_t start = 0, block = 0; start < count; start += BLOCK, block++) {
        size_t end = count - start < BLOCK ? count : start + BLOCK;
        if (!bit(live, block)) continue;
        for (size_t i = start; i < end; i++) lanes[i % LANES][(uint8_t)(NAME(load)(old, i) >> shift)]++;
    }
    uint32_t sum = 0;
    for (size_t key = 0; key < KEYS; key++) {
        place[key] = sum;
        for (size_t lane = 0; lane < LANES; lane++) sum += lanes[lane][key];
    }
}

/* Steps of the numbers in live blocks; where `shift` is not 0, in the stable order by the byte of the old number above
 * it. */
void NAME(steps)(const uint8_t *new, const uint8_t *old, size_t count, const uint8_t *live, int shift, uint8_t *out) {
    uint32_t place[KEYS];
    size_t next = 0;
    if (shift) NAME(places)(old, count, live, shift, place);
    for (size_t start = 0, block = 0; start < count; start += BLOCK, block++) {
        size_t end = count - start < BLOCK ? count : start + BLOCK;
        if (!bit(live, block)) continue;
        for (size_t i = start; i < end; i++) {
            NUMBER from = NAME(load)(old, i);
            NUMBER step = (NUMBER)(NAME(load)(new, i) - from);
            NAME(store)(out, shift ? place[(uint8_t)(from >> shift)]++ : next++, step);
        }
    }
}

/* The inverse: old numbers, and in live blocks the steps from them. */
void NAME(apply)(const uint8_t *old, size_t count, const uint8_t *live, int shift, const uint8_t *steps, uint8_t *out) {
    uint32_t place[KEYS];
    size_t next = 0;
    if (shift) NAME(places)(old, count, live, shift, place);
    for (size_t start = 0, block = 0; start < count; start += BLOCK, block++) {
        size_t end = count - start < BLOCK ? count : start + BLOCK;
        if (!bit(live, block)) {
            memcpy(out + start * sizeof(NUMBER), old + start * sizeof(NUMBER), (end - start) * sizeof(NUMBER));
            continue;
        }
        for (size_t i = start; i < end; i++) {
            NUMBER from = NAME(load)(old, i);
            NUMBER step = NAME(load)(steps, shift ? place[(uint8_t)(from >> shift)]++ : next++);
            NAME(store)(out, i, (NUMBER)(from + step));
        }
    }
}
