/* repeat.c -- each row several times: as the steps of a new sequence, or once for each step of another layout below it. */
#include "rows.h"

typedef struct config { int64_t times; } config;
typedef struct layer { int64_t times, width; int32_t layout; int over; } layer; /* layout: of the input        */

static const tn_option options[] = {
    TN_INT(config, times, 0, 0, 1e6, "how many steps each row becomes; 0: as `over` says"),
};
static const tn_port ports[] = { { "over", 1, TN_PORT_LENGTHS } };

static int32_t times_of(void *self, const int32_t *none)
{
    (void)none;
    return (int32_t)((const layer *)self)->times;
}

/* Whether layout `under` lies below `layout`. */
static int lies_below(const tn_api *api, tn_plan *p, int32_t under, int32_t layout)
{
    for (int32_t k = under; k > TN_FIXED; )
        if ((k = api->parent(p, k)) == layout) return 1;
    return 0;
}

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    const config *o = opts;
    layer *l = self;
    int over = n_in > 1, rc = rows_check(api, host, in[0], "repeat");
    if (rc) return rc;
    *l = (layer){ o->times, in[0]->width, in[0]->layout, over };
    if (!over == !o->times)
        return tn_fail(api, host, TN_EINVAL, "repeat: give %s", over ? "either `times` or `over`, not both"
                       : "`times`, a number, or `over`, a field or layer whose steps each get the row");
    if (in[0]->layout <= TN_FIXED) return tn_fail(api, host, TN_ESHAPE, "repeat: the input's rows are no examples or steps");
    if (over && !lies_below(api, p, in[1]->layout, in[0]->layout))
        return tn_fail(api, host, TN_ESHAPE,
                       "repeat: the steps of `over` do not lie within the rows of the input, so a step has no row of its own");
    tn_grow grow = { .size = sizeof grow, .parent = in[0]->layout, .name = "steps", .length = times_of };
    int32_t layout = over ? in[1]->layout : api->add_layout(p, &grow);
    if (layout < 0) return layout;
    tn_spec y = *in[0];
    y.layout = layout, y.rows = 0, y.index_of = 0;
    api->uses(p, 0);
    rc = api->add_out(p, NULL, &y);
    return rc < 0 ? rc : TN_OK;
}

/* The input's row that row r of the output repeats. */
static int32_t origin(const tn_layout *y, int32_t r, int32_t layout)
{
    for (; y->id != layout; y = y->over) r = y->up[r];
    return r;
}

typedef struct job { const layer *l; const tn_call *c; } job;

/* y_r = x of the row that r lies under */
static void forward_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    int64_t w = b->l->width;
    for (int64_t r = from; r < end; r++) {
        int32_t x = origin(b->c->out[0]->lay, (int32_t)r, b->l->layout);
        rows_copy((float *)b->c->out[0]->data + r * w, (const float *)b->c->in[0]->data + x * w, w);
    }
}

/* dx += the dy of all its rows, in their order. Threads take columns. */
static void backward_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    int64_t w = b->l->width;
    const tn_tensor *dy = b->c->d_out[0];
    for (int32_t r = 0; r < dy->rows; r++) {
        int32_t x = origin(dy->lay, r, b->l->layout);
        lanes_add((float *)b->c->d_in[0]->data + x * w + from, 1, (const float *)dy->data + r * w + from, end - from);
    }
}

static int forward(void *self, const tn_call *c)
{
    job b = { self, c };
    return c->be->ops->parallel_for(c->be, c->out[0]->rows, ROWS_GRAIN, forward_piece, &b);
}

static int backward(void *self, const tn_call *c)
{
    job b = { self, c };
    if (!c->d_in[0] || !c->d_out[0]) return TN_OK;
    return c->be->ops->parallel_for(c->be, b.l->width, 2 * LANE_COUNT, backward_piece, &b);
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, NULL };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .min_in = 1, .max_in = 1, .plan = plan, .impls = impls,
                                .ports = ports, .n_ports = 1, .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "repeat",
    .brief = "each row several times, as the steps of a sequence",
    .doc = "With `times` = n each row of the input becomes a sequence of n equal steps (Keras' `RepeatVector`):\n"
           "what an encoder made of an example is fed to each step of a decoder.\n\n"
           "With `over` it is repeated for each step of another layer or field, whose steps lie within the rows of\n"
           "the input: one row an example over its words, one row a word over its characters. The output then goes\n"
           "together with what else those steps have:\n\n"
           "    [[layer]]\n"
           "    name = \"question_everywhere\"\n"
           "    type = \"repeat\"\n"
           "    inputs = \"question.state\"\n"
           "    over = \"story\"\n\n"
           "Where that sequence is empty there are no rows. Of `over` only the lengths are read. It may be what the\n"
           "network learns to say: `predict` then takes the length that it had in training, if there was one, or\n"
           "`--length`.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(layer) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("repeat", "1.0", "The Tenon authors", "MIT", "", parts)
