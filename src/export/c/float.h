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

/* Softmax of logits in single precision. */
TP_INLINE void tp_softmax_of(const float *restrict z, float *restrict p, int32_t classes)
{
    float most = z[0], sum = 0.0f;
    for (int32_t c = 1; c < classes; c++) most = tp_select_f32(z[c] > most, z[c], most);
    for (int32_t c = 0; c < classes; c++) {
        const float e = tp_exp_f32(z[c] - most);
        sum += e;
        p[c] = e;
    }
    const float by = 1.0f / sum;
    for (int32_t c = 0; c < classes; c++) p[c] *= by;
}

#if defined(__riscv) && !defined(__riscv_flen)
/* Correctly rounded root of 0 or a normal number, without a float unit: the root of the significand has one bit to round. */
TP_INLINE float tp_sqrt(float x)
{
    union { float value; uint32_t bits; } y = {x};
    const int32_t exponent = (int32_t)(y.bits >> 23) - 127;
    const uint64_t significand = (uint64_t)((y.bits & 0x7fffffu) | 0x800000u) << (exponent & 1);
    const uint32_t root = (tp_isqrt(significand << 25) + 1) >> 1;
    y.bits = ((((uint32_t)(exponent >> 1) + 126u) << 23) + root) & tp_mask(y.bits);
    return y.value;
}
#else
TP_INLINE float tp_sqrt(float x) { return __builtin_sqrtf(x); }
#endif

/* The quotient to the nearest integer, ties to even: added to 1.5 * 2^52, it stands in the low bits. */
TP_INLINE int32_t tp_nearest(double x)
{
    union { double value; uint64_t bits; } y = {x + 6755399441055744.0};
    return (int32_t)(uint32_t)y.bits;
}

/* The same up to 2^51. */
TP_INLINE int64_t tp_nearest_64(double x)
{
    union { double value; uint64_t bits; } y = {x + 6755399441055744.0};
    return (int64_t)(y.bits - 0x4338000000000000u);
}

/* float(clamp(sum) - base) * mul + add, three roundings. */
TP_INLINE float tp_transformed(int32_t sum, const tp_transform *by, float mul, float add)
{
    return (float)(tp_clamp(sum, by->lo, by->hi) - by->base) * mul + add;
}

#endif
