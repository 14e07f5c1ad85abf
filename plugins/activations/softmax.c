/* softmax.c -- a row of numbers becomes a row of probabilities. */
#include <tenon/tenon.h>
#include "softmax.h"

enum { ELEMENTS_A_PIECE = 4096 };

typedef struct job { int64_t width; const float *x, *y, *dy; float *out; } job;

/* y_j = e^(x_j - m) / sum_k e^(x_k - m), m the largest of the row, so that nothing overflows */
static void forward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    for (int64_t r = from; r < end; r++) {
        const float *x = b->x + r * b->width;
        float *y = b->out + r * b->width;
        double sum = row_exps(x, row_max(x, b->width), b->width, y);
        for (int64_t j = 0; j < b->width; j++) y[j] = (float)((double)y[j] / sum);
    }
}

/* dx_j = y_j (dy_j - sum_k y_k dy_k) */
static void backward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    for (int64_t r = from; r < end; r++) {
        const float *y = b->y + r * b->width, *dy = b->dy + r * b->width;
        float *dx = b->out + r * b->width;
        double sum = 0;
        for (int64_t j = 0; j < b->width; j++) sum += (double)y[j] * (double)dy[j];
        for (int64_t j = 0; j < b->width; j++) dx[j] = (float)((double)y[j] * ((double)dy[j] - sum));
    }
}

static int forward(void *self, tn_be *be, int64_t rows, int64_t width, const float *x, float *y)
{
    job b = { width, x, NULL, NULL, y };
    (void)self;
    return width ? be->ops->parallel_for(be, rows, 1 + ELEMENTS_A_PIECE / width, forward_rows, &b) : TN_OK;
}

static int backward(void *self, tn_be *be, int64_t rows, int64_t width, const float *x, const float *y,
                    const float *dy, float *dx)
{
    job b = { width, x, y, dy, dx };
    (void)self;
    return width ? be->ops->parallel_for(be, rows, 1 + ELEMENTS_A_PIECE / width, backward_rows, &b) : TN_OK;
}

static const tn_activation table = { sizeof table, TN_USES_OUT | TN_A_NORMALIZES, TN_PROBABILITIES, 0, forward, backward };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_ACTIVATION, .table = &table, .name = "softmax",
    .brief = "probabilities that add up to 1 in each row", .option_size = sizeof(tn_option),
    .doc = "y_j = e^x_j / (e^x_1 + ... + e^x_K) over the K numbers of a row.\n\n"
           "Its output counts as probabilities: `cross_entropy` then takes the logarithm of what it gets\n"
           "and no second softmax. Without an activation that loss works on logits, which is the more\n"
           "accurate way.\n\n"
           "Source: Bridle, *Probabilistic Interpretation of Feedforward Classification Network Outputs*\n"
           "(1990).\n" };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("softmax", "1.0", "The Tenon authors", "MIT", "", parts)
