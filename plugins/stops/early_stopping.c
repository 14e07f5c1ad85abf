/* early_stopping.c -- stops when the monitored metric has not improved for some evaluations. */
#include <math.h>
#include <tenon/tenon.h>

typedef struct config { int64_t patience; double min_delta; } config;
typedef struct stop { const config *options; char why[160]; } stop;

static const tn_option options[] = {
    TN_INT(config, patience, 3, 1, 1e9, "evaluations in a row without an improvement after which training stops"),
    TN_REAL(config, min_delta, 0, 0, 1e9, "a change counts as an improvement only if it is larger than this"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((stop *)self)->options = opts;
    return TN_OK;
}

/* The best value so far is replaced by one that is better by more than min_delta; stops when patience evaluations have
 * passed since. A NaN is no improvement. */
static int decide(void *self, const tn_progress *p, const char **why)
{
    stop *s = self;
    const config *o = s->options;
    int64_t best = -1;
    for (int64_t i = 0; i < p->values; i++) {
        double by = best < 0              ? 0
                    : p->higher_is_better ? p->value[i] - p->value[best]
                                          : p->value[best] - p->value[i];
        if (!isnan(p->value[i]) && (best < 0 || by > o->min_delta)) best = i;
    }
    if (p->values - 1 - best < o->patience) return 0;
    if (best < 0)
        snprintf(s->why, sizeof s->why, "the monitored value was not a number in %lld evaluations",
                 (long long)p->values);
    else
        snprintf(s->why, sizeof s->why,
                 "no improvement for %lld evaluations; the best was %.6g at evaluation %lld",
                 (long long)(p->values - 1 - best), p->value[best], (long long)best + 1);
    *why = s->why;
    return 1;
}

static const tn_stop table = { sizeof table, 0, decide };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_STOP, .table = &table, .name = "early_stopping",
    .brief = "stops when the monitored metric no longer improves",
    .doc = "Looks at the values of `monitor` after each evaluation. One that is better than the best so\n"
           "far by more than `min_delta` becomes the best; when `patience` evaluations in a row brought\n"
           "none, training stops.\n\n"
           "Which weights are used afterwards is said under [evaluation]: the best, unless `weights =\n"
           "\"last\"`.\n\n"
           "Source: Prechelt, *Early Stopping, But When?* (1998).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(stop), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("early_stopping", "1.0", "The Tenon authors", "MIT", "", parts)
