/* A layer that does nothing and has an option of every type, for the test of options. */
#include "tenon/tenon.h"
#include "tenon/place.h"

typedef struct config {
    int32_t bias;
    int64_t units, steps;
    double rate, factor;
    const char *label;
    int32_t reduction;
    const char *vectors;
    tn_part *activation, *inner;
    tn_list sizes, weights, words, stages;
} config;

static const char *const reductions[] = { "sum", "mean", "none", NULL };
static const tn_option options[] = {
    TN_SIZE(config, units, 128, 1, 65536, "size of the hidden state"),
    TN_BOOL(config, bias, 1, "whether there is a bias"),
    TN_INT(config, steps, 5, 0, 1e300, "steps to take"),
    TN_REAL_X(config, rate, TN_O_OPEN_MAX, 0.25, 0, 1, "share of units dropped"),
    TN_REAL_X(config, factor, TN_O_OPEN_MIN | TN_O_DEPRECATED, 1, 0, 1e300, "use rate"),
    { "label", "a text of one to eight characters", TN_O_STR, 0, TN_AT_(config, label, const char *), 0, 0, 0, "none", 1, 8,
      NULL, NULL },
    TN_ENUM(config, reduction, 1, reductions, "how values are joined"),
    TN_PATH(config, vectors, NULL, "a file of vectors"),
    TN_SUBPART(config, activation, TN_ACTIVATION, "curve", "what is applied to the output"),
    TN_SUBPART(config, inner, TN_LAYER, NULL, "a layer inside this one"),
    { "sizes", "one to three sizes", TN_O_INTS, 0, TN_AT_(config, sizes, tn_list), 0, 0, 0, "[128, 64]", 1, 3, NULL, NULL },
    TN_REALS(config, weights, NULL, "weights"),
    TN_STRS(config, words, "['a', 'b']", "words"),
    TN_SUBPARTS(config, stages, TN_ACTIVATION, "[]", "applied one after the other"),
};

static int check(const tn_api *api, tn_host *host, const void *c)
{
    const config *o = c;
    const tn_place *places = api->ext(host, TN_PLACE);
    char text[100];
    snprintf(text, sizeof text, "steps (%lld) must not exceed units (%lld)", (long long)o->steps, (long long)o->units);
    return o->steps > o->units ? places->fail(host, &o->steps, TN_EINVAL, text) : TN_OK;
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
    sizeof desc, TN_LAYER, &layer, "everything", "an option of every type", "", TN_OPTIONS(options),
    sizeof(config), 8, check, NULL, NULL, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("everything", "1", "Tenon", "MIT", "", parts)
