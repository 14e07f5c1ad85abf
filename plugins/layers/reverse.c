/* reverse.c -- the steps of each sequence from its end to its beginning. */
#include "rows.h"

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    (void)opts, (void)self, (void)n_in;
    int rc = rows_check(api, host, in[0], "reverse");
    if (rc) return rc;
    if (in[0]->layout <= TN_FIXED || api->parent(p, in[0]->layout) <= 0)
        return tn_fail(api, host, TN_ESHAPE, "reverse: the input has one row an example, there are no steps to turn round");
    tn_spec y = *in[0];
    y.index_of = 0;
    api->uses(p, 0);
    int slot = api->add_out(p, NULL, &y);
    return slot < 0 ? slot : TN_OK;
}

/* The row that stands in the place of row r: step T - 1 - t of the same sequence. */
static int32_t opposite(const tn_layout *l, int64_t r)
{
    int32_t t = l->step[r], s = (int32_t)r - l->first[t];
    return l->first[l->length[s] - 1 - t] + s;
}

/* y_t = x_(T - 1 - t) */
static void forward_piece(void *to, int64_t from, int64_t end)
{
    const tn_call *c = to;
    int64_t w = c->in[0]->width;
    for (int64_t r = from; r < end; r++)
        rows_copy((float *)c->out[0]->data + r * w, (const float *)c->in[0]->data + opposite(c->in[0]->lay, r) * w, w);
}

static void backward_piece(void *to, int64_t from, int64_t end)
{
    const tn_call *c = to;
    int64_t w = c->in[0]->width;
    for (int64_t r = from; r < end; r++)
        lanes_add((float *)c->d_in[0]->data + r * w, 1, (const float *)c->d_out[0]->data + opposite(c->in[0]->lay, r) * w, w);
}

static int forward(void *self, const tn_call *c)
{
    (void)self;
    return c->be->ops->parallel_for(c->be, c->in[0]->rows, ROWS_GRAIN, forward_piece, (void *)(uintptr_t)c);
}

static int backward(void *self, const tn_call *c)
{
    (void)self;
    if (!c->d_in[0] || !c->d_out[0]) return TN_OK;
    return c->be->ops->parallel_for(c->be, c->in[0]->rows, ROWS_GRAIN, backward_piece, (void *)(uintptr_t)c);
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, NULL };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .min_in = 1, .max_in = 1, .plan = plan, .impls = impls,
                                .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "reverse",
    .brief = "the steps of each sequence from its end to its beginning", .option_size = sizeof(tn_option),
    .doc = "y_t = x_(T+1-t), t = 1 .. T, with each sequence's own T: there is no padding that could come to the\n"
           "front. Two of them around a recurrent layer make it read backwards, as its option `reverse` does;\n"
           "one in front of an encoder feeds it a reversed source.\n\n"
           "Source: Sutskever, Vinyals, Le, *Sequence to Sequence Learning with Neural Networks* (NIPS 2014),\n"
           "section 3.3.\n" };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("reverse", "1.0", "The Tenon authors", "MIT", "", parts)
