/* The part of a sliding window that lies inside the map. A window always overlaps its map: padding is smaller than the kernel. */
#ifndef TINYPREC_WINDOW_H
#define TINYPREC_WINDOW_H

#include "tinyprec.h"
#include "arith.h"

/* Taps begin ... end of one axis, and where the first of them reads. */
typedef struct {
    int32_t begin, end, at;
} tp_span;

TP_INLINE tp_span tp_inside(int32_t out, int32_t stride, int32_t before, int32_t kernel, int32_t size)
{
    const int32_t start = out * stride - before;
    tp_span s;
    s.begin = tp_max(-start, 0);
    s.end = tp_min(size - start, kernel);
    s.at = start + s.begin;
    return s;
}

/* All ones where tap (ky, kx) of output (oy, ox) lies inside, and the pixel that it reads; pixel 0 outside. */
TP_INLINE uint32_t tp_tap(const tp_conv *s, int32_t oy, int32_t ox, int32_t ky, int32_t kx, int32_t *pixel)
{
    const int32_t y = oy * s->stride + ky - s->pad_top, x = ox * s->stride + kx - s->pad_left;
    const uint32_t inside = tp_mask((uint32_t)((uint32_t)y < (uint32_t)s->ih) & (uint32_t)((uint32_t)x < (uint32_t)s->iw));
    *pixel = (int32_t)((uint32_t)(y * s->iw + x) & inside);
    return inside;
}

#endif
