/*
 * The structure of software that was measured on boards, in our own words: the loops, blocks, roundings and buffers that its documentation and
 * published sources describe, so that the costs of a class of software can be read from compiled code. No device needs these.
 *
 * Operands are those of tinyprec.h unless said otherwise; working space stands behind the output.
 */
#ifndef TINYPREC_CLASSES_H
#define TINYPREC_CLASSES_H

#include "tinyprec.h"

/* ---- CMSIS-NN, 8 bits: cmsis_nn.c (cores with SMLAD) -------------------------------------------------------------------
 *
 * `patch`: two columns of kh*kw*ic 16-bit numbers; of depthwise one of kh*kw*channels. */
void tp_cmsis_conv(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, int16_t *patch, const tp_quant *q, const tp_conv *shape);
/* 1 x 1, stride 1: no column is made; the input's zero is folded into the start of the sums once a layer. */
void tp_cmsis_conv_1x1(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, const tp_quant *q, const tp_conv *shape);
/* 3 x 3 with at most one pixel of padding, four channels at a time from the map itself. */
void tp_cmsis_depthwise_3x3(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, const tp_quant *q, const tp_conv *shape);
void tp_cmsis_depthwise(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, int16_t *patch, const tp_quant *q, const tp_conv *shape);
void tp_cmsis_dense(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, const tp_quant *q, int32_t rows, int32_t columns);
/* Softmax (cmsis_softmax.c); `factor` brings differences to 5 integer bits, shift 0 ... 31, those below `least` count nothing. */
void tp_cmsis_softmax(const int8_t *x, int8_t *y, const tp_factor *factor, int32_t least, int32_t pixels, int32_t channels);

/* ---- TensorFlow Lite Micro's reference kernels: tflm.c ----------------------------------------------------------------- */

void tp_tflm_conv(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, const tp_quant *q, const tp_conv *shape);
void tp_tflm_depthwise(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, const tp_quant *q, const tp_conv *shape);
void tp_tflm_dense(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, const tp_quant *q, int32_t rows, int32_t columns);
void tp_tflm_max_pool(const int8_t *x, int8_t *y, const tp_quant *q, const tp_conv *shape);
void tp_tflm_avg_pool(const int8_t *x, int8_t *y, const tp_quant *q, const tp_conv *shape);
void tp_tflm_conv_f32(const float *x, const float *weight, const float *bias, float *y, const tp_conv *shape);
/* Cores with a fused multiply-add: each product fused with its sum; results between lo and hi. */
void tp_tflm_dense_f32(const float *x, const float *weight, const float *bias, float *y, float lo, float hi, int32_t rows, int32_t columns);
/* e^(beta * (x - largest)) over its sum; this project's exponential stands for the C library's. */
void tp_tflm_softmax_f32(const float *x, float *y, float beta, int32_t pixels, int32_t channels);
/* The same with the exponential in double precision. */
void tp_tflm_softmax_f32_wide(const float *x, float *y, float beta, int32_t pixels, int32_t channels);

/* ---- TinyMaix, 8 bits: tinymaix.c --------------------------------------------------------------------------------------
 *
 * Weights [oc][ic][kh][kw], of depthwise [channel][kh][kw]; `bias` holds the input's zero folded in. Results pass through single precision:
 * y = trunc(max(sum * scale[oc], 0) / out[0] + zero), or times out[1] = 1 / out[0]. `patch`: kh*kw*ic bytes. `offset`: kh*kw numbers. */
void tp_tinymaix_conv(const int8_t *x, const int8_t *weight, const int32_t *bias, const float *scale, int8_t *y, int8_t *patch, int32_t *offset, const float *out, const tp_quant *q, const tp_conv *shape);
void tp_tinymaix_pointwise(const int8_t *x, const int8_t *weight, const int32_t *bias, const float *scale, int8_t *y, const float *out, const tp_quant *q, const tp_conv *shape);
void tp_tinymaix_depthwise(const int8_t *x, const int8_t *weight, const int32_t *bias, const float *scale, int8_t *y, int8_t *patch, int32_t *offset, const float *out, const tp_quant *q, const tp_conv *shape);
void tp_tinymaix_dense(const int8_t *x, const int8_t *weight, const int32_t *bias, const float *scale, int8_t *y, const float *out, const tp_quant *q, int32_t rows, int32_t columns);
/* With products of two lanes (cores with SMLAD), or of eight (NEON). */
void tp_tinymaix_conv_simd(const int8_t *x, const int8_t *weight, const int32_t *bias, const float *scale, int8_t *y, int8_t *patch, int32_t *offset, const float *out, const tp_quant *q, const tp_conv *shape);
void tp_tinymaix_pointwise_simd(const int8_t *x, const int8_t *weight, const int32_t *bias, const float *scale, int8_t *y, const float *out, const tp_quant *q, const tp_conv *shape);
void tp_tinymaix_depthwise_simd(const int8_t *x, const int8_t *weight, const int32_t *bias, const float *scale, int8_t *y, int8_t *patch, int32_t *offset, const float *out, const tp_quant *q, const tp_conv *shape);
void tp_tinymaix_dense_simd(const int8_t *x, const int8_t *weight, const int32_t *bias, const float *scale, int8_t *y, const float *out, const tp_quant *q, int32_t rows, int32_t columns);
/* Optimisation level 1: eight outputs at a time, two by two over one pass of the patch; the quotient by a product. */
void tp_tinymaix_conv_o1(const int8_t *x, const int8_t *weight, const int32_t *bias, const float *scale, int8_t *y, int8_t *patch, int32_t *offset, const float *out, const tp_quant *q, const tp_conv *shape);
/* 3 x 3 depthwise layers of level 1: a whole patch is not gathered. */
void tp_tinymaix_depthwise_3x3_o1(const int8_t *x, const int8_t *weight, const int32_t *bias, const float *scale, int8_t *y, int8_t *patch, int32_t *offset, const float *out, const tp_quant *q, const tp_conv *shape);
void tp_tinymaix_pointwise_o1(const int8_t *x, const int8_t *weight, const int32_t *bias, const float *scale, int8_t *y, const float *out, const tp_quant *q, const tp_conv *shape);
void tp_tinymaix_conv_o1_simd(const int8_t *x, const int8_t *weight, const int32_t *bias, const float *scale, int8_t *y, int8_t *patch, int32_t *offset, const float *out, const tp_quant *q, const tp_conv *shape);
void tp_tinymaix_pointwise_o1_simd(const int8_t *x, const int8_t *weight, const int32_t *bias, const float *scale, int8_t *y, const float *out, const tp_quant *q, const tp_conv *shape);
/* Results scaled by whole numbers (`TM_FASTSCALE`, AArch64): y = (max(sum * 2^8 / scale[oc], 0) * out[0] >> 16) + zero. */
void tp_tinymaix_conv_integers(const int8_t *x, const int8_t *weight, const int32_t *bias, const int32_t *scale, int8_t *y, int8_t *patch, int32_t *offset, const int32_t *out, const tp_quant *q, const tp_conv *shape);
void tp_tinymaix_depthwise_integers(const int8_t *x, const int8_t *weight, const int32_t *bias, const int32_t *scale, int8_t *y, int8_t *patch, int32_t *offset, const int32_t *out, const tp_quant *q, const tp_conv *shape);
void tp_tinymaix_pointwise_integers(const int8_t *x, const int8_t *weight, const int32_t *bias, const int32_t *scale, int8_t *y, const int32_t *out, const tp_quant *q, const tp_conv *shape);
void tp_tinymaix_conv_o1_integers(const int8_t *x, const int8_t *weight, const int32_t *bias, const int32_t *scale, int8_t *y, int8_t *patch, int32_t *offset, const int32_t *out, const tp_quant *q, const tp_conv *shape);
void tp_tinymaix_depthwise_3x3_o1_integers(const int8_t *x, const int8_t *weight, const int32_t *bias, const int32_t *scale, int8_t *y, int8_t *patch, int32_t *offset, const int32_t *out, const tp_quant *q, const tp_conv *shape);
void tp_tinymaix_pointwise_o1_integers(const int8_t *x, const int8_t *weight, const int32_t *bias, const int32_t *scale, int8_t *y, const int32_t *out, const tp_quant *q, const tp_conv *shape);

/* ---- Last-layer training on a Cortex-M4: tinyol.c (single-precision float unit, the C library's double exp and log) ---------
 *
 * One sample a call; weights [class][feature]. `p` holds the logits before tp_tinyol_softmax and probabilities after it. */
void tp_tinyol_forward(const float *x, float *weight, float *bias, float *p, int32_t classes, int32_t features);
void tp_tinyol_softmax(float *p, int32_t classes);
/* weight -= (p - truth) * x * rate. */
void tp_tinyol_update(const float *p, const float *truth, const float *x, float *weight, float *bias, float rate, int32_t classes, int32_t features);
/* sum += (p - truth) * x. */
void tp_tinyol_accumulate(const float *p, const float *truth, const float *x, float *sum, float *bias_sum, int32_t classes, int32_t features);
/* weight -= sum / batch * rate, sum = 0. */
void tp_tinyol_apply(float *weight, float *sum, float rate, int32_t batch, int32_t rows, int32_t columns);
/* weight = (weight * found[row] + current) / (found[row] + 1). */
void tp_tinyol_consolidate(float *weight, float *current, const uint8_t *found, int32_t rows, int32_t columns);
void tp_tinyol_copy(float *from, float *to, int32_t rows, int32_t columns);

/* ---- CMSIS-NN's older kernels, 8 bits with a power of two as scale: cmsis_q7.c (cores with SMLAD) -----------------------
 *
 * y = saturate((bias * 2^up + sum + rounding) / 2^down). `patch`: two columns of kh*kw*ic 16-bit numbers. */
typedef struct {
    int32_t up, down;
} tp_shifts;

void tp_q7_conv(const int8_t *x, const int8_t *weight, const int8_t *bias, int8_t *y, int16_t *patch, const tp_shifts *by, const tp_conv *shape);
/* Channels a multiple of four, filters of two: the order of each four is left as the extension of bytes gives it. */
void tp_q7_conv_fast(const int8_t *x, const int8_t *weight, const int8_t *bias, int8_t *y, int16_t *patch, const tp_shifts *by, const tp_conv *shape);
/* `column`: kh*kw*ic codes. */
void tp_q7_depthwise(const int8_t *x, const int8_t *weight, const int8_t *bias, int8_t *y, int8_t *column, const tp_shifts *by, const tp_conv *shape);
/* `wide`: `columns` 16-bit numbers. */
void tp_q7_dense(const int8_t *x, const int8_t *weight, const int8_t *bias, int8_t *y, int16_t *wide, const tp_shifts *by, int32_t rows, int32_t columns);
/* Shares of powers of two (cmsis_softmax.c). */
void tp_q7_softmax(const int8_t *x, int8_t *y, int32_t pixels, int32_t channels);

/* ---- Unsigned 8 bits with zero points of both operands, after the INT-Q extension of CMSIS-NN: cmsis_u8.c -----------------
 *
 * y = clamp((sum of (weight - weight_zero) * (x - input_zero) + bias) * multiplier / 2^(32 + shift) + zero, lo, hi), rounded down. */
typedef struct {
    int32_t input_zero, weight_zero, multiplier, shift, zero;
} tp_unsigned;

void tp_u8_conv(const uint8_t *x, const uint8_t *weight, const int32_t *bias, uint8_t *y, int16_t *patch, const tp_unsigned *q, const tp_conv *shape);
/* Channels a multiple of four: both operands stay in the order that widening leaves. */
void tp_u8_conv_reordered(const uint8_t *x, const uint8_t *weight, const int32_t *bias, uint8_t *y, int16_t *patch, const tp_unsigned *q, const tp_conv *shape);
void tp_u8_depthwise(const uint8_t *x, const uint8_t *weight, const int32_t *bias, uint8_t *y, int16_t *patch, const tp_unsigned *q, const tp_conv *shape);
void tp_u8_dense(const uint8_t *x, const uint8_t *weight, const int32_t *bias, uint8_t *y, int16_t *wide, const tp_unsigned *q, int32_t rows, int32_t columns);

/* ---- Matrix products on NEON, one thread: gemm.c (Cortex-A53) ----------------------------------------------------------------
 *
 * Single precision: weights of whole blocks of eight filters come first, [block][term][8], then the rest, [filter][term], and eight numbers more that are
 * read ahead. `panel`: oh*ow*kh*kw*ic numbers and twelve more. Products are fused with their sums. */
void tp_gemm_conv_f32(const float *x, const float *weight, const float *bias, float *y, float *panel, const tp_conv *shape);
/* 1 x 1, stride 1, channels a multiple of four. */
void tp_gemm_conv_1x1_f32(const float *x, const float *weight, const float *bias, float *y, float *panel, const tp_conv *shape);
/* 3 x 3, stride 1, channels a multiple of four, filters of eight: F(6 x 6, 3 x 3). `weight`: 64 points of every filter, [point][block][channel][8] and eight
 * more. With t = ceil(oh/6) * ceil(ow/6) tiles, `border`: (6*ceil(oh/6)+2) * (6*ceil(ow/6)+2) * ic, `points`: 64*t*ic, `panel`: t*ic and twelve more, `product`:
 * 64*t*oc numbers. */
void tp_gemm_winograd_f32(const float *x, const float *weight, const float *bias, float *y, float *border, float *points, float *panel, float *product, const tp_conv *shape);
/* The same by F(4 x 4, 3 x 3): 36 points, tiles of four by four; for layers of more than 32 channels or filters, whose points weigh more. */
void tp_gemm_winograd_4_f32(const float *x, const float *weight, const float *bias, float *y, float *border, float *points, float *panel, float *product, const tp_conv *shape);
void tp_gemm_dense_f32(const float *x, const float *weight, const float *bias, float *y, int32_t rows, int32_t columns);
/* Four channels at a time; weights [tap][channel]. */
void tp_gemm_depthwise_f32(const float *x, const float *weight, const float *bias, float *y, const tp_conv *shape);
/* 3 x 3, stride 1 and 2, channels a multiple of four; `border`: the map with its padding. */
void tp_gemm_depthwise_3x3_f32(const float *x, const float *weight, const float *bias, float *y, float *border, const tp_conv *shape);
void tp_gemm_depthwise_3x3s2_f32(const float *x, const float *weight, const float *bias, float *y, float *border, const tp_conv *shape);
/* Passes over maps. */
void tp_gemm_relu_f32(const float *x, float *y, int32_t n);
void tp_gemm_add_f32(const float *a, const float *b, float *y, int32_t n);
void tp_gemm_slice_f32(const float *x, float *y, int32_t start, int32_t pixels, int32_t channels, int32_t from);
/* 8 bits: gemm_int8.c. `bias` holds the input's zero folded in unless said otherwise, no weight is -128; `map`: sums of a layer, oh*ow (rounded up to eight for the
 * first two) * oc, which are converted in a pass of their own as the engine does.
 *
 * Filters of eight: eight pixels by eight filters, four terms at a time. `weight` [block of eight][step][two pairs][filter][pair], terms padded with zeros to w, a
 * multiple of eight; `rows`: 8*w codes, `panel`: oh*ow rounded up to eight, times w. */
void tp_gemm_conv_8_i8(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, int8_t *rows, int8_t *panel, int32_t *map, const tp_quant *q, const tp_conv *shape);
/* 1 x 1, channels of eight: no rows. */
void tp_gemm_conv_1x1_i8(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, int8_t *panel, int32_t *map, const tp_quant *q, const tp_conv *shape);
/* 3 x 3, stride 1, channels and filters of eight: F(4 x 4, 3 x 3) on whole numbers. `weight`: 36 points of every filter, [point][block][channel][8] and eight more;
 * sums times 576 must fit 32 bits. With t = ceil(oh/4) * ceil(ow/4) tiles rounded up to eight, `border`: (4*ceil(oh/4)+2) * (4*ceil(ow/4)+2) * ic codes, `points`:
 * 36*t*ic, `panel`: t*ic and eight more, `product`: 36*t*oc numbers. */
void tp_gemm_winograd_i8(const int8_t *x, const int16_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, int8_t *border, int16_t *points, int16_t *panel, int32_t *product, int32_t *map, const tp_quant *q, const tp_conv *shape);
/* 3 x 3, stride 1 and 2, channels of eight; `border`: the map with its padding. */
void tp_gemm_depthwise_3x3_i8(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, int8_t *border, int32_t *map, const tp_quant *q, const tp_conv *shape);
void tp_gemm_depthwise_3x3s2_i8(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, int8_t *border, int32_t *map, const tp_quant *q, const tp_conv *shape);
/* Other numbers of filters: four by four patches, 16 terms at a time; weights [oc][term], -127 ... 127; bias with the input's zero folded in; `patch`: 4*kh*kw*ic codes. */
void tp_gemm_conv_i8(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, int8_t *patch, const tp_quant *q, const tp_conv *shape);
/* Eight channels at a time. */
void tp_gemm_depthwise_i8(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, const tp_quant *q, const tp_conv *shape);

/* ---- One pair of bit planes: bitserial.c (Cortex-A53) --------------------------------------------------------------------------
 *
 * Activations 0 and 1, filters -1 (bit 0) and +1, zeros outside: sums of products. Filters come in eights, words of a pixel in fours (`_16`) or twos (`_8`).
 * `weight`: [block of 8 filters][tap][slice of 16 or 8 bytes][filter]; `patch`: the map that the windows touch, border included. */
void tp_bitserial_conv_16(const uint32_t *x, const uint8_t *weight, int32_t *y, uint32_t *patch, const tp_conv *shape);
void tp_bitserial_conv_8(const uint32_t *x, const uint8_t *weight, int32_t *y, uint32_t *patch, const tp_conv *shape);
/* Bit `plane` of each of n bytes (a multiple of 64), byte k of eight as bit k. */
void tp_bitserial_pack(const uint8_t *x, uint8_t *y, int32_t plane, int32_t n);

/* ---- Single precision with fused products, one thread of a microcontroller: float_dots.c ------------------------------------------
 *
 * `dots`: a dot product of four in a row for each row of a window, added to the output in memory. */
void tp_dots_conv_f32(const float *x, const float *weight, const float *bias, float *y, const tp_conv *shape);
void tp_dots_conv_padded_f32(const float *x, const float *weight, const float *bias, float *y, const tp_conv *shape);
void tp_dots_dense_f32(const float *x, const float *weight, const float *bias, float *y, int32_t rows, int32_t columns);
/* Weights of 8 bits stand for one of 256 `values` each; `bins`: 256 numbers. */
void tp_bins_dense_f32(const float *x, const uint8_t *weight, const float *values, const float *bias, float *y, float *bins, int32_t rows, int32_t columns);
/* Two filters a pass over one patch of kh*kw*ic numbers, or over the pixel itself (1 x 1). */
void tp_pairs_conv_f32(const float *x, const float *weight, const float *bias, float *y, float *patch, const tp_conv *shape);
void tp_pairs_pointwise_f32(const float *x, const float *weight, const float *bias, float *y, const tp_conv *shape);

/* ---- Binary convolutions after Larq Compute Engine: lce.c (Cortex-A53) -----------------------------------------------------------
 *
 * +1 is bit 0, -1 bit 1; channels of 32, filters of eight, sums. Words of a pixel in fours, twos or ones (the suffix). `weight` [block of eight][tap][step]
 * [filter][word]. `at` [four pixels][tap][pixel]: where in `x` a tap's words begin; behind the map lies a pixel of zeros for taps outside, and a last block of
 * fewer pixels repeats its last. `table` [2*kh-1][2*kw-1][filter]: what windows that reach 0, 1 ... kh-1 rows above the map, 1 ... kh-1 below it (as many columns
 * aside) must add for the zeros to count nothing. Sums fit 15 bits. */
void tp_lce_conv_4(const uint32_t *x, const uint32_t *weight, const int32_t *at, int32_t *y, const tp_conv *shape);
void tp_lce_conv_2(const uint32_t *x, const uint32_t *weight, const int32_t *at, int32_t *y, const tp_conv *shape);
void tp_lce_conv_1(const uint32_t *x, const uint32_t *weight, const int32_t *at, int32_t *y, const tp_conv *shape);
void tp_lce_conv_padded_4(const uint32_t *x, const uint32_t *weight, const int32_t *at, const int32_t *table, int32_t *y, const tp_conv *shape);
void tp_lce_conv_padded_2(const uint32_t *x, const uint32_t *weight, const int32_t *at, const int32_t *table, int32_t *y, const tp_conv *shape);
void tp_lce_conv_padded_1(const uint32_t *x, const uint32_t *weight, const int32_t *at, const int32_t *table, int32_t *y, const tp_conv *shape);

#endif
