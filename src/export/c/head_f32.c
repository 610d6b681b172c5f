/* The learning head in single precision: sums in the stated order, no fused multiply-add, so all machines give the same bits. */
#include "tinyprec.h"
#include "arith.h"

void tp_standardise_f32(const int32_t *restrict x, const float *restrict offset, const float *restrict factor, float *restrict y, int32_t n)
{
    for (int32_t i = 0; i < n; i++) y[i] = ((float)x[i] - offset[i]) * factor[i];
}

void tp_head_forward_f32(const float *restrict feature, const float *restrict weight, float *restrict z, int32_t classes, int32_t features)
{
    for (int32_t c = 0; c < classes; c++, weight += features) {
        float sum = 0.0f;
        for (int32_t k = 0; k < features; k++) sum += weight[k] * feature[k];
        z[c] = sum;
    }
}

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

void tp_softmax_f32(const float *restrict z, float *restrict p, int32_t classes)
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

void tp_arg_max_f32(const float *restrict z, int32_t *restrict index, int32_t classes)
{
    float best = z[0];
    int32_t at = 0;
    for (int32_t c = 1; c < classes; c++) {
        const uint32_t larger = tp_mask(z[c] > best);
        at = (int32_t)(((uint32_t)c & larger) | ((uint32_t)at & ~larger));
        best = tp_select_f32(larger, z[c], best);
    }
    *index = at;
}

void tp_error_f32(const float *restrict p, const int32_t *restrict label, float *restrict difference, int32_t batch, int32_t classes)
{
    for (int32_t b = 0; b < batch; b++)
        for (int32_t c = 0; c < classes; c++) *difference++ = *p++ - tp_select_f32(c == label[b], 1.0f, 0.0f);
}

void tp_gradient_accumulate_f32(const float *restrict error, const float *restrict feature, float *restrict sum, int32_t classes, int32_t features)
{
    for (int32_t c = 0; c < classes; c++, sum += features) {
        const float e = error[c];
        for (int32_t k = 0; k < features; k++) sum[k] += e * feature[k];
    }
}

void tp_quantise_gradient_f32(const float *restrict sum, float *restrict gradient, float mean, int32_t n)
{
    for (int32_t i = 0; i < n; i++) gradient[i] = sum[i] * mean;
}

void tp_velocity_f32(const float *restrict gradient, const float *restrict master, float *restrict velocity, float momentum, float decay, int32_t n)
{
    for (int32_t i = 0; i < n; i++) velocity[i] = (momentum * velocity[i] + gradient[i]) + decay * master[i];
}

void tp_sgd_update_f32(const float *restrict gradient, float *restrict master, float rate, int32_t n)
{
    for (int32_t i = 0; i < n; i++) master[i] -= rate * gradient[i];
}

void tp_load_rows_f32(const float *restrict consolidated, float *restrict master, const uint8_t *restrict take, int32_t rows, int32_t columns)
{
    for (int32_t r = 0; r < rows; r++) {
        const uint32_t keep = 0u - take[r];
        for (int32_t k = 0; k < columns; k++) {
            union { float value; uint32_t bits; } x = {*consolidated++};
            x.bits &= keep;
            *master++ = x.value;
        }
    }
}

void tp_mean_rows_f32(const float *restrict master, const int32_t *restrict row, float *restrict mean, int32_t rows, int32_t columns)
{
    float sum = 0.0f;
    for (int32_t r = 0; r < rows; r++) {
        const float *from = master + row[r] * columns;
        for (int32_t k = 0; k < columns; k++) sum += from[k];
    }
    *mean = sum / (float)(rows * columns);
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

void tp_past_weight_f32(const uint32_t *restrict past, const uint32_t *restrict current, float *restrict weight, int32_t classes)
{
    for (int32_t c = 0; c < classes; c++) weight[c] = tp_sqrt((float)past[c] / (float)current[c]);
}

void tp_consolidate_rows_f32(const float *restrict master, const float *restrict weight, const int32_t *restrict row, float *restrict consolidated, float mean, int32_t rows, int32_t columns)
{
    for (int32_t r = 0; r < rows; r++) {
        const float w = weight[r], den = weight[r] + 1.0f;
        const float *tw = master + row[r] * columns;
        float *cw = consolidated + row[r] * columns;
        for (int32_t k = 0; k < columns; k++) cw[k] = (cw[k] * w + (tw[k] - mean)) / den;
    }
}
