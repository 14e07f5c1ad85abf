/* crf.c -- linear-chain conditional random field (Lafferty, McCallum, Pereira 2001) over K tags. For emissions x [N, K]
 *
 *     score(y) = start[y_1] + sum_t x_t[y_t] + sum_t transition[y_(t-1), y_t] + end[y_T]
 *     loss     = log sum_y' e^score(y') - score(y), one value a sequence; an empty one costs nothing
 *
 * Forward and backward scores are logarithms, alpha less its largest value c_t at each step and beta less the c of the steps
 * behind, so that e^(alpha + beta) is the probability of a tag however long the sequence is.                        */
#include <stdlib.h>
#include "../activations/softmax.h"
#include "../transforms/tag_scheme.h"
#include "classes.h"

enum { EMISSIONS, TARGET };
enum { TRANSITION, START, END };
enum { ALPHA, BETA, COMING, SCALE };       /* saved: alpha, beta; x + beta - c, what the step before reads; c    */
enum { BY_FROM, BY_TO, BEST, BACK, PATH }; /* work: transitions [from, to] and [to, from]; of decode             */
enum { NONE, SCHEME, FIRST_SCHEME };
static const char *const constraints[] = { "none", "scheme", SCHEME_NAMES, NULL };
static const float never = -1e30f;         /* score of what is forbidden: e^never is 0, and sums of it are finite */

typedef struct config { int32_t constraints; } config;
typedef struct crf {
    int64_t k, ld;                         /* tags; rows of the transitions in work are ld wide, whole vectors   */
    unsigned char *forbidden;              /* [k + 1, k + 1]: tag to tag; row k from the start, column k to the end */
    int32_t vocabulary, scheme;
} crf;

static const tn_option options[] = {
    TN_ENUM(config, constraints, NONE, constraints,
            "transitions that the scheme of the tags forbids are impossible; scheme: the scheme is read off the tags"),
};

static void close_crf(void *self)
{
    crf *m = self;
    free(m->forbidden);
    m->forbidden = NULL;
}

/* ---- planning -------------------------------------------------------------------------------------- */
/* The scheme that has the letters of all tags: E and S, M, or L and U tell it; B without them is BIO, I alone IOB1. */
static int scheme_of(const tn_api *api, tn_host *host, const tn_spec *target)
{
    int has[128] = { 0 };
    for (int64_t i = 0; i < target->classes; i++) has[api->word(host, target->vocabulary, i)[0] & 127] = 1;
    if (has['M']) return SCHEME_BMES;
    if (has['L'] || has['U']) return SCHEME_BILOU;
    if (has['E'] || has['S']) return SCHEME_BIOES;
    return has['B'] ? SCHEME_BIO : SCHEME_IOB1;
}

/* Which tag may follow which, once the tags are known. */
static int plan_constraints(crf *m, const tn_api *api, tn_host *host, int wanted, const tn_spec *target)
{
    int64_t k = m->k, n = k + 1;
    close_crf(m);
    if (wanted == NONE || !target->vocabulary || !target->classes || !api->word(host, target->vocabulary, 0)) return TN_OK;
    m->forbidden = calloc((size_t)(n * n), 1);
    span_tag *tag = calloc((size_t)n, sizeof *tag);
    int rc = m->forbidden && tag ? TN_OK : api->fail(host, TN_ENOMEM, "crf: no memory for the tags");
    for (int64_t i = 0; i < k && !rc; i++) {
        const char *word = api->word(host, target->vocabulary, i);
        if (!tag_read(word, (int64_t)strlen(word), &tag[i]))
            rc = tn_fail(api, host, TN_EINVAL, "crf: constraints: '%s' is no tag of a span: those are O, and B, I, E, S, M, L or U "
                         "alone or with a type, as in B-LOC; take constraints = 'none'", word);
    }
    m->scheme = rc || wanted != SCHEME ? wanted - FIRST_SCHEME : scheme_of(api, host, target);
    for (int64_t i = 0; i < n && !rc; i++)
        for (int64_t j = 0; j < n; j++)
            m->forbidden[i * n + j] = !scheme_allows(m->scheme, i < k ? &tag[i] : NULL, j < k ? &tag[j] : NULL);
    free(tag);
    return rc;
}

static int check_inputs(const tn_api *api, tn_host *host, tn_plan *p, const tn_spec *x, const tn_spec *t)
{
    if (t->means != TN_IDS || t->dtype != TN_I32) return tn_fail(api, host, TN_ESHAPE, "crf: the target is no sequence of tags");
    if (x->means == TN_IDS) return tn_fail(api, host, TN_ESHAPE, "crf: the input is ids, not a score for each tag");
    if (x->means == TN_PROBABILITIES)
        return tn_fail(api, host, TN_ESHAPE, "crf: the input is probabilities; it takes scores, so leave the softmax out");
    if (x->layout != t->layout || api->parent(p, x->layout) <= 0)
        return tn_fail(api, host, TN_ESHAPE, "crf: needs scores and tags of the same steps");
    if (t->classes && x->width != t->classes)
        return tn_fail(api, host, TN_ESHAPE, "crf: the input has %lld values a step but the target has %lld tags",
                       (long long)x->width, (long long)t->classes);
    return TN_OK;
}

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    crf *m = self;
    const tn_spec *x = in[EMISSIONS];
    (void)n_in;
    int rc = check_inputs(api, host, p, x, in[TARGET]);
    if (rc) return rc;
    int64_t k = m->k = x->width, ld = m->ld = (k + ROW_LANES - 1) / ROW_LANES * ROW_LANES;
    m->vocabulary = in[TARGET]->vocabulary;
    if ((rc = plan_constraints(m, api, host, ((const config *)opts)->constraints, in[TARGET]))) return rc;
    tn_spec loss = { .dtype = TN_F32, .layout = api->parent(p, x->layout), .width = 1 };
    tn_spec scores = { .dtype = TN_F32, .layout = x->layout, .width = k }, one = scores, back = scores, path = scores;
    tn_spec matrix = { .dtype = TN_F32, .rows = ld, .width = ld };
    one.width = path.width = 1, back.dtype = path.dtype = TN_I32;
    tn_param w = { sizeof w, 0, "transition", "{ type = 'uniform', low = -0.1, high = 0.1 }", 2, 1, { k, k, 0, 0 }, k, k, 0, 0 };
    tn_param s = { sizeof s, 0, "start", w.init, 1, 1, { k, 0, 0, 0 }, k, k, 0, 0 }, e = s;
    e.name = "end";
    return api->add_out(p, NULL, &loss) < 0 || api->add_param(p, &w) < 0 || api->add_param(p, &s) < 0
        || api->add_param(p, &e) < 0 || api->add_saved(p, &scores) < 0 || api->add_saved(p, &scores) < 0
        || api->add_saved(p, &scores) < 0 || api->add_saved(p, &one) < 0 || api->add_work(p, &matrix) < 0
        || api->add_work(p, &matrix) < 0 || api->add_work(p, &scores) < 0 || api->add_work(p, &back) < 0
        || api->add_work(p, &path) < 0 ? TN_EINVAL : TN_OK;
}

/* ---- scores ---------------------------------------------------------------------------------------- */
typedef struct job {
    const crf *m; const tn_call *c; const tn_layout *l;
    const float *x; const int32_t *tag;
    float *alpha, *beta, *coming, *scale;
    const float *by_from, *by_to;
    float *best; int32_t *back;
} job;

static float start_score(const job *b, int64_t j)
{
    const crf *m = b->m;
    return m->forbidden && m->forbidden[m->k * (m->k + 1) + j] ? never : ((const float *)b->c->param[START]->data)[j];
}

static float end_score(const job *b, int64_t i)
{
    const crf *m = b->m;
    return m->forbidden && m->forbidden[i * (m->k + 1) + m->k] ? never : ((const float *)b->c->param[END]->data)[i];
}

/* The transitions both ways, the forbidden ones as never, rows filled up to whole vectors. */
static job begin(const crf *m, const tn_call *c)
{
    const float *w = c->param[TRANSITION]->data;
    float *by_from = c->work[BY_FROM]->data, *by_to = c->work[BY_TO]->data;
    for (int64_t i = 0; i < m->k; i++)
        for (int64_t j = 0; j < m->ld; j++) {
            int inside = j < m->k, f = inside && m->forbidden ? m->forbidden[i * (m->k + 1) + j] : 0;
            int g = inside && m->forbidden ? m->forbidden[j * (m->k + 1) + i] : 0;
            by_from[i * m->ld + j] = f ? never : inside ? w[i * m->k + j] : 0;
            by_to[i * m->ld + j] = g ? never : inside ? w[j * m->k + i] : 0;
        }
    return (job){ m, c, c->in[EMISSIONS]->lay, c->in[EMISSIONS]->data, NULL, c->saved[ALPHA]->data, c->saved[BETA]->data,
                  c->saved[COMING]->data, c->saved[SCALE]->data, by_from, by_to, c->work[BEST]->data, c->work[BACK]->data };
}

/* y[j] = log sum_i e^(x[i] + w[i, j]), i in order, lanes over j; add: + add[j] */
static void log_product(const crf *m, const float *x, const float *w, const float *add, float *y)
{
    for (int64_t j = 0; j < m->k; j += TN_VL) {
        int64_t n = m->k - j < TN_VL ? m->k - j : TN_VL;
        tn_vf most = tn_load(w + j) + tn_set(x[0]), sum = tn_set(0);
        for (int64_t i = 1; i < m->k; i++) {
            tn_vf v = tn_load(w + i * m->ld + j) + tn_set(x[i]);
            most = tn_select(v > most, v, most);
        }
        for (int64_t i = 0; i < m->k; i++) sum += tn_exp(tn_load(w + i * m->ld + j) + tn_set(x[i]) - most);
        most += tn_log(sum);
        if (add) most += n < TN_VL ? tn_loadn(add + j, n) : tn_load(add + j);
        if (n < TN_VL) tn_storen(y + j, most, n);
        else tn_store(y + j, most);
    }
}

/* alpha_t[j] = x_t[j] + log sum_i e^(alpha_(t-1)[i] + transition[i, j]) - c_t of sequence s, and beta of its last step,
 * end[j] - z with z = log sum_j e^(alpha_T[j] + end[j]). Gives sum_t c_t + z less the score of the tags, where there are any. */
static double forward_scores(const job *b, int32_t s)
{
    int64_t k = b->m->k, q = -1;
    int32_t n = b->l->length[s];
    double loss = 0;
    for (int32_t t = 0; t < n; t++) {
        int64_t r = b->l->first[t] + s;
        float *a = b->alpha + r * k;
        if (t) log_product(b->m, b->alpha + q * k, b->by_from, b->x + r * k, a);
        else for (int64_t j = 0; j < k; j++) a[j] = b->x[r * k + j] + start_score(b, j);
        float c = b->scale[r] = row_max(a, k);
        for (int64_t j = 0; j < k; j++) a[j] -= c;
        loss += (double)c;
        if (b->tag) loss -= (double)b->x[r * k + b->tag[r]];
        if (b->tag) loss -= (double)(t ? b->by_from[b->tag[q] * b->m->ld + b->tag[r]] : start_score(b, b->tag[r]));
        q = r;
    }
    if (!n) return 0;
    float *last = b->beta + q * k;
    for (int64_t j = 0; j < k; j++) last[j] = b->alpha[q * k + j] + end_score(b, j);
    float most = row_max(last, k), z = most + tn_log(tn_set((float)row_exps(last, most, k, NULL)))[0];
    for (int64_t j = 0; j < k; j++) last[j] = end_score(b, j) - z;
    return loss + (double)z - (b->tag ? (double)end_score(b, b->tag[q]) : 0);
}

/* beta_t[i] = log sum_j e^(transition[i, j] + x_(t+1)[j] + beta_(t+1)[j] - c_(t+1)) */
static void backward_scores(const job *b, int32_t s)
{
    int64_t k = b->m->k, after = -1;
    for (int32_t t = b->l->length[s]; t-- > 0; ) {
        int64_t r = b->l->first[t] + s;
        if (after >= 0) log_product(b->m, b->coming + after * k, b->by_to, NULL, b->beta + r * k);
        for (int64_t j = 0; j < k; j++) b->coming[r * k + j] = b->x[r * k + j] + b->beta[r * k + j] - b->scale[r];
        after = r;
    }
}

/* ---- phases ---------------------------------------------------------------------------------------- */
static void forward_sequences(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    float *loss = b->c->out[0]->data;
    for (int64_t s = from; s < end; s++) loss[b->l->order[s]] = (float)forward_scores(b, (int32_t)s);
}

static const char *spelt(const job *b, int64_t id)
{
    const char *word = id < b->m->k ? b->c->api->word(b->c->host, b->m->vocabulary, id) : "the border of the sequence";
    return word ? word : "?";
}

/* The tags may themselves go where the scheme forbids. */
static int check_target(const job *b)
{
    const crf *m = b->m;
    int rc = check_ids(b->c, "crf", b->c->in[TARGET], m->k, -1);
    for (int32_t s = 0; m->forbidden && s < b->l->sequences && !rc; s++)
        for (int32_t t = 0; t <= b->l->length[s] && b->l->length[s] && !rc; t++) {
            int64_t i = t ? b->tag[b->l->first[t - 1] + s] : m->k, j = t < b->l->length[s] ? b->tag[b->l->first[t] + s] : m->k;
            if (m->forbidden[i * (m->k + 1) + j])
                rc = tn_fail(b->c->api, b->c->host, TN_EINVAL, "crf: the target goes from '%s' to '%s', which the scheme %s forbids; "
                             "convert the field (`scheme`), or take constraints = 'none'", spelt(b, i), spelt(b, j),
                             constraints[FIRST_SCHEME + m->scheme]);
        }
    return rc;
}

static int forward(void *self, const tn_call *c)
{
    job b = begin(self, c);
    b.tag = c->in[TARGET]->data;
    int rc = check_target(&b);
    return rc ? rc : c->be->ops->parallel_for(c->be, b.l->sequences, 1, forward_sequences, &b);
}

/* d loss / d x_t[j] = e^(alpha_t[j] + beta_t[j]) - [j is the tag] */
static void backward_sequences(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    int64_t k = b->m->k;
    float *dx = b->c->d_in[EMISSIONS] && b->c->d_out[0] ? b->c->d_in[EMISSIONS]->data : NULL;
    for (int64_t s = from; s < end; s++) {
        backward_scores(b, (int32_t)s);
        for (int32_t t = 0; dx && t < b->l->length[s]; t++) {
            int64_t r = b->l->first[t] + s, at = r * k;
            float factor = ((const float *)b->c->d_out[0]->data)[b->l->order[s]];
            for (int64_t j = 0; j < k; j += TN_VL) {
                int64_t n = k - j < TN_VL ? k - j : TN_VL;
                tn_vf p = tn_exp(tn_loadn(b->alpha + at + j, n) + tn_loadn(b->beta + at + j, n));
                tn_storen(dx + at + j, tn_fma(tn_set(factor), p, tn_loadn(dx + at + j, n)), n);
            }
            dx[at + b->tag[r]] -= factor;
        }
    }
}

static int backward(void *self, const tn_call *c)
{
    job b = begin(self, c);
    b.tag = c->in[TARGET]->data;
    return c->be->ops->parallel_for(c->be, b.l->sequences, 1, backward_sequences, &b);
}

/* d loss / d transition[i, j] = sum_t e^(alpha_(t-1)[i] + transition[i, j] + x_t[j] + beta_t[j] - c_t) - [i, j are the tags],
 * each row i of the matrix on one thread, which goes through the rows of the batch in order */
static void gradient_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const float *factor = b->c->d_out[0]->data;
    int64_t k = b->m->k;
    for (int64_t i = from; i < end; i++) {
        float *d = (float *)b->c->d_param[TRANSITION]->data + i * k;
        for (int32_t t = 1; t < b->l->steps; t++)
            for (int32_t s = 0; s < b->l->live[t]; s++) {
                int64_t r = b->l->first[t] + s, q = b->l->first[t - 1] + s;
                tn_vf a = tn_set(b->alpha[q * k + i]), by = tn_set(factor[b->l->order[s]]);
                for (int64_t j = 0; j < k; j += TN_VL) {
                    int64_t n = k - j < TN_VL ? k - j : TN_VL;
                    tn_vf p = tn_exp(a + tn_load(b->by_from + i * b->m->ld + j) + tn_loadn(b->coming + r * k + j, n));
                    tn_storen(d + j, tn_fma(by, p, tn_loadn(d + j, n)), n);
                }
                if (b->tag[q] == i) d[b->tag[r]] -= factor[b->l->order[s]];
            }
    }
}

/* Of start or end: e^(alpha + beta) of the first or last step of each sequence, less its tag. */
static void gradient_border(const job *b, int last, float *d)
{
    int64_t k = b->m->k;
    for (int32_t s = 0; s < b->l->sequences && b->l->length[s]; s++) {
        int64_t r = b->l->first[last ? b->l->length[s] - 1 : 0] + s;
        float factor = ((const float *)b->c->d_out[0]->data)[b->l->order[s]];
        for (int64_t j = 0; j < k; j++) d[j] += factor * tn_exp(tn_set(b->alpha[r * k + j] + b->beta[r * k + j]))[0];
        d[b->tag[r]] -= factor;
    }
}

static int gradient(void *self, const tn_call *c)
{
    job b = begin(self, c);
    b.tag = c->in[TARGET]->data;
    if (!c->d_out[0]) return TN_OK;
    if (c->d_param[START]) gradient_border(&b, 0, c->d_param[START]->data);
    if (c->d_param[END]) gradient_border(&b, 1, c->d_param[END]->data);
    return c->d_param[TRANSITION] ? c->be->ops->parallel_for(c->be, b.m->k, 1, gradient_rows, &b) : TN_OK;
}

/* The probability of each tag at each step, over all paths: e^(alpha + beta). */
static void predict_sequences(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    for (int64_t s = from; s < end; s++) forward_scores(b, (int32_t)s), backward_scores(b, (int32_t)s);
}

static int predict(void *self, const tn_call *c, int64_t classes, float *probability)
{
    job b = begin(self, c);
    if (classes != b.m->k)
        return tn_fail(c->api, c->host, TN_ESHAPE, "crf: %lld classes asked for, there are %lld", (long long)classes,
                       (long long)b.m->k);
    int rc = c->be->ops->parallel_for(c->be, b.l->sequences, 1, predict_sequences, &b);
    for (int64_t r = 0; r < b.l->rows && !rc; r++) { /* divided by their sum, which is 1 but for rounding */
        float *p = probability + r * classes;
        for (int64_t j = 0; j < classes; j++) p[j] = b.alpha[r * classes + j] + b.beta[r * classes + j];
        double sum = row_exps(p, row_max(p, classes), classes, p);
        for (int64_t j = 0; j < classes; j++) p[j] = (float)((double)p[j] / sum);
    }
    return rc;
}

/* ---- the best path (Viterbi 1967) -------------------------------------------------------------------- */
/* best_t[j] = x_t[j] + max_i best_(t-1)[i] + transition[i, j], less its largest; back: that i, the first of equal ones */
static void best_step(const job *b, int64_t q, int64_t r)
{
    int64_t k = b->m->k;
    float *best = b->best + r * k;
    for (int64_t j = 0; j < k; j++) {
        const float *w = b->by_to + j * b->m->ld, *before = b->best + q * k;
        int32_t arg = 0;
        for (int32_t i = 1; q >= 0 && i < k; i++)
            if (before[i] + w[i] > before[arg] + w[arg]) arg = i;
        best[j] = b->x[r * k + j] + (q >= 0 ? before[arg] + w[arg] : start_score(b, j));
        b->back[r * k + j] = arg;
    }
    float c = row_max(best, k);
    for (int64_t j = 0; j < k; j++) best[j] -= c;
}

static void decode_sequences(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    for (int64_t s = from; s < end; s++) {
        int64_t q = -1;
        for (int32_t t = 0; t < b->l->length[s]; t++) {
            int64_t r = b->l->first[t] + s;
            best_step(b, q, r);
            q = r;
        }
    }
}

/* start[y_1] + sum_t x_t[y_t] + sum_t transition[y_(t-1), y_t] + end[y_T] */
static double path_score(const job *b, int32_t s, const int32_t *path)
{
    int32_t n = b->l->length[s];
    double score = n ? (double)start_score(b, path[0]) + (double)end_score(b, path[n - 1]) : 0;
    for (int32_t t = 0; t < n; t++)
        score += (double)b->x[(b->l->first[t] + s) * b->m->k + path[t]]
               + (t ? (double)b->by_from[path[t - 1] * b->m->ld + path[t]] : 0);
    return score;
}

static int decode(void *self, const tn_call *c, tn_emit_fn *emit, void *to)
{
    job b = begin(self, c);
    int32_t *path = c->work[PATH]->data;
    int rc = c->be->ops->parallel_for(c->be, b.l->sequences, 1, decode_sequences, &b);
    for (int32_t s = 0; s < b.l->sequences && !rc; s++) {
        int32_t n = b.l->length[s], at = 0;
        const float *last = n ? b.best + (b.l->first[n - 1] + s) * b.m->k : NULL;
        for (int32_t j = 1; n && j < b.m->k; j++)
            if (last[j] + end_score(&b, j) > last[at] + end_score(&b, at)) at = j;
        for (int32_t t = n; t-- > 0; at = b.back[(b.l->first[t] + s) * b.m->k + at]) path[t] = at;
        rc = emit(to, b.l->order[s], path_score(&b, s, path), path, n);
    }
    return rc;
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer layer = { .size = sizeof layer, .min_in = 2, .max_in = 2, .plan = plan, .impls = impls,
                                .port_size = sizeof(tn_port), .decode = decode };
static const tn_loss table = { sizeof table, 0, TN_LOGITS, 0, &layer, predict };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LOSS, .table = &table, .name = "crf",
    .brief = "linear-chain conditional random field over tags, with the best path as `.decoded`",
    .doc = "For a sequence of emissions x_t, a score for each of K tags at each step, and its tags y:\n\n"
           "    score(y) = start[y_1] + sum_t x_t[y_t] + sum_t transition[y_(t-1), y_t] + end[y_T]\n"
           "    loss = log sum over all y' of e^score(y') - score(y)\n\n"
           "`transition`, `start` and `end` are learned. The loss is one value a sequence, so the mean is over\n"
           "sequences; an empty one costs nothing. The port `.decoded` gives the best path (Viterbi):\n\n"
           "    [[loss]]\n"
           "    name = \"crf\"\n"
           "    type = \"crf\"\n"
           "    target = \"tags\"\n"
           "    constraints = \"scheme\"\n"
           "    [[metric]]\n"
           "    type = \"span_f1\"\n"
           "    input = \"crf.decoded\"\n\n"
           "With `constraints` transitions that a scheme of span tags forbids, as O to I-LOC in BIO, have no\n"
           "probability and are never decoded; their weights are not learned. `scheme` reads the scheme off the\n"
           "letters of the tags: M is BMES, L or U BILOU, E or S BIOES, else B is BIO and I alone IOB1. A target\n"
           "that does what is forbidden is an error. `predict` gives the probability of each tag at each step\n"
           "over all paths.\n\n"
           "Source: Lafferty, McCallum, Pereira, *Conditional Random Fields* (2001); Huang, Xu, Yu,\n"
           "*Bidirectional LSTM-CRF Models for Sequence Tagging* (2015). Initial values as in pytorch-crf.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(crf), .close = close_crf };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("crf", "1.0", "The Tenon authors", "MIT", "", parts)
