/* The head by other rules of rounding than ties to even: floor (down), up (ties up), away (ties away from zero), zero (towards zero). */
#ifndef TINYPREC_ROUNDING_H
#define TINYPREC_ROUNDING_H

#include "tinyprec.h"

/* As the functions without the rule in their names. */
#define TP_PROTOTYPES_BY(rule)                                                                                                                                                                            \
    void tp_forward_copy_##rule##_i8_i8(const int8_t *master, int8_t *copy, const tp_requant *by, int32_t n);                                                                                             \
    void tp_forward_copy_##rule##_i16_i8(const int16_t *master, int8_t *copy, const tp_requant *by, int32_t n);                                                                                           \
    void tp_forward_copy_##rule##_i32_i8(const int32_t *master, int8_t *copy, const tp_requant *by, int32_t n);                                                                                           \
    void tp_forward_copy_##rule##_i8_i16(const int8_t *master, int16_t *copy, const tp_requant *by, int32_t n);                                                                                           \
    void tp_forward_copy_##rule##_i16_i16(const int16_t *master, int16_t *copy, const tp_requant *by, int32_t n);                                                                                         \
    void tp_forward_copy_##rule##_i32_i16(const int32_t *master, int16_t *copy, const tp_requant *by, int32_t n);                                                                                         \
    void tp_forward_copy_##rule##_i8_i32(const int8_t *master, int32_t *copy, const tp_requant *by, int32_t n);                                                                                           \
    void tp_forward_copy_##rule##_i16_i32(const int16_t *master, int32_t *copy, const tp_requant *by, int32_t n);                                                                                         \
    void tp_forward_copy_##rule##_i32_i32(const int32_t *master, int32_t *copy, const tp_requant *by, int32_t n);                                                                                         \
    void tp_quantise_error_##rule##_i8(const int32_t *difference, int8_t *error, const tp_requant *by, int32_t n);                                                                                        \
    void tp_quantise_error_##rule##_i16(const int32_t *difference, int16_t *error, const tp_requant *by, int32_t n);                                                                                      \
    void tp_quantise_error_##rule##_i32(const int32_t *difference, int32_t *error, const tp_requant *by, int32_t n);                                                                                      \
    void tp_quantise_gradient_##rule##_i32_i8(const int32_t *sum, int8_t *gradient, const tp_requant *by, int32_t n);                                                                                     \
    void tp_quantise_gradient_##rule##_i32_i16(const int32_t *sum, int16_t *gradient, const tp_requant *by, int32_t n);                                                                                   \
    void tp_quantise_gradient_##rule##_i64_i32(const int64_t *sum, int32_t *gradient, const tp_requant *by, int32_t n);                                                                                   \
    void tp_requantise_##rule##_i64_i8(const int64_t *fine, int8_t *master, const tp_requant *by, int32_t n);                                                                                             \
    void tp_requantise_##rule##_i64_i16(const int64_t *fine, int16_t *master, const tp_requant *by, int32_t n);                                                                                           \
    void tp_requantise_##rule##_i64_i32(const int64_t *fine, int32_t *master, const tp_requant *by, int32_t n);                                                                                           \
    void tp_forward_copy_##rule##_packed_i8(const int8_t *master, uint8_t *copy, const tp_requant *by, int32_t bits, int32_t n);                                                                          \
    void tp_forward_copy_##rule##_packed_i16(const int16_t *master, uint8_t *copy, const tp_requant *by, int32_t bits, int32_t n);                                                                        \
    void tp_forward_copy_##rule##_packed_i32(const int32_t *master, uint8_t *copy, const tp_requant *by, int32_t bits, int32_t n);                                                                        \
    void tp_standardise_##rule##_i8(const int32_t *x, const int32_t *offset, const int32_t *mantissa, const int32_t *shift, int8_t *y, const tp_requant *to, int32_t n);                                  \
    void tp_standardise_##rule##_i16(const int32_t *x, const int32_t *offset, const int32_t *mantissa, const int32_t *shift, int16_t *y, const tp_requant *to, int32_t n);                                \
    void tp_head_forward_##rule##_i8(const int8_t *feature, const int8_t *weight, const int32_t *bias, int8_t *z, const tp_requant *by, int32_t classes, int32_t features);                               \
    void tp_head_forward_##rule##_i16(const int8_t *feature, const int8_t *weight, const int32_t *bias, int16_t *z, const tp_requant *by, int32_t classes, int32_t features);                             \
    void tp_softmax_##rule##_i32_i8(const int32_t *z, int8_t *p, int32_t *work, uint32_t mantissa, int32_t left, int32_t right, const tp_requant *by, int32_t classes);                                   \
    void tp_consolidate_rows_##rule##_i8(const int8_t *master, const uint32_t *weight, const int32_t *row, int8_t *consolidated, int64_t mean, int32_t lo, int32_t hi, int32_t rows, int32_t columns);    \
    void tp_consolidate_rows_##rule##_i16(const int16_t *master, const uint32_t *weight, const int32_t *row, int16_t *consolidated, int64_t mean, int32_t lo, int32_t hi, int32_t rows, int32_t columns); \
    void tp_consolidate_rows_##rule##_i32(const int32_t *master, const uint32_t *weight, const int32_t *row, int32_t *consolidated, int64_t mean, int32_t lo, int32_t hi, int32_t rows, int32_t columns); \
    void tp_sgd_update_##rule##_i8_i8(const int8_t *gradient, int8_t *master, const tp_requant *by, int32_t n);                                                                                           \
    void tp_sgd_update_##rule##_i16_i16(const int16_t *gradient, int16_t *master, const tp_requant *by, int32_t n);                                                                                       \
    void tp_sgd_update_##rule##_i32_i32(const int32_t *gradient, int32_t *master, const tp_requant *by, int32_t n);                                                                                       \
    void tp_sgd_update_##rule##_i32_i8(const int32_t *gradient, int8_t *master, const tp_requant *by, int32_t n);                                                                                         \
    void tp_sgd_update_##rule##_i32_i16(const int32_t *gradient, int16_t *master, const tp_requant *by, int32_t n);                                                                                       \
    void tp_sgd_update_##rule##_i32_i8_i64(const int32_t *gradient, const int8_t *base, int64_t *fine, const tp_fine *widen, const tp_fine *step, int32_t n);                                             \
    void tp_sgd_update_##rule##_i32_i16_i64(const int32_t *gradient, const int16_t *base, int64_t *fine, const tp_fine *widen, const tp_fine *step, int32_t n);                                           \
    void tp_sgd_update_##rule##_i32_i32_i64(const int32_t *gradient, const int32_t *base, int64_t *fine, const tp_fine *widen, const tp_fine *step, int32_t n);                                           \
    void tp_velocity_##rule##_i8_i8(const int8_t *gradient, const int8_t *master, int32_t *velocity, const tp_requant *gradient_by, const tp_requant *momentum, const tp_requant *decay, int32_t n);      \
    void tp_velocity_##rule##_i16_i16(const int16_t *gradient, const int16_t *master, int32_t *velocity, const tp_requant *gradient_by, const tp_requant *momentum, const tp_requant *decay, int32_t n);  \
    void tp_velocity_##rule##_i32_i32(const int32_t *gradient, const int32_t *master, int32_t *velocity, const tp_requant *gradient_by, const tp_requant *momentum, const tp_requant *decay, int32_t n);  \
    void tp_velocity_##rule##_i32_i8(const int32_t *gradient, const int8_t *master, int32_t *velocity, const tp_requant *gradient_by, const tp_requant *momentum, const tp_requant *decay, int32_t n);    \
    void tp_velocity_##rule##_i32_i16(const int32_t *gradient, const int16_t *master, int32_t *velocity, const tp_requant *gradient_by, const tp_requant *momentum, const tp_requant *decay, int32_t n);

TP_PROTOTYPES_BY(floor)
TP_PROTOTYPES_BY(up)
TP_PROTOTYPES_BY(away)
TP_PROTOTYPES_BY(zero)

/* As those without `shift`, for factors that are a power of two: src_zero 0, by->shift (1 ... 31) alone counts. */
void tp_forward_copy_shift_i8_i8(const int8_t *from, int8_t *to, const tp_requant *by, int32_t n);
void tp_forward_copy_shift_i16_i8(const int16_t *from, int8_t *to, const tp_requant *by, int32_t n);
void tp_forward_copy_shift_i32_i8(const int32_t *from, int8_t *to, const tp_requant *by, int32_t n);
void tp_forward_copy_shift_i16_i16(const int16_t *from, int16_t *to, const tp_requant *by, int32_t n);
void tp_forward_copy_shift_i32_i16(const int32_t *from, int16_t *to, const tp_requant *by, int32_t n);
void tp_quantise_error_shift_i32_i8(const int32_t *from, int8_t *to, const tp_requant *by, int32_t n);
void tp_quantise_error_shift_i32_i16(const int32_t *from, int16_t *to, const tp_requant *by, int32_t n);
void tp_quantise_gradient_shift_i32_i8(const int32_t *from, int8_t *to, const tp_requant *by, int32_t n);
void tp_quantise_gradient_shift_i32_i16(const int32_t *from, int16_t *to, const tp_requant *by, int32_t n);

#endif
