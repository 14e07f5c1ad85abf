/* polynomial.c -- the learning rate falls to a last value along a power of the time that is left. */
#include <math.h>
#include "clock.h"

typedef struct config { double power, minimum; int64_t start, length; int32_t per; } config;
typedef struct schedule { const config *options; } schedule;

static const tn_option options[] = {
    TN_REAL_X(config, power, TN_O_OPEN_MIN, 1, 0, 100, "1: along a straight line"),
    TN_REAL(config, minimum, 0, 0, 1e6, "the rate at the end"),
    TN_INT(config, start, 1, 1, 1e12, "the last epoch or step, counted from 1, at the full rate"),
    TN_INT(config, length, 0, 0, 1e12, "epochs or steps from `start` to the end; 0: up to the end of training"),
    TN_ENUM(config, per, PER_STEP, per_names, "whether `start` and `length` count steps or epochs"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((schedule *)self)->options = opts;
    return TN_OK;
}

/* rate = minimum + (base - minimum) (1 - u)^power, u from 0 to 1 */
static double rate(void *self, const tn_progress *p, double base)
{
    const config *o = ((const schedule *)self)->options;
    double u = clock_share(p, o->per, o->start, o->length);
    return o->minimum + (base - o->minimum) * pow(1 - u, o->power);
}

static const tn_schedule table = { sizeof table, 0, rate };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_SCHEDULE, .table = &table, .name = "polynomial",
    .brief = "the rate falls along a straight line or another power of the time left",
    .doc = "rate = minimum + (learning_rate - minimum) (1 - u)^power, where u goes from 0 at `start` to 1\n"
           "after `length` epochs or steps, and stays there. power = 1 is linear decay.\n\n"
           "The same as PyTorch's PolynomialLR (total_iters = length) where minimum = 0, and as Keras'\n"
           "PolynomialDecay without cycles.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(schedule), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("polynomial", "1.0", "The Tenon authors", "MIT", "", parts)
