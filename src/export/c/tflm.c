/* The loop nests of TensorFlow Lite Micro's reference kernels: one output after the other, each tap's index from four coordinates, taps
 * outside skipped one by one, one product at a time. */
#include "classes.h"
#include "float.h"
#include "int8.h"

/* Index of an element of a map [1][rows][columns][channels]. */
TP_INLINE int32_t tp_offset(int32_t columns, int32_t channels, int32_t y, int32_t x, int32_t c) { return (y * columns + x) * channels + c; }

/* Of the filters [oc][kh][kw][ic]. */
TP_INLINE int32_t tp_filter_offset(const tp_conv *s, int32_t channels, int32_t o, int32_t y, int32_t x, int32_t c) { return ((o * s->kh + y) * s->kw + x) * channels + c; }

TP_INLINE int tp_inside_map(const tp_conv *s, int32_t y, int32_t x) { return (uint32_t)x < (uint32_t)s->iw && (uint32_t)y < (uint32_t)s->ih; }

/* The high word of twice a product, halves away from zero, by a quotient of 64 bits; then the rest shifted out, halves away from zero. */
TP_INLINE int32_t tp_tflm_multiply(int32_t x, const tp_factor *f)
{
    const int32_t left = tp_max(f->shift, 0), right = tp_max(-f->shift, 0), a = (int32_t)((uint32_t)x << left), b = f->multiplier;
    const int32_t overflow = (int32_t)tp_mask((uint32_t)(a == b) & (uint32_t)(a == INT32_MIN));
    const int64_t product = (int64_t)a * b, nudged = product + (1 << 30) - ((product >> 63) & 0x7fffffff);
    /* The quotient by 2^31, towards zero, without a branch. */
    const int32_t high = (int32_t)((nudged + ((nudged >> 63) & 0x7fffffff)) >> 31), doubled = (high & ~overflow) | (INT32_MAX & overflow);
    const int32_t mask = (int32_t)(((uint32_t)1 << right) - 1u), rest = doubled & mask, threshold = (mask >> 1) + (int32_t)((uint32_t)doubled >> 31);
    return (doubled >> right) + (int32_t)((uint32_t)(threshold - rest) >> 31);
}

TP_INLINE int8_t tp_tflm_code(int32_t sum, const tp_factor *f, const tp_quant *q)
{
    return (int8_t)tp_clamp(tp_tflm_multiply(sum, f) + q->zero, q->lo, q->hi);
}

void tp_tflm_conv(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, const tp_quant *restrict q, const tp_conv *restrict s)
{
    const int32_t offset = -q->input_zero;
    for (int32_t oy = 0; oy < s->oh; oy++) {
        const int32_t top = oy * s->stride - s->pad_top;
        for (int32_t ox = 0; ox < s->ow; ox++) {
            const int32_t left = ox * s->stride - s->pad_left;
            for (int32_t o = 0; o < s->oc; o++) {
                int32_t sum = 0;
                for (int32_t ky = 0; ky < s->kh; ky++)
                    for (int32_t kx = 0; kx < s->kw; kx++) {
                        const int32_t at_y = top + ky, at_x = left + kx;
                        if (!tp_inside_map(s, at_y, at_x)) continue;
                        for (int32_t c = 0; c < s->ic; c++) {
                            const int32_t code = x[tp_offset(s->iw, s->ic, at_y, at_x, c)], w = weight[tp_filter_offset(s, s->ic, o, ky, kx, c)];
                            sum += w * (code + offset);
                        }
                    }
                y[tp_offset(s->ow, s->oc, oy, ox, o)] = tp_tflm_code(sum + bias[o], &factor[o], q);
            }
        }
    }
}

void tp_tflm_depthwise(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, const tp_quant *restrict q, const tp_conv *restrict s)
{
    const int32_t channels = s->ic, offset = -q->input_zero;
    for (int32_t oy = 0; oy < s->oh; oy++)
        for (int32_t ox = 0; ox < s->ow; ox++)
            for (int32_t c = 0; c < channels; c++) {
                const int32_t top = oy * s->stride - s->pad_top, left = ox * s->stride - s->pad_left;
                int32_t sum = 0;
                for (int32_t ky = 0; ky < s->kh; ky++)
                    for (int32_t kx = 0; kx < s->kw; kx++) {
                        const int32_t at_y = top + ky, at_x = left + kx;
                        if (!tp_inside_map(s, at_y, at_x)) continue;
                        const int32_t code = x[tp_offset(s->iw, channels, at_y, at_x, c)], w = weight[tp_offset(s->kw, channels, ky, kx, c)];
                        sum += w * (code + offset);
                    }
                y[tp_offset(s->ow, channels, oy, ox, c)] = tp_tflm_code(sum + bias[c], &factor[c], q);
            }
}

void tp_tflm_dense(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, const tp_quant *restrict q, int32_t rows, int32_t columns)
{
    const int32_t offset = -q->input_zero;
    for (int32_t r = 0; r < rows; r++) {
        int32_t sum = 0;
        for (int32_t k = 0; k < columns; k++) {
            const int32_t code = x[k], w = weight[r * columns + k];
            sum += w * (code + offset);
        }
        y[r] = tp_tflm_code(sum + bias[r], &factor[r], q);
    }
}

void tp_tflm_max_pool(const int8_t *restrict x, int8_t *restrict y, const tp_quant *restrict q, const tp_conv *restrict s)
{
    for (int32_t oy = 0; oy < s->oh; oy++)
        for (int32_t ox = 0; ox < s->ow; ox++)
            for (int32_t c = 0; c < s->ic; c++) {
                const int32_t top = oy * s->stride - s->pad_top, left = ox * s->stride - s->pad_left;
                const int32_t from_y = tp_max(0, -top), end_y = tp_min(s->kh, s->ih - top), from_x = tp_max(0, -left), end_x = tp_min(s->kw, s->iw - left);
                int32_t most = INT8_MIN;
                for (int32_t ky = from_y; ky < end_y; ky++)
                    for (int32_t kx = from_x; kx < end_x; kx++) most = tp_max(x[tp_offset(s->iw, s->ic, top + ky, left + kx, c)], most);
                y[tp_offset(s->ow, s->ic, oy, ox, c)] = (int8_t)tp_clamp(most, q->lo, q->hi);
            }
}

void tp_tflm_avg_pool(const int8_t *restrict x, int8_t *restrict y, const tp_quant *restrict q, const tp_conv *restrict s)
{
    for (int32_t oy = 0; oy < s->oh; oy++)
        for (int32_t ox = 0; ox < s->ow; ox++)
            for (int32_t c = 0; c < s->ic; c++) {
                const int32_t top = oy * s->stride - s->pad_top, left = ox * s->stride - s->pad_left;
                const int32_t from_y = tp_max(0, -top), end_y = tp_min(s->kh, s->ih - top), from_x = tp_max(0, -left), end_x = tp_min(s->kw, s->iw - left);
                int32_t sum = 0, taps = 0;
                for (int32_t ky = from_y; ky < end_y; ky++)
                    for (int32_t kx = from_x; kx < end_x; kx++) {
                        sum += x[tp_offset(s->iw, s->ic, top + ky, left + kx, c)];
                        taps++;
                    }
                /* That no tap could be inside is no case of its own. */
                __asm__("" : "+r"(taps));
                const int32_t half = taps / 2;
                y[tp_offset(s->ow, s->ic, oy, ox, c)] = (int8_t)tp_clamp((sum + tp_choose(tp_mask((uint32_t)(sum > 0)), half, -half)) / taps, q->lo, q->hi);
            }
}

void tp_tflm_conv_f32(const float *restrict x, const float *restrict weight, const float *restrict bias, float *restrict y, const tp_conv *restrict s)
{
    for (int32_t oy = 0; oy < s->oh; oy++) {
        const int32_t top = oy * s->stride - s->pad_top;
        for (int32_t ox = 0; ox < s->ow; ox++) {
            const int32_t left = ox * s->stride - s->pad_left;
            for (int32_t o = 0; o < s->oc; o++) {
                float sum = 0.0f;
                for (int32_t ky = 0; ky < s->kh; ky++)
                    for (int32_t kx = 0; kx < s->kw; kx++) {
                        const int32_t at_y = top + ky, at_x = left + kx;
                        if (!tp_inside_map(s, at_y, at_x)) continue;
                        for (int32_t c = 0; c < s->ic; c++) sum += x[tp_offset(s->iw, s->ic, at_y, at_x, c)] * weight[tp_filter_offset(s, s->ic, o, ky, kx, c)];
                    }
                y[tp_offset(s->ow, s->oc, oy, ox, o)] = sum + bias[o];
            }
        }
    }
}

#if defined(__ARM_FEATURE_FMA)
/* Compilers contract a product and its sum unless told not to; these builds do not tell them. */
void tp_tflm_dense_f32(const float *restrict x, const float *restrict weight, const float *restrict bias, float *restrict y, float lo, float hi, int32_t rows, int32_t columns)
{
    for (int32_t r = 0; r < rows; r++) {
        float sum = 0.0f;
        for (int32_t k = 0; k < columns; k++) sum = __builtin_fmaf(x[k], weight[r * columns + k], sum);
        float v = sum + bias[r];
        v = v < lo ? lo : v;
        y[r] = hi < v ? hi : v;
    }
}

/* A function of a library. */
static __attribute__((noinline)) float tp_library_exp(float x) { return tp_exp_f32(x); }

/* Every exponential twice: for the sum, and for the quotient. */
#define TP_TFLM_SOFTMAX(NAME, EXP) \
    void NAME(const float *restrict x, float *restrict y, float beta, int32_t pixels, int32_t channels) \
    { \
        for (int32_t p = 0; p < pixels; p++, x += channels, y += channels) { \
            float most = -3.4028235e38f, sum = 0.0f; \
            for (int32_t c = 0; c < channels; c++) most = tp_select_f32(most < x[c], x[c], most); \
            for (int32_t c = 0; c < channels; c++) sum += EXP((x[c] - most) * beta); \
            for (int32_t c = 0; c < channels; c++) y[c] = EXP((x[c] - most) * beta) / sum; \
        } \
    }

TP_TFLM_SOFTMAX(tp_tflm_softmax_f32, tp_library_exp)

#if defined(__arm__)
/* Bits of 2^(i/32) less those that the whole part of i/32 adds to the exponent. */
const uint64_t tp_tflm_powers[32] = {
    0x3ff0000000000000u, 0x3fefd9b0d3158574u, 0x3fefb5586cf9890fu, 0x3fef9301d0125b51u,
    0x3fef72b83c7d517bu, 0x3fef54873168b9aau, 0x3fef387a6e756238u, 0x3fef1e9df51fdee1u,
    0x3fef06fe0a31b715u, 0x3feef1a7373aa9cbu, 0x3feedea64c123422u, 0x3feece086061892du,
    0x3feebfdad5362a27u, 0x3feeb42b569d4f82u, 0x3feeab07dd485429u, 0x3feea47eb03a5585u,
    0x3feea09e667f3bcdu, 0x3fee9f75e8ec5f74u, 0x3feea11473eb0187u, 0x3feea589994cce13u,
    0x3feeace5422aa0dbu, 0x3feeb737b0cdc5e5u, 0x3feec49182a3f090u, 0x3feed503b23e255du,
    0x3feee89f995ad3adu, 0x3feeff76f2fb5e47u, 0x3fef199bdd85529cu, 0x3fef3720dcef9069u,
    0x3fef5818dcfba487u, 0x3fef7c97337b9b5fu, 0x3fefa4afa2a490dau, 0x3fefd0765b6e4540u};

/* e^x of a single-precision number in double precision, as libraries have it that take both for equally fast: 2^(i/32) from a table, the
 * rest by a polynomial of degree 3. */
static __attribute__((noinline)) float tp_library_exp_wide(float x)
{
    static const double to_integer = 0x1.8p52;
    x = tp_select_f32(x < -87.0f, -87.0f, x);
    const double z = 0x1.71547652b82fep+5 * (double)x;
    union { double value; uint64_t bits; } shifted = {z + to_integer}, power;
    const double r = z - (shifted.value - to_integer), square = r * r;
    power.bits = tp_tflm_powers[shifted.bits & 31] + (shifted.bits << 47);
    const double tail = 0x1.c6b08d704a0c0p-20 * r + 0x1.ebfbdff82c58fp-13, head = 0x1.62e42fefa39efp-6 * r + 1.0;
    return (float)((tail * square + head) * power.value);
}

TP_TFLM_SOFTMAX(tp_tflm_softmax_f32_wide, tp_library_exp_wide)
#endif
#endif
