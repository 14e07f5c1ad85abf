/* cosine.c -- the learning rate falls along half a cosine to the end of training, or again and again. */
#include <math.h>
#include "clock.h"

typedef struct config { double minimum; int64_t start, length, growth; int32_t per, restarts; } config;
typedef struct schedule { const config *options; } schedule;

static const tn_option options[] = {
    TN_REAL(config, minimum, 0, 0, 1e6, "the rate at the end"),
    TN_INT(config, start, 1, 1, 1e12, "the last epoch or step, counted from 1, at the full rate"),
    TN_INT(config, length, 0, 0, 1e12, "epochs or steps from `start` to the end; 0: up to the end of training"),
    TN_ENUM(config, per, PER_STEP, per_names, "whether `start` and `length` count steps or epochs"),
    TN_BOOL(config, restarts, 0, "whether it begins anew at the full rate after `length`"),
    TN_INT(config, growth, 1, 1, 1000, "with restarts: how many times as long as the one before each cycle is"),
};

static int check(const tn_api *api, tn_host *host, const void *opts)
{
    const config *o = opts;
    if (o->restarts && !o->length)
        return api->fail(host, TN_EINVAL, "restarts: say how long the first cycle is: length = 10");
    if (!o->restarts && o->growth > 1) return api->fail(host, TN_EINVAL, "growth: there is one cycle without restarts = true");
    return TN_OK;
}

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((schedule *)self)->options = opts;
    return TN_OK;
}

/* Where n steps or epochs after the start lie in their cycle, 0 to 1. */
static double place_in_cycle(const config *o, double n)
{
    double length = (double)o->length;
    if (o->growth == 1) return fmod(n, length) / length;
    while (n >= length) n -= length, length *= (double)o->growth;
    return n / length;
}

/* rate = minimum + (base - minimum) (1 + cos(pi u)) / 2, u from 0 to 1 */
static double rate(void *self, const tn_progress *p, double base)
{
    const config *o = ((const schedule *)self)->options;
    double u = o->restarts ? place_in_cycle(o, clock_since(p, o->per, o->start)) : clock_share(p, o->per, o->start, o->length);
    return o->minimum + (base - o->minimum) * (1 + cos(3.14159265358979323846 * u)) / 2;
}

static const tn_schedule table = { sizeof table, 0, rate };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_SCHEDULE, .table = &table, .name = "cosine",
    .brief = "the rate falls along half a cosine, once or with restarts",
    .doc = "rate = minimum + (learning_rate - minimum) (1 + cos(pi u)) / 2, where u goes from 0 at\n"
           "`start` to 1 after `length` epochs or steps, and stays there.\n\n"
           "With `restarts` it begins anew at learning_rate after `length`, and each cycle is `growth`\n"
           "times as long as the one before: PyTorch's CosineAnnealingWarmRestarts, T_0 = length, T_mult =\n"
           "growth.\n\n"
           "Source: Loshchilov, Hutter, *SGDR: Stochastic Gradient Descent with Warm Restarts* (ICLR\n"
           "2017).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(schedule), .check = check, .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("cosine", "1.0", "The Tenon authors", "MIT", "", parts)
