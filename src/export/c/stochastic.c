/* Stochastic rounding: the ChaCha generator with 8 rounds, and SGD's step that draws 64 bits a weight from it. */
#include "tinyprec.h"
#include "arith.h"

TP_INLINE uint32_t tp_rotate(uint32_t x, int32_t left) { return (x << left) | (x >> (32 - left)); }

TP_INLINE void tp_quarter(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
    *a += *b;
    *d = tp_rotate(*d ^ *a, 16);
    *c += *d;
    *b = tp_rotate(*b ^ *c, 12);
    *a += *b;
    *d = tp_rotate(*d ^ *a, 8);
    *c += *d;
    *b = tp_rotate(*b ^ *c, 7);
}

/* The next 16 words; the counter goes up by one. */
TP_INLINE void tp_next_block(tp_random *r)
{
    const uint32_t start[16] = {0x61707865u, 0x3320646eu, 0x79622d32u, 0x6b206574u, r->key[0], r->key[1], r->key[2], r->key[3],
                                r->key[4], r->key[5], r->key[6], r->key[7], r->counter[0], r->counter[1], r->stream[0], r->stream[1]};
    uint32_t *x = r->block;
    for (int32_t i = 0; i < 16; i++) x[i] = start[i];
    for (int32_t round = 0; round < 4; round++) {
        for (int32_t i = 0; i < 4; i++) tp_quarter(x + i, x + 4 + i, x + 8 + i, x + 12 + i);
        for (int32_t i = 0; i < 4; i++) tp_quarter(x + i, x + 4 + ((i + 1) & 3), x + 8 + ((i + 2) & 3), x + 12 + ((i + 3) & 3));
    }
    for (int32_t i = 0; i < 16; i++) x[i] += start[i];
    r->counter[0]++;
    r->counter[1] += r->counter[0] == 0;
}

/* (x + noise) / 2^shift rounded down, noise uniform below 2^shift; shift 1 ... 62. */
TP_INLINE int64_t tp_round_random(int64_t x, int32_t shift, uint64_t mask, const uint32_t *word)
{
    const uint64_t noise = (((uint64_t)word[1] << 32) | word[0]) & mask;
    return tp_asr(x, shift) + (int64_t)tp_lsr(((uint64_t)x & mask) + noise, shift);
}

#define TP_SGD_RANDOM(name, gradient_t, master_t)                                                                           \
    void name(const gradient_t *restrict gradient, master_t *restrict master, const tp_requant *restrict by, tp_random *restrict random, int32_t n) \
    {                                                                                                                       \
        const tp_requant r = *by;                                                                                           \
        const uint64_t mask = tp_lsl(1, r.shift) - 1;                                                                       \
        for (int32_t left = n; left > 0;) {                                                                                 \
            if (random->used == 8) {                                                                                        \
                tp_next_block(random);                                                                                      \
                random->used = 0;                                                                                           \
            }                                                                                                               \
            const int32_t m = tp_min(left, 8 - random->used);                                                               \
            const uint32_t *word = random->block + 2 * random->used;                                                        \
            for (int32_t i = 0; i < m; i++, word += 2) {                                                                    \
                const int64_t step = tp_round_random(((int64_t)*gradient++ - r.src_zero) * r.mantissa, r.shift, mask, word); \
                *master = (master_t)tp_clamp(tp_saturate(*master - step), r.lo, r.hi);                                      \
                master++;                                                                                                   \
            }                                                                                                               \
            random->used += m;                                                                                              \
            left -= m;                                                                                                      \
        }                                                                                                                   \
    }

TP_SGD_RANDOM(tp_sgd_update_random_i8_i8, int8_t, int8_t)
TP_SGD_RANDOM(tp_sgd_update_random_i16_i16, int16_t, int16_t)
TP_SGD_RANDOM(tp_sgd_update_random_i32_i32, int32_t, int32_t)
TP_SGD_RANDOM(tp_sgd_update_random_i32_i8, int32_t, int8_t)
TP_SGD_RANDOM(tp_sgd_update_random_i32_i16, int32_t, int16_t)
