/* correct_in_a_row.c -- how many of the last examples were right in every row, up to the newest one. */
#include "right.h"

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, uint32_t n_in,
                const tn_spec *const *in, uint32_t *sums)
{
    *sums = 1;
    return right_plan(self, api, host, opts, "correct_in_a_row", n_in, in);
}

static int update(void *self, const tn_call *c, double *sum)
{
    right *m = self;
    int64_t examples = right_mark(m, c, "correct_in_a_row");
    for (int64_t i = 0; i < examples; i++) sum[0] = m->wrong[i] ? 0 : sum[0] + 1;
    return examples < 0 ? (int)examples : TN_OK;
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
    .doc = "Counts examples since the last one that was wrong.\n\n" RIGHT_RULES
           "A tolerance of 0.04 is that of the adding and multiplication problems.\n\n"
           "With `training = true` it is `train.correct_in_a_row`, over the training batches in the order\n"
           "of training, each as it was before the step that learned from it, and it goes on from epoch\n"
           "to epoch: with the stop `threshold`, the rule that a task is solved when the last 2000\n"
           "sequences were right. Over a split it goes by the order of the split.\n\n"
           "Source: Hochreiter, Schmidhuber, *Long Short-Term Memory* (1997), section 5.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(right), .close = right_close };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("correct_in_a_row", "1.0", "The Tenon authors", "MIT", "", parts)
