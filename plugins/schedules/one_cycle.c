/* one_cycle.c -- the learning rate rises to its value and falls to almost nothing, once in all of training. */
#include <math.h>
#include <tenon/tenon.h>

typedef struct config { double rise, first_divisor, last_divisor; int64_t length; int32_t curve, three_phases; } config;
typedef struct schedule { const config *options; } schedule;
enum { COSINE, LINEAR };
static const char *const curves[] = { "cosine", "linear", NULL };

static const tn_option options[] = {
    TN_REAL_X(config, rise, TN_O_OPEN_MIN | TN_O_OPEN_MAX, 0.3, 0, 1, "the share of all steps in which the rate rises"),
    TN_REAL(config, first_divisor, 25, 1, 1e30, "the first rate is learning_rate divided by this"),
    TN_REAL(config, last_divisor, 1e4, 1, 1e30, "the last rate is the first rate divided by this"),
    TN_ENUM(config, curve, COSINE, curves, "along what it rises and falls"),
    TN_BOOL(config, three_phases, 0, "whether it falls to the first rate as long as it rose, and only then to the last one"),
    TN_INT(config, length, 0, 0, 1e12, "steps of the cycle; 0: all of training"),
};

static int check(const tn_api *api, tn_host *host, const void *opts)
{
    const config *o = opts;
    if (o->three_phases && o->rise > 0.5)
        return tn_fail(api, host, TN_EINVAL, "rise: %g; with three_phases at most 0.5, as the rate falls as long as it rose",
                       o->rise);
    return TN_OK;
}

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((schedule *)self)->options = opts;
    return TN_OK;
}

/* From a to b, u from 0 to 1. */
static double between(int32_t curve, double a, double b, double u)
{
    if (curve == LINEAR) return a + (b - a) * u;
    return b + (a - b) * (1 + cos(3.14159265358979323846 * u)) / 2;
}

/* The phases end at steps rise L - 1, (2 rise L - 2,) L - 1, counted from 0. */
static double rate(void *self, const tn_progress *p, double base)
{
    const config *o = ((const schedule *)self)->options;
    double all = (double)(o->length ? o->length : p->steps), now = (double)(p->step > 0 ? p->step - 1 : 0);
    double first = base / o->first_divisor, last = first / o->last_divisor;
    double end[] = { o->rise * all - 1, 2 * o->rise * all - 2, all - 1 }, value[] = { first, base, first, last };
    if (!o->three_phases) end[1] = end[2], value[2] = last;
    double from = 0;
    for (int i = 0; i < 3; i++) {
        if (now <= end[i]) return end[i] > from ? between(o->curve, value[i], value[i + 1], (now - from) / (end[i] - from)) : value[i];
        from = end[i];
    }
    return last;
}

static const tn_schedule table = { sizeof table, 0, rate };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_SCHEDULE, .table = &table, .name = "one_cycle",
    .brief = "the rate rises to its value and falls to almost nothing, once",
    .doc = "The rate rises from learning_rate / first_divisor to learning_rate in the first `rise` of all\n"
           "steps, and falls to learning_rate / (first_divisor last_divisor) in the others: learning_rate\n"
           "is the largest rate, not the first. It goes by steps. After `length` steps it stays at the\n"
           "last rate.\n\n"
           "The rates and the defaults are those of PyTorch's OneCycleLR (div_factor, final_div_factor,\n"
           "pct_start, anneal_strategy, three_phase), which by default also lets the momentum of the\n"
           "optimizer go up and down; this does not (cycle_momentum = False).\n\n"
           "Source: Smith, Topin, *Super-Convergence: Very Fast Training of Neural Networks Using Large\n"
           "Learning Rates* (2018).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(schedule), .check = check, .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("one_cycle", "1.0", "The Tenon authors", "MIT", "", parts)
