/* Single precision without a branch and without contraction: selection, comparison by bits, exponential. */
#ifndef TINYPREC_FLOAT_H
#define TINYPREC_FLOAT_H

#include "tinyprec.h"
#include "arith.h"

TP_INLINE uint32_t tp_bits_of(float x)
{
    union { float value; uint32_t bits; } y = {x};
    return y.bits;
}

TP_INLINE float tp_float_of(uint32_t bits)
{
    union { uint32_t bits; float value; } y = {bits};
    return y.value;
}

/* 1 where the number of these bits is below zero: not for -0, not for NaN. */
TP_INLINE uint32_t tp_is_below_zero(uint32_t bits) { return bits - 0x80000001u < 0x7f800000u; }

TP_INLINE float tp_power_of_two(int32_t n)
{
    union { uint32_t bits; float value; } x = {(uint32_t)(n + 127) << 23};
    return x.value;
}

/* a where `first`, else b, without a branch. */
TP_INLINE float tp_select_f32(uint32_t first, float a, float b)
{
    const uint32_t mask = tp_mask(first);
    union { float value; uint32_t bits; } x = {a}, y = {b};
    x.bits = (x.bits & mask) | (y.bits & ~mask);
    return x.value;
}

/* e^x by a polynomial of degree 6 around the nearest multiple of ln 2; two powers of two reach both ends of the range. */
TP_INLINE float tp_exp_f32(float x)
{
    static const float to_integer = 12582912.0f;
    x = tp_select_f32(x < -104.0f, -104.0f, x);
    x = tp_select_f32(x > 89.0f, 89.0f, x);
    union { float value; uint32_t bits; } shifted = {x * 1.442695f + to_integer}, zero = {to_integer};
    const float n = shifted.value - to_integer;
    const float r = (x - n * 0.69314575f) - n * 1.4286068e-6f;
    const float tail = (((0.0013815612f * r + 0.008368463f) * r + 0.041668344f) * r + 0.16666524f) * r + 0.49999994f;
    const float y = ((r * r) * tail + r) + 1.0f;
    const int32_t whole = (int32_t)(shifted.bits - zero.bits), first = whole >> 1;
    return (y * tp_power_of_two(first)) * tp_power_of_two(whole - first);
}

/* float(clamp(sum) - base) * mul + add, three roundings. */
TP_INLINE float tp_transformed(int32_t sum, const tp_transform *by, float mul, float add)
{
    return (float)(tp_clamp(sum, by->lo, by->hi) - by->base) * mul + add;
}

#endif
