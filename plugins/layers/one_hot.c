/* one_hot.c -- a row of zeros with a one in the column of the id. */
#include <tenon/tenon.h>

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    (void)opts, (void)self, (void)n_in;
    if (in[0]->means != TN_IDS)
        return tn_fail(api, host, TN_ESHAPE, "one_hot: the input is numbers, not ids (words or classes)");
    tn_spec y = { .dtype = TN_F32, .layout = in[0]->layout, .rows = in[0]->rows, .width = in[0]->classes, .index_of = 1 };
    int rc = api->add_out(p, NULL, &y);
    api->uses(p, 0);
    return rc < 0 ? rc : TN_OK;
}

/* y_r[j] = 1 if j = id_r, else 0; for each row r or, where the output has an index, for each id of that */
static int forward(void *self, const tn_call *c)
{
    const tn_index *x = c->out[0]->index;
    int64_t n = x ? x->distinct : c->in[0]->rows, width = c->out[0]->width;
    const int32_t *id = x ? x->dev->key : c->in[0]->data;
    float *y = c->out[0]->data;
    (void)self;
    int rc = c->be->ops->fill(c->be, y, TN_F32, n * width, 0);
    for (int64_t r = 0; r < n && !rc; r++) y[r * width + id[r]] = 1;
    return rc;
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, NULL, NULL };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .min_in = 1, .max_in = 1, .plan = plan, .impls = impls,
                                .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "one_hot",
    .brief = "a row of zeros with a one in the column of the id",
    .doc = "y = e_id, as wide as the field has classes. A field of `kind = \"tags\"` has its own symbols and no others; a text\n"
           "field has a column for unknown words as well, the first.\n\n"
           "A recurrent layer that reads it multiplies once for each distinct id, not for each row. An\n"
           "`embedding` is the same followed by a matrix that is learned.\n",
    TN_NO_OPTIONS };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("one_hot", "1.0", "The Tenon authors", "MIT", "", parts)
