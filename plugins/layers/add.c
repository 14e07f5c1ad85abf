/* add.c -- the sum of several inputs, row by row. */
#include "merge.h"
#include "lanes.h"

typedef struct layer { int64_t n, width; } layer;
typedef struct column { const tn_tensor *x; float *y; int64_t width; } column;

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    layer *l = self;
    tn_spec y;
    (void)opts;
    int rc = merge_spec(api, host, "add", n_in, in, &y);
    if (!rc) rc = merge_widths(api, host, "add", n_in, in, &y.width);
    if (rc) return rc;
    *l = (layer){ n_in, y.width };
    api->uses(p, 0);
    rc = api->add_out(p, NULL, &y);
    return rc < 0 ? rc : TN_OK;
}

/* An input of one column: y_j += x for each column j */
static void spread_piece(void *to, int64_t from, int64_t end)
{
    const column *s = to;
    for (int64_t r = from; r < end; r++) {
        float *y = s->y + r * s->width, x = ((const float *)s->x->data)[r];
        for (int64_t j = 0; j < s->width; j++) y[j] += x;
    }
}

/* Its gradient: dx += dy_1 + ... + dy_W */
static void gather_piece(void *to, int64_t from, int64_t end)
{
    const column *s = to;
    for (int64_t r = from; r < end; r++) s->y[r] += lanes_sum((const float *)s->x->data + r * s->width, s->width);
}

/* y = x_1 + x_2 + ..., in that order */
static int forward(void *self, const tn_call *c)
{
    const layer *l = self;
    const tn_ops *ops = c->be->ops;
    float *y = c->out[0]->data;
    int64_t n = c->out[0]->rows;
    int rc = c->in[0]->width == l->width ? ops->copy(c->be, n, l->width, c->in[0]->data, l->width, 0, y, l->width)
                                         : ops->fill(c->be, y, TN_F32, n * l->width, 0);
    for (int64_t i = 0; i < l->n && !rc; i++) {
        column s = { c->in[i], y, l->width };
        if (c->in[i]->width != l->width) rc = ops->parallel_for(c->be, n, MERGE_GRAIN, spread_piece, &s);
        else if (i) rc = ops->axpy(c->be, n * l->width, 1, c->in[i]->data, y);
    }
    return rc;
}

static int backward(void *self, const tn_call *c)
{
    const layer *l = self;
    const tn_ops *ops = c->be->ops;
    int rc = TN_OK;
    for (int64_t i = 0; i < l->n && !rc && c->d_out[0]; i++) {
        const tn_tensor *dx = c->d_in[i];
        if (!dx) continue;
        column s = { c->d_out[0], dx->data, l->width };
        if (dx->width == l->width) rc = ops->axpy(c->be, dx->rows * l->width, 1, c->d_out[0]->data, dx->data);
        else rc = ops->parallel_for(c->be, dx->rows, MERGE_GRAIN, gather_piece, &s);
    }
    return rc;
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, NULL };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .min_in = 2, .max_in = MERGE_MOST, .plan = plan, .impls = impls,
                                .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "add",
    .brief = "the sum of several inputs", .option_size = sizeof(tn_option),
    .doc = "y = x_1 + x_2 + ..., row by row and column by column; a residual connection, for example.\n\n"
           "The inputs must have the same rows: all one row an example, or all one row a step of the same\n"
           "sequence. They must be equally wide; an input of one column is added to every column of the\n"
           "others.\n\n"
           "    [[layer]]\n"
           "    type = \"add\"\n"
           "    inputs = [\"encoder\", \"embedding\"]\n",
    .self_size = sizeof(layer) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("add", "1.0", "The Tenon authors", "MIT", "", parts)
