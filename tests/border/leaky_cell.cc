// leaky_cell.cc -- a recurrent cell of a stranger, in C++: h_t = a h' + (1 - a) tanh(x_t w + h' u), elementwise weights, with a
// state that the user can give and read. No exception leaves it.
#include <cmath>
#include <cstring>
#include "tenon/tenon.h"

namespace {
struct Config { double keep; };
struct Cell { int64_t width; float keep; };
enum { W, U };
const tn_option options[] = { TN_REAL(Config, keep, 0.25, 0, 0.9, "share of the state that stays") };

int plan(const tn_api *api, tn_host *host, const void *config, void *self, tn_plan *p, uint32_t, const tn_spec *const *in)
{
    Cell *cell = static_cast<Cell *>(self);
    int32_t up = api->parent(p, in[0]->layout);
    if (up <= 0 || in[0]->dtype != TN_F32) return api->fail(host, TN_ESHAPE, "reads the steps of a sequence");
    cell->width = in[0]->width;
    cell->keep = static_cast<float>(static_cast<const Config *>(config)->keep);
    tn_spec y = *in[0], state = y;
    y.index_of = state.index_of = 0, state.layout = up;
    tn_param w = { sizeof w, 0, "weight_ih", "glorot_uniform", 1, 1, { y.width, 0, 0, 0 }, y.width, y.width, 0, 0 }, u = w;
    u.name = "weight_hh";
    bool bad = api->add_out(p, nullptr, &y) < 0 || api->add_state(p, "state", &state, 0) < 0 || api->add_param(p, &w) < 0
            || api->add_param(p, &u) < 0 || api->add_saved(p, &y) < 0 || api->add_saved(p, &y) < 0 || api->add_saved(p, &y) < 0
            || api->add_work(p, &state) < 0;
    return bad ? TN_EINVAL : TN_OK;
}

float *floats(tn_tensor *t) { return t ? static_cast<float *>(t->data) : nullptr; }
enum { TANH, BEFORE, DZ }; // saved: the tanh, h', and later the gradient of its argument

int forward(void *self, const tn_call *c)
{
    const Cell *cell = static_cast<Cell *>(self);
    const tn_layout *l = c->out[0]->lay;
    const int64_t n = cell->width;
    const float *x = floats(c->in[0]), *w = floats(c->param[W]), *u = floats(c->param[U]), *h0 = floats(c->state[0]);
    float *y = floats(c->out[0]), *th = floats(c->saved[TANH]), *before = floats(c->saved[BEFORE]), *next = floats(c->next[0]);
    for (int32_t s = 0; s < l->sequences; s++)
        for (int64_t j = 0; j < n; j++) {
            float h = h0 ? h0[l->order[s] * n + j] : 0;
            for (int32_t t = 0; t < l->length[s]; t++) {
                const int64_t r = (l->first[t] + s) * n + j;
                before[r] = h;
                th[r] = std::tanh(x[r] * w[j] + h * u[j]);
                floats(c->saved[DZ])[r] = 0;
                y[r] = h = cell->keep * h + (1 - cell->keep) * th[r];
            }
            if (next) next[l->order[s] * n + j] = h;
        }
    return TN_OK;
}

int backward(void *self, const tn_call *c)
{
    const Cell *cell = static_cast<Cell *>(self);
    const tn_layout *l = c->out[0]->lay;
    const int64_t n = cell->width;
    const float *w = floats(c->param[W]), *u = floats(c->param[U]), *th = floats(c->saved[TANH]);
    const float *dy = floats(c->d_out[0]), *dn = floats(c->d_next[0]);
    float *dx = floats(c->d_in[0]), *ds = floats(c->d_state[0]), *dz = floats(c->saved[DZ]);
    for (int32_t s = 0; s < l->sequences; s++)
        for (int64_t j = 0; j < n; j++) {
            float dh = dn ? dn[l->order[s] * n + j] : 0;
            for (int32_t t = l->length[s]; t-- > 0; ) {
                const int64_t r = (l->first[t] + s) * n + j;
                if (dy) dh += dy[r];
                dz[r] = dh * (1 - cell->keep) * (1 - th[r] * th[r]);
                if (dx) dx[r] += dz[r] * w[j];
                dh = dh * cell->keep + dz[r] * u[j];
            }
            if (ds) ds[l->order[s] * n + j] += dh;
        }
    return TN_OK;
}

int gradient(void *self, const tn_call *c)
{
    const int64_t n = static_cast<Cell *>(self)->width;
    const float *dz = floats(c->saved[DZ]), *x = floats(c->in[0]), *before = floats(c->saved[BEFORE]);
    float *dw = floats(c->d_param[W]), *du = floats(c->d_param[U]);
    for (int64_t r = 0; r < c->in[0]->rows; r++)
        for (int64_t j = 0; j < n; j++) {
            if (dw) dw[j] += dz[r * n + j] * x[r * n + j];
            if (du) du[j] += dz[r * n + j] * before[r * n + j];
        }
    return TN_OK;
}

const tn_impl impl = { sizeof impl, 0, "cpu", forward, backward, gradient };
const tn_impl *const impls[] = { &impl, nullptr };
const tn_layer table = { sizeof table, TN_L_RECURRENT, 1, 1, plan, impls, nullptr, 0, 0, nullptr, nullptr };
const tn_desc desc = { sizeof desc, TN_LAYER, &table, "leaky_cell", "a leaky recurrent cell", "In C++.",
                       TN_OPTIONS(options), sizeof(Config), sizeof(Cell),
                       nullptr, nullptr, nullptr, nullptr, nullptr, nullptr };
const tn_desc *const parts[] = { &desc, nullptr };
}
TN_PLUGIN("leaky_cell", "1.0.0", "Tenon", "MIT", "", parts)
