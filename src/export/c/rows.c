/* CWR*'s rows: loading, mean, weight of the past, weighted sum. */
#include "tinyprec.h"
#include "arith.h"

#define TP_LOAD_ROWS(name, code_t)                                                                                          \
    void name(const code_t *restrict consolidated, code_t *restrict master, const uint8_t *restrict take, int32_t rows, int32_t columns) \
    {                                                                                                                       \
        for (int32_t r = 0; r < rows; r++) {                                                                                \
            const int32_t keep = -(int32_t)take[r];                                                                         \
            for (int32_t k = 0; k < columns; k++) *master++ = (code_t)(*consolidated++ & keep);                             \
        }                                                                                                                   \
    }

TP_LOAD_ROWS(tp_load_rows_i8, int8_t)
TP_LOAD_ROWS(tp_load_rows_i16, int16_t)
TP_LOAD_ROWS(tp_load_rows_i32, int32_t)

/* The quotient of an N-bit mean has N + 16 bits. */
#define TP_MEAN_ROWS(name, code_t, bits)                                                                                    \
    void name(const code_t *restrict master, const int32_t *restrict row, int64_t *restrict mean, int32_t rows, int32_t columns) \
    {                                                                                                                       \
        int64_t sum = 0;                                                                                                    \
        for (int32_t r = 0; r < rows; r++) {                                                                                \
            const code_t *from = master + row[r] * columns;                                                                 \
            for (int32_t k = 0; k < columns; k++) sum += from[k];                                                           \
        }                                                                                                                   \
        *mean = tp_divide_even(sum * 65536, (uint64_t)(uint32_t)(rows * columns), bits);                                    \
    }

TP_MEAN_ROWS(tp_mean_rows_i8, int8_t, 24)
TP_MEAN_ROWS(tp_mean_rows_i16, int16_t, 32)
TP_MEAN_ROWS(tp_mean_rows_i32, int32_t, 48)

void tp_past_weight_i32(const uint32_t *restrict past, const uint32_t *restrict current, uint32_t *restrict weight, int32_t classes)
{
    for (int32_t c = 0; c < classes; c++) {
        uint64_t rest;
        weight[c] = tp_isqrt(tp_divide((uint64_t)past[c] << 32, current[c], 64, &rest));
    }
}

/* |result| is at most 2^N before the limits: a weighted mean of two N-bit codes, one of them less a mean. */
#define TP_CONSOLIDATE_ROWS(name, code_t, bits, divide)                                                                     \
    void name(const code_t *restrict master, const uint32_t *restrict weight, const int32_t *restrict row, code_t *restrict consolidated, \
              int64_t mean, int32_t lo, int32_t hi, int32_t rows, int32_t columns)                                          \
    {                                                                                                                       \
        for (int32_t r = 0; r < rows; r++) {                                                                                \
            const int32_t w = (int32_t)weight[r];                                                                           \
            const uint64_t den = (uint64_t)(uint32_t)w + 65536u;                                                            \
            const code_t *tw = master + row[r] * columns;                                                                   \
            code_t *cw = consolidated + row[r] * columns;                                                                   \
            for (int32_t k = 0; k < columns; k++) {                                                                         \
                const int64_t merged = divide((int64_t)cw[k] * w + (int64_t)tw[k] * 65536 - mean, den, (bits) + 1);         \
                cw[k] = (code_t)tp_clamp(tp_saturate(merged), lo, hi);                                                      \
            }                                                                                                               \
        }                                                                                                                   \
    }

TP_CONSOLIDATE_ROWS(tp_consolidate_rows_i8, int8_t, 8, tp_divide_even)
TP_CONSOLIDATE_ROWS(tp_consolidate_rows_i16, int16_t, 16, tp_divide_even)
TP_CONSOLIDATE_ROWS(tp_consolidate_rows_i32, int32_t, 32, tp_divide_even)

#define TP_CONSOLIDATE_ROWS_BY(rule)                                                                                        \
    TP_CONSOLIDATE_ROWS(tp_consolidate_rows_##rule##_i8, int8_t, 8, tp_divide_##rule)                                       \
    TP_CONSOLIDATE_ROWS(tp_consolidate_rows_##rule##_i16, int16_t, 16, tp_divide_##rule)                                    \
    TP_CONSOLIDATE_ROWS(tp_consolidate_rows_##rule##_i32, int32_t, 32, tp_divide_##rule)

TP_CONSOLIDATE_ROWS_BY(floor)
TP_CONSOLIDATE_ROWS_BY(up)
TP_CONSOLIDATE_ROWS_BY(away)
TP_CONSOLIDATE_ROWS_BY(zero)
