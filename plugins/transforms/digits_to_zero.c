/* digits_to_zero.c -- every digit becomes 0, so that numbers of one form share a word. */
#include "pipe.h"

static int open_digits(const tn_api *api, tn_host *host, const void *config, void *self)
{
    (void)config;
    pipe_open(self, api, host);
    return TN_OK;
}

static void close_digits(void *self) { pipe_close(self); }

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
        int64_t n, from = 0;
        const char *text = value_leaf(in, i, &n);
        for (int64_t k = 0; k < n; k++) {
            if (text[k] < '0' || text[k] > '9') continue;
            pipe_put(p, text + from, k - from);
            pipe_put(p, "0", 1);
            from = k + 1;
        }
        pipe_put(p, text + from, n - from);
        pipe_leaf(p);
    }
    return pipe_send(p, in->depth, in->n, in->inner, sink);
}

static const tn_transform table = { sizeof table, 0, plan, apply };
static const tn_desc desc = { sizeof desc, TN_TRANSFORM, &table, "digits_to_zero", "every digit becomes 0",
                              "The digits 0 to 9 become 0: 1996-08-22 is 0000-00-00. Digits of other scripts stay.\n\n"
                              "Source: Collobert et al., *Natural Language Processing (Almost) from Scratch* (2011), section 4; "
                              "Lample et al., *Neural Architectures for Named Entity Recognition* (2016).",
                              TN_NO_OPTIONS, 0, sizeof(pipe_out), NULL, open_digits, close_digits, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("digits_to_zero", "1.0.0", "Tenon", "MIT", "", parts)
