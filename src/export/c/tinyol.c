/* Last-layer training as a microcontroller program in plain C writes it: everything reached through a structure, sums kept in memory,
 * single-precision arithmetic but for the C library's exp and log in double precision, which a single-precision float unit leaves to software. */
#include "classes.h"
#include "float.h"

#if defined(__ARM_ARCH_7EM__) && !(__ARM_FP & 8)
double exp(double);
double log(double);

typedef struct {
    int32_t height, width, batch;
    float rate;
    float *weights, *biases, *weights_2, *biases_2, *y_pred, *y_true;
    const uint8_t *found;
} tp_layer;

/* The structure stands in memory that the compiler knows nothing of. */
TP_INLINE tp_layer *tp_hidden(tp_layer *layer)
{
    __asm__("" : "+r"(layer) : : "memory");
    return layer;
}

void tp_tinyol_forward(const float *input, float *weight, float *bias, float *y_pred, int32_t classes, int32_t features)
{
    tp_layer own, *layer = tp_hidden(&own);
    layer->height = features;
    layer->width = classes;
    const int32_t h = layer->height, w = layer->width;
    for (int32_t i = 0; i < layer->width; i++) y_pred[i] = 0.0f;
    for (int32_t i = 0; i < w; i++) {
        for (int32_t j = 0; j < h; j++) y_pred[i] += weight[h * i + j] * input[j];
        y_pred[i] += bias[i];
    }
}

void tp_tinyol_softmax(float *y_pred, int32_t classes)
{
    float m = y_pred[0], sum = 0.0f;
    for (int32_t i = 0; i < classes; i++) m = tp_select_f32(m < y_pred[i], y_pred[i], m);
    for (int32_t i = 0; i < classes; i++) sum = (float)((double)sum + exp((double)(y_pred[i] - m)));
    const float constant = (float)((double)m + log((double)sum));
    for (int32_t i = 0; i < classes; i++) y_pred[i] = (float)exp((double)(y_pred[i] - constant));
}

void tp_tinyol_update(const float *p, const float *truth, const float *input, float *weight, float *bias, float rate, int32_t classes, int32_t features)
{
    tp_layer own, *layer = tp_hidden(&own);
    layer->height = features;
    layer->width = classes;
    layer->rate = rate;
    layer->weights = weight;
    layer->biases = bias;
    const int32_t w = layer->width, h = layer->height;
    for (int32_t j = 0; j < w; j++) {
        const float cost = p[j] - truth[j];
        for (int32_t i = 0; i < h; i++) layer->weights[j * h + i] -= cost * input[i] * layer->rate;
        layer->biases[j] -= cost * layer->rate;
    }
}

void tp_tinyol_accumulate(const float *p, const float *truth, const float *input, float *sum, float *bias_sum, int32_t classes, int32_t features)
{
    tp_layer own, *layer = tp_hidden(&own);
    layer->height = features;
    layer->width = classes;
    layer->weights_2 = sum;
    layer->biases_2 = bias_sum;
    const int32_t w = layer->width, h = layer->height;
    for (int32_t j = 0; j < w; j++) {
        const float cost = p[j] - truth[j];
        for (int32_t i = 0; i < h; i++) layer->weights_2[j * h + i] += cost * input[i];
        layer->biases_2[j] += cost;
    }
}

void tp_tinyol_apply(float *weight, float *sum, float rate, int32_t batch, int32_t rows, int32_t columns)
{
    tp_layer own, *layer = tp_hidden(&own);
    layer->height = columns;
    layer->width = rows;
    layer->rate = rate;
    layer->batch = batch;
    layer->weights = weight;
    layer->weights_2 = sum;
    const int32_t w = layer->width, h = layer->height;
    for (int32_t j = 0; j < w; j++)
        for (int32_t i = 0; i < h; i++) {
            layer->weights[j * h + i] -= layer->weights_2[j * h + i] / (float)layer->batch * layer->rate;
            layer->weights_2[j * h + i] = 0.0f;
        }
}

void tp_tinyol_consolidate(float *weight, float *current, const uint8_t *found, int32_t rows, int32_t columns)
{
    tp_layer own, *layer = tp_hidden(&own);
    layer->height = columns;
    layer->width = rows;
    layer->weights = weight;
    layer->weights_2 = current;
    layer->found = found;
    const int32_t w = layer->width, h = layer->height;
    for (int32_t j = 0; j < w; j++)
        for (int32_t i = 0; i < h; i++)
            layer->weights[j * h + i] = ((layer->weights[j * h + i] * (float)layer->found[j]) + layer->weights_2[j * h + i]) / (float)(layer->found[j] + 1);
}

void tp_tinyol_copy(float *from, float *to, int32_t rows, int32_t columns)
{
    tp_layer own, *layer = tp_hidden(&own);
    layer->height = columns;
    layer->width = rows;
    layer->weights = from;
    layer->weights_2 = to;
    const int32_t w = layer->width, h = layer->height;
    for (int32_t j = 0; j < w; j++)
        for (int32_t i = 0; i < h; i++) layer->weights_2[j * h + i] = layer->weights[j * h + i];
}
#endif
