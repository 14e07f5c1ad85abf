/* concat.c -- the columns of several inputs side by side, row by row. */
#include "merge.h"

typedef struct layer { int64_t n, width, at[MERGE_MOST]; } layer; /* at: the first column of each input */

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    layer *l = self;
    tn_spec y;
    (void)opts;
    int rc = merge_spec(api, host, "concat", n_in, in, &y);
    if (rc) return rc;
    *l = (layer){ .n = n_in };
    for (uint32_t i = 0; i < n_in; i++) l->at[i] = l->width, l->width += in[i]->width;
    y.width = l->width;
    api->uses(p, 0);
    rc = api->add_out(p, NULL, &y);
    return rc < 0 ? rc : TN_OK;
}

/* y = [x_1, x_2, ...] */
static int forward(void *self, const tn_call *c)
{
    const layer *l = self;
    float *y = c->out[0]->data;
    int rc = TN_OK;
    for (int64_t i = 0; i < l->n && !rc; i++) {
        const tn_tensor *x = c->in[i];
        rc = c->be->ops->copy(c->be, x->rows, x->width, x->data, x->width, 0, y + l->at[i], l->width);
    }
    return rc;
}

/* dx_i += dy in the columns of x_i */
static int backward(void *self, const tn_call *c)
{
    const layer *l = self;
    int rc = TN_OK;
    for (int64_t i = 0; i < l->n && !rc; i++) {
        const tn_tensor *dx = c->d_in[i];
        float beta = i == 0 && c->flags & TN_C_SET ? 0 : 1;
        if (!dx) continue;
        if (c->d_out[0])
            rc = c->be->ops->copy(c->be, dx->rows, dx->width, (const float *)c->d_out[0]->data + l->at[i], l->width, beta,
                                  dx->data, dx->width);
        else if (beta == 0) rc = c->be->ops->fill(c->be, dx->data, TN_F32, dx->rows * dx->width, 0);
    }
    return rc;
}

static const tn_impl anywhere = { sizeof anywhere, 0, "*", forward, backward, NULL };
static const tn_impl *const impls[] = { &anywhere, NULL };
static const tn_layer table = { .size = sizeof table, .flags = TN_L_SETS, .min_in = 2, .max_in = MERGE_MOST, .plan = plan,
                                .impls = impls, .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "concat",
    .brief = "the columns of several inputs side by side", .option_size = sizeof(tn_option),
    .doc = "y = [x_1, x_2, ...]: each row of the output is the same row of every input, one after the other,\n"
           "as wide as all of them together.\n\n"
           "The inputs must have the same rows: all one row an example, or all one row a step of the same\n"
           "sequence.\n\n"
           "    [[layer]]\n"
           "    type = \"concat\"\n"
           "    inputs = [\"word_embedding\", \"char_max\"]\n",
    .self_size = sizeof(layer) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("concat", "1.0", "The Tenon authors", "MIT", "", parts)
