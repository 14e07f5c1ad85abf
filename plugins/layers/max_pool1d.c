/* max_pool1d.c -- the largest number of each column over windows of steps: a sequence becomes a shorter one. */
#include "window.h"

typedef struct config { int64_t window, stride; int32_t edges; } config;
typedef struct layer { window w; int64_t width; } layer;
enum { ARGMAX };                           /* saved: the row that each number came from */

static const char *const edges[] = { "valid", "same", NULL };
static const tn_option options[] = {
    TN_INT(config, window, 2, 1, 4096, "how many steps are looked at, also called pool size"),
    TN_INT(config, stride, 0, 0, 4096, "steps from one window to the next; 0: as many as `window` has"),
    TN_ENUM(config, edges, EDGES_VALID, edges, "whether windows lie inside the sequence, or reach over its ends"),
};

static int32_t windows_of(void *self, const int32_t *steps)
{
    return (int32_t)window_count(&((const layer *)self)->w, steps[0]);
}

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    const config *o = opts;
    layer *l = self;
    (void)n_in;
    *l = (layer){ { o->window, o->stride ? o->stride : o->window, 1, o->edges }, in[0]->width };
    int layout = window_layout(api, host, p, &l->w, in[0], "max_pool1d", windows_of);
    if (layout < 0) return layout;
    tn_spec y = *in[0], from = { .dtype = TN_I32, .layout = layout, .width = l->width };
    y.layout = layout, y.index_of = 0;
    api->uses(p, 0);
    int rc = api->add_out(p, NULL, &y);
    if (rc >= 0) rc = api->add_saved(p, &from);
    return rc < 0 ? rc : TN_OK;
}

/* y_u[j] = max over the window's steps of x_t[j], the earliest where several are equal */
static void forward_piece(void *to, int64_t from, int64_t end)
{
    const tn_call *c = ((void **)to)[0];
    const layer *l = ((void **)to)[1];
    const float *x = c->in[0]->data;
    int64_t w = l->width;
    for (int64_t u = from; u < end; u++) {
        float *y = (float *)c->out[0]->data + u * w;
        int32_t *came = (int32_t *)c->saved[ARGMAX]->data + u * w;
        int begun = 0;
        for (int64_t k = 0; k < l->w.size; k++) {
            int32_t r = window_row(&l->w, c->in[0]->lay, c->out[0]->lay, (int32_t)u, k);
            if (r < 0) continue;
            for (int64_t j = 0; j < w; j++)
                if (!begun || x[r * w + j] > y[j]) y[j] = x[r * w + j], came[j] = r;
            begun = 1;
        }
    }
}

/* dx of the step that the maximum came from += dy. Threads take sequences, for windows may overlap. */
static void backward_piece(void *to, int64_t from, int64_t end)
{
    const tn_call *c = to;
    const tn_layout *l = c->out[0]->lay;
    int64_t w = c->out[0]->width;
    float *dx = c->d_in[0]->data;
    for (int64_t s = from; s < end; s++)
        for (int32_t t = 0; t < l->length[s]; t++) {
            int64_t u = l->first[t] + s;
            const float *dy = (const float *)c->d_out[0]->data + u * w;
            const int32_t *came = (const int32_t *)c->saved[ARGMAX]->data + u * w;
            for (int64_t j = 0; j < w; j++) dx[came[j] * w + j] += dy[j];
        }
}

static int forward(void *self, const tn_call *c)
{
    const void *both[] = { c, self };
    return c->be->ops->parallel_for(c->be, c->out[0]->rows, WINDOW_GRAIN, forward_piece, (void *)both);
}

static int backward(void *self, const tn_call *c)
{
    (void)self;
    if (!c->d_in[0] || !c->d_out[0]) return TN_OK;
    return c->be->ops->parallel_for(c->be, c->out[0]->lay->sequences, 4, backward_piece, (void *)(uintptr_t)c);
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, NULL };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .min_in = 1, .max_in = 1, .plan = plan, .impls = impls,
                                .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "max_pool1d",
    .brief = "the largest number of each column over windows of steps",
    .doc = "y_uj = max over the steps t of window u of x_tj. Windows begin `stride` steps apart, by default as many\n"
           "as they are long, so that each step is in one of them; the gradient goes to the step that the maximum\n"
           "came from, the earliest where several are equal.\n\n"
           "`edges`, for a sequence of T steps: with `valid` the windows lie inside, floor((T - window) / stride) + 1\n"
           "of them, what is left over at the end is not seen, and a sequence shorter than the window becomes an\n"
           "empty one; with `same` there are ceil(T / stride), those at the ends look at the steps that exist. An\n"
           "empty sequence stays empty. Both are as in Keras' `MaxPooling1D`.\n\n"
           "`max` is the maximum over a whole sequence (`GlobalMaxPooling1D`).\n\n"
           "    [[layer]]\n"
           "    type = \"max_pool1d\"\n"
           "    window = 4\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(layer) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("max_pool1d", "1.0", "The Tenon authors", "MIT", "", parts)
