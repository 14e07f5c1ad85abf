/* shift.c -- fields made `from` another by `shift`: next[t] = words[t + shift]. The steps that the longest shift of a layout
 * leaves without a partner are cut from every field of that layout, and from what lies within its steps.            */
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
        if (f->from && f->layout == layout) f->split[split] = cut(f, &f->from->split[split], f->shift, most);
    }
    for (int i = 0; i < d->n_fields && most; i++) {
        field *f = d->field[i];
        if (f->from || !f->depth || (f->layout != layout && d->layout_parent[f->layout] != layout)) continue;
        store s = cut(f, &f->split[split], 0, most);
        store_free(&f->split[split]);
        f->split[split] = s;
    }
}

void fields_shift(data *d)
{
    for (int i = 0; i < d->n_fields; i++) {
        field *f = d->field[i];
        if (f->from) f->words = f->from->words, f->spec.classes = f->from->spec.classes;
    }
    for (int32_t layout = TN_ROOT + 1; layout <= d->n_layouts; layout++)
        for (int s = 0; s < SPLITS; s++)
            if (d->count[s] > 0) shift_layout(d, layout, s);
}
