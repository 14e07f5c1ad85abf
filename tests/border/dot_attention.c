/* dot_attention.c -- attention between two layouts: every row q of the first input looks at all steps k of its example's
 * sequence in the second one.  a = softmax(q . k) over those steps, y = sum of a k.  The weights are ragged: a row has one
 * for each step of its sequence. The second input is a named port: keys = "layer".                                 */
#include <math.h>
#include <string.h>
#include "tenon/tenon.h"

typedef struct { int64_t width; } attention;
enum { QUERY, KEYS };
static const tn_port ports[] = { { "keys", 0, 0 } };

static int plan(const tn_api *api, tn_host *host, const void *config, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    (void)config, (void)n_in;
    if (in[QUERY]->dtype != TN_F32 || in[KEYS]->dtype != TN_F32 || in[QUERY]->width != in[KEYS]->width)
        return api->fail(host, TN_ESHAPE, "both inputs must be real and equally wide");
    if (api->parent(p, in[KEYS]->layout) != TN_ROOT) return api->fail(host, TN_ESHAPE, "the keys must be steps of an example");
    ((attention *)self)->width = in[QUERY]->width;
    tn_spec y = *in[QUERY], a = y;
    y.index_of = a.index_of = 0, a.across = in[KEYS]->layout, a.width = 1;
    return api->add_out(p, NULL, &y) < 0 || api->add_saved(p, &a) < 0 ? TN_EINVAL : TN_OK;
}

static float dot(const float *x, const float *y, int64_t n)
{
    float s = 0;
    for (int64_t j = 0; j < n; j++) s += x[j] * y[j];
    return s;
}

static int forward(void *self, const tn_call *c)
{
    int64_t n = ((attention *)self)->width;
    const tn_pairs *pairs = c->saved[0]->pairs;
    const tn_layout *keys = pairs->b;
    const float *q = c->in[QUERY]->data, *k = c->in[KEYS]->data;
    float *y = c->out[0]->data, *weights = c->saved[0]->data;
    for (int32_t r = 0; r < pairs->a->rows; r++) {
        int32_t s = pairs->seq[r], len = keys->length[s];
        float *a = weights + pairs->first[r], top = -INFINITY, sum = 0;
        for (int32_t t = 0; t < len; t++) {
            a[t] = dot(q + r * n, k + (keys->first[t] + s) * n, n);
            if (a[t] > top) top = a[t];
        }
        for (int32_t t = 0; t < len; t++) sum += a[t] = expf(a[t] - top);
        memset(y + r * n, 0, sizeof *y * (size_t)n); /* nothing to look at: zero */
        for (int32_t t = 0; t < len; t++) {
            a[t] /= sum;
            for (int64_t j = 0; j < n; j++) y[r * n + j] += a[t] * k[(keys->first[t] + s) * n + j];
        }
    }
    return TN_OK;
}

/* da_t = dy . k_t; ds_t = a_t (da_t - sum a da); dq = sum ds_t k_t; dk_t = ds_t q + a_t dy */
static int backward(void *self, const tn_call *c)
{
    int64_t n = ((attention *)self)->width;
    const tn_pairs *pairs = c->saved[0]->pairs;
    const tn_layout *keys = pairs->b;
    const float *q = c->in[QUERY]->data, *k = c->in[KEYS]->data, *weights = c->saved[0]->data;
    const float *dy = c->d_out[0] ? c->d_out[0]->data : NULL;
    float *dq = c->d_in[QUERY] ? c->d_in[QUERY]->data : NULL, *dk = c->d_in[KEYS] ? c->d_in[KEYS]->data : NULL;
    /* by sequence of the keys, so that one thread could own each: its rows in order */
    for (int32_t s = 0; dy && s < keys->sequences; s++)
        for (int32_t i = pairs->begin[s]; i < pairs->begin[s + 1]; i++) {
            int32_t r = pairs->row[i], len = keys->length[s];
            const float *a = weights + pairs->first[r];
            float mean = 0;
            for (int32_t t = 0; t < len; t++) mean += a[t] * dot(dy + r * n, k + (keys->first[t] + s) * n, n);
            for (int32_t t = 0; t < len; t++) {
                int64_t at = (keys->first[t] + s) * n;
                float ds = a[t] * (dot(dy + r * n, k + at, n) - mean);
                for (int64_t j = 0; dq && j < n; j++) dq[r * n + j] += ds * k[at + j];
                for (int64_t j = 0; dk && j < n; j++) dk[at + j] += ds * q[r * n + j] + a[t] * dy[r * n + j];
            }
        }
    return TN_OK;
}

static const tn_impl impl = { sizeof impl, 0, "cpu", forward, backward, NULL };
static const tn_impl *const impls[] = { &impl, NULL };
static const tn_layer table = { sizeof table, 0, 1, 1, plan, impls, ports, 1, sizeof(tn_port), NULL, NULL };
static const tn_desc desc = { sizeof desc, TN_LAYER, &table, "dot_attention", "attention by dot products",
                              "Luong et al. 2015; the keys are a named port.", TN_NO_OPTIONS, 0, sizeof(attention),
                              NULL, NULL, NULL, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("dot_attention", "1.0.0", "Tenon", "MIT", "", parts)
