/* max.h -- the largest number of each column over a sequence's rows, for max and for the same under its other name, which a
 * file gives as MAX_NAME before it includes this. */
#include "pool_layer.h"

enum { ARGMAX };                           /* saved: the row that each number came from, -1 where none */

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    (void)opts, (void)self, (void)n_in;
    int rc = pool_plan(api, host, p, in[0], MAX_NAME);
    if (rc) return rc;
    tn_spec from = { .dtype = TN_I32, .layout = api->parent(p, in[0]->layout), .width = in[0]->width };
    api->uses(p, 0);
    rc = api->add_saved(p, &from);
    return rc < 0 ? rc : TN_OK;
}

/* y[order[s]][j] = max over t of x_t[j], the earliest step where several are equal; 0 where the sequence is empty */
static void pool_forward(void *to, int64_t from, int64_t end)
{
    const tn_call *c = to;
    const tn_layout *l = c->in[0]->lay;
    const float *x = c->in[0]->data;
    int64_t w = c->in[0]->width;
    for (int64_t s = from; s < end; s++) {
        float *y = (float *)c->out[0]->data + l->order[s] * w;
        int32_t *row = (int32_t *)c->saved[ARGMAX]->data + l->order[s] * w;
        for (int64_t j = 0; j < w; j++) y[j] = 0, row[j] = -1;
        for (int32_t t = 0; t < l->length[s]; t++) {
            int32_t r = l->first[t] + (int32_t)s;
            for (int64_t j = 0; j < w; j++)
                if (t == 0 || x[r * w + j] > y[j]) y[j] = x[r * w + j], row[j] = r;
        }
    }
}

static void pool_backward(void *to, int64_t from, int64_t end)
{
    const tn_call *c = to;
    const tn_layout *l = c->in[0]->lay;
    int64_t w = c->in[0]->width;
    for (int64_t s = from; s < end; s++) {
        const float *dy = (const float *)c->d_out[0]->data + l->order[s] * w;
        const int32_t *row = (const int32_t *)c->saved[ARGMAX]->data + l->order[s] * w;
        for (int64_t j = 0; j < w; j++)
            if (row[j] >= 0) ((float *)c->d_in[0]->data)[row[j] * w + j] += dy[j];
    }
}

static const tn_layer table = { .size = sizeof table, .min_in = 1, .max_in = 1, .plan = plan,
                                .impls = impls, .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = MAX_NAME,
    .brief = "the largest number of each column over a sequence", .option_size = sizeof(tn_option),
    .doc = "y_j = max(x_1j, ..., x_Tj) over the T steps of a sequence; an empty sequence gives zeros.\n"
           "The gradient goes to the step that the maximum came from, the earliest where several are\n"
           "equal.\n\n"
           "Layers `max` and `global_max` are the same: global max pooling, max over time, Keras'\n"
           "`GlobalMaxPooling1D`. `max_pool1d` is the maximum over windows.\n\n"
           "Source: Collobert and others, *Natural Language Processing (Almost) from Scratch* (JMLR 12,\n"
           "2011), section 3.2.2.\n" };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN(MAX_NAME, "1.0", "The Tenon authors", "MIT", "", parts)
