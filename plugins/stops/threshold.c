/* threshold.c -- stops when the monitored value passes a number. */
#include <math.h>
#include <tenon/tenon.h>

enum { AUTO, ABOVE, BELOW };
static const char *const sides[] = { "auto", "above", "below", NULL };
typedef struct config { double value; int64_t patience; int32_t when; } config;
typedef struct stop { const config *options; char why[160]; } stop;

static const tn_option options[] = {
    TN_REAL_X(config, value, TN_O_REQUIRED, 0, -1e300, 1e300, "the number to pass; to reach it is enough"),
    TN_ENUM(config, when, AUTO, sides, "which way; auto: above where a higher value is better, else below"),
    TN_INT(config, patience, 1, 1, 1e9, "evaluations in a row that must have passed it"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((stop *)self)->options = opts;
    return TN_OK;
}

/* The last `patience` values are on the far side. A NaN is on neither. */
static int decide(void *self, const tn_progress *p, const char **why)
{
    stop *s = self;
    const config *o = s->options;
    int above = o->when == ABOVE || (o->when == AUTO && p->higher_is_better);
    int64_t in_a_row = 0;
    while (in_a_row < p->values) {
        double v = p->value[p->values - 1 - in_a_row];
        if (!(above ? v >= o->value : v <= o->value)) break;
        in_a_row++;
    }
    if (in_a_row < o->patience) return 0;
    snprintf(s->why, sizeof s->why, "the monitored value is %.6g, %s %g", p->value[p->values - 1],
             above ? "not below" : "not above", o->value);
    *why = s->why;
    return 1;
}

static const tn_stop table = { sizeof table, 0, decide };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_STOP, .table = &table, .name = "threshold",
    .brief = "stops when the monitored value passes a number",
    .doc = "Looks at the values of `monitor` after each evaluation, and stops when the last `patience` of\n"
           "them are at least `value`, or at most `value` where a lower one is better (`when` says it in so\n"
           "many words).\n\n"
           "Several conditions that must hold at once are stops that share the key `together`. The rule of\n"
           "Hochreiter, Schmidhuber, *Long Short-Term Memory* (1997), section 5, is\n\n"
           "    [[metric]]\n"
           "    type = \"correct_in_a_row\"\n"
           "    training = true\n"
           "    [[stop]]\n"
           "    name = \"errors are small\"\n"
           "    type = \"threshold\"\n"
           "    monitor = \"train.loss\"\n"
           "    value = 0.01\n"
           "    together = \"solved\"\n"
           "    [[stop]]\n"
           "    name = \"2000 in a row\"\n"
           "    type = \"threshold\"\n"
           "    monitor = \"train.correct_in_a_row\"\n"
           "    value = 2000\n"
           "    together = \"solved\"\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(stop), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("threshold", "1.0", "The Tenon authors", "MIT", "", parts)
