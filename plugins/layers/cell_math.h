/* cell_math.h -- the functions that a recurrent cell has for its gates and for what it takes in: tanh and the sigmoid, or any
 * activation that works number by number. The built-in ones are computed within the cell's own loops.               */
#ifndef CELL_MATH_H
#define CELL_MATH_H
#include "tenon/tenon.h"
#include "tenon/vec.h"

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
#endif
