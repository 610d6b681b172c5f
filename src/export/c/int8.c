/* 8-bit layers with two roundings a result (gemmlowp, TensorFlow Lite), in plain C. */
#include "int8.h"
#include "window.h"

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
