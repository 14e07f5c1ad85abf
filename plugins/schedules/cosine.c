/* cosine.c -- the learning rate falls along half a cosine to the end of training. */
#include <math.h>
#include "clock.h"

typedef struct config { double minimum; int64_t start, length; int32_t per; } config;
typedef struct schedule { const config *options; } schedule;

static const tn_option options[] = {
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

/* rate = minimum + (base - minimum) (1 + cos(pi u)) / 2, u from 0 to 1 */
static double rate(void *self, const tn_progress *p, double base)
{
    const config *o = ((const schedule *)self)->options;
    int64_t all = o->per == PER_STEP ? p->steps : p->epochs, length = o->length ? o->length : all - o->start;
    double u = length > 0 ? clock_since(p, o->per, o->start) / (double)length : 0;
    if (u > 1) u = 1;
    return o->minimum + (base - o->minimum) * (1 + cos(3.14159265358979323846 * u)) / 2;
}

static const tn_schedule table = { sizeof table, 0, rate };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_SCHEDULE, .table = &table, .name = "cosine",
    .brief = "the rate falls along half a cosine to the end of training",
    .doc = "rate = minimum + (learning_rate - minimum) (1 + cos(pi u)) / 2, where u goes from 0 at\n"
           "`start` to 1 after `length` epochs or steps.\n\n"
           "Source: Loshchilov, Hutter, *SGDR: Stochastic Gradient Descent with Warm Restarts* (ICLR\n"
           "2017), one cycle.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(schedule), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("cosine", "1.0", "The Tenon authors", "MIT", "", parts)
