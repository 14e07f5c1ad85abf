/* correct_examples.c -- the share of examples that are right in every row. */
#include "right.h"

enum { WRONG, ALL, SUMS };

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, uint32_t n_in,
                const tn_spec *const *in, uint32_t *sums)
{
    *sums = SUMS;
    return right_plan(self, api, host, opts, "correct_examples", n_in, in);
}

static int update(void *self, const tn_call *c, double *sum)
{
    right *m = self;
    int64_t examples = right_mark(m, c, "correct_examples");
    for (int64_t i = 0; i < examples; i++) sum[WRONG] += m->wrong[i];
    if (examples > 0) sum[ALL] += (double)examples;
    return examples < 0 ? (int)examples : TN_OK;
}

static int result(void *self, const double *sum, uint32_t i, const char **name, double *value,
                  int32_t *higher_is_better)
{
    (void)self;
    if (i > 1) return TN_END;
    *name = i ? "wrong" : NULL, *higher_is_better = !i;
    *value = i ? sum[WRONG] : sum[ALL] > 0 ? (sum[ALL] - sum[WRONG]) / sum[ALL] : 0;
    return TN_OK;
}

static const tn_metric table = { sizeof table, 0, 2, 2, plan, update, result };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_METRIC, .table = &table, .name = "correct_examples",
    .brief = "the share of examples that are right in every row",
    .doc = "correct_examples = right / all; `correct_examples.wrong` is how many are not.\n\n" RIGHT_RULES,
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(right), .close = right_close };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("correct_examples", "1.0", "The Tenon authors", "MIT", "", parts)
