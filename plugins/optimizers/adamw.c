/* adamw.c -- Adam with decoupled weight decay, as PyTorch's AdamW computes it. */
#include "adam.h"

static const tn_option options[] = { ADAM_OPTIONS };

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    *(adam *)self = (adam){ opts, 1 };
    return TN_OK;
}

static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_OPTIMIZER, .table = &adam_table, .name = "adamw",
    .brief = "Adam with decoupled weight decay",
    .doc = "    p = (1 - learning_rate weight_decay) p, then a step of `adam` on the gradient alone\n\n"
           "The same as `adam` with decoupled = true. weight_decay is a key of [optimizer] and of [[group]] and\n"
           "is 0 if it is not given: PyTorch's AdamW has 0.01. Biases and other parameters that layers mark are\n"
           "not decayed.\n\n"
           "Source: Loshchilov, Hutter, *Decoupled Weight Decay Regularization* (ICLR 2019).\n",
    TN_OPTIONS(options), .config_size = sizeof(adam_options), .self_size = sizeof(adam), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("adamw", "1.0", "The Tenon authors", "MIT", "", parts)
