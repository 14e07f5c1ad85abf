/* watch_steps.c -- a schedule that changes nothing. The host asks it in every step, so it sees how many allocations
 * happened between two calls; from the fourth to the 59th step there should be none. The sum goes to the file that
 * ALLOCATION_REPORT names.                                                                                      */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "tenon/tenon.h"

typedef struct { double factor; } config;
static const tn_option options[] = { TN_REAL(config, factor, 0, 0, 1, "not used") };
typedef struct { atomic_long *calls; long last, sum; } watch;

static int open_watch(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    watch *w = self;
    (void)config_;
    *(void **)&w->calls = dlsym(RTLD_DEFAULT, "allocation_calls");
    return w->calls ? TN_OK : api->fail(host, TN_EINVAL, "the counter is not preloaded");
}

static double rate(void *self, const tn_progress *p, double base)
{
    watch *w = self;
    long now = *w->calls;
    if (p->step > 3 && p->step < 60) w->sum += now - w->last;
    w->last = now;
    const char *path = getenv("ALLOCATION_REPORT");
    if (p->step == 60 && path) {
        FILE *f = fopen(path, "w");
        if (f) fprintf(f, "%ld\n", w->sum), fclose(f);
    }
    return base;
}

static const tn_schedule table = { sizeof table, 0, rate };
static const tn_desc desc = { sizeof desc, TN_SCHEDULE, &table, "watch_steps", "counts allocations", "For a test.",
                              TN_OPTIONS(options), sizeof(config), sizeof(watch), NULL, open_watch, NULL, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("watch_steps", "1.0.0", "Tenon", "MIT", "", parts)
