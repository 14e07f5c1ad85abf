/* embedding.c -- a vector for each id. The output is offered once for each distinct id of the batch, and the gradient
 * touches the rows of the table that the batch uses. */
#include "mask.h"
#include "vectors.h"

typedef struct config { int64_t width; double dropout, embedding_dropout; const char *pretrained; int32_t frozen; } config;
typedef struct layer {
    const config *options;
    int64_t words, width;
    int32_t vocabulary;
    int masked;                            /* work slot: the gradient behind the dropout */
} layer;
enum { WEIGHT };
#define LOW  (-0.05f)                      /* first values: uniform between LOW and HIGH */
#define HIGH 0.05f

static const tn_option options[] = {
    TN_SIZE(config, width, 128, 1, 1e6, "how many numbers a vector has"),
    TN_REAL_X(config, dropout, TN_O_OPEN_MAX, 0, 0, 1, "probability that a number of the output is zeroed in a training step"),
    TN_REAL_X(config, embedding_dropout, TN_O_OPEN_MAX, 0, 0, 1, "probability that a word is without its vector in a training step"),
    TN_PATH(config, pretrained, NULL, "file of word vectors in GloVe's text form; words that it lacks get random first values"),
    TN_BOOL(config, frozen, 0, "whether the vectors keep their first values"),
};

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    const config *o = opts;
    layer *l = self;
    (void)n_in;
    if (in[0]->means != TN_IDS)
        return tn_fail(api, host, TN_ESHAPE, "embedding: the input is numbers, not ids (words or classes)");
    *l = (layer){ o, in[0]->classes, o->width, in[0]->vocabulary, -1 };
    if (o->pretrained && !l->vocabulary)
        return tn_fail(
            api, host, TN_EINVAL,
            "embedding: pretrained vectors are found by their words, but the input has no vocabulary");
    tn_spec y = { .dtype = TN_F32, .layout = in[0]->layout, .rows = in[0]->rows, .width = o->width,
                  .index_of = o->dropout > 0 ? 1u | TN_INDEX_ALONE : 1u };
    tn_param weight = { .size = sizeof weight, .flags = o->frozen ? TN_P_FROZEN : 0u, .name = "weight",
                        .init = "{ type = 'uniform', low = -0.05, high = 0.05 }", .ndim = 2, .blocks = 1,
                        .dim = { l->words, o->width, 1, 1 }, .fan_in = l->words, .fan_out = o->width,
                        .touched_by = 1 };
    int rc = api->add_out(p, NULL, &y);
    if (rc >= 0) rc = api->add_param(p, &weight);
    if (rc >= 0 && (o->dropout > 0 || o->embedding_dropout > 0) && !o->frozen) rc = l->masked = api->add_work(p, &y);
    api->uses(p, TN_USES_IN);
    return rc < 0 ? rc : TN_OK;
}

static int trains(const tn_call *c) { return (c->flags & TN_C_TRAINING) != 0; }

/* y = x m e over n rows: m of each number by `dropout`, e of the word key[r] by `embedding_dropout`. x == y allowed; where
 * neither is above 0 nothing is done. */
static int drop(const layer *l, const tn_call *c, const int32_t *key, int64_t n, const float *x, float *y)
{
    const config *o = l->options;
    int rc = TN_OK;
    if (o->dropout > 0) rc = mask_apply(c->be, c->rng, o->dropout, n * l->width, x, y, 0), x = y;
    if (!rc && o->embedding_dropout > 0)
        rc = mask_rows(c->be, tn_random_fork(c->rng, 1), o->embedding_dropout, key, n, l->width, x, y, 0);
    return rc;
}

/* y_r = W[id_r], for each row r or, where the output has an index, for each id of that */
static int forward(void *self, const tn_call *c)
{
    const layer *l = self;
    const tn_index *x = c->out[0]->index;
    int64_t n = x ? x->distinct : c->in[0]->rows;
    const int32_t *id = x ? x->dev->key : c->in[0]->data;
    float *y = c->out[0]->data;
    int rc = c->be->ops->gather(c->be, n, l->width, c->param[WEIGHT]->data, l->width, id, y, l->width);
    return rc || !trains(c) ? rc : drop(l, c, id, n, y, y);
}

/* dW[id] += the sum of dy m e over the rows that hold id, in the order of the rows */
static int gradient(void *self, const tn_call *c)
{
    const layer *l = self;
    const tn_index *x = c->in[0]->index;
    if (!c->d_param[WEIGHT] || !c->d_out[0]) return TN_OK;
    int by_id = c->d_out[0]->index != NULL;
    const float *dy = c->d_out[0]->data;
    float *dw = c->d_param[WEIGHT]->data;
    if (trains(c) && l->masked >= 0) {
        float *masked = c->work[l->masked]->data;
        int rc = drop(l, c, by_id ? x->dev->key : c->in[0]->data, by_id ? x->distinct : c->in[0]->rows, dy, masked);
        if (rc) return rc;
        dy = masked;
    }
    if (by_id) return c->be->ops->scatter_add(c->be, x->distinct, l->width, dy, l->width, x->dev->key, dw, l->width);
    return c->be->ops->segment_add(c->be, x->distinct, l->width, dy, l->width, x->dev->begin, x->dev->row,
                                   x->dev->key, dw, l->width);
}

/* Pretrained vectors where the file has the word, random numbers elsewhere. */
static int initialize(void *self, const tn_api *api, tn_host *host, uint32_t slot, tn_rng rng, float *p)
{
    const layer *l = self;
    const char *path = l->options->pretrained;
    word_table t;
    if (!path || slot != WEIGHT) return 0;
    for (int64_t i = 0; i < l->words * l->width; i++)
        p[i] = LOW + (HIGH - LOW) * tn_random_uniform(rng, (uint64_t)i);
    int64_t n = word_table_make(&t, api, host, l->vocabulary, l->words);
    if (n < 0) n = tn_fail(api, host, TN_ENOMEM, "embedding: no memory for %lld words", (long long)l->words);
    else if (!n)
        n = tn_fail(api, host, TN_EINVAL,
                    "embedding: pretrained vectors are found by their words, but the input has none");
    else n = read_vectors(api, host, path, &t, l->width, p);
    word_table_free(&t);
    if (n < 0) return (int)n;
    char text[400];
    snprintf(text, sizeof text, "embedding: %lld of %lld words have a vector in %s", (long long)n,
             (long long)l->words, path);
    api->log(host, n ? TN_LOG_INFO : TN_LOG_WARNING, text);
    return 1;
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, NULL, gradient };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .min_in = 1, .max_in = 1, .plan = plan,
                                .impls = impls,
                                .port_size = sizeof(tn_port), .initialize = initialize };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "embedding",
    .brief = "a vector for each id",
    .doc = "y = W[id]: row `id` of a table of V x width numbers.\n\n"
           "Parameter: `weight` (V x width), at first uniform between -0.05 and 0.05. With `pretrained`\n"
           "the rows of words that the file has are its vectors (Pennington, Socher, Manning, *GloVe:\n"
           "Global Vectors for Word Representation*, EMNLP 2014, publish such files; fastText's text\n"
           "form is read as well). With `frozen` the table is not trained.\n\n"
           "With `dropout` = r each number of the output is zeroed with probability r in a training step\n"
           "and the others are divided by 1 - r. With `embedding_dropout` = r a word's whole vector is zeroed\n"
           "with probability r, wherever the word stands in the batch, and the others are divided by 1 - r.\n"
           "Whether it is depends on seed, layer, step and word alone. The gradient touches only the rows\n"
           "whose ids stand in the batch.\n\n"
           "Sources: Bengio, Ducharme, Vincent, Jauvin, *A Neural Probabilistic Language Model* (JMLR 3,\n"
           "2003); embedding dropout: Gal, Ghahramani, *A Theoretically Grounded Application of Dropout in\n"
           "Recurrent Neural Networks* (NIPS 2016), Merity, Keskar, Socher, *Regularizing and Optimizing\n"
           "LSTM Language Models* (ICLR 2018).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(layer) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("embedding", "1.0", "The Tenon authors", "MIT", "", parts)
