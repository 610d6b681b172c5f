/* A convolution on one pair of bit planes, and the packing before it, as a compiler of bit-serial operators lays them out for NEON (CGO 2020): the map is
 * copied into one with its border, and one call of a small kernel takes 8 or 16 bytes of one tap for eight filters, with activations 0 and 1 and
 * filters -1 and +1: bits of both less bits of the map alone. Additions within a vector are of 64 bits, as 32-bit builds have them. Empty elsewhere. */
#include "classes.h"
#include "arith.h"

#if defined(__ARM_NEON)
#include <arm_neon.h>

/* Sixteen bytes of a tap for eight filters, onto their sums in memory. */
TP_INLINE void tp_slice_16(const uint8_t *x, const uint8_t *w, int16_t *sums)
{
    const uint8x16_t v = vld1q_u8(x);
    int8x8_t n[8];
#pragma GCC unroll 8
    for (int32_t f = 0; f < 8; f++) {
        const uint8x16_t a = vld1q_u8(w + 16 * f);
        const int8x16_t c = vreinterpretq_s8_u8(vsubq_u8(vcntq_u8(vandq_u8(v, a)), vcntq_u8(vbicq_u8(v, a))));
        n[f] = vadd_s8(vget_low_s8(c), vget_high_s8(c));
    }
    const int8x8_t low = vpadd_s8(vpadd_s8(n[0], n[1]), vpadd_s8(n[2], n[3])), high = vpadd_s8(vpadd_s8(n[4], n[5]), vpadd_s8(n[6], n[7]));
    vst1q_s16(sums, vpadalq_s8(vld1q_s16(sums), vcombine_s8(low, high)));
}

/* Eight bytes. */
TP_INLINE void tp_slice_8(const uint8_t *x, const uint8_t *w, int16_t *sums)
{
    const uint8x8_t v = vld1_u8(x);
    int8x8_t n[8];
#pragma GCC unroll 8
    for (int32_t f = 0; f < 8; f++) {
        const uint8x8_t a = vld1_u8(w + 8 * f);
        n[f] = vreinterpret_s8_u8(vsub_u8(vcnt_u8(vand_u8(v, a)), vcnt_u8(vbic_u8(v, a))));
    }
    const int8x8_t low = vpadd_s8(vpadd_s8(n[0], n[1]), vpadd_s8(n[2], n[3])), high = vpadd_s8(vpadd_s8(n[4], n[5]), vpadd_s8(n[6], n[7]));
    vst1q_s16(sums, vpadalq_s8(vld1q_s16(sums), vcombine_s8(low, high)));
}

/* The map with a border of zeros, as many rows and columns as the windows touch. */
TP_INLINE void tp_bordered(const uint32_t *x, uint32_t *to, const tp_conv *s)
{
    const int32_t rows = (s->oh - 1) * s->stride + s->kh, columns = ((s->ow - 1) * s->stride + s->kw) * s->words;
    const int32_t inside = tp_min(rows - s->pad_top, s->ih), n = tp_min(columns - s->pad_left * s->words, s->iw * s->words);
    for (int32_t i = 0; i < rows * columns; i++) to[i] = 0;
    to += s->pad_top * columns + s->pad_left * s->words;
    for (int32_t row = 0; row < inside; row++, x += s->iw * s->words, to += columns)
        for (int32_t i = 0; i < n; i++) to[i] = x[i];
}

TP_INLINE void tp_bitserial_of(const uint32_t *x, const uint8_t *weight, int32_t *y, uint32_t *patch, const tp_conv *s, const int32_t slice)
{
    const int32_t bytes = s->words * 4, across = ((s->ow - 1) * s->stride + s->kw) * bytes;
    tp_bordered(x, patch, s);
    const uint8_t *map = (const uint8_t *)patch;
    for (int32_t o = 0; o < s->oc; o += 8, weight += 8 * s->kh * s->kw * bytes)
        for (int32_t oy = 0; oy < s->oh; oy++)
            for (int32_t ox = 0; ox < s->ow; ox++) {
                int16_t sums[8];
                vst1q_s16(sums, vdupq_n_s16(0));
                const uint8_t *w = weight;
                for (int32_t ky = 0; ky < s->kh; ky++)
                    for (int32_t kx = 0; kx < s->kw; kx++) {
                        const uint8_t *from = map + (oy * s->stride + ky) * across + (ox * s->stride + kx) * bytes;
                        for (int32_t i = 0; i < bytes; i += slice, w += 8 * slice) {
                            if (slice == 16)
                                tp_slice_16(from + i, w, sums);
                            else
                                tp_slice_8(from + i, w, sums);
                        }
                    }
                int32_t *to = y + (oy * s->ow + ox) * s->oc + o;
                const int16x8_t all = vld1q_s16(sums);
                vst1q_s32(to, vmovl_s16(vget_low_s16(all)));
                vst1q_s32(to + 4, vmovl_high_s16(all));
            }
}

void tp_bitserial_conv_16(const uint32_t *restrict x, const uint8_t *restrict weight, int32_t *restrict y, uint32_t *restrict patch, const tp_conv *restrict s)
{
    tp_bitserial_of(x, weight, y, patch, s, 16);
}

void tp_bitserial_conv_8(const uint32_t *restrict x, const uint8_t *restrict weight, int32_t *restrict y, uint32_t *restrict patch, const tp_conv *restrict s)
{
    tp_bitserial_of(x, weight, y, patch, s, 8);
}

void tp_bitserial_pack(const uint8_t *restrict x, uint8_t *restrict y, int32_t plane, int32_t n)
{
    const int8x8_t down = vdup_n_s8((int8_t)-plane);
    for (int32_t left = n >> 6; left > 0; left--, x += 64, y += 8) {
        uint8x8_t bits = vdup_n_u8(0);
#pragma GCC unroll 8
        for (int32_t k = 0; k < 8; k++) {
            uint8x8_t v = vdup_n_u8(0);
            v = vld1_lane_u8(x + k, v, 0);
            v = vld1_lane_u8(x + k + 8, v, 1);
            v = vld1_lane_u8(x + k + 16, v, 2);
            v = vld1_lane_u8(x + k + 24, v, 3);
            v = vld1_lane_u8(x + k + 32, v, 4);
            v = vld1_lane_u8(x + k + 40, v, 5);
            v = vld1_lane_u8(x + k + 48, v, 6);
            v = vld1_lane_u8(x + k + 56, v, 7);
            const uint8x8_t bit = vand_u8(vshl_u8(v, down), vdup_n_u8(1));
            bits = vorr_u8(bits, vshl_u8(bit, vdup_n_s8((int8_t)k)));
        }
        vst1_u8(y, bits);
    }
}
#endif
