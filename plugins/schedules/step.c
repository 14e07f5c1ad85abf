/* step.c -- the learning rate falls by a factor every so many epochs or steps. */
#include <math.h>
#include "clock.h"

typedef struct config { double factor, minimum; int64_t every, start; int32_t per; } config;
typedef struct schedule { const config *options; } schedule;

static const tn_option options[] = {
    TN_REAL_X(config, factor, TN_O_OPEN_MIN, 0.1, 0, 1, "what the rate is multiplied by at each fall"),
    TN_INT(config, every, 1, 1, 1e12, "epochs or steps between two falls"),
    TN_INT(config, start, 1, 1, 1e12, "epoch or step, counted from 1, from which they are counted"),
    TN_ENUM(config, per, PER_EPOCH, per_names, "whether `every` and `start` count steps or epochs"),
    TN_REAL(config, minimum, 0, 0, 1e6, "the rate never falls below this"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((schedule *)self)->options = opts;
    return TN_OK;
}

/* rate = base factor^floor((now - start) / every) */
static double rate(void *self, const tn_progress *p, double base)
{
    const config *o = ((const schedule *)self)->options;
    double r = base * pow(o->factor, floor(clock_since(p, o->per, o->start) / (double)o->every));
    return r > o->minimum ? r : o->minimum;
}

static const tn_schedule table = { sizeof table, 0, rate };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_SCHEDULE, .table = &table, .name = "step",
    .brief = "the rate falls by a factor every so many epochs or steps",
    .doc = "rate = learning_rate factor^floor((n - start) / every), where n is the epoch or step,\n"
           "counted from 1; before `start` it is learning_rate.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(schedule), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("step", "1.0", "The Tenon authors", "MIT", "", parts)
