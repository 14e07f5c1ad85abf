/* valid_window.c -- a layer that creates a layout: y_u = sum over k of w_k x_(2u + k), windows of 3 steps that lie wholly
 * inside the sequence, two steps apart. Sequences of fewer than 3 steps give none.                                */
#include <string.h>
#include "tenon/tenon.h"

enum { WINDOW = 3, STRIDE = 2 };
typedef struct { int64_t width; } window;

/* Length of the new sequence from that of the old. The layout is not `like` the old one, since ties may order differently. */
static int32_t new_length(void *self, const int32_t *old)
{
    (void)self;
    return old[0] < WINDOW ? 0 : (old[0] - WINDOW) / STRIDE + 1;
}

static int plan(const tn_api *api, tn_host *host, const void *config, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    (void)config, (void)n_in;
    int32_t parent = api->parent(p, in[0]->layout);
    if (parent <= 0 || in[0]->dtype != TN_F32) return api->fail(host, TN_ESHAPE, "reads the steps of a sequence");
    ((window *)self)->width = in[0]->width;
    tn_grow grow = { sizeof grow, parent, "windows", 1, 0, &in[0]->layout, new_length, 0, 0 };
    tn_spec y = *in[0];
    y.index_of = 0;
    if ((y.layout = api->add_layout(p, &grow)) < 0) return TN_EINVAL;
    tn_param w = { sizeof w, 0, "weight", "glorot_uniform", 2, 1, { WINDOW, in[0]->width, 0, 0 }, WINDOW, WINDOW, 0, 0 };
    return api->add_out(p, NULL, &y) < 0 || api->add_param(p, &w) < 0 ? TN_EINVAL : TN_OK;
}

/* Row of x that window row r begins at: the sequence of the same parent row, twice the step. */
static int64_t begin_of(const tn_layout *y, const tn_layout *x, int32_t r, int k)
{
    return x->first[STRIDE * y->step[r] + k] + x->place[y->up[r]];
}

static int forward(void *self, const tn_call *c)
{
    int64_t n = ((window *)self)->width;
    const tn_layout *y = c->out[0]->lay, *x = c->in[0]->lay;
    const float *in = c->in[0]->data, *w = c->param[0]->data;
    float *out = c->out[0]->data;
    for (int32_t r = 0; r < y->rows; r++)
        for (int64_t j = 0; j < n; j++) {
            float sum = 0;
            for (int k = 0; k < WINDOW; k++) sum += w[k * n + j] * in[begin_of(y, x, r, k) * n + j];
            out[r * n + j] = sum;
        }
    return TN_OK;
}

static int backward(void *self, const tn_call *c)
{
    int64_t n = ((window *)self)->width;
    const tn_layout *y = c->out[0]->lay, *x = c->in[0]->lay;
    const float *w = c->param[0]->data, *dy = c->d_out[0] ? c->d_out[0]->data : NULL;
    float *dx = c->d_in[0] ? c->d_in[0]->data : NULL;
    for (int32_t r = 0; dx && dy && r < y->rows; r++)
        for (int k = 0; k < WINDOW; k++)
            for (int64_t j = 0; j < n; j++) dx[begin_of(y, x, r, k) * n + j] += w[k * n + j] * dy[r * n + j];
    return TN_OK;
}

static int gradient(void *self, const tn_call *c)
{
    int64_t n = ((window *)self)->width;
    const tn_layout *y = c->out[0]->lay, *x = c->in[0]->lay;
    const float *in = c->in[0]->data, *dy = c->d_out[0] ? c->d_out[0]->data : NULL;
    float *dw = c->d_param[0] ? c->d_param[0]->data : NULL;
    for (int32_t r = 0; dw && dy && r < y->rows; r++)
        for (int k = 0; k < WINDOW; k++)
            for (int64_t j = 0; j < n; j++) dw[k * n + j] += in[begin_of(y, x, r, k) * n + j] * dy[r * n + j];
    return TN_OK;
}

static const tn_impl impl = { sizeof impl, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &impl, NULL };
static const tn_layer table = { sizeof table, 0, 1, 1, plan, impls, NULL, 0, 0, NULL, NULL };
static const tn_desc desc = { sizeof desc, TN_LAYER, &table, "valid_window", "weighted windows of three steps, two apart",
                              "Creates a layout.", TN_NO_OPTIONS, 0, sizeof(window),
                              NULL, NULL, NULL, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("valid_window", "1.0.0", "Tenon", "MIT", "", parts)
