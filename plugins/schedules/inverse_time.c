/* inverse_time.c -- the learning rate is divided by a number that grows by the same amount each epoch or step. */
#include <math.h>
#include "clock.h"

typedef struct config { double decay, minimum; int64_t every, start; int32_t per, staircase; } config;
typedef struct schedule { const config *options; } schedule;

static const tn_option options[] = {
    TN_REAL(config, decay, 0.05, 0, 1e6, "what the divisor grows by in `every` epochs or steps"),
    TN_INT(config, every, 1, 1, 1e12, "epochs or steps in which it grows by `decay`"),
    TN_INT(config, start, 1, 1, 1e12, "the last epoch or step, counted from 1, at the full rate"),
    TN_ENUM(config, per, PER_EPOCH, per_names, "whether `every` and `start` count steps or epochs"),
    TN_BOOL(config, staircase, 0, "whether the divisor grows only after each whole `every`"),
    TN_REAL(config, minimum, 0, 0, 1e6, "the rate never falls below this"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((schedule *)self)->options = opts;
    return TN_OK;
}

/* rate = base / (1 + decay (now - start) / every) */
static double rate(void *self, const tn_progress *p, double base)
{
    const config *o = ((const schedule *)self)->options;
    double n = clock_since(p, o->per, o->start) / (double)o->every;
    double r = base / (1 + o->decay * (o->staircase ? floor(n) : n));
    return r > o->minimum ? r : o->minimum;
}

static const tn_schedule table = { sizeof table, 0, rate };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_SCHEDULE, .table = &table, .name = "inverse_time",
    .brief = "the rate falls as 1 / (1 + decay n)",
    .doc = "rate = learning_rate / (1 + decay (n - start) / every), where n is the epoch or step, counted\n"
           "from 1; up to `start` it is learning_rate.\n\n"
           "With decay = 0.05 and learning_rate = 0.015, per epoch, it is the schedule of Ma, Hovy,\n"
           "*End-to-end Sequence Labeling via Bi-directional LSTM-CNNs-CRF* (2016): eta / (1 + 0.05 t)\n"
           "after t epochs. `staircase` is that of Keras' InverseTimeDecay, whose decay_steps is `every`.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(schedule), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("inverse_time", "1.0", "The Tenon authors", "MIT", "", parts)
