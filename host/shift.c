/* shift.c -- fields made `from` another by `shift`: next[t] = words[t + shift]. The steps that the longest shift of a layout
 * leaves without a partner are cut from every field of that layout, and from what lies within its steps.
 *
 * Of a data set of lanes, example e goes on in example e + lanes, and the last one of a lane in the first one of the next
 * lane: it is one stream, and only its last steps have no partner.                                                  */
#include <string.h>
#include "fields.h"

/* Steps begin + shift .. end - most + shift of each example of a. */
static store cut(const field *f, const store *a, int shift, int most)
{
    store b = { .examples = a->examples };
    int64_t steps = 0, n = a->begin[a->examples];
    b.begin = memory_new(8 * (size_t)(a->examples + 1));
    if (a->inner) b.inner = memory_new(8 * (size_t)(n + 1));
    if (a->id) b.id = memory_new(4 * (size_t)(a->leaves + 1));
    else b.real = memory_new(4 * (size_t)(a->leaves * f->width + 1));
    for (int64_t e = 0; e < a->examples; e++) {
        int64_t first = a->begin[e] + shift, len = a->begin[e + 1] - a->begin[e] - most;
        if (len < 0) len = 0, first = a->begin[e];
        int64_t from = a->inner ? a->inner[first] : first, upto = a->inner ? a->inner[first + len] : first + len;
        for (int64_t t = 0; a->inner && t <= len; t++) b.inner[steps + t] = a->inner[first + t] - from + b.leaves;
        if (a->id) memcpy(b.id + b.leaves, a->id + from, 4 * (size_t)(upto - from));
        else memcpy(b.real + b.leaves * f->width, a->real + from * f->width, 4 * (size_t)((upto - from) * f->width));
        b.leaves += upto - from, steps += len;
        b.begin[e + 1] = steps;
    }
    return b;
}

/* Steps of a in the order of the stream: at[p] is the p-th one; from[e] is where example e begins in it. */
static void follow_lanes(const store *a, int64_t lanes, int64_t *at, int64_t *from)
{
    int64_t p = 0;
    for (int64_t lane = 0; lane < lanes; lane++)
        for (int64_t e = lane; e < a->examples; e += lanes) {
            from[e] = p;
            for (int64_t t = a->begin[e]; t < a->begin[e + 1]; t++) at[p++] = t;
        }
}

/* The same as cut, where example e goes on in e + lanes: steps p + shift of the stream for all p < n - most. */
static store cut_lanes(const field *f, const store *a, int shift, int most, int64_t lanes)
{
    store b = { .examples = a->examples };
    int64_t steps = 0, n = a->begin[a->examples];
    int64_t *at = memory_new(8 * (size_t)(n + 1)), *from = memory_new(8 * (size_t)(a->examples + 1));
    follow_lanes(a, lanes, at, from);
    b.begin = memory_new(8 * (size_t)(a->examples + 1));
    if (a->inner) b.inner = memory_new(8 * (size_t)(n + 1));
    if (a->id) b.id = memory_new(4 * (size_t)(a->leaves + 1));
    else b.real = memory_new(4 * (size_t)((a->leaves + 1) * f->width));
    for (int64_t e = 0; e < a->examples; e++) {
        for (int64_t t = a->begin[e]; t < a->begin[e + 1] && from[e] + t - a->begin[e] < n - most; t++) {
            int64_t of = at[from[e] + t - a->begin[e] + shift];
            int64_t first = a->inner ? a->inner[of] : of, upto = a->inner ? a->inner[of + 1] : of + 1;
            if (b.inner) b.inner[steps] = b.leaves;
            if (a->id) memcpy(b.id + b.leaves, a->id + first, 4 * (size_t)(upto - first));
            else memcpy(b.real + b.leaves * f->width, a->real + first * f->width, 4 * (size_t)((upto - first) * f->width));
            b.leaves += upto - first, steps++;
        }
        if (b.inner) b.inner[steps] = b.leaves;
        b.begin[e + 1] = steps;
    }
    memory_free(at);
    memory_free(from);
    return b;
}

static store cut_split(const data *d, const field *f, int split, int shift, int most)
{
    const store *a = f->from ? &f->from->split[split] : &f->split[split];
    return d->lanes[split] ? cut_lanes(f, a, shift, most, d->lanes[split]) : cut(f, a, shift, most);
}

static void shift_layout(data *d, int32_t layout, int split)
{
    int most = -1;
    for (int i = 0; i < d->n_fields; i++) {
        const field *f = d->field[i];
        if (f->from && f->layout == layout && f->shift > most) most = f->shift;
    }
    if (most < 0) return;
    for (int i = 0; i < d->n_fields; i++) {
        field *f = d->field[i];
        if (f->from && f->layout == layout) f->split[split] = cut_split(d, f, split, f->shift, most);
    }
    for (int i = 0; i < d->n_fields && most; i++) {
        field *f = d->field[i];
        if (f->from || !f->depth || (f->layout != layout && d->layout_parent[f->layout] != layout)) continue;
        store s = cut_split(d, f, split, 0, most);
        store_free(&f->split[split]);
        f->split[split] = s;
    }
}

void fields_shift_split(data *d, int split)
{
    for (int32_t layout = TN_ROOT + 1; layout <= d->n_layouts; layout++) shift_layout(d, layout, split);
}

void fields_shift(data *d)
{
    for (int i = 0; i < d->n_fields; i++) {
        field *f = d->field[i];
        if (f->from) f->words = f->from->words, f->spec.classes = f->from->spec.classes;
    }
    for (int s = 0; s < SPLITS; s++)
        if (d->count[s] > 0) fields_shift_split(d, s);
}
