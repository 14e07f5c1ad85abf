/* multi_step.c -- the learning rate falls by a factor after each of the epochs or steps that are named. */
#include <math.h>
#include "clock.h"

typedef struct config { tn_list milestones; double factor, minimum; int32_t per; } config;
typedef struct schedule { const config *options; } schedule;

static const tn_option options[] = {
    { "milestones", "epochs or steps, counted from 1 and rising, after each of which the rate falls", TN_O_INTS,
      TN_O_REQUIRED, TN_AT_(config, milestones, tn_list), 0, 0, 0, NULL, 1, 1e6, NULL, NULL },
    TN_REAL_X(config, factor, TN_O_OPEN_MIN, 0.1, 0, 1, "what the rate is multiplied by at each fall"),
    TN_ENUM(config, per, PER_EPOCH, per_names, "whether `milestones` are steps or epochs"),
    TN_REAL(config, minimum, 0, 0, 1e6, "the rate never falls below this"),
};

static int check(const tn_api *api, tn_host *host, const void *opts)
{
    const config *o = opts;
    const int64_t *m = o->milestones.v;
    for (int64_t i = 0; i < o->milestones.n; i++)
        if (m[i] < 1 || (i && m[i] <= m[i - 1]))
            return tn_fail(api, host, TN_EINVAL,
                           "milestones: %lld at place %lld; they are counted from 1 and each is larger than the one before",
                           (long long)m[i], (long long)i + 1);
    return TN_OK;
}

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((schedule *)self)->options = opts;
    return TN_OK;
}

/* rate = base factor^(milestones that are done) */
static double rate(void *self, const tn_progress *p, double base)
{
    const config *o = ((const schedule *)self)->options;
    const int64_t *m = o->milestones.v;
    int64_t fallen = 0;
    while (fallen < o->milestones.n && clock_since(p, o->per, m[fallen]) > 0) fallen++;
    double r = base * pow(o->factor, (double)fallen);
    return r > o->minimum ? r : o->minimum;
}

static const tn_schedule table = { sizeof table, 0, rate };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_SCHEDULE, .table = &table, .name = "multi_step",
    .brief = "the rate falls by a factor after each of some epochs or steps",
    .doc = "rate = learning_rate factor^k, where k is how many of `milestones` are done. With milestones\n"
           "= [30, 80], epochs 1 to 30 have the full rate, epochs 31 to 80 `factor` times that, the\n"
           "others `factor` squared times that: PyTorch's MultiStepLR with the same milestones.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(schedule), .check = check, .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("multi_step", "1.0", "The Tenon authors", "MIT", "", parts)
