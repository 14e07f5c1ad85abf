/* skeleton.c -- a metric over a whole split: the mean size of the error. A metric adds to sums, batch by batch, and
 * turns them into results once at the end, so that batches of unequal size count as they should.
 * To make it yours: change `update` and `result`.                                                            */
#include <math.h>
#include <tenon/tenon.h>

typedef struct self { int64_t width; } self;

enum { SIZES, COUNT, SUMS };               /* what is summed                                                   */

/* in[0] is the output, in[1] the target. How many sums are needed goes to *sums. */
static int plan(const tn_api *api, tn_host *host, const void *config, void *self_, uint32_t n_in,
                const tn_spec *const *in, uint32_t *sums)
{
    self *s = self_;
    (void)config, (void)n_in;
    if (in[0]->dtype != TN_F32 || in[1]->dtype != TN_F32 || in[0]->width != in[1]->width)
        return tn_fail(api, host, TN_ESHAPE, "output and target must be numbers, as many in a row");
    s->width = in[0]->width;
    *sums = SUMS;
    return TN_OK;
}

static int update(void *self_, const tn_call *c, double *sum)
{
    const self *s = self_;
    const float *x = c->in[0]->data, *target = c->in[1]->data;
    int64_t n = c->in[0]->rows * s->width;
    for (int64_t i = 0; i < n; i++) sum[SIZES] += fabs((double)x[i] - (double)target[i]);
    sum[COUNT] += (double)n;
    return TN_OK;
}

/* Result i; one without a name is the metric's own, which early stopping can monitor. */
static int result(void *self_, const double *sum, uint32_t i, const char **name, double *value, int32_t *higher_is_better)
{
    (void)self_;
    if (i > 0) return TN_END;
    *name = NULL;
    *value = sum[COUNT] > 0 ? sum[SIZES] / sum[COUNT] : 0;
    *higher_is_better = 0;
    return TN_OK;
}

static const tn_metric metric = { .size = sizeof metric, .min_in = 2, .max_in = 2, .plan = plan, .update = update,
                                  .result = result };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_METRIC, .table = &metric, .name = "skeleton",
    .brief = "mean size of the error",
    .doc = "    sum |output - target| / count\n",
    .option_size = sizeof(tn_option), .self_size = sizeof(self),
};
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("skeleton", "0.1", "", "", "", parts)
