/* merge.h -- what concat, add and multiply share: several inputs whose rows are the same become one output. */
#ifndef MERGE_H
#define MERGE_H
#include <tenon/tenon.h>

enum { MERGE_MOST = 16 };                  /* inputs                                           */

/* The output's spec, but for its width: rows as those of every input. `name` is for messages. */
static inline int merge_spec(const tn_api *api, tn_host *host, const char *name, uint32_t n_in, const tn_spec *const *in,
                             tn_spec *y)
{
    for (uint32_t i = 0; i < n_in; i++) {
        if (in[i]->means == TN_IDS)
            return tn_fail(api, host, TN_ESHAPE,
                           "%s: input %u is ids (words or classes), not numbers; embed them first", name, i + 1);
        if (in[i]->across) return tn_fail(api, host, TN_ESHAPE, "%s: input %u is ragged", name, i + 1);
        if (in[i]->layout != in[0]->layout || in[i]->rows != in[0]->rows)
            return tn_fail(api, host, TN_ESHAPE,
                           "%s: inputs 1 and %u have different rows (examples, or steps of different sequences); "
                           "`repeat` brings one row an example to each step, pooling steps to one row", name, i + 1);
    }
    *y = (tn_spec){ .dtype = TN_F32, .layout = in[0]->layout, .rows = in[0]->rows, .width = in[0]->width };
    return TN_OK;
}

/* Widths of add and multiply: all equal, but inputs of one column go with each column of the others. */
static inline int merge_widths(const tn_api *api, tn_host *host, const char *name, uint32_t n_in, const tn_spec *const *in,
                               int64_t *width)
{
    uint32_t widest = 0;
    for (uint32_t i = 1; i < n_in; i++)
        if (in[i]->width > in[widest]->width) widest = i;
    *width = in[widest]->width;
    for (uint32_t i = 0; i < n_in; i++)
        if (in[i]->width != *width && in[i]->width != 1)
            return tn_fail(api, host, TN_ESHAPE, "%s: input %u is %lld wide, input %u is %lld; widths must be equal, or 1", name,
                           i + 1, (long long)in[i]->width, widest + 1, (long long)*width);
    return TN_OK;
}

enum { MERGE_GRAIN = 16 };                 /* rows that are worth another thread               */
#endif
