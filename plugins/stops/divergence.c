/* divergence.c -- stops when the monitored value is not a number, or far worse than the best. */
#include <math.h>
#include <tenon/tenon.h>

typedef struct config { double factor; int64_t patience; } config;
typedef struct stop { const config *options; char why[160]; } stop;

static const tn_option options[] = {
    TN_REAL_X(config, factor, TN_O_OPEN_MIN, 10, 1, 1e30, "how many times the best value is too much"),
    TN_INT(config, patience, 1, 1, 1e9, "evaluations in a row that must be that bad"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((stop *)self)->options = opts;
    return TN_OK;
}

/* v > best + (factor - 1) |best|, which is v > factor best for a loss above 0; where more is better, v < best / factor. */
static int is_bad(const config *o, int higher, double v, double best)
{
    if (!isfinite(v)) return 1;
    if (isnan(best)) return 0;
    return higher ? v < best - (1 - 1 / o->factor) * fabs(best) : v > best + (o->factor - 1) * fabs(best);
}

static int decide(void *self, const tn_progress *p, const char **why)
{
    stop *s = self;
    double best = NAN;
    int64_t in_a_row = 0;
    for (int64_t i = 0; i < p->values; i++) {
        double v = p->value[i];
        in_a_row = is_bad(s->options, p->higher_is_better != 0, v, best) ? in_a_row + 1 : 0;
        if (isfinite(v) && (isnan(best) || (p->higher_is_better ? v > best : v < best))) best = v;
    }
    if (in_a_row < s->options->patience) return 0;
    double last = p->value[p->values - 1];
    if (isfinite(last)) snprintf(s->why, sizeof s->why, "the monitored value is %.6g, the best was %.6g", last, best);
    else snprintf(s->why, sizeof s->why, "the monitored value is %s", isnan(last) ? "not a number" : "infinite");
    *why = s->why;
    return 1;
}

static const tn_stop table = { sizeof table, 0, decide };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_STOP, .table = &table, .name = "divergence",
    .brief = "stops when the monitored value is not a number, or far worse than the best",
    .doc = "Stops when the value of `monitor` is NaN or infinite, or above `factor` times the lowest so far\n"
           "(where a higher value is better: below the highest divided by `factor`; for a best value b\n"
           "below 0, more than (factor - 1) |b| above it), in `patience` evaluations in a row.\n\n"
           "monitor = \"train.loss\" needs no validation split. A training loss that is not finite ends a\n"
           "run at that very step, with a message and a checkpoint, with or without this rule.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(stop), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("divergence", "1.0", "The Tenon authors", "MIT", "", parts)
