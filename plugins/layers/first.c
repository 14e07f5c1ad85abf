/* first.c -- the first row of each sequence. */
#include "pool_layer.h"
#include "rows.h"

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    (void)opts, (void)self, (void)n_in;
    api->uses(p, 0);
    return pool_plan(api, host, p, in[0], "first");
}

/* y[order[s]] = x[s], for the rows of the first step come first; 0 where the sequence is empty */
static void pool_forward(void *to, int64_t from, int64_t end)
{
    const tn_call *c = to;
    const tn_layout *l = c->in[0]->lay;
    int64_t w = c->in[0]->width;
    for (int64_t s = from; s < end; s++) {
        float *y = (float *)c->out[0]->data + l->order[s] * w;
        if (l->length[s]) rows_copy(y, (const float *)c->in[0]->data + s * w, w);
        else memset(y, 0, sizeof *y * (size_t)w);
    }
}

static void pool_backward(void *to, int64_t from, int64_t end)
{
    const tn_call *c = to;
    const tn_layout *l = c->in[0]->lay;
    int64_t w = c->in[0]->width;
    for (int64_t s = from; s < end && l->length[s]; s++)
        lanes_add((float *)c->d_in[0]->data + s * w, 1, (const float *)c->d_out[0]->data + l->order[s] * w, w);
}

static const tn_layer table = { .size = sizeof table, .min_in = 1, .max_in = 1, .plan = plan, .impls = impls,
                                .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "first",
    .brief = "the first row of each sequence", .option_size = sizeof(tn_option),
    .doc = "y = x_1, the row of a sequence's first step, where a mark such as [CLS] may stand; an empty sequence\n"
           "gives zeros. `last` is its counterpart.\n" };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("first", "1.0", "The Tenon authors", "MIT", "", parts)
