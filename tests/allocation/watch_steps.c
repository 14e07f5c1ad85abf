/* watch_steps.c -- a regularizer that changes nothing. The host calls it once for each parameter in every step, so it
 * sees how many allocations happened between two calls; from the fourth step on there should be none. The sum and
 * the number of calls go to the file that ALLOCATION_REPORT names.                                              */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "tenon/tenon.h"

typedef struct { double factor; } config;
static const tn_option options[] = { TN_REAL(config, factor, 0, 0, 1, "not used") };
typedef struct { atomic_long *calls; long last, sum, seen; } watch;

static int open_watch(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    watch *w = self;
    (void)config_;
    *(void **)&w->calls = dlsym(RTLD_DEFAULT, "allocation_calls");
    return w->calls ? TN_OK : api->fail(host, TN_EINVAL, "the counter is not preloaded");
}

static int add(void *self, tn_be *be, int64_t n, const float *p, float *g, double *penalty)
{
    watch *w = self;
    (void)be, (void)n, (void)p, (void)g;
    long now = *w->calls;
    if (++w->seen > 60) w->sum += now - w->last; /* 60 calls: more than three steps of the small network of the test */
    w->last = now;
    *penalty = 0;
    const char *path = getenv("ALLOCATION_REPORT");
    if (w->seen == 600 && path) {
        FILE *f = fopen(path, "w");
        if (f) fprintf(f, "%ld\n", w->sum), fclose(f);
    }
    return TN_OK;
}

static const tn_regularizer table = { sizeof table, 0, add };
static const tn_desc desc = { sizeof desc, TN_REGULARIZER, &table, "watch_steps", "counts allocations", "For a test.",
                              TN_OPTIONS(options), sizeof(config), sizeof(watch), NULL, open_watch, NULL, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("watch_steps", "1.0.0", "Tenon", "MIT", "", parts)
