/* exponential.c -- the learning rate falls by a factor each epoch or step, from one of them on. */
#include <math.h>
#include "clock.h"

typedef struct config { double factor, minimum; int64_t every, start; int32_t per; } config;
typedef struct schedule { const config *options; } schedule;

static const tn_option options[] = {
    TN_REAL_X(config, factor, TN_O_OPEN_MIN, 0.95, 0, 1, "what the rate is multiplied by in `every` epochs or steps"),
    TN_INT(config, every, 1, 1, 1e12, "epochs or steps in which it falls by `factor`"),
    TN_INT(config, start, 1, 1, 1e12, "the last epoch or step, counted from 1, at the full rate"),
    TN_ENUM(config, per, PER_EPOCH, per_names, "whether `every` and `start` count steps or epochs"),
    TN_REAL(config, minimum, 0, 0, 1e6, "the rate never falls below this"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((schedule *)self)->options = opts;
    return TN_OK;
}

/* rate = base factor^((now - start) / every) */
static double rate(void *self, const tn_progress *p, double base)
{
    const config *o = ((const schedule *)self)->options;
    double r = base * pow(o->factor, clock_since(p, o->per, o->start) / (double)o->every);
    return r > o->minimum ? r : o->minimum;
}

static const tn_schedule table = { sizeof table, 0, rate };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_SCHEDULE, .table = &table, .name = "exponential",
    .brief = "the rate falls by a factor each epoch or step",
    .doc = "rate = learning_rate factor^((n - start) / every), where n is the epoch or step, counted\n"
           "from 1; up to `start` it is learning_rate. With factor = 0.5 and start = 4, epochs 1 to 4\n"
           "have the full rate, epoch 5 half of it, epoch 6 a quarter: the schedule of Zaremba,\n"
           "Sutskever, Vinyals, *Recurrent Neural Network Regularization* (2014).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(schedule), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("exponential", "1.0", "The Tenon authors", "MIT", "", parts)
