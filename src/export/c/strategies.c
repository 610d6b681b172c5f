/* What strategies other than CWR* add to the head: EWC and MAS, LwF, class means, SLDA, stored latents. */
#include "tinyprec.h"
#include "arith.h"
#include "float.h"
#include "softmax.h"

#define TP_ANCHOR_PULL(name, code_t)                                                                                        \
    void name(const code_t *restrict before, const code_t *restrict anchor, const int32_t *restrict pull, code_t *restrict master, const tp_requant *restrict by, int32_t n) \
    {                                                                                                                       \
        const tp_requant r = *by;                                                                                           \
        const int32_t short_of = 32 - r.shift, left = short_of & ~(short_of >> 31), right = r.shift + left - 30;            \
        const uint64_t below = tp_below(right);                                                                             \
        for (int32_t i = 0; i < n; i++) {                                                                                   \
            const int64_t off = ((int64_t)before[i] - anchor[i]) * pull[i];                                                 \
            const int64_t moved = tp_product_wide(off, r.mantissa, left, right, below);                                     \
            master[i] = (code_t)tp_clamp(tp_saturate(master[i] - moved), r.lo, r.hi);                                       \
        }                                                                                                                   \
    }

TP_ANCHOR_PULL(tp_anchor_pull_i8, int8_t)
TP_ANCHOR_PULL(tp_anchor_pull_i16, int16_t)
TP_ANCHOR_PULL(tp_anchor_pull_i32, int32_t)

void tp_anchor_pull_f32(const float *restrict before, const float *restrict anchor, const float *restrict pull, float *restrict master, float rate, int32_t n)
{
    for (int32_t i = 0; i < n; i++) master[i] -= rate * pull[i] * (before[i] - anchor[i]);
}

#define TP_IMPORTANCE(name, magnitude, feature_t, real)                                                                     \
    void name(const float *restrict z, const int32_t *restrict label, const feature_t *restrict feature, float *restrict importance, float *restrict gradient, float *restrict error,\
              int32_t zero, float scale, float mean, int32_t batch, int32_t classes, int32_t features)                      \
    {                                                                                                                       \
        const int32_t n = classes * features;                                                                               \
        (void)zero;                                                                                                         \
        (void)scale;                                                                                                        \
        for (int32_t i = 0; i < n; i++) gradient[i] = 0.0f;                                                                 \
        for (int32_t b = 0; b < batch; b++, z += classes, feature += features) {                                            \
            tp_softmax_of(z, error, classes);                                                                               \
            error[label[b]] -= 1.0f;                                                                                        \
            float *g = gradient;                                                                                            \
            for (int32_t c = 0; c < classes; c++, g += features) {                                                          \
                const float e = error[c];                                                                                   \
                for (int32_t k = 0; k < features; k++) g[k] += e * real(feature[k]);                                        \
            }                                                                                                               \
        }                                                                                                                   \
        for (int32_t i = 0; i < n; i++) {                                                                                   \
            const float g = gradient[i] * mean;                                                                             \
            importance[i] += g * g;                                                                                         \
        }                                                                                                                   \
    }                                                                                                                       \
    void magnitude(const float *restrict z, const feature_t *restrict feature, float *restrict importance, float *restrict gradient,\
                   int32_t zero, float scale, float mean, int32_t batch, int32_t classes, int32_t features)                 \
    {                                                                                                                       \
        const int32_t n = classes * features;                                                                               \
        (void)zero;                                                                                                         \
        (void)scale;                                                                                                        \
        for (int32_t i = 0; i < n; i++) gradient[i] = 0.0f;                                                                 \
        for (int32_t b = 0; b < batch; b++, feature += features) {                                                          \
            float *g = gradient;                                                                                            \
            for (int32_t c = 0; c < classes; c++, g += features) {                                                          \
                const float e = 2.0f * *z++;                                                                                \
                for (int32_t k = 0; k < features; k++) g[k] += e * real(feature[k]);                                        \
            }                                                                                                               \
        }                                                                                                                   \
        for (int32_t i = 0; i < n; i++) importance[i] += tp_float_of(tp_bits_of(gradient[i] * mean) & 0x7fffffffu);         \
    }

#define TP_OF_CODE(x) ((float)((x) - zero) * scale)
#define TP_OF_REAL(x) (x)

TP_IMPORTANCE(tp_importance_accumulate_i8, tp_importance_magnitude_i8, int8_t, TP_OF_CODE)
TP_IMPORTANCE(tp_importance_accumulate_i16, tp_importance_magnitude_i16, int16_t, TP_OF_CODE)
TP_IMPORTANCE(tp_importance_accumulate_f32, tp_importance_magnitude_f32, float, TP_OF_REAL)

/* The pull's fixed-point code is computed in double precision, as the simulator does. */
#define TP_KEEP_ANCHOR(name, running_name, code_t)                                                                          \
    void name(const float *restrict importance, const code_t *restrict master, code_t *restrict anchor, int32_t *restrict pull, double by, int32_t n)\
    {                                                                                                                       \
        for (int32_t i = 0; i < n; i++) {                                                                                   \
            anchor[i] = master[i];                                                                                          \
            pull[i] = tp_nearest(by * (double)importance[i]);                                                               \
        }                                                                                                                   \
    }                                                                                                                       \
    void running_name(const float *restrict importance, const code_t *restrict master, code_t *restrict anchor, int32_t *restrict pull, float *restrict running,\
                      float keep, float take, double by, int32_t n)                                                         \
    {                                                                                                                       \
        for (int32_t i = 0; i < n; i++) {                                                                                   \
            const float f = keep * running[i] + take * importance[i];                                                       \
            running[i] = f;                                                                                                 \
            anchor[i] = master[i];                                                                                          \
            pull[i] = tp_nearest(by * (double)f);                                                                           \
        }                                                                                                                   \
    }

TP_KEEP_ANCHOR(tp_keep_anchor_i8, tp_keep_running_i8, int8_t)
TP_KEEP_ANCHOR(tp_keep_anchor_i16, tp_keep_running_i16, int16_t)
TP_KEEP_ANCHOR(tp_keep_anchor_i32, tp_keep_running_i32, int32_t)

void tp_keep_anchor_f32(const float *restrict importance, const float *restrict master, float *restrict anchor, float *restrict pull, float by, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        anchor[i] = master[i];
        pull[i] = by * importance[i];
    }
}

void tp_keep_running_f32(const float *restrict importance, const float *restrict master, float *restrict anchor, float *restrict pull, float *restrict running, float keep, float take, float by, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        const float f = keep * running[i] + take * importance[i];
        running[i] = f;
        anchor[i] = master[i];
        pull[i] = by * f;
    }
}

void tp_distil_i32(const int32_t *restrict z, const int32_t *restrict teacher, const int32_t *restrict known, int32_t *restrict difference, int32_t *restrict work, uint32_t mantissa, int32_t left, int32_t right, const tp_requant *restrict by, int32_t total, int32_t batch, int32_t classes)
{
    const tp_requant r = *by;
    const uint64_t below = tp_below(r.shift);
    int32_t *p = work, *q = work + classes, *from = work + 2 * classes;
    for (int32_t b = 0; b < batch; b++, z += total, teacher += total, difference += total) {
        for (int32_t c = 0; c < classes; c++) from[c] = z[known[c]];
        tp_softmax_q30(from, p, mantissa, left, right, classes);
        for (int32_t c = 0; c < classes; c++) from[c] = teacher[known[c]];
        tp_softmax_q30(from, q, mantissa, left, right, classes);
        for (int32_t c = 0; c < classes; c++)
            difference[known[c]] = tp_saturate(difference[known[c]] + tp_product(p[c] - q[c], r.mantissa, r.shift, below));
    }
}

void tp_distil_f32(const float *restrict z, const float *restrict teacher, const int32_t *restrict known, float *restrict difference, float *restrict work, float temperature, float factor, int32_t total, int32_t batch, int32_t classes)
{
    float *p = work, *q = work + classes, *from = work + 2 * classes;
    for (int32_t b = 0; b < batch; b++, z += total, teacher += total, difference += total) {
        for (int32_t c = 0; c < classes; c++) from[c] = z[known[c]] / temperature;
        tp_softmax_of(from, p, classes);
        for (int32_t c = 0; c < classes; c++) from[c] = teacher[known[c]] / temperature;
        tp_softmax_of(from, q, classes);
        for (int32_t c = 0; c < classes; c++) difference[known[c]] += factor * (p[c] - q[c]);
    }
}

#define TP_MEAN_UPDATE(name, feature_t)                                                                                     \
    void name(const feature_t *restrict feature, int32_t *restrict sum, int32_t zero, int32_t features)                     \
    {                                                                                                                       \
        for (int32_t k = 0; k < features; k++) sum[k] += feature[k] - zero;                                                 \
    }

TP_MEAN_UPDATE(tp_mean_update_i8, int8_t)
TP_MEAN_UPDATE(tp_mean_update_i16, int16_t)

void tp_mean_update_f32(const float *restrict feature, float *restrict sum, int32_t features)
{
    for (int32_t k = 0; k < features; k++) sum[k] += feature[k];
}

/* S = keep * S + add * d * d', d = x - mean; lower triangle. `scale` and `per` bring code and sum to reals. */
#define TP_COVARIANCE(name, feature_t, sum_t)                                                                               \
    void name(const feature_t *restrict feature, const sum_t *restrict sum, float *restrict covariance, float *restrict d, int32_t zero, float scale, float per, float keep, float add, int32_t features) \
    {                                                                                                                       \
        for (int32_t k = 0; k < features; k++) d[k] = (float)(feature[k] - (feature_t)zero) * scale - (float)sum[k] * per;  \
        for (int32_t i = 0; i < features; i++, covariance += features) {                                                    \
            const float by = add * d[i];                                                                                    \
            for (int32_t j = 0; j <= i; j++) covariance[j] = keep * covariance[j] + by * d[j];                              \
        }                                                                                                                   \
    }

TP_COVARIANCE(tp_covariance_update_i8, int8_t, int32_t)
TP_COVARIANCE(tp_covariance_update_i16, int16_t, int32_t)
TP_COVARIANCE(tp_covariance_update_f32, float, float)

/* Mean of a class into `row`; gives half its squared length. */
#define TP_CLASS_MEAN(name, sum_t)                                                                                          \
    TP_INLINE float name(const sum_t *restrict sum, float *restrict row, float per, int32_t features)                       \
    {                                                                                                                       \
        float square = 0.0f;                                                                                                \
        for (int32_t k = 0; k < features; k++) {                                                                            \
            const float m = (float)sum[k] * per;                                                                            \
            row[k] = m;                                                                                                     \
            square += m * m;                                                                                                \
        }                                                                                                                   \
        return square * 0.5f;                                                                                               \
    }

TP_CLASS_MEAN(tp_class_mean_i32, int32_t)
TP_CLASS_MEAN(tp_class_mean_f32, float)

/* Largest magnitude of the rows, at least the smallest normal number: what brings all scores to the master's range. */
TP_INLINE float tp_largest(const float *restrict row, int32_t n)
{
    uint32_t largest = 0x00800000u;
    for (int32_t i = 0; i < n; i++) {
        const uint32_t size = tp_bits_of(row[i]) & 0x7fffffffu;
        largest = (uint32_t)tp_max((int32_t)size, (int32_t)largest);
    }
    return tp_float_of(largest);
}

#define TP_MEANS_TO_ROWS(name, sum_t, class_mean, code_t)                                                                                      \
    void name(const sum_t *restrict sum, const int32_t *restrict count, code_t *restrict master, float *restrict offset, float *restrict row, float scale, float room, int32_t classes, int32_t features) \
    {                                                                                                                       \
        const int32_t n = classes * features;                                                                               \
        for (int32_t c = 0; c < classes; c++)                                                                               \
            offset[c] = -class_mean(sum + c * features, row + c * features, scale / (float)count[c], features);          \
        const float by = room / tp_largest(row, n);                                                                         \
        for (int32_t i = 0; i < n; i++) master[i] = (code_t)(row[i] * by);                                                  \
        for (int32_t c = 0; c < classes; c++) offset[c] *= by;                                                              \
    }

TP_MEANS_TO_ROWS(tp_means_to_rows_i8, int32_t, tp_class_mean_i32, int8_t)
TP_MEANS_TO_ROWS(tp_means_to_rows_i16, int32_t, tp_class_mean_i32, int16_t)
TP_MEANS_TO_ROWS(tp_means_to_rows_i32, int32_t, tp_class_mean_i32, int32_t)
TP_MEANS_TO_ROWS(tp_means_to_rows_f32, float, tp_class_mean_f32, float)

/* Lower Cholesky factor of (1 - shrink) * S + shrink * I. */
TP_INLINE void tp_cholesky(const float *restrict s, float *restrict l, float shrink, int32_t k)
{
    const float rest_of_one = 1.0f - shrink;
    for (int32_t i = 0; i < k; i++) {
        const float *li = l + i * k;
        for (int32_t j = 0; j < i; j++) {
            const float *lj = l + j * k;
            float dot = 0.0f;
            for (int32_t p = 0; p < j; p++) dot += li[p] * lj[p];
            l[i * k + j] = (rest_of_one * s[i * k + j] - dot) / lj[j];
        }
        float dot = 0.0f;
        for (int32_t p = 0; p < i; p++) dot += li[p] * li[p];
        const float rest = (rest_of_one * s[i * k + i] + shrink) - dot;
        l[i * k + i] = tp_sqrt(tp_select_f32(rest > 1.17549435e-38f, rest, 1.17549435e-38f));
    }
}

/* x = b becomes the solution of L L' x = b. */
TP_INLINE void tp_solve(const float *restrict l, float *restrict x, int32_t k)
{
    for (int32_t i = 0; i < k; i++) {
        float dot = 0.0f;
        for (int32_t p = 0; p < i; p++) dot += l[i * k + p] * x[p];
        x[i] = (x[i] - dot) / l[i * k + i];
    }
    for (int32_t i = k - 1; i >= 0; i--) {
        const float value = x[i] / l[i * k + i];
        x[i] = value;
        for (int32_t p = 0; p < i; p++) x[p] -= l[i * k + p] * value;
    }
}

#define TP_SOLVE_ROWS(name, sum_t, class_mean, code_t)                                                                                         \
    void name(const float *restrict covariance, const sum_t *restrict sum, const int32_t *restrict count, code_t *restrict master, float *restrict offset, float *restrict factor, float *restrict row, float *restrict mean, \
              float shrink, float scale, float room, int32_t classes, int32_t features)                                     \
    {                                                                                                                       \
        const int32_t n = classes * features;                                                                               \
        tp_cholesky(covariance, factor, shrink, features);                                                                  \
        float *x = row;                                                                                                     \
        for (int32_t c = 0; c < classes; c++, x += features) {                                                              \
            class_mean(sum + c * features, mean, scale / (float)count[c], features);                                     \
            for (int32_t k = 0; k < features; k++) x[k] = mean[k];                                                          \
            tp_solve(factor, x, features);                                                                                  \
            float dot = 0.0f;                                                                                               \
            for (int32_t k = 0; k < features; k++) dot += x[k] * mean[k];                                                   \
            offset[c] = -dot * 0.5f;                                                                                        \
        }                                                                                                                   \
        const float by = room / tp_largest(row, n);                                                                         \
        for (int32_t i = 0; i < n; i++) master[i] = (code_t)(row[i] * by);                                                  \
        for (int32_t c = 0; c < classes; c++) offset[c] *= by;                                                              \
    }

TP_SOLVE_ROWS(tp_solve_rows_i8, int32_t, tp_class_mean_i32, int8_t)
TP_SOLVE_ROWS(tp_solve_rows_i16, int32_t, tp_class_mean_i32, int16_t)
TP_SOLVE_ROWS(tp_solve_rows_i32, int32_t, tp_class_mean_i32, int32_t)
TP_SOLVE_ROWS(tp_solve_rows_f32, float, tp_class_mean_f32, float)

#define TP_LATENT(name, code_t)                                                                                             \
    void name(const code_t *restrict from, code_t *restrict to, int32_t n)                                                  \
    {                                                                                                                       \
        for (int32_t i = 0; i < n; i++) to[i] = from[i];                                                                    \
    }

TP_LATENT(tp_store_latent_i8, int8_t)
TP_LATENT(tp_load_latent_i8, int8_t)
TP_LATENT(tp_store_latent_i16, int16_t)
TP_LATENT(tp_store_latent_i32, int32_t)
TP_LATENT(tp_load_latent_i16, int16_t)

void tp_store_latent_f32(const float *restrict from, float *restrict to, int32_t n)
{
    for (int32_t i = 0; i < n; i++) to[i] = from[i];
}

void tp_load_latent_f32(const float *restrict from, float *restrict to, int32_t n)
{
    for (int32_t i = 0; i < n; i++) to[i] = from[i];
}

#define TP_STORE_SIGNS(name, real_t, sign)                                                                                  \
    void name(const real_t *restrict from, uint32_t *restrict to, int32_t zero, int32_t n)                                  \
    {                                                                                                                       \
        (void)zero;                                                                                                         \
        for (int32_t left = n; left > 0; left -= 32) {                                                                      \
            const int32_t m = tp_min(left, 32);                                                                             \
            uint32_t word = 0;                                                                                              \
            for (int32_t b = 0; b < m; b++) word = (word >> 1) | (sign(*from++) << 31);                                     \
            *to++ = word >> (32 - m);                                                                                       \
        }                                                                                                                   \
    }

#define TP_BELOW(x) ((uint32_t)((x) - zero) >> 31)
#define TP_BELOW_WIDE(x) ((uint32_t)((x) < zero))
#define TP_NEGATIVE(x) tp_is_below_zero(tp_bits_of(x))

TP_STORE_SIGNS(tp_store_latent_i8_b1, int8_t, TP_BELOW)
TP_STORE_SIGNS(tp_store_latent_i16_b1, int16_t, TP_BELOW)
TP_STORE_SIGNS(tp_store_latent_i32_b1, int32_t, TP_BELOW_WIDE)
TP_STORE_SIGNS(tp_store_latent_f32_b1, float, TP_NEGATIVE)

#define TP_LOAD_SIGNS(name, code_t)                                                                                         \
    void name(const uint32_t *restrict from, code_t *restrict to, int32_t plus, int32_t minus, int32_t n)                   \
    {                                                                                                                       \
        for (int32_t left = n; left > 0; left -= 32) {                                                                      \
            const int32_t m = tp_min(left, 32);                                                                             \
            uint32_t word = *from++;                                                                                        \
            for (int32_t b = 0; b < m; b++, word >>= 1) *to++ = (code_t)tp_choose(0u - (word & 1u), minus, plus);           \
        }                                                                                                                   \
    }

TP_LOAD_SIGNS(tp_load_latent_b1_i8, int8_t)
TP_LOAD_SIGNS(tp_load_latent_b1_i16, int16_t)

void tp_load_latent_b1_f32(const uint32_t *restrict from, float *restrict to, float magnitude, int32_t n)
{
    const uint32_t bits = tp_bits_of(magnitude);
    for (int32_t left = n; left > 0; left -= 32) {
        const int32_t m = tp_min(left, 32);
        uint32_t word = *from++;
        for (int32_t b = 0; b < m; b++, word >>= 1) *to++ = tp_float_of(bits ^ (word << 31));
    }
}
