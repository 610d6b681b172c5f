/* CMSIS-NN's softmaxes: of 8 bits as its library has computed it since 2019 (powers of e by a polynomial and seven factors, twice), and of 2018 (powers of two). */
#include "classes.h"
#include "arith.h"

/* High word of twice the product, rounded with halves away from zero: a nudge by sign, then a quotient rounded towards zero. */
TP_INLINE int32_t tp_high_product(int32_t a, int32_t b)
{
    int64_t p = tp_select((a ^ b) < 0, 1 - (1 << 30), 1 << 30);
    p += (int64_t)a * b;
    const int32_t high = (int32_t)((p + ((p >> 63) & 0x7fffffff)) >> 31);
    return tp_select((a == b) & (a == (int32_t)0x80000000u), 0x7fffffff, high);
}

TP_INLINE int32_t tp_shifted_down(int32_t x, int32_t by)
{
    const int32_t mask = (int32_t)(((uint32_t)1 << by) - 1u), rest = x & mask, whole = x >> by;
    return whole + (rest > (mask >> 1) + (whole < 0));
}

TP_INLINE int32_t tp_where(int32_t bit, int32_t a, int32_t b) { return tp_choose(tp_mask((uint32_t)bit), a, b); }

#define TP_POWER(bit, factor) e = tp_where(rest & (1 << (bit)), tp_high_product(e, factor), e)

/* e^a of a number of five integer bits, not above 0; the result has none. */
TP_INLINE int32_t tp_power_of_e(int32_t a)
{
    const int32_t part = (a & 0xffffff) - (1 << 24), rest = part - a;
    const int32_t x = (int32_t)((uint32_t)part << 5) + (1 << 28), x2 = tp_high_product(x, x);
    const int32_t fourth = tp_shifted_down(tp_high_product(x2, x2), 2) + tp_high_product(x2, x);
    int32_t e = 1895147668 + tp_high_product(1895147668, x + tp_shifted_down(tp_high_product(fourth, 715827883) + x2, 1));
    TP_POWER(24, 1672461947);
    TP_POWER(25, 1302514674);
    TP_POWER(26, 790015084);
    TP_POWER(27, 290630308);
    TP_POWER(28, 39332535);
    TP_POWER(29, 720401);
    TP_POWER(30, 242);
    return tp_where(a, e, 0x7fffffff);
}

TP_INLINE int32_t tp_times(int32_t x, int32_t power)
{
    const int32_t limit = (int32_t)((1u << (31 - power)) - 1u), y = (int32_t)((uint32_t)x << power);
    return tp_select(x > limit, 0x7fffffff, tp_select(x < ~limit, (int32_t)0x80000000u, y));
}

/* 1 / (1 + a) for a from 0 to 1, three steps of Newton's method. */
TP_INLINE int32_t tp_over_one_plus(int32_t a)
{
    const int64_t sum = (int64_t)a + 0x7fffffff;
    /* Never below zero. */
    const int32_t half = (int32_t)((sum + 1) >> 1);
    int32_t y = 1515870810 + tp_high_product(half, -1010580540);
    y += tp_times(tp_high_product(y, (1 << 29) - tp_high_product(half, y)), 2);
    y += tp_times(tp_high_product(y, (1 << 29) - tp_high_product(half, y)), 2);
    y += tp_times(tp_high_product(y, (1 << 29) - tp_high_product(half, y)), 2);
    return tp_times(y, 1);
}

void tp_cmsis_softmax(const int8_t *restrict x, int8_t *restrict y, const tp_factor *restrict factor, int32_t least, int32_t pixels, int32_t channels)
{
    const int32_t unit = (int32_t)((uint32_t)1 << factor->shift), multiplier = factor->multiplier;
    for (int32_t p = 0; p < pixels; p++, x += channels, y += channels) {
        int32_t most = x[0], sum = 0;
        for (int32_t c = 1; c < channels; c++) most = tp_max(x[c], most);
        for (int32_t c = 0; c < channels; c++) {
            const int32_t d = x[c] - most, counts = (int32_t)~tp_mask((uint32_t)(d < least));
            sum += tp_shifted_down(tp_power_of_e(tp_high_product((d & counts) * unit, multiplier)), 12) & counts;
        }
        const int32_t headroom = tp_clz((uint32_t)sum), by = 12 - headroom + 23;
        const int32_t scale = tp_over_one_plus((int32_t)(((uint32_t)sum << headroom) - 0x80000000u));
        for (int32_t c = 0; c < channels; c++) {
            const int32_t d = x[c] - most, counts = (int32_t)~tp_mask((uint32_t)(d < least));
            const int32_t e = tp_power_of_e(tp_high_product((d & counts) * unit, multiplier));
            y[c] = (int8_t)tp_choose((uint32_t)counts, tp_clamp(tp_shifted_down(tp_high_product(scale, e), by) - 128, -128, 127), -128);
        }
    }
}

/* Five bits, saturated. */
TP_INLINE int32_t tp_five(int32_t x) { return tp_clamp(x, 0, 31); }

void tp_q7_softmax(const int8_t *restrict x, int8_t *restrict y, int32_t pixels, int32_t channels)
{
    for (int32_t p = 0; p < pixels; p++, x += channels, y += channels) {
        int32_t base = -128, sum = 0;
        for (int32_t c = 0; c < channels; c++) base = tp_max(x[c], base);
        base -= 8;
        for (int32_t c = 0; c < channels; c++) sum += (int32_t)(1u << tp_five(x[c] - base));
        /* That there could be no channel is no case of its own. */
        __asm__("" : "+r"(sum));
        const int32_t share = 0x100000 / sum;
        for (int32_t c = 0; c < channels; c++) y[c] = (int8_t)tp_min(share >> tp_five(13 + base - x[c]), 127);
    }
}
