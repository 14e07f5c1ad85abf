/* truncate.c -- at most so many steps: the first or the last ones. */
#include "pipe.h"

typedef struct { int64_t length; int32_t keep; } config;
static const char *const ends[] = { "first", "last", NULL };
static const tn_option options[] = {
    TN_INT_X(config, length, TN_O_REQUIRED, 0, 1, 1e9, "most steps that are kept"),
    TN_ENUM(config, keep, 0, ends, "which end of a longer text is kept") };

typedef struct { const config *c; pipe_out out; } truncation;

static int open_truncate(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    truncation *t = self;
    t->c = config_;
    pipe_open(&t->out, api, host);
    return TN_OK;
}

static void close_truncate(void *self) { pipe_close(&((truncation *)self)->out); }

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, const tn_column *in, tn_column *out)
{
    (void)config_, (void)self;
    if (in->dtype != TN_TEXT || in->depth != 1)
        return tn_fail(api, host, TN_EINVAL, "takes a text cut into steps; put it behind words or characters");
    *out = *in;
    return TN_OK;
}

static int apply(void *self, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    truncation *t = self;
    int64_t n = in->leaves < t->c->length ? in->leaves : t->c->length, from = t->c->keep ? in->leaves - n : 0;
    (void)rng;
    pipe_begin(&t->out);
    for (int64_t i = from; i < from + n; i++) {
        int64_t bytes;
        const char *text = value_leaf(in, i, &bytes);
        pipe_put(&t->out, text, bytes);
        pipe_leaf(&t->out);
    }
    return pipe_send(&t->out, 1, n, NULL, sink);
}

static const tn_transform table = { sizeof table, 0, plan, apply };
static const tn_desc desc = { sizeof desc, TN_TRANSFORM, &table, "truncate", "at most so many steps",
                              "Longer texts lose what lies beyond `length` steps, at the end that is not kept.",
                              TN_OPTIONS(options), sizeof(config), sizeof(truncation), NULL, open_truncate, close_truncate,
                              NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("truncate", "1.0.0", "Tenon", "MIT", "", parts)
