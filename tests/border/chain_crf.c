/* chain_crf.c -- a loss with parameters and a decoder: a linear-chain conditional random field (Lafferty, McCallum, Pereira
 * 2001). score(y) = start[y_1] + sum of x_t[y_t] + sum of transition[y_t, y_(t+1)]; the loss of a sequence is
 * log Z - score(target), one value a sequence, so it lies on the parent's rows. An empty sequence costs nothing.     */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tenon/tenon.h"

enum { MOST = 64 };
typedef struct { int64_t k; } crf;
enum { TRANSITION, START };
enum { ALPHA, BETA, LOG_Z };               /* [N, K] forward and backward scores; [S] by the parent's row */
enum { BACK };                             /* [N, K] of the decoder: best tag before */

static int plan(const tn_api *api, tn_host *host, const void *config, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    (void)config, (void)n_in;
    int32_t up = api->parent(p, in[0]->layout);
    int64_t k = ((crf *)self)->k = in[0]->width;
    if (up <= 0 || in[0]->layout != in[1]->layout || in[1]->dtype != TN_I32)
        return api->fail(host, TN_ESHAPE, "needs scores and tags of the same steps");
    if (k > MOST) return tn_fail(api, host, TN_ESHAPE, "has %d tags; %d is the most", (int)k, MOST);
    if (in[1]->classes && in[1]->classes != k)
        return tn_fail(api, host, TN_ESHAPE, "gets %d scores for %d tags", (int)k, (int)in[1]->classes);
    tn_spec loss = { TN_F32, TN_VALUES, up, 0, 0, 1, 0, 0, 0, 0 };
    tn_spec rows = { TN_F32, TN_VALUES, in[0]->layout, 0, 0, k, 0, 0, 0, 0 }, back = rows;
    back.dtype = TN_I32;
    tn_param t = { sizeof t, 0, "transition", "glorot_uniform", 2, 1, { k, k, 0, 0 }, k, k, 0, 0 };
    tn_param s = { sizeof s, 0, "start", "glorot_uniform", 1, 1, { k, 0, 0, 0 }, k, k, 0, 0 };
    return api->add_out(p, NULL, &loss) < 0 || api->add_param(p, &t) < 0 || api->add_param(p, &s) < 0
        || api->add_saved(p, &rows) < 0 || api->add_saved(p, &rows) < 0 || api->add_saved(p, &loss) < 0
        || api->add_work(p, &back) < 0 ? TN_EINVAL : TN_OK;
}

static float log_sum(const float *x, int64_t n)
{
    float top = x[0], sum = 0;
    for (int64_t i = 1; i < n; i++) if (x[i] > top) top = x[i];
    for (int64_t i = 0; i < n; i++) sum += expf(x[i] - top);
    return top + logf(sum);
}

/* alpha_t[j] = x_t[j] + log sum_i exp(alpha_(t-1)[i] + transition[i, j]) */
static int forward(void *self, const tn_call *c)
{
    int64_t k = ((crf *)self)->k;
    const tn_layout *l = c->in[0]->lay;
    const float *x = c->in[0]->data, *tr = c->param[TRANSITION]->data, *start = c->param[START]->data;
    const int32_t *tag = c->in[1]->data;
    float *alpha = c->saved[ALPHA]->data, *log_z = c->saved[LOG_Z]->data, *loss = c->out[0]->data, from[MOST];
    if (l->rows) memset(c->saved[BETA]->data, 0, sizeof(float) * (size_t)(l->rows * k));
    for (int32_t s = 0; s < l->sequences; s++) {
        int32_t p = l->order[s];
        float score = 0;
        log_z[p] = 0;
        for (int32_t t = 0; t < l->length[s]; t++) {
            int64_t r = l->first[t] + s, q = t ? l->first[t - 1] + s : 0;
            for (int64_t j = 0; j < k; j++) {
                for (int64_t i = 0; t && i < k; i++) from[i] = alpha[q * k + i] + tr[i * k + j];
                alpha[r * k + j] = x[r * k + j] + (t ? log_sum(from, k) : start[j]);
            }
            score += x[r * k + tag[r]] + (t ? tr[tag[q] * k + tag[r]] : start[tag[r]]);
            if (t + 1 == l->length[s]) log_z[p] = log_sum(alpha + r * k, k);
        }
        loss[p] = log_z[p] - score;
    }
    return TN_OK;
}

/* beta_t[i] = log sum_j exp(transition[i, j] + x_(t+1)[j] + beta_(t+1)[j]);
 * d loss / d x_t[j] = exp(alpha + beta - log Z) - [j is the tag]            */
static int backward(void *self, const tn_call *c)
{
    int64_t k = ((crf *)self)->k;
    const tn_layout *l = c->in[0]->lay;
    const float *x = c->in[0]->data, *tr = c->param[TRANSITION]->data;
    const float *alpha = c->saved[ALPHA]->data, *log_z = c->saved[LOG_Z]->data;
    const float *factor = c->d_out[0] ? c->d_out[0]->data : NULL;
    const int32_t *tag = c->in[1]->data;
    float *beta = c->saved[BETA]->data, *dx = c->d_in[0] ? c->d_in[0]->data : NULL, to[MOST];
    for (int32_t s = 0; s < l->sequences; s++)
        for (int32_t t = l->length[s]; t-- > 0; ) {
            int64_t r = l->first[t] + s, q = t + 1 < l->length[s] ? l->first[t + 1] + s : -1;
            for (int64_t i = 0; i < k; i++) {
                for (int64_t j = 0; q >= 0 && j < k; j++) to[j] = tr[i * k + j] + x[q * k + j] + beta[q * k + j];
                beta[r * k + i] = q >= 0 ? log_sum(to, k) : 0;
            }
            for (int64_t j = 0; dx && factor && j < k; j++)
                dx[r * k + j] += factor[l->order[s]]
                    * (expf(alpha[r * k + j] + beta[r * k + j] - log_z[l->order[s]]) - (float)(j == tag[r]));
        }
    return TN_OK;
}

static int gradient(void *self, const tn_call *c)
{
    int64_t k = ((crf *)self)->k;
    const tn_layout *l = c->in[0]->lay;
    const float *x = c->in[0]->data, *tr = c->param[TRANSITION]->data;
    const float *alpha = c->saved[ALPHA]->data, *beta = c->saved[BETA]->data, *log_z = c->saved[LOG_Z]->data;
    const float *factor = c->d_out[0] ? c->d_out[0]->data : NULL;
    const int32_t *tag = c->in[1]->data;
    float *dtr = c->d_param[TRANSITION] ? c->d_param[TRANSITION]->data : NULL;
    float *dstart = c->d_param[START] ? c->d_param[START]->data : NULL;
    for (int64_t r = 0; factor && r < l->rows; r++) { /* rows in order: one fixed sum for each parameter */
        int32_t t = l->step[r], s = (int32_t)r - l->first[t], p = l->order[s];
        for (int64_t j = 0; j < k; j++) {
            if (!t && dstart) dstart[j] += factor[p] * (expf(alpha[r * k + j] + beta[r * k + j] - log_z[p]) - (float)(j == tag[r]));
            for (int64_t i = 0; t && dtr && i < k; i++) {
                int64_t q = l->first[t - 1] + s;
                dtr[i * k + j] += factor[p]
                    * (expf(alpha[q * k + i] + tr[i * k + j] + x[r * k + j] + beta[r * k + j] - log_z[p])
                       - (float)(tag[q] == i && tag[r] == j));
            }
        }
    }
    return TN_OK;
}

/* The best path of each sequence (Viterbi 1967). alpha is free to hold its scores. */
static int decode(void *self, const tn_call *c, tn_emit_fn *emit, void *to)
{
    int64_t k = ((crf *)self)->k;
    const tn_layout *l = c->in[0]->lay;
    const float *x = c->in[0]->data, *tr = c->param[TRANSITION]->data, *start = c->param[START]->data;
    float *best = c->saved[ALPHA]->data;
    int32_t *back = c->work[BACK]->data, *path = malloc(sizeof *path * (size_t)(l->steps + 1));
    if (!path) return TN_ENOMEM;
    for (int32_t s = 0; s < l->sequences; s++) {
        int32_t n = l->length[s], last = 0;
        for (int32_t t = 0; t < n; t++)
            for (int64_t r = l->first[t] + s, q = t ? l->first[t - 1] + s : 0, j = 0; j < k; j++) {
                int32_t arg = 0;
                for (int32_t i = 1; t && i < k; i++)
                    if (best[q * k + i] + tr[i * k + j] > best[q * k + arg] + tr[arg * k + j]) arg = i;
                best[r * k + j] = x[r * k + j] + (t ? best[q * k + arg] + tr[arg * k + j] : start[j]);
                back[r * k + j] = arg;
            }
        const float *end = n ? best + (l->first[n - 1] + s) * k : NULL;
        for (int32_t j = 1; n && j < k; j++) if (end[j] > end[last]) last = j;
        double score = n ? (double)end[last] : 0;
        for (int32_t t = n; t-- > 0; last = back[(l->first[t] + s) * k + last]) path[t] = last;
        int rc = emit(to, l->order[s], score, path, n);
        if (rc) return free(path), rc;
    }
    free(path);
    return TN_OK;
}

static const tn_impl impl = { sizeof impl, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &impl, NULL };
static const tn_layer layer = { sizeof layer, 0, 2, 2, plan, impls, NULL, 0, 0, decode, NULL };
static const tn_loss table = { sizeof table, 0, TN_LOGITS, 0, &layer, NULL };
static const tn_desc desc = { sizeof desc, TN_LOSS, &table, "chain_crf", "linear-chain conditional random field",
                              "A loss with parameters and a decoder.", TN_NO_OPTIONS, 0, sizeof(crf),
                              NULL, NULL, NULL, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("chain_crf", "1.0.0", "Tenon", "MIT", "", parts)
