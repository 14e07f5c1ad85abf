/* correct_in_a_row.c -- how many of the last examples were right in every row, up to the newest one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "decision.h"

typedef struct config { double tolerance; int64_t ignore; } config;
typedef struct metric {
    decision d;
    float tolerance;
    int32_t numbers;
    unsigned char *wrong; int64_t room;    /* by example of the batch                                             */
} metric;

static const tn_option options[] = {
    TN_REAL(config, tolerance, 0.04, 0, 1e30, "of numbers: how far each may be from the target"),
    TN_INT(config, ignore, -1, -1, 1e9, "a class whose rows are not looked at; -1: none"),
};

static void close(void *self)
{
    metric *m = self;
    free(m->wrong);
    m->wrong = NULL, m->room = 0;
}

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, uint32_t n_in,
                const tn_spec *const *in, uint32_t *sums)
{
    metric *m = self;
    const config *o = opts;
    *sums = 1;
    m->tolerance = (float)o->tolerance;
    m->numbers = n_in > TARGET && in[TARGET]->means != TN_IDS;
    if (!m->numbers) return decision_plan(&m->d, api, host, "correct_in_a_row", n_in, in, o->ignore);
    if (in[OUTPUT]->layout != in[TARGET]->layout)
        return tn_fail(api, host, TN_ESHAPE, "correct_in_a_row: output and target do not have the same rows");
    if (in[OUTPUT]->width != in[TARGET]->width)
        return tn_fail(api, host, TN_ESHAPE, "correct_in_a_row: the output has %lld values a row, the target %lld",
                       (long long)in[OUTPUT]->width, (long long)in[TARGET]->width);
    m->d.width = in[TARGET]->width;
    return TN_OK;
}

static int row_is_wrong(const metric *m, const tn_call *c, int64_t r)
{
    if (!m->numbers) {
        int32_t target = ((const int32_t *)c->in[TARGET]->data)[r];
        return target != m->d.ignore && decide_row(&m->d, c->in[OUTPUT], r) != target;
    }
    const float *x = (const float *)c->in[OUTPUT]->data + r * m->d.width, *t = (const float *)c->in[TARGET]->data + r * m->d.width;
    for (int64_t j = 0; j < m->d.width; j++)
        if (!(fabsf(x[j] - t[j]) <= m->tolerance)) return 1;
    return 0;
}

/* An example is right if all of its rows are. */
static int update(void *self, const tn_call *c, double *sum)
{
    metric *m = self;
    const tn_layout *l = c->in[TARGET]->lay;
    int steps = l && l->parent;
    int64_t rows = c->in[TARGET]->rows, examples = steps ? c->layout[TN_ROOT]->rows : rows;
    if (examples > m->room) {
        unsigned char *more = realloc(m->wrong, (size_t)examples);
        if (!more) return tn_fail(c->api, c->host, TN_ENOMEM, "correct_in_a_row: no memory for %lld examples", (long long)examples);
        m->wrong = more, m->room = examples;
    }
    if (examples > 0) memset(m->wrong, 0, (size_t)examples);
    for (int64_t r = 0; r < rows; r++)
        if (row_is_wrong(m, c, r)) m->wrong[steps ? l->root[r] : r] = 1;
    for (int64_t i = 0; i < examples; i++) sum[0] = m->wrong[i] ? 0 : sum[0] + 1;
    return TN_OK;
}

static int result(void *self, const double *sum, uint32_t i, const char **name, double *value,
                  int32_t *higher_is_better)
{
    (void)self;
    if (i > 0) return TN_END;
    *name = NULL, *higher_is_better = 1, *value = sum[0];
    return TN_OK;
}

static const tn_metric table = { sizeof table, TN_METRIC_RUNNING, 2, 2, plan, update, result };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_METRIC, .table = &table, .name = "correct_in_a_row",
    .brief = "how many of the last examples were right in every row",
    .doc = "Counts examples since the last one that was wrong. An example is right if every row of its\n"
           "output is: the same class as the target, or every number within `tolerance` of it (0.04 is\n"
           "that of the adding and multiplication problems). An example without rows is right.\n\n"
           "With `training = true` it is `train.correct_in_a_row`, over the training batches in the order\n"
           "of training, each as it was before the step that learned from it, and it goes on from epoch\n"
           "to epoch: with the stop `threshold`, the rule that a task is solved when the last 2000\n"
           "sequences were right. Over a split it goes by the order of the split.\n\n"
           "Source: Hochreiter, Schmidhuber, *Long Short-Term Memory* (1997), section 5.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(metric), .close = close };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("correct_in_a_row", "1.0", "The Tenon authors", "MIT", "", parts)
