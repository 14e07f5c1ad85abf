/* echo_decoder.c -- a layer that runs another recurrent layer, named in its options, one step at a time and feeds it what it
 * gave before:  cell input u_t = x_t + h_(t-1) (h of the step before; zero at first),  y_t = h_t.
 * A step of the cell is a whole call on a layout of one step; its weight gradient is taken once, over all steps. Its
 * `.decoded` runs the same steps free of the batch, as a beam search would.                                          */
#include <stdlib.h>
#include <string.h>
#include "tenon/tenon.h"

#ifndef CELL
#define CELL "leaky_cell" /* a stranger's */
#endif
typedef struct { tn_part *cell; } config;
static const tn_option options[] = {
    TN_SUBPART(config, cell, TN_LAYER, CELL, "the cell: any recurrent layer whose output is as wide as its input")
};
typedef struct { int64_t width; uint32_t states; int64_t state_width[8]; int child; } decoder;

static int plan(const tn_api *api, tn_host *host, const void *f, void *self, tn_plan *p, uint32_t n_in, const tn_spec *const *in)
{
    decoder *d = self;
    tn_child got;
    (void)n_in;
    int32_t up = api->parent(p, in[0]->layout);
    if (up <= 0 || in[0]->dtype != TN_F32) return api->fail(host, TN_ESHAPE, "reads the steps of a sequence");
    tn_spec u = *in[0];
    const tn_spec *fed[1] = { &u };
    u.index_of = 0;
    memset(&got, 0, sizeof got);
    if ((d->child = api->add_child(p, ((const config *)f)->cell, TN_C_STEP, 1, fed, &got)) < 0) return TN_EINVAL;
    d->width = u.width, d->states = got.states;
    if (got.states > 8) return api->fail(host, TN_ESHAPE, "the cell has more than 8 states");
    if (got.out[0]->width != u.width)
        return tn_fail(api, host, TN_ESHAPE, "the cell gives %d values, it must give %d", (int)got.out[0]->width, (int)u.width);
    tn_spec y = u;
    if (api->add_out(p, NULL, &y) < 0) return TN_EINVAL;
    for (uint32_t i = 0; i < got.states; i++) { /* the cell's states are the decoder's */
        tn_spec s = *got.state[i];
        s.layout = up, d->state_width[i] = s.width;
        if (api->add_state(p, got.state_name[i], &s, TN_S_NO_CARRY) < 0) return TN_EINVAL;
    }
    return TN_OK;
}

static float *floats(tn_tensor *t) { return t ? t->data : NULL; }

static int forward(void *self, const tn_call *c)
{
    const decoder *d = self;
    const tn_layout *l = c->in[0]->lay;
    int64_t n = d->width;
    const float *x = floats(c->in[0]);
    float *y = floats(c->out[0]);
    for (uint32_t i = 0; i < d->states; i++) { /* empty sequences pass their state on */
        const float *from = floats(c->state[i]);
        float *to = floats(c->next[i]);
        for (int32_t s = 0; to && s < l->sequences; s++)
            for (int64_t j = 0; !l->length[s] && j < d->state_width[i]; j++)
                to[l->order[s] * d->state_width[i] + j] = from ? from[l->order[s] * d->state_width[i] + j] : 0;
    }
    for (int32_t t = 0; t < l->steps; t++) {
        const tn_call *k = c->api->enter(c, d->child, t);
        int64_t row = l->first[t], m = l->live[t];
        float *u = floats(k->in[0]);
        for (uint32_t i = 0; t == 0 && i < d->states; i++) { /* by the parent's row here, by sequence there */
            const float *from = floats(c->state[i]);
            for (int64_t s = 0; s < m; s++)
                for (int64_t j = 0, w = d->state_width[i]; j < w; j++)
                    floats(k->state[i])[s * w + j] = from ? from[l->order[s] * w + j] : 0;
        }
        for (int64_t s = 0; s < m; s++)
            for (int64_t j = 0; j < n; j++) u[s * n + j] = x[(row + s) * n + j] + (t ? y[(l->first[t - 1] + s) * n + j] : 0);
        int rc = c->api->run(k, TN_FORWARD);
        if (rc) return rc;
        memcpy(y + row * n, floats(k->out[0]), sizeof *y * (size_t)(m * n));
        for (uint32_t i = 0; i < d->states; i++) {
            const int64_t w = d->state_width[i];
            for (int64_t s = l->live[t + 1]; floats(c->next[i]) && s < m; s++) /* these sequences end here */
                memcpy(floats(c->next[i]) + l->order[s] * w, floats(k->next[i]) + s * w, sizeof *y * (size_t)w);
        }
    }
    return TN_OK;
}

static int backward(void *self, const tn_call *c)
{
    const decoder *d = self;
    const tn_layout *l = c->in[0]->lay;
    int64_t n = d->width;
    const float *dy = floats(c->d_out[0]);
    float *dx = floats(c->d_in[0]);
    for (uint32_t i = 0; i < d->states; i++)
        for (int32_t s = 0; floats(c->d_state[i]) && floats(c->d_next[i]) && s < l->sequences; s++)
            for (int64_t j = 0, w = d->state_width[i]; !l->length[s] && j < w; j++)
                floats(c->d_state[i])[l->order[s] * w + j] += floats(c->d_next[i])[l->order[s] * w + j];
    for (int32_t t = l->steps; t-- > 0; ) {
        const tn_call *k = c->api->enter(c, d->child, t);
        int64_t row = l->first[t], m = l->live[t];
        float *dh = floats(k->d_out[0]);
        for (int64_t s = 0; s < m; s++) /* what step t + 1 fed back is there already */
            for (int64_t j = 0; j < n; j++) dh[s * n + j] += dy ? dy[(row + s) * n + j] : 0;
        for (uint32_t i = 0; i < d->states; i++)
            for (int64_t s = l->live[t + 1]; floats(c->d_next[i]) && s < m; s++)
                for (int64_t j = 0, w = d->state_width[i]; j < w; j++)
                    floats(k->d_next[i])[s * w + j] += floats(c->d_next[i])[l->order[s] * w + j];
        int rc = c->api->run(k, TN_BACKWARD);
        if (rc) return rc;
        const float *du = floats(k->d_in[0]);
        for (int64_t s = 0; dx && s < m; s++)
            for (int64_t j = 0; j < n; j++) dx[(row + s) * n + j] += du[s * n + j];
        for (uint32_t i = 0; t == 0 && i < d->states; i++)
            for (int64_t s = 0; floats(c->d_state[i]) && s < m; s++)
                for (int64_t j = 0, w = d->state_width[i]; j < w; j++)
                    floats(c->d_state[i])[l->order[s] * w + j] += floats(k->d_state[i])[s * w + j];
        if (t) { /* u_t held h_(t-1): its gradient goes to the output of the step before */
            float *dh_before = floats(c->api->enter(c, d->child, t - 1)->d_out[0]);
            for (int64_t i = 0; i < m * n; i++) dh_before[i] += du[i];
        }
    }
    return TN_OK;
}

static int gradient(void *self, const tn_call *c)
{
    const decoder *d = self;
    return c->api->run(c->api->enter(c, d->child, -1), TN_GRADIENT);
}

/* One step again, free of the batch: two rows a sequence, the copies in reverse order, as a beam of two would have them. What
 * they give must be, bit by bit, what forward gave at that step.                                                          */
static int free_step(const decoder *d, const tn_call *c, int32_t t, int64_t m, float *const *state, float *const *next)
{
    const tn_layout *l = c->in[0]->lay;
    const float *x = floats(c->in[0]), *y = floats(c->out[0]);
    int64_t n = d->width;
    const tn_call *k = c->api->enter_free(c, d->child, (int32_t)(2 * m));
    if (!k) return TN_ENOMEM;
    for (int64_t r = 0; r < 2 * m; r++) {
        int64_t s = r < m ? r : 2 * m - 1 - r;
        for (uint32_t i = 0; i < d->states; i++) {
            const int64_t w = d->state_width[i];
            memcpy(floats(k->state[i]) + r * w, state[i] + s * w, sizeof *x * (size_t)w);
        }
        for (int64_t j = 0; j < n; j++)
            floats(k->in[0])[r * n + j] = x[(l->first[t] + s) * n + j] + (t ? y[(l->first[t - 1] + s) * n + j] : 0);
    }
    int rc = c->api->run(k, TN_FORWARD);
    for (int64_t r = 0; r < 2 * m && !rc; r++) {
        int64_t s = r < m ? r : 2 * m - 1 - r;
        if (memcmp(floats(k->out[0]) + r * n, y + (l->first[t] + s) * n, sizeof *y * (size_t)n))
            rc = c->api->fail(c->host, TN_EINVAL, "a free step gives other bits than the step of the batch");
        for (uint32_t i = 0; i < d->states; i++) {
            const int64_t w = d->state_width[i];
            memcpy(next[i] + s * w, floats(k->next[i]) + r * w, sizeof *x * (size_t)w);
        }
    }
    return rc;
}

/* The number of the largest value at each step: decoding by free steps. */
static int decode(void *self, const tn_call *c, tn_emit_fn *emit, void *to)
{
    const decoder *d = self;
    const tn_layout *l = c->in[0]->lay;
    const float *y = floats(c->out[0]);
    float *state[8] = { NULL }, *next[8] = { NULL };
    int32_t *ids = calloc((size_t)l->steps + 1, sizeof *ids);
    int rc = ids ? 0 : TN_ENOMEM;
    for (uint32_t i = 0; i < d->states && !rc; i++) {
        size_t w = (size_t)d->state_width[i], m = (size_t)l->sequences;
        state[i] = calloc(m * w + 1, sizeof *y), next[i] = calloc(m * w + 1, sizeof *y);
        if (!state[i] || !next[i]) rc = TN_ENOMEM;
        for (size_t s = 0; !rc && floats(c->state[i]) && s < m; s++)
            memcpy(state[i] + s * w, floats(c->state[i]) + (size_t)l->order[s] * w, sizeof *y * w);
    }
    for (int32_t t = 0; t < l->steps && !rc; t++) {
        rc = free_step(d, c, t, l->live[t], state, next);
        for (uint32_t i = 0; i < d->states; i++) {
            float *swap = state[i];
            state[i] = next[i], next[i] = swap;
        }
    }
    for (int32_t s = 0; s < l->sequences && !rc; s++) {
        for (int32_t t = 0; t < l->length[s]; t++) {
            const float *row = y + (l->first[t] + s) * d->width;
            ids[t] = 0;
            for (int32_t j = 1; j < d->width; j++) if (row[j] > row[ids[t]]) ids[t] = j;
        }
        rc = emit(to, l->order[s], 0, ids, l->length[s]);
    }
    for (uint32_t i = 0; i < d->states; i++) free(state[i]), free(next[i]);
    free(ids);
    return rc;
}

static const tn_impl impl = { sizeof impl, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &impl, NULL };
static const tn_layer table = { sizeof table, TN_L_RECURRENT, 1, 1, plan, impls, NULL, 0, 0, decode, NULL };
static const tn_desc desc = { sizeof desc, TN_LAYER, &table, "echo_decoder", "a cell that hears its own last output",
                              "Steps a child.", TN_OPTIONS(options), sizeof(config), sizeof(decoder),
                              NULL, NULL, NULL, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("echo_decoder", "1.0.0", "Tenon", "MIT", "", parts)
