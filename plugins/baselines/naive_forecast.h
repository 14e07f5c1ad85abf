/* naive_forecast.h -- forecasts that repeat what was seen: which column of the past each number of the target repeats. */
#ifndef NAIVE_FORECAST_H
#define NAIVE_FORECAST_H
#include <stdlib.h>
#include <string.h>
#include "tenon/tenon.h"

typedef struct naive {
    int64_t period;
    int64_t columns;                       /* of the target: its row is steps x columns                              */
    int64_t *from;                         /* [columns] the column of the past                                       */
    int in_steps;                          /* the target has a row a step, not one row                               */
} naive;

static int64_t naive_columns(const tn_api *api, tn_host *host, const tn_spec *s)
{
    int64_t n = 0;
    while (s->vocabulary && n < s->width && api->word(host, s->vocabulary, n)) n++;
    return n ? n : s->width;
}

/* in = past, target. Columns go by name; where there are no names, by place. `column`: that one; NULL: the target's own. */
static int naive_plan(const tn_api *api, tn_host *host, naive *s, const char *column, uint32_t n_in, const tn_spec *const *in,
                      tn_spec *out)
{
    const tn_spec *past = in[0], *target = in[n_in - 1];
    if (past->dtype != TN_F32 || past->layout <= TN_ROOT)
        return tn_fail(api, host, TN_ESHAPE, "the input must be steps of numbers: the past");
    if (target->dtype != TN_F32) return tn_fail(api, host, TN_ESHAPE, "the target must be numbers");
    s->in_steps = target->layout != TN_ROOT;
    s->columns = s->in_steps ? target->width : naive_columns(api, host, target);
    free(s->from);
    s->from = (int64_t *)malloc(sizeof *s->from * (size_t)s->columns);
    if (!s->from) return api->fail(host, TN_ENOMEM, "no memory for the columns of a baseline");
    int64_t n = naive_columns(api, host, past);
    for (int64_t k = 0; k < s->columns; k++) {
        const char *name = column ? column : target->vocabulary ? api->word(host, target->vocabulary, k) : NULL;
        int64_t i = 0;
        for (; name && i < n; i++) {
            const char *there = past->vocabulary ? api->word(host, past->vocabulary, i) : NULL;
            if (there && !strcmp(there, name)) break;
        }
        if (name && i == n) return tn_fail(api, host, TN_EINVAL, "the past has no column '%s'", name);
        if (!name && past->width != s->columns)
            return tn_fail(api, host, TN_EINVAL, "the past has %lld columns, the target %lld; say which: column = \"...\"",
                           (long long)past->width, (long long)s->columns);
        s->from[k] = name ? i : k;
    }
    *out = *target;
    out->vocabulary = 0;
    return TN_OK;
}

static int naive_learn(void *self, const tn_call *c)
{
    (void)self, (void)c;
    return TN_OK;
}
static int naive_finish(void *self)
{
    (void)self;
    return TN_OK;
}

static void naive_close(void *self)
{
    naive *s = (naive *)self;
    free(s->from);
    s->from = NULL;
}

/* y[h] = x[n - period + h mod period],  x the n steps of the past. */
static int naive_predict(void *self, const tn_call *c)
{
    const naive *s = (const naive *)self;
    const tn_tensor *x = c->in[0];
    tn_tensor *y = c->out[0];
    const tn_layout *past = x->lay;
    for (int64_t r = 0; r < y->rows; r++) {
        int32_t seq = past->place[s->in_steps ? y->lay->root[r] : r], n = past->length[seq];
        if (n < s->period)
            return tn_fail(c->api, c->host, TN_EINVAL, "a past of %d steps is shorter than one period, %lld steps", n,
                           (long long)s->period);
        for (int64_t j = 0; j < y->width; j++) {
            int64_t h = s->in_steps ? y->lay->step[r] : j / s->columns, t = n - s->period + h % s->period;
            ((float *)y->data)[r * y->ld + j] = ((const float *)x->data)[(past->first[t] + seq) * x->ld + s->from[j % s->columns]];
        }
    }
    return TN_OK;
}
#endif
