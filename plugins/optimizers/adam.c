/* adam.c -- Adam, with weight decay coupled or decoupled, and AMSGrad. */
#include "adam.h"

static const tn_option options[] = {
    ADAM_OPTIONS,
    TN_BOOL(adam_options, decoupled, 0, "whether weight decay acts on the parameter itself (AdamW) instead of the gradient"),
    TN_BOOL(adam_options, lazy, 0, "whether rows of an embedding that are not in the batch are left alone"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    const adam_options *o = opts;
    (void)api, (void)host;
    *(adam *)self = (adam){ o, o->decoupled };
    return TN_OK;
}

static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_OPTIMIZER, .table = &adam_table, .name = "adam",
    .brief = "Adam, with weight decay coupled or decoupled (AdamW), and AMSGrad",
    .doc = "    g = gradient + weight_decay p                       decoupled: p = (1 - learning_rate weight_decay) p first\n"
           "    m = beta1 m + (1 - beta1) g\n"
           "    s = beta2 s + (1 - beta2) g^2                       amsgrad: a = max(a, s), and a stands for s below\n"
           "    p = p - learning_rate m' / (sqrt(s') + epsilon)     m' = m / (1 - beta1^t), s' = s / (1 - beta2^t)\n\n"
           "t counts updates from 1. With `lazy` the rows of an embedding that a batch does not use keep\n"
           "p, m and s as they are, which is faster and not quite the same. `adamw` is the decoupled form under\n"
           "its own name. `amsgrad` keeps one number more for each parameter.\n\n"
           "Sources: Kingma, Ba, *Adam: A Method for Stochastic Optimization* (ICLR 2015); Loshchilov,\n"
           "Hutter, *Decoupled Weight Decay Regularization* (ICLR 2019); Reddi, Kale, Kumar, *On the\n"
           "Convergence of Adam and Beyond* (ICLR 2018).\n",
    TN_OPTIONS(options), .config_size = sizeof(adam_options), .self_size = sizeof(adam), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("adam", "1.0", "The Tenon authors", "MIT", "", parts)
