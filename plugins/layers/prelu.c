/* prelu.c -- a rectifier that learns its slope below zero. It is a layer and no activation, since it has parameters. */
#include <string.h>
#include <tenon/tenon.h>
#include <tenon/vec.h>

typedef struct config { int32_t shared; } config;
typedef struct layer { int shared; int64_t width; } layer;
enum { SLOPE };                            /* parameter                                  */
enum { SLOPES, D_SLOPES };                 /* work: one slope a column, their gradients  */
enum { ELEMENTS_A_PIECE = 4096 };

static const tn_option options[] = {
    TN_BOOL(config, shared, 1, "one slope for all columns, as in PyTorch; false: one for each, as in Keras"),
};

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    layer *l = self;
    tn_spec y = *in[0];
    (void)n_in;
    if (y.means == TN_IDS)
        return tn_fail(api, host, TN_ESHAPE, "prelu: the input is ids (words or classes), not numbers; embed them first");
    if (y.across) return tn_fail(api, host, TN_ESHAPE, "prelu: the input is ragged");
    *l = (layer){ ((const config *)opts)->shared, y.width };
    y.means = TN_VALUES, y.index_of = 0, y.classes = 0;
    tn_param slope = { .size = sizeof slope, .flags = TN_P_NO_DECAY, .name = "slope",
                       .init = "{ type = 'constant', value = 0.25 }", .ndim = 1, .blocks = 1,
                       .dim = { l->shared ? 1 : y.width, 1, 1, 1 }, .fan_in = 1, .fan_out = 1 };
    tn_spec row = { .dtype = TN_F32, .layout = TN_FIXED, .rows = 1, .width = y.width };
    int rc = api->add_out(p, NULL, &y);
    if (rc >= 0) rc = api->add_param(p, &slope);
    if (rc >= 0) rc = api->add_work(p, &row);
    if (rc >= 0) rc = api->add_work(p, &row);
    if (rc < 0) return rc;
    api->uses(p, TN_USES_IN);
    return TN_OK;
}

typedef struct job { int64_t width, rows; const float *a, *x, *dy; float *out; int set; } job;

/* y_j = x_j where x_j > 0, else a_j x_j */
static void forward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    for (int64_t r = from; r < end; r++) {
        const float *x = b->x + r * b->width;
        float *y = b->out + r * b->width;
        for (int64_t j = 0; j < b->width; j++) y[j] = x[j] < 0 ? b->a[j] * x[j] : x[j];
    }
}

/* dx_j = dy_j where x_j > 0, else a_j dy_j */
static void backward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    for (int64_t r = from; r < end; r++) {
        const float *x = b->x + r * b->width, *dy = b->dy + r * b->width;
        float *dx = b->out + r * b->width;
        for (int64_t j = 0; j < b->width; j++) dx[j] = (b->set ? 0 : dx[j]) + (x[j] > 0 ? dy[j] : b->a[j] * dy[j]);
    }
}

/* da_j += sum over the rows of x_j dy_j where x_j < 0 */
static void gradient_columns(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    for (int64_t r = 0; r < b->rows; r++)
        for (int64_t j = from; j < end; j++) {
            float x = b->x[r * b->width + j];
            b->out[j] += x < 0 ? x * b->dy[r * b->width + j] : 0;
        }
}

static const float *slopes(const layer *l, const tn_call *c)
{
    const float *a = c->param[SLOPE]->data;
    float *all = c->work[SLOPES]->data;
    if (!l->shared) return a;
    for (int64_t j = 0; j < l->width; j++) all[j] = a[0];
    return all;
}

static int forward(void *self, const tn_call *c)
{
    const layer *l = self;
    job b = { l->width, 0, slopes(l, c), c->in[0]->data, NULL, c->out[0]->data, 0 };
    return c->be->ops->parallel_for(c->be, c->in[0]->rows, 1 + ELEMENTS_A_PIECE / l->width, forward_rows, &b);
}

static int backward(void *self, const tn_call *c)
{
    const layer *l = self;
    tn_tensor *dx = c->d_in[0];
    const int set = (c->flags & TN_C_SET) != 0;
    if (!dx) return TN_OK;
    if (!c->d_out[0]) return set ? c->be->ops->fill(c->be, dx->data, TN_F32, dx->rows * dx->width, 0) : TN_OK;
    job b = { l->width, 0, slopes(l, c), c->in[0]->data, c->d_out[0]->data, dx->data, set };
    return c->be->ops->parallel_for(c->be, c->in[0]->rows, 1 + ELEMENTS_A_PIECE / l->width, backward_rows, &b);
}

/* Threads take columns; each is summed over the rows in order, and a shared slope over the columns in order after that. */
static int gradient(void *self, const tn_call *c)
{
    const layer *l = self;
    if (!c->d_out[0] || !c->d_param[SLOPE]) return TN_OK;
    float *da = c->d_param[SLOPE]->data, *sums = l->shared ? c->work[D_SLOPES]->data : da;
    job b = { l->width, c->in[0]->rows, NULL, c->in[0]->data, c->d_out[0]->data, sums, 0 };
    if (l->shared) memset(sums, 0, sizeof *sums * (size_t)l->width);
    int rc = c->be->ops->parallel_for(c->be, l->width, 16, gradient_columns, &b);
    for (int64_t j = 0; !rc && l->shared && j < l->width; j++) da[0] += sums[j];
    return rc;
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .flags = TN_L_SETS, .min_in = 1, .max_in = 1, .plan = plan,
                                .impls = impls, .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "prelu",
    .brief = "relu with a slope below zero that is learned",
    .doc = "y_j = x_j where x_j > 0, else a_j x_j. The slope at 0 counts as a_j.\n\n"
           "Parameter: `slope` (a), one number, or one for each column with `shared = false`; its first value is 0.25, as in the\n"
           "paper and PyTorch. Weight decay leaves it alone, since it would push the slope towards relu. Parameters belong to\n"
           "layers, so it stands behind another one and not in the option `activation`:\n\n"
           "    [[layer]]\n"
           "    type = \"dense\"\n"
           "    units = 64\n"
           "    [[layer]]\n"
           "    type = \"prelu\"\n\n"
           "Source: He, Zhang, Ren, Sun, *Delving Deep into Rectifiers* (ICCV 2015).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(layer) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("prelu", "1.0", "The Tenon authors", "MIT", "", parts)
