/* skeleton.c -- an activation with a parameter of the user's:
 *
 *     y = x * sigmoid(beta x)        dy/dx = s + beta x s (1 - s)   with s = sigmoid(beta x)
 *
 * To make it yours: change `value` and `slope`, then the options and the doc.                                */
#include <math.h>
#include <tenon/tenon.h>

typedef struct config { double beta; } config;
typedef struct self { float beta; } self;

static const tn_option options[] = {
    TN_REAL(config, beta, 1.0, 0, 100, "how sharply it bends at zero"),
};

static float value(const self *s, float x)
{
    return x / (1.0f + expf(-s->beta * x));
}

/* Derivative at x. */
static float slope(const self *s, float x)
{
    float g = 1.0f / (1.0f + expf(-s->beta * x));
    return g + s->beta * x * g * (1.0f - g);
}

/* ---- over all rows ------------------------------------------------------------------------------------------ */

static int open_(const tn_api *api, tn_host *host, const void *options_, void *self_)
{
    const config *c = options_;
    self *s = self_;
    (void)api, (void)host;
    s->beta = (float)c->beta;
    return TN_OK;
}

typedef struct span { const self *s; const float *x, *dy; float *to; } span;

static void forward_span(void *ctx, int64_t from, int64_t to)
{
    const span *p = ctx;
    for (int64_t i = from; i < to; i++) p->to[i] = value(p->s, p->x[i]);
}

static void backward_span(void *ctx, int64_t from, int64_t to)
{
    const span *p = ctx;
    for (int64_t i = from; i < to; i++) p->to[i] = p->dy[i] * slope(p->s, p->x[i]);
}

static int forward(void *self_, tn_be *be, int64_t rows, int64_t width, const float *x, float *y)
{
    span p = { self_, x, NULL, y };
    return be->ops->parallel_for(be, rows * width, 1024, forward_span, &p);
}

/* Sets dx; it may be the same memory as dy. y is not read: flags say TN_USES_IN alone. */
static int backward(void *self_, tn_be *be, int64_t rows, int64_t width, const float *x, const float *y,
                    const float *dy, float *dx)
{
    span p = { self_, x, dy, dx };
    (void)y;
    return be->ops->parallel_for(be, rows * width, 1024, backward_span, &p);
}

static const tn_activation activation = { .size = sizeof activation, .flags = TN_USES_IN, .means = TN_VALUES,
                                          .forward = forward, .backward = backward };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_ACTIVATION, .table = &activation, .name = "skeleton",
    .brief = "x times the sigmoid of beta x",
    .doc = "    y = x sigmoid(beta x)\n",
    .options = options, .n_options = sizeof options / sizeof *options, .option_size = sizeof *options,
    .config_size = sizeof(config), .self_size = sizeof(self), .open = open_,
};
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("skeleton", "0.1", "", "", "", parts)
