/* activation.c -- an activation function as a layer of its own: y = f(x), row by row, of any width and layout. */
#include "activated.h"

typedef struct config { tn_part *function; } config;
typedef struct layer { const tn_activation *act; void *act_self; } layer;
enum { DX };                               /* work: the function's gradient, where it must be added */

static const tn_option options[] = {
    TN_SUBPART(config, function, TN_ACTIVATION, "relu", "the activation: its name, or a table with its options"),
};

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    layer *l = self;
    tn_spec y = *in[0];
    (void)n_in;
    if (y.means == TN_IDS)
        return tn_fail(api, host, TN_ESHAPE, "activation: the input is ids (words or classes), not numbers; embed them first");
    if (y.across) return tn_fail(api, host, TN_ESHAPE, "activation: the input is ragged");
    l->act = activation_of(api, host, "activation", ((const config *)opts)->function, y.width, &l->act_self);
    if (!l->act) return TN_EINVAL;
    y.means = l->act->means, y.index_of = 0, y.classes = 0;
    int rc = api->add_out(p, NULL, &y);
    if (rc >= 0) rc = api->add_work(p, &y);
    if (rc < 0) return rc;
    api->uses(p, l->act->flags & (TN_USES_IN | TN_USES_OUT));
    return TN_OK;
}

static int forward(void *self, const tn_call *c)
{
    const layer *l = self;
    return l->act->forward(l->act_self, c->be, c->in[0]->rows, c->in[0]->width, c->in[0]->data, c->out[0]->data);
}

/* dx = dy f'(x), added where others add, too */
static int backward(void *self, const tn_call *c)
{
    const layer *l = self;
    const tn_tensor *x = c->in[0];
    tn_tensor *dx = c->d_in[0];
    const int set = (c->flags & TN_C_SET) != 0;
    if (!dx) return TN_OK;
    if (!c->d_out[0]) return set ? c->be->ops->fill(c->be, dx->data, TN_F32, dx->rows * dx->width, 0) : TN_OK;
    float *to = set ? dx->data : c->work[DX]->data;
    int rc = l->act->backward(l->act_self, c->be, x->rows, x->width, l->act->flags & TN_USES_IN ? x->data : NULL,
                              l->act->flags & TN_USES_OUT ? c->out[0]->data : NULL, c->d_out[0]->data, to);
    return rc || set ? rc : c->be->ops->axpy(c->be, x->rows * x->width, 1.0f, to, dx->data);
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, NULL };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .flags = TN_L_SETS, .min_in = 1, .max_in = 1, .plan = plan,
                                .impls = impls, .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "activation",
    .brief = "an activation function as a layer",
    .doc = "y = f(x) for each row x, whether a row is an example or a step. `tenon list activation` shows what f may be;\n"
           "`prelu`, which learns, is a layer of its own. What the output means (probabilities, say) is known from f, as where\n"
           "`dense` has it as an option.\n\n"
           "    [[layer]]\n"
           "    type = \"activation\"\n"
           "    function = { type = \"elu\", alpha = 0.5 }\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(layer) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("activation", "1.0", "The Tenon authors", "MIT", "", parts)
