/* l2.c -- a penalty on the square of the parameters. */
#include <tenon/tenon.h>

typedef struct config { double factor; } config;
typedef struct regularizer { const config *options; } regularizer;
enum {
    BLOCKS = 256,
    LEAST = 4096
}; /* the sum goes by at most BLOCKS blocks, whose size depends on n alone */
typedef struct job { int64_t n, block; float twice; const float *p; float *g; double sum[BLOCKS]; } job;

static const tn_option options[] = {
    TN_REAL(config, factor, 1e-4, 0, 1e6, "weight of the sum of squares in the loss"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((regularizer *)self)->options = opts;
    return TN_OK;
}

/* g += 2 factor p;  sum of p^2, block by block */
static void add_blocks(void *to, int64_t from, int64_t upto)
{
    job *b = to;
    for (int64_t k = from; k < upto; k++) {
        int64_t i = k * b->block, end = i + b->block < b->n ? i + b->block : b->n;
        double lane[4] = { 0, 0, 0, 0 };
        for (int64_t j = i; j < end; j++) b->g[j] += b->twice * b->p[j];
        for (; i + 4 <= end; i += 4)
            for (int j = 0; j < 4; j++) lane[j] += (double)b->p[i + j] * (double)b->p[i + j];
        for (; i < end; i++) lane[0] += (double)b->p[i] * (double)b->p[i];
        b->sum[k] = (lane[0] + lane[1]) + (lane[2] + lane[3]);
    }
}

static int add(void *self, tn_be *be, int64_t n, const float *p, float *g, double *penalty)
{
    double factor = ((const regularizer *)self)->options->factor, sum = 0;
    int64_t block = ((n + BLOCKS - 1) / BLOCKS + 3) & ~(int64_t)3;
    job b = { n, block > LEAST ? block : LEAST, (float)(2 * factor), p, g, { 0 } };
    int64_t blocks = (n + b.block - 1) / b.block;
    int rc = be->ops->parallel_for(be, blocks, 1, add_blocks, &b);
    for (int64_t k = 0; k < blocks; k++) sum += b.sum[k];
    *penalty = factor * sum;
    return rc;
}

static const tn_regularizer table = { sizeof table, 0, add };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_REGULARIZER, .table = &table, .name = "l2",
    .brief = "penalty on squared parameters",
    .doc = "Adds factor (p_1^2 + ... + p_n^2) to the loss and 2 factor p to the gradient.\n\n"
           "With `sgd` it does what weight_decay = 2 factor does. With `adam` that is the coupled form;\n"
           "its option `decoupled` with weight_decay is usually better (Loshchilov, Hutter, *Decoupled\n"
           "Weight Decay Regularization*, ICLR 2019).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(regularizer), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("l2", "1.0", "The Tenon authors", "MIT", "", parts)
