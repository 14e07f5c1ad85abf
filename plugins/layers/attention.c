/* attention.c -- each row of one layer looks at the steps of its sequence in another: e_t = score(q, k_t),
 * a = softmax(e), y = sum of a_t v_t. The score is
 *
 *     additive    c tanh(W q + V k + b)      Bahdanau and others 2015
 *     dot         q k                        Luong and others 2015
 *     general     q W k                      the same
 *
 * All are told by a projected query p and a projected key r: c tanh(p + r), or p r. The weights and what becomes of their
 * gradients are ragged: a query has one for each step that it looks at. */
#include "attend.h"
#include "rows.h"

enum { ADDITIVE, DOT, GENERAL };
typedef struct config { int32_t score; int64_t units; int32_t scale, bias; } config;
typedef struct layer {
    int score, bias, values;               /* values: which input they are               */
    int64_t query, key, value, units;      /* widths; units: of p and r                  */
    float scale;
    int a, p, r, dp, dr, dc, da;           /* slots: saved but da, which is work; -1: none */
} layer;
enum { QUERY, KEYS, VALUES };
enum { KEY_WEIGHT, QUERY_WEIGHT, CONTEXT, BIAS };  /* `general` has the first alone           */

static const char *const scores[] = { "additive", "dot", "general", NULL };
static const tn_option options[] = {
    TN_ENUM(config, score, ADDITIVE, scores, "how a query is compared with a key"),
    TN_INT(config, units, 0, 0, 1e6, "of `additive`: width of the projections; 0: as wide as the query"),
    TN_BOOL(config, scale, 0, "whether `dot` and `general` are divided by the square root of the query's width"),
    TN_BOOL(config, bias, 1, "whether `additive` has a bias"),
};
static const tn_port ports[] = { { "keys", 0, 0 }, { "values", 1, 0 } };

/* ---- planning ------------------------------------------------------------------------------------------ */
static int check_inputs(const tn_api *api, tn_host *host, tn_plan *p, const config *o, uint32_t n_in, const tn_spec *const *in)
{
    for (uint32_t i = 0; i < n_in; i++) {
        int rc = rows_check(api, host, in[i], "attention");
        if (rc) return rc;
    }
    int32_t over = in[KEYS]->layout > TN_FIXED ? api->parent(p, in[KEYS]->layout) : 0, k = in[QUERY]->layout;
    if (over <= 0) return tn_fail(api, host, TN_ESHAPE, "attention: `keys` has one row an example, there are no steps to look at");
    while (k > TN_FIXED && k != over) k = api->parent(p, k);
    if (k != over)
        return tn_fail(api, host, TN_ESHAPE, "attention: a row of the input has no sequence of its own in `keys`: the steps of "
                                             "`keys` must lie within the examples, or the steps, that the input's rows belong to");
    if (n_in > VALUES && in[VALUES]->layout != in[KEYS]->layout)
        return tn_fail(api, host, TN_ESHAPE, "attention: `values` has other steps than `keys`");
    if (o->score == DOT && in[QUERY]->width != in[KEYS]->width)
        return tn_fail(api, host, TN_ESHAPE, "attention: the input is %lld wide, `keys` %lld; score = \"dot\" wants equal widths, the "
                                             "others do not", (long long)in[QUERY]->width, (long long)in[KEYS]->width);
    return TN_OK;
}

static int plan_params(const tn_api *api, tn_plan *p, const layer *l)
{
    int64_t u = l->units;
    tn_param key = { .size = sizeof key, .name = l->score == GENERAL ? "weight" : "key_weight", .init = "glorot_uniform", .ndim = 2,
                     .blocks = 1, .dim = { u, l->key, 1, 1 }, .fan_in = l->key, .fan_out = u }, query = key, context = key, bias = key;
    query.name = "query_weight", query.dim[1] = query.fan_in = l->query;
    context.name = "context", context.ndim = 1, context.dim[1] = 1, context.fan_in = u, context.fan_out = 1;
    bias.name = "bias", bias.ndim = 1, bias.dim[1] = 1, bias.flags = TN_P_NO_DECAY, bias.init = "{ type = 'constant', value = 0.0 }";
    int rc = l->score == DOT ? 0 : api->add_param(p, &key);
    if (rc >= 0 && l->score != DOT) rc = api->add_packed(p, rc, 1, 1);
    if (rc < 0 || l->score != ADDITIVE) return rc < 0 ? rc : TN_OK;
    rc = api->add_param(p, &query);
    if (rc >= 0) rc = api->add_packed(p, rc, 1, 1);
    if (rc >= 0) rc = api->add_param(p, &context);
    if (rc >= 0 && l->bias) rc = api->add_param(p, &bias);
    return rc < 0 ? rc : TN_OK;
}

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    const config *o = opts;
    layer *l = self;
    int rc = check_inputs(api, host, p, o, n_in, in);
    if (rc) return rc;
    *l = (layer){ .score = o->score, .bias = o->bias, .values = n_in > VALUES ? VALUES : KEYS, .query = in[QUERY]->width,
                  .key = in[KEYS]->width, .units = o->score == ADDITIVE && o->units ? o->units : in[QUERY]->width, .scale = 1,
                  .p = -1, .r = -1, .dc = -1 };
    l->value = in[l->values]->width;
    if (o->scale && o->score != ADDITIVE) l->scale = 1 / sqrtf((float)l->query);
    tn_spec rows = { .dtype = TN_F32, .layout = in[QUERY]->layout, .width = l->units }, steps = rows, y = rows, a = rows;
    steps.layout = in[KEYS]->layout, y.width = l->value, a.across = in[KEYS]->layout, a.width = 1;
    rc = api->add_out(p, NULL, &y);
    if (rc >= 0) rc = l->a = api->add_saved(p, &a);
    if (rc >= 0) rc = l->dp = api->add_saved(p, &rows);
    if (rc >= 0) rc = l->dr = api->add_saved(p, &steps);
    if (rc >= 0 && l->score != DOT) rc = l->r = api->add_saved(p, &steps);
    if (rc >= 0 && l->score == ADDITIVE) rc = l->p = api->add_saved(p, &rows);
    if (rc >= 0 && l->score == ADDITIVE) rc = l->dc = api->add_saved(p, &rows);
    if (rc >= 0) rc = l->da = api->add_work(p, &a);
    api->uses(p, TN_USES_IN);
    return rc < 0 ? rc : plan_params(api, p, l);
}

/* ---- rows and steps ------------------------------------------------------------------------------------ */
typedef struct job { const layer *l; const tn_call *c; const tn_pairs *pairs; const float *p, *r, *v; } job;

static job job_of(const layer *l, const tn_call *c)
{
    return (job){ l, c, c->saved[l->a]->pairs, l->p >= 0 ? c->saved[l->p]->data : c->in[QUERY]->data,
                  l->r >= 0 ? c->saved[l->r]->data : c->in[KEYS]->data, c->in[l->values]->data };
}

/* a = softmax(score);  y = sum of a_t v_t, 0 where there is nothing to look at */
static void forward_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const layer *l = b->l;
    const tn_layout *steps = b->pairs->b;
    const float *context = l->score == ADDITIVE ? b->c->param[CONTEXT]->data : NULL;
    for (int64_t q = from; q < end; q++) {
        int32_t s = b->pairs->seq[q], n = steps->length[s];
        float *a = (float *)b->c->saved[l->a]->data + b->pairs->first[q], *y = (float *)b->c->out[0]->data + q * l->value;
        const float *p = b->p + q * l->units;
        memset(y, 0, sizeof *y * (size_t)l->value);
        for (int32_t t = 0; t < n; t++) {
            const float *r = b->r + (steps->first[t] + s) * l->units;
            a[t] = context ? additive_score(p, r, context, l->units) : l->scale * lanes_dot(p, r, l->units);
        }
        softmax_row(a, n);
        for (int32_t t = 0; t < n; t++) lanes_add(y, a[t], b->v + (steps->first[t] + s) * l->value, l->value);
    }
}

/* da_t = dy v_t;  de = a (da - sum of a da);  then dp and the steps' dr and dv, of one query */
static void query_back(const job *b, int32_t q, int32_t s)
{
    const layer *l = b->l;
    const tn_layout *steps = b->pairs->b;
    int64_t u = l->units, w = l->value;
    int32_t n = steps->length[s];
    const float *context = l->score == ADDITIVE ? b->c->param[CONTEXT]->data : NULL;
    const float *a = (const float *)b->c->saved[l->a]->data + b->pairs->first[q], *dy = (const float *)b->c->d_out[0]->data + q * w;
    float *de = (float *)b->c->work[l->da]->data + b->pairs->first[q], *dp = (float *)b->c->saved[l->dp]->data + q * u;
    float *dr = b->c->saved[l->dr]->data, *dv = b->c->d_in[l->values] ? b->c->d_in[l->values]->data : NULL;
    float *dc = context ? (float *)b->c->saved[l->dc]->data + q * u : NULL;
    memset(dp, 0, sizeof *dp * (size_t)u);
    if (dc) memset(dc, 0, sizeof *dc * (size_t)u);
    for (int32_t t = 0; t < n; t++) {
        int64_t at = steps->first[t] + s;
        de[t] = lanes_dot(dy, b->v + at * w, w);
        if (dv) lanes_add(dv + at * w, a[t], dy, w);
    }
    softmax_row_back(a, de, n);
    for (int32_t t = 0; t < n; t++) {
        int64_t at = (steps->first[t] + s) * u;
        if (context) additive_back(b->p + q * u, b->r + at, context, de[t], dp, dr + at, dc, u);
        else {
            lanes_add(dp, l->scale * de[t], b->r + at, u);
            lanes_add(dr + at, l->scale * de[t], b->p + q * u, u);
        }
    }
}

/* By sequence of the keys, whose steps gather from all its queries in their order. */
static void backward_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const tn_layout *steps = b->pairs->b;
    int64_t u = b->l->units;
    for (int32_t s = (int32_t)from; s < end; s++) {
        for (int32_t t = 0; t < steps->length[s]; t++)
            memset((float *)b->c->saved[b->l->dr]->data + (steps->first[t] + s) * u, 0, sizeof(float) * (size_t)u);
        for (int32_t i = b->pairs->begin[s]; i < b->pairs->begin[s + 1]; i++) query_back(b, b->pairs->row[i], s);
    }
}

/* ---- phases -------------------------------------------------------------------------------------------- */
/* y = x W^T + bias */
static int project(const tn_call *c, const tn_tensor *x, const void *packed, int64_t units, const float *bias, float *y)
{
    tn_product p = { .size = sizeof p, .groups = 1, .rows = x->rows, .k = x->width, .units = units, .x = x->data, .ldx = x->width,
                     .init = bias, .packed = packed, .y = y, .ldy = units };
    return c->be->ops->product(c->be, &p);
}

static int forward(void *self, const tn_call *c)
{
    const layer *l = self;
    job b = job_of(l, c);
    int rc = TN_OK;
    if (l->r >= 0) rc = project(c, c->in[KEYS], c->packed[0], l->units, NULL, c->saved[l->r]->data);
    if (!rc && l->p >= 0)
        rc = project(c, c->in[QUERY], c->packed[1], l->units, l->bias ? c->param[BIAS]->data : NULL, c->saved[l->p]->data);
    return rc ? rc : c->be->ops->parallel_for(c->be, b.pairs->a->rows, 1, forward_piece, &b);
}

/* dx += d W, or d itself where there is no weight */
static int back_through(const tn_call *c, const tn_tensor *d, const tn_tensor *weight, tn_tensor *dx)
{
    if (!dx) return TN_OK;
    if (!weight) return c->be->ops->axpy(c->be, d->rows * d->width, 1, d->data, dx->data);
    return c->be->ops->gemm(c->be, 0, 0, d->rows, dx->width, d->width, d->data, d->width, weight->data, dx->width, 1, dx->data, dx->width);
}

static int backward(void *self, const tn_call *c)
{
    const layer *l = self;
    job b = job_of(l, c);
    if (!c->d_out[0]) return TN_OK;
    int rc = c->be->ops->parallel_for(c->be, b.pairs->b->sequences, 1, backward_piece, &b);
    if (!rc) rc = back_through(c, c->saved[l->dr], l->r >= 0 ? c->param[KEY_WEIGHT] : NULL, c->d_in[KEYS]);
    return rc ? rc : back_through(c, c->saved[l->dp], l->p >= 0 ? c->param[QUERY_WEIGHT] : NULL, c->d_in[QUERY]);
}

/* dW += d^T x */
static int weight_gradient(const tn_call *c, const tn_tensor *d, const tn_tensor *x, tn_tensor *dw)
{
    if (!dw) return TN_OK;
    return c->be->ops->outer_add(c->be, d->rows, d->width, d->data, d->width, x->width, x->data, x->width, NULL, dw->data, x->width, NULL);
}

static int column_sums(const tn_call *c, const tn_tensor *d, tn_tensor *sums)
{
    return sums ? c->be->ops->sum_rows(c->be, d->rows, d->width, d->data, d->width, sums->data) : TN_OK;
}

static int gradient(void *self, const tn_call *c)
{
    const layer *l = self;
    if (!c->d_out[0] || l->score == DOT) return TN_OK;
    int rc = weight_gradient(c, c->saved[l->dr], c->in[KEYS], c->d_param[KEY_WEIGHT]);
    if (rc || l->score != ADDITIVE) return rc;
    rc = weight_gradient(c, c->saved[l->dp], c->in[QUERY], c->d_param[QUERY_WEIGHT]);
    if (!rc) rc = column_sums(c, c->saved[l->dc], c->d_param[CONTEXT]);
    return rc || !l->bias ? rc : column_sums(c, c->saved[l->dp], c->d_param[BIAS]);
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .min_in = 1, .max_in = 1, .plan = plan, .impls = impls, .ports = ports,
                                .n_ports = 2, .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "attention",
    .brief = "each row of a layer looks at the steps of another",
    .doc = "For each row q of the input: a = softmax over t of score(q, k_t), y = sum of a_t v_t, where t runs over the\n"
           "steps that q's own example has in `keys`. `values` are the keys, unless that port names another layer over\n"
           "the same steps. The output has the input's rows and the width of the values; where there is no step to\n"
           "look at it is zero.\n\n"
           "`score`: `additive`, c tanh(W q + V k + b) of `units` units; `dot`, q k, which wants equal widths;\n"
           "`general`, q W k. `scale` divides the last two by the square root of q's width.\n\n"
           "    [[layer]]\n"
           "    name = \"context\"\n"
           "    type = \"attention\"\n"
           "    inputs = \"decoder\"\n"
           "    keys = \"encoder\"\n"
           "    score = \"general\"\n\n"
           "Here every query is there before the first is answered; a decoder that is fed with what it attended to is\n"
           "a recurrence, and another part.\n\n"
           "Parameters: of `additive` `key_weight` (V), `query_weight` (W), `context` (c), `bias` (b); of `general`\n"
           "`weight` (query x key); first values `glorot_uniform`, the bias 0.\n\n"
           "Sources: Bahdanau, Cho, Bengio, *Neural Machine Translation by Jointly Learning to Align and Translate*\n"
           "(ICLR 2015); Luong, Pham, Manning, *Effective Approaches to Attention-based Neural Machine Translation*\n"
           "(EMNLP 2015).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(layer) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("attention", "1.0", "The Tenon authors", "MIT", "", parts)
