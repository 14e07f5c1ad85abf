/* multiply.c -- the product of several inputs, row by row and column by column. */
#include "merge.h"
#include "lanes.h"

typedef struct layer { int64_t n, width; } layer;
typedef struct job { const layer *l; const tn_call *c; int64_t i; } job;

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    layer *l = self;
    tn_spec y;
    (void)opts;
    int rc = merge_spec(api, host, "multiply", n_in, in, &y);
    if (!rc) rc = merge_widths(api, host, "multiply", n_in, in, &y.width);
    if (rc) return rc;
    *l = (layer){ n_in, y.width };
    api->uses(p, TN_USES_IN);
    rc = api->add_out(p, NULL, &y);
    return rc < 0 ? rc : TN_OK;
}

/* Columns j .. of row r of an input; one column counts for all. */
static tn_vf factor(const tn_tensor *x, int64_t r, int64_t j, int64_t n)
{
    const float *row = (const float *)x->data + r * x->width;
    return x->width == 1 ? tn_set(row[0]) : n >= TN_VL ? tn_load(row + j) : tn_loadn(row + j, n);
}

/* The product of all inputs but one (none: -1), in their order; n lanes from column j of row r. */
static tn_vf product_but(const job *b, int64_t but, int64_t r, int64_t j, int64_t n)
{
    tn_vf v = tn_set(1);
    for (int64_t i = 0; i < b->l->n; i++)
        if (i != but) v *= factor(b->c->in[i], r, j, n);
    return v;
}

static void forward_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    int64_t w = b->l->width;
    for (int64_t r = from; r < end; r++)
        for (int64_t j = 0; j < w; j += TN_VL) {
            int64_t n = w - j < TN_VL ? w - j : TN_VL;
            tn_storen((float *)b->c->out[0]->data + r * w + j, product_but(b, -1, r, j, n), n);
        }
}

/* dx_i += dy times the product of the other inputs; where x_i has one column, the sum of that over all columns */
static void backward_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const tn_tensor *dx = b->c->d_in[b->i], *dy = b->c->d_out[0];
    int64_t w = b->l->width;
    for (int64_t r = from; r < end; r++) {
        float *d = (float *)dx->data + r * dx->width;
        tn_vf part[LANE_VECTORS];
        for (int k = 0; k < LANE_VECTORS; k++) part[k] = tn_set(0);
        for (int64_t j = 0; j < w; j += TN_VL) {
            int64_t n = w - j < TN_VL ? w - j : TN_VL;
            tn_vf v = factor(dy, r, j, n) * product_but(b, b->i, r, j, n);
            if (dx->width == 1 && w > 1) part[j / TN_VL % LANE_VECTORS] += v;
            else tn_storen(d + j, tn_loadn(d + j, n) + v, n);
        }
        if (dx->width == 1 && w > 1) d[0] += lanes_total(part);
    }
}

/* y = x_1 x_2 ... */
static int forward(void *self, const tn_call *c)
{
    job b = { self, c, 0 };
    return c->be->ops->parallel_for(c->be, c->out[0]->rows, MERGE_GRAIN, forward_piece, &b);
}

static int backward(void *self, const tn_call *c)
{
    job b = { self, c, 0 };
    int rc = TN_OK;
    for (; b.i < b.l->n && !rc && c->d_out[0]; b.i++)
        if (c->d_in[b.i]) rc = c->be->ops->parallel_for(c->be, c->out[0]->rows, MERGE_GRAIN, backward_piece, &b);
    return rc;
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, NULL };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .min_in = 2, .max_in = MERGE_MOST, .plan = plan, .impls = impls,
                                .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "multiply",
    .brief = "the product of several inputs, number by number", .option_size = sizeof(tn_option),
    .doc = "y = x_1 x_2 ..., row by row and column by column: a gate, for example.\n\n"
           "The inputs must have the same rows: all one row an example, or all one row a step of the same\n"
           "sequence. They must be equally wide; an input of one column multiplies every column of the\n"
           "others.\n\n"
           "    [[layer]]\n"
           "    type = \"multiply\"\n"
           "    inputs = [\"encoder\", \"gate\"]\n",
    .self_size = sizeof(layer) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("multiply", "1.0", "The Tenon authors", "MIT", "", parts)
