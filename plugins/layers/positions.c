/* positions.c -- adds to each step a vector that tells where it stands, of sines and cosines of rising wavelength. */
#include "rows.h"

typedef struct config { int32_t scale; } config;
typedef struct layer { int64_t width; float scale; } layer;
enum { COLUMNS = 32 };                     /* columns that a thread takes at a time */

static const tn_option options[] = {
    TN_BOOL(config, scale, 0, "whether the input is multiplied by the square root of its width before, as the source does with embeddings"),
};

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    layer *l = self;
    (void)n_in;
    int rc = rows_check(api, host, in[0], "positions");
    if (rc) return rc;
    if (in[0]->layout <= TN_FIXED || api->parent(p, in[0]->layout) <= 0)
        return tn_fail(api, host, TN_ESHAPE, "positions: the input has one row an example, its rows have no positions");
    *l = (layer){ in[0]->width, ((const config *)opts)->scale ? sqrtf((float)in[0]->width) : 1 };
    tn_spec y = { .dtype = TN_F32, .layout = in[0]->layout, .width = l->width };
    api->uses(p, 0);
    rc = api->add_out(p, NULL, &y);
    return rc < 0 ? rc : TN_OK;
}

typedef struct job { const layer *l; const tn_call *c; } job;

/* y_tj = s x_tj + P_tj, P_t,2i = sin(t / 10000^(2i / W)), P_t,2i+1 = cos(t / 10000^(2i / W)), t from 0 */
static void forward_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const tn_layout *l = b->c->in[0]->lay;
    const float *x = b->c->in[0]->data;
    float *y = b->c->out[0]->data;
    int64_t w = b->l->width;
    for (int64_t j = from; j < end; j += COLUMNS) {
        double wave[COLUMNS];
        float at[COLUMNS];
        int64_t n = end - j < COLUMNS ? end - j : COLUMNS;
        for (int64_t k = 0; k < n; k++) wave[k] = pow(10000.0, -(double)((j + k) / 2 * 2) / (double)w); /* NOLINT(bugprone-integer-division): pairs of columns share a wavelength */
        for (int32_t t = 0; t < l->steps; t++) {
            for (int64_t k = 0; k < n; k++) at[k] = (float)((j + k) % 2 ? cos(t * wave[k]) : sin(t * wave[k]));
            for (int64_t r = l->first[t]; r < l->first[t + 1]; r++)
                for (int64_t k = 0; k < n; k++) y[r * w + j + k] = b->l->scale * x[r * w + j + k] + at[k];
        }
    }
}

static int forward(void *self, const tn_call *c)
{
    job b = { self, c };
    return c->be->ops->parallel_for(c->be, b.l->width, COLUMNS, forward_piece, &b);
}

/* dx += s dy */
static int backward(void *self, const tn_call *c)
{
    const layer *l = self;
    if (!c->d_in[0] || !c->d_out[0]) return TN_OK;
    return c->be->ops->axpy(c->be, c->in[0]->rows * l->width, l->scale, c->d_out[0]->data, c->d_in[0]->data);
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, NULL };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .min_in = 1, .max_in = 1, .plan = plan, .impls = impls,
                                .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "positions",
    .brief = "adds sines and cosines of each step's position",
    .doc = "y_tj = x_tj + P_tj with P_t,2i = sin(t / 10000^(2i / W)) and P_t,2i+1 = cos(t / 10000^(2i / W)), steps t\n"
           "and columns counted from 0, W the width. `self_attention` sees no order among steps; behind this layer\n"
           "it does. With `scale` the input is multiplied by sqrt(W) first.\n\n"
           "Source: Vaswani and others, *Attention Is All You Need* (NIPS 2017), sections 3.4 and 3.5.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(layer) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("positions", "1.0", "The Tenon authors", "MIT", "", parts)
