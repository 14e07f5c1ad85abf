/* dense.c -- a fully connected layer on rows: y = act(x W^T + b). The weight lies as in PyTorch's nn.Linear, units x
 * inputs. It never asks which layout its rows belong to. */
#include <string.h>
#include "activated.h"

typedef struct config { int64_t units; int32_t bias; tn_part *activation; const char *tied; } config;
typedef struct layer {
    int64_t in, out;
    int bias;
    const char *tied;
    activated act;
} layer;
enum { WEIGHT, BIAS };

static const tn_option options[] = {
    TN_INT_X(config, units, TN_O_SIZE | TN_O_REQUIRED, 1, 1, 1e8,
             "width of the output, or the name of a field: as many as it has values"),
    TN_BOOL(config, bias, 1, "whether a bias is added"),
    TN_SUBPART(config, activation, TN_ACTIVATION, NULL, "function applied to each row of the output; none if not given"),
    TN_STR(config, tied, NULL, "layer whose `weight` is this one's, too: an embedding that runs before it"),
};

static int plan_params(const tn_api *api, tn_plan *p, const layer *l)
{
    tn_param weight = { .size = sizeof weight, .name = "weight", .init = "glorot_uniform", .ndim = 2,
                        .blocks = 1,
                        .dim = { l->out, l->in, 1, 1 }, .fan_in = l->in, .fan_out = l->out };
    tn_param bias = { .size = sizeof bias, .flags = TN_P_NO_DECAY, .name = "bias",
                      .init = "{ type = 'constant', value = 0.0 }",
                      .ndim = 1, .blocks = 1, .dim = { l->out, 1, 1, 1 }, .fan_in = l->in,
                      .fan_out = l->out };
    char shared[300];
    if (l->tied) {
        snprintf(shared, sizeof shared, "%s%s", l->tied, strchr(l->tied, '.') ? "" : ".weight");
        weight.shares = shared;
    }
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
    if (in[0]->means == TN_IDS)
        return tn_fail(api, host, TN_ESHAPE,
                       "dense: the input is ids (words or classes), not numbers; embed them first");
    if (in[0]->across) return tn_fail(api, host, TN_ESHAPE, "dense: the input is ragged");
    *l = (layer){ .in = in[0]->width, .out = o->units, .bias = o->bias, .tied = o->tied };
    tn_spec y = { .dtype = TN_F32, .means = TN_VALUES, .layout = in[0]->layout, .rows = in[0]->rows, .width = l->out };
    int rc = activated_plan(api, host, p, "dense", o->activation, &y, &l->act);
    if (!rc) rc = api->add_out(p, NULL, &y);
    if (rc < 0) return rc;
    api->uses(p, activated_uses(&l->act) | (o->activation ? 0 : TN_BY_COLUMNS));
    return plan_params(api, p, l);
}

/* z = x W^T + b: [N, units] = [N, inputs] [inputs, units];  y = act(z) */
static int forward(void *self, const tn_call *c)
{
    const layer *l = self;
    const tn_ops *ops = c->be->ops;
    int64_t n = c->in[0]->rows;
    float *y = c->out[0]->data, *z = activated_z(&l->act, c, y);
    tn_product p = { .size = sizeof p, .groups = 1, .rows = n, .k = l->in, .units = l->out, .x = c->in[0]->data, .ldx = l->in,
                     .init = l->bias ? c->param[BIAS]->data : NULL, .packed = c->packed[0], .y = z, .ldy = l->out };
    int rc = ops->product(c->be, &p);
    return rc ? rc : activated_forward(&l->act, c, n, l->out, y);
}

static int no_gradient(const tn_call *c)
{
    tn_tensor *dx = c->d_in[0];
    return dx && c->flags & TN_C_SET ? c->be->ops->fill(c->be, dx->data, TN_F32, dx->rows * dx->width, 0) : TN_OK;
}

/* The gradient is of all units, or of a piece of them: from where on. */
static float *from_unit(const tn_call *c, tn_tensor *t, int64_t width) { return t ? (float *)t->data + c->column * width : NULL; }

/* dz = dy act'(z);  dx += dz W */
static int backward(void *self, const tn_call *c)
{
    const layer *l = self;
    int64_t n = c->in[0]->rows;
    if (!c->d_out[0]) return no_gradient(c);
    const float *dy = c->d_out[0]->data, *weight = from_unit(c, c->param[WEIGHT], l->in);
    int64_t units = c->d_out[0]->width;
    int rc = activated_backward(&l->act, c, n, units, c->out[0]->data, dy);
    if (rc || !c->d_in[0]) return rc;
    return c->be->ops->gemm(c->be, 0, 0, n, l->in, units, activated_dz(&l->act, c, dy), units, weight, l->in,
                            c->flags & TN_C_SET ? 0 : 1, c->d_in[0]->data, l->in);
}

/* dW += dz^T x;  db += sum over rows of dz */
static int gradient(void *self, const tn_call *c)
{
    const layer *l = self;
    int64_t n = c->in[0]->rows;
    if (!c->d_out[0]) return TN_OK;
    int64_t units = c->d_out[0]->width;
    const float *dz = activated_dz(&l->act, c, c->d_out[0]->data);
    float *weight = from_unit(c, c->d_param[WEIGHT], l->in), *bias = l->bias ? from_unit(c, c->d_param[BIAS], 1) : NULL;
    if (weight) return c->be->ops->outer_add(c->be, n, units, dz, units, l->in, c->in[0]->data, l->in, NULL, weight, l->in, bias);
    return bias ? c->be->ops->sum_rows(c->be, n, units, dz, units, bias) : TN_OK;
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .flags = TN_L_SETS, .min_in = 1, .max_in = 1, .plan = plan,
                                .impls = impls, .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "dense",
    .brief = "fully connected layer",
    .doc = "y = act(x W^T + b) for each row x, whether a row is an example or a step.\n\n"
           "Parameters: `weight` (units x inputs, as PyTorch's `nn.Linear` keeps it) and `bias` (units).\n"
           "First values: `weight` from `glorot_uniform`, `bias` 0. Weight decay and regularizers leave\n"
           "the bias alone.\n\n"
           "With `tied` W is the weight of another layer, which runs before this one: that of an embedding\n"
           "in a language model, units x inputs = words x width, so the inputs must be as many as the\n"
           "embedding is wide. It is one parameter: both layers' gradients add up in it, checkpoints and\n"
           "counts hold it once, under the name of the other layer, whose settings it has. Every row of it\n"
           "is in use in every step, so `lazy` of an optimizer does nothing there.\n\n"
           "    [[layer]]\n"
           "    name = \"words\"\n"
           "    type = \"embedding\"\n"
           "    width = 200\n"
           "    [[layer]]\n"
           "    type = \"lstm\"\n"
           "    units = 200\n"
           "    [[layer]]\n"
           "    type = \"dense\"\n"
           "    units = \"text\"\n"
           "    tied = \"words\"\n\n"
           "Sources: Press, Wolf, *Using the Output Embedding to Improve Language Models* (EACL 2017); Inan,\n"
           "Khosravi, Socher, *Tying Word Vectors and Word Classifiers* (ICLR 2017).\n\n"
           "Without an activation the output is plain values, which `cross_entropy` and\n"
           "`binary_cross_entropy` take as logits; with `softmax` or `sigmoid` it is probabilities, and\n"
           "they take it as such.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(layer) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("dense", "1.0", "The Tenon authors", "MIT", "", parts)
