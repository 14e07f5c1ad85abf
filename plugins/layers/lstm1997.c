/* lstm1997.c -- the memory cells of Hochreiter and Schmidhuber 1997: blocks of cells that share an input and an output gate, no
 * forget gate, a hidden layer that is fully connected, so that gates hear gates.
 *
 *     z = W_ih x + W_hh y' + W_gh (in', out') + bias      rows: input gates, output gates, cells
 *     in = s(z_in)   out = s(z_out)   s: the logistic function
 *     c = c' + in g(z_c)     g(x) = 4 s(x) - 2 = 2 tanh(x / 2), within [-2, 2]
 *     y = out h(c)           h(x) = 2 s(x) - 1 = tanh(x / 2), within [-1, 1]
 *
 * N rows, B blocks of C cells, M = B C memory cells, Z = 2B + M rows of weights.                                     */
#include "recurrent.h"
#include "tenon/random.h"

enum { BIAS_ALL, BIAS_GATES, BIAS_NONE };
enum { Y, CELL, GATES };                     /* states                                                                 */
typedef struct config {
    int64_t blocks, cells;
    tn_list input_gate_bias, output_gate_bias;
    const char *gradient;
    int32_t bias, gate_feedback, reverse, carry_state;
} config;
typedef struct memory {
    frame f;                                 /* dz: in, out, g forwards, the gradients of z backwards                  */
    const config *config;
    int64_t blocks, cells;
    int truncated, w_hh, w_gh, pack_hh, pack_hh_back, pack_gh, pack_gh_back;
    int cell_rows, gate_rows, squashed;      /* saved: c [N, M], (in, out) [N, 2B], h(c) [N, M]                        */
} memory;

static const char *const biases[] = { "all", "gates", "none", NULL };
static const tn_option options[] = {
    TN_INT(config, blocks, 2, 1, 4096, "blocks of cells"),
    TN_INT(config, cells, 2, 1, 4096, "cells in a block, which share its gates"),
    TN_REALS(config, input_gate_bias, NULL, "initial bias of the input gates: one for each block, or one for all"),
    TN_REALS(config, output_gate_bias, NULL, "initial bias of the output gates, likewise"),
    TN_ENUM(config, bias, BIAS_ALL, biases, "which units have a bias"),
    TN_BOOL(config, gate_feedback, 1, "gates are heard by the whole layer at the next step"),
    TN_STR(config, gradient, "full", "\"full\" or \"truncated\", which is that of 1997"),
    TN_BOOL(config, reverse, 0, "walk from the end of each sequence to its first step"),
    TN_BOOL(config, carry_state, 0, "the state goes on from batch to batch, for data sets of lanes")
};

static const memory *memory_of(const run *r) { return (const memory *)(const void *)r->f; }

static void set_rows(const frame *f, const tn_call *c, run *r)
{
    const memory *l = (const memory *)(const void *)f;
    r->state[CELL].rows = c->saved[l->cell_rows]->data;
    if (f->states > GATES) r->state[GATES].rows = c->saved[l->gate_rows]->data;
}

/* ---- forward ------------------------------------------------------------------------------------------------------------ */
/* One row: z becomes in, out, g. */
static void cells_forward(const step *s, int64_t seq)
{
    const run *r = s->r;
    const memory *l = memory_of(r);
    int64_t at = row_of(s, seq), b2 = 2 * l->blocks, m = r->f->width[Y];
    float *z = r->dz + at * r->f->wide, *in = z, *out = z + l->blocks, *g = z + b2;
    float *c = r->state[CELL].rows + at * m, *h = saved_row(r, l->squashed, at * m), *y = r->state[Y].rows + at * m;
    const float *before = state_before(s, CELL, seq);
    tn_vf half = tn_set(0.5f);
#define GATE(j, n) give(z + (j), tn_sigmoid(take(z + (j), (n))), (n))
    FOR_VECTORS(b2, GATE);
#define SQUASH_INPUT(j, n) give(g + (j), tn_set(2) * tn_tanh(half * take(g + (j), (n))), (n))
    FOR_VECTORS(m, SQUASH_INPUT);
    for (int64_t b = 0, k = 0; b < l->blocks; b++)
        for (; k < (b + 1) * l->cells; k++) c[k] = fmaf(in[b], g[k], before ? before[k] : 0);
#define SQUASH_CELL(j, n) give(h + (j), tn_tanh(half * take(c + (j), (n))), (n))
    FOR_VECTORS(m, SQUASH_CELL);
    for (int64_t b = 0, k = 0; b < l->blocks; b++)
        for (; k < (b + 1) * l->cells; k++) y[k] = out[b] * h[k];
    if (r->f->states > GATES) memcpy(r->state[GATES].rows + at * b2, z, sizeof *z * (size_t)b2);
}

static void forward_step(step *s, int64_t from, int64_t to)
{
    const run *r = s->r;
    const memory *l = memory_of(r);
    int64_t wide = r->f->wide;
    float *z = r->dz + row_of(s, from) * wide;
    tn_product p = { sizeof p, 1, 0, 0, wide, NULL, 0, NULL, r->of ? r->projected : projected_of(s, from), wide,
                     r->of ? r->of + row_of(s, from) : NULL, r->c->packed[l->pack_hh], NULL, NULL, z, wide };
    multiply_state(s, Y, from, to, &p);
    if (r->f->states > GATES) {
        p.init = p.y = z, p.init_row = NULL, p.packed = r->c->packed[l->pack_gh];
        multiply_state(s, GATES, from, to, &p);
    }
    for (int64_t seq = from; seq < to; seq++) cells_forward(s, seq);
}

/* ---- backward ----------------------------------------------------------------------------------------------------------- */
/* dc += dy out h'(c),  d out = sum of dy h over its cells,  d in = sum of dc g,  dz_c = dc in g';  g' = (4 - g^2) / 4,
 * h' = (1 - h^2) / 2 */
static void cells_backward(const step *s, int64_t seq)
{
    const run *r = s->r;
    const memory *l = memory_of(r);
    int64_t at = row_of(s, seq), m = r->f->width[Y];
    float *dy = r->state[Y].carry + seq * m, *dc = r->state[CELL].carry + seq * m, *z = r->dz + at * r->f->wide;
    float *d_gates = r->f->states > GATES ? r->state[GATES].carry + seq * 2 * l->blocks : NULL;
    const float *h = saved_row(r, l->squashed, at * m), *above = r->dy ? r->dy + at * m : NULL;
    for (int64_t b = 0; b < l->blocks; b++) {
        float in = z[b], out = z[l->blocks + b], d_in = d_gates ? d_gates[b] : 0, d_out = d_gates ? d_gates[l->blocks + b] : 0;
        for (int64_t k = b * l->cells; k < (b + 1) * l->cells; k++) {
            float *g = z + 2 * l->blocks + k, d = dy[k] + (above ? above[k] : 0);
            d_out = fmaf(d, h[k], d_out);
            dc[k] = fmaf(d * out, 0.5f * fmaf(-h[k], h[k], 1), dc[k]);
            d_in = fmaf(dc[k], *g, d_in);
            *g = dc[k] * in * (0.25f * fmaf(-*g, *g, 4));
        }
        z[b] = d_in * (in * (1 - in)), z[l->blocks + b] = d_out * (out * (1 - out));
    }
    memset(dy, 0, sizeof *dy * (size_t)m);
    if (d_gates) memset(d_gates, 0, sizeof *dy * (size_t)(2 * l->blocks));
}

/* Truncated: what has reached the inputs of cells and gates goes no further back in time; c alone carries errors. */
static void backward_step(step *s, int64_t from, int64_t to)
{
    const run *r = s->r;
    const memory *l = memory_of(r);
    int64_t wide = r->f->wide;
    const float *z = r->dz + row_of(s, from) * wide;
    for (int64_t seq = from; seq < to; seq++) cells_backward(s, seq);
    if (l->truncated) return;
    add_to_carry(s, Y, from, wide, z, wide, r->c->packed[l->pack_hh_back]);
    if (r->f->states > GATES) add_to_carry(s, GATES, from, wide, z, wide, r->c->packed[l->pack_gh_back]);
}

static int cell_gradient(const run *r)
{
    const memory *l = memory_of(r);
    int64_t wide = r->f->wide;
    int rc = state_gradient(r, Y, wide, r->dz, wide, floats(r->c->d_param[l->w_hh]), NULL);
    return rc || r->f->states == GATES ? rc : state_gradient(r, GATES, wide, r->dz, wide, floats(r->c->d_param[l->w_gh]), NULL);
}

/* ---- plan --------------------------------------------------------------------------------------------------------------- */
static int check(const tn_api *api, tn_host *host, const void *config_)
{
    const config *f = config_;
    const tn_list *list[2] = { &f->input_gate_bias, &f->output_gate_bias };
    for (int i = 0; i < 2; i++)
        if (list[i]->n > 1 && list[i]->n != f->blocks)
            return tn_fail(api, host, TN_EINVAL, "%s_gate_bias has %lld numbers for %lld blocks; give one for each, or one for all",
                           i ? "output" : "input", (long long)list[i]->n, (long long)f->blocks);
    if (strcmp(f->gradient, "full") && strcmp(f->gradient, "truncated"))
        return tn_fail(api, host, TN_EINVAL, "gradient: '%s' is none of full, truncated", f->gradient);
    if ((list[0]->n || list[1]->n) && f->bias == BIAS_NONE)
        return api->fail(host, TN_EINVAL, "bias = \"none\", but input_gate_bias or output_gate_bias gives some their first values");
    return TN_OK;
}

static int add_parameters(const tn_api *api, tn_plan *p, const config *f, memory *l, int64_t in)
{
    static const char spread[] = "{ type = 'uniform', low = -0.1, high = 0.1 }";
    int64_t wide = l->f.wide, m = l->f.width[Y];
    l->f.bias = -1, l->f.bias_width = f->bias == BIAS_ALL ? wide : 2 * f->blocks;
    return (l->f.w_ih = add_weight(api, p, "weight_ih", 1, wide, in, spread)) < 0
        || (l->w_hh = add_weight(api, p, "weight_hh", 1, wide, m, spread)) < 0
        || (f->gate_feedback && (l->w_gh = add_weight(api, p, "weight_gh", 1, wide, 2 * f->blocks, spread)) < 0)
        || (f->bias != BIAS_NONE && (l->f.bias = add_weight(api, p, "bias", 1, l->f.bias_width, 0, spread)) < 0)
        || (l->pack_hh = api->add_packed(p, l->w_hh, 1, 1)) < 0 || (l->pack_hh_back = api->add_packed(p, l->w_hh, 0, 1)) < 0
        || (f->gate_feedback && (l->pack_gh = api->add_packed(p, l->w_gh, 1, 1)) < 0)
        || (f->gate_feedback && (l->pack_gh_back = api->add_packed(p, l->w_gh, 0, 1)) < 0) ? TN_EINVAL : TN_OK;
}

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, tn_plan *p, uint32_t n_in, const tn_spec *const *in)
{
    static const cell phases = { forward_step, backward_step, cell_gradient };
    static const char *const names[] = { "state", "cell", "gates" };
    const config *f = config_;
    memory *l = self;
    int32_t up = steps_of(api, host, p, in[0]);
    int64_t m = f->blocks * f->cells;
    (void)n_in;
    if (up < 0) return up;
    *l = (memory){ .config = f, .blocks = f->blocks, .cells = f->cells, .truncated = !strcmp(f->gradient, "truncated") };
    l->f = (frame){ .cell = &phases, .wide = 2 * f->blocks + m, .width = { m, m, 2 * f->blocks }, .fed = { 1, 0, 1 },
                    .states = f->gate_feedback ? 3 : 2, .reverse = f->reverse, .second_bias = -1 };
    tn_spec cells = { TN_F32, TN_VALUES, in[0]->layout, 0, 0, m, 0, 0, 0, 0 }, gates = cells;
    gates.width = 2 * f->blocks;
    return add_parameters(api, p, f, l, in[0]->width) || plan_frame(api, p, &l->f, in[0], up, names, f->carry_state)
        || (l->cell_rows = api->add_saved(p, &cells)) < 0 || (l->squashed = api->add_saved(p, &cells)) < 0
        || (l->gate_rows = api->add_saved(p, &gates)) < 0 ? TN_EINVAL : TN_OK;
}

/* Biases of gates where they are given; the others as the weights. */
static int initialize(void *self, const tn_api *api, tn_host *host, uint32_t slot, tn_rng rng, float *p)
{
    const memory *l = self;
    const tn_list *list[2] = { &l->config->input_gate_bias, &l->config->output_gate_bias };
    (void)api, (void)host;
    if ((int)slot != l->f.bias || (!list[0]->n && !list[1]->n)) return 0;
    for (int64_t j = 0; j < l->f.bias_width; j++) p[j] = 0.2f * tn_random_uniform(rng, (uint64_t)j) - 0.1f;
    for (int i = 0; i < 2; i++)
        for (int64_t b = 0; list[i]->n && b < l->blocks; b++)
            p[i * l->blocks + b] = (float)((const double *)list[i]->v)[list[i]->n > 1 ? b : 0];
    return 1;
}

static int forward(void *self, const tn_call *c) { return frame_forward(self, c, set_rows); }
static int backward(void *self, const tn_call *c) { return frame_backward(self, c, set_rows); }
static int gradient(void *self, const tn_call *c) { return frame_gradient(self, c, set_rows); }
static const tn_impl impl = { sizeof impl, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &impl, NULL };
static const tn_layer table = { sizeof table, TN_L_RECURRENT | TN_L_INDEXED | TN_L_SETS, 1, 1, plan, impls, NULL, 0, 0, NULL,
                                initialize };
static const tn_desc desc = {
    sizeof desc, TN_LAYER, &table, "lstm1997", "long short-term memory as first published",
    "Blocks of cells that share an input and an output gate; no forget gate. `z = W_ih x + W_hh y' + W_gh (in', out') + bias`, rows "
    "in the order input gates, output gates, cells; `c = c' + in g(z_c)`, `y = out h(c)`, with logistic gates, g in [-2, 2] and h in "
    "[-1, 1]. Width blocks x cells. `.state` is y after the last step, `.cell` is c, `.gates` what the gates gave.\n\n"
    "    { type = \"lstm1997\", blocks = 2, cells = 2, input_gate_bias = [-3, -6], gradient = \"truncated\" }\n\n"
    "is the net of the adding problem: with `dense` of one unit it has 93 parameters. `bias = \"gates\"` (and `bias = false` in the "
    "dense layer) is the net of the embedded Reber grammar, 264 or 276. `gate_feedback = false`: gates are not heard.\n\n"
    "`gradient`: \"full\" is the gradient of what is computed, which is why it is the default. \"truncated\" is the paper's: an "
    "error that has reached the input of a gate or a cell changes the weights there, and goes down to the layer's input, but not "
    "back in time; only the cells carry errors back. Weights and biases begin in [-0.1, 0.1]. Without a forget gate c grows "
    "with the length of a sequence. Hochreiter and Schmidhuber 1997.\n\n"
    "`initial_state`, `initial_cell` and `initial_gates` name layers with one row a sequence, or ports as `\"encoder.cell\"`, with which "
    "y', c and the gates' output begin in place of 0. The last one, and `.gates`, are there where gates are heard.",
    TN_OPTIONS(options), sizeof(config), sizeof(memory), check, NULL, NULL, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("lstm1997", "1.0.0", "Tenon", "MIT", "", parts)
