/* naive_bayes.c -- multinomial naive Bayes over the words of the inputs: counts of one pass over the training batches,
 * the plain classifier that a network should at least equal.                                                    */
#include <math.h>
#include <stdlib.h>
#include "tenon/tenon.h"

enum { MOST = 7 };                         /* inputs                                                           */

typedef struct { double alpha; } config;
static const tn_option options[] = {
    TN_REAL_X(config, alpha, TN_O_OPEN_MIN, 1.0, 0, 1000,
              "count that every word has in every class before the first example") };

typedef struct {
    double alpha;
    int64_t classes, words;                /* C, and V: ids of all inputs one behind the other                 */
    int n_in; int64_t first[MOST];         /* inputs, and where the ids of each begin                         */
    double *word;                          /* [V, C] counts, then log p(word | class); zero for unseen words   */
    double *prior;                         /* [C] examples, then log p(class)                                  */
    double *sum; int64_t room;             /* [examples, C] of the batch                                       */
} bayes;

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, uint32_t n_in, const tn_spec *const *in,
                tn_spec *out)
{
    bayes *s = self;
    const tn_spec *target = in[n_in - 1];
    s->alpha = ((const config *)config_)->alpha;
    s->words = 0, s->n_in = (int)n_in - 1, s->classes = target->classes;
    if (target->means != TN_IDS || target->layout != TN_ROOT)
        return tn_fail(api, host, TN_ESHAPE, "the target must be one class an example");
    for (uint32_t i = 0; i + 1 < n_in; i++) {
        if (in[i]->means != TN_IDS || in[i]->layout == TN_FIXED) return tn_fail(api, host, TN_ESHAPE, "the inputs must be words");
        s->first[i] = s->words;
        s->words += in[i]->classes;
    }
    *out = (tn_spec){ TN_F32, TN_LOGITS, TN_ROOT, 0, 0, target->classes, target->classes, target->vocabulary, 0, 0 };
    return TN_OK;
}

/* Counts words and classes of one batch. */
static int learn(void *self, const tn_call *c)
{
    bayes *s = self;
    if (!s->word) {
        s->word = calloc((size_t)(s->words * s->classes + 1), sizeof *s->word);
        s->prior = calloc((size_t)s->classes + 1, sizeof *s->prior);
        if (!s->word || !s->prior) return c->api->fail(c->host, TN_ENOMEM, "no memory for the counts of words");
    }
    const tn_tensor *target = c->in[s->n_in];
    const int32_t *label = target->data;
    for (int64_t b = 0; b < target->rows; b++) s->prior[label[b]] += 1;
    for (int i = 0; i < s->n_in; i++) {
        const int32_t *id = c->in[i]->data, *example = c->in[i]->lay->root;
        for (int64_t r = 0; r < c->in[i]->rows; r++) s->word[(s->first[i] + id[r]) * s->classes + label[example[r]]] += 1;
    }
    return TN_OK;
}

/* From counts to logarithms:  p(w | c) = (n_wc + alpha) / (n_c + alpha V'),  V' words that occurred at all. A word that
 * never occurred says nothing of any class. */
static int finish(void *self)
{
    bayes *s = self;
    int64_t C = s->classes;
    if (!s->word) return TN_OK;
    double *total = calloc((size_t)C + 1, sizeof *total), seen = 0, examples = 0;
    if (!total) return TN_ENOMEM;
    for (int64_t w = 0; w < s->words; w++) {
        double any = 0;
        for (int64_t c = 0; c < C; c++) total[c] += s->word[w * C + c], any += s->word[w * C + c];
        seen += any > 0;
    }
    for (int64_t c = 0; c < C; c++) examples += s->prior[c];
    for (int64_t w = 0; w < s->words; w++) {
        double any = 0, *n = s->word + w * C;
        for (int64_t c = 0; c < C; c++) any += n[c];
        for (int64_t c = 0; c < C && any > 0; c++) n[c] = log((n[c] + s->alpha) / (total[c] + s->alpha * seen));
    }
    for (int64_t c = 0; c < C; c++) s->prior[c] = log(s->prior[c] / examples);
    free(total);
    return TN_OK;
}

/* log p(class) + sum of log p(word | class) over the words of an example, [examples, C]. */
static int predict(void *self, const tn_call *c)
{
    bayes *s = self;
    int64_t C = s->classes, n = c->out[0]->rows;
    if (n * C > s->room) {
        double *sum = realloc(s->sum, sizeof *sum * (size_t)(n * C));
        if (!sum) return c->api->fail(c->host, TN_ENOMEM, "no memory for the classes of a batch");
        s->sum = sum, s->room = n * C;
    }
    for (int64_t i = 0; i < n * C; i++) s->sum[i] = s->prior[i % C];
    for (int k = 0; k < s->n_in; k++) {
        const int32_t *id = c->in[k]->data, *example = c->in[k]->lay->root;
        for (int64_t r = 0; r < c->in[k]->rows; r++) {
            const double *p = s->word + (s->first[k] + id[r]) * C;
            double *to = s->sum + example[r] * C;
            for (int64_t j = 0; j < C; j++) to[j] += p[j];
        }
    }
    float *y = c->out[0]->data;
    for (int64_t i = 0; i < n * C; i++) y[i] = (float)s->sum[i];
    return TN_OK;
}

static void close_bayes(void *self)
{
    bayes *s = self;
    free(s->word), free(s->prior), free(s->sum);
    s->word = s->prior = s->sum = NULL, s->room = 0;
}

static const tn_baseline table = { sizeof table, 0, 2, MOST + 1, plan, learn, finish, predict };
static const tn_desc desc = {
    sizeof desc, TN_BASELINE, &table, "naive_bayes", "multinomial naive Bayes over the words of the inputs",
    "    log p(c | words) = log p(c) + sum log (n_wc + alpha) / (n_c + alpha V) + const\n\n"
    "n_wc counts word w in class c, n_c all words of the class, V the words that occur in training. A word that training never "
    "showed is left out.",
    TN_OPTIONS(options), sizeof(config), sizeof(bayes), NULL, NULL, close_bayes, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("naive_bayes", "1.0.0", "Tenon", "MIT", "", parts)
