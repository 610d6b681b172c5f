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

#define TP_PLANES_CONV(name, x_planes, w_planes)                                                                            \
    void name(const uint32_t *restrict x, const uint32_t *restrict weight, const int32_t *restrict threshold, uint32_t *restrict y, const tp_conv *restrict shape) \
    {                                                                                                                       \
        const int32_t words = shape->words, kh = shape->kh, kw = shape->kw, pitch = shape->iw * words * (x_planes);         \
        const int32_t bits = kh * kw * shape->ic, owords = (shape->oc + 31) >> 5, run = kh * kw * words * (w_planes);       \
        for (int32_t oy = 0; oy < shape->oh; oy++)                                                                          \
            for (int32_t ox = 0; ox < shape->ow; ox++) {                                                                    \
                const uint32_t *patch = x + oy * shape->stride * pitch + ox * shape->stride * words * (x_planes), *row = weight - run; \
                const int32_t *t = threshold;                                                                               \
                TP_TWO_BITS(TP_OF_PAIRS(bits, tp_planes(patch, row += run, kh, kw, pitch, words, x_planes, w_planes), (x_planes) * (w_planes))) \
            }                                                                                                               \
    }

TP_PLANES_CONV(tp_binary_conv_threshold_b2_b1, 2, 1)
TP_PLANES_CONV(tp_binary_conv_threshold_b2_b2, 2, 2)

#define TP_PLANES_DENSE(name, fused, x_planes, w_planes)                                                                    \
    void name(const uint32_t *restrict x, const uint32_t *restrict weight, int32_t *restrict y, int32_t bits, int32_t rows, int32_t words) \
    {                                                                                                                       \
        for (int32_t r = 0; r < rows; r++, weight += (w_planes) * words)                                                    \
            y[r] = TP_OF_PAIRS(bits, tp_planes(x, weight, 1, 1, 0, words, x_planes, w_planes), (x_planes) * (w_planes));    \
    }                                                                                                                       \
    void fused(const uint32_t *restrict x, const uint32_t *restrict weight, const int32_t *restrict threshold, uint32_t *restrict y, int32_t bits, int32_t rows, int32_t words) \
    {                                                                                                                       \
        const int32_t owords = (rows + 31) >> 5;                                                                            \
        for (int32_t left = rows; left > 0; left -= 32) {                                                                   \
            const int32_t n = tp_min(left, 32);                                                                             \
            uint32_t low = 0, high = 0;                                                                                     \
            for (int32_t b = 0; b < n; b++, weight += (w_planes) * words, threshold += 2) {                                 \
                const int32_t sum = TP_OF_PAIRS(bits, tp_planes(x, weight, 1, 1, 0, words, x_planes, w_planes), (x_planes) * (w_planes)); \
                low = tp_push_bit(low, sum - threshold[0]);                                                                 \
                high = tp_push_bit(high, sum - threshold[1]);                                                               \
            }                                                                                                               \
            y[0] = low >> (32 - n);                                                                                         \
            y[owords] = high >> (32 - n);                                                                                   \
            y++;                                                                                                            \
        }                                                                                                                   \
    }

TP_PLANES_DENSE(tp_binary_dense_b1_b2, tp_binary_dense_threshold_b1_b2, 1, 2)
TP_PLANES_DENSE(tp_binary_dense_b2_b1, tp_binary_dense_threshold_b2_b1, 2, 1)
TP_PLANES_DENSE(tp_binary_dense_b2_b2, tp_binary_dense_threshold_b2_b2, 2, 2)

void tp_binary_dense_threshold_b1_b1_b2(const uint32_t *restrict x, const uint32_t *restrict weight, const int32_t *restrict threshold, uint32_t *restrict y, int32_t bits, int32_t rows, int32_t words)
{
    const int32_t owords = (rows + 31) >> 5;
    for (int32_t left = rows; left > 0; left -= 32) {
        const int32_t n = tp_min(left, 32);
        uint32_t low = 0, high = 0;
        for (int32_t b = 0; b < n; b++, weight += words, threshold += 2) {
            const int32_t sum = bits - 2 * tp_sum_value(tp_differing(tp_sum_zero(), x, weight, words));
            low = tp_push_bit(low, sum - threshold[0]);
            high = tp_push_bit(high, sum - threshold[1]);
        }
        y[0] = low >> (32 - n);
        y[owords] = high >> (32 - n);
        y++;
    }
}

/* First layers on signed codes: the patch is gathered as bytes, its sum and the part under -1 are signed. */
TP_INLINE int32_t tp_gather_signed(const int8_t *from, int8_t *patch, int32_t kh, int32_t run, int32_t pitch)
{
    int32_t sum = 0;
    for (int32_t ky = 0; ky < kh; ky++, from += pitch)
        for (int32_t i = 0; i < run; i++) {
            sum += from[i];
            *patch++ = from[i];
        }
    return sum;
}

TP_INLINE int32_t tp_minus_signed(const int8_t *patch, const uint32_t *row, int32_t terms)
{
    uint32_t sum = 0;
    for (int32_t left = terms; left > 0; left -= 32) {
        const int32_t n = tp_min(left, 32);
        uint32_t bits = *row++;
        for (int32_t i = 0; i < n; i++, bits >>= 1) sum += (uint32_t)*patch++ & (0u - (bits & 1u));
    }
    return (int32_t)sum;
}

TP_INLINE int32_t tp_products(const int8_t *patch, const int8_t *row, int32_t terms)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < terms; i++) sum += patch[i] * row[i];
    return sum;
}

#define TP_SIGNED_INPUT                                                                                                     \
    const int32_t kh = shape->kh, run = shape->kw * shape->ic, pitch = shape->iw * shape->ic, terms = kh * run;             \
    for (int32_t oy = 0; oy < shape->oh; oy++)                                                                              \
        for (int32_t ox = 0; ox < shape->ow; ox++) {                                                                        \
            const int32_t all = tp_gather_signed(image + oy * shape->stride * pitch + ox * shape->stride * shape->ic, patch, kh, run, pitch); \
            const int32_t *t = threshold;

void tp_input_conv_threshold_i8(const int8_t *restrict image, const uint32_t *restrict weight, const int32_t *restrict threshold, uint32_t *restrict y, int8_t *restrict patch, const tp_conv *restrict shape)
{
    TP_SIGNED_INPUT
            const int32_t words = (terms + 31) >> 5;
            const uint32_t *row = weight;
            for (int32_t left = shape->oc; left > 0; left -= 32) {
                const int32_t n = tp_min(left, 32);
                uint32_t word = 0;
                for (int32_t b = 0; b < n; b++, row += words) word = tp_push_bit(word, all - 2 * tp_minus_signed(patch, row, terms) - *t++);
                *y++ = word >> (32 - n);
            }
        }
}

void tp_input_conv_threshold_i8_b2(const int8_t *restrict image, const uint32_t *restrict weight, const int32_t *restrict threshold, uint32_t *restrict y, int8_t *restrict patch, const tp_conv *restrict shape)
{
    TP_SIGNED_INPUT
            const int32_t words = (terms + 31) >> 5, owords = (shape->oc + 31) >> 5;
            const uint32_t *row = weight - words;
            TP_TWO_BITS(all - 2 * tp_minus_signed(patch, row += words, terms))
        }
}

void tp_input_conv_threshold_i8_i8_b2(const int8_t *restrict image, const int8_t *restrict weight, const int32_t *restrict threshold, uint32_t *restrict y, int8_t *restrict patch, const tp_conv *restrict shape)
{
    TP_SIGNED_INPUT
            (void)all;
            const int32_t owords = (shape->oc + 31) >> 5;
            const int8_t *row = weight - terms;
            TP_TWO_BITS(tp_products(patch, row += terms, terms))
        }
}
