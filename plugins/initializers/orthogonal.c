/* orthogonal.c -- a random matrix whose rows (or columns, whichever are fewer) are orthonormal. */
#include <math.h>
#include <stdlib.h>
#include <tenon/random.h>

typedef struct config { double gain; } config;
typedef struct initializer { const config *options; const tn_api *api; tn_host *host; } initializer;

static const tn_option options[] = {
    TN_REAL_X(config, gain, TN_O_OPEN_MIN, 1, 0, 1e6, "factor on every number"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    *(initializer *)self = (initializer){ opts, api, host };
    return TN_OK;
}

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* Gram-Schmidt over `few` vectors of `many` numbers, twice each, since once loses digits where vectors are nearly
 * parallel. What is left of a vector is divided by its positive length, which fixes the sign: Q is then that of the
 * decomposition A = Q R whose R has a positive diagonal, and its distribution is uniform. */
static void make_orthonormal(double *q, int64_t few, int64_t many)
{
    for (int64_t i = 0; i < few; i++) {
        double *v = q + i * many;
        for (int pass = 0; pass < 2; pass++)
            for (int64_t k = 0; k < i; k++) {
                double by = dot(v, q + k * many, many);
                for (int64_t j = 0; j < many; j++) v[j] -= by * q[k * many + j];
            }
        double length = sqrt(dot(v, v, many));
        for (int64_t j = 0; j < many; j++) v[j] /= length;
    }
}

static int fill(void *self, const tn_param *w, int64_t rows, int64_t width, tn_rng rng, float *p)
{
    const initializer *s = self;
    int64_t few = rows < width ? rows : width, many = rows < width ? width : rows;
    double *q = calloc((size_t)(few * many + 1), sizeof *q);
    (void)w;
    if (!q)
        return tn_fail(s->api, s->host, TN_ENOMEM, "orthogonal: no memory for a matrix of %lld x %lld",
                       (long long)rows, (long long)width);
    for (int64_t i = 0; i < few * many; i++) q[i] = tn_random_normal(rng, (uint64_t)i);
    make_orthonormal(q, few, many);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < width; j++)
            p[i * width + j] = (float)(s->options->gain
                                       * (rows <= width ? q[i * many + j] : q[j * many + i]));
    free(q);
    return TN_OK;
}

static const tn_initializer table = { sizeof table, 0, fill };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_INITIALIZER, .table = &table, .name = "orthogonal",
    .brief = "a random matrix with orthonormal rows or columns",
    .doc = "gain Q, where Q comes from the decomposition A = Q R of a matrix of normal random numbers,\n"
           "with R's diagonal positive. Rows are orthonormal, or columns where there are fewer of these.\n"
           "The matrices of several gates that lie in one parameter are filled one by one. The usual\n"
           "choice for recurrent weights, since products of such matrices neither grow nor vanish.\n\n"
           "Source: Saxe, McClelland, Ganguli, *Exact Solutions to the Nonlinear Dynamics of Learning in\n"
           "Deep Linear Neural Networks* (ICLR 2014).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(initializer), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("orthogonal", "1.0", "The Tenon authors", "MIT", "", parts)
