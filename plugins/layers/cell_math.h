/* cell_math.h -- the functions that a recurrent cell has for its gates and for what it takes in: tanh and the sigmoid, or any
 * activation that works number by number. The built-in ones are computed within the cell's own loops.               */
#ifndef CELL_MATH_H
#define CELL_MATH_H
#include "tenon/tenon.h"
#include "row_vectors.h"

enum { CELL_TANH, CELL_SIGMOID };
typedef struct function { int builtin; const tn_activation *table; void *self; } function; /* table NULL: built in */

/* The function of an option; part NULL: the built-in one. */
static int function_of(const tn_api *api, tn_host *host, const char *option, tn_part *part, int builtin, function *f)
{
    *f = (function){ .builtin = builtin };
    if (!part) return TN_OK;
    f->table = api->part_table(part, TN_ACTIVATION, &f->self);
    if (!f->table) return tn_fail(api, host, TN_EINVAL, "%s: the activation cannot be opened", option);
    if (f->table->flags & TN_A_NORMALIZES)
        return tn_fail(api, host, TN_EINVAL, "%s: a cell needs a function of one number; this activation is one of a whole row", option);
    return TN_OK;
}

/* Whether the slope needs what went in, beside the value. */
static int needs_input(const function *f) { return f->table && f->table->flags & TN_USES_IN; }

static __attribute__((noinline)) tn_vf call_value(tn_be *be, const function *f, tn_vf x, int64_t n)
{
    float in[TN_VL], out[TN_VL] = { 0 };
    tn_store(in, x);
    f->table->forward(f->self, be, 1, n, in, out);
    return tn_load(out);
}
static __attribute__((noinline)) tn_vf call_slope(tn_be *be, const function *f, tn_vf x, tn_vf y, int64_t n)
{
    float in[TN_VL], value[TN_VL], one[TN_VL], out[TN_VL] = { 0 };
    tn_store(in, x), tn_store(value, y), tn_store(one, tn_set(1));
    f->table->backward(f->self, be, 1, n, in, value, one, out);
    return tn_load(out);
}

/* f(x) of n numbers */
TN_INLINE tn_vf cell_value(tn_be *be, const function *f, tn_vf x, int64_t n)
{
    if (f->table) return call_value(be, f, x, n);
    return f->builtin == CELL_TANH ? tn_tanh(x) : tn_sigmoid(x);
}
/* f'(x) from y = f(x), and from x where needs_input() says so */
TN_INLINE tn_vf cell_slope(tn_be *be, const function *f, tn_vf x, tn_vf y, int64_t n)
{
    tn_vf one = tn_set(1);
    if (f->table) return call_slope(be, f, x, y, n);
    return f->builtin == CELL_TANH ? tn_fma(-y, y, one) : y * (one - y);
}

/* y = f(x) of a row of n numbers; x == y allowed */
static inline void row_values(tn_be *be, const function *f, const float *x, float *y, int64_t n)
{
#define ROW_TANH(j, m) give(y + (j), tn_tanh(take(x + (j), (m))), (m))
#define ROW_SIGMOID(j, m) give(y + (j), tn_sigmoid(take(x + (j), (m))), (m))
    if (f->table) f->table->forward(f->self, be, 1, n, x, y);
    else if (f->builtin == CELL_TANH) FOR_VECTORS(n, ROW_TANH);
    else FOR_VECTORS(n, ROW_SIGMOID);
}
/* d *= f'(x) of a row of n numbers; x and y as in cell_slope */
static inline void row_slopes(tn_be *be, const function *f, const float *x, const float *y, float *d, int64_t n)
{
    tn_vf one = tn_set(1);
#define TANH_SLOPE(j, m) { tn_vf v = take(y + (j), (m)); give(d + (j), take(d + (j), (m)) * tn_fma(-v, v, one), (m)); }
#define SIGMOID_SLOPE(j, m) { tn_vf v = take(y + (j), (m)); give(d + (j), take(d + (j), (m)) * (v * (one - v)), (m)); }
    if (f->table) f->table->backward(f->self, be, 1, n, x, y, d, d);
    else if (f->builtin == CELL_TANH) FOR_VECTORS(n, TANH_SLOPE);
    else FOR_VECTORS(n, SIGMOID_SLOPE);
}
#endif
