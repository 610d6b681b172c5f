/* The binary backbone. */
#include "tinyprec.h"
#include "bits.h"

void tp_input_conv(const uint8_t *restrict image, const uint32_t *restrict weight, int32_t *restrict y, uint8_t *restrict patch, const tp_conv *restrict shape)
{
    const int32_t oc = shape->oc, kh = shape->kh, run = shape->kw * shape->ic, pitch = shape->iw * shape->ic;
    const int32_t terms = kh * run, words = (terms + 31) >> 5;
    for (int32_t oy = 0; oy < shape->oh; oy++)
        for (int32_t ox = 0; ox < shape->ow; ox++) {
            const int32_t all = tp_gather(image + oy * shape->stride * pitch + ox * shape->stride * shape->ic, patch, kh, run, pitch);
            const uint32_t *row = weight;
            for (int32_t o = 0; o < oc; o++, row += words) *y++ = all - 2 * tp_minus(patch, row, terms);
        }
}

void tp_input_conv_threshold(const uint8_t *restrict image, const uint32_t *restrict weight, const int32_t *restrict threshold, uint32_t *restrict y, uint8_t *restrict patch, const tp_conv *restrict shape)
{
    const int32_t kh = shape->kh, run = shape->kw * shape->ic, pitch = shape->iw * shape->ic;
    const int32_t terms = kh * run, words = (terms + 31) >> 5;
    for (int32_t oy = 0; oy < shape->oh; oy++)
        for (int32_t ox = 0; ox < shape->ow; ox++) {
            const int32_t all = tp_gather(image + oy * shape->stride * pitch + ox * shape->stride * shape->ic, patch, kh, run, pitch);
            const uint32_t *row = weight;
            const int32_t *t = threshold;
            for (int32_t left = shape->oc; left > 0; left -= 32) {
                const int32_t n = tp_min(left, 32);
                uint32_t word = 0;
                for (int32_t b = 0; b < n; b++, row += words) word = tp_push_bit(word, all - 2 * tp_minus(patch, row, terms) - *t++);
                *y++ = word >> (32 - n);
            }
        }
}

void tp_binary_conv(const uint32_t *restrict x, const uint32_t *restrict weight, int32_t *restrict y, const tp_conv *restrict shape)
{
    const int32_t words = shape->words, kh = shape->kh, run = shape->kw * words, pitch = shape->iw * words;
    const int32_t bits = shape->kh * shape->kw * shape->ic, oc = shape->oc;
    for (int32_t oy = 0; oy < shape->oh; oy++)
        for (int32_t ox = 0; ox < shape->ow; ox++) {
            const uint32_t *patch = x + oy * shape->stride * pitch + ox * shape->stride * words, *row = weight;
            for (int32_t o = 0; o < oc; o++, row += kh * run) *y++ = bits - 2 * tp_patch(patch, row, kh, run, pitch);
        }
}

void tp_binary_conv_threshold(const uint32_t *restrict x, const uint32_t *restrict weight, const int32_t *restrict threshold, uint32_t *restrict y, const tp_conv *restrict shape)
{
    const int32_t words = shape->words, kh = shape->kh, run = shape->kw * words, pitch = shape->iw * words;
    const int32_t bits = shape->kh * shape->kw * shape->ic;
    for (int32_t oy = 0; oy < shape->oh; oy++)
        for (int32_t ox = 0; ox < shape->ow; ox++) {
            const uint32_t *patch = x + oy * shape->stride * pitch + ox * shape->stride * words, *row = weight;
            const int32_t *t = threshold;
            for (int32_t left = shape->oc; left > 0; left -= 32) {
                const int32_t n = tp_min(left, 32);
                uint32_t word = 0;
                for (int32_t b = 0; b < n; b++, row += kh * run) {
                    const int32_t dot = bits - 2 * tp_patch(patch, row, kh, run, pitch);
                    word = tp_push_bit(word, dot - *t++);
                }
                *y++ = word >> (32 - n);
            }
        }
}

void tp_binary_dense(const uint32_t *restrict x, const uint32_t *restrict weight, int32_t *restrict y, int32_t bits, int32_t rows, int32_t words)
{
    for (int32_t r = 0; r < rows; r++, weight += words) y[r] = bits - 2 * tp_sum_value(tp_differing(tp_sum_zero(), x, weight, words));
}

void tp_binary_dense_threshold(const uint32_t *restrict x, const uint32_t *restrict weight, const int32_t *restrict threshold, uint32_t *restrict y, int32_t bits, int32_t rows, int32_t words)
{
    for (int32_t left = rows; left > 0; left -= 32) {
        const int32_t n = tp_min(left, 32);
        uint32_t word = 0;
        for (int32_t b = 0; b < n; b++, weight += words) {
            const int32_t dot = bits - 2 * tp_sum_value(tp_differing(tp_sum_zero(), x, weight, words));
            word = tp_push_bit(word, dot - *threshold++);
        }
        *y++ = word >> (32 - n);
    }
}

void tp_threshold(const int32_t *restrict acc, const int32_t *restrict threshold, uint32_t *restrict y, int32_t pixels, int32_t channels)
{
    for (int32_t p = 0; p < pixels; p++) {
        const int32_t *t = threshold;
        for (int32_t left = channels; left > 0; left -= 32) {
            const int32_t n = tp_min(left, 32);
            uint32_t word = 0;
            for (int32_t b = 0; b < n; b++) word = tp_push_bit(word, *acc++ - *t++);
            *y++ = word >> (32 - n);
        }
    }
}

void tp_global_sum_bits(const uint32_t *restrict x, int32_t *restrict y, int32_t pixels, int32_t channels)
{
    const int32_t words = (channels + 31) >> 5;
    for (int32_t c = 0; c < channels; c++) {
        const uint32_t *from = x + (c >> 5), shift = (uint32_t)c & 31u;
        int32_t minus = 0;
        for (int32_t p = 0; p < pixels; p++, from += words) minus += (int32_t)((*from >> shift) & 1u);
        y[c] = pixels - minus;
    }
}

void tp_global_sum(const int32_t *restrict x, int32_t *restrict y, int32_t pixels, int32_t channels)
{
    for (int32_t c = 0; c < channels; c++) {
        int32_t sum = 0;
        for (int32_t p = 0; p < pixels; p++) sum += x[p * channels + c];
        y[c] = sum;
    }
}

void tp_pack_input(const uint8_t *restrict x, uint32_t *restrict y, int32_t threshold, int32_t n)
{
    for (int32_t left = n; left > 0; left -= 32) {
        const int32_t m = tp_min(left, 32);
        uint32_t word = 0;
        for (int32_t b = 0; b < m; b++) word = tp_push_bit(word, *x++ - threshold);
        *y++ = word >> (32 - m);
    }
}

void tp_arg_max_i32(const int32_t *restrict z, int32_t *restrict index, int32_t classes)
{
    int32_t best = z[0], at = 0;
    for (int32_t c = 1; c < classes; c++) {
        at = tp_select(z[c] > best, c, at);
        best = tp_max(z[c], best);
    }
    *index = at;
}
