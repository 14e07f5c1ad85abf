/* ngrams.c -- runs of n neighbouring steps as one step each. */
#include "pipe.h"

typedef struct { int64_t least, most; const char *join; } config;
static const tn_option options[] = {
    TN_INT(config, least, 1, 1, 64, "shortest run"),
    TN_INT(config, most, 2, 1, 64, "longest run"),
    TN_STR(config, join, " ", "what stands between the steps of a run") };

typedef struct { const config *c; pipe_out out; } ngrams;

static int check(const tn_api *api, tn_host *host, const void *config_)
{
    const config *c = config_;
    if (c->least <= c->most) return TN_OK;
    return tn_fail(api, host, TN_EINVAL, "least = %lld: must be no more than most = %lld", (long long)c->least, (long long)c->most);
}

static int open_ngrams(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    ngrams *g = self;
    g->c = config_;
    pipe_open(&g->out, api, host);
    return TN_OK;
}

static void close_ngrams(void *self) { pipe_close(&((ngrams *)self)->out); }

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
    ngrams *g = self;
    const config *c = g->c;
    (void)rng;
    pipe_begin(&g->out);
    for (int64_t i = 0; i < in->leaves; i++)
        for (int64_t n = c->least; n <= c->most && i + n <= in->leaves; n++) {
            for (int64_t k = 0; k < n; k++) {
                int64_t bytes;
                const char *text = value_leaf(in, i + k, &bytes);
                if (k) pipe_put(&g->out, c->join, (int64_t)strlen(c->join));
                pipe_put(&g->out, text, bytes);
            }
            pipe_leaf(&g->out);
        }
    return pipe_send(&g->out, 1, g->out.leaves, NULL, sink);
}

static const tn_transform table = { sizeof table, 0, plan, apply, NULL, NULL, NULL };
static const tn_desc desc = {
    sizeof desc, TN_TRANSFORM, &table, "ngrams", "runs of neighbouring steps as one step each",
    "Where each step begins, its runs of `least` to `most` steps follow one another, shortest first: with 1 and 2, `a "
    "b c` becomes `a`, `a b`, `b`, `b c`, `c`. A text shorter than `least` becomes empty. Behind `characters`, say "
    "`join = \"\"`.",
    TN_OPTIONS(options), sizeof(config), sizeof(ngrams), check, open_ngrams, close_ngrams, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("ngrams", "1.0.0", "Tenon", "MIT", "", parts)
