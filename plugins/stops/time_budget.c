/* time_budget.c -- stops when training has taken as long as it may. */
#include <tenon/tenon.h>

typedef struct config { double hours, minutes, seconds; } config;
typedef struct stop { const config *options; char why[120]; } stop;

static const tn_option options[] = {
    TN_REAL(config, hours, 0, 0, 1e6, "hours of training"),
    TN_REAL(config, minutes, 0, 0, 1e8, "minutes, added to `hours`"),
    TN_REAL(config, seconds, 0, 0, 1e10, "seconds, added to both"),
};

static double budget(const config *o) { return 3600 * o->hours + 60 * o->minutes + o->seconds; }

static int check(const tn_api *api, tn_host *host, const void *opts)
{
    if (budget(opts) > 0) return TN_OK;
    return api->fail(host, TN_EINVAL, "say how long training may take: hours, minutes or seconds");
}

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((stop *)self)->options = opts;
    return TN_OK;
}

static int decide(void *self, const tn_progress *p, const char **why)
{
    stop *s = self;
    if (p->seconds < budget(s->options)) return 0;
    snprintf(s->why, sizeof s->why, "training has taken %.0f s, the budget is %g s", p->seconds, budget(s->options));
    *why = s->why;
    return 1;
}

static const tn_stop table = { sizeof table, TN_STOP_NO_MONITOR, decide };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_STOP, .table = &table, .name = "time_budget",
    .brief = "stops when training has taken as long as it may",
    .doc = "Asked after each evaluation, so training ends with the epoch in which the time runs out.\n"
           "Times are no results: another run, or another machine, stops after another epoch, and the\n"
           "promise of equal bits does not cover how many epochs there are (each one is the same as\n"
           "far as it goes; [training] max_steps is exact). A resumed run has the whole budget again.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(stop), .check = check, .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("time_budget", "1.0", "The Tenon authors", "MIT", "", parts)
