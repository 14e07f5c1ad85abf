/* dropout.c -- zeroes numbers at random while training, so that units do not come to rely on each other. */
#include "mask.h"

typedef struct config { double rate; } config;
typedef struct layer { double rate; } layer;

static const tn_option options[] = {
    TN_REAL_X(config, rate, TN_O_OPEN_MAX, 0.5, 0, 1, "probability that a number is zeroed in a training step"),
};

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    layer *l = self;
    tn_spec y = *in[0];
    (void)n_in;
    if (y.means == TN_IDS)
        return tn_fail(api, host, TN_ESHAPE,
                       "dropout: the input is ids (words or classes), not numbers; embed them first");
    if (y.across) return tn_fail(api, host, TN_ESHAPE, "dropout: the input is ragged");
    l->rate = ((const config *)opts)->rate;
    y.index_of = 0;
    int slot = api->add_out(p, NULL, &y);
    api->uses(p, 0);
    return slot < 0 ? slot : TN_OK;
}

static int forward(void *self, const tn_call *c)
{
    const layer *l = self;
    int64_t rows = c->in[0]->rows, width = c->in[0]->width;
    if (!(c->flags & TN_C_TRAINING) || l->rate <= 0)
        return c->be->ops->copy(c->be, rows, width, c->in[0]->data, width, 0, c->out[0]->data, width);
    return mask_apply(c->be, c->rng, l->rate, rows * width, c->in[0]->data, c->out[0]->data, 0);
}

static int backward(void *self, const tn_call *c)
{
    const layer *l = self;
    int64_t rows = c->in[0]->rows, width = c->in[0]->width;
    if (!c->d_in[0] || !c->d_out[0]) return TN_OK;
    if (!(c->flags & TN_C_TRAINING) || l->rate <= 0)
        return c->be->ops->axpy(c->be, rows * width, 1.0f, c->d_out[0]->data, c->d_in[0]->data);
    return mask_apply(c->be, c->rng, l->rate, rows * width, c->d_out[0]->data, c->d_in[0]->data, 1);
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
           "The mask is a function of seed, layer, step and element: it is the same on any number of\n"
           "threads and after a resume.\n\n"
           "Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, *Dropout: A Simple Way to\n"
           "Prevent Neural Networks from Overfitting* (JMLR 15, 2014).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(layer) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("dropout", "1.0", "The Tenon authors", "MIT", "", parts)
