/* log_softmax.c -- a row of numbers becomes the logarithms of a row of probabilities. */
#include <tenon/tenon.h>
#include "softmax.h"

enum { ELEMENTS_A_PIECE = 4096 };

typedef struct job { int64_t width; const float *x, *y, *dy; float *out; } job;

static float log_of(double x) { return tn_log(tn_set((float)x))[0]; }

/* out_j = a_j - by - more, or a_j - e^(b_j) by where b is not NULL */
static void subtract(const float *a, const float *b, float by, float more, int64_t n, float *out)
{
    tn_vf s = tn_set(by), m = tn_set(more);
    int64_t j = 0, rest;
    for (; j + TN_VL <= n; j += TN_VL)
        tn_store(out + j, b ? tn_fma(-tn_exp(tn_load(b + j)), s, tn_load(a + j)) : tn_load(a + j) - s - m);
    if ((rest = n - j) > 0)
        tn_storen(out + j, b ? tn_fma(-tn_exp(tn_loadn(b + j, rest)), s, tn_loadn(a + j, rest)) : tn_loadn(a + j, rest) - s - m, rest);
}

/* y_j = x_j - m - log sum_k e^(x_k - m), m the largest of the row, so that nothing overflows */
static void forward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    for (int64_t r = from; r < end; r++) {
        const float *x = b->x + r * b->width;
        float top = row_max(x, b->width);
        subtract(x, NULL, top, log_of(row_exps(x, top, b->width, NULL)), b->width, b->out + r * b->width);
    }
}

/* dx_j = dy_j - e^(y_j) sum_k dy_k */
static void backward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    for (int64_t r = from; r < end; r++) {
        const float *dy = b->dy + r * b->width;
        double sum = 0;
        for (int64_t j = 0; j < b->width; j++) sum += (double)dy[j];
        subtract(dy, b->y + r * b->width, (float)sum, 0, b->width, b->out + r * b->width);
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

static const tn_activation table = { sizeof table, TN_USES_OUT | TN_A_NORMALIZES, TN_LOG_PROBABILITIES, 0, forward, backward };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_ACTIVATION, .table = &table, .name = "log_softmax",
    .brief = "logarithms of probabilities that add up to 1 in each row", .option_size = sizeof(tn_option),
    .doc = "y_j = x_j - log(e^x_1 + ... + e^x_K) over the K numbers of a row, the largest taken out first.\n\n"
           "Its output counts as logarithms of probabilities: `cross_entropy` then takes it as such and no\n"
           "second softmax.\n\n"
           "A number that is minus infinity has probability 0. A row with a NaN, with infinity or of nothing\n"
           "but minus infinity has no probabilities: it gives NaN.\n" };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("log_softmax", "1.0", "The Tenon authors", "MIT", "", parts)
