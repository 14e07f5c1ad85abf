/* layout.c -- layouts, pairs and indices of one batch. See tenon.h for what each array means. */
#include "layout.h"
#include <string.h>

static int32_t *ints(scratch *s, int64_t n) { return scratch_new(s, sizeof(int32_t) * (size_t)n); }

/* ---- layouts ------------------------------------------------------------------------------------------ */
void layout_root(tn_layout *l, int32_t rows, scratch *s)
{
    memset(l, 0, sizeof *l);
    int32_t *root = ints(s, rows);
    for (int32_t r = 0; r < rows; r++) root[r] = r;
    l->size = sizeof *l, l->id = TN_ROOT, l->rows = rows, l->root = root, l->dev = l;
}

/* Sequences longest first by a counting sort that keeps ties in the order of the parent's rows, or of `like`. */
static void sort_by_length(const int32_t *length_of_row, int32_t n, int32_t longest, const tn_layout *like,
                           int32_t *length, int32_t *order, int32_t *place, scratch *s)
{
    int32_t *at = ints(s, (int64_t)longest + 2);             /* where the sequences of a length begin */
    memset(at, 0, sizeof(int32_t) * ((size_t)longest + 2));
    for (int32_t r = 0; r < n; r++) at[length_of_row[r]]++;
    for (int32_t t = longest, sum = 0; t >= 0; t--) {
        int32_t here = at[t];
        at[t] = sum;
        sum += here;
    }
    for (int32_t i = 0; i < n; i++) {
        int32_t r = like ? like->order[i] : i, k = at[length_of_row[r]]++;
        order[k] = r, place[r] = k, length[k] = length_of_row[r];
    }
}

void layout_build(tn_layout *l, int32_t id, const tn_layout *over, const int32_t *length_of_row, const tn_layout *like,
                  scratch *s)
{
    int32_t n = over->rows, longest = 0, rows = 0;
    for (int32_t r = 0; r < n; r++) {
        if (length_of_row[r] > longest) longest = length_of_row[r];
        rows += length_of_row[r];
    }
    int32_t *length = ints(s, n), *order = ints(s, n), *place = ints(s, n);
    int32_t *live = ints(s, (int64_t)longest + 1), *first = ints(s, (int64_t)longest + 1);
    int32_t *up = ints(s, rows), *step = ints(s, rows), *root = ints(s, rows);
    sort_by_length(length_of_row, n, longest, like, length, order, place, s);

    int32_t alive = n;
    for (int32_t t = 0, row = 0; t <= longest; t++) {
        while (alive > 0 && length[alive - 1] <= t) alive--;
        live[t] = alive, first[t] = row;
        for (int32_t q = 0; q < alive; q++, row++)
            up[row] = order[q], step[row] = t, root[row] = over->root[order[q]];
    }
    memset(l, 0, sizeof *l);
    l->size = sizeof *l, l->id = id, l->parent = over->id, l->over = over, l->dev = l;
    l->rows = rows, l->sequences = n, l->steps = longest;
    l->length = length, l->live = live, l->first = first, l->order = order, l->place = place;
    l->up = up, l->step = step, l->root = root;
}

/* The row of b's parent that row r of a lies under. */
static int32_t ancestor_row(const tn_layout *a, int32_t r, int32_t id)
{
    for (; a->id != id; a = a->over) r = a->up[r];
    return r;
}

void pairs_build(tn_pairs *p, const tn_layout *a, const tn_layout *b, scratch *s)
{
    int64_t *first = scratch_new(s, sizeof(int64_t) * ((size_t)a->rows + 1));
    int32_t *seq = ints(s, a->rows), *begin = ints(s, (int64_t)b->sequences + 1), *row = ints(s, a->rows);
    int32_t *fill = ints(s, b->sequences);
    memset(begin, 0, sizeof(int32_t) * ((size_t)b->sequences + 1));
    first[0] = 0;
    for (int32_t r = 0; r < a->rows; r++) {
        int32_t q = seq[r] = b->place[ancestor_row(a, r, b->parent)];
        first[r + 1] = first[r] + b->length[q];
        begin[q + 1]++;
    }
    for (int32_t q = 0; q < b->sequences; q++) begin[q + 1] += begin[q], fill[q] = begin[q];
    for (int32_t r = 0; r < a->rows; r++) row[fill[seq[r]]++] = r;
    memset(p, 0, sizeof *p);
    p->size = sizeof *p, p->a = a, p->b = b, p->total = first[a->rows], p->dev = p;
    p->first = first, p->seq = seq, p->begin = begin, p->row = row;
}

/* ---- indices ------------------------------------------------------------------------------------------ */
/* Radix sort of n non-negative keys, 11 bits a pass; the result is in a or b. */
static int32_t *sort_keys(int32_t *a, int32_t *b, int32_t n, int32_t largest)
{
    for (int shift = 0; shift < 31 && (largest >> shift) > 0; shift += 11) {
        int32_t count[2049] = { 0 };
        for (int32_t i = 0; i < n; i++) count[((a[i] >> shift) & 2047) + 1]++;
        for (int k = 0; k < 2048; k++) count[k + 1] += count[k];
        for (int32_t i = 0; i < n; i++) b[count[(a[i] >> shift) & 2047]++] = a[i];
        int32_t *t = a;
        a = b, b = t;
    }
    return a;
}

void index_build(tn_index *x, const int32_t *id, int32_t n, int32_t *slot_of, scratch *s)
{
    int32_t *key = ints(s, n), *spare = ints(s, n), *of = ints(s, n), *row = ints(s, n), distinct = 0, largest = 0;
    for (int32_t r = 0; r < n; r++)
        if (slot_of[id[r]] < 0) {
            slot_of[id[r]] = 0;
            if (id[r] > largest) largest = id[r];
            key[distinct++] = id[r];
        }
    key = sort_keys(key, spare, distinct, largest);
    int32_t *begin = ints(s, (int64_t)distinct + 1), *fill = ints(s, distinct);
    memset(begin, 0, sizeof(int32_t) * ((size_t)distinct + 1));
    for (int32_t u = 0; u < distinct; u++) slot_of[key[u]] = u;
    for (int32_t r = 0; r < n; r++) begin[(of[r] = slot_of[id[r]]) + 1]++;
    for (int32_t u = 0; u < distinct; u++) begin[u + 1] += begin[u], fill[u] = begin[u];
    for (int32_t r = 0; r < n; r++) row[fill[of[r]]++] = r;
    for (int32_t u = 0; u < distinct; u++) slot_of[key[u]] = -1;
    memset(x, 0, sizeof *x);
    x->size = sizeof *x, x->distinct = distinct, x->rows = n, x->dev = x;
    x->key = key, x->of = of, x->begin = begin, x->row = row;
}
