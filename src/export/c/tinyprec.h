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

/* Sizes of a window over a map. `words` = ceil(ic / 32); a pool has `oc` = `ic`. Without padding `oh` = (ih - kh) / stride + 1, `ow`
 * alike; kernels without `padded` in their name need that where they say so. Padding is smaller than the kernel. */
typedef struct {
    int32_t iw, oh, ow, oc, kh, kw, words, stride;
    int32_t ic;                     /* input channels */
    int32_t ih, pad_top, pad_left;
    int32_t fill;                   /* what a tap outside reads; of packed bits 0 for nothing, 1 for +1 */
} tp_conv;

/* Output transform: float(clamp(sum, lo, hi) - base) * mul[channel] + add[channel]. */
typedef struct {
    int32_t lo, hi, base;
} tp_transform;

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

/* Maps and weights of two planes: values -1, 0, +1 are half sums of two bits; a pixel's (a tap's) planes lie one after the other, two
 * thresholds a channel. Names: planes of x, of the weights, of y where another. */
void tp_binary_conv_threshold_b2_b1(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, const tp_conv *shape);
void tp_binary_conv_threshold_b2_b2(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, const tp_conv *shape);
void tp_binary_dense_b1_b2(const uint32_t *x, const uint32_t *weight, int32_t *y, int32_t bits, int32_t rows, int32_t words);
void tp_binary_dense_b2_b1(const uint32_t *x, const uint32_t *weight, int32_t *y, int32_t bits, int32_t rows, int32_t words);
void tp_binary_dense_b2_b2(const uint32_t *x, const uint32_t *weight, int32_t *y, int32_t bits, int32_t rows, int32_t words);
void tp_binary_dense_threshold_b1_b1_b2(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, int32_t bits, int32_t rows, int32_t words);
void tp_binary_dense_threshold_b1_b2(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, int32_t bits, int32_t rows, int32_t words);
void tp_binary_dense_threshold_b2_b1(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, int32_t bits, int32_t rows, int32_t words);
void tp_binary_dense_threshold_b2_b2(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, int32_t bits, int32_t rows, int32_t words);
/* First layers on signed codes, one bit or a byte a weight; one or two planes out. `patch` as tp_input_conv. */
void tp_input_conv_threshold_i8(const int8_t *image, const uint32_t *weight, const int32_t *threshold, uint32_t *y, int8_t *patch, const tp_conv *shape);
void tp_input_conv_threshold_i8_b2(const int8_t *image, const uint32_t *weight, const int32_t *threshold, uint32_t *y, int8_t *patch, const tp_conv *shape);
void tp_input_conv_threshold_i8_i8_b2(const int8_t *image, const int8_t *weight, const int32_t *threshold, uint32_t *y, int8_t *patch, const tp_conv *shape);
void tp_max_pool_bits_b2(const uint32_t *x, uint32_t *y, const tp_conv *shape);

/* acc [pixels][channels] -> bits [pixels][ceil(channels / 32)]: set iff acc < threshold[channel]. */
void tp_threshold(const int32_t *acc, const int32_t *threshold, uint32_t *y, int32_t pixels, int32_t channels);

/* x [pixels][ceil(channels / 32)] -> y[channel] = number of +1. */
void tp_global_sum_bits(const uint32_t *x, int32_t *y, int32_t pixels, int32_t channels);
/* x [pixels][channels] -> y[channel] = sum. */
void tp_global_sum(const int32_t *x, int32_t *y, int32_t pixels, int32_t channels);

/* n bytes -> ceil(n / 32) words: set iff byte < threshold. */
void tp_pack_input(const uint8_t *x, uint32_t *y, int32_t threshold, int32_t n);

/* ---- the same with padding: conv_padded.c -----------------------------------------------------------------------------
 *
 * `patch`: kh*kw*words words and kh*kw + 1 numbers of working space; of input convolutions kh*kw*ic bytes. `fill` of an input convolution
 * is the offset that the network subtracts, so that a tap outside adds nothing; see above for folding it. */
void tp_binary_conv_padded(const uint32_t *x, const uint32_t *weight, int32_t *y, uint32_t *patch, const tp_conv *shape);
void tp_binary_conv_threshold_padded(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, uint32_t *patch, const tp_conv *shape);
void tp_binary_conv_transform_padded(const uint32_t *x, const uint32_t *weight, const float *mul, const float *add, float *y, uint32_t *patch, const tp_transform *by, const tp_conv *shape);
void tp_input_conv_padded(const uint8_t *image, const uint32_t *weight, int32_t *y, uint8_t *patch, const tp_conv *shape);
void tp_input_conv_threshold_padded(const uint8_t *image, const uint32_t *weight, const int32_t *threshold, uint32_t *y, uint8_t *patch, const tp_conv *shape);
/* weight [oc][kh][kw][ic], 8 bits: y = sum of weight * (pixel - fill), with or without padding. */
void tp_input_conv_i8(const uint8_t *image, const int8_t *weight, int32_t *y, uint8_t *patch, const tp_conv *shape);

/* ---- other ways to count bits: bits_variants.c ------------------------------------------------------------------------- */

void tp_binary_dense_libcall(const uint32_t *x, const uint32_t *weight, int32_t *y, int32_t bits, int32_t rows, int32_t words);
void tp_binary_dense_threshold_libcall(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, int32_t bits, int32_t rows, int32_t words);
void tp_binary_conv_libcall(const uint32_t *x, const uint32_t *weight, int32_t *y, const tp_conv *shape);
void tp_binary_conv_threshold_libcall(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, const tp_conv *shape);
void tp_binary_dense_table(const uint32_t *x, const uint32_t *weight, int32_t *y, int32_t bits, int32_t rows, int32_t words);
void tp_binary_dense_threshold_table(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, int32_t bits, int32_t rows, int32_t words);
void tp_binary_conv_table(const uint32_t *x, const uint32_t *weight, int32_t *y, const tp_conv *shape);
void tp_binary_conv_threshold_table(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, const tp_conv *shape);
void tp_binary_dense_harley_seal(const uint32_t *x, const uint32_t *weight, int32_t *y, int32_t bits, int32_t rows, int32_t words);
void tp_binary_dense_threshold_harley_seal(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, int32_t bits, int32_t rows, int32_t words);
void tp_binary_conv_harley_seal(const uint32_t *x, const uint32_t *weight, int32_t *y, const tp_conv *shape);
void tp_binary_conv_threshold_harley_seal(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, const tp_conv *shape);
void tp_binary_dense_swar(const uint32_t *x, const uint32_t *weight, int32_t *y, int32_t bits, int32_t rows, int32_t words);
void tp_binary_dense_threshold_swar(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, int32_t bits, int32_t rows, int32_t words);
void tp_binary_conv_swar(const uint32_t *x, const uint32_t *weight, int32_t *y, const tp_conv *shape);
void tp_binary_conv_threshold_swar(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, const tp_conv *shape);
/* `patch`: kh*kw*words words of working space. */
void tp_binary_conv_im2col(const uint32_t *x, const uint32_t *weight, int32_t *y, uint32_t *patch, const tp_conv *shape);
void tp_binary_conv_threshold_im2col(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, uint32_t *patch, const tp_conv *shape);
extern const uint8_t tp_popcount_table[256];

/* ---- layers around the binary ones: layers.c ---------------------------------------------------------------------------
 *
 * Maps are [pixel][channel]. Windows may be padded: taps outside are left out. */
void tp_output_transform(const int32_t *x, const float *mul, const float *add, float *y, const tp_transform *by, int32_t pixels, int32_t channels);
void tp_binary_conv_transform(const uint32_t *x, const uint32_t *weight, const float *mul, const float *add, float *y, const tp_transform *by, const tp_conv *shape);
void tp_binary_dense_transform(const uint32_t *x, const uint32_t *weight, const float *mul, const float *add, float *y, const tp_transform *by, int32_t bits, int32_t rows, int32_t words);
/* x [pixel][base][channel]: y = sum over the bases of coefficient[base][channel] * x. */
void tp_combine_bases(const int32_t *x, const float *coefficient, float *y, int32_t pixels, int32_t channels, int32_t bases);
/* x * mul[channel] + add[channel]. */
void tp_affine_f32(const float *x, const float *mul, const float *add, float *y, int32_t pixels, int32_t channels);
void tp_affine_i32(const int32_t *x, const float *mul, const float *add, float *y, int32_t pixels, int32_t channels);
void tp_affine_u8(const uint8_t *x, const float *mul, const float *add, float *y, int32_t pixels, int32_t channels);
void tp_bias_f32(const float *x, const float *bias, float *y, int32_t pixels, int32_t channels);
void tp_relu_f32(const float *x, float *y, int32_t n);
void tp_relu_i32(const int32_t *x, int32_t *y, int32_t n);
void tp_prelu_f32(const float *x, const float *alpha, float *y, int32_t pixels, int32_t channels);
void tp_sigmoid_f32(const float *x, float *y, int32_t n);
/* Bits [pixel][ceil(channels / 32)]: set iff x < 0. */
void tp_sign_f32(const float *x, uint32_t *y, int32_t pixels, int32_t channels);
void tp_gate_f32(const float *x, const float *gate, float *y, int32_t pixels, int32_t channels);
/* `maps` one after the other, map i of width[i] channels. */
void tp_concat_f32(const float *maps, const int32_t *width, float *y, int32_t pixels, int32_t inputs);
/* Channels start ... start + channels of maps of `from` channels. */
void tp_slice_f32(const float *x, float *y, int32_t start, int32_t pixels, int32_t channels, int32_t from);
void tp_add_last_f32(const float *x, const float *last, float *y, int32_t pixels, int32_t channels, int32_t tail);
void tp_add_i32(const int32_t *a, const int32_t *b, int32_t *y, int32_t n);
void tp_add_f32(const float *a, const float *b, float *y, int32_t n);
void tp_lookup_u8_i8(const uint8_t *x, const int8_t *table, int8_t *y, int32_t n);
void tp_offset_shift_i32(const int32_t *x, const int32_t *offset, int32_t *y, int32_t shift, int32_t pixels, int32_t channels);
void tp_max_pool_i32(const int32_t *x, int32_t *y, const tp_conv *shape);
void tp_max_pool_f32(const float *x, float *y, const tp_conv *shape);
/* Divided by the taps inside. */
void tp_avg_pool_f32(const float *x, float *y, const tp_conv *shape);
void tp_global_avg_pool_f32(const float *x, float *y, int32_t pixels, int32_t channels);
/* Packed bits: -1 only where all taps inside are -1. */
void tp_max_pool_bits(const uint32_t *x, uint32_t *y, const tp_conv *shape);

/* ---- float convolutions: conv_f32.c ------------------------------------------------------------------------------------
 *
 * Sums in the order (ky, kx, channel) from +0, the bias last; pass zeros for none. Weights [oc][kh][kw][ic], of depthwise [kh][kw][channel],
 * of sign convolutions packed [oc][kh][kw][words]. */
void tp_conv_f32(const float *x, const float *weight, const float *bias, float *y, const tp_conv *shape);
void tp_sign_conv_f32(const float *x, const uint32_t *weight, float *y, const tp_conv *shape);
void tp_depthwise_f32(const float *x, const float *weight, const float *bias, float *y, const tp_conv *shape);
void tp_dense_f32(const float *x, const float *weight, const float *bias, float *y, int32_t rows, int32_t columns);

/* ---- 8-bit layers: int8.c, int8_simd.c ---------------------------------------------------------------------------------
 *
 * Codes, factors and roundings are TensorFlow Lite's: code = clamp(round2(sum * multiplier * 2^(shift - 31)) + zero, lo, hi), the high word
 * of the product first (halves up), then the shift (halves away from zero); shift -31 ... 31, and sum * 2^shift must fit 32 bits. */
typedef struct {
    int32_t multiplier, shift;
} tp_factor;

typedef struct {
    int32_t input_zero, zero, lo, hi;
} tp_quant;

/* sum = bias[o] + sum of weight * (x - input_zero); taps outside add nothing; one factor an output. */
void tp_int8_conv_plain(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, const tp_quant *q, const tp_conv *shape);
void tp_int8_depthwise_plain(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, const tp_quant *q, const tp_conv *shape);
void tp_int8_dense_plain(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, const tp_quant *q, int32_t rows, int32_t columns);
/* Cortex-M4, M7. `patch`: 2*kh*kw*ic numbers, `wide`: `columns` numbers of working space. */
void tp_int8_conv_smlad(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, int16_t *patch, const tp_quant *q, const tp_conv *shape);
void tp_int8_dense_smlad(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, int16_t *wide, const tp_quant *q, int32_t rows, int32_t columns);
/* Cortex-A53. Weights -127 ... 127; bias[o] - input_zero * (sum of the filter's weights) stands in `bias`. `patch`: kh*kw*ic bytes. */
void tp_int8_conv_neon(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, int8_t *patch, const tp_quant *q, const tp_conv *shape);
void tp_int8_dense_neon(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, const tp_quant *q, int32_t rows, int32_t columns);
/* `factors`: of both inputs to the common unit, and from it to the output. */
void tp_int8_add(const int8_t *a, const int8_t *b, int8_t *y, const int32_t *zeros, const tp_factor *factors, const tp_quant *q, int32_t n);
void tp_int8_mul(const int8_t *a, const int8_t *b, int8_t *y, const int32_t *zeros, const tp_factor *factor, const tp_quant *q, int32_t n);
void tp_int8_gate(const int8_t *a, const int8_t *gate, int8_t *y, const int32_t *zeros, const tp_factor *factor, const tp_quant *q, int32_t pixels, int32_t channels);
void tp_int8_rescale(const int8_t *x, int8_t *y, const tp_factor *factor, const tp_quant *q, int32_t n);
/* `factors`: of v = x - input_zero where it is not negative, of v * alpha[channel] where it is. */
void tp_int8_prelu(const int8_t *x, const int32_t *alpha, int8_t *y, const tp_factor *factors, const tp_quant *q, int32_t pixels, int32_t channels);
void tp_int8_lookup(const int8_t *x, const int8_t *table, int8_t *y, int32_t n);
void tp_int8_max_pool(const int8_t *x, int8_t *y, const tp_quant *q, const tp_conv *shape);
void tp_int8_avg_pool(const int8_t *x, int8_t *y, const tp_quant *q, const tp_conv *shape);
void tp_int8_mean(const int8_t *x, int8_t *y, const tp_factor *factor, const tp_quant *q, int32_t pixels, int32_t channels);

/* Index of the first largest of z[0..classes]. */
void tp_arg_max_i32(const int32_t *z, int32_t *index, int32_t classes);
void tp_arg_max_f32(const float *z, int32_t *index, int32_t classes);

/* ---- learning head, integers: head.c ----------------------------------------------------------------------------------
 *
 * Rounding is to nearest, ties to even, once for each result; results saturate to their limits. A real factor is
 * mantissa / 2^shift with mantissa 2^30 ... 2^31 - 1 and shift 1 ... 62; one too small to matter is mantissa 0, shift 62.
 * Rows are [class][feature]; features and forward weights have zero point 0 but where `affine` stands in the name.
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
void tp_forward_copy_i8_i16(const int8_t *master, int16_t *copy, const tp_requant *by, int32_t n);
void tp_forward_copy_i16_i16(const int16_t *master, int16_t *copy, const tp_requant *by, int32_t n);
void tp_forward_copy_i32_i16(const int32_t *master, int16_t *copy, const tp_requant *by, int32_t n);
/* Of the bias, to the unit of the dot products. */
void tp_forward_copy_i8_i32(const int8_t *master, int32_t *copy, const tp_requant *by, int32_t n);
void tp_forward_copy_i16_i32(const int16_t *master, int32_t *copy, const tp_requant *by, int32_t n);
void tp_forward_copy_i32_i32(const int32_t *master, int32_t *copy, const tp_requant *by, int32_t n);

/* Smallest and largest code, the code of zero among them. */
void tp_range_i8(const int8_t *code, int32_t *range, int32_t zero, int32_t n);
void tp_range_i16(const int16_t *code, int32_t *range, int32_t zero, int32_t n);
void tp_range_i32(const int32_t *code, int32_t *range, int32_t zero, int32_t n);
void tp_range_i64(const int64_t *fine, int64_t *range, int32_t n);

/* z[c] = bias[c] + sum over k of weight[c][k] * feature[k]; pass zeros for no bias. */
void tp_head_forward_i8(const int8_t *feature, const int8_t *weight, const int32_t *bias, int32_t *z, int32_t classes, int32_t features);
void tp_head_forward_affine_i8(const int8_t *feature, const int8_t *weight, const int32_t *bias, int32_t *z, int32_t feature_zero, int32_t weight_zero, int32_t classes, int32_t features);

/* Operands of 16 bits; the checked ones saturate at each addition. */
void tp_head_forward_i8_i16(const int8_t *feature, const int16_t *weight, const int32_t *bias, int32_t *z, int32_t classes, int32_t features);
void tp_head_forward_checked_i8_i16(const int8_t *feature, const int16_t *weight, const int32_t *bias, int32_t *z, int32_t classes, int32_t features);
void tp_head_forward_affine_i8_i16(const int8_t *feature, const int16_t *weight, const int32_t *bias, int32_t *z, int32_t feature_zero, int32_t weight_zero, int32_t classes, int32_t features);
void tp_head_forward_affine_checked_i8_i16(const int8_t *feature, const int16_t *weight, const int32_t *bias, int32_t *z, int32_t feature_zero, int32_t weight_zero, int32_t classes, int32_t features);
void tp_head_forward_i16_i8(const int16_t *feature, const int8_t *weight, const int32_t *bias, int32_t *z, int32_t classes, int32_t features);
void tp_head_forward_checked_i16_i8(const int16_t *feature, const int8_t *weight, const int32_t *bias, int32_t *z, int32_t classes, int32_t features);
void tp_head_forward_affine_i16_i8(const int16_t *feature, const int8_t *weight, const int32_t *bias, int32_t *z, int32_t feature_zero, int32_t weight_zero, int32_t classes, int32_t features);
void tp_head_forward_affine_checked_i16_i8(const int16_t *feature, const int8_t *weight, const int32_t *bias, int32_t *z, int32_t feature_zero, int32_t weight_zero, int32_t classes, int32_t features);
void tp_head_forward_i16_i16(const int16_t *feature, const int16_t *weight, const int32_t *bias, int32_t *z, int32_t classes, int32_t features);
void tp_head_forward_checked_i16_i16(const int16_t *feature, const int16_t *weight, const int32_t *bias, int32_t *z, int32_t classes, int32_t features);
void tp_head_forward_affine_i16_i16(const int16_t *feature, const int16_t *weight, const int32_t *bias, int32_t *z, int32_t feature_zero, int32_t weight_zero, int32_t classes, int32_t features);
void tp_head_forward_affine_checked_i16_i16(const int16_t *feature, const int16_t *weight, const int32_t *bias, int32_t *z, int32_t feature_zero, int32_t weight_zero, int32_t classes, int32_t features);

/* Logits -> probabilities in q1.30. exp(-t * unit) = 2^-y with y = round(t * mantissa / 2^right) * 2^left in UQ5.27;
 * left 0 ... 2, right 0 ... 63. */
void tp_softmax_i32(const int32_t *z, int32_t *p, uint32_t mantissa, int32_t left, int32_t right, int32_t classes);

/* The same to codes of a grid; `work`: `classes` numbers of working space. */
void tp_softmax_i32_i8(const int32_t *z, int8_t *p, int32_t *work, uint32_t mantissa, int32_t left, int32_t right, const tp_requant *by, int32_t classes);

/* difference[b][c] = p[b][c] - zero - (c == label[b] ? one : 0); range = smallest and largest of them and 0. */
void tp_error_i32(const int32_t *p, const int32_t *label, int32_t *difference, int32_t *range, int32_t zero, int32_t one, int32_t batch, int32_t classes);
void tp_error_i8(const int8_t *p, const int32_t *label, int32_t *difference, int32_t *range, int32_t zero, int32_t one, int32_t batch, int32_t classes);

/* Differences -> error codes. */
void tp_quantise_error_i8(const int32_t *difference, int8_t *error, const tp_requant *by, int32_t n);
void tp_quantise_error_i16(const int32_t *difference, int16_t *error, const tp_requant *by, int32_t n);
void tp_quantise_error_i32(const int32_t *difference, int32_t *error, const tp_requant *by, int32_t n);

/* sum[c][k] += (error[c] - zero) * feature[k], one sample. */
void tp_gradient_accumulate_i8(const int8_t *error, const int8_t *feature, int32_t *sum, int32_t zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_i16(const int16_t *error, const int8_t *feature, int32_t *sum, int32_t zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_i32(const int32_t *error, const int8_t *feature, int64_t *sum, int32_t zero, int32_t classes, int32_t features);

/* range = smallest and largest sum, `zero` (0) among them; 64-bit sums lie within +-2^61. */
void tp_gradient_range_i32(const int32_t *sum, int32_t *range, int32_t zero, int32_t n);
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

/* Weights whose range is taken anew each step: fine[i] = round((base[i] - zero) * widen) - round((gradient[i] - zero) * step) in units of
 * 2^-40. A factor is mantissa * 2^left / 2^right, right 0 ... 62, |code * mantissa * 2^left| < 2^63. */
typedef struct {
    int32_t mantissa, left, right, zero;
} tp_fine;

void tp_sgd_update_i32_i8_i64(const int32_t *gradient, const int8_t *base, int64_t *fine, const tp_fine *widen, const tp_fine *step, int32_t n);
void tp_sgd_update_i32_i16_i64(const int32_t *gradient, const int16_t *base, int64_t *fine, const tp_fine *widen, const tp_fine *step, int32_t n);
void tp_sgd_update_i32_i32_i64(const int32_t *gradient, const int32_t *base, int64_t *fine, const tp_fine *widen, const tp_fine *step, int32_t n);
/* Fine grid -> codes; |fine| < 2^60 and |fine * factor| < 2^33. */
void tp_requantise_i64_i8(const int64_t *fine, int8_t *code, const tp_requant *by, int32_t n);
void tp_requantise_i64_i16(const int64_t *fine, int16_t *code, const tp_requant *by, int32_t n);
void tp_requantise_i64_i32(const int64_t *fine, int32_t *code, const tp_requant *by, int32_t n);

/* velocity = limit(round(velocity * momentum) + round((gradient - zero) * step) + round(master * decay)); limits from
 * gradient_by->lo, hi; momentum and decay: only mantissa and shift are read. */
void tp_velocity_i8_i8(const int8_t *gradient, const int8_t *master, int32_t *velocity, const tp_requant *gradient_by, const tp_requant *momentum, const tp_requant *decay, int32_t n);
void tp_velocity_i16_i16(const int16_t *gradient, const int16_t *master, int32_t *velocity, const tp_requant *gradient_by, const tp_requant *momentum, const tp_requant *decay, int32_t n);
void tp_velocity_i32_i8(const int32_t *gradient, const int8_t *master, int32_t *velocity, const tp_requant *gradient_by, const tp_requant *momentum, const tp_requant *decay, int32_t n);
void tp_velocity_i32_i16(const int32_t *gradient, const int16_t *master, int32_t *velocity, const tp_requant *gradient_by, const tp_requant *momentum, const tp_requant *decay, int32_t n);
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
void tp_head_forward_f32(const float *feature, const float *weight, const float *bias, float *z, int32_t classes, int32_t features);
void tp_forward_copy_f32_f32(const float *master, float *copy, int32_t n);
void tp_softmax_f32(const float *z, float *p, int32_t classes);
void tp_error_f32(const float *p, const int32_t *label, float *difference, int32_t batch, int32_t classes);
void tp_gradient_accumulate_f32(const float *error, const float *feature, float *sum, int32_t classes, int32_t features);
/* gradient = sum * (1 / batch). */
void tp_quantise_gradient_f32(const float *sum, float *gradient, float mean, int32_t n);
void tp_velocity_f32(const float *gradient, const float *master, float *velocity, float momentum, float decay, int32_t n);
void tp_sgd_update_f32(const float *gradient, float *master, float rate, int32_t n);
void tp_mean_rows_f32(const float *master, const int32_t *row, float *mean, int32_t rows, int32_t columns);
/* Of codes: (code - zero) * scale in f32. */
void tp_mean_rows_i8_f32(const int8_t *master, const int32_t *row, float *mean, int32_t zero, float scale, int32_t rows, int32_t columns);
void tp_mean_rows_i16_f32(const int16_t *master, const int32_t *row, float *mean, int32_t zero, float scale, int32_t rows, int32_t columns);
/* master = limit(round(consolidated / scale) + zero) on the rows taken, `zero` on the others; |consolidated / scale| + |zero| < 2^31. */
void tp_load_rows_f32_i8(const float *consolidated, int8_t *master, const uint8_t *take, double scale, int32_t zero, int32_t lo, int32_t hi, int32_t rows, int32_t columns);
void tp_load_rows_f32_i16(const float *consolidated, int16_t *master, const uint8_t *take, double scale, int32_t zero, int32_t lo, int32_t hi, int32_t rows, int32_t columns);
void tp_consolidate_rows_i8_f32(const int8_t *master, const float *weight, const int32_t *row, float *consolidated, float mean, int32_t zero, float scale, int32_t rows, int32_t columns);
void tp_consolidate_rows_i16_f32(const int16_t *master, const float *weight, const int32_t *row, float *consolidated, float mean, int32_t zero, float scale, int32_t rows, int32_t columns);
void tp_past_weight_f32(const uint32_t *past, const uint32_t *current, float *weight, int32_t classes);
void tp_consolidate_rows_f32(const float *master, const float *weight, const int32_t *row, float *consolidated, float mean, int32_t rows, int32_t columns);

void tp_load_rows_f32_i32(const float *consolidated, int32_t *master, const uint8_t *take, double scale, int32_t zero, int32_t lo, int32_t hi, int32_t rows, int32_t columns);
void tp_mean_rows_i32_f32(const int32_t *master, const int32_t *row, float *mean, int32_t zero, float scale, int32_t rows, int32_t columns);
void tp_consolidate_rows_i32_f32(const int32_t *master, const float *weight, const int32_t *row, float *consolidated, float mean, int32_t zero, float scale, int32_t rows, int32_t columns);

/* ---- layers of float and 8-bit networks: layers.c, int8.c; binary maps of two planes with a border: conv_padded.c ------- */

void tp_clamp_f32(const float *x, float *y, float low, float high, int32_t n);
/* Of the channels of each pixel. */
void tp_channel_softmax_f32(const float *x, float *y, int32_t pixels, int32_t channels);
/* Output channel c * multiplier + m of input channel c; weights [tap][output channel]. */
void tp_int8_depthwise_multiplied(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, const tp_quant *q, const tp_conv *shape, int32_t multiplier);
/* round(x / scale) + zero, halves away from zero; scale * (x - zero). */
void tp_int8_quantise(const float *x, int8_t *y, float scale, int32_t zero, int32_t n);
void tp_int8_dequantise(const int8_t *x, float *y, float scale, int32_t zero, int32_t n);
/* Probabilities in units of 1/256 less 128; differences below `least` count as none. The table has 256 exponentials, of -d at d. */
void tp_int8_softmax(const int8_t *x, int8_t *y, const tp_factor *factor, int32_t least, int32_t pixels, int32_t channels);
void tp_int8_softmax_table(const int8_t *x, const int32_t *table, int8_t *y, int32_t pixels, int32_t channels);
/* As tp_binary_conv_threshold_padded, two thresholds a channel, planes of a pixel (or tap) one after the other; `patch` has
 * kh * kw * words * 2 words and one number a tap. */
void tp_binary_conv_threshold_padded_b2_b1(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, uint32_t *patch, const tp_conv *shape);
void tp_binary_conv_threshold_padded_b2_b2(const uint32_t *x, const uint32_t *weight, const int32_t *threshold, uint32_t *y, uint32_t *patch, const tp_conv *shape);

#include "learning.h"

#endif
