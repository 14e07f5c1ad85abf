/* window.h -- what conv1d and max_pool1d share: windows of steps along a sequence, and the layout that they give.
 *
 * A window has `size` taps, `dilation` steps apart, so it spans E = (size - 1) dilation + 1 steps; windows begin `stride`
 * steps apart. Of a sequence of T steps, the first begins at step -left:
 *
 *     edges    windows                                                   left
 *     valid    floor((T - E) / stride) + 1, none where T < E             0
 *     same     ceil(T / stride)                                          half of what is missing, rounded down
 *     causal   ceil(T / stride)                                          E - 1
 *     full     floor((T + E - 2) / stride) + 1, none where T = 0         E - 1
 *
 * For `same`, (windows - 1) stride + E - T steps are missing, or none (Keras; PyTorch at stride 1). Each of these grows
 * with T, so the sequences keep their order: sequence s there is sequence s here. */
#ifndef WINDOW_H
#define WINDOW_H
#include <tenon/tenon.h>

enum { EDGES_VALID, EDGES_SAME, EDGES_CAUSAL, EDGES_FULL };
typedef struct window { int64_t size, stride, dilation; int32_t edges; } window;
enum { WINDOW_GRAIN = 64 };                /* windows that are worth another thread */

static inline int64_t window_span(const window *w) { return (w->size - 1) * w->dilation + 1; }

static inline int64_t window_count(const window *w, int64_t steps)
{
    int64_t span = window_span(w);
    if (steps == 0) return 0;
    switch (w->edges) {
    case EDGES_VALID: return steps < span ? 0 : (steps - span) / w->stride + 1;
    case EDGES_FULL: return (steps + span - 2) / w->stride + 1;
    default: return (steps + w->stride - 1) / w->stride;
    }
}

static inline int64_t window_left(const window *w, int64_t steps)
{
    int64_t span = window_span(w), missing = (window_count(w, steps) - 1) * w->stride + span - steps;
    switch (w->edges) {
    case EDGES_VALID: return 0;
    case EDGES_SAME: return missing > 0 ? missing / 2 : 0;
    default: return span - 1;
    }
}

/* The layout of the windows: that of the steps where there are as many, else a new one by `length`. */
static inline int window_layout(const tn_api *api, tn_host *host, tn_plan *p, const window *w, const tn_spec *in,
                                const char *name, int32_t (*length)(void *, const int32_t *))
{
    int32_t parent = in->layout > TN_FIXED ? api->parent(p, in->layout) : 0;
    if (in->means == TN_IDS)
        return tn_fail(api, host, TN_ESHAPE,
                       "%s: the input is ids (words or classes), not numbers; embed them first", name);
    if (in->across) return tn_fail(api, host, TN_ESHAPE, "%s: the input is ragged", name);
    if (parent <= 0)
        return tn_fail(api, host, TN_ESHAPE, "%s: the input has one row an example, there are no steps to look along", name);
    if (w->stride == 1 && (w->edges == EDGES_SAME || w->edges == EDGES_CAUSAL || window_span(w) == 1)) return in->layout;
    tn_grow grow = { .size = sizeof grow, .parent = parent, .name = "windows", .n_from = 1, .from = &in->layout,
                     .length = length, .like = in->layout };
    return api->add_layout(p, &grow);
}

/* Row of x under tap k of window r; -1: outside of the sequence. */
static inline int32_t window_row(const window *w, const tn_layout *x, const tn_layout *y, int32_t r, int64_t k)
{
    int32_t t = y->step[r], s = r - y->first[t];
    int64_t at = t * w->stride - window_left(w, x->length[s]) + k * w->dilation;
    return at < 0 || at >= x->length[s] ? -1 : x->first[at] + s;
}
#endif
