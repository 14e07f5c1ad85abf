/* stopwatch.c -- a schedule with a constant rate that notes the time when it is first asked in a step. At the end it writes
 * the milliseconds between two calls, those of them in which the step waited for its batch, and those that building the batch
 * took, in the step or beside the one before it, one step a line, into the file that STOPWATCH names. bench/compare puts it
 * into an experiment, so that whole steps are timed without a word in the host. */
#include <stdlib.h>
#include <time.h>
#include "tenon/tenon.h"

enum { MOST = 1000000 };
typedef struct { double *at, *preparing, *building; int64_t n, step; } stopwatch;

static int open_watch(const tn_api *api, tn_host *host, const void *config, void *self)
{
    (void)config;
    stopwatch *w = self;
    w->at = malloc(sizeof(double) * MOST), w->preparing = malloc(sizeof(double) * MOST);
    w->building = malloc(sizeof(double) * MOST);
    return w->at && w->preparing && w->building ? TN_OK : api->fail(host, TN_ENOMEM, "no memory for the times");
}

static double rate(void *self, const tn_progress *p, double base)
{
    stopwatch *w = self;
    struct timespec t;
    if (p->step == w->step) return base;
    w->step = p->step;
    clock_gettime(CLOCK_MONOTONIC, &t);
    if (w->n == MOST) return base;
    w->preparing[w->n] = p->preparing * 1e3, w->building[w->n] = p->building * 1e3;
    w->at[w->n++] = (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
    return base;
}

static void close_watch(void *self)
{
    stopwatch *w = self;
    const char *path = getenv("STOPWATCH");
    FILE *f = path && w->at ? fopen(path, "w") : NULL;
    for (int64_t i = 1; f && i < w->n; i++)
        fprintf(f, "%.4f %.4f %.4f\n", w->at[i] - w->at[i - 1], w->preparing[i] - w->preparing[i - 1],
                w->building[i] - w->building[i - 1]);
    if (f) fclose(f);
    free(w->at), free(w->preparing), free(w->building);
    w->at = w->preparing = w->building = NULL;
}

static const tn_schedule table = { sizeof table, 0, rate };
static const tn_desc desc = { .size = sizeof desc, .kind = TN_SCHEDULE, .table = &table, .name = "stopwatch",
                              .brief = "a constant rate; notes the time of each step", .doc = "For bench/compare.", .option_size = sizeof(tn_option),
                              .self_size = sizeof(stopwatch), .open = open_watch, .close = close_watch };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("stopwatch", "1.0", "Tenon", "MIT", "", parts)
