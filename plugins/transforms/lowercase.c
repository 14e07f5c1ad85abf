/* lowercase.c -- every letter small, by Unicode's simple mapping. */
#include <utf8proc.h>
#include "pipe.h"

static int open_lowercase(const tn_api *api, tn_host *host, const void *config, void *self)
{
    (void)config;
    pipe_open(self, api, host);
    return TN_OK;
}

static void close_lowercase(void *self) { pipe_close(self); }

static int plan(const tn_api *api, tn_host *host, const void *config, void *self, const tn_column *in, tn_column *out)
{
    (void)config, (void)self;
    if (in->dtype != TN_TEXT) return tn_fail(api, host, TN_EINVAL, "takes text");
    *out = *in;
    return TN_OK;
}

static int apply(void *self, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    pipe_out *p = self;
    (void)rng;
    pipe_begin(p);
    for (int64_t i = 0; i < in->leaves; i++) {
        int64_t n, k;
        const char *text = value_leaf(in, i, &n);
        for (; n > 0; text += k, n -= k) {
            utf8proc_uint8_t small[4];
            int32_t c = tn_utf8_at(text, n, &k), low = utf8proc_tolower(c);
            if (low == c) pipe_put(p, text, k);
            else pipe_put(p, (const char *)small, utf8proc_encode_char(low, small));
        }
        pipe_leaf(p);
    }
    return pipe_send(p, in->depth, in->n, in->inner, sink);
}

static const tn_transform table = { sizeof table, 0, plan, apply };
static const tn_desc desc = { sizeof desc, TN_TRANSFORM, &table, "lowercase", "every letter small",
                              "Unicode's simple lower-case mapping, letter by letter.", TN_NO_OPTIONS, 0, sizeof(pipe_out), NULL,
                              open_lowercase, close_lowercase, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("lowercase", "1.0.0", "Tenon", "MIT", "", parts)
