/* Binary convolutions of Larq Compute Engine on AArch64 (its indirect product of bits): four pixels by eight filters, differing bits counted by bytes, bytes
 * added pairwise down to a filter's two, those onto 16-bit sums. A table says where each tap of each pixel lies; taps outside read a pixel of zeros, and a pass
 * over the border takes back what they added. Empty elsewhere. */
#include "classes.h"
#include "window.h"

#if defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>

/* Pixels in v28 to v31, filters from v20 on, sums in v16 to v19. */
#define TP_EOR(to, pixel, w) "eor v" #to ".16b, v" #pixel ".16b, v" #w ".16b\n"
#define TP_EORS(a, b, c, d, w) TP_EOR(a, 28, w) TP_EOR(b, 29, w) TP_EOR(c, 30, w) TP_EOR(d, 31, w)
#define TP_CNT(r) "cnt v" #r ".16b, v" #r ".16b\n"
#define TP_CNTS(a, b, c, d) TP_CNT(a) TP_CNT(b) TP_CNT(c) TP_CNT(d)
#define TP_ADDP(to, a, b) "addp v" #to ".16b, v" #a ".16b, v" #b ".16b\n"
#define TP_ONTO(sum, n) "uadalp v" #sum ".8h, v" #n ".16b\n"
#define TP_FILTER(r, at) "ldr q" #r ", [%[w], #" #at "]\n"

/* One step: sums of what differs, operands of the next step fetched between. Filters of 128 bits each, of 64 (two in a vector), of 32 (four). */
#define TP_STEP_4 \
    TP_EORS(0, 1, 2, 3, 20) TP_EORS(4, 5, 6, 7, 21) TP_EORS(8, 9, 10, 11, 22) TP_EORS(12, 13, 14, 15, 23) \
    TP_CNTS(0, 1, 2, 3) TP_CNTS(4, 5, 6, 7) TP_CNTS(8, 9, 10, 11) TP_CNTS(12, 13, 14, 15) \
    TP_ADDP(0, 0, 4) TP_ADDP(1, 1, 5) TP_ADDP(2, 2, 6) TP_ADDP(3, 3, 7) TP_ADDP(8, 8, 12) TP_ADDP(9, 9, 13) TP_ADDP(10, 10, 14) TP_ADDP(11, 11, 15) \
    TP_EORS(4, 5, 6, 7, 24) TP_EORS(12, 13, 14, 15, 25) TP_EORS(20, 21, 22, 23, 26) TP_EORS(24, 25, 26, 27, 27) \
    TP_CNTS(4, 5, 6, 7) TP_LD_4(28, x0) TP_CNTS(12, 13, 14, 15) TP_LD_4(29, x1) \
    TP_CNTS(20, 21, 22, 23) TP_LD_4(30, x2) TP_CNTS(24, 25, 26, 27) TP_LD_4(31, x3) \
    TP_ADDP(4, 4, 12) TP_ADDP(5, 5, 13) TP_ADDP(6, 6, 14) TP_ADDP(7, 7, 15) TP_ADDP(12, 20, 24) TP_ADDP(13, 21, 25) TP_ADDP(14, 22, 26) TP_ADDP(15, 23, 27) \
    TP_FILTER(20, 0) TP_ADDP(0, 0, 8) TP_ADDP(1, 1, 9) TP_FILTER(21, 16) TP_ADDP(2, 2, 10) TP_ADDP(3, 3, 11) \
    TP_FILTER(22, 32) TP_ADDP(4, 4, 12) TP_ADDP(5, 5, 13) TP_FILTER(23, 48) TP_ADDP(6, 6, 14) TP_ADDP(7, 7, 15) \
    TP_FILTER(24, 64) TP_ADDP(0, 0, 4) TP_ADDP(1, 1, 5) TP_FILTER(25, 80) TP_ADDP(2, 2, 6) TP_ADDP(3, 3, 7) \
    TP_FILTER(26, 96) TP_ONTO(16, 0) TP_ONTO(17, 1) TP_FILTER(27, 112) TP_ONTO(18, 2) TP_ONTO(19, 3) "add %[w], %[w], #128\n"
#define TP_STEP_2 \
    TP_EORS(0, 1, 2, 3, 20) TP_EORS(4, 5, 6, 7, 21) TP_EORS(8, 9, 10, 11, 22) TP_EORS(12, 13, 14, 15, 23) \
    TP_CNTS(0, 1, 2, 3) TP_LD_2(28, x0) TP_CNTS(4, 5, 6, 7) TP_LD_2(29, x1) \
    TP_CNTS(8, 9, 10, 11) TP_LD_2(30, x2) TP_CNTS(12, 13, 14, 15) TP_LD_2(31, x3) \
    TP_ADDP(0, 0, 4) TP_ADDP(1, 1, 5) TP_ADDP(2, 2, 6) TP_ADDP(3, 3, 7) TP_ADDP(8, 8, 12) TP_ADDP(9, 9, 13) TP_ADDP(10, 10, 14) TP_ADDP(11, 11, 15) \
    TP_FILTER(20, 0) TP_ADDP(0, 0, 8) TP_ADDP(1, 1, 9) TP_FILTER(21, 16) TP_ADDP(2, 2, 10) TP_ADDP(3, 3, 11) \
    TP_FILTER(22, 32) TP_ONTO(16, 0) TP_ONTO(17, 1) TP_FILTER(23, 48) TP_ONTO(18, 2) TP_ONTO(19, 3) "add %[w], %[w], #64\n"
#define TP_STEP_1 \
    TP_EORS(0, 1, 2, 3, 20) TP_EOR(4, 28, 21) TP_EOR(5, 29, 21) TP_FILTER(20, 0) TP_EOR(6, 30, 21) TP_EOR(7, 31, 21) TP_FILTER(21, 16) \
    TP_CNT(0) TP_CNT(1) TP_LD_1(28, x0) TP_CNT(2) TP_CNT(3) TP_LD_1(29, x1) \
    TP_CNT(4) TP_CNT(5) TP_LD_1(30, x2) TP_CNT(6) TP_CNT(7) TP_LD_1(31, x3) \
    TP_ADDP(0, 0, 4) TP_ADDP(1, 1, 5) TP_ADDP(2, 2, 6) TP_ADDP(3, 3, 7) "add %[w], %[w], #32\n" TP_ONTO(16, 0) TP_ONTO(17, 1) TP_ONTO(18, 2) TP_ONTO(19, 3)

#define TP_LD_4(r, x) "ld1 {v" #r ".4s}, [%[" #x "]], #16\n"
#define TP_LD_2(r, x) "ld1r {v" #r ".2d}, [%[" #x "]], #8\n"
#define TP_LD_1(r, x) "ld1r {v" #r ".4s}, [%[" #x "]], #4\n"
#define TP_W_1 TP_FILTER(20, 0) TP_FILTER(21, 16)
#define TP_W_2 TP_W_1 TP_FILTER(22, 32) TP_FILTER(23, 48)
#define TP_W_4 TP_W_2 TP_FILTER(24, 64) TP_FILTER(25, 80) TP_FILTER(26, 96) TP_FILTER(27, 112)
/* Places of the next tap's pixels. */
#define TP_NEXT(x, at) "ldrsw %[" #x "], [%[tap], #" #at "]\n add %[" #x "], %[map], %[" #x "], lsl #2\n"
#define TP_TAP TP_NEXT(x0, 0) TP_NEXT(x1, 4) TP_NEXT(x2, 8) TP_NEXT(x3, 12) "add %[tap], %[tap], #16\n"
#define TP_ZEROS "movi v16.8h, #0\n movi v17.8h, #0\n movi v18.8h, #0\n movi v19.8h, #0\n"
/* Eight sums: all bits less twice those that differ. */
#define TP_SUMS(sum, y) \
    "ushll v0.4s, v" #sum ".4h, #1\n ushll2 v1.4s, v" #sum ".8h, #1\n sub v0.4s, v2.4s, v0.4s\n sub v1.4s, v2.4s, v1.4s\n" \
    "stp q0, q1, [%[" #y "]], #32\n"

/* Four pixels by all filters. */
#define TP_FOUR_PIXELS(step) \
    TP_INLINE void tp_pixels_##step(const uint32_t *map, const uint32_t *w, const int32_t *at, int32_t *y0, int32_t *y1, int32_t *y2, int32_t *y3, int32_t oc, int32_t taps, int32_t words) \
    { \
        const int32_t *tap; \
        const uint32_t *x0, *x1, *x2, *x3; \
        int32_t steps, left; \
        __asm__ volatile( \
            "mov %[tap], %[at]\n" TP_TAP TP_W_##step "add %[w], %[w], #" TP_BYTES_##step "\n" TP_LD_##step(28, x0) TP_LD_##step(29, x1) TP_LD_##step(30, x2) TP_LD_##step(31, x3) \
            "1:\n mov %w[left], %w[taps]\n" TP_ZEROS \
            "2:\n subs %w[steps], %w[depth], #1\n b.eq 4f\n" \
            "3:\n subs %w[steps], %w[steps], #1\n" TP_STEP_##step "b.gt 3b\n" \
            "4:\n" TP_TAP "subs %w[left], %w[left], #1\n" TP_STEP_##step "b.gt 2b\n" \
            "mov %[tap], %[at]\n" TP_TAP "dup v2.4s, %w[bits]\n" \
            TP_LD_##step(28, x0) TP_LD_##step(29, x1) TP_LD_##step(30, x2) TP_LD_##step(31, x3) \
            TP_SUMS(19, y3) TP_SUMS(18, y2) TP_SUMS(17, y1) TP_SUMS(16, y0) \
            "subs %w[oc], %w[oc], #8\n b.gt 1b\n" \
            : [w] "+r"(w), [tap] "=&r"(tap), [x0] "=&r"(x0), [x1] "=&r"(x1), [x2] "=&r"(x2), [x3] "=&r"(x3), [steps] "=&r"(steps), [left] "=&r"(left), \
              [y0] "+r"(y0), [y1] "+r"(y1), [y2] "+r"(y2), [y3] "+r"(y3), [oc] "+r"(oc) \
            : [map] "r"(map), [at] "r"(at), [taps] "r"(taps), [depth] "r"(words / step), [bits] "r"(taps * 32 * words) \
            : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31", "cc", "memory"); \
    }
#define TP_BYTES_4 "128"
#define TP_BYTES_2 "64"
#define TP_BYTES_1 "32"
TP_FOUR_PIXELS(4)
TP_FOUR_PIXELS(2)
TP_FOUR_PIXELS(1)

TP_INLINE void tp_lce_of(const uint32_t *x, const uint32_t *weight, const int32_t *at, int32_t *y, const tp_conv *s, const int32_t step)
{
    const int32_t pixels = s->oh * s->ow, taps = s->kh * s->kw, oc = s->oc;
    for (int32_t p = 0; p < pixels; p += 4, at += 4 * taps, y += 4 * oc) {
        /* Of the last block, what is too much is written first, where the first pixel belongs. */
        const int32_t some = pixels - p, second = oc & (int32_t)tp_mask((uint32_t)(some > 1)), third = (2 * oc) & (int32_t)tp_mask((uint32_t)(some > 2));
        const int32_t fourth = (3 * oc) & (int32_t)tp_mask((uint32_t)(some > 3));
        if (step == 4) tp_pixels_4(x, weight, at, y, y + second, y + third, y + fourth, oc, taps, s->words);
        if (step == 2) tp_pixels_2(x, weight, at, y, y + second, y + third, y + fourth, oc, taps, s->words);
        if (step == 1) tp_pixels_1(x, weight, at, y, y + second, y + third, y + fourth, oc, taps, s->words);
    }
}

/* How far a window reaches out: 0 not at all, 1 ... before the map, `kernel` ... behind it. */
TP_INLINE int32_t tp_beyond(tp_span s, int32_t kernel)
{
    return s.begin + (int32_t)((uint32_t)(2 * kernel - 1 - s.end) & tp_mask((uint32_t)(s.end < kernel)));
}

/* `table` [rows beyond][columns beyond][filter]: what the zeros outside have added, with the other sign. */
TP_INLINE void tp_border_of(int32_t *y, const int32_t *table, const tp_conv *s)
{
    for (int32_t oy = 0; oy < s->oh; oy++) {
        const int32_t above = tp_beyond(tp_inside(oy, s->stride, s->pad_top, s->kh, s->ih), s->kh);
        for (int32_t ox = 0; ox < s->ow; ox++, y += s->oc) {
            const int32_t aside = tp_beyond(tp_inside(ox, s->stride, s->pad_left, s->kw, s->iw), s->kw);
            if ((above | aside) != 0) {
                const int32_t *add = table + (above * (2 * s->kw - 1) + aside) * s->oc;
                for (int32_t o = 0; o < s->oc; o++) y[o] += add[o];
            }
            /* One end for both kinds. */
            __asm__ goto("" : : : : next);
        next:;
        }
    }
}

#define TP_LCE const uint32_t *restrict x, const uint32_t *restrict weight, const int32_t *restrict at
#define TP_PADDED(step) tp_lce_of(x, weight, at, y, s, step), tp_border_of(y, table, s)

void tp_lce_conv_4(TP_LCE, int32_t *restrict y, const tp_conv *restrict s) { tp_lce_of(x, weight, at, y, s, 4); }
void tp_lce_conv_2(TP_LCE, int32_t *restrict y, const tp_conv *restrict s) { tp_lce_of(x, weight, at, y, s, 2); }
void tp_lce_conv_1(TP_LCE, int32_t *restrict y, const tp_conv *restrict s) { tp_lce_of(x, weight, at, y, s, 1); }
void tp_lce_conv_padded_4(TP_LCE, const int32_t *restrict table, int32_t *restrict y, const tp_conv *restrict s) { TP_PADDED(4); }
void tp_lce_conv_padded_2(TP_LCE, const int32_t *restrict table, int32_t *restrict y, const tp_conv *restrict s) { TP_PADDED(2); }
void tp_lce_conv_padded_1(TP_LCE, const int32_t *restrict table, int32_t *restrict y, const tp_conv *restrict s) { TP_PADDED(1); }
#endif
