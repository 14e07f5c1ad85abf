/* elements.h -- walks the elements of an update: all of them, or those of the rows in use. */
#ifndef ELEMENTS_H
#define ELEMENTS_H
#include <tenon/tenon.h>

enum { ELEMENTS_A_PIECE = 8192 };

/* What an optimizer hands to its threads. span() updates elements from .. end of the flat buffers; rest() those whose
 * gradient is zero, without reading it (NULL: span() does). */
typedef struct walk {
    const tn_update *u;
    const void *how;                       /* the optimizer's own numbers of this step */
    void (*span)(const struct walk *, int64_t from, int64_t end);
    void (*rest)(const struct walk *, int64_t from, int64_t end);
} walk;

/* The first of the rows in use that ends behind element `at`. */
static int64_t row_behind(const tn_update *u, int64_t at)
{
    int64_t low = 0, high = u->rows;
    while (low < high) {
        int64_t i = (low + high) / 2;
        if (((int64_t)u->row[i] + 1) * u->width <= at) low = i + 1;
        else high = i;
    }
    return low;
}

static void walk_all(void *to, int64_t from, int64_t end)
{
    const walk *w = to;
    const tn_update *u = w->u;
    if (!u->row || !w->rest) {
        w->span(w, from, end);
        return;
    }
    for (int64_t i = row_behind(u, from); from < end; ) {
        int64_t start = i < u->rows ? u->row[i] * u->width : end, last = from;
        if (start > end) start = end;
        if (from < start) {
            w->rest(w, from, start);
            from = start;
            continue;
        }
        while (i < u->rows && u->row[i] * u->width <= last) last = (u->row[i++] + 1) * u->width; /* neighbours in one */
        if (last > end) last = end;
        w->span(w, from, last);
        from = last;
    }
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
