/* right.h -- which examples of a batch are right in every row. Shared by the metrics that count them. */
#ifndef RIGHT_H
#define RIGHT_H
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "decision.h"

enum { RULE_AUTO, RULE_CLASS, RULE_TOLERANCE, RULE_MOST_ACTIVE };
typedef struct config { double tolerance; int64_t ignore; int32_t rule; } config;
typedef struct right {
    decision d;
    float tolerance;
    int32_t rule, one_hot;                 /* one_hot: the target is ids, to be 1 in its column and 0 in the others */
    unsigned char *wrong; int64_t room;    /* by example of the batch                                             */
} right;

static const char *const right_rules[] = { "auto", "class", "tolerance", "most_active", NULL };
static const tn_option options[] = {
    TN_ENUM(config, rule, RULE_AUTO, right_rules, "when a row is right; auto: class of a target of classes, tolerance of numbers"),
    TN_REAL(config, tolerance, 0.04, 0, 1e30, "how far each number may be from the target"),
    TN_INT(config, ignore, -1, -1, 1e9, "a class whose rows are not looked at; -1: none"),
};
#define RIGHT_RULES "An example is right if every row of its output is; one without rows is. A row is right by `rule`:\n" \
    "`class`, its class is the target; `tolerance`, every number is within `tolerance` of the target's, or, of a\n" \
    "target of classes, of 1 in that class's column and of 0 in the others; `most_active`, every number whose target\n" \
    "is above 1/2 is larger than every one whose target is not.\n"

static void right_close(void *self)
{
    right *m = self;
    free(m->wrong);
    m->wrong = NULL, m->room = 0;
}

static inline int right_plan(right *m, const tn_api *api, tn_host *host, const config *o, const char *metric, uint32_t n_in,
                             const tn_spec *const *in)
{
    const tn_spec *x = in[OUTPUT], *t = n_in > TARGET ? in[TARGET] : NULL;
    int ids = t && t->means == TN_IDS;
    m->tolerance = (float)o->tolerance;
    m->rule = o->rule != RULE_AUTO ? o->rule : ids || !t ? RULE_CLASS : RULE_TOLERANCE;
    if (m->rule == RULE_CLASS) return decision_plan(&m->d, api, host, metric, n_in, in, o->ignore);
    if (!t) return tn_fail(api, host, TN_EINVAL, "%s: needs a target", metric);
    if (x->means == TN_IDS)
        return tn_fail(api, host, TN_ESHAPE, "%s: the output is classes, which rule = \"class\" compares", metric);
    if (x->layout != t->layout)
        return tn_fail(api, host, TN_ESHAPE, "%s: output and target do not have the same rows", metric);
    int64_t width = ids ? t->classes : t->width;
    if (width > 0 && x->width != width)
        return tn_fail(api, host, TN_ESHAPE, "%s: the output has %lld values a row, the target %lld%s", metric, (long long)x->width,
                       (long long)width, ids ? " classes" : "");
    m->one_hot = ids;
    m->d = (decision){ x->means, x->width, width, o->ignore };
    return TN_OK;
}

static inline float right_target(const right *m, const tn_tensor *t, int64_t r, int64_t j)
{
    return m->one_hot ? (float)(((const int32_t *)t->data)[r] == j) : ((const float *)t->data)[r * m->d.width + j];
}

static inline int row_is_wrong(const right *m, const tn_call *c, int64_t r)
{
    const tn_tensor *t = c->in[TARGET];
    int32_t class = m->one_hot || m->rule == RULE_CLASS ? ((const int32_t *)t->data)[r] : -1;
    if (class >= 0 && class == m->d.ignore) return 0;
    if (m->rule == RULE_CLASS) return decide_row(&m->d, c->in[OUTPUT], r) != class;
    const float *x = (const float *)c->in[OUTPUT]->data + r * m->d.width;
    float lowest = INFINITY, highest = -INFINITY; /* of those that are to be active, and of the others */
    for (int64_t j = 0; j < m->d.width; j++) {
        float wanted = right_target(m, t, r, j);
        if (m->rule == RULE_TOLERANCE && !(fabsf(x[j] - wanted) <= m->tolerance)) return 1;
        if (m->rule == RULE_MOST_ACTIVE && isnan(x[j])) return 1;
        if (wanted > 0.5f) lowest = fminf(lowest, x[j]);
        else highest = fmaxf(highest, x[j]);
    }
    return m->rule == RULE_MOST_ACTIVE && !(lowest > highest) && lowest < INFINITY;
}

/* How many examples the batch has; m->wrong says which are. < 0 after a message. */
static inline int64_t right_mark(right *m, const tn_call *c, const char *metric)
{
    const tn_layout *l = c->in[TARGET]->lay;
    int steps = l && l->parent;
    int64_t rows = c->in[TARGET]->rows, examples = steps ? c->layout[TN_ROOT]->rows : rows;
    if (examples > m->room) {
        unsigned char *more = realloc(m->wrong, (size_t)examples);
        if (!more) return tn_fail(c->api, c->host, TN_ENOMEM, "%s: no memory for %lld examples", metric, (long long)examples);
        m->wrong = more, m->room = examples;
    }
    if (examples > 0) memset(m->wrong, 0, (size_t)examples);
    for (int64_t r = 0; r < rows; r++)
        if (row_is_wrong(m, c, r)) m->wrong[steps ? l->root[r] : r] = 1;
    return examples;
}
#endif
