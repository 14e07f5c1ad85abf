/* plateau.c -- the learning rate falls by a factor when the monitored metric has not improved for some evaluations. */
#include <math.h>
#include <tenon/tenon.h>

typedef struct config { double factor, min_delta, minimum; int64_t patience, cooldown; } config;
typedef struct schedule { const config *options; } schedule;

static const tn_option options[] = {
    TN_REAL_X(config, factor, TN_O_OPEN_MIN, 0.1, 0, 1, "what the rate is multiplied by at each fall"),
    TN_INT(config, patience, 10, 1, 1e9, "evaluations in a row without an improvement after which it falls"),
    TN_REAL(config, min_delta, 1e-4, 0, 1e9, "a change counts as an improvement only if it is larger than this"),
    TN_INT(config, cooldown, 0, 0, 1e9, "evaluations after a fall that are not counted"),
    TN_REAL(config, minimum, 0, 0, 1e6, "the rate never falls below this"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((schedule *)self)->options = opts;
    return TN_OK;
}

/* How often the rate has fallen, from the whole history: nothing is kept from call to call. A NaN is no improvement. */
static int64_t falls(const config *o, const tn_progress *p)
{
    int64_t times = 0, waited = 0, rest = 0, best = -1;
    for (int64_t i = 0; i < p->values; i++) {
        double v = p->value[i], by = best < 0 ? 0 : p->higher_is_better ? v - p->value[best] : p->value[best] - v;
        if (!isnan(v) && (best < 0 || by > o->min_delta)) best = i, waited = 0;
        else waited++;
        if (rest > 0) rest--, waited = 0;
        if (waited >= o->patience) times++, rest = o->cooldown, waited = 0;
    }
    return times;
}

/* rate = max(base factor^falls, minimum) */
static double rate(void *self, const tn_progress *p, double base)
{
    const config *o = ((const schedule *)self)->options;
    double r = base * pow(o->factor, (double)falls(o, p));
    return r > o->minimum ? r : o->minimum;
}

static const tn_schedule table = { sizeof table, 0, rate };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_SCHEDULE, .table = &table, .name = "plateau",
    .brief = "the rate falls when the monitored metric no longer improves",
    .doc = "Looks at the values of `monitor` (a key of [schedule]; if it is not given, what decides the\n"
           "best weights) after each evaluation. One that is better than the best so far by more than\n"
           "`min_delta` becomes the best; when `patience` evaluations in a row brought none, the rate is\n"
           "multiplied by `factor` and counting begins anew after `cooldown` evaluations.\n\n"
           "`patience` counts as in `early_stopping` and in Keras' ReduceLROnPlateau, whose defaults\n"
           "these are. PyTorch's class of that name waits one evaluation longer for the same number; the\n"
           "cooldown is its own, and `min_delta` its threshold with threshold_mode = \"abs\".\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(schedule), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("plateau", "1.0", "The Tenon authors", "MIT", "", parts)
