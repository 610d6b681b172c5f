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

#endif
