/* dropout.c -- zeroes numbers at random while training, so that units do not come to rely on each other. */
#include "mask.h"

typedef struct config { double rate; int32_t per; } config;
typedef struct layer { const config *options; } layer;
enum { NUMBER, SEQUENCE, ROW };
static const char *const per_names[] = { "number", "sequence", "row", NULL };

static const tn_option options[] = {
    TN_REAL_X(config, rate, TN_O_OPEN_MAX, 0.5, 0, 1, "probability that a number is zeroed in a training step"),
    TN_ENUM(config, per, NUMBER, per_names, "what is drawn: each number; each number once for all steps of a sequence; whole rows"),
};

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    layer *l = self;
    tn_spec y = *in[0];
    (void)n_in;
    l->options = opts;
    if (y.means == TN_IDS)
        return tn_fail(api, host, TN_ESHAPE,
                       "dropout: the input is ids (words or classes), not numbers; embed them first");
    if (y.across) return tn_fail(api, host, TN_ESHAPE, "dropout: the input is ragged");
    if (l->options->per == SEQUENCE && api->parent(p, y.layout) <= 0)
        return tn_fail(api, host, TN_ESHAPE, "dropout: per = \"sequence\" is one mask for all steps of a sequence, but the input "
                       "has one row an example; leave `per` out");
    y.index_of = 0;
    int slot = api->add_out(p, NULL, &y);
    api->uses(p, 0);
    return slot < 0 ? slot : TN_OK;
}

static int drops(const layer *l, const tn_call *c) { return (c->flags & TN_C_TRAINING) && l->options->rate > 0; }

/* y = x m, or y += x m */
static int mask(const layer *l, const tn_call *c, const float *x, float *y, int add)
{
    int64_t rows = c->in[0]->rows, width = c->in[0]->width;
    double rate = l->options->rate;
    if (l->options->per == SEQUENCE) return mask_sequences(c->be, c->rng, rate, c->in[0]->lay, width, x, y, add);
    if (l->options->per == ROW) return mask_rows(c->be, c->rng, rate, NULL, rows, width, x, y, add);
    return mask_apply(c->be, c->rng, rate, rows * width, x, y, add);
}

static int forward(void *self, const tn_call *c)
{
    int64_t rows = c->in[0]->rows, width = c->in[0]->width;
    if (drops(self, c)) return mask(self, c, c->in[0]->data, c->out[0]->data, 0);
    return c->be->ops->copy(c->be, rows, width, c->in[0]->data, width, 0, c->out[0]->data, width);
}

static int backward(void *self, const tn_call *c)
{
    if (!c->d_in[0] || !c->d_out[0]) return TN_OK;
    if (drops(self, c)) return mask(self, c, c->d_out[0]->data, c->d_in[0]->data, 1);
    return c->be->ops->axpy(c->be, c->in[0]->rows * c->in[0]->width, 1.0f, c->d_out[0]->data, c->d_in[0]->data);
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, NULL };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .min_in = 1, .max_in = 1, .plan = plan,
                                .impls = impls, .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "dropout",
    .brief = "zeroes numbers at random while training",
    .doc = "While training, y = x m / (1 - rate), where each element's m is 0 with probability `rate`\n"
           "and else 1. The division keeps the mean, so that evaluation and prediction, where y = x,\n"
           "need no change.\n\n"
           "With `per = \"sequence\"` m is drawn once for all steps of a sequence: variational or locked\n"
           "dropout. Where a state is carried from batch to batch, each batch has masks of its own. With\n"
           "`per = \"row\"` whole rows are zeroed; behind an embedding that is word dropout: a word goes, here\n"
           "but not elsewhere in the text. (`embedding_dropout` of an embedding drops a word wherever it stands,\n"
           "`vocabulary = { word_dropout = 0.1 }` of a field makes words unknown.)\n\n"
           "The mask is a function of seed, layer, step and element: it is the same on any number of\n"
           "threads and after a resume.\n\n"
           "Sources: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, *Dropout: A Simple Way to\n"
           "Prevent Neural Networks from Overfitting* (JMLR 15, 2014); Gal, Ghahramani, *A Theoretically\n"
           "Grounded Application of Dropout in Recurrent Neural Networks* (NIPS 2016); Merity, Keskar, Socher,\n"
           "*Regularizing and Optimizing LSTM Language Models* (ICLR 2018); Iyyer, Manjunatha, Boyd-Graber,\n"
           "Daume, *Deep Unordered Composition Rivals Syntactic Methods for Text Classification* (ACL 2015).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(layer) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("dropout", "1.0", "The Tenon authors", "MIT", "", parts)
