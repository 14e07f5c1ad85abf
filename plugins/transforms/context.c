/* context.c -- for each step the n-grams of its neighbourhood as words of their own: features of a linear model. */
#include "pipe.h"

enum { MOST = 32, REACH = 100 };           /* patterns; how far one may look                                  */
typedef struct { tn_list patterns; } config;
static const tn_option options[] = {
    { "patterns", "which neighbours make a feature together, by their distance: '-1 0' is the step before and the step itself",
      TN_O_STRS, 0, TN_AT_(config, patterns, tn_list), 0, 0, 0, "['0', '-1', '1', '-1 0', '0 1']", 1, MOST, NULL, NULL } };

typedef struct { int n; int64_t at[MOST]; } pattern;
typedef struct { const config *c; pipe_out out; pattern of[MOST]; int32_t *inner; int64_t room; } context;

static int open_context(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    context *x = self;
    x->c = config_;
    pipe_open(&x->out, api, host);
    for (int64_t i = 0; i < x->c->patterns.n; i++) {
        const char *text = ((const char *const *)x->c->patterns.v)[i], *at = text;
        char *end;
        for (x->of[i].n = 0; x->of[i].n < MOST; at = end) {
            long d = strtol(at, &end, 10);
            if (end == at) break;
            if (d < -REACH || d > REACH)
                return tn_fail(api, host, TN_EINVAL, "patterns: '%s' looks farther than %d steps", text, REACH);
            x->of[i].at[x->of[i].n++] = d;
        }
        if (!x->of[i].n || *at)
            return tn_fail(api, host, TN_EINVAL, "patterns: '%s' is no list of distances with spaces between them, as '-1 0'", text);
    }
    return TN_OK;
}

static void close_context(void *self)
{
    context *x = self;
    pipe_close(&x->out);
    free(x->inner);
    x->inner = NULL, x->room = 0;
}

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, const tn_column *in, tn_column *out)
{
    (void)config_, (void)self;
    if (in->dtype != TN_TEXT || in->depth != 1)
        return tn_fail(api, host, TN_EINVAL, "takes a text cut into steps; put it behind words or characters");
    *out = *in;
    out->depth = 2;
    return TN_OK;
}

/* "-1 0=the|cat": the pattern, so that equal words of two patterns are two features, and its words. */
static void put_feature(context *x, const tn_value *in, int64_t step, int64_t i)
{
    const char *name = ((const char *const *)x->c->patterns.v)[i];
    pipe_put(&x->out, name, (int64_t)strlen(name));
    for (int k = 0; k < x->of[i].n; k++) {
        int64_t at = step + x->of[i].at[k], n = 0;
        const char *word = at >= 0 && at < in->n ? value_leaf(in, at, &n) : at < 0 ? "<s>" : "</s>";
        pipe_put(&x->out, k ? "|" : "=", 1);
        pipe_put(&x->out, word, at >= 0 && at < in->n ? n : (int64_t)strlen(word));
    }
    pipe_leaf(&x->out);
}

static int apply(void *self, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    context *x = self;
    (void)rng;
    if (in->n > x->room) {
        int32_t *more = realloc(x->inner, sizeof *more * 2 * (size_t)in->n);
        if (!more) return tn_fail(x->out.api, x->out.host, TN_ENOMEM, "no memory for a text");
        x->inner = more, x->room = 2 * in->n;
    }
    pipe_begin(&x->out);
    for (int64_t step = 0; step < in->n; step++) {
        x->inner[step] = (int32_t)x->c->patterns.n;
        for (int64_t i = 0; i < x->c->patterns.n; i++) put_feature(x, in, step, i);
    }
    return pipe_send(&x->out, 2, in->n, x->inner, sink);
}

static const tn_transform table = { sizeof table, 0, plan, apply };
static const tn_desc desc = {
    sizeof desc, TN_TRANSFORM, &table, "context", "n-grams of each step's neighbours, as features",
    "Each step gets a word for each of `patterns`, made of the steps at those distances: at `cat` in `the cat sat` the default "
    "gives `0=cat`, `-1=the`, `1=sat`, `-1 0=the|cat` and `0 1=cat|sat`. Beyond the ends stand `<s>` and `</s>`. The field lies "
    "`within` that of the steps. An embedding as wide as there are tags, summed or averaged over the features of each step, "
    "gives the scores of a linear model:\n\n"
    "    [[field]]\n"
    "    name = \"features\"\n"
    "    column = \"token\"\n"
    "    within = \"words\"\n"
    "    transforms = [\"context\"]\n\n"
    "Source: the unigram and bigram templates of Lafferty, McCallum, Pereira, *Conditional Random Fields* (2001), and of Sha, "
    "Pereira, *Shallow Parsing with Conditional Random Fields* (2003).",
    TN_OPTIONS(options), sizeof(config), sizeof(context), NULL, open_context, close_context, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("context", "1.0.0", "Tenon", "MIT", "", parts)
