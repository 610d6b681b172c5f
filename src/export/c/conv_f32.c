/* Float convolutions and dense layers: a sum takes its terms in the order (ky, kx, channel), the bias last. */
#include "tinyprec.h"
#include "float.h"
#include "window.h"

void tp_conv_f32(const float *restrict x, const float *restrict weight, const float *restrict bias, float *restrict y, const tp_conv *restrict s)
{
    const int32_t ic = s->ic, filter = s->kh * s->kw * ic;
    for (int32_t oy = 0; oy < s->oh; oy++) {
        const tp_span v = tp_inside(oy, s->stride, s->pad_top, s->kh, s->ih);
        for (int32_t ox = 0; ox < s->ow; ox++) {
            const tp_span h = tp_inside(ox, s->stride, s->pad_left, s->kw, s->iw);
            const int32_t run = (h.end - h.begin) * ic;
            for (int32_t o = 0; o < s->oc; o++) {
                const float *from = x + (v.at * s->iw + h.at) * ic, *row = weight + o * filter + (v.begin * s->kw + h.begin) * ic;
                float sum = 0.0f;
                for (int32_t ky = v.begin; ky < v.end; ky++, from += s->iw * ic, row += s->kw * ic)
                    for (int32_t i = 0; i < run; i++) sum += from[i] * row[i];
                *y++ = sum + bias[o];
            }
        }
    }
}

void tp_sign_conv_f32(const float *restrict x, const uint32_t *restrict weight, float *restrict y, const tp_conv *restrict s)
{
    const int32_t ic = s->ic, words = s->words, filter = s->kh * s->kw * words;
    for (int32_t oy = 0; oy < s->oh; oy++) {
        const tp_span v = tp_inside(oy, s->stride, s->pad_top, s->kh, s->ih);
        for (int32_t ox = 0; ox < s->ow; ox++) {
            const tp_span h = tp_inside(ox, s->stride, s->pad_left, s->kw, s->iw);
            for (int32_t o = 0; o < s->oc; o++) {
                const float *row = x + (v.at * s->iw + h.at) * ic;
                const uint32_t *sign = weight + o * filter + (v.begin * s->kw + h.begin) * words;
                float sum = 0.0f;
                for (int32_t ky = v.begin; ky < v.end; ky++, row += s->iw * ic, sign += s->kw * words) {
                    const float *from = row;
                    const uint32_t *bits = sign;
                    for (int32_t kx = h.begin; kx < h.end; kx++)
                        for (int32_t left = ic; left > 0; left -= 32) {
                            const int32_t n = tp_min(left, 32);
                            uint32_t word = *bits++;
                            for (int32_t b = 0; b < n; b++, word >>= 1) sum += tp_float_of(tp_bits_of(*from++) ^ (word << 31));
                        }
                }
                *y++ = sum;
            }
        }
    }
}

void tp_depthwise_f32(const float *restrict x, const float *restrict weight, const float *restrict bias, float *restrict y, const tp_conv *restrict s)
{
    const int32_t channels = s->ic;
    for (int32_t oy = 0; oy < s->oh; oy++) {
        const tp_span v = tp_inside(oy, s->stride, s->pad_top, s->kh, s->ih);
        for (int32_t ox = 0; ox < s->ow; ox++) {
            const tp_span h = tp_inside(ox, s->stride, s->pad_left, s->kw, s->iw);
            for (int32_t c = 0; c < channels; c++) {
                const float *row = x + (v.at * s->iw + h.at) * channels + c, *taps = weight + (v.begin * s->kw + h.begin) * channels + c;
                float sum = 0.0f;
                for (int32_t ky = v.begin; ky < v.end; ky++, row += s->iw * channels, taps += s->kw * channels) {
                    const float *from = row, *by = taps;
                    for (int32_t kx = h.begin; kx < h.end; kx++, from += channels, by += channels) sum += *from * *by;
                }
                *y++ = sum + bias[c];
            }
        }
    }
}

void tp_dense_f32(const float *restrict x, const float *restrict weight, const float *restrict bias, float *restrict y, int32_t rows, int32_t columns)
{
    for (int32_t r = 0; r < rows; r++) {
        float sum = 0.0f;
        for (int32_t k = 0; k < columns; k++) sum += x[k] * *weight++;
        y[r] = sum + bias[r];
    }
}
