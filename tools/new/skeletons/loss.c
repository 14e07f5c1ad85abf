/* skeleton.c -- a loss: the mean of log cosh of the error, which is half its square where it is small and its size
 * where it is large. For each row, with d = output - target,
 *
 *     loss = scale / width * sum_j log(cosh(d_j))        d loss / d output_j = scale / width * tanh(d_j)
 *
 * A loss gives one value a row; the host takes the mean. To make it yours: change `value` and `slope`.       */
#include <math.h>
#include <tenon/tenon.h>

typedef struct config { double scale; } config;
typedef struct self { int64_t width; float scale; } self;

static const tn_option options[] = {
    TN_REAL_X(config, scale, TN_O_OPEN_MIN, 1.0, 0, 1000, "factor of the loss"),
};

/* log(cosh(d)) without overflow: |d| + log(1 + exp(-2 |d|)) - log 2 */
static float value(float d)
{
    float size = fabsf(d);
    return size + log1pf(expf(-2.0f * size)) - 0.69314718f;
}

static float slope(float d)
{
    return tanhf(d);
}

/* ---- rows --------------------------------------------------------------------------------------------------- */

static int plan(const tn_api *api, tn_host *host, const void *options_, void *self_, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    const config *c = options_;
    self *s = self_;
    (void)n_in;
    if (in[0]->dtype != TN_F32 || in[1]->dtype != TN_F32)
        return tn_fail(api, host, TN_ESHAPE, "output and target must be numbers");
    if (in[0]->width != in[1]->width || in[0]->layout != in[1]->layout)
        return tn_fail(api, host, TN_ESHAPE, "the output has %lld numbers in a row, the target has %lld, or their rows differ",
                       (long long)in[0]->width, (long long)in[1]->width);
    s->width = in[0]->width, s->scale = (float)c->scale / (float)in[0]->width;
    tn_spec y = { .dtype = TN_F32, .layout = in[0]->layout, .rows = in[0]->rows, .width = 1 };
    if (api->add_out(p, NULL, &y) < 0) return TN_EINVAL;
    api->uses(p, TN_USES_IN);
    return TN_OK;
}

static int forward(void *self_, const tn_call *c)
{
    const self *s = self_;
    const float *x = c->in[0]->data, *target = c->in[1]->data;
    float *y = c->out[0]->data;
    for (int64_t r = 0; r < c->in[0]->rows; r++) {
        float sum = 0;
        for (int64_t j = 0; j < s->width; j++) sum += value(x[r * s->width + j] - target[r * s->width + j]);
        y[r] = s->scale * sum;
    }
    return TN_OK;
}

/* Adds; d_out has the factor of each row. A target that is itself computed gets the opposite gradient. */
static int backward(void *self_, const tn_call *c)
{
    const self *s = self_;
    const float *x = c->in[0]->data, *target = c->in[1]->data;
    if (!c->d_out[0]) return TN_OK;
    const float *dy = c->d_out[0]->data;
    float *dx = c->d_in[0] ? c->d_in[0]->data : NULL, *dt = c->d_in[1] ? c->d_in[1]->data : NULL;
    for (int64_t r = 0; r < c->in[0]->rows; r++)
        for (int64_t j = 0, i = r * s->width; j < s->width; j++, i++) {
            float d = dy[r] * s->scale * slope(x[i] - target[i]);
            if (dx) dx[i] += d;
            if (dt) dt[i] -= d;
        }
    return TN_OK;
}

static const tn_impl cpu = { .size = sizeof cpu, .backend = "cpu", .forward = forward, .backward = backward };
static const tn_impl *const impls[] = { &cpu, NULL };
static const tn_layer layer = { .size = sizeof layer, .min_in = 2, .max_in = 2, .plan = plan, .impls = impls };
static const tn_loss loss = { .size = sizeof loss, .wants = TN_VALUES, .layer = &layer };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LOSS, .table = &loss, .name = "skeleton",
    .brief = "mean of log cosh of the error",
    .doc = "    loss = scale / width * sum_j log(cosh(output_j - target_j))\n",
    .options = options, .n_options = sizeof options / sizeof *options, .option_size = sizeof *options,
    .config_size = sizeof(config), .self_size = sizeof(self),
};
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("skeleton", "0.1", "", "", "", parts)
