/* conv1d.c -- convolution along the steps of a sequence: each window of steps becomes one row, y = act(W [x_t, ...] + b).
 *
 * The rows under each tap of each window are found once. A block of windows is laid out as rows of window * inputs
 * numbers for one matrix product, and back; the gradient of the weights reads the rows where they lie, tap by tap. */
#include <string.h>
#include "activated.h"
#include "lanes.h"
#include "window.h"

typedef struct config {
    int64_t filters, window, stride, dilation;
    int32_t edges, bias;
    tn_part *activation;
} config;
typedef struct layer {
    window w;
    int64_t in, out;
    int bias, rows, block;                 /* slots: saved, rows under the taps, [window][N]; work, a block of windows */
    activated act;
} layer;
enum { WEIGHT, BIAS };
enum { BLOCK = 256 };                      /* windows laid out at a time */

static const char *const edges[] = { "valid", "same", "causal", "full", NULL };
static const tn_option options[] = {
    TN_INT_X(config, filters, TN_O_SIZE | TN_O_REQUIRED, 1, 1, 1e6,
             "width of the output, or the name of a field: as many as it has values"),
    TN_INT_X(config, window, TN_O_REQUIRED, 3, 1, 4096, "how many steps a filter sees, also called kernel size"),
    TN_INT(config, stride, 1, 1, 4096, "steps from one window to the next"),
    TN_INT(config, dilation, 1, 1, 4096, "steps from one tap of a window to the next"),
    TN_ENUM(config, edges, EDGES_VALID, edges,
            "which windows there are: those inside the sequence, one for each step (around it or up to it), or all that touch it"),
    TN_BOOL(config, bias, 1, "whether a bias is added"),
    TN_SUBPART(config, activation, TN_ACTIVATION, NULL, "function applied to each row of the output; none if not given"),
};

static int32_t windows_of(void *self, const int32_t *steps)
{
    return (int32_t)window_count(&((const layer *)self)->w, steps[0]);
}

static int plan_params(const tn_api *api, tn_plan *p, const layer *l)
{
    int64_t fan_in = l->w.size * l->in, fan_out = l->w.size * l->out;
    tn_param weight = { .size = sizeof weight, .name = "weight", .init = "glorot_uniform", .ndim = 3, .blocks = 1,
                        .dim = { l->out, l->w.size, l->in, 1 }, .fan_in = fan_in, .fan_out = fan_out };
    tn_param bias = { .size = sizeof bias, .flags = TN_P_NO_DECAY, .name = "bias",
                      .init = "{ type = 'constant', value = 0.0 }", .ndim = 1, .blocks = 1, .dim = { l->out, 1, 1, 1 },
                      .fan_in = fan_in, .fan_out = fan_out };
    int rc = api->add_param(p, &weight);
    if (rc >= 0) rc = api->add_packed(p, rc, 1, 1);
    if (rc >= 0 && l->bias) rc = api->add_param(p, &bias);
    return rc < 0 ? rc : TN_OK;
}

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    const config *o = opts;
    layer *l = self;
    (void)n_in;
    *l = (layer){ .w = { o->window, o->stride, o->dilation, o->edges }, .in = in[0]->width, .out = o->filters, .bias = o->bias };
    int layout = window_layout(api, host, p, &l->w, in[0], "conv1d", windows_of);
    if (layout < 0) return layout;
    tn_spec y = { .dtype = TN_F32, .layout = layout, .width = l->out };
    tn_spec rows = { .dtype = TN_I32, .layout = layout, .width = l->w.size };
    tn_spec block = { .dtype = TN_F32, .rows = BLOCK, .width = l->w.size * l->in };
    int rc = activated_plan(api, host, p, "conv1d", o->activation, &y, &l->act);
    if (!rc) rc = api->add_out(p, NULL, &y);
    if (rc >= 0) rc = l->rows = api->add_saved(p, &rows);
    if (rc >= 0) rc = l->block = api->add_work(p, &block);
    api->uses(p, activated_uses(&l->act));
    return rc < 0 ? rc : plan_params(api, p, l);
}

/* ---- windows ------------------------------------------------------------------------------------------- */
typedef struct job { const layer *l; const tn_call *c; int64_t first, n; } job; /* windows first .. first + n - 1 */

static const int32_t *tap(const job *b, int64_t k)
{
    return (const int32_t *)b->c->saved[b->l->rows]->data + k * b->c->out[0]->rows;
}

static void find_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const tn_layout *x = b->c->in[0]->lay, *y = b->c->out[0]->lay;
    for (int64_t k = 0; k < b->l->w.size; k++) {
        int32_t *row = (int32_t *)b->c->saved[b->l->rows]->data + k * y->rows;
        for (int64_t r = from; r < end; r++) row[r] = window_row(&b->l->w, x, y, (int32_t)r, k);
    }
}

/* Windows as rows: the taps one after the other, zeros outside of the sequence. */
static void lay_out_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    int64_t in = b->l->in, size = b->l->w.size;
    const float *x = b->c->in[0]->data;
    for (int64_t i = from; i < end; i++)
        for (int64_t k = 0; k < size; k++) {
            float *to_tap = (float *)b->c->work[b->l->block]->data + (i * size + k) * in;
            int32_t row = tap(b, k)[b->first + i];
            if (row >= 0) memcpy(to_tap, x + row * in, sizeof *x * (size_t)in);
            else memset(to_tap, 0, sizeof *x * (size_t)in);
        }
}

/* The gradients of windows added to those of the steps under them. Threads take columns, for windows overlap. */
static void add_back_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    int64_t in = b->l->in, size = b->l->w.size;
    float *dx = b->c->d_in[0]->data;
    for (int64_t i = 0; i < b->n; i++)
        for (int64_t k = 0; k < size; k++) {
            const float *d = (const float *)b->c->work[b->l->block]->data + (i * size + k) * in;
            int32_t row = tap(b, k)[b->first + i];
            if (row >= 0) lanes_add(dx + row * in + from, 1, d + from, end - from);
        }
}

/* ---- phases -------------------------------------------------------------------------------------------- */
/* z = X W^T + b, X: [N, window * inputs];  y = act(z) */
static int forward(void *self, const tn_call *c)
{
    const layer *l = self;
    const tn_ops *ops = c->be->ops;
    int64_t n = c->out[0]->rows, deep = l->w.size * l->in;
    float *y = c->out[0]->data, *z = activated_z(&l->act, c, y);
    job b = { l, c, 0, n };
    int rc = ops->parallel_for(c->be, n, WINDOW_GRAIN, find_piece, &b);
    for (; b.first < n && !rc; b.first += BLOCK) {
        b.n = n - b.first < BLOCK ? n - b.first : BLOCK;
        rc = ops->parallel_for(c->be, b.n, WINDOW_GRAIN, lay_out_piece, &b);
        tn_product p = { .size = sizeof p, .groups = 1, .rows = b.n, .k = deep, .units = l->out, .x = c->work[l->block]->data,
                         .ldx = deep, .init = l->bias ? c->param[BIAS]->data : NULL, .packed = c->packed[0],
                         .y = z + b.first * l->out, .ldy = l->out };
        if (!rc) rc = ops->product(c->be, &p);
    }
    return rc ? rc : activated_forward(&l->act, c, n, l->out, y);
}

/* dz = dy act'(z);  dX = dz W, and each row of dX is added to the steps of its window */
static int backward(void *self, const tn_call *c)
{
    const layer *l = self;
    const tn_ops *ops = c->be->ops;
    int64_t n = c->out[0]->rows, deep = l->w.size * l->in;
    if (!c->d_out[0]) return TN_OK;
    int rc = activated_backward(&l->act, c, n, l->out, c->out[0]->data, c->d_out[0]->data);
    const float *dz = activated_dz(&l->act, c, c->d_out[0]->data);
    job b = { l, c, 0, n };
    for (; b.first < n && !rc && c->d_in[0]; b.first += BLOCK) {
        b.n = n - b.first < BLOCK ? n - b.first : BLOCK;
        rc = ops->gemm(c->be, 0, 0, b.n, deep, l->out, dz + b.first * l->out, l->out, c->param[WEIGHT]->data, deep, 0,
                       c->work[l->block]->data, deep);
        if (!rc) rc = ops->parallel_for(c->be, l->in, 2 * LANE_COUNT, add_back_piece, &b);
    }
    return rc;
}

/* dW_k += dz^T x under tap k;  db += sum over windows of dz */
static int gradient(void *self, const tn_call *c)
{
    const layer *l = self;
    int64_t n = c->out[0]->rows, deep = l->w.size * l->in;
    int rc = TN_OK;
    if (!c->d_out[0]) return TN_OK;
    const float *dz = activated_dz(&l->act, c, c->d_out[0]->data);
    job b = { l, c, 0, n };
    for (int64_t k = 0; k < l->w.size && !rc && c->d_param[WEIGHT]; k++)
        rc = c->be->ops->outer_add(c->be, n, l->out, dz, l->out, l->in, c->in[0]->data, l->in, tap(&b, k),
                                   (float *)c->d_param[WEIGHT]->data + k * l->in, deep, NULL);
    if (!rc && l->bias && c->d_param[BIAS]) rc = c->be->ops->sum_rows(c->be, n, l->out, dz, l->out, c->d_param[BIAS]->data);
    return rc;
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .min_in = 1, .max_in = 1, .plan = plan, .impls = impls,
                                .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "conv1d",
    .brief = "convolution along the steps of a sequence",
    .doc = "y_u = act(b + sum over k of W_k x_(u stride + k dilation - left)), k = 0 .. window - 1: one row for each\n"
           "window of steps. Steps outside of the sequence count as zeros.\n\n"
           "`edges` says which windows there are, of T steps and a window that spans E = (window - 1) dilation + 1:\n\n"
           "* `valid`: those that lie inside, floor((T - E) / stride) + 1 of them; a sequence shorter than E has\n"
           "  none and becomes an empty one, which recurrent layers and pooling take (it pools to zeros);\n"
           "* `same`: ceil(T / stride), in the middle of what they see, as Keras counts (one more step to the\n"
           "  right where it does not come out even) and PyTorch at stride 1;\n"
           "* `causal`: as many, each up to its own step and none after it;\n"
           "* `full`: all that touch the sequence, floor((T + E - 2) / stride) + 1, also called wide.\n\n"
           "With `same` or `causal` and stride 1 the rows are the steps themselves, so that the output goes\n"
           "together with other layers over the same steps; else the layer makes a sequence of its own length.\n"
           "An empty sequence stays empty. Over the characters of words, where a sequence lies inside each step\n"
           "of another one, `max` behind it gives a row a word:\n\n"
           "    [[layer]]\n"
           "    type = \"conv1d\"\n"
           "    inputs = \"char_embedding\"\n"
           "    filters = 30\n"
           "    window = 3\n"
           "    edges = \"same\"\n\n"
           "Parameters: `weight` (filters x window x inputs; PyTorch's `nn.Conv1d` has filters x inputs x window)\n"
           "and `bias`. First values: `glorot_uniform` with window * inputs and window * filters, as Keras; 0.\n\n"
           "Sources: Waibel and others, *Phoneme Recognition Using Time-Delay Neural Networks* (IEEE Transactions\n"
           "on Acoustics, Speech and Signal Processing 37, 1989); Kim, *Convolutional Neural Networks for Sentence\n"
           "Classification* (EMNLP 2014).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(layer) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("conv1d", "1.0", "The Tenon authors", "MIT", "", parts)
