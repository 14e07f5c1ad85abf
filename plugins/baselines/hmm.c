/* hmm.c -- hidden Markov model of tags and words, counted in one pass over the training batches; the most probable tags of
 * a sequence are found by Viterbi.
 *
 *     p(tags, words) = p(y_1) p(w_1 | y_1) p(y_2 | y_1) p(w_2 | y_2) ...                                         */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tenon/tenon.h"

typedef struct { double alpha, word_alpha; } config;
static const tn_option options[] = {
    TN_REAL_X(config, alpha, TN_O_OPEN_MIN, 0.1, 0, 1000, "count that every start and every pair of tags has before the first"),
    TN_REAL_X(config, word_alpha, TN_O_OPEN_MIN, 0.1, 0, 1000, "count that every word has with every tag before the first"),
};

enum { INPUT, TARGET };
typedef struct {
    double alpha, word_alpha;
    int64_t tags, words;                   /* K, V                                                             */
    double *start, *pair, *word;           /* [K], [K, K], [V, K]: counts, then log p; zero for unseen words   */
    double *best; int32_t *back; int64_t room; /* [steps, K] of one sequence                                   */
} hmm;

static void close_hmm(void *self)
{
    hmm *m = self;
    free(m->start), free(m->pair), free(m->word), free(m->best), free(m->back);
    memset(m, 0, sizeof *m);
}

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, uint32_t n_in, const tn_spec *const *in,
                tn_spec *out)
{
    const config *o = config_;
    const tn_spec *x = in[INPUT], *t = in[TARGET];
    (void)n_in;
    if (t->means != TN_IDS || t->layout <= TN_ROOT)
        return tn_fail(api, host, TN_ESHAPE, "the target must be tags, one a step");
    if (x->means != TN_IDS || x->layout != t->layout)
        return tn_fail(api, host, TN_ESHAPE, "the input must be words of the same steps as the target");
    close_hmm(self);
    *(hmm *)self = (hmm){ .alpha = o->alpha, .word_alpha = o->word_alpha, .tags = t->classes, .words = x->classes };
    *out = (tn_spec){ TN_I32, TN_IDS, t->layout, 0, 0, 1, t->classes, t->vocabulary, 0, 0 };
    return TN_OK;
}

static int no_memory(const tn_call *c) { return c->api->fail(c->host, TN_ENOMEM, "no memory for the counts of tags"); }

/* Counts of one batch. */
static int learn(void *self, const tn_call *c)
{
    hmm *m = self;
    int64_t K = m->tags;
    if (!m->start) m->start = calloc((size_t)K + 1, sizeof *m->start);
    if (!m->pair) m->pair = calloc((size_t)(K * K) + 1, sizeof *m->pair);
    if (!m->word) m->word = calloc((size_t)(m->words * K) + 1, sizeof *m->word);
    if (!m->start || !m->pair || !m->word) return no_memory(c);
    const int32_t *id = c->in[INPUT]->data, *tag = c->in[TARGET]->data;
    const tn_layout *l = c->in[TARGET]->lay;
    for (int32_t t = 0; t < l->steps; t++)
        for (int32_t s = 0; s < l->live[t]; s++) {
            int64_t r = l->first[t] + s;
            m->word[id[r] * K + tag[r]] += 1;
            if (t) m->pair[tag[l->first[t - 1] + s] * K + tag[r]] += 1;
            else m->start[tag[r]] += 1;
        }
    return TN_OK;
}

/* log p = log((n + alpha) / (sum of n + alpha size)) over a row of counts */
static void to_logarithms(double *count, int64_t n, double alpha)
{
    double all = 0;
    for (int64_t i = 0; i < n; i++) all += count[i];
    for (int64_t i = 0; i < n; i++) count[i] = log((count[i] + alpha) / (all + alpha * (double)n));
}

/* log p(w | y) = log((n_wy + alpha) / (n_y + alpha V')), V' words that occurred at all. A word that never occurred says nothing
 * of any tag. */
static int finish(void *self)
{
    hmm *m = self;
    int64_t K = m->tags;
    if (!m->start) return TN_OK;
    to_logarithms(m->start, K, m->alpha);
    for (int64_t i = 0; i < K; i++) to_logarithms(m->pair + i * K, K, m->alpha);
    double *all = calloc((size_t)K + 1, sizeof *all), seen = 0;
    if (!all) return TN_ENOMEM;
    for (int64_t w = 0; w < m->words; w++) {
        double any = 0;
        for (int64_t k = 0; k < K; k++) any += m->word[w * K + k], all[k] += m->word[w * K + k];
        seen += any > 0;
    }
    for (int64_t w = 0; w < m->words; w++) {
        double any = 0, *n = m->word + w * K;
        for (int64_t k = 0; k < K; k++) any += n[k];
        for (int64_t k = 0; k < K && any > 0; k++) n[k] = log((n[k] + m->word_alpha) / (all[k] + m->word_alpha * seen));
    }
    free(all);
    return TN_OK;
}

/* best_t[j] = log p(w_t | j) + max_i best_(t-1)[i] + log p(j | i), and that i, the first of equal ones */
static void viterbi(hmm *m, const tn_layout *l, int32_t s, const int32_t *id, int32_t *tag)
{
    int64_t K = m->tags;
    int32_t n = l->length[s], at = 0;
    for (int32_t t = 0; t < n; t++)
        for (int64_t j = 0; j < K; j++) {
            const double *before = m->best + (t - 1) * K;
            int32_t arg = 0;
            for (int32_t i = 1; t && i < K; i++)
                if (before[i] + m->pair[i * K + j] > before[arg] + m->pair[arg * K + j]) arg = i;
            m->best[t * K + j] = m->word[id[l->first[t] + s] * K + j] + (t ? before[arg] + m->pair[arg * K + j] : m->start[j]);
            m->back[t * K + j] = arg;
        }
    for (int32_t j = 1; n && j < K; j++)
        if (m->best[(n - 1) * K + j] > m->best[(n - 1) * K + at]) at = j;
    for (int32_t t = n; t-- > 0; at = m->back[t * K + at]) tag[l->first[t] + s] = at;
}

static int predict(void *self, const tn_call *c)
{
    hmm *m = self;
    const tn_layout *l = c->in[INPUT]->lay;
    int64_t room = (int64_t)l->steps * m->tags;
    if (!m->start) return tn_fail(c->api, c->host, TN_EINVAL, "hmm: has counted nothing");
    if (room > m->room) {
        free(m->best), free(m->back);
        m->best = malloc(sizeof *m->best * (size_t)room), m->back = calloc((size_t)room, sizeof *m->back);
        m->room = m->best && m->back ? room : 0;
        if (!m->room) return no_memory(c);
    }
    for (int32_t s = 0; s < l->sequences; s++) viterbi(m, l, s, c->in[INPUT]->data, c->out[0]->data);
    return TN_OK;
}

static const tn_baseline table = { sizeof table, 0, 2, 2, plan, learn, finish, predict };
static const tn_desc desc = {
    sizeof desc, TN_BASELINE, &table, "hmm", "hidden Markov model of tags and words, counted",
    "    p(tags, words) = p(y_1) p(w_1 | y_1) p(y_2 | y_1) p(w_2 | y_2) ...\n\n"
    "Each probability is a share of the counts in training, with `alpha` or `word_alpha` added to each count (0.1 as NLTK does). "
    "A word that training never showed says nothing of its tag. The tags of a sequence are the most probable path (Viterbi):\n\n"
    "    [[baseline]]\n"
    "    type = \"hmm\"\n"
    "    inputs = \"words\"\n\n"
    "Source: Rabiner, *A Tutorial on Hidden Markov Models* (1989).",
    TN_OPTIONS(options), sizeof(config), sizeof(hmm), NULL, NULL, close_hmm, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("hmm", "1.0.0", "Tenon", "MIT", "", parts)
