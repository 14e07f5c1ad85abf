/* A layer with one option that must be given, and none that has a default. */
#include "tenon/tenon.h"

typedef struct config { int64_t units; } config;
static const tn_option options[] = {
    TN_INT_X(config, units, TN_O_REQUIRED, 0, 1, 64, "size of the hidden state"),
};
static int open(const tn_api *api, tn_host *host, const void *c, void *self)
{
    const config *o = c;
    (void)self;
    return o->units == 13 ? api->fail(host, TN_EIO, "13 units do not open") : TN_OK;
}
static int plan(const tn_api *api, tn_host *host, const void *c, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    (void)host, (void)c, (void)self, (void)n_in;
    return api->add_out(p, NULL, in[0]) < 0 ? TN_EINVAL : TN_OK;
}
static int forward(void *self, const tn_call *c)
{
    (void)self, (void)c;
    return TN_OK;
}
static const tn_impl impl = { sizeof impl, 0, "*", forward, NULL, NULL };
static const tn_impl *const impls[] = { &impl, NULL };
static const tn_layer layer = { .size = sizeof layer, .min_in = 1, .max_in = 1, .plan = plan, .impls = impls };
static const tn_desc desc = {
    sizeof desc, TN_LAYER, &layer, "strict", "one option that is required", "", TN_OPTIONS(options),
    sizeof(config), 8, NULL, open, NULL, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("strict", "1", "Tenon", "MIT", "", parts)
