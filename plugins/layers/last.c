/* last.c -- the last row of each sequence. */
#include <string.h>
#include "pool_layer.h"

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    (void)opts, (void)self, (void)n_in;
    api->uses(p, 0);
    return pool_plan(api, host, p, in[0], "last");
}

/* y[order[s]] = x[first[length[s] - 1] + s], 0 where the sequence is empty */
static void pool_forward(void *to, int64_t from, int64_t end)
{
    const tn_call *c = to;
    const tn_layout *l = c->in[0]->lay;
    int64_t w = c->in[0]->width;
    for (int64_t s = from; s < end; s++) {
        float *y = (float *)c->out[0]->data + l->order[s] * w;
        if (l->length[s])
            memcpy(y, (const float *)c->in[0]->data + (l->first[l->length[s] - 1] + s) * w,
                   sizeof *y * (size_t)w);
        else memset(y, 0, sizeof *y * (size_t)w);
    }
}

static void pool_backward(void *to, int64_t from, int64_t end)
{
    const tn_call *c = to;
    const tn_layout *l = c->in[0]->lay;
    int64_t w = c->in[0]->width;
    for (int64_t s = from; s < end; s++) {
        if (!l->length[s]) continue;
        const float *dy = (const float *)c->d_out[0]->data + l->order[s] * w;
        float *dx = (float *)c->d_in[0]->data + (l->first[l->length[s] - 1] + s) * w;
        for (int64_t j = 0; j < w; j++) dx[j] += dy[j];
    }
}

static const tn_layer table = { .size = sizeof table, .flags = TN_L_LAST, .min_in = 1, .max_in = 1,
                                .plan = plan,
                                .impls = impls, .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "last",
    .brief = "the last row of each sequence",
    .option_size = sizeof(tn_option),
    .doc = "y = x_T, the row of a sequence's own last step; an empty sequence gives zeros.\n\n"
           "Behind a layer that reads a sequence from the end as well, such as `bilstm`, the last row\n"
           "has seen one step only in its backward half: read the layer's port `.state` instead.\n" };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("last", "1.0", "The Tenon authors", "MIT", "", parts)
