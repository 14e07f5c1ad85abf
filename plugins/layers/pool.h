/* pool.h -- what layers plan that make each sequence of a layout one row of the layout's parent. */
#ifndef POOL_H
#define POOL_H
#include <tenon/tenon.h>

/* Adds the output: as the input, with one row for each row of the parent. `name` is for messages. */
static inline int pool_plan(const tn_api *api, tn_host *host, tn_plan *p, const tn_spec *in, const char *name)
{
    int32_t parent = in->layout > TN_FIXED ? api->parent(p, in->layout) : 0;
    if (in->means == TN_IDS)
        return tn_fail(api, host, TN_ESHAPE,
                       "%s: the input is ids (words or classes), not numbers; embed them first", name);
    if (in->across) return tn_fail(api, host, TN_ESHAPE, "%s: the input is ragged", name);
    if (parent <= 0)
        return tn_fail(api, host, TN_ESHAPE,
                       "%s: the input has one row an example already, there are no steps to pool", name);
    tn_spec y = *in;
    y.layout = parent, y.rows = 0, y.index_of = 0;
    int slot = api->add_out(p, NULL, &y);
    return slot < 0 ? slot : TN_OK;
}
#endif
