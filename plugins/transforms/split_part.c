/* split_part.c -- one part of each text, as a separator divides it: the 9 of "0_9". */
#include "pipe.h"

typedef struct { const char *separator; int64_t part; } config;
static const tn_option options[] = {
    TN_STR_X(config, separator, TN_O_REQUIRED, NULL, "what stands between the parts"),
    TN_INT_X(config, part, TN_O_REQUIRED, 0, -1000, 1000, "which part is kept: 1 is the first, -1 the last"),
};

typedef struct { const config *c; pipe_out out; } splitter;

static int check(const tn_api *api, tn_host *host, const void *config_)
{
    const config *c = config_;
    if (!c->separator || !*c->separator) return tn_fail(api, host, TN_EINVAL, "separator must not be empty");
    if (!c->part) return tn_fail(api, host, TN_EINVAL, "part counts from 1, or from -1 backwards; there is no part 0");
    return TN_OK;
}

static int open_splitter(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    splitter *t = self;
    t->c = config_;
    pipe_open(&t->out, api, host);
    return TN_OK;
}

static void close_splitter(void *self) { pipe_close(&((splitter *)self)->out); }

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, const tn_column *in, tn_column *out)
{
    (void)config_, (void)self;
    if (in->dtype != TN_TEXT) return tn_fail(api, host, TN_EINVAL, "takes texts, not numbers");
    *out = *in;
    return TN_OK;
}

/* Where the separator next begins, from `at` on; n where it does not. */
static int64_t next_separator(const char *text, int64_t at, int64_t n, const char *separator, int64_t width)
{
    while (at + width <= n && memcmp(text + at, separator, (size_t)width)) at++;
    return at + width <= n ? at : n;
}

/* Writes the part that is wanted. 0: the text has no such part. */
static int put_part(splitter *t, const char *text, int64_t n)
{
    const char *separator = t->c->separator;
    int64_t width = (int64_t)strlen(separator), parts = 1, k = t->c->part, from = 0;
    for (int64_t at = next_separator(text, 0, n, separator, width); at < n;
         at = next_separator(text, at + width, n, separator, width))
        parts++;
    if (k < 0) k += parts + 1;
    if (k < 1 || k > parts) return 0;
    for (int64_t i = 1; i < k; i++) from = next_separator(text, from, n, separator, width) + width;
    pipe_put(&t->out, text + from, next_separator(text, from, n, separator, width) - from);
    return 1;
}

static int apply(void *self, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    splitter *t = self;
    (void)rng;
    pipe_begin(&t->out);
    for (int64_t i = 0; i < in->leaves; i++) {
        int64_t bytes;
        const char *text = value_leaf(in, i, &bytes);
        if (!put_part(t, text, bytes))
            return tn_fail(t->out.api, t->out.host, TN_EINVAL, "'%.*s' has no part %lld between '%s'", (int)(bytes < 60 ? bytes : 60),
                           text, (long long)t->c->part, t->c->separator);
        pipe_leaf(&t->out);
    }
    return pipe_send(&t->out, in->depth, in->n, in->inner, sink);
}

static const tn_transform table = { sizeof table, 0, plan, apply };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_TRANSFORM, .table = &table, .name = "split_part",
    .brief = "one part of each text, as a separator divides it",
    .doc = "`{ type = \"split_part\", separator = \"_\", part = 2 }` makes \"9\" of \"0_9\". Parts may be empty: \"a__b\" has\n"
           "three. A text without the part is an error that names it.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(splitter), .check = check, .open = open_splitter,
    .close = close_splitter };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("split_part", "1.0", "The Tenon authors", "MIT", "", parts)
