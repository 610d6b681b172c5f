/*
 * tinyprec's operations as a device would run them: small portable C11 twins of the Rust references.
 *
 * Conventions
 *  - Bits: 32 to a word, least significant first, bit 1 = -1, unused high bits of a last word zero.
 *    A map is [pixel][ceil(channels / 32)] words; weights are [output channel][tap][ceil(channels / 32)] words.
 *  - Every dimension is at least 1. No kernel allocates, calls a library or branches on data, so the instructions executed
 *    are a closed form of the dimensions (of divisions only the number is; their time may depend on the operands).
 *  - Pointers never overlap unless a buffer is documented as updated in place.
 *  - Sums lie strictly within +-2^30; thresholds are clamped to -2^30 + 1 ... 2^30, so that their difference fits 32 bits.
 *  - A channel whose threshold is reversed (bit iff acc > t) is stored with its weights negated and threshold -t.
 *
 * Build with -ffp-contract=off -fno-math-errno: the float twins are bit-identical to the Rust references only then.
 */
#ifndef TINYPREC_H
#define TINYPREC_H

#include <stdint.h>

/* Sizes of a convolution without padding: `oh` = (ih - kh) / stride + 1, `ow` alike. `words` = ceil(input channels / 32). */
typedef struct {
    int32_t iw, oh, ow, oc, kh, kw, words, stride;
    int32_t ic; /* input channels */
} tp_conv;

/* ---- backbone: bits.c ------------------------------------------------------------------------------------------------ */

/* image [ih][iw][ic] bytes, weight [oc][ceil(kh*kw*ic / 32)] words: one bit a tap and channel, order (ky, kx, channel).
 * y[oh][ow][oc] = sum of +-pixel. `patch`: kh*kw*ic bytes of working space.
 * An offset d that the network subtracts from each pixel is folded by whoever stores the network: threshold + d * (sum of the row's +-1). */
void tp_input_conv(const uint8_t *image, const uint32_t *weight, int32_t *y, uint8_t *patch, const tp_conv *shape);
/* The same with y as bits: set iff sum < threshold[oc]. */
void tp_input_conv_threshold(const uint8_t *image, const uint32_t *weight, const int32_t *threshold, uint32_t *y, uint8_t *patch, const tp_conv *shape);

/* x [ih][iw][words], weight [oc][kh][kw][words]; y[oh][ow][oc] = kh*kw*ic - 2 popcount(x ^ weight). */
void tp_binary_conv(const uint32_t *x, const uint32_t *weight, int32_t *y, const tp_conv *shape);
/* The same with y as bits: set iff dot < threshold[oc]. */
void tp_binary_conv_threshold(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, const tp_conv *shape);

/* x [words], weight [rows][words]; y[row] = bits - 2 popcount(x ^ weight row), `bits` the number of inputs. */
void tp_binary_dense(const uint32_t *x, const uint32_t *weight, int32_t *y, int32_t bits, int32_t rows, int32_t words);
/* The same with y as bits: set iff dot < threshold[row]. */
void tp_binary_dense_threshold(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, int32_t bits, int32_t rows, int32_t words);

/* acc [pixels][channels] -> bits [pixels][ceil(channels / 32)]: set iff acc < threshold[channel]. */
void tp_threshold(const int32_t *acc, const int32_t *threshold, uint32_t *y, int32_t pixels, int32_t channels);

/* x [ih][iw][words] -> y [oh][ow][words]: -1 only where all k*k inputs are -1. */
void tp_max_pool_bits(const uint32_t *x, uint32_t *y, int32_t iw, int32_t oh, int32_t ow, int32_t k, int32_t stride, int32_t words);

/* x [pixels][ceil(channels / 32)] -> y[channel] = number of +1. */
void tp_global_sum_bits(const uint32_t *x, int32_t *y, int32_t pixels, int32_t channels);
/* x [pixels][channels] -> y[channel] = sum. */
void tp_global_sum(const int32_t *x, int32_t *y, int32_t pixels, int32_t channels);

/* n bytes -> ceil(n / 32) words: set iff byte < threshold. */
void tp_pack_input(const uint8_t *x, uint32_t *y, int32_t threshold, int32_t n);

/* Index of the first largest of z[0..classes]. */
void tp_arg_max_i32(const int32_t *z, int32_t *index, int32_t classes);
void tp_arg_max_f32(const float *z, int32_t *index, int32_t classes);

/* ---- learning head, integers: head.c ----------------------------------------------------------------------------------
 *
 * Rounding is to nearest, ties to even, once for each result; results saturate to their limits. A real factor is
 * mantissa / 2^shift with mantissa 2^30 ... 2^31 - 1 and shift 1 ... 62; one too small to matter is mantissa 0, shift 62.
 * Features have zero point 0. Rows are [class][feature].
 */

/* dst = limit(dst_zero + round((src - src_zero) * factor)), lo <= dst <= hi. src - src_zero fits 32 bits. */
typedef struct {
    int32_t mantissa, shift, src_zero, dst_zero, lo, hi;
} tp_requant;

/* y[i] = limit(round((256 x[i] - offset[i]) * factor[i])), a factor for each feature; |256 x - offset| < 2^31, to->mantissa and
 * to->shift are not read. */
void tp_standardise_i8(const int32_t *x, const int32_t *offset, const int32_t *mantissa, const int32_t *shift, int8_t *y, const tp_requant *to, int32_t n);

/* Master weights -> forward copy. */
void tp_forward_copy_i8_i8(const int8_t *master, int8_t *copy, const tp_requant *by, int32_t n);
void tp_forward_copy_i16_i8(const int16_t *master, int8_t *copy, const tp_requant *by, int32_t n);
void tp_forward_copy_i32_i8(const int32_t *master, int8_t *copy, const tp_requant *by, int32_t n);

/* z[c] = sum over k of weight[c][k] * feature[k]. */
void tp_head_forward_i8(const int8_t *feature, const int8_t *weight, int32_t *z, int32_t classes, int32_t features);

/* Logits -> probabilities in q1.30. exp(-t * unit) = 2^-y with y = round(t * mantissa / 2^right) * 2^left in UQ5.27;
 * left 0 ... 2, right 0 ... 63. */
void tp_softmax_i32(const int32_t *z, int32_t *p, uint32_t mantissa, int32_t left, int32_t right, int32_t classes);

/* difference[b][c] = p[b][c] - zero - (c == label[b] ? one : 0); range = smallest and largest of them and 0. */
void tp_error_i32(const int32_t *p, const int32_t *label, int32_t *difference, int32_t *range, int32_t zero, int32_t one, int32_t batch, int32_t classes);

/* Differences -> error codes. */
void tp_quantise_error_i8(const int32_t *difference, int8_t *error, const tp_requant *by, int32_t n);
void tp_quantise_error_i16(const int32_t *difference, int16_t *error, const tp_requant *by, int32_t n);
void tp_quantise_error_i32(const int32_t *difference, int32_t *error, const tp_requant *by, int32_t n);

/* sum[c][k] += (error[c] - zero) * feature[k], one sample. */
void tp_gradient_accumulate_i8(const int8_t *error, const int8_t *feature, int32_t *sum, int32_t zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_i16(const int16_t *error, const int8_t *feature, int32_t *sum, int32_t zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_i32(const int32_t *error, const int8_t *feature, int64_t *sum, int32_t zero, int32_t classes, int32_t features);

/* range = smallest and largest sum, 0 among them; 64-bit sums lie within +-2^61. */
void tp_gradient_range_i32(const int32_t *sum, int32_t *range, int32_t n);
void tp_gradient_range_i64(const int64_t *sum, int64_t *range, int32_t n);

/* Sums -> gradient codes. The 64-bit form needs |sum| < 2^60 and |sum * factor| < 2^33. */
void tp_quantise_gradient_i32_i8(const int32_t *sum, int8_t *gradient, const tp_requant *by, int32_t n);
void tp_quantise_gradient_i32_i16(const int32_t *sum, int16_t *gradient, const tp_requant *by, int32_t n);
void tp_quantise_gradient_i64_i32(const int64_t *sum, int32_t *gradient, const tp_requant *by, int32_t n);

/* master = limit(master - round((gradient - src_zero) * factor)); dst_zero is not read. */
void tp_sgd_update_i8_i8(const int8_t *gradient, int8_t *master, const tp_requant *by, int32_t n);
void tp_sgd_update_i16_i16(const int16_t *gradient, int16_t *master, const tp_requant *by, int32_t n);
void tp_sgd_update_i32_i32(const int32_t *gradient, int32_t *master, const tp_requant *by, int32_t n);
/* The same from a velocity. */
void tp_sgd_update_i32_i8(const int32_t *velocity, int8_t *master, const tp_requant *by, int32_t n);
void tp_sgd_update_i32_i16(const int32_t *velocity, int16_t *master, const tp_requant *by, int32_t n);

/* velocity = limit(round(velocity * momentum) + round((gradient - zero) * step) + round(master * decay)); limits from
 * gradient_by->lo, hi; momentum and decay: only mantissa and shift are read. */
void tp_velocity_i8_i8(const int8_t *gradient, const int8_t *master, int32_t *velocity, const tp_requant *gradient_by, const tp_requant *momentum, const tp_requant *decay, int32_t n);
void tp_velocity_i16_i16(const int16_t *gradient, const int16_t *master, int32_t *velocity, const tp_requant *gradient_by, const tp_requant *momentum, const tp_requant *decay, int32_t n);
void tp_velocity_i32_i32(const int32_t *gradient, const int32_t *master, int32_t *velocity, const tp_requant *gradient_by, const tp_requant *momentum, const tp_requant *decay, int32_t n);

/* ---- CWR*'s rows, integers: rows.c ------------------------------------------------------------------------------------ */

/* master row = consolidated row where take[row] is 1, zero where it is 0. */
void tp_load_rows_i8(const int8_t *consolidated, int8_t *master, const uint8_t *take, int32_t rows, int32_t columns);
void tp_load_rows_i16(const int16_t *consolidated, int16_t *master, const uint8_t *take, int32_t rows, int32_t columns);
void tp_load_rows_i32(const int32_t *consolidated, int32_t *master, const uint8_t *take, int32_t rows, int32_t columns);
void tp_load_rows_f32(const float *consolidated, float *master, const uint8_t *take, int32_t rows, int32_t columns);

/* mean = round(sum of the listed rows * 2^16 / (rows * columns)), ties to even; `row` lists the current classes. */
void tp_mean_rows_i8(const int8_t *master, const int32_t *row, int64_t *mean, int32_t rows, int32_t columns);
void tp_mean_rows_i16(const int16_t *master, const int32_t *row, int64_t *mean, int32_t rows, int32_t columns);
void tp_mean_rows_i32(const int32_t *master, const int32_t *row, int64_t *mean, int32_t rows, int32_t columns);

/* weight[c] = floor(sqrt(past[c] / current[c])) in UQ16.16; current at least 1. */
void tp_past_weight_i32(const uint32_t *past, const uint32_t *current, uint32_t *weight, int32_t classes);

/* consolidated = limit(round((consolidated * weight[row] + master * 2^16 - mean) / (weight[row] + 2^16))) on the listed rows;
 * both in one grid with zero point 0, weight below 2^31. */
void tp_consolidate_rows_i8(const int8_t *master, const uint32_t *weight, const int32_t *row, int8_t *consolidated, int64_t mean, int32_t lo, int32_t hi, int32_t rows, int32_t columns);
void tp_consolidate_rows_i16(const int16_t *master, const uint32_t *weight, const int32_t *row, int16_t *consolidated, int64_t mean, int32_t lo, int32_t hi, int32_t rows, int32_t columns);
void tp_consolidate_rows_i32(const int32_t *master, const uint32_t *weight, const int32_t *row, int32_t *consolidated, int64_t mean, int32_t lo, int32_t hi, int32_t rows, int32_t columns);

/* ---- learning head, single precision: head_f32.c ---------------------------------------------------------------------- */

void tp_standardise_f32(const int32_t *x, const float *offset, const float *factor, float *y, int32_t n);
void tp_head_forward_f32(const float *feature, const float *weight, float *z, int32_t classes, int32_t features);
void tp_softmax_f32(const float *z, float *p, int32_t classes);
void tp_error_f32(const float *p, const int32_t *label, float *difference, int32_t batch, int32_t classes);
void tp_gradient_accumulate_f32(const float *error, const float *feature, float *sum, int32_t classes, int32_t features);
/* gradient = sum * (1 / batch). */
void tp_quantise_gradient_f32(const float *sum, float *gradient, float mean, int32_t n);
void tp_velocity_f32(const float *gradient, const float *master, float *velocity, float momentum, float decay, int32_t n);
void tp_sgd_update_f32(const float *gradient, float *master, float rate, int32_t n);
void tp_mean_rows_f32(const float *master, const int32_t *row, float *mean, int32_t rows, int32_t columns);
void tp_past_weight_f32(const uint32_t *past, const uint32_t *current, float *weight, int32_t classes);
void tp_consolidate_rows_f32(const float *master, const float *weight, const int32_t *row, float *consolidated, float mean, int32_t rows, int32_t columns);

#endif
