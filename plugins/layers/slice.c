/* slice.c -- some columns of each row. */
#include <tenon/tenon.h>

typedef struct config { int64_t from, width; } config;
typedef struct layer { int64_t from, width; } layer;

static const tn_option options[] = {
    TN_INT(config, from, 0, 0, 1e8, "the first column, counted from 0"),
    TN_INT(config, width, 0, 0, 1e8, "how many columns; 0: all that follow"),
};

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    const config *o = opts;
    layer *l = self;
    (void)n_in;
    if (in[0]->means == TN_IDS)
        return tn_fail(api, host, TN_ESHAPE, "slice: the input is ids (words or classes), not numbers; embed them first");
    if (in[0]->across) return tn_fail(api, host, TN_ESHAPE, "slice: the input is ragged");
    *l = (layer){ o->from, o->width ? o->width : in[0]->width - o->from };
    if (l->width <= 0 || l->from + l->width > in[0]->width)
        return tn_fail(api, host, TN_ESHAPE, "slice: columns %lld to %lld are wanted, but the input has %lld (0 to %lld)",
                       (long long)l->from, (long long)(l->from + (l->width > 0 ? l->width : 1) - 1), (long long)in[0]->width,
                       (long long)in[0]->width - 1);
    tn_spec y = { .dtype = TN_F32, .layout = in[0]->layout, .rows = in[0]->rows, .width = l->width };
    api->uses(p, 0);
    int slot = api->add_out(p, NULL, &y);
    return slot < 0 ? slot : TN_OK;
}

/* y_j = x_(from + j), j = 0 .. width - 1 */
static int forward(void *self, const tn_call *c)
{
    const layer *l = self;
    const tn_tensor *x = c->in[0];
    return c->be->ops->copy(c->be, x->rows, l->width, (const float *)x->data + l->from, x->width, 0, c->out[0]->data, l->width);
}

static int backward(void *self, const tn_call *c)
{
    const layer *l = self;
    const tn_tensor *dx = c->d_in[0];
    if (!dx || !c->d_out[0]) return TN_OK;
    return c->be->ops->copy(c->be, dx->rows, l->width, c->d_out[0]->data, l->width, 1, (float *)dx->data + l->from, dx->width);
}

static const tn_impl anywhere = { sizeof anywhere, 0, "*", forward, backward, NULL };
static const tn_impl *const impls[] = { &anywhere, NULL };
static const tn_layer table = { .size = sizeof table, .min_in = 1, .max_in = 1, .plan = plan, .impls = impls,
                                .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "slice",
    .brief = "some columns of each row",
    .doc = "y_j = x_(from + j), j = 0 .. width - 1: the same columns of every row. It takes apart what `concat`\n"
           "or a bidirectional layer put together (the forward half of 64 units is `from = 0, width = 64`). Rows\n"
           "stay as they are; for steps of a sequence there are `first`, `last` and, in a field's transforms,\n"
           "`truncate`.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(layer) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("slice", "1.0", "The Tenon authors", "MIT", "", parts)
