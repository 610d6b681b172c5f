/* Other formats of the head's forward copy and features: packed signs, packed small integers, f16, bf16. */
#include "tinyprec.h"
#include "arith.h"
#include "bits.h"
#include "float.h"

/* Sign of bit `at` of a row of packed bits, as a mask: ones for -1. */
TP_INLINE uint32_t tp_sign_at(const uint32_t *bits, int32_t at) { return 0u - ((bits[at >> 5] >> (at & 31)) & 1u); }

/* x where the mask is 0, -x where it is ones. */
TP_INLINE int32_t tp_signed(int32_t x, uint32_t minus) { return (int32_t)(((uint32_t)x ^ minus) - minus); }

void tp_standardise_b1(const int32_t *restrict x, const int32_t *restrict offset, uint32_t *restrict y, int32_t n)
{
    for (int32_t left = n; left > 0; left -= 32) {
        const int32_t m = tp_min(left, 32);
        uint32_t word = 0;
        for (int32_t b = 0; b < m; b++) word = tp_push_bit(word, *x++ * 256 - *offset++);
        *y++ = word >> (32 - m);
    }
}

/* Signs of the weights, 0 counts as +1, and the sum of their magnitudes, whose mean is the copy's scale. */
#define TP_COPY_SIGNS(name, code_t)                                                                                         \
    void name(const code_t *restrict master, uint32_t *restrict copy, uint64_t *restrict magnitude, int32_t n)              \
    {                                                                                                                       \
        uint64_t sum = 0;                                                                                                   \
        for (int32_t left = n; left > 0; left -= 32) {                                                                      \
            const int32_t m = tp_min(left, 32);                                                                             \
            uint32_t word = 0;                                                                                              \
            for (int32_t b = 0; b < m; b++) {                                                                               \
                const int32_t x = *master++, minus = x >> 31;                                                               \
                sum += (uint32_t)((x ^ minus) - minus);                                                                     \
                word = tp_push_bit(word, x);                                                                                \
            }                                                                                                               \
            *copy++ = word >> (32 - m);                                                                                     \
        }                                                                                                                   \
        *magnitude = sum;                                                                                                   \
    }

TP_COPY_SIGNS(tp_forward_copy_i8_b1, int8_t)
TP_COPY_SIGNS(tp_forward_copy_i16_b1, int16_t)
TP_COPY_SIGNS(tp_forward_copy_i32_b1, int32_t)

void tp_head_forward_i8_b1(const int8_t *restrict feature, const uint32_t *restrict weight, const int32_t *restrict bias, int32_t *restrict z, int32_t classes, int32_t features)
{
    int32_t at = 0;
    for (int32_t c = 0; c < classes; c++) {
        int32_t sum = bias[c];
        for (int32_t k = 0; k < features; k++, at++) sum += tp_signed(feature[k], tp_sign_at(weight, at));
        z[c] = sum;
    }
}

void tp_head_forward_b1_i8(const uint32_t *restrict feature, const int8_t *restrict weight, const int32_t *restrict bias, int32_t *restrict z, int32_t classes, int32_t features)
{
    for (int32_t c = 0; c < classes; c++) {
        int32_t sum = bias[c];
        for (int32_t k = 0; k < features; k++) sum += tp_signed(*weight++, tp_sign_at(feature, k));
        z[c] = sum;
    }
}

void tp_head_forward_b1_b1(const uint32_t *restrict feature, const uint32_t *restrict weight, const int32_t *restrict bias, int32_t *restrict z, int32_t classes, int32_t features)
{
    int32_t at = 0;
    for (int32_t c = 0; c < classes; c++) {
        int32_t minus = 0;
        for (int32_t k = 0; k < features; k++, at++) minus += (int32_t)((tp_sign_at(feature, k) ^ tp_sign_at(weight, at)) & 1u);
        z[c] = bias[c] + features - 2 * minus;
    }
}

#define TP_ACCUMULATE_SIGNS(name, error_t, sum_t)                                                                           \
    void name(const error_t *restrict error, const uint32_t *restrict feature, sum_t *restrict sum, int32_t zero, int32_t classes, int32_t features) \
    {                                                                                                                       \
        for (int32_t c = 0; c < classes; c++, sum += features) {                                                            \
            const sum_t e = (sum_t)error[c] - zero;                                                                         \
            for (int32_t k = 0; k < features; k++) {                                                                        \
                const sum_t minus = (sum_t)(int32_t)tp_sign_at(feature, k);                                                 \
                sum[k] += (e ^ minus) - minus;                                                                              \
            }                                                                                                               \
        }                                                                                                                   \
    }

TP_ACCUMULATE_SIGNS(tp_gradient_accumulate_i8_b1, int8_t, int32_t)
TP_ACCUMULATE_SIGNS(tp_gradient_accumulate_i16_b1, int16_t, int32_t)
TP_ACCUMULATE_SIGNS(tp_gradient_accumulate_i32_b1, int32_t, int64_t)

/* Code `at` of packed codes of `bits` bits, 2 ... 7, lowest bits first. Reads the byte after the one that it begins in. */
TP_INLINE int32_t tp_packed_at(const uint8_t *codes, uint32_t at, int32_t bits)
{
    const uint8_t *byte = codes + (at >> 3);
    const uint32_t two = (uint32_t)byte[0] | ((uint32_t)byte[1] << 8);
    return (int32_t)((two >> (at & 7)) << (32 - bits)) >> (32 - bits);
}

void tp_head_forward_packed(const int8_t *restrict feature, const uint8_t *restrict weight, const int32_t *restrict bias, int32_t *restrict z, int32_t bits, int32_t classes, int32_t features)
{
    uint32_t at = 0;
    for (int32_t c = 0; c < classes; c++) {
        int32_t sum = bias[c];
        for (int32_t k = 0; k < features; k++, at += (uint32_t)bits) sum += tp_packed_at(weight, at, bits) * feature[k];
        z[c] = sum;
    }
}

void tp_head_forward_affine_packed(const int8_t *restrict feature, const uint8_t *restrict weight, const int32_t *restrict bias, int32_t *restrict z, int32_t bits, int32_t feature_zero, int32_t weight_zero, int32_t classes, int32_t features)
{
    uint32_t at = 0;
    for (int32_t c = 0; c < classes; c++) {
        int32_t sum = bias[c];
        for (int32_t k = 0; k < features; k++, at += (uint32_t)bits) sum += (tp_packed_at(weight, at, bits) - weight_zero) * (feature[k] - feature_zero);
        z[c] = sum;
    }
}

/* Requantised codes into `bits` bits each; `copy` has one byte more than they fill. */
#define TP_COPY_PACKED(name, code_t, round)                                                                                 \
    void name(const code_t *restrict master, uint8_t *restrict copy, const tp_requant *restrict by, int32_t bits, int32_t n) \
    {                                                                                                                       \
        const tp_requant r = *by;                                                                                           \
        const uint64_t below = tp_below(r.shift);                                                                           \
        uint32_t at = 0;                                                                                                    \
        copy[0] = 0;                                                                                                        \
        for (int32_t i = 0; i < n; i++, at += (uint32_t)bits) {                                                             \
            const int64_t code = round((int64_t)(master[i] - r.src_zero) * r.mantissa, r.shift, below) + r.dst_zero;         \
            const uint32_t kept = (uint32_t)tp_clamp(tp_saturate(code), r.lo, r.hi) & ((1u << bits) - 1);                   \
            uint8_t *byte = copy + (at >> 3);                                                                               \
            const uint32_t two = byte[0] | (kept << (at & 7));                                                              \
            byte[0] = (uint8_t)two;                                                                                         \
            byte[1] = (uint8_t)(two >> 8);                                                                                  \
        }                                                                                                                   \
    }

TP_COPY_PACKED(tp_forward_copy_packed_i8, int8_t, tp_round_shift)
TP_COPY_PACKED(tp_forward_copy_packed_i16, int16_t, tp_round_shift)
TP_COPY_PACKED(tp_forward_copy_packed_i32, int32_t, tp_round_shift)
#define TP_COPY_PACKED_BY(rule)                                                                                             \
    TP_COPY_PACKED(tp_forward_copy_##rule##_packed_i8, int8_t, tp_##rule##_shift)                                           \
    TP_COPY_PACKED(tp_forward_copy_##rule##_packed_i16, int16_t, tp_##rule##_shift)                                         \
    TP_COPY_PACKED(tp_forward_copy_##rule##_packed_i32, int32_t, tp_##rule##_shift)

TP_COPY_PACKED_BY(floor)
TP_COPY_PACKED_BY(up)
TP_COPY_PACKED_BY(away)
TP_COPY_PACKED_BY(zero)

TP_INLINE float tp_of_bf16(uint16_t x) { return tp_float_of((uint32_t)x << 16); }

/* To nearest, ties to even. */
TP_INLINE uint16_t tp_to_bf16(float x)
{
    const uint32_t bits = tp_bits_of(x);
    return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

/* Exponent and fraction in their places, then times 2^112: subnormal halves come out right too. */
TP_INLINE float tp_of_f16(uint16_t x)
{
    const float size = tp_float_of((uint32_t)(x & 0x7fffu) << 13) * tp_power_of_two(112);
    return tp_float_of(tp_bits_of(size) | ((uint32_t)(x & 0x8000u) << 16));
}

/* To nearest, ties to even; infinity from 65520 on. Below 2^-14 an addition of 0.5 rounds at the last subnormal bit. */
TP_INLINE uint16_t tp_to_f16(float x)
{
    const uint32_t bits = tp_bits_of(x), size = bits & 0x7fffffffu;
    const uint32_t normal = (size + 0xfffu + ((size >> 13) & 1u) - 0x38000000u) >> 13;
    const uint32_t small = tp_bits_of(tp_float_of(size) + 0.5f) - 0x3f000000u;
    const uint32_t is_small = tp_mask(size < 0x38800000u);
    const uint32_t half = (small & is_small) | (normal & ~is_small);
    return (uint16_t)((uint32_t)tp_min((int32_t)half, 0x7c00) | ((bits >> 16) & 0x8000u));
}

#define TP_HALVES(copy, forward, to, of)                                                                                    \
    void copy(const float *restrict master, uint16_t *restrict half, int32_t n)                                             \
    {                                                                                                                       \
        for (int32_t i = 0; i < n; i++) half[i] = to(master[i]);                                                            \
    }                                                                                                                       \
    void forward(const float *restrict feature, const uint16_t *restrict weight, const float *restrict bias, float *restrict z, int32_t classes, int32_t features) \
    {                                                                                                                       \
        for (int32_t c = 0; c < classes; c++, weight += features) {                                                         \
            float sum = bias[c];                                                                                            \
            for (int32_t k = 0; k < features; k++) sum += of(weight[k]) * feature[k];                                       \
            z[c] = sum;                                                                                                     \
        }                                                                                                                   \
    }

TP_HALVES(tp_forward_copy_f32_f16, tp_head_forward_f16, tp_to_f16, tp_of_f16)
TP_HALVES(tp_forward_copy_f32_bf16, tp_head_forward_bf16, tp_to_bf16, tp_of_bf16)

/* Rows kept in fewer than 8 bits or in halves, to whole bytes or f32 and back. */
void tp_unpack_i8(const uint8_t *restrict from, int8_t *restrict to, int32_t bits, int32_t n)
{
    uint32_t at = 0;
    for (int32_t i = 0; i < n; i++, at += (uint32_t)bits) to[i] = (int8_t)tp_packed_at(from, at, bits);
}

void tp_pack_i8(const int8_t *restrict from, uint8_t *restrict to, int32_t bits, int32_t n)
{
    uint32_t at = 0;
    to[0] = 0;
    for (int32_t i = 0; i < n; i++, at += (uint32_t)bits) {
        uint8_t *byte = to + (at >> 3);
        const uint32_t two = byte[0] | (((uint32_t)from[i] & ((1u << bits) - 1)) << (at & 7));
        byte[0] = (uint8_t)two;
        byte[1] = (uint8_t)(two >> 8);
    }
}

/* Results of a step, so infinities become the format's largest number. */
#define TP_ROWS_OF_HALVES(unpack, pack, to_half, of_half, largest)                                                          \
    void unpack(const uint16_t *restrict from, float *restrict to, int32_t n)                                               \
    {                                                                                                                       \
        for (int32_t i = 0; i < n; i++) to[i] = of_half(from[i]);                                                           \
    }                                                                                                                       \
    void pack(const float *restrict from, uint16_t *restrict to, int32_t n)                                                 \
    {                                                                                                                       \
        for (int32_t i = 0; i < n; i++) {                                                                                   \
            const int32_t half = to_half(from[i]);                                                                          \
            to[i] = (uint16_t)(tp_min(half & 0x7fff, largest) | (half & 0x8000));                                           \
        }                                                                                                                   \
    }

TP_ROWS_OF_HALVES(tp_unpack_f16, tp_pack_f16, tp_to_f16, tp_of_f16, 0x7bff)
TP_ROWS_OF_HALVES(tp_unpack_bf16, tp_pack_bf16, tp_to_bf16, tp_of_bf16, 0x7f7f)

/* Features of 16 bits. */
/* Clearing of the gradient sums before a batch. */
void tp_clear_i32(int32_t *restrict sum, int32_t n)
{
    for (int32_t i = 0; i < n; i++) sum[i] = 0;
}

void tp_clear_i64(int64_t *restrict sum, int32_t n)
{
    for (int32_t i = 0; i < n; i++) sum[i] = 0;
}

void tp_clear_f32(float *restrict sum, int32_t n)
{
    for (int32_t i = 0; i < n; i++) sum[i] = 0.0f;
}

/* Rows of paper-32: 32-bit codes whose difference to their zero needs 33 bits. */
void tp_mean_rows_i32_f32(const int32_t *restrict master, const int32_t *restrict row, float *restrict mean, int32_t zero, float scale, int32_t rows, int32_t columns)
{
    float sum = 0.0f;
    for (int32_t r = 0; r < rows; r++) {
        const int32_t *from = master + row[r] * columns;
        for (int32_t k = 0; k < columns; k++) sum += (float)((int64_t)from[k] - zero) * scale;
    }
    *mean = sum / (float)(rows * columns);
}

void tp_consolidate_rows_i32_f32(const int32_t *restrict master, const float *restrict weight, const int32_t *restrict row, float *restrict consolidated, float mean, int32_t zero, float scale, int32_t rows, int32_t columns)
{
    for (int32_t r = 0; r < rows; r++) {
        const float w = weight[r], den = weight[r] + 1.0f;
        const int32_t *tw = master + row[r] * columns;
        float *cw = consolidated + row[r] * columns;
        for (int32_t k = 0; k < columns; k++) cw[k] = (cw[k] * w + ((float)((int64_t)tw[k] - zero) * scale - mean)) / den;
    }
}

void tp_load_rows_f32_i32(const float *restrict consolidated, int32_t *restrict master, const uint8_t *restrict take, double scale, int32_t zero, int32_t lo, int32_t hi, int32_t rows, int32_t columns)
{
    for (int32_t r = 0; r < rows; r++) {
        const uint32_t keep = 0u - take[r];
        for (int32_t k = 0; k < columns; k++) {
            const double x = tp_float_of(tp_bits_of(*consolidated++) & keep);
            *master++ = tp_clamp(tp_saturate(tp_nearest_64(x / scale) + zero), lo, hi);
        }
    }
}
