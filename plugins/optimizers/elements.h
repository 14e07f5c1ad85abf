/* elements.h -- walks the elements of an update: all of them, or those of the rows in use. */
#ifndef ELEMENTS_H
#define ELEMENTS_H
#include <tenon/tenon.h>

enum { ELEMENTS_A_PIECE = 8192 };

/* What an optimizer hands to its threads. span() updates elements from .. end of the flat buffers. */
typedef struct walk {
    const tn_update *u;
    const void *how;                       /* the optimizer's own numbers of this step */
    void (*span)(const struct walk *, int64_t from, int64_t end);
} walk;

static void walk_all(void *to, int64_t from, int64_t end)
{
    const walk *w = to;
    w->span(w, from, end);
}

static void walk_rows(void *to, int64_t from, int64_t end)
{
    const walk *w = to;
    for (int64_t i = from; i < end; i++)
        w->span(w, (int64_t)w->u->row[i] * w->u->width, ((int64_t)w->u->row[i] + 1) * w->u->width);
}

/* rows_only: rows that are not in use are left alone. */
static inline int walk_update(tn_be *be, walk *w, int rows_only)
{
    const tn_update *u = w->u;
    if (!rows_only || !u->row) return be->ops->parallel_for(be, u->n, ELEMENTS_A_PIECE, walk_all, w);
    return be->ops->parallel_for(be, u->rows, 1 + ELEMENTS_A_PIECE / u->width, walk_rows, w);
}
#endif
