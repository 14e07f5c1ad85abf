/* max_norm.c -- a bound on the length of the weights into each unit. */
#include <math.h>
#include <tenon/tenon.h>

typedef struct config { double limit; } config;
typedef struct regularizer { const config *options; } regularizer;

static const tn_option options[] = {
    TN_REAL_X(config, limit, TN_O_OPEN_MIN, 2, 0, 1e9, "greatest length of a row"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((regularizer *)self)->options = opts;
    return TN_OK;
}

/* w = w limit / |w| where |w| > limit */
static int constrain(void *self, tn_be *be, int64_t rows, int64_t width, float *p)
{
    double limit = ((const regularizer *)self)->options->limit;
    (void)be;
    for (int64_t r = 0; r < rows; r++) {
        float *w = p + r * width;
        double squares = 0;
        for (int64_t j = 0; j < width; j++) squares += (double)w[j] * (double)w[j];
        if (squares <= limit * limit) continue;
        double by = limit / sqrt(squares);
        for (int64_t j = 0; j < width; j++) w[j] = (float)((double)w[j] * by);
    }
    return TN_OK;
}

static const tn_regularizer table = { .size = sizeof table, .constrain = constrain };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_REGULARIZER, .table = &table, .name = "max_norm",
    .brief = "bound on the length of the weights into each unit",
    .doc = "After each update, a row of a parameter that is longer than `limit` is scaled back to it. A row holds the\n"
           "weights into one unit (of one gate), or one word of an embedding; biases are left alone, unless `layers`\n"
           "names them. It is no part of the loss.\n\n"
           "    [[regularizer]]\n"
           "    type = \"max_norm\"\n"
           "    limit = 3.0\n"
           "    layers = [\"output\"]\n\n"
           "Keras' `MaxNorm(axis=0)` is the same: it keeps the weights into a unit in a column.\n\n"
           "Source: Srivastava et al., *Dropout: A Simple Way to Prevent Neural Networks from Overfitting* (JMLR 2014).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(regularizer), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("max_norm", "1.0", "The Tenon authors", "MIT", "", parts)
