/* kill_metric.c -- a metric that counts rows, and ends the process with SIGKILL in its n-th update, n = KILL_AT_UPDATE:
 * the way to be killed inside an evaluation.                                                                     */
#include <signal.h>
#include <stdlib.h>
#include "tenon/tenon.h"

typedef struct { long updates; } counter;

static int plan(const tn_api *api, tn_host *host, const void *config, void *self, uint32_t n_in, const tn_spec *const *in,
                uint32_t *sums)
{
    (void)api, (void)host, (void)config, (void)self, (void)n_in, (void)in;
    *sums = 1;
    return TN_OK;
}

static int update(void *self, const tn_call *c, double *sum)
{
    counter *k = self;
    const char *at = getenv("KILL_AT_UPDATE");
    if (at && ++k->updates == atol(at)) raise(SIGKILL);
    sum[0] += (double)c->in[0]->rows;
    return TN_OK;
}

static int result(void *self, const double *sum, uint32_t i, const char **name, double *value, int32_t *higher)
{
    (void)self;
    if (i) return TN_END;
    *name = NULL, *value = sum[0], *higher = 1;
    return TN_OK;
}

static const tn_metric table = { sizeof table, 0, 2, 2, plan, update, result };
static const tn_desc desc = { sizeof desc, TN_METRIC, &table, "kill_metric", "counts rows", "For a test.", TN_NO_OPTIONS, 0,
                              sizeof(counter), NULL, NULL, NULL, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("kill_metric", "1.0.0", "Tenon", "MIT", "", parts)
