/* line.c -- a line of text as an example, and steps as a line of text again: for predict. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "reading.h"

/* ---- numbers --------------------------------------------------------------------------------------------------------- */
/* Whether a line holds numbers, and of which shape: where the data set gives numbers, or texts cut into steps already. */
static int holds_numbers(const data *d, const field *f, tn_column *c)
{
    const tn_dataset *t = d->dataset->desc ? d->dataset->desc->table : NULL;
    *c = (tn_column){ .size = sizeof *c, .depth = f->row ? 1 : f->depth, .steps = f->column_steps,
                      .width = f->row ? (uint32_t)(f->width / f->steps) : f->width };
    if (f->n_columns || f->kind != FIELD_NUMBERS) return f->n_columns > 0;
    if (f->column_index < 0 || t->column(d->dataset->self, (uint32_t)f->column_index, c))
        return f->column_numbers;          /* as the run was told when its data were there                         */
    return c->dtype != TN_TEXT || c->depth;
}

/* The cells of a line into x, between them spaces or one tab or comma. Their number; -1 after a message. */
static int64_t cut_numbers(reading *r, const field *f, const char *at, float *x)
{
    arena *a = r->d->context->memory;
    const char *wrong = NULL;
    int64_t n = 0;
    char seen[64];
    at += strspn(at, " ");
    for (int more = *at != 0; more; n++) {
        size_t cell = strcspn(at, " \t,");
        if (!cell) wrong = arena_print(a, "number %lld is missing; an empty cell is no number", (long long)n + 1);
        else if (!number_of_text(at, (int64_t)cell, seen, &x[n])) wrong = arena_print(a, "'%s' is not a number", seen);
        if (wrong) return reading_failed(r, f, wrong), -1;
        at += cell, at += strspn(at, " ");
        more = *at != 0;
        if (*at == '\t' || *at == ',') at++, at += strspn(at, " ");
    }
    return n;
}

/* Numbers of a step one after the other, and so the steps. */
static int numbers_of_line(reading *r, const field *f, const tn_column *c, const char *text, tn_value *v)
{
    arena *a = r->d->context->memory;
    if (c->depth > 1) return reading_failed(r, f, "steps of steps of numbers cannot be read from a line");
    r->joined.leaf = memory_grow(r->joined.leaf, 0, 4 * strlen(text) + 4);
    float *x = (float *)(void *)r->joined.leaf;
    int64_t n = cut_numbers(r, f, text, x), width = c->width ? c->width : 1, steps = c->depth ? c->steps : 1;
    if (n < 0) return TN_EINVAL;
    if (steps && n != steps * width)
        return reading_failed(r, f, arena_print(a, "%lld numbers; there must be %lld: %lld %s of %lld", (long long)n,
                              (long long)(steps * width), (long long)steps, steps == 1 ? "row" : "rows", (long long)width));
    if (!n || n % width)
        return reading_failed(r, f, arena_print(a, "%lld numbers do not make whole steps; a step has %lld", (long long)n,
                              (long long)width));
    *v = (tn_value){ sizeof *v, TN_F32, c->depth, (uint32_t)width, n / width, n / width, NULL, x, NULL };
    return 0;
}

/* A line as a value of the field's column, into r->column[0]: as the data set cuts it, or whole. */
static int line_value(reading *r, const field *f, const char *text)
{
    data *d = r->d;
    const tn_dataset *t = d->dataset->desc ? d->dataset->desc->table : NULL;
    int64_t end = (int64_t)strlen(text);
    tn_value v = { sizeof v, TN_TEXT, 0, 1, 1, 1, NULL, text, &end };
    const char *bad = reading_fault(d->context->memory, &v);
    host_clear(d->context->host);
    if (bad) return reading_failed(r, f, bad);
    if (!t || f->column_index < 0 || !TN_HAS(t, line)) return held_copy(&r->column[0], &v);
    tn_sink sink = { sizeof sink, 0, &r->column[0], put_held };
    int rc = t->line(d->dataset->self, (uint32_t)f->column_index, text, end, &sink);
    return rc ? reading_failed(r, f, d->context->host->error) : 0;
}

int data_read_line(data *d, const char *const *column, const char *const *text, int n, store *of_field)
{
    reading r = reading_start(d);
    const int64_t zero = 0;
    int rc = 0;
    r.fixed = 1;
    for (int i = 0; i < d->n_fields && !rc; i++) {
        field *f = d->field[i];
        store_free(&of_field[i]);
        for (int k = 0; k < n && !rc; k++) {
            if (f->from || strcmp(column[k], f->column)) continue;
            const tn_value *out, *in = &r.column[0].value;
            tn_value numbers;
            tn_column c;
            if (!holds_numbers(d, f, &c)) rc = line_value(&r, f, text[k]);
            else rc = numbers_of_line(&r, f, &c, text[k], &numbers), in = &numbers;
            if (!rc) rc = field_apply(d, f, f->n_transforms, in, (tn_rng){ d->seed, 0 }, r.room, &out);
            if (!rc) rc = reading_put(&r, f, out);
            if (!rc) reading_store(&of_field[i], f, &r.of[i], &zero, 1);
        }
    }
    reading_free(&r);
    return rc;
}

/* The spelling of ids, one after the other, as a value of steps. */
static void spell(const field *f, const int32_t *id, int64_t n, held *h)
{
    size_t bytes = 0;
    for (int64_t i = 0; i < n; i++) bytes += strlen(f->words->word[id[i]]);
    char *text = memory_new(bytes + 1), *at = text;
    int64_t *end = memory_new(sizeof *end * (size_t)(n + 1));
    for (int64_t i = 0; i < n; i++) {
        size_t m = strlen(f->words->word[id[i]]);
        memcpy(at, f->words->word[id[i]], m);
        at += m, end[i] = at - text;
    }
    held_copy(h, &(tn_value){ sizeof(tn_value), TN_TEXT, 1, 1, n, n, NULL, text, end });
    memory_free(text);
    memory_free(end);
}

char *data_write_line(data *d, const field *f, const int32_t *id, int64_t n)
{
    const tn_dataset *t = d->dataset->desc ? d->dataset->desc->table : NULL;
    held steps, out;
    char *text = NULL;
    int rc = 0;
    memset(&steps, 0, sizeof steps);
    memset(&out, 0, sizeof out);
    spell(f, id, n, &steps);
    host_clear(d->context->host);
    if (t && TN_HAS(t, text) && f->column_index >= 0) {
        tn_sink sink = { sizeof sink, 0, &out, put_held };
        rc = t->text(d->dataset->self, (uint32_t)f->column_index, &steps.value, &sink);
        size_t bytes = rc || !out.leaf ? 0 : strlen(out.leaf) + 1;
        if (bytes) text = memory_new(bytes), memcpy(text, out.leaf, bytes);
        else if (!d->context->host->error[0])
            host_fail(d->context->host, rc, "the data set cannot write the text of field '%s'", f->name);
    } else {
        char *at = text = memory_new((size_t)(n ? steps.value.end[n - 1] : 0) + (size_t)n + 1);
        for (int64_t i = 0; i < n; i++) at += sprintf(at, "%s%s", i ? " " : "", f->words->word[id[i]]);
    }
    held_free(&steps);
    held_free(&out);
    return text;
}

/* The value that first had steps on the way through the transforms, or where those were dropped later, the last one. */
int data_line_tokens(data *d, const char *column, const char *text, const field *along, int64_t wanted,
                     void (*each)(void *to, const char *token, size_t n), void *to)
{
    reading r = reading_start(d);
    int rc = TN_END;
    for (int i = 0; i < d->n_fields && rc == TN_END; i++) {
        field *f = d->field[i];
        const tn_value *v = NULL;
        int n = 0;
        if (f->from || f->layout != along->layout || f->kind != FIELD_TEXT || strcmp(column, f->column) || line_value(&r, f, text)) continue;
        for (; n <= f->n_transforms; n++)
            if (field_apply(d, f, n, &r.column[0].value, (tn_rng){ d->seed, 0 }, r.room, &v) || (v->depth == 1 && v->n == wanted)) break;
        if (!v || n > f->n_transforms || v->depth != 1 || v->n != wanted || v->dtype != TN_TEXT) continue;
        for (int64_t k = 0, at = 0; k < v->n; at = v->end[k++]) each(to, (const char *)v->leaf + at, (size_t)(v->end[k] - at));
        rc = 0;
    }
    reading_free(&r);
    host_clear(d->context->host);
    return rc;
}

/* ---- text in the form of the data set's own files ------------------------------------------------------------------------ */
typedef struct fed { const char **name; held *value; char *has; int n; } fed;

static int fed_number(const fed *x, const char *name)
{
    int i = 0;
    while (i < x->n && strcmp(x->name[i], name)) i++;
    return i;
}

static int is_asked(const field *f, const char *const *column, int n)
{
    int k = 0;
    while (k < n && strcmp(column[k], f->column)) k++;
    return !f->from && k < n;
}

/* The columns of the data set that fields of these columns are made of, each once. */
static fed fed_names(const data *d, const char *const *column, int n)
{
    fed x = { NULL, NULL, NULL, 0 };
    int most = 0;
    for (int i = 0; i < d->n_fields; i++) most += d->field[i]->n_columns + 1;
    x.name = memory_new(sizeof *x.name * (size_t)(most + 1)), x.value = memory_new(sizeof *x.value * (size_t)(most + 1));
    x.has = memory_new((size_t)most + 1);
    for (int i = 0; i < d->n_fields; i++) {
        const field *f = d->field[i];
        for (int k = 0; is_asked(f, column, n) && k < (f->n_columns ? f->n_columns : 1); k++) {
            const char *name = f->n_columns ? f->columns[k] : f->column;
            int at = fed_number(&x, name);
            x.name[at] = name;
            if (at == x.n) x.n++;
        }
    }
    return x;
}

static int put_fed(void *to, uint32_t column, const tn_value *v)
{
    fed *x = to;
    if (column >= (uint32_t)x->n) return TN_EINVAL;
    x->has[column] = 1;
    return held_copy(&x->value[column], v);
}

static void fed_free(fed *x)
{
    for (int i = 0; i < x->n; i++) held_free(&x->value[i]);
    memory_free(x->name);
    memory_free(x->value);
    memory_free(x->has);
}

/* A field's example from the columns that were put. */
static int take_fed(reading *r, field *f, const fed *x, store *to)
{
    const int64_t zero = 0;
    const tn_value *in, *out;
    int at = fed_number(x, f->column), rc = 0, i = 0;
    if (f->n_columns) {
        field here = *f;
        here.columns_at = memory_new(sizeof *here.columns_at * (size_t)f->n_columns);
        for (int k = 0; k < f->n_columns; k++) here.columns_at[k] = fed_number(x, f->columns[k]);
        rc = field_join(r->d, &here, x->value, x->has, &r->joined);
        memory_free(here.columns_at);
        in = &r->joined.value;
    } else {
        if (!x->has[at]) return reading_failed(r, f, "the data set gave no value");
        in = &x->value[at].value;
    }
    while (r->d->field[i] != f) i++;
    if (!rc) rc = field_apply(r->d, f, f->n_transforms, in, (tn_rng){ r->d->seed, 0 }, r->room, &out);
    if (!rc) rc = reading_put(r, f, out);
    if (!rc) reading_store(to, f, &r->of[i], &zero, 1);
    return rc;
}

int data_feeds(const data *d)
{
    const tn_dataset *t = d->dataset->desc ? d->dataset->desc->table : NULL;
    return t && d->dataset->self && TN_HAS(t, feed);
}

int data_feed(data *d, const char *line, const char *const *column, int n, store *of_field)
{
    tn_host *h = d->context->host;
    host_clear(h);
    if (!data_feeds(d)) return TN_EUNSUPPORTED;
    fed x = fed_names(d, column, n);
    tn_sink sink = { sizeof sink, 0, &x, put_fed };
    const tn_dataset *t = d->dataset->desc->table;
    int rc = t->feed(d->dataset->self, line, line ? (int64_t)strlen(line) : 0, (uint32_t)x.n, x.name, &sink);
    if (rc && rc != TN_END && rc != TN_EUNSUPPORTED && !h->error[0]) host_fail(h, rc, "the data set cannot read the line");
    if (!rc) {
        reading r = reading_start(d);
        r.fixed = 1;
        for (int i = 0; i < d->n_fields && !rc; i++) {
            store_free(&of_field[i]);
            if (is_asked(d->field[i], column, n)) rc = take_fed(&r, d->field[i], &x, &of_field[i]);
        }
        reading_free(&r);
    }
    fed_free(&x);
    return rc;
}
