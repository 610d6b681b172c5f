/* Layers around the binary ones: integers to floats, element-wise operations, pooling, copies. */
#include "tinyprec.h"
#include "arith.h"
#include "float.h"
#include "bits.h"
#include "window.h"

void tp_output_transform(const int32_t *restrict x, const float *restrict mul, const float *restrict add, float *restrict y, const tp_transform *restrict by, int32_t pixels, int32_t channels)
{
    for (int32_t p = 0; p < pixels; p++)
        for (int32_t c = 0; c < channels; c++) *y++ = tp_transformed(*x++, by, mul[c], add[c]);
}

void tp_binary_conv_transform(const uint32_t *restrict x, const uint32_t *restrict weight, const float *restrict mul, const float *restrict add, float *restrict y, const tp_transform *restrict by, const tp_conv *restrict shape)
{
    const int32_t words = shape->words, kh = shape->kh, run = shape->kw * words, pitch = shape->iw * words;
    const int32_t bits = shape->kh * shape->kw * shape->ic, oc = shape->oc;
    for (int32_t oy = 0; oy < shape->oh; oy++)
        for (int32_t ox = 0; ox < shape->ow; ox++) {
            const uint32_t *patch = x + oy * shape->stride * pitch + ox * shape->stride * words, *row = weight;
            for (int32_t o = 0; o < oc; o++, row += kh * run)
                *y++ = tp_transformed(bits - 2 * tp_patch(patch, row, kh, run, pitch), by, mul[o], add[o]);
        }
}

void tp_binary_dense_transform(const uint32_t *restrict x, const uint32_t *restrict weight, const float *restrict mul, const float *restrict add, float *restrict y, const tp_transform *restrict by, int32_t bits, int32_t rows, int32_t words)
{
    for (int32_t r = 0; r < rows; r++, weight += words)
        y[r] = tp_transformed(bits - 2 * tp_sum_value(tp_differing(tp_sum_zero(), x, weight, words)), by, mul[r], add[r]);
}

void tp_combine_bases(const int32_t *restrict x, const float *restrict coefficient, float *restrict y, int32_t pixels, int32_t channels, int32_t bases)
{
    for (int32_t p = 0; p < pixels; p++, x += bases * channels)
        for (int32_t c = 0; c < channels; c++) {
            const int32_t *from = x + c;
            const float *by = coefficient + c;
            float sum = 0.0f;
            for (int32_t m = 0; m < bases; m++, from += channels, by += channels) sum += (float)*from * *by;
            *y++ = sum;
        }
}

#define TP_AFFINE(name, from_t)                                                                                             \
    void name(const from_t *restrict x, const float *restrict mul, const float *restrict add, float *restrict y, int32_t pixels, int32_t channels) \
    {                                                                                                                       \
        for (int32_t p = 0; p < pixels; p++)                                                                                \
            for (int32_t c = 0; c < channels; c++) *y++ = (float)*x++ * mul[c] + add[c];                                    \
    }

TP_AFFINE(tp_affine_f32, float)
TP_AFFINE(tp_affine_i32, int32_t)
TP_AFFINE(tp_affine_u8, uint8_t)

void tp_bias_f32(const float *restrict x, const float *restrict bias, float *restrict y, int32_t pixels, int32_t channels)
{
    for (int32_t p = 0; p < pixels; p++)
        for (int32_t c = 0; c < channels; c++) *y++ = *x++ + bias[c];
}

void tp_relu_f32(const float *restrict x, float *restrict y, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        const uint32_t v = tp_bits_of(x[i]);
        y[i] = tp_float_of(v & ~tp_mask(tp_is_below_zero(v)));
    }
}

void tp_relu_i32(const int32_t *restrict x, int32_t *restrict y, int32_t n)
{
    for (int32_t i = 0; i < n; i++) y[i] = x[i] & ~(x[i] >> 31);
}

void tp_prelu_f32(const float *restrict x, const float *restrict alpha, float *restrict y, int32_t pixels, int32_t channels)
{
    for (int32_t p = 0; p < pixels; p++)
        for (int32_t c = 0; c < channels; c++, x++) *y++ = tp_select_f32(tp_is_below_zero(tp_bits_of(*x)), *x * alpha[c], *x);
}

void tp_sigmoid_f32(const float *restrict x, float *restrict y, int32_t n)
{
    for (int32_t i = 0; i < n; i++) y[i] = 1.0f / (1.0f + tp_exp_f32(-x[i]));
}

void tp_sign_f32(const float *restrict x, uint32_t *restrict y, int32_t pixels, int32_t channels)
{
    for (int32_t p = 0; p < pixels; p++)
        for (int32_t left = channels; left > 0; left -= 32) {
            const int32_t n = tp_min(left, 32);
            uint32_t word = 0;
            for (int32_t b = 0; b < n; b++) word = (word >> 1) | (tp_is_below_zero(tp_bits_of(*x++)) << 31);
            *y++ = word >> (32 - n);
        }
}

void tp_gate_f32(const float *restrict x, const float *restrict gate, float *restrict y, int32_t pixels, int32_t channels)
{
    for (int32_t p = 0; p < pixels; p++)
        for (int32_t c = 0; c < channels; c++) *y++ = *x++ * gate[c];
}

void tp_concat_f32(const float *restrict maps, const int32_t *restrict width, float *restrict y, int32_t pixels, int32_t inputs)
{
    for (int32_t p = 0; p < pixels; p++) {
        const float *map = maps;
        for (int32_t i = 0; i < inputs; i++) {
            const float *from = map + p * width[i];
            for (int32_t c = 0; c < width[i]; c++) *y++ = *from++;
            map += pixels * width[i];
        }
    }
}

void tp_slice_f32(const float *restrict x, float *restrict y, int32_t start, int32_t pixels, int32_t channels, int32_t from)
{
    for (int32_t p = 0; p < pixels; p++, x += from)
        for (int32_t c = 0; c < channels; c++) *y++ = x[start + c];
}

void tp_add_last_f32(const float *restrict x, const float *restrict last, float *restrict y, int32_t pixels, int32_t channels, int32_t tail)
{
    for (int32_t p = 0; p < pixels; p++) {
        for (int32_t c = 0; c < channels - tail; c++) *y++ = *x++;
        for (int32_t c = 0; c < tail; c++) *y++ = *x++ + *last++;
    }
}

void tp_add_i32(const int32_t *restrict a, const int32_t *restrict b, int32_t *restrict y, int32_t n)
{
    for (int32_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}

void tp_add_f32(const float *restrict a, const float *restrict b, float *restrict y, int32_t n)
{
    for (int32_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}

void tp_lookup_u8_i8(const uint8_t *restrict x, const int8_t *restrict table, int8_t *restrict y, int32_t n)
{
    for (int32_t i = 0; i < n; i++) y[i] = table[x[i]];
}

void tp_offset_shift_i32(const int32_t *restrict x, const int32_t *restrict offset, int32_t *restrict y, int32_t shift, int32_t pixels, int32_t channels)
{
    for (int32_t p = 0; p < pixels; p++)
        for (int32_t c = 0; c < channels; c++) *y++ = (*x++ + offset[c]) >> shift;
}

/* Largest inside the window, by a comparison that keeps the first of equals. */
#define TP_MAX_POOL(name, value_t, least, larger)                                                                           \
    void name(const value_t *restrict x, value_t *restrict y, const tp_conv *restrict s)                                    \
    {                                                                                                                       \
        for (int32_t oy = 0; oy < s->oh; oy++) {                                                                            \
            const tp_span v = tp_inside(oy, s->stride, s->pad_top, s->kh, s->ih);                                           \
            for (int32_t ox = 0; ox < s->ow; ox++) {                                                                        \
                const tp_span h = tp_inside(ox, s->stride, s->pad_left, s->kw, s->iw);                                      \
                for (int32_t c = 0; c < s->ic; c++) {                                                                       \
                    const value_t *row = x + (v.at * s->iw + h.at) * s->ic + c;                                             \
                    value_t most = least;                                                                                   \
                    for (int32_t ky = v.begin; ky < v.end; ky++, row += s->iw * s->ic) {                                    \
                        const value_t *at = row;                                                                            \
                        for (int32_t kx = h.begin; kx < h.end; kx++, at += s->ic) most = larger(*at, most);                 \
                    }                                                                                                       \
                    *y++ = most;                                                                                            \
                }                                                                                                           \
            }                                                                                                               \
        }                                                                                                                   \
    }

TP_INLINE float tp_larger_f32(float x, float most) { return tp_select_f32(x > most, x, most); }

TP_MAX_POOL(tp_max_pool_i32, int32_t, INT32_MIN, tp_max)
TP_MAX_POOL(tp_max_pool_f32, float, -__builtin_inff(), tp_larger_f32)

void tp_avg_pool_f32(const float *restrict x, float *restrict y, const tp_conv *restrict s)
{
    for (int32_t oy = 0; oy < s->oh; oy++) {
        const tp_span v = tp_inside(oy, s->stride, s->pad_top, s->kh, s->ih);
        for (int32_t ox = 0; ox < s->ow; ox++) {
            const tp_span h = tp_inside(ox, s->stride, s->pad_left, s->kw, s->iw);
            const float taps = (float)((v.end - v.begin) * (h.end - h.begin));
            for (int32_t c = 0; c < s->ic; c++) {
                const float *row = x + (v.at * s->iw + h.at) * s->ic + c;
                float sum = 0.0f;
                for (int32_t ky = v.begin; ky < v.end; ky++, row += s->iw * s->ic) {
                    const float *at = row;
                    for (int32_t kx = h.begin; kx < h.end; kx++, at += s->ic) sum += *at;
                }
                *y++ = sum / taps;
            }
        }
    }
}

void tp_global_avg_pool_f32(const float *restrict x, float *restrict y, int32_t pixels, int32_t channels)
{
    const float n = (float)pixels;
    for (int32_t c = 0; c < channels; c++) {
        const float *at = x + c;
        float sum = 0.0f;
        for (int32_t p = 0; p < pixels; p++, at += channels) sum += *at;
        y[c] = sum / n;
    }
}

TP_INLINE void tp_pool_words(const uint32_t *restrict x, uint32_t *restrict y, const tp_conv *restrict s, int32_t words)
{
    for (int32_t oy = 0; oy < s->oh; oy++) {
        const tp_span v = tp_inside(oy, s->stride, s->pad_top, s->kh, s->ih);
        for (int32_t ox = 0; ox < s->ow; ox++) {
            const tp_span h = tp_inside(ox, s->stride, s->pad_left, s->kw, s->iw);
            for (int32_t w = 0; w < words; w++) {
                const uint32_t *row = x + (v.at * s->iw + h.at) * words + w;
                uint32_t all = 0xffffffffu;
                for (int32_t ky = v.begin; ky < v.end; ky++, row += s->iw * words) {
                    const uint32_t *at = row;
                    for (int32_t kx = h.begin; kx < h.end; kx++, at += words) all &= *at;
                }
                *y++ = all;
            }
        }
    }
}

void tp_max_pool_bits(const uint32_t *restrict x, uint32_t *restrict y, const tp_conv *restrict s)
{
    tp_pool_words(x, y, s, s->words);
}

/* Each plane by itself: the largest value has no -1 where any has none. */
void tp_max_pool_bits_b2(const uint32_t *restrict x, uint32_t *restrict y, const tp_conv *restrict s)
{
    tp_pool_words(x, y, s, 2 * s->words);
}

void tp_clamp_f32(const float *restrict x, float *restrict y, float low, float high, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        const float v = tp_select_f32(x[i] > low, x[i], low);
        y[i] = tp_select_f32(v < high, v, high);
    }
}

void tp_channel_softmax_f32(const float *restrict x, float *restrict y, int32_t pixels, int32_t channels)
{
    for (int32_t p = 0; p < pixels; p++, x += channels, y += channels) tp_softmax_of(x, y, channels);
}
