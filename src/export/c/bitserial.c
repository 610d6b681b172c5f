/* A convolution on one pair of bit planes as bit-serial compilers lay it out for NEON: patches gathered, eight filters at a time, 16 bytes each,
 * counts added pairwise in a tree until one vector holds two partial counts of each filter. Empty elsewhere. */
#include "classes.h"
#include "arith.h"

#if defined(__ARM_NEON)
#include <arm_neon.h>

/* Counts of the differing bits of eight filters, 128 bits each, added to eight sums of 16 bits. */
TP_INLINE uint16x8_t tp_eight_counts(uint8x16_t x, const uint32_t *w, uint16x8_t sums)
{
    uint8x16_t n[8];
#pragma GCC unroll 8
    for (int32_t f = 0; f < 8; f++) n[f] = vcntq_u8(veorq_u8(x, vreinterpretq_u8_u32(vld1q_u32(w + 4 * f))));
    const uint8x16_t a = vpaddq_u8(vpaddq_u8(n[0], n[1]), vpaddq_u8(n[2], n[3])), b = vpaddq_u8(vpaddq_u8(n[4], n[5]), vpaddq_u8(n[6], n[7]));
    return vpadalq_u8(sums, vpaddq_u8(a, b));
}

void tp_bitserial_conv(const uint32_t *restrict x, const uint32_t *restrict weight, int32_t *restrict y, uint32_t *restrict patch, const tp_conv *restrict s)
{
    const int32_t words = s->kh * s->kw * s->words, steps = (words + 3) >> 2, terms = s->kh * s->kw * s->ic;
    for (int32_t i = words; i < 4 * steps; i++) patch[i] = 0;
    for (int32_t oy = 0; oy < s->oh; oy++)
        for (int32_t ox = 0; ox < s->ow; ox++, y += s->oc) {
            uint32_t *to = patch;
            for (int32_t ky = 0; ky < s->kh; ky++)
                for (int32_t kx = 0; kx < s->kw; kx++) {
                    const int32_t at_y = oy * s->stride + ky - s->pad_top, at_x = ox * s->stride + kx - s->pad_left;
                    const uint32_t *from = x + (at_y * s->iw + at_x) * s->words;
                    if ((uint32_t)at_y < (uint32_t)s->ih && (uint32_t)at_x < (uint32_t)s->iw)
                        for (int32_t i = 0; i < s->words; i++) *to++ = *from++;
                    else
                        for (int32_t i = 0; i < s->words; i++) *to++ = 0;
                }
            const uint32_t *w = weight;
            for (int32_t o = 0; o < s->oc; o += 8) {
                uint16x8_t sums = vdupq_n_u16(0);
                const uint32_t *from = patch;
                for (int32_t left = steps; left > 0; left--, from += 4, w += 32) sums = tp_eight_counts(vreinterpretq_u8_u32(vld1q_u32(from)), w, sums);
                int32_t counts[8];
                vst1q_s32(counts, vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(sums))));
                vst1q_s32(counts + 4, vreinterpretq_s32_u32(vmovl_high_u16(sums)));
                const int32_t filters = tp_min(8, s->oc - o);
                for (int32_t f = 0; f < filters; f++) y[o + f] = terms - 2 * counts[f];
            }
        }
}
#endif
