/* skeleton.c -- an optimizer with momentum. For each parameter p with gradient g and its slot m (zero at first)
 *
 *     m = momentum m + g + decay p        p = p - rate m
 *
 * The rate comes from the schedule, already scaled gradients from the host, which also keeps the slots and writes them
 * into checkpoints. To make it yours: change `one`; more memory for each parameter is a larger `slots`.      */
#include <math.h>
#include <tenon/tenon.h>

typedef struct config { double momentum; } config;
typedef struct self { float momentum; } self;

static const tn_option options[] = {
    TN_REAL_X(config, momentum, TN_O_OPEN_MAX, 0.9, 0, 1, "share of the last step that goes on"),
};

static void one(const self *s, float rate, float decay, float g, float *m, float *p)
{
    *m = s->momentum * *m + g + decay * *p;
    *p -= rate * *m;
}

/* ---- a run of parameters ------------------------------------------------------------------------------------ */

static int open_(const tn_api *api, tn_host *host, const void *options_, void *self_)
{
    const config *c = options_;
    self *s = self_;
    (void)api, (void)host;
    s->momentum = (float)c->momentum;
    return TN_OK;
}

/* Some neighbouring parameters, on any thread: each by itself, so that any cut gives the same bits. Without a gradient
 * (rows of an embedding that the batch does not use) the momentum goes on.                                     */
static int step(void *self_, tn_be *be, const tn_update *u)
{
    (void)be;
    for (int64_t i = 0; i < u->n; i++)
        one(self_, (float)u->rate, (float)u->decay, u->g ? u->g[i] : 0, &u->slot[0][i], &u->p[i]);
    return TN_OK;
}

static const tn_optimizer optimizer = { .size = sizeof optimizer, .slots = 1, .step = step };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_OPTIMIZER, .table = &optimizer, .name = "skeleton",
    .brief = "gradient descent with momentum",
    .doc = "    m = momentum m + g + decay p\n    p = p - rate m\n",
    .options = options, .n_options = sizeof options / sizeof *options, .option_size = sizeof *options,
    .config_size = sizeof(config), .self_size = sizeof(self), .open = open_,
};
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("skeleton", "0.1", "", "", "", parts)
