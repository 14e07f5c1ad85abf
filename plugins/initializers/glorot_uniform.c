/* glorot_uniform.c -- uniform numbers, spread by how many inputs and outputs there are. */
#include <math.h>
#include <tenon/random.h>

typedef struct config { double gain; } config;
typedef struct initializer { const config *options; } initializer;

static const tn_option options[] = {
    TN_REAL_X(config, gain, TN_O_OPEN_MIN, 1, 0, 1e6, "factor on the spread"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((initializer *)self)->options = opts;
    return TN_OK;
}

/* r = gain sqrt(6 / (inputs + outputs));  p_i uniform between -r and r */
static int fill(void *self, const tn_param *w, int64_t rows, int64_t width, tn_rng rng, float *p)
{
    int64_t inputs = w->fan_in > 0 ? w->fan_in : width, outputs = w->fan_out > 0 ? w->fan_out : rows;
    double spread = ((const initializer *)self)->options->gain * sqrt(6 / (double)(inputs + outputs));
    for (int64_t i = 0; i < rows * width; i++)
        p[i] = (float)(spread * (2 * tn_random_real(rng, (uint64_t)i) - 1));
    return TN_OK;
}

static const tn_initializer table = { sizeof table, 0, fill };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_INITIALIZER, .table = &table, .name = "glorot_uniform",
    .brief = "uniform numbers, spread by how many inputs and outputs there are",
    .doc = "Uniform between -r and r, r = gain sqrt(6 / (inputs + outputs)), where inputs and outputs\n"
           "are those of one matrix; the matrices of several gates that lie in one parameter are filled\n"
           "one by one.\n\n"
           "Source: Glorot, Bengio, *Understanding the Difficulty of Training Deep Feedforward Neural\n"
           "Networks* (AISTATS 2010).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(initializer), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("glorot_uniform", "1.0", "The Tenon authors", "MIT", "", parts)
