/* mark_steps.c -- a schedule with a constant rate that marks two steps for one who watches system calls: by a write to a
 * file that is none, -1, before step MARK_FROM and before step MARK_UPTO are updated. STRAY asks for a getpid between them:
 * what a step must not do, so that the test can be seen to find it.                                             */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tenon/tenon.h"

typedef struct { long from, upto, stray; int64_t step; } marks;

static long number(const char *name)
{
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

static int open_marks(const tn_api *api, tn_host *host, const void *config, void *self)
{
    marks *m = self;
    (void)config;
    m->from = number("MARK_FROM"), m->upto = number("MARK_UPTO"), m->stray = number("STRAY");
    return m->from < m->upto ? TN_OK : api->fail(host, TN_EINVAL, "MARK_FROM and MARK_UPTO name no steps");
}

static double rate(void *self, const tn_progress *p, double base)
{
    marks *m = self;
    if (p->step == m->step) return base;
    m->step = p->step;
    const char *mark = p->step == m->from ? "steady" : p->step == m->upto ? "no more" : NULL;
    if (mark && write(-1, mark, strlen(mark)) > 0) return 0;
    if (m->stray && p->step == (m->from + m->upto) / 2) syscall(SYS_getpid);
    return base;
}

static const tn_schedule table = { sizeof table, 0, rate };
static const tn_desc desc = { .size = sizeof desc, .kind = TN_SCHEDULE, .table = &table, .name = "mark_steps",
                              .brief = "marks two steps", .doc = "For a test.", .option_size = sizeof(tn_option),
                              .self_size = sizeof(marks), .open = open_marks };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("mark_steps", "1.0.0", "Tenon", "MIT", "", parts)
