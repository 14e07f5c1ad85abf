/* noam.c -- the learning rate of the transformer: it rises along a line, then falls with the root of the step. */
#include <math.h>
#include <tenon/tenon.h>

typedef struct config { int64_t units, warmup_steps; } config;
typedef struct schedule { const config *options; } schedule;

static const tn_option options[] = {
    TN_SIZE(config, units, 512, 1, 1e9, "width of the model"),
    TN_INT(config, warmup_steps, 4000, 1, 1e12, "steps in which the rate rises"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((schedule *)self)->options = opts;
    return TN_OK;
}

/* rate = base units^-1/2 min(n^-1/2, n warmup_steps^-3/2) */
static double rate(void *self, const tn_progress *p, double base)
{
    const config *o = ((const schedule *)self)->options;
    double n = p->step > 1 ? (double)p->step : 1, w = (double)o->warmup_steps;
    return base / sqrt((double)o->units) * fmin(1 / sqrt(n), n / (w * sqrt(w)));
}

static const tn_schedule table = { sizeof table, 0, rate };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_SCHEDULE, .table = &table, .name = "noam",
    .brief = "the transformer's rate: a rise along a line, then a fall with the root of the step",
    .doc = "rate = learning_rate units^-1/2 min(n^-1/2, n warmup_steps^-3/2), n the step, counted from 1.\n"
           "The paper has learning_rate = 1: say so under [optimizer], whose usual 0.001 is far too small\n"
           "here. The largest rate, at step `warmup_steps`, is learning_rate / sqrt(units warmup_steps).\n\n"
           "The rise belongs to the schedule; the key `warmup`, which every schedule has, would lower it\n"
           "once more.\n\n"
           "Source: Vaswani and others, *Attention Is All You Need* (2017), section 5.3.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(schedule), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("noam", "1.0", "The Tenon authors", "MIT", "", parts)
