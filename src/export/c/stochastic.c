/* Stochastic rounding: the ChaCha generator with 8 rounds, and what draws 64 bits a rounding from it: codes, steps, the velocity. */
#include "tinyprec.h"
#include "arith.h"
#include "fine.h"

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

/* The same of x * mantissa for |x| < 2^60 and |result| < 2^33, exact in 96 bits; shift 1 ... 62, `left` = max(0, 32 - shift). */
TP_INLINE int64_t tp_random_wide(int64_t x, int32_t mantissa, int32_t shift, int32_t left, uint64_t mask, const uint32_t *word)
{
    const uint64_t noise = (((uint64_t)word[1] << 32) | word[0]) & mask, rest = (uint64_t)x * (uint32_t)mantissa & mask;
    x = (int64_t)tp_lsl((uint64_t)x, left);
    const uint64_t low = (uint64_t)(uint32_t)x * (uint32_t)mantissa;
    const int64_t high = (x >> 32) * mantissa + (int64_t)(low >> 32);
    return tp_asr(high, shift + left - 32) + (int64_t)tp_lsr(rest + noise, shift);
}

/* Runs a statement n times, `word` on a draw of its own each time: blocks of eight draws, the first and the last in part. */
#define TP_EACH_DRAW(random, n, ...)                                                                                        \
    for (int32_t still = n; still > 0;) {                                                                                   \
        if (random->used == 8) {                                                                                            \
            tp_next_block(random);                                                                                          \
            random->used = 0;                                                                                               \
        }                                                                                                                   \
        const int32_t m = tp_min(still, 8 - random->used);                                                                  \
        const uint32_t *word = random->block + 2 * random->used;                                                            \
        for (int32_t i = 0; i < m; i++, word += 2) { __VA_ARGS__ }                                                          \
        random->used += m;                                                                                                  \
        still -= m;                                                                                                         \
    }

#define TP_SGD_RANDOM(name, gradient_t, master_t)                                                                           \
    void name(const gradient_t *restrict gradient, master_t *restrict master, const tp_requant *restrict by, tp_random *restrict random, int32_t n) \
    {                                                                                                                       \
        const tp_requant r = *by;                                                                                           \
        const uint64_t mask = tp_lsl(1, r.shift) - 1;                                                                       \
        TP_EACH_DRAW(random, n,                                                                                             \
            const int64_t step = tp_round_random(((int64_t)*gradient++ - r.src_zero) * r.mantissa, r.shift, mask, word);    \
            *master = (master_t)tp_clamp(tp_saturate(*master - step), r.lo, r.hi);                                          \
            master++;)                                                                                                      \
    }

TP_SGD_RANDOM(tp_sgd_update_random_i8_i8, int8_t, int8_t)
TP_SGD_RANDOM(tp_sgd_update_random_i16_i16, int16_t, int16_t)
TP_SGD_RANDOM(tp_sgd_update_random_i32_i32, int32_t, int32_t)
TP_SGD_RANDOM(tp_sgd_update_random_i32_i8, int32_t, int8_t)
TP_SGD_RANDOM(tp_sgd_update_random_i32_i16, int32_t, int16_t)

#define TP_REQUANTISE_RANDOM(name, from_t, to_t)                                                                            \
    void name(const from_t *restrict from, to_t *restrict to, const tp_requant *restrict by, tp_random *restrict random, int32_t n) \
    {                                                                                                                       \
        const tp_requant r = *by;                                                                                           \
        const uint64_t mask = tp_lsl(1, r.shift) - 1;                                                                       \
        TP_EACH_DRAW(random, n,                                                                                             \
            const int64_t code = tp_round_random(((int64_t)*from++ - r.src_zero) * r.mantissa, r.shift, mask, word) + r.dst_zero; \
            *to++ = (to_t)tp_clamp(tp_saturate(code), r.lo, r.hi);)                                                         \
    }

TP_REQUANTISE_RANDOM(tp_forward_copy_random_i8_i8, int8_t, int8_t)
TP_REQUANTISE_RANDOM(tp_forward_copy_random_i16_i8, int16_t, int8_t)
TP_REQUANTISE_RANDOM(tp_forward_copy_random_i32_i8, int32_t, int8_t)
TP_REQUANTISE_RANDOM(tp_forward_copy_random_i8_i16, int8_t, int16_t)
TP_REQUANTISE_RANDOM(tp_forward_copy_random_i16_i16, int16_t, int16_t)
TP_REQUANTISE_RANDOM(tp_forward_copy_random_i32_i16, int32_t, int16_t)
TP_REQUANTISE_RANDOM(tp_forward_copy_random_i8_i32, int8_t, int32_t)
TP_REQUANTISE_RANDOM(tp_forward_copy_random_i16_i32, int16_t, int32_t)
TP_REQUANTISE_RANDOM(tp_forward_copy_random_i32_i32, int32_t, int32_t)
TP_REQUANTISE_RANDOM(tp_quantise_error_random_i8, int32_t, int8_t)
TP_REQUANTISE_RANDOM(tp_quantise_error_random_i16, int32_t, int16_t)
TP_REQUANTISE_RANDOM(tp_quantise_error_random_i32, int32_t, int32_t)
TP_REQUANTISE_RANDOM(tp_quantise_gradient_random_i32_i8, int32_t, int8_t)
TP_REQUANTISE_RANDOM(tp_quantise_gradient_random_i32_i16, int32_t, int16_t)

#define TP_STANDARDISE_RANDOM(name, code_t)                                                                                 \
    void name(const int32_t *restrict x, const int32_t *restrict offset, const int32_t *restrict mantissa, const int32_t *restrict shift, code_t *restrict y, const tp_requant *restrict to, tp_random *restrict random, int32_t n) \
    {                                                                                                                       \
        const int32_t zero = to->dst_zero, lo = to->lo, hi = to->hi;                                                        \
        TP_EACH_DRAW(random, n,                                                                                             \
            const int64_t product = (int64_t)(*x++ * 256 - *offset++) * *mantissa++;                                        \
            const int64_t code = tp_round_random(product, *shift, tp_lsl(1, *shift) - 1, word);                             \
            shift++;                                                                                                        \
            *y++ = (code_t)tp_clamp(tp_saturate(code + zero), lo, hi);)                                                     \
    }

TP_STANDARDISE_RANDOM(tp_standardise_random_i8, int8_t)
TP_STANDARDISE_RANDOM(tp_standardise_random_i16, int16_t)

#define TP_REQUANTISE_WIDE_RANDOM(name, to_t)                                                                               \
    void name(const int64_t *restrict from, to_t *restrict to, const tp_requant *restrict by, tp_random *restrict random, int32_t n) \
    {                                                                                                                       \
        const tp_requant r = *by;                                                                                           \
        const int32_t short_of = 32 - r.shift, left = short_of & ~(short_of >> 31);                                         \
        const uint64_t mask = tp_lsl(1, r.shift) - 1;                                                                       \
        TP_EACH_DRAW(random, n,                                                                                             \
            const int64_t code = tp_random_wide(*from++ - r.src_zero, r.mantissa, r.shift, left, mask, word) + r.dst_zero;  \
            *to++ = (to_t)tp_clamp(tp_saturate(code), r.lo, r.hi);)                                                         \
    }

TP_REQUANTISE_WIDE_RANDOM(tp_quantise_gradient_random_i64_i32, int32_t)
TP_REQUANTISE_WIDE_RANDOM(tp_requantise_random_i64_i16, int16_t)
TP_REQUANTISE_WIDE_RANDOM(tp_requantise_random_i64_i32, int32_t)

#define TP_SGD_FINE_RANDOM(name, base_t)                                                                                    \
    void name(const int32_t *restrict gradient, const base_t *restrict base, int64_t *restrict fine, const tp_fine *restrict widen, const tp_fine *restrict step, tp_random *restrict random, int32_t n) \
    {                                                                                                                       \
        const tp_fine w = *widen, s = *step;                                                                                \
        const uint64_t mask = tp_lsl(1, s.right) - 1;                                                                       \
        TP_EACH_DRAW(random, n,                                                                                             \
            *fine++ = tp_fine_product((int64_t)*base++ - w.zero, &w) - tp_round_random(((int64_t)*gradient++ - s.zero) * s.mantissa, s.right, mask, word);) \
    }

TP_SGD_FINE_RANDOM(tp_sgd_update_random_i32_i8_i64, int8_t)
TP_SGD_FINE_RANDOM(tp_sgd_update_random_i32_i16_i64, int16_t)
TP_SGD_FINE_RANDOM(tp_sgd_update_random_i32_i32_i64, int32_t)

/* One draw for each of the terms `first` to `last`: the velocity kept (where there is momentum), the gradient, the weight's decay. The
 * compiler may not know the first: it would make one loop of steps with momentum and another of those without. */
#define TP_VELOCITY_RANDOM(name, code_t, master_t)                                                                          \
    void name(const code_t *restrict gradient, const master_t *restrict master, int32_t *restrict velocity, const tp_requant *restrict by, tp_random *restrict random, int32_t first, int32_t last, int32_t n) \
    {                                                                                                                       \
        for (int32_t i = 0; i < n; i++) {                                                                                   \
            const int64_t term[3] = {velocity[i], (int64_t)gradient[i] - by[1].src_zero, (int64_t)master[i] - by[2].src_zero}; \
            int64_t sum = 0;                                                                                                \
            int32_t t = first;                                                                                              \
            __asm__ volatile("" : "+r"(t));                                                                                         \
            do {                                                                                                            \
                if (random->used == 8) {                                                                                    \
                    tp_next_block(random);                                                                                  \
                    random->used = 0;                                                                                       \
                }                                                                                                           \
                sum += tp_round_random(term[t] * by[t].mantissa, by[t].shift, tp_lsl(1, by[t].shift) - 1, random->block + 2 * random->used); \
                random->used++;                                                                                             \
            } while (t++ < last);                                                                                           \
            velocity[i] = tp_clamp(tp_saturate(sum), by[1].lo, by[1].hi);                                                   \
        }                                                                                                                   \
    }

TP_VELOCITY_RANDOM(tp_velocity_random_i8_i8, int8_t, int8_t)
TP_VELOCITY_RANDOM(tp_velocity_random_i16_i16, int16_t, int16_t)
TP_VELOCITY_RANDOM(tp_velocity_random_i32_i8, int32_t, int8_t)
TP_VELOCITY_RANDOM(tp_velocity_random_i32_i16, int32_t, int16_t)
TP_VELOCITY_RANDOM(tp_velocity_random_i32_i32, int32_t, int32_t)
