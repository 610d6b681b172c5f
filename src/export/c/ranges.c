/* Ranges that are taken anew each step: their scale, zero point and factor; pulls towards anchors kept in single precision. */
#include "learning.h"
#include "arith.h"
#include "float.h"

/* significand * 2^exponent, a little more where `sticky`, rounded to 31 bits, ties to even. */
TP_INLINE tp_scale tp_scale_of(uint64_t significand, uint32_t sticky, int32_t exponent)
{
    const uint32_t high = (uint32_t)(significand >> 32), no_high = ~tp_mask(high);
    const int32_t top = tp_clz((high | ((uint32_t)significand & no_high)) | 1u) + (int32_t)(32u & no_high);
    const uint64_t normal = tp_lsl(significand, top);
    const uint32_t kept = (uint32_t)(normal >> 33), half = (uint32_t)(normal >> 32) & 1u;
    const uint32_t below = tp_mask((uint32_t)normal | sticky) & 1u;
    const uint32_t rounded = kept + (half & (below | kept)), over = rounded >> 31;
    return (tp_scale){rounded >> over, exponent + 64 - top + (int32_t)over};
}

/* num / den, neither 0: one subtraction a bit. */
TP_INLINE tp_scale tp_ratio(uint64_t num, uint64_t den)
{
    const uint32_t high_n = (uint32_t)(num >> 32), high_d = (uint32_t)(den >> 32), low_n = ~tp_mask(high_n), low_d = ~tp_mask(high_d);
    const int32_t up = tp_clz((high_n | ((uint32_t)num & low_n)) | 1u) + (int32_t)(32u & low_n);
    const int32_t down = tp_clz((high_d | ((uint32_t)den & low_d)) | 1u) + (int32_t)(32u & low_d);
    uint64_t rest = tp_lsl(num, up);
    const uint64_t by = tp_lsl(den, down);
    uint64_t quotient = tp_not_below(rest, by);
    rest -= by & (0 - quotient);
    for (int32_t i = 0; i < 33; i++) {
        const uint64_t carry = rest >> 63;
        rest <<= 1;
        const uint64_t fits = carry | tp_not_below(rest, by);
        rest -= by & (0 - fits);
        quotient = (quotient << 1) | fits;
    }
    return tp_scale_of(quotient, (uint32_t)rest | (uint32_t)(rest >> 32), down - up - 33);
}

TP_INLINE tp_scale tp_scale_product(tp_scale a, tp_scale b)
{
    return tp_scale_of((uint64_t)a.mantissa * b.mantissa, 0, a.exponent + b.exponent - 62);
}

/* x * factor to nearest, ties up, for 0 <= x <= the span whose share the factor is: the result has at most 32 bits. */
TP_INLINE int64_t tp_share_of_span(uint64_t x, tp_scale factor)
{
    const int32_t shift = 31 - factor.exponent, short_of = 33 - shift, left = short_of & ~(short_of >> 31), right = shift + left;
    x = tp_lsl(x, left);
    const uint64_t low = (uint64_t)(uint32_t)x * factor.mantissa, high = (x >> 32) * factor.mantissa + (low >> 32);
    return (int64_t)tp_lsr(high + tp_lsl(1, right - 33), right - 32);
}

/* `below` and `above`: how far the range reaches to either side of 0, below 2^62. */
TP_INLINE void tp_grid_of(uint64_t below, uint64_t above, tp_grid *restrict grid, const tp_scale *restrict unit, uint32_t steps, int32_t lo, int32_t hi, int32_t affine)
{
    const uint64_t is_affine = 0u - (uint64_t)(affine != 0);
    const uint64_t larger = 0u - (uint64_t)tp_not_below(below, above), most = (below & larger) | (above & ~larger);
    const uint64_t left = (below & is_affine) | (most & ~is_affine), right = (above & is_affine) | (most & ~is_affine);
    const uint64_t span = left + right;
    const uint32_t any = tp_mask((uint32_t)span | (uint32_t)(span >> 32));
    const uint64_t safe = span | (~any & 1u);
    const tp_scale share = tp_ratio(safe, steps), scale = tp_scale_product(*unit, share), factor = tp_ratio(steps, safe);
    const int64_t zero = lo + tp_share_of_span(left, factor);
    grid->scale.mantissa = (scale.mantissa & any) | (unit->mantissa & ~any);
    grid->scale.exponent = tp_choose(any, scale.exponent, unit->exponent);
    grid->factor.mantissa = (factor.mantissa & any) | (0x40000000u & ~any);
    grid->factor.exponent = tp_choose(any, factor.exponent, 1);
    grid->zero = (int32_t)((uint32_t)tp_clamp(tp_saturate(zero), lo, hi) & any & (uint32_t)is_affine);
}

void tp_range_scale_i32(const int32_t *restrict range, tp_grid *restrict grid, const tp_scale *restrict unit, uint32_t steps, int32_t lo, int32_t hi, int32_t affine)
{
    tp_grid_of(0u - (uint32_t)range[0], (uint32_t)range[1], grid, unit, steps, lo, hi, affine);
}

void tp_range_scale_i64(const int64_t *restrict range, tp_grid *restrict grid, const tp_scale *restrict unit, uint32_t steps, int32_t lo, int32_t hi, int32_t affine)
{
    tp_grid_of(0u - (uint64_t)range[0], (uint64_t)range[1], grid, unit, steps, lo, hi, affine);
}

/* How far the penalty moves each weight, from the weights before the step; added to what other penalties moved. */
#define TP_PULL_REAL(name, code_t, wide_t)                                                                                  \
    void name(const code_t *restrict before, const float *restrict anchor, const float *restrict pull, float *restrict moves, int32_t zero, float scale, float rate, int32_t n) \
    {                                                                                                                       \
        for (int32_t i = 0; i < n; i++) moves[i] += rate * pull[i] * ((float)((wide_t)before[i] - zero) * scale - anchor[i]); \
    }

TP_PULL_REAL(tp_anchor_pull_i8_f32, int8_t, int32_t)
TP_PULL_REAL(tp_anchor_pull_i16_f32, int16_t, int32_t)
TP_PULL_REAL(tp_anchor_pull_i32_f32, int32_t, int64_t)

/* Weights less their moves, which become 0: their range, its scale and zero point, their codes. `reals` is working space. */
#define TP_MOVE(name, code_t, wide_t, nearest)                                                                              \
    void name(float *restrict moves, code_t *restrict master, float *restrict reals, tp_real_grid *restrict grid, float steps, int32_t lo, int32_t hi, int32_t n) \
    {                                                                                                                       \
        float least = 0.0f, most = 0.0f;                                                                                    \
        for (int32_t i = 0; i < n; i++) {                                                                                   \
            const float x = (float)((wide_t)master[i] - grid->zero) * grid->scale - moves[i];                               \
            moves[i] = 0.0f;                                                                                                \
            reals[i] = x;                                                                                                   \
            least = tp_select_f32(x < least, x, least);                                                                     \
            most = tp_select_f32(x > most, x, most);                                                                        \
        }                                                                                                                   \
        const float span = most - least, by = steps / span;                                                                 \
        const int32_t zero = tp_clamp(tp_saturate(lo + (int64_t)nearest(-least * by)), lo, hi);                             \
        for (int32_t i = 0; i < n; i++) master[i] = (code_t)tp_clamp(tp_saturate((int64_t)nearest(reals[i] * by) + zero), lo, hi); \
        grid->scale = span / steps;                                                                                         \
        grid->zero = zero;                                                                                                  \
    }

/* To the nearest integer, ties to even, up to 2^22. */
TP_INLINE int32_t tp_nearest_f32(float x) { return (int32_t)(tp_bits_of(x + 12582912.0f) - 0x4b400000u); }

TP_MOVE(tp_move_weights_i8, int8_t, int32_t, tp_nearest_f32)
TP_MOVE(tp_move_weights_i16, int16_t, int32_t, tp_nearest_f32)
TP_MOVE(tp_move_weights_i32, int32_t, int64_t, tp_nearest_64)

/* The anchor as reals of the codes; with `running` the importance that stays. */
#define TP_KEEP_REAL(name, running_name, code_t, wide_t)                                                                    \
    void name(const float *restrict importance, const code_t *restrict master, float *restrict anchor, float *restrict pull, int32_t zero, float scale, float by, int32_t n) \
    {                                                                                                                       \
        for (int32_t i = 0; i < n; i++) {                                                                                   \
            anchor[i] = (float)((wide_t)master[i] - zero) * scale;                                                          \
            pull[i] = by * importance[i];                                                                                   \
        }                                                                                                                   \
    }                                                                                                                       \
    void running_name(const float *restrict importance, const code_t *restrict master, float *restrict anchor, float *restrict pull, float *restrict running, float keep, float take, int32_t zero, float scale, float by, int32_t n) \
    {                                                                                                                       \
        for (int32_t i = 0; i < n; i++) {                                                                                   \
            const float f = keep * running[i] + take * importance[i];                                                       \
            running[i] = f;                                                                                                 \
            anchor[i] = (float)((wide_t)master[i] - zero) * scale;                                                          \
            pull[i] = by * f;                                                                                               \
        }                                                                                                                   \
    }

TP_KEEP_REAL(tp_keep_anchor_i8_f32, tp_keep_running_i8_f32, int8_t, int32_t)
TP_KEEP_REAL(tp_keep_anchor_i16_f32, tp_keep_running_i16_f32, int16_t, int32_t)
TP_KEEP_REAL(tp_keep_anchor_i32_f32, tp_keep_running_i32_f32, int32_t, int64_t)
