/* 8-bit layers with two roundings a result (gemmlowp, TensorFlow Lite), in plain C. */
#include "int8.h"
#include "window.h"
#include "float.h"

void tp_int8_conv_plain(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, const tp_quant *restrict q, const tp_conv *restrict s)
{
    const int32_t ic = s->ic, filter = s->kh * s->kw * ic, zero = q->input_zero;
    for (int32_t oy = 0; oy < s->oh; oy++) {
        const tp_span v = tp_inside(oy, s->stride, s->pad_top, s->kh, s->ih);
        for (int32_t ox = 0; ox < s->ow; ox++) {
            const tp_span h = tp_inside(ox, s->stride, s->pad_left, s->kw, s->iw);
            const int32_t run = (h.end - h.begin) * ic;
            for (int32_t o = 0; o < s->oc; o++) {
                const int8_t *from = x + (v.at * s->iw + h.at) * ic, *row = weight + o * filter + (v.begin * s->kw + h.begin) * ic;
                int32_t sum = bias[o];
                for (int32_t ky = v.begin; ky < v.end; ky++, from += s->iw * ic, row += s->kw * ic)
                    for (int32_t i = 0; i < run; i++) sum += row[i] * (from[i] - zero);
                *y++ = tp_code(sum, &factor[o], q);
            }
        }
    }
}

void tp_int8_depthwise_plain(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, const tp_quant *restrict q, const tp_conv *restrict s)
{
    const int32_t channels = s->ic, zero = q->input_zero;
    for (int32_t oy = 0; oy < s->oh; oy++) {
        const tp_span v = tp_inside(oy, s->stride, s->pad_top, s->kh, s->ih);
        for (int32_t ox = 0; ox < s->ow; ox++) {
            const tp_span h = tp_inside(ox, s->stride, s->pad_left, s->kw, s->iw);
            for (int32_t c = 0; c < channels; c++) {
                const int8_t *row = x + (v.at * s->iw + h.at) * channels + c, *taps = weight + (v.begin * s->kw + h.begin) * channels + c;
                int32_t sum = bias[c];
                for (int32_t ky = v.begin; ky < v.end; ky++, row += s->iw * channels, taps += s->kw * channels) {
                    const int8_t *from = row, *by = taps;
                    for (int32_t kx = h.begin; kx < h.end; kx++, from += channels, by += channels) sum += *by * (*from - zero);
                }
                *y++ = tp_code(sum, &factor[c], q);
            }
        }
    }
}

void tp_int8_dense_plain(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, const tp_quant *restrict q, int32_t rows, int32_t columns)
{
    const int32_t zero = q->input_zero;
    for (int32_t r = 0; r < rows; r++) {
        int32_t sum = bias[r];
        for (int32_t k = 0; k < columns; k++) sum += *weight++ * (x[k] - zero);
        y[r] = tp_code(sum, &factor[r], q);
    }
}

/* Both inputs less their zeros, times 2^20, to a common unit, added, to the output's. */
void tp_int8_add(const int8_t *restrict a, const int8_t *restrict b, int8_t *restrict y, const int32_t *restrict zeros, const tp_factor *restrict factors, const tp_quant *restrict q, int32_t n)
{
    const tp_factor first = factors[0], second = factors[1], out = factors[2];
    for (int32_t i = 0; i < n; i++) {
        const int32_t sum = tp_multiply((a[i] - zeros[0]) * (1 << 20), &first) + tp_multiply((b[i] - zeros[1]) * (1 << 20), &second);
        y[i] = tp_code(sum, &out, q);
    }
}

void tp_int8_mul(const int8_t *restrict a, const int8_t *restrict b, int8_t *restrict y, const int32_t *restrict zeros, const tp_factor *restrict factor, const tp_quant *restrict q, int32_t n)
{
    for (int32_t i = 0; i < n; i++) y[i] = tp_code((a[i] - zeros[0]) * (b[i] - zeros[1]), factor, q);
}

void tp_int8_gate(const int8_t *restrict a, const int8_t *restrict gate, int8_t *restrict y, const int32_t *restrict zeros, const tp_factor *restrict factor, const tp_quant *restrict q, int32_t pixels, int32_t channels)
{
    for (int32_t p = 0; p < pixels; p++)
        for (int32_t c = 0; c < channels; c++) *y++ = tp_code((*a++ - zeros[0]) * (gate[c] - zeros[1]), factor, q);
}

void tp_int8_rescale(const int8_t *restrict x, int8_t *restrict y, const tp_factor *restrict factor, const tp_quant *restrict q, int32_t n)
{
    for (int32_t i = 0; i < n; i++) y[i] = tp_code(x[i] - q->input_zero, factor, q);
}

void tp_int8_prelu(const int8_t *restrict x, const int32_t *restrict alpha, int8_t *restrict y, const tp_factor *restrict factors, const tp_quant *restrict q, int32_t pixels, int32_t channels)
{
    const tp_factor positive = factors[0], negative = factors[1];
    for (int32_t p = 0; p < pixels; p++)
        for (int32_t c = 0; c < channels; c++) {
            const int32_t v = *x++ - q->input_zero;
            const int32_t kept = tp_multiply(v, &positive), bent = tp_multiply(v * alpha[c], &negative);
            *y++ = (int8_t)tp_clamp(tp_choose(~(uint32_t)(v >> 31), kept, bent) + q->zero, q->lo, q->hi);
        }
}

void tp_int8_lookup(const int8_t *restrict x, const int8_t *restrict table, int8_t *restrict y, int32_t n)
{
    for (int32_t i = 0; i < n; i++) y[i] = table[x[i] + 128];
}

void tp_int8_max_pool(const int8_t *restrict x, int8_t *restrict y, const tp_quant *restrict q, const tp_conv *restrict s)
{
    for (int32_t oy = 0; oy < s->oh; oy++) {
        const tp_span v = tp_inside(oy, s->stride, s->pad_top, s->kh, s->ih);
        for (int32_t ox = 0; ox < s->ow; ox++) {
            const tp_span h = tp_inside(ox, s->stride, s->pad_left, s->kw, s->iw);
            for (int32_t c = 0; c < s->ic; c++) {
                const int8_t *row = x + (v.at * s->iw + h.at) * s->ic + c;
                int32_t most = -128;
                for (int32_t ky = v.begin; ky < v.end; ky++, row += s->iw * s->ic) {
                    const int8_t *at = row;
                    for (int32_t kx = h.begin; kx < h.end; kx++, at += s->ic) most = tp_max(*at, most);
                }
                *y++ = (int8_t)tp_clamp(most, q->lo, q->hi);
            }
        }
    }
}

/* Mean of the taps inside, halves away from zero. */
void tp_int8_avg_pool(const int8_t *restrict x, int8_t *restrict y, const tp_quant *restrict q, const tp_conv *restrict s)
{
    for (int32_t oy = 0; oy < s->oh; oy++) {
        const tp_span v = tp_inside(oy, s->stride, s->pad_top, s->kh, s->ih);
        for (int32_t ox = 0; ox < s->ow; ox++) {
            const tp_span h = tp_inside(ox, s->stride, s->pad_left, s->kw, s->iw);
            const int32_t taps = (v.end - v.begin) * (h.end - h.begin), half = taps >> 1;
            for (int32_t c = 0; c < s->ic; c++) {
                const int8_t *row = x + (v.at * s->iw + h.at) * s->ic + c;
                int32_t sum = 0;
                for (int32_t ky = v.begin; ky < v.end; ky++, row += s->iw * s->ic) {
                    const int8_t *at = row;
                    for (int32_t kx = h.begin; kx < h.end; kx++, at += s->ic) sum += *at;
                }
                *y++ = (int8_t)tp_clamp((sum + tp_select(sum > 0, half, -half)) / taps, q->lo, q->hi);
            }
        }
    }
}

void tp_int8_mean(const int8_t *restrict x, int8_t *restrict y, const tp_factor *restrict factor, const tp_quant *restrict q, int32_t pixels, int32_t channels)
{
    for (int32_t c = 0; c < channels; c++) {
        const int8_t *at = x + c;
        int32_t sum = 0;
        for (int32_t p = 0; p < pixels; p++, at += channels) sum += *at - q->input_zero;
        y[c] = tp_code(sum, factor, q);
    }
}

/* Depthwise with several outputs a channel: output c * multiplier + m reads channel c. */
void tp_int8_depthwise_multiplied(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, const tp_quant *restrict q, const tp_conv *restrict s, int32_t multiplier)
{
    const int32_t channels = s->ic, out = channels * multiplier, zero = q->input_zero;
    for (int32_t oy = 0; oy < s->oh; oy++) {
        const tp_span v = tp_inside(oy, s->stride, s->pad_top, s->kh, s->ih);
        for (int32_t ox = 0; ox < s->ow; ox++) {
            const tp_span h = tp_inside(ox, s->stride, s->pad_left, s->kw, s->iw);
            int32_t o = 0;
            for (int32_t c = 0; c < channels; c++)
                for (int32_t m = 0; m < multiplier; m++, o++) {
                    const int8_t *row = x + (v.at * s->iw + h.at) * channels + c, *taps = weight + (v.begin * s->kw + h.begin) * out + o;
                    int32_t sum = bias[o];
                    for (int32_t ky = v.begin; ky < v.end; ky++, row += s->iw * channels, taps += s->kw * out) {
                        const int8_t *from = row, *by = taps;
                        for (int32_t kx = h.begin; kx < h.end; kx++, from += channels, by += out) sum += *by * (*from - zero);
                    }
                    *y++ = tp_code(sum, &factor[o], q);
                }
        }
    }
}

void tp_int8_quantise(const float *restrict x, int8_t *restrict y, float scale, int32_t zero, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        /* Beyond 256 steps every zero point gives the same end. */
        float steps = x[i] / scale;
        steps = tp_select_f32(steps > -256.0f, steps, -256.0f);
        steps = tp_select_f32(steps < 256.0f, steps, 256.0f);
        const int32_t whole = (int32_t)steps;
        const float rest = steps - (float)whole;
        const int32_t up = (int32_t)tp_mask(rest >= 0.5f) & 1, down = (int32_t)tp_mask(rest <= -0.5f) & 1;
        y[i] = (int8_t)tp_clamp(whole + up - down + zero, -128, 127);
    }
}

void tp_int8_dequantise(const int8_t *restrict x, float *restrict y, float scale, int32_t zero, int32_t n)
{
    for (int32_t i = 0; i < n; i++) y[i] = scale * (float)(x[i] - zero);
}

/* gemmlowp's fixed point: the high word of a product with halves up; a quotient by 2^by, by from 1 to 30, with halves away from zero. */
TP_INLINE int32_t tp_high(int32_t a, int32_t b) { return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31); }

TP_INLINE int32_t tp_halved(int32_t x, int32_t by)
{
    const int32_t mask = (1 << by) - 1, half = (mask >> 1) - (x >> 31);
    return (x >> by) + (int32_t)((uint32_t)(half - (x & mask)) >> 31);
}

/* e^a for a <= 0 with 5 integer bits; the result has none. */
TP_INLINE int32_t tp_exp_of_negative(int32_t a)
{
    static const int32_t power[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    const int32_t quarter = 1 << 24, part = (a & (quarter - 1)) - quarter, rest = part - a;
    /* A Taylor series around -1/8 to the fourth power. */
    const int32_t x = part * 32 + (1 << 28), x2 = tp_high(x, x), x3 = tp_high(x2, x), x4 = tp_high(x2, x2);
    const int32_t tail = tp_halved(tp_high(tp_halved(x4, 2) + x3, 715827883) + x2, 1);
    int32_t result = 1895147668 + tp_high(1895147668, x + tail);
    for (int32_t i = 0; i < 7; i++) result = tp_choose(tp_mask((uint32_t)rest & ((uint32_t)quarter << i)), tp_high(result, power[i]), result);
    return tp_choose(tp_mask((uint32_t)a), result, 0x7fffffff);
}

/* 1/sum of a number with 12 integer bits as a multiplier without integer bits; the shift that a share of it needs, into *right. */
TP_INLINE int32_t tp_one_over(int32_t sum, int32_t *right)
{
    const uint32_t x = (uint32_t)tp_max(sum, 1);
    const int32_t headroom = tp_clz(x), a = (int32_t)((x << headroom) - 0x80000000u);
    const int32_t half = (int32_t)(((int64_t)a + 0x7fffffff + 1) >> 1);
    int32_t y = 1515870810 + tp_high(half, -1010580540);
    for (int32_t i = 0; i < 3; i++) y += tp_high(y, (1 << 29) - tp_high(half, y)) * 4;
    *right = tp_max(12 - headroom, 0) + 31 - 8;
    return tp_saturate((int64_t)y * 2);
}

/* A probability's code; `e` and `scale` are not negative. */
TP_INLINE int8_t tp_share(int32_t e, int32_t scale, int32_t right)
{
    const uint64_t share = tp_lsr((uint64_t)(uint32_t)tp_high(scale, e) + (tp_lsl(1, right) >> 1), right);
    return (int8_t)tp_min((int32_t)share - 128, 127);
}

/* The exponentials are computed twice, so that no working space is needed. */
void tp_int8_softmax(const int8_t *restrict x, int8_t *restrict y, const tp_factor *restrict factor, int32_t least, int32_t pixels, int32_t channels)
{
    for (int32_t p = 0; p < pixels; p++, x += channels, y += channels) {
        int32_t most = -128, sum = 0, right;
        for (int32_t c = 0; c < channels; c++) most = tp_max(x[c], most);
        for (int32_t c = 0; c < channels; c++) {
            const int32_t d = x[c] - most, counts = (int32_t)~tp_mask((uint32_t)(d < least));
            sum = tp_saturate((int64_t)sum + (tp_halved(tp_exp_of_negative(tp_multiply(d & counts, factor)), 12) & counts));
        }
        const int32_t scale = tp_one_over(sum, &right);
        for (int32_t c = 0; c < channels; c++) {
            const int32_t d = x[c] - most, counts = (int32_t)~tp_mask((uint32_t)(d < least));
            y[c] = tp_share(tp_exp_of_negative(tp_multiply(d & counts, factor)) & counts, scale, right);
        }
    }
}

/* The same with the 256 exponentials that there can be in a table: of a difference -d at table[d]. */
void tp_int8_softmax_table(const int8_t *restrict x, const int32_t *restrict table, int8_t *restrict y, int32_t pixels, int32_t channels)
{
    for (int32_t p = 0; p < pixels; p++, x += channels, y += channels) {
        int32_t most = -128, sum = 0, right;
        for (int32_t c = 0; c < channels; c++) most = tp_max(x[c], most);
        for (int32_t c = 0; c < channels; c++) sum = tp_saturate((int64_t)sum + tp_halved(table[most - x[c]], 12));
        const int32_t scale = tp_one_over(sum, &right);
        for (int32_t c = 0; c < channels; c++) y[c] = tp_share(table[most - x[c]], scale, right);
    }
}
