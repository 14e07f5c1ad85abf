/* pad.c -- at least so many steps: a word that stands for nothing fills up, on the left or on the right. To the layers
 * it is a word like any other; packed rows need no padding, published configurations sometimes do.               */
#include "pipe.h"

typedef struct { int64_t length; int32_t side; const char *token; } config;
static const char *const sides[] = { "left", "right", NULL };
static const tn_option options[] = {
    TN_INT_X(config, length, TN_O_REQUIRED, 0, 1, 1e9, "least steps that a text gets"),
    TN_ENUM(config, side, 0, sides, "where the fill goes"),
    TN_STR(config, token, "<pad>", "the word that fills") };

typedef struct { const config *c; pipe_out out; } padding;

static int open_pad(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    padding *p = self;
    p->c = config_;
    pipe_open(&p->out, api, host);
    return TN_OK;
}

static void close_pad(void *self) { pipe_close(&((padding *)self)->out); }

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, const tn_column *in, tn_column *out)
{
    (void)config_, (void)self;
    if (in->dtype != TN_TEXT || in->depth != 1)
        return tn_fail(api, host, TN_EINVAL, "takes a text cut into steps; put it behind words or characters");
    *out = *in;
    return TN_OK;
}

static void fill(padding *p, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        pipe_put(&p->out, p->c->token, (int64_t)strlen(p->c->token));
        pipe_leaf(&p->out);
    }
}

static int apply(void *self, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    padding *p = self;
    int64_t more = p->c->length > in->leaves ? p->c->length - in->leaves : 0;
    (void)rng;
    pipe_begin(&p->out);
    if (!p->c->side) fill(p, more);
    for (int64_t i = 0; i < in->leaves; i++) {
        int64_t bytes;
        const char *text = value_leaf(in, i, &bytes);
        pipe_put(&p->out, text, bytes);
        pipe_leaf(&p->out);
    }
    if (p->c->side) fill(p, more);
    return pipe_send(&p->out, 1, p->out.leaves, NULL, sink);
}

static const tn_transform table = { sizeof table, 0, plan, apply };
static const tn_desc desc = { sizeof desc, TN_TRANSFORM, &table, "pad", "at least so many steps",
                              "Shorter texts are filled up with `token`, an ordinary word of the vocabulary.", TN_OPTIONS(options),
                              sizeof(config), sizeof(padding), NULL, open_pad, close_pad, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("pad", "1.0.0", "Tenon", "MIT", "", parts)
