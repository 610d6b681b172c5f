/* The learning head beyond CWR* in whole bytes: other formats, stochastic rounding, other strategies. Conventions of tinyprec.h. */
#ifndef TINYPREC_LEARNING_H
#define TINYPREC_LEARNING_H

#include "tinyprec.h"
#include "rounding.h"

/* ---- other formats of the head: formats.c ----------------------------------------------------------------------------- */

/* Signs of features: bit 1 where x * 2^8 < offset. */
void tp_standardise_b1(const int32_t *x, const int32_t *offset, uint32_t *y, int32_t n);
/* Signs of weights, bit to bit over all rows, 0 counts as +1; *magnitude = sum of |master|. */
void tp_forward_copy_i8_b1(const int8_t *master, uint32_t *copy, uint64_t *magnitude, int32_t n);
void tp_forward_copy_i16_b1(const int16_t *master, uint32_t *copy, uint64_t *magnitude, int32_t n);
void tp_forward_copy_i32_b1(const int32_t *master, uint32_t *copy, uint64_t *magnitude, int32_t n);
/* z[c] = bias[c] + sum over features; weights of all rows bit to bit, features' bits from bit 0. */
void tp_head_forward_i8_b1(const int8_t *feature, const uint32_t *weight, const int32_t *bias, int32_t *z, int32_t classes, int32_t features);
void tp_head_forward_b1_i8(const uint32_t *feature, const int8_t *weight, const int32_t *bias, int32_t *z, int32_t classes, int32_t features);
void tp_head_forward_b1_b1(const uint32_t *feature, const uint32_t *weight, const int32_t *bias, int32_t *z, int32_t classes, int32_t features);
void tp_gradient_accumulate_i8_b1(const int8_t *error, const uint32_t *feature, int32_t *sum, int32_t zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_i16_b1(const int16_t *error, const uint32_t *feature, int32_t *sum, int32_t zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_i32_b1(const int32_t *error, const uint32_t *feature, int64_t *sum, int32_t zero, int32_t classes, int32_t features);
/* Codes of `bits` bits, 2 ... 7, lowest bits first without gaps; one byte more than they fill is read and written. */
void tp_head_forward_packed(const int8_t *feature, const uint8_t *weight, const int32_t *bias, int32_t *z, int32_t bits, int32_t classes, int32_t features);
void tp_forward_copy_packed_i8(const int8_t *master, uint8_t *copy, const tp_requant *by, int32_t bits, int32_t n);
void tp_forward_copy_packed_i16(const int16_t *master, uint8_t *copy, const tp_requant *by, int32_t bits, int32_t n);
void tp_forward_copy_packed_i32(const int32_t *master, uint8_t *copy, const tp_requant *by, int32_t bits, int32_t n);
/* f16 and bf16 by their bits, to nearest even, no NaN. */
void tp_forward_copy_f32_f16(const float *master, uint16_t *half, int32_t n);
void tp_forward_copy_f32_bf16(const float *master, uint16_t *half, int32_t n);
void tp_head_forward_f16(const float *feature, const uint16_t *weight, const float *bias, float *z, int32_t classes, int32_t features);
void tp_head_forward_bf16(const float *feature, const uint16_t *weight, const float *bias, float *z, int32_t classes, int32_t features);
/* Rows kept in 2 ... 7 bits (lowest bits first, one byte more than they fill) or in halves, unpacked before a step and packed after it. */
void tp_unpack_i8(const uint8_t *from, int8_t *to, int32_t bits, int32_t n);
void tp_pack_i8(const int8_t *from, uint8_t *to, int32_t bits, int32_t n);
void tp_unpack_f16(const uint16_t *from, float *to, int32_t n);
void tp_pack_f16(const float *from, uint16_t *to, int32_t n);
void tp_unpack_bf16(const uint16_t *from, float *to, int32_t n);
void tp_pack_bf16(const float *from, uint16_t *to, int32_t n);
/* As tp_standardise_i8. */
void tp_standardise_i16(const int32_t *x, const int32_t *offset, const int32_t *mantissa, const int32_t *shift, int16_t *y, const tp_requant *to, int32_t n);
/* Before a batch. */
void tp_clear_i32(int32_t *sum, int32_t n);
void tp_clear_i64(int64_t *sum, int32_t n);
void tp_clear_f32(float *sum, int32_t n);

/* ---- heads of integers and reals: mixed.c -------------------------------------------------------------------------------- */

/* y = (x - zero) * scale; codes of 8 and 16 bits as 32 bits; y = limit(zero + round(x / scale)), |x / scale| < 2^50. */
void tp_to_reals_i8(const int8_t *x, float *y, int32_t zero, float scale, int32_t n);
void tp_to_reals_i16(const int16_t *x, float *y, int32_t zero, float scale, int32_t n);
void tp_to_reals_i32(const int32_t *x, float *y, int32_t zero, float scale, int32_t n);
void tp_to_reals_i64(const int64_t *x, float *y, int32_t zero, float scale, int32_t n);
void tp_widen_i8_i32(const int8_t *x, int32_t *y, int32_t n);
void tp_widen_i16_i32(const int16_t *x, int32_t *y, int32_t n);
void tp_to_codes_i8(const float *x, int8_t *y, double scale, int32_t zero, int32_t lo, int32_t hi, int32_t n);
void tp_to_codes_i16(const float *x, int16_t *y, double scale, int32_t zero, int32_t lo, int32_t hi, int32_t n);
void tp_to_codes_i32(const float *x, int32_t *y, double scale, int32_t zero, int32_t lo, int32_t hi, int32_t n);
/* Scale (31 bits of mantissa) and zero point of a range of reals that is not empty, for `steps` steps. */
void tp_range_scale_f32(const float *range, double *scale, int32_t *zero_point, uint32_t steps, int32_t qmin, int32_t qmax, int32_t affine);
/* Real gradients: master = limit(master - round(gradient * factor)), |gradient * factor| < 2^50; on the fine grid. */
void tp_sgd_update_f32_i8(const float *gradient, int8_t *master, double factor, int32_t lo, int32_t hi, int32_t n);
void tp_sgd_update_f32_i8_i64(const float *gradient, const int8_t *base, int64_t *fine, const tp_fine *widen, double factor, int32_t n);
void tp_sgd_update_f32_i16(const float *gradient, int16_t *master, double factor, int32_t lo, int32_t hi, int32_t n);
void tp_sgd_update_f32_i16_i64(const float *gradient, const int16_t *base, int64_t *fine, const tp_fine *widen, double factor, int32_t n);
void tp_sgd_update_f32_i32(const float *gradient, int32_t *master, double factor, int32_t lo, int32_t hi, int32_t n);
void tp_sgd_update_f32_i32_i64(const float *gradient, const int32_t *base, int64_t *fine, const tp_fine *widen, double factor, int32_t n);

/* ---- stochastic rounding: stochastic.c -------------------------------------------------------------------------------- */

/* ChaCha with 8 rounds; a draw is two words of the block, `used` draws of 8 are spent (8 before the first). */
typedef struct {
    uint32_t key[8], counter[2], stream[2], block[16];
    int32_t used;
} tp_random;

/* As tp_sgd_update_..., one draw a weight; shift 1 ... 62, |gradient - src_zero| at most 2^32. */
void tp_sgd_update_random_i8_i8(const int8_t *gradient, int8_t *master, const tp_requant *by, tp_random *random, int32_t n);
void tp_sgd_update_random_i16_i16(const int16_t *gradient, int16_t *master, const tp_requant *by, tp_random *random, int32_t n);
void tp_sgd_update_random_i32_i32(const int32_t *gradient, int32_t *master, const tp_requant *by, tp_random *random, int32_t n);
void tp_sgd_update_random_i32_i8(const int32_t *gradient, int8_t *master, const tp_requant *by, tp_random *random, int32_t n);
void tp_sgd_update_random_i32_i16(const int32_t *gradient, int16_t *master, const tp_requant *by, tp_random *random, int32_t n);

/* Codes as by the deterministic functions of these names, one draw a code; shift 1 ... 62. */
void tp_forward_copy_random_i8_i8(const int8_t *from, int8_t *to, const tp_requant *by, tp_random *random, int32_t n);
void tp_forward_copy_random_i16_i8(const int16_t *from, int8_t *to, const tp_requant *by, tp_random *random, int32_t n);
void tp_forward_copy_random_i32_i8(const int32_t *from, int8_t *to, const tp_requant *by, tp_random *random, int32_t n);
void tp_forward_copy_random_i8_i16(const int8_t *from, int16_t *to, const tp_requant *by, tp_random *random, int32_t n);
void tp_forward_copy_random_i16_i16(const int16_t *from, int16_t *to, const tp_requant *by, tp_random *random, int32_t n);
void tp_forward_copy_random_i8_i32(const int8_t *from, int32_t *to, const tp_requant *by, tp_random *random, int32_t n);
void tp_forward_copy_random_i16_i32(const int16_t *from, int32_t *to, const tp_requant *by, tp_random *random, int32_t n);
void tp_forward_copy_random_i32_i32(const int32_t *from, int32_t *to, const tp_requant *by, tp_random *random, int32_t n);
void tp_forward_copy_random_i32_i16(const int32_t *from, int16_t *to, const tp_requant *by, tp_random *random, int32_t n);
/* As tp_standardise_i8, one draw a feature. */
void tp_standardise_random_i8(const int32_t *x, const int32_t *offset, const int32_t *mantissa, const int32_t *shift, int8_t *y, const tp_requant *to, tp_random *random, int32_t n);
void tp_standardise_random_i16(const int32_t *x, const int32_t *offset, const int32_t *mantissa, const int32_t *shift, int16_t *y, const tp_requant *to, tp_random *random, int32_t n);
void tp_quantise_error_random_i8(const int32_t *from, int8_t *to, const tp_requant *by, tp_random *random, int32_t n);
void tp_quantise_error_random_i16(const int32_t *from, int16_t *to, const tp_requant *by, tp_random *random, int32_t n);
void tp_quantise_error_random_i32(const int32_t *from, int32_t *to, const tp_requant *by, tp_random *random, int32_t n);
void tp_quantise_gradient_random_i32_i8(const int32_t *from, int8_t *to, const tp_requant *by, tp_random *random, int32_t n);
void tp_quantise_gradient_random_i32_i16(const int32_t *from, int16_t *to, const tp_requant *by, tp_random *random, int32_t n);
/* |from - src_zero| < 2^60, |result| < 2^33; 8-bit codes of the fine grid can need a shift of more than 62 and have no function here. */
void tp_quantise_gradient_random_i64_i32(const int64_t *from, int32_t *to, const tp_requant *by, tp_random *random, int32_t n);
void tp_requantise_random_i64_i16(const int64_t *from, int16_t *to, const tp_requant *by, tp_random *random, int32_t n);
void tp_requantise_random_i64_i32(const int64_t *from, int32_t *to, const tp_requant *by, tp_random *random, int32_t n);
/* On the fine grid, a draw a step (step->right 1 ... 62, step->left 0). */
void tp_sgd_update_random_i32_i8_i64(const int32_t *gradient, const int8_t *base, int64_t *fine, const tp_fine *widen, const tp_fine *step, tp_random *random, int32_t n);
void tp_sgd_update_random_i32_i16_i64(const int32_t *gradient, const int16_t *base, int64_t *fine, const tp_fine *widen, const tp_fine *step, tp_random *random, int32_t n);
void tp_sgd_update_random_i32_i32_i64(const int32_t *gradient, const int32_t *base, int64_t *fine, const tp_fine *widen, const tp_fine *step, tp_random *random, int32_t n);
/* by[0] momentum, by[1] the gradient and the limits, by[2] decay; a draw for each of the terms `first` (0, or 1 without momentum) to `last` (2, or 1
 * without decay). */
void tp_velocity_random_i8_i8(const int8_t *gradient, const int8_t *master, int32_t *velocity, const tp_requant *by, tp_random *random, int32_t first, int32_t last, int32_t n);
void tp_velocity_random_i16_i16(const int16_t *gradient, const int16_t *master, int32_t *velocity, const tp_requant *by, tp_random *random, int32_t first, int32_t last, int32_t n);
void tp_velocity_random_i32_i8(const int32_t *gradient, const int8_t *master, int32_t *velocity, const tp_requant *by, tp_random *random, int32_t first, int32_t last, int32_t n);
void tp_velocity_random_i32_i16(const int32_t *gradient, const int16_t *master, int32_t *velocity, const tp_requant *by, tp_random *random, int32_t first, int32_t last, int32_t n);
void tp_velocity_random_i32_i32(const int32_t *gradient, const int32_t *master, int32_t *velocity, const tp_requant *by, tp_random *random, int32_t first, int32_t last, int32_t n);

/* ---- other strategies: strategies.c ----------------------------------------------------------------------------------- */

/* master = limit(master - round((before - anchor) * pull * factor)); `before`: the weights before the step. |(before - anchor) * pull| < 2^60,
 * |that * factor| < 2^33. */
void tp_anchor_pull_i8(const int8_t *before, const int8_t *anchor, const int32_t *pull, int8_t *master, const tp_requant *by, int32_t n);
void tp_anchor_pull_i16(const int16_t *before, const int16_t *anchor, const int32_t *pull, int16_t *master, const tp_requant *by, int32_t n);
void tp_anchor_pull_i32(const int32_t *before, const int32_t *anchor, const int32_t *pull, int32_t *master, const tp_requant *by, int32_t n);
void tp_anchor_pull_f32(const float *before, const float *anchor, const float *pull, float *master, float rate, int32_t n);
/* importance += (batch mean of the cross-entropy's gradient) squared; `gradient` and `error` are working space. */
void tp_importance_accumulate_i8(const float *z, const int32_t *label, const int8_t *feature, float *importance, float *gradient, float *error, int32_t zero, float scale, float mean, int32_t batch, int32_t classes, int32_t features);
void tp_importance_accumulate_f32(const float *z, const int32_t *label, const float *feature, float *importance, float *gradient, float *error, int32_t zero, float scale, float mean, int32_t batch, int32_t classes, int32_t features);
/* MAS: the gradient of the logits' squared length, its magnitude added. */
void tp_importance_magnitude_i8(const float *z, const int8_t *feature, float *importance, float *gradient, int32_t zero, float scale, float mean, int32_t batch, int32_t classes, int32_t features);
void tp_importance_magnitude_i16(const float *z, const int16_t *feature, float *importance, float *gradient, int32_t zero, float scale, float mean, int32_t batch, int32_t classes, int32_t features);
void tp_importance_magnitude_f32(const float *z, const float *feature, float *importance, float *gradient, int32_t zero, float scale, float mean, int32_t batch, int32_t classes, int32_t features);
void tp_importance_accumulate_i16(const float *z, const int32_t *label, const int16_t *feature, float *importance, float *gradient, float *error, int32_t zero, float scale, float mean, int32_t batch, int32_t classes, int32_t features);
/* anchor = master; pull = round(importance * by), below 2^31; with a running importance = keep * running + take * importance. */
void tp_keep_anchor_i8(const float *importance, const int8_t *master, int8_t *anchor, int32_t *pull, double by, int32_t n);
void tp_keep_running_i8(const float *importance, const int8_t *master, int8_t *anchor, int32_t *pull, float *running, float keep, float take, double by, int32_t n);
void tp_keep_anchor_i16(const float *importance, const int16_t *master, int16_t *anchor, int32_t *pull, double by, int32_t n);
void tp_keep_running_i16(const float *importance, const int16_t *master, int16_t *anchor, int32_t *pull, float *running, float keep, float take, double by, int32_t n);
void tp_keep_anchor_i32(const float *importance, const int32_t *master, int32_t *anchor, int32_t *pull, double by, int32_t n);
void tp_keep_running_i32(const float *importance, const int32_t *master, int32_t *anchor, int32_t *pull, float *running, float keep, float take, double by, int32_t n);
void tp_keep_anchor_f32(const float *importance, const float *master, float *anchor, float *pull, float by, int32_t n);
void tp_keep_running_f32(const float *importance, const float *master, float *anchor, float *pull, float *running, float keep, float take, float by, int32_t n);
/* Softmax of both logits over the `classes` known classes at a temperature; the weighted difference onto the errors. `work` has
 * 3 * classes numbers, `total` all classes. */
void tp_distil_i32(const int32_t *z, const int32_t *teacher, const int32_t *known, int32_t *difference, int32_t *work, uint32_t mantissa, int32_t left, int32_t right, const tp_requant *by, int32_t total, int32_t batch, int32_t classes);
void tp_distil_f32(const float *z, const float *teacher, const int32_t *known, float *difference, float *work, float temperature, float factor, int32_t total, int32_t batch, int32_t classes);
/* Features of 16 bits, and signs of 32-bit weights. */
void tp_mean_update_i16(const int16_t *feature, int32_t *sum, int32_t zero, int32_t features);
void tp_covariance_update_i16(const int16_t *feature, const int32_t *sum, float *covariance, float *d, int32_t zero, float scale, float per, float keep, float add, int32_t features);
void tp_store_latent_i16(const int16_t *from, int16_t *to, int32_t n);
void tp_store_latent_i32(const int32_t *from, int32_t *to, int32_t n);
void tp_load_latent_i16(const int16_t *from, int16_t *to, int32_t n);
void tp_store_latent_i16_b1(const int16_t *from, uint32_t *to, int32_t zero, int32_t n);
void tp_store_latent_i32_b1(const int32_t *from, uint32_t *to, int32_t zero, int32_t n);
void tp_load_latent_b1_i16(const uint32_t *from, int16_t *to, int32_t plus, int32_t minus, int32_t n);
/* A sample's class sum grows by it. */
void tp_mean_update_i8(const int8_t *feature, int32_t *sum, int32_t zero, int32_t features);
void tp_mean_update_f32(const float *feature, float *sum, int32_t features);
/* covariance = keep * covariance + add * d * d', lower triangle, rows of `features`; d = (feature - zero) * scale - sum * per. */
void tp_covariance_update_i8(const int8_t *feature, const int32_t *sum, float *covariance, float *d, int32_t zero, float scale, float per, float keep, float add, int32_t features);
void tp_covariance_update_f32(const float *feature, const float *sum, float *covariance, float *d, int32_t zero, float scale, float per, float keep, float add, int32_t features);
/* Class means as rows, offset = -|mean|^2 / 2, all times room / largest magnitude; codes toward zero. `row` is working space. */
void tp_means_to_rows_i8(const int32_t *sum, const int32_t *count, int8_t *master, float *offset, float *row, float scale, float room, int32_t classes, int32_t features);
void tp_means_to_rows_i16(const int32_t *sum, const int32_t *count, int16_t *master, float *offset, float *row, float scale, float room, int32_t classes, int32_t features);
void tp_means_to_rows_i32(const int32_t *sum, const int32_t *count, int32_t *master, float *offset, float *row, float scale, float room, int32_t classes, int32_t features);
void tp_means_to_rows_f32(const float *sum, const int32_t *count, float *master, float *offset, float *row, float scale, float room, int32_t classes, int32_t features);
/* The same with each mean solved by (1 - shrink) * covariance + shrink * I; `factor` (features squared), `row` and `mean` are working space. */
void tp_solve_rows_i8(const float *covariance, const int32_t *sum, const int32_t *count, int8_t *master, float *offset, float *factor, float *row, float *mean, float shrink, float scale, float room, int32_t classes, int32_t features);
void tp_solve_rows_i16(const float *covariance, const int32_t *sum, const int32_t *count, int16_t *master, float *offset, float *factor, float *row, float *mean, float shrink, float scale, float room, int32_t classes, int32_t features);
void tp_solve_rows_i32(const float *covariance, const int32_t *sum, const int32_t *count, int32_t *master, float *offset, float *factor, float *row, float *mean, float shrink, float scale, float room, int32_t classes, int32_t features);
void tp_solve_rows_f32(const float *covariance, const float *sum, const int32_t *count, float *master, float *offset, float *factor, float *row, float *mean, float shrink, float scale, float room, int32_t classes, int32_t features);
/* Latents into the replay buffer and back: as they are, or as signs of (feature - zero) that stand for two values. */
void tp_store_latent_i8(const int8_t *from, int8_t *to, int32_t n);
void tp_store_latent_f32(const float *from, float *to, int32_t n);
void tp_load_latent_i8(const int8_t *from, int8_t *to, int32_t n);
void tp_load_latent_f32(const float *from, float *to, int32_t n);
void tp_store_latent_i8_b1(const int8_t *from, uint32_t *to, int32_t zero, int32_t n);
void tp_store_latent_f32_b1(const float *from, uint32_t *to, int32_t zero, int32_t n);
void tp_load_latent_b1_i8(const uint32_t *from, int8_t *to, int32_t plus, int32_t minus, int32_t n);
void tp_load_latent_b1_f32(const uint32_t *from, float *to, float magnitude, int32_t n);

/* ---- the head with 16-bit operands, zero points in the features, saturating sums, logits of their own format: head_wide.c --- */

/* sum[c][k] += (error[c] - zero) * (feature[k] - feature_zero); the checked ones saturate at each addition. */
void tp_gradient_accumulate_affine_i8(const int8_t *error, const int8_t *feature, int32_t *sum, int32_t zero, int32_t feature_zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_checked_i8(const int8_t *error, const int8_t *feature, int32_t *sum, int32_t zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_affine_checked_i8(const int8_t *error, const int8_t *feature, int32_t *sum, int32_t zero, int32_t feature_zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_affine_i16(const int16_t *error, const int8_t *feature, int32_t *sum, int32_t zero, int32_t feature_zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_checked_i16(const int16_t *error, const int8_t *feature, int32_t *sum, int32_t zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_affine_checked_i16(const int16_t *error, const int8_t *feature, int32_t *sum, int32_t zero, int32_t feature_zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_affine_i8_i16(const int8_t *error, const int16_t *feature, int32_t *sum, int32_t zero, int32_t feature_zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_checked_i8_i16(const int8_t *error, const int16_t *feature, int32_t *sum, int32_t zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_affine_checked_i8_i16(const int8_t *error, const int16_t *feature, int32_t *sum, int32_t zero, int32_t feature_zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_affine_i16_i16(const int16_t *error, const int16_t *feature, int32_t *sum, int32_t zero, int32_t feature_zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_checked_i16_i16(const int16_t *error, const int16_t *feature, int32_t *sum, int32_t zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_affine_checked_i16_i16(const int16_t *error, const int16_t *feature, int32_t *sum, int32_t zero, int32_t feature_zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_i8_i16(const int8_t *error, const int16_t *feature, int32_t *sum, int32_t zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_i16_i16(const int16_t *error, const int16_t *feature, int32_t *sum, int32_t zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_affine_i32(const int32_t *error, const int8_t *feature, int64_t *sum, int32_t zero, int32_t feature_zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_i32_i16(const int32_t *error, const int16_t *feature, int64_t *sum, int32_t zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_affine_i32_i16(const int32_t *error, const int16_t *feature, int64_t *sum, int32_t zero, int32_t feature_zero, int32_t classes, int32_t features);
/* As tp_head_forward_i8, the sum rounded to the logits' codes. */
void tp_head_forward_to_i8(const int8_t *feature, const int8_t *weight, const int32_t *bias, int8_t *z, const tp_requant *by, int32_t classes, int32_t features);
void tp_head_forward_to_i16(const int8_t *feature, const int8_t *weight, const int32_t *bias, int16_t *z, const tp_requant *by, int32_t classes, int32_t features);
/* As tp_softmax_i32 and tp_arg_max_i32 of narrower logits; the table has the 256 powers that 8-bit logits can need, e^(-d * unit) at d. */
void tp_softmax_i8_i32(const int8_t *z, int32_t *p, uint32_t mantissa, int32_t left, int32_t right, int32_t classes);
void tp_arg_max_i8(const int8_t *z, int32_t *index, int32_t classes);
void tp_softmax_i16_i32(const int16_t *z, int32_t *p, uint32_t mantissa, int32_t left, int32_t right, int32_t classes);
void tp_arg_max_i16(const int16_t *z, int32_t *index, int32_t classes);
void tp_softmax_i8_i32_table(const int8_t *z, const uint32_t *table, int32_t *p, int32_t classes);

/* ---- ranges taken anew, anchors in single precision: ranges.c --------------------------------------------------------- */

/* mantissa * 2^(exponent - 31), mantissa 2^30 ... 2^31 - 1. */
typedef struct {
    uint32_t mantissa;
    int32_t exponent;
} tp_scale;

/* What integers of a range become: codes of `scale` around `zero`, by `factor`. */
typedef struct {
    tp_scale scale, factor;
    int32_t zero;
} tp_grid;

typedef struct {
    float scale;
    int32_t zero;
} tp_real_grid;

/* From range[0] <= 0 <= range[1] in units of `unit`; codes lo ... hi, `steps` of them less one, around 0 unless `affine`. */
void tp_range_scale_i32(const int32_t *range, tp_grid *grid, const tp_scale *unit, uint32_t steps, int32_t lo, int32_t hi, int32_t affine);
void tp_range_scale_i64(const int64_t *range, tp_grid *grid, const tp_scale *unit, uint32_t steps, int32_t lo, int32_t hi, int32_t affine);
/* moves += rate * pull * (before - anchor) in reals; then weights less moves take a range of their own, `reals` is working space. */
void tp_anchor_pull_i8_f32(const int8_t *before, const float *anchor, const float *pull, float *moves, int32_t zero, float scale, float rate, int32_t n);
void tp_anchor_pull_i16_f32(const int16_t *before, const float *anchor, const float *pull, float *moves, int32_t zero, float scale, float rate, int32_t n);
void tp_anchor_pull_i32_f32(const int32_t *before, const float *anchor, const float *pull, float *moves, int32_t zero, float scale, float rate, int32_t n);
void tp_move_weights_i8(float *moves, int8_t *master, float *reals, tp_real_grid *grid, float steps, int32_t lo, int32_t hi, int32_t n);
void tp_move_weights_i16(float *moves, int16_t *master, float *reals, tp_real_grid *grid, float steps, int32_t lo, int32_t hi, int32_t n);
void tp_move_weights_i32(float *moves, int32_t *master, float *reals, tp_real_grid *grid, float steps, int32_t lo, int32_t hi, int32_t n);
/* As tp_keep_anchor_..., the anchor and the pull in reals. */
void tp_keep_anchor_i8_f32(const float *importance, const int8_t *master, float *anchor, float *pull, int32_t zero, float scale, float by, int32_t n);
void tp_keep_running_i8_f32(const float *importance, const int8_t *master, float *anchor, float *pull, float *running, float keep, float take, int32_t zero, float scale, float by, int32_t n);
void tp_keep_anchor_i16_f32(const float *importance, const int16_t *master, float *anchor, float *pull, int32_t zero, float scale, float by, int32_t n);
void tp_keep_running_i16_f32(const float *importance, const int16_t *master, float *anchor, float *pull, float *running, float keep, float take, int32_t zero, float scale, float by, int32_t n);
void tp_keep_anchor_i32_f32(const float *importance, const int32_t *master, float *anchor, float *pull, int32_t zero, float scale, float by, int32_t n);
void tp_keep_running_i32_f32(const float *importance, const int32_t *master, float *anchor, float *pull, float *running, float keep, float take, int32_t zero, float scale, float by, int32_t n);

/* ---- AR1*: ar1.c ------------------------------------------------------------------------------------------------------ */

/* feature = limit(feature + round(sum * factor)). */
void tp_residual_i8(const int32_t *sum, int8_t *feature, const tp_requant *by, int32_t n);
void tp_residual_i16(const int32_t *sum, int16_t *feature, const tp_requant *by, int32_t n);
void tp_residual_f32(const int32_t *sum, float *feature, float by, int32_t n);
/* back[k] = sum over c of error[c] * master[c][k], zeros subtracted. */
void tp_input_gradient_i8(const int8_t *error, const int8_t *master, int32_t *back, int32_t error_zero, int32_t zero, int32_t classes, int32_t features);
void tp_input_gradient_i16(const int16_t *error, const int16_t *master, int64_t *back, int32_t error_zero, int32_t zero, int32_t classes, int32_t features);
void tp_input_gradient_i8_i16(const int8_t *error, const int16_t *master, int32_t *back, int32_t error_zero, int32_t zero, int32_t classes, int32_t features);
void tp_input_gradient_i8_i32(const int8_t *error, const int32_t *master, int64_t *back, int32_t error_zero, int32_t zero, int32_t classes, int32_t features);
void tp_input_gradient_f32(const float *error, const float *master, float *back, int32_t classes, int32_t features);
void tp_input_gradient_i32_f32(const int32_t *error, const int32_t *master, float *back, int32_t error_zero, float error_scale, int32_t zero, float scale, int32_t classes, int32_t features);
/* Range, codes and scaled reals of such errors. */
void tp_range_f32(const float *x, float *range, int32_t n);
void tp_quantise_error_f32_i32(const float *x, int32_t *y, double scale, int32_t zero, int32_t lo, int32_t hi, int32_t n);
void tp_scale_error_f32(const float *x, float *y, float by, int32_t n);
/* path += gradient * (master - before); total += path / (moved^2 + damping), path = 0, importance = lambda * min(-total, most). */
void tp_path_integral_i8(const int8_t *gradient, const int8_t *before, const int8_t *master, float *path, int32_t zero, float gradient_scale, float scale, int32_t n);
void tp_path_importance_i8(float *path, const int8_t *start, const int8_t *master, float *total, float *importance, float scale, float damping, float most, float lambda, int32_t n);
void tp_path_integral_i16(const int16_t *gradient, const int16_t *before, const int16_t *master, float *path, int32_t zero, float gradient_scale, float scale, int32_t n);
void tp_path_importance_i16(float *path, const int16_t *start, const int16_t *master, float *total, float *importance, float scale, float damping, float most, float lambda, int32_t n);
void tp_path_integral_i32(const int32_t *gradient, const int32_t *before, const int32_t *master, float *path, int32_t zero, float gradient_scale, float scale, int32_t n);
void tp_path_integral_i32_i8(const int32_t *gradient, const int8_t *before, const int8_t *master, float *path, int32_t zero, float gradient_scale, float scale, int32_t n);
void tp_path_integral_i32_i16(const int32_t *gradient, const int16_t *before, const int16_t *master, float *path, int32_t zero, float gradient_scale, float scale, int32_t n);
void tp_path_importance_i32(float *path, const int32_t *start, const int32_t *master, float *total, float *importance, float scale, float damping, float most, float lambda, int32_t n);
void tp_path_integral_f32(const float *gradient, const float *before, const float *master, float *path, int32_t n);
void tp_path_importance_f32(float *path, const float *start, const float *master, float *total, float *importance, float damping, float most, float lambda, int32_t n);
/* Features are signs. */
void tp_gradient_accumulate_f32_b1(const float *error, const uint32_t *feature, float *sum, int32_t classes, int32_t features);

/* 32-bit operands, zero points of narrow logits and packed weights, steps from reals, rows of two widths: wide.c. */
void tp_head_forward_checked_i8_i32(const int8_t *feature, const int32_t *weight, const int32_t *bias, int32_t *z, int32_t classes, int32_t features);
void tp_head_forward_affine_checked_i8_i32(const int8_t *feature, const int32_t *weight, const int32_t *bias, int32_t *z, int32_t feature_zero, int32_t weight_zero, int32_t classes, int32_t features);
void tp_head_forward_checked_i32_i8(const int32_t *feature, const int8_t *weight, const int32_t *bias, int32_t *z, int32_t classes, int32_t features);
void tp_head_forward_affine_checked_i32_i8(const int32_t *feature, const int8_t *weight, const int32_t *bias, int32_t *z, int32_t feature_zero, int32_t weight_zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_checked_i32_i8(const int32_t *error, const int8_t *feature, int32_t *sum, int32_t zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_affine_checked_i32_i8(const int32_t *error, const int8_t *feature, int32_t *sum, int32_t zero, int32_t feature_zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_checked_i8_i32(const int8_t *error, const int32_t *feature, int32_t *sum, int32_t zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_affine_checked_i8_i32(const int8_t *error, const int32_t *feature, int32_t *sum, int32_t zero, int32_t feature_zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_checked_i16_i32(const int16_t *error, const int32_t *feature, int32_t *sum, int32_t zero, int32_t classes, int32_t features);
void tp_gradient_accumulate_affine_checked_i16_i32(const int16_t *error, const int32_t *feature, int32_t *sum, int32_t zero, int32_t feature_zero, int32_t classes, int32_t features);
void tp_head_forward_affine_to_i8(const int8_t *feature, const int8_t *weight, const int32_t *bias, int8_t *z, const tp_requant *by, int32_t feature_zero, int32_t weight_zero, int32_t classes, int32_t features);
void tp_head_forward_affine_to_i16(const int8_t *feature, const int8_t *weight, const int32_t *bias, int16_t *z, const tp_requant *by, int32_t feature_zero, int32_t weight_zero, int32_t classes, int32_t features);
void tp_head_forward_affine_packed(const int8_t *feature, const uint8_t *weight, const int32_t *bias, int32_t *z, int32_t bits, int32_t feature_zero, int32_t weight_zero, int32_t classes, int32_t features);
void tp_standardise_i32(const int32_t *x, const int32_t *offset, const int32_t *mantissa, const int32_t *shift, int32_t *y, const tp_requant *to, int32_t n);
void tp_sgd_update_i32_f32_i64(const int32_t *gradient, const float *base, int64_t *fine, const tp_fine *step, int32_t n);
void tp_consolidate_rows_i8_i16(const int8_t *master, const uint32_t *weight, const int32_t *row, int16_t *consolidated, int64_t mean, const tp_requant *by, int32_t rows, int32_t columns);
void tp_consolidate_rows_i8_i32(const int8_t *master, const uint32_t *weight, const int32_t *row, int32_t *consolidated, int64_t mean, const tp_requant *by, int32_t rows, int32_t columns);
void tp_consolidate_rows_i16_i8(const int16_t *master, const uint32_t *weight, const int32_t *row, int8_t *consolidated, int64_t mean, const tp_requant *by, int32_t rows, int32_t columns);
void tp_consolidate_rows_i16_i32(const int16_t *master, const uint32_t *weight, const int32_t *row, int32_t *consolidated, int64_t mean, const tp_requant *by, int32_t rows, int32_t columns);
void tp_consolidate_rows_i32_i8(const int32_t *master, const uint32_t *weight, const int32_t *row, int8_t *consolidated, int64_t mean, const tp_requant *by, int32_t rows, int32_t columns);
void tp_consolidate_rows_i32_i16(const int32_t *master, const uint32_t *weight, const int32_t *row, int16_t *consolidated, int64_t mean, const tp_requant *by, int32_t rows, int32_t columns);

#endif
