/* rows.h -- what layers that move rows share: the output is rows of the input, in another order or on another layout. */
#ifndef ROWS_H
#define ROWS_H
#include <string.h>
#include "lanes.h"
#include <tenon/tenon.h>

enum { ROWS_GRAIN = 16 };                  /* rows that are worth another thread */

/* Numbers, not ids and not ragged. `name` is for messages. */
static inline int rows_check(const tn_api *api, tn_host *host, const tn_spec *in, const char *name)
{
    if (in->means == TN_IDS)
        return tn_fail(api, host, TN_ESHAPE,
                       "%s: the input is ids (words or classes), not numbers; embed them first", name);
    if (in->across) return tn_fail(api, host, TN_ESHAPE, "%s: the input is ragged", name);
    return TN_OK;
}

static inline void rows_copy(float *y, const float *x, int64_t n) { memcpy(y, x, sizeof *x * (size_t)n); }
#endif
