/* sequence_parts.h -- the sequences of a layout cut into parts, one for a thread to walk over from the first step to the last. */
#ifndef SEQUENCE_PARTS_H
#define SEQUENCE_PARTS_H
#include "tenon/tenon.h"

enum { MOST_PARTS = 256 };

/* Threads that compute, 0 where the backend does not tell. */
static inline int64_t threads_of(const tn_call *c)
{
    const int32_t *threads = c->be->ops->native ? c->be->ops->native(c->be, "threads") : NULL;
    return threads ? *threads : 0;
}

/* Part k is cut[k] .. cut[k + 1] - 1. As many parts as there are threads, over which `walks` of them are spread: few, since a
 * product of many rows is faster, and of about as many rows each. Where the number of threads is not known, of about eight
 * sequences. Returns how many. */
static inline int64_t cut_sequences(const tn_call *c, const tn_layout *l, int64_t walks, int32_t *cut)
{
    int64_t threads = threads_of(c), parts = threads ? (threads + walks - 1) / walks : l->sequences / 8, rows = 0, part = 1;
    if (parts > l->sequences / 4) parts = l->sequences / 4;
    if (parts > MOST_PARTS) parts = MOST_PARTS;
    if (parts < 1) parts = 1;
    cut[0] = 0;
    for (int32_t s = 0; s < l->sequences; s++) {
        while (part < parts && rows * parts >= l->rows * part) cut[part++] = s;
        rows += l->length[s];
    }
    while (part <= parts) cut[part++] = l->sequences;
    return parts;
}
#endif
