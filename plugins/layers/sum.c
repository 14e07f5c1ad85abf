/* sum.c -- the sum of each sequence's rows. */
#include <string.h>
#include "pool_layer.h"

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    (void)opts, (void)self, (void)n_in;
    api->uses(p, 0);
    return pool_plan(api, host, p, in[0], "sum");
}

/* y[order[s]] = x_1 + ... + x_T, added up in the order of the steps; 0 where the sequence is empty */
static void pool_forward(void *to, int64_t from, int64_t end)
{
    const tn_call *c = to;
    const tn_layout *l = c->in[0]->lay;
    int64_t w = c->in[0]->width;
    for (int64_t s = from; s < end; s++) {
        float *y = (float *)c->out[0]->data + l->order[s] * w;
        memset(y, 0, sizeof *y * (size_t)w);
        for (int32_t t = 0; t < l->length[s]; t++) {
            const float *x = (const float *)c->in[0]->data + (l->first[t] + s) * w;
            for (int64_t j = 0; j < w; j++) y[j] += x[j];
        }
    }
}

/* dx_t += dy for each step */
static void pool_backward(void *to, int64_t from, int64_t end)
{
    const tn_call *c = to;
    const tn_layout *l = c->in[0]->lay;
    int64_t w = c->in[0]->width;
    for (int64_t s = from; s < end; s++) {
        const float *dy = (const float *)c->d_out[0]->data + l->order[s] * w;
        for (int32_t t = 0; t < l->length[s]; t++) {
            float *dx = (float *)c->d_in[0]->data + (l->first[t] + s) * w;
            for (int64_t j = 0; j < w; j++) dx[j] += dy[j];
        }
    }
}

static const tn_layer table = { .size = sizeof table, .min_in = 1, .max_in = 1, .plan = plan, .impls = impls,
                                .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "sum",
    .brief = "the sum of each sequence's rows",
    .option_size = sizeof(tn_option),
    .doc = "y = x_1 + ... + x_T over the T steps that a sequence really has; an empty sequence gives zeros.\n\n"
           "Behind an `embedding` as wide as there are classes this is a linear model: the score of a class is\n"
           "the sum of the weights of the features that hold (transforms `context`, `spelling`).\n" };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("sum", "1.0", "The Tenon authors", "MIT", "", parts)
