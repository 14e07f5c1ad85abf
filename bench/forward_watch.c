/* forward_watch.c -- a metric that notes the time of each batch of an evaluation. At the end it writes the milliseconds
 * between two batches, one a line, into the file that FORWARD_WATCH names: the wait for it, forward pass, loss. bench/compare
 * puts it into an experiment, so that the whole path of an evaluation is timed without a word in the host.           */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "tenon/tenon.h"

enum { MOST = 1000000 };
typedef struct { double *at; int64_t n; } watch;

static int open_watch(const tn_api *api, tn_host *host, const void *config, void *self)
{
    (void)config;
    watch *w = self;
    w->at = malloc(sizeof *w->at * MOST);
    return w->at ? TN_OK : api->fail(host, TN_ENOMEM, "no memory for the times");
}

static int plan(const tn_api *api, tn_host *host, const void *config, void *self, uint32_t n_in, const tn_spec *const *in,
                uint32_t *sums)
{
    (void)api, (void)host, (void)config, (void)self, (void)n_in, (void)in;
    *sums = 1;
    return TN_OK;
}

static int update(void *self, const tn_call *c, double *sum)
{
    watch *w = self;
    struct timespec t;
    (void)c;
    clock_gettime(CLOCK_MONOTONIC, &t);
    if (w->n < MOST) w->at[w->n++] = (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
    *sum += 1;
    return TN_OK;
}

static int result(void *self, const double *sum, uint32_t i, const char **name, double *value, int32_t *higher_is_better)
{
    (void)self;
    if (i) return TN_END;
    *name = NULL, *value = *sum, *higher_is_better = 1;
    return TN_OK;
}

static void close_watch(void *self)
{
    watch *w = self;
    const char *path = getenv("FORWARD_WATCH");
    FILE *f = path && w->n > 1 ? fopen(path, "w") : NULL;
    for (int64_t i = 1; f && i < w->n; i++) fprintf(f, "%.4f\n", w->at[i] - w->at[i - 1]);
    if (f) fclose(f);
    free(w->at);
    w->at = NULL;
}

static const tn_metric table = { sizeof table, 0, 2, 2, plan, update, result };
static const tn_desc desc = { .size = sizeof desc, .kind = TN_METRIC, .table = &table, .name = "forward_watch",
                              .brief = "counts batches; notes when each came", .doc = "For bench/compare.",
                              .option_size = sizeof(tn_option), .self_size = sizeof(watch),
                              .open = open_watch, .close = close_watch };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("forward_watch", "1.0", "Tenon", "MIT", "", parts)
