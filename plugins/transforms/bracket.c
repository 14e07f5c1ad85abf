/* bracket.c -- a word before the first step and one behind the last. */
#include "pipe.h"

typedef struct { const char *begin, *end; } config;
static const tn_option options[] = {
    TN_STR(config, begin, "<sos>", "the word in front; empty: none"),
    TN_STR(config, end, "<eos>", "the word behind; empty: none") };

typedef struct { const config *c; pipe_out out; } brackets;

static int open_bracket(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    brackets *b = self;
    b->c = config_;
    pipe_open(&b->out, api, host);
    return TN_OK;
}

static void close_bracket(void *self) { pipe_close(&((brackets *)self)->out); }

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, const tn_column *in, tn_column *out)
{
    (void)config_, (void)self;
    if (in->dtype != TN_TEXT || in->depth != 1)
        return tn_fail(api, host, TN_EINVAL, "takes a text cut into steps; put it behind words or characters");
    *out = *in;
    return TN_OK;
}

static void put_word(brackets *b, const char *word)
{
    if (!word[0]) return;
    pipe_put(&b->out, word, (int64_t)strlen(word));
    pipe_leaf(&b->out);
}

static int apply(void *self, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    brackets *b = self;
    (void)rng;
    pipe_begin(&b->out);
    put_word(b, b->c->begin);
    for (int64_t i = 0; i < in->leaves; i++) {
        int64_t bytes;
        const char *text = value_leaf(in, i, &bytes);
        pipe_put(&b->out, text, bytes);
        pipe_leaf(&b->out);
    }
    put_word(b, b->c->end);
    return pipe_send(&b->out, 1, b->out.leaves, NULL, sink);
}

static const tn_transform table = { sizeof table, 0, plan, apply, NULL, NULL, NULL };
static const tn_desc desc = {
    sizeof desc, TN_TRANSFORM, &table, "bracket", "a word before the first step and one behind the last",
    "An empty text becomes the two words. A network that writes a text step by step begins with the first and stops "
    "after the last; a field with `shift = 1` is then what each step is to be followed by.\n\n"
    "    transforms = [\"words\", { type = \"bracket\", begin = \"<sos>\", end = \"<eos>\" }]",
    TN_OPTIONS(options), sizeof(config), sizeof(brackets), NULL, open_bracket, close_bracket, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("bracket", "1.0.0", "Tenon", "MIT", "", parts)
