/* fields.c -- reads [[field]], decides each field's kind, layout and shape, and runs its transforms. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fields.h"

/* ---- values that own their memory ------------------------------------------------------------------------------ */
static void *hold(void *p, size_t *room, size_t bytes)
{
    if (bytes <= *room && p) return p;
    memory_free(p);
    *room = bytes + bytes / 2 + 64;
    return memory_new(*room);
}

int held_copy(held *h, const tn_value *v)
{
    int64_t ends = v->dtype == TN_TEXT ? v->leaves : 0;
    size_t bytes = v->dtype == TN_TEXT ? (size_t)(v->leaves ? v->end[v->leaves - 1] : 0) : 4 * (size_t)(v->leaves * v->width);
    h->leaf = hold(h->leaf, &h->leaf_room, bytes + 1);
    h->end = hold(h->end, &h->end_room, sizeof *h->end * (size_t)(ends + 1));
    h->inner = hold(h->inner, &h->inner_room, sizeof *h->inner * (size_t)(v->depth == 2 ? v->n + 1 : 1));
    if (bytes) memcpy(h->leaf, v->leaf, bytes);
    h->leaf[bytes] = 0;
    if (ends) memcpy(h->end, v->end, sizeof *h->end * (size_t)ends);
    if (v->depth == 2 && v->n) memcpy(h->inner, v->inner, sizeof *h->inner * (size_t)v->n);
    h->value = *v;
    h->value.leaf = h->leaf, h->value.end = ends ? h->end : NULL, h->value.inner = v->depth == 2 ? h->inner : NULL;
    return 0;
}

void held_free(held *h)
{
    memory_free(h->leaf);
    memory_free(h->end);
    memory_free(h->inner);
    memset(h, 0, sizeof *h);
}

int put_held(void *to, uint32_t column, const tn_value *v)
{
    (void)column;
    return held_copy(to, v);
}

int field_apply(data *d, field *f, int n, const tn_value *in, tn_rng rng, held room[2], const tn_value **out)
{
    tn_host *h = d->context->host;
    for (int i = 0; i < n; i++) {
        const tn_transform *t = f->transform[i]->desc->table;
        tn_sink sink = { sizeof sink, 0, &room[i & 1], put_held };
        int rc = t->apply(f->transform[i]->self, in, rng, &sink);
        if (rc) return h->error[0] ? rc : host_fail(h, rc, "transform '%s' of field '%s' failed", f->transform[i]->type, f->name);
        in = &room[i & 1].value;
    }
    *out = in;
    return 0;
}

int number_of_text(const char *text, int64_t n, char seen[64], float *x)
{
    char *end;
    while (n && (*text == ' ' || *text == '\t')) text++, n--;
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t')) n--;
    snprintf(seen, 64, "%.*s", (int)n, text);
    *x = (float)strtod(seen, &end);
    return end != seen && !*end && isfinite(*x);
}

/* Element i of a column as a number; 0 where it is none. */
static int number_of_leaf(const tn_value *v, int64_t i, float *x, char seen[64])
{
    if (v->dtype != TN_TEXT) {
        *x = v->dtype == TN_I32 ? (float)((const int32_t *)v->leaf)[i] : ((const float *)v->leaf)[i];
        return 1;
    }
    int64_t from = i ? v->end[i - 1] : 0;
    return number_of_text((const char *)v->leaf + from, v->end[i] - from, seen, x);
}

int field_join(data *d, const field *f, const held *column, const char *has, held *h)
{
    tn_host *host = d->context->host;
    const tn_value *first = &column[f->columns_at[0]].value;
    int64_t width = 0, at = 0;
    for (int k = 0; k < f->n_columns; k++) {
        const tn_value *v = &column[f->columns_at[k]].value;
        if (!has[f->columns_at[k]]) return host_fail(host, TN_EINVAL, "the data set gave no value of '%s'", f->columns[k]);
        if (v->depth != first->depth || v->leaves != first->leaves)
            return host_fail(host, TN_EINVAL, "'%s' has %lld steps, '%s' has %lld", f->columns[k], (long long)v->leaves,
                             f->columns[0], (long long)first->leaves);
        width += v->width;
    }
    tn_value out = *first;
    h->leaf = hold(h->leaf, &h->leaf_room, 4 * (size_t)(first->leaves * width) + 4);
    float *to = (float *)(void *)h->leaf;
    for (int k = 0; k < f->n_columns; at += column[f->columns_at[k]].value.width, k++) {
        const tn_value *v = &column[f->columns_at[k]].value;
        char seen[64];
        for (int64_t i = 0; i < v->leaves * v->width; i++)
            if (!number_of_leaf(v, i, &to[i / v->width * width + at + i % v->width], seen))
                return host_fail(host, TN_EINVAL, "'%s' of column '%s' is not a number", seen, f->columns[k]);
    }
    out.dtype = TN_F32, out.width = (uint32_t)width, out.leaf = h->leaf, out.end = NULL;
    h->value = out;
    return 0;
}

/* ---- reading [[field]] ------------------------------------------------------------------------------------------- */
static const char *const keys[] = { "name", "column", "kind", "transforms", "vocabulary", "along", "within", "from", "shift",
                                    "columns", "scheme", "scale", "window", "shape", "before", "after" };
enum { KEYS = sizeof keys / sizeof *keys };

static field_kind kind_from(const data *d, config_value *t)
{
    static const char *const names[] = { "text", "category", "tags", "numbers" };
    const char *kind = config_text(t, "kind", NULL, d->context->messages);
    if (!kind) return config_get(t, "columns") ? FIELD_NUMBERS : 0;
    for (int i = 0; i < 4; i++)
        if (!strcmp(kind, names[i])) return (field_kind)(i + 1);
    const char *near = nearest_name(kind, names, 4);
    diag_error(d->context->messages, config_get(t, "kind")->at, "kind: '%s' is none of text, category, tags, numbers%s%s%s", kind,
               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return FIELD_TEXT;
}

static field *other_field(const data *d, config_value *t, const char *key)
{
    const char *name = config_text(t, key, NULL, d->context->messages);
    if (!name) return NULL;
    const char *names[256];
    int n = 0;
    for (int i = 0; i < d->n_fields && n < 256; i++) {
        if (!d->field[i]->name) break; /* only fields above this one are read yet */
        if (!strcmp(d->field[i]->name, name)) return d->field[i];
        names[n++] = d->field[i]->name;
    }
    const char *near = nearest_name(name, names, n);
    diag_error(d->context->messages, config_get(t, key)->at, "%s: there is no field '%s' above this one%s%s%s", key, name,
               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return NULL;
}

/* "train" or "all": what something learns from. */
static int fits_all(data *d, config_value *v)
{
    const char *fit = config_text(v, "fit", "train", d->context->messages);
    if (strcmp(fit, "train") && strcmp(fit, "all"))
        diag_error(d->context->messages, config_get(v, "fit")->at, "fit: '%s' is neither train nor all", fit);
    return !strcmp(fit, "all");
}

static void add_transform(data *d, field *f, config_value *v, const char *default_type)
{
    static const char *const host_keys[] = { "fit", NULL };
    tn_part **all = arena_new(d->context->memory, sizeof *all * (size_t)(f->n_transforms + 1));
    char *fit_all = arena_new(d->context->memory, (size_t)f->n_transforms + 1);
    if (f->n_transforms) memcpy(all, f->transform, sizeof *all * (size_t)f->n_transforms);
    if (f->n_transforms) memcpy(fit_all, f->fit_all, (size_t)f->n_transforms);
    tn_part *p = all[f->n_transforms] = part_make(d->context, TN_TRANSFORM, v, default_type, host_keys);
    if (config_get(v, "fit")) {
        fit_all[f->n_transforms] = (char)fits_all(d, v);
        const tn_transform *t = p->desc ? p->desc->table : NULL;
        if (t && !TN_HAS(t, learn))
            diag_error(d->context->messages, config_get(v, "fit")->key_at, "fit: transform '%s' learns nothing from the data", p->type);
    }
    f->n_transforms++;
    f->transform = all, f->fit_all = fit_all;
}

static void read_vocabulary(data *d, field *f, config_value *t)
{
    static const char *const allowed[] = { "size", "min_count", "unknown", "words", "fit", "singletons_to_unknown", "word_dropout" };
    diag *m = d->context->messages;
    config_value *v = config_get(t, "vocabulary");
    if (!v) return;
    v->used = 1;
    if (v->type != CONFIG_TABLE) {
        diag_error(m, v->at, "vocabulary: expected a table, as in { size = 20000 }, got %s", config_type_name(v->type));
        return;
    }
    f->vocabulary_limit = config_int(v, "size", 0, 2, INT32_MAX, m);
    f->min_count = config_int(v, "min_count", 1, 1, INT32_MAX, m);
    config_text(v, "unknown", NULL, m);
    f->replace_rate = config_real(v, "singletons_to_unknown", 0, 0, 1, m);
    f->word_dropout = config_real(v, "word_dropout", 0, 0, 1, m);
    fits_all(d, v);
    int n;
    config_texts(d->context->memory, v, "words", &n, m);
    config_unused(v, "vocabulary", allowed, 7, NULL, m);
}

field_rules fields_rules(const data *d, const field *f)
{
    config_value *v = f->table ? config_get(f->table, "vocabulary") : NULL;
    field_rules r = { { f->vocabulary_limit, f->min_count, "<unk>", NULL, 0 }, 0 };
    if (!v) return r;
    r.words.unknown = config_text(v, "unknown", "<unk>", d->context->messages);
    r.words.always = config_texts(d->context->memory, v, "words", &r.words.n_always, d->context->messages);
    r.fit_all = !strcmp(config_text(v, "fit", "train", d->context->messages), "all");
    return r;
}

/* The column of that name, as the data set describes it; its number. -1: unknown, told or not yet knowable. */
static int column_named(data *d, const field *f, const char *name, where at, tn_column *out)
{
    tn_part *p = d->dataset;
    if (!p->desc || !p->self) return -1;
    const tn_dataset *t = p->desc->table;
    const char *names[512];
    int n = 0;
    for (uint32_t i = 0; i < 512; i++) {
        memset(out, 0, sizeof *out);
        out->size = sizeof *out;
        if (t->column(p->self, i, out)) break;
        if (!strcmp(out->name, name)) return (int)i;
        names[n++] = out->name;
    }
    if (!n) return -1;
    const char *near = nearest_name(name, names, n), *list = "";
    for (int i = 0; i < n && i < 16; i++) list = arena_print(d->context->memory, "%s%s%s", list, i ? ", " : "", names[i]);
    diag *m = d->context->messages;
    if (near) diag_error(m, at, "field '%s': the data has no column '%s'; did you mean '%s'?", f->name, name, near);
    else diag_error(m, at, "field '%s': the data has no column '%s' (it has %s)", f->name, name, list);
    return -1;
}

/* Several columns beside each other: numbers of one depth, as wide as all of them. */
static int find_columns(data *d, field *f, where at, tn_column *out)
{
    tn_column c;
    for (int i = 0; i < f->n_columns; i++) {
        if ((f->columns_at[i] = column_named(d, f, f->columns[i], at, &c)) < 0) return 0;
        if (i && (c.depth != out->depth || c.steps != out->steps)) {
            diag_error(d->context->messages, at, "field '%s': '%s' and '%s' do not have the same steps", f->name, f->columns[0],
                       f->columns[i]);
            return 0;
        }
        if (i) out->width += c.width;
        else *out = c;
    }
    f->column_index = f->columns_at[0];
    out->dtype = TN_F32, out->classes = 0;
    return 1;
}

/* The column that a field reads, as its data set describes it. 0: unknown, told or not yet knowable. */
static int find_column(data *d, field *f, tn_column *out)
{
    config_value *v = f->table ? config_get(f->table, f->n_columns ? "columns" : "column") : NULL;
    const where at = v ? v->at : f->table->at;
    if (!f->n_columns) f->column_index = column_named(d, f, f->column, at, out);
    if (f->n_columns ? !find_columns(d, f, at, out) : f->column_index < 0) return 0;
    f->column_steps = out->steps, f->column_numbers = out->dtype != TN_TEXT || out->depth;
    return 1;
}

/* Columns of a data set that has several windows on its data: "horizon.OT". */
static void read_columns(data *d, field *f, config_value *t)
{
    arena *a = d->context->memory;
    const char *window = config_text(t, "window", NULL, d->context->messages);
    f->columns = config_texts(a, t, "columns", &f->n_columns, d->context->messages);
    f->column_name = arena_new(a, sizeof *f->column_name * (size_t)(f->n_columns + 1));
    for (int i = 0; i < f->n_columns; i++) f->column_name[i] = f->columns[i];
    f->columns_at = arena_new(a, sizeof *f->columns_at * (size_t)(f->n_columns + 1));
    for (int i = 0; window && i < f->n_columns; i++) f->columns[i] = arena_print(a, "%s.%s", window, f->columns[i]);
    if (window) f->column = arena_print(a, "%s.%s", window, f->column);
    const char *shape = config_text(t, "shape", "steps", d->context->messages);
    f->row = !strcmp(shape, "row");
    if (!f->row && strcmp(shape, "steps"))
        diag_error(d->context->messages, config_get(t, "shape")->at, "shape: '%s' is neither steps nor row", shape);
}

/* Runs the plans of the transforms: the shape that comes out. 0: a part is missing, so the shape is unknown. */
static int plan_transforms(data *d, field *f, tn_column *c)
{
    part_context *x = d->context;
    for (int i = 0; i < f->n_transforms; i++) {
        tn_part *p = f->transform[i];
        if (!p->desc) return 0;
        tn_column out;
        memset(&out, 0, sizeof out);
        host_clear(x->host);
        const tn_transform *t = p->desc->table;
        if (part_open(x, p) || t->plan(x->api, x->host, p->config, p->self, c, &out)) {
            diag_error(x->messages, p->at, "field '%s': transform '%s': %s", f->name, p->type,
                       x->host->error[0] ? x->host->error : "cannot be used here");
            return 0;
        }
        out.name = c->name;
        if (out.dtype == TN_TEXT) out.steps = 0;
        *c = out;
    }
    return 1;
}

/* shape = "row": the steps of an example become one row. */
static void take_row_shape(data *d, field *f, tn_column *c)
{
    const where at = config_get(f->table, "shape")->at;
    if (c->depth != 1 || c->dtype != TN_F32)
        diag_error(d->context->messages, at, "shape: only steps of numbers can be one row; field '%s' has none", f->name);
    else if (!c->steps)
        diag_error(d->context->messages, at, "shape: field '%s' has not as many steps in every example, so it cannot be one row",
                   f->name);
    else f->steps = c->steps, c->depth = 0, c->width *= (uint32_t)c->steps;
}

static void choose_layout(data *d, field *f)
{
    if (f->along) f->layout = f->along->layout;
    else if (f->from) f->layout = f->from->layout;
    else if (f->depth == 0) f->layout = TN_ROOT;
    else if (d->n_layouts < 63) {
        f->layout = ++d->n_layouts;
        d->layout_parent[f->layout] = f->within ? f->within->layout : TN_ROOT;
        d->layout_of[f->layout] = f;
    }
}

/* What the transforms give must be of the depth that the field's kind is for. At most one message. */
static void check_depth(diag *m, const field *f, const tn_column *c)
{
    const where at = f->table->at;
    if (f->kind == FIELD_TEXT && !f->depth)
        diag_error(m, at, "field '%s' has no steps: a text needs a transform that cuts it into words or characters", f->name);
    else if (f->kind == FIELD_CATEGORY && c->depth)
        diag_error(m, at, "field '%s' has steps: kind = \"category\" is for one label an example; kind = \"tags\" has one a step",
                   f->name);
    else if (f->kind == FIELD_TAGS && !c->depth)
        diag_error(m, at, "field '%s' has one value an example: kind = \"tags\" is for one label a step; "
                          "kind = \"category\" has one an example, and a transform cuts a text into steps", f->name);
    else if (f->within && f->depth != 2)
        diag_error(m, at, "field '%s' lies within '%s', so its transforms must give steps of steps", f->name, f->within->name);
    else if (f->depth == 2 && !f->within && !f->along)
        diag_error(m, at, "field '%s' has steps within steps: say of which field's steps they are, within = \"...\"", f->name);
    else if (f->along && f->depth != f->along->depth && !f->along->wrong) {
        static const char *const has[] = { "one value an example", "steps", "steps within steps" };
        diag_error(m, at, "field '%s' goes along '%s', but it has %s and '%s' has %s", f->name, f->along->name, has[f->depth],
                   f->along->name, has[f->along->depth]);
    }
}

static void make_spec(field *f)
{
    int numbers = f->kind == FIELD_NUMBERS;
    f->spec = (tn_spec){ numbers ? TN_F32 : TN_I32, numbers ? TN_VALUES : TN_IDS, f->layout, 0, 0, numbers ? f->width : 1, 0, 0, 0, 0 };
}

static void read_field(data *d, config_value *t, field *f)
{
    diag *m = d->context->messages;
    f->table = t, f->width = 1, f->min_count = 1, f->column_index = -1;
    int before = diag_errors(m);            /* what follows from a mistake is no mistake of its own           */
    const char *name = config_text(t, "name", NULL, m);
    if (!name) diag_error(m, t->at, "[[field]] needs a name");
    field_kind kind = kind_from(d, t);
    f->from = other_field(d, t, "from"), f->along = other_field(d, t, "along"), f->within = other_field(d, t, "within");
    f->name = name ? name : "?";            /* from here on it is among the fields above                     */
    f->shift = (int)config_int(t, "shift", 0, 0, 1000, m);
    if (f->from && (f->from->kind != FIELD_TEXT || f->from->depth != 1 || f->from->from)) {
        diag_error(m, config_get(t, "from")->at, "from: '%s' has no steps of its own to shift; name a text field", f->from->name);
        f->from = NULL;
    }
    f->column = config_text(t, "column", f->from ? f->from->column : name ? name : "?", m);
    read_columns(d, f, t);
    config_value *list = config_get(t, "transforms");
    if (list) list->used = 1;
    if (list && list->type != CONFIG_ARRAY)
        diag_error(m, list->at, "transforms: expected an array, as in [\"words\"], got %s", config_type_name(list->type));
    for (int i = 0; list && list->type == CONFIG_ARRAY && i < list->n; i++) add_transform(d, f, list->item[i], NULL);
    for (int i = 0; i < 2; i++) { /* one transform, whose type may be the key itself */
        static const char *const named[] = { "scheme", "scale" };
        config_value *v = config_get(t, named[i]);
        if (v) add_transform(d, f, v, named[i]);
    }
    read_vocabulary(d, f, t);
    tn_column c;
    int known = !config_get(t, "from") && (name || config_get(t, "column") || f->n_columns) && find_column(d, f, &c);
    f->kind = kind ? kind : f->from ? f->from->kind : known && c.dtype == TN_F32 ? FIELD_NUMBERS
            : known && c.classes ? (c.depth ? FIELD_TEXT : FIELD_CATEGORY) : FIELD_TEXT;
    f->depth = f->kind == FIELD_CATEGORY ? 0 : f->kind == FIELD_NUMBERS ? 0 : 1;
    if (f->within) f->depth = 2;
    if (f->from) f->depth = f->from->depth, f->width = f->from->width;
    int64_t classes = 0;
    if (known && plan_transforms(d, f, &c)) {
        if (f->row) take_row_shape(d, f, &c);
        if (f->kind != FIELD_NUMBERS || c.depth) f->depth = c.depth;
        if (f->kind == FIELD_NUMBERS && c.dtype == TN_F32) f->width = c.width ? c.width : 1;
        classes = c.classes;
        if (diag_errors(m) == before) check_depth(m, f, &c);
    }
    if (f->word_dropout > 0 && (f->kind != FIELD_TEXT || classes))
        diag_error(m, config_get(config_get(t, "vocabulary"), "word_dropout")->at,
                   "word_dropout: field '%s' has no unknown word that could take a word's place; a text of words or characters has",
                   f->name);
    choose_layout(d, f);
    make_spec(f);
    f->spec.classes = f->from ? f->from->spec.classes : classes ? classes : f->vocabulary_limit;
    int waits = f->kind == FIELD_NUMBERS;   /* its shape is known when the data are there                       */
    f->wrong = diag_errors(m) > before || (waits && !known);
    config_unused(t, "field", keys, KEYS, d->context->elsewhere, m);
}

void fields_plan(data *d, config_value *root)
{
    diag *m = d->context->messages;
    config_value *list = config_get(root, "field");
    if (!list || list->type != CONFIG_ARRAY) {
        if (list) diag_error(m, list->at, "[field] is one table; write [[field]], one for each");
        else diag_error(m, root->at, "there is no [[field]]");
        return;
    }
    list->used = 1;
    d->field = arena_new(d->context->memory, sizeof *d->field * (size_t)(list->n + 1));
    for (int i = 0; i < list->n; i++) d->field[i] = arena_new(d->context->memory, sizeof **d->field);
    d->n_fields = list->n;
    for (int i = 0; i < list->n; i++) {
        config_value *t = list->item[i];
        t->used = 1;
        if (t->type != CONFIG_TABLE) {
            diag_error(m, t->at, "[[field]] must be a table");
            d->field[i]->name = "?";
            continue;
        }
        read_field(d, t, d->field[i]);
        field *f = d->field[i], *owner = f->from ? f->from : f;
        for (int k = 0; k < i; k++)
            if (!strcmp(d->field[k]->name, f->name)) diag_error(m, t->at, "two fields are called '%s'", f->name);
        for (int k = 0; k <= i; k++)
            if (d->field[k] == owner && (f->spec.dtype == TN_I32 || f->n_columns)) f->spec.vocabulary = k + 1;
    }
}

void fields_set_shape(data *d, field *f, uint32_t depth, uint32_t width, int64_t steps)
{
    int32_t spells = f->spec.vocabulary;
    int planned = f->depth == depth && (depth == 0 || f->layout != TN_ROOT);
    f->depth = depth, f->width = width, f->steps = steps, f->wrong = 0;
    if (!planned) choose_layout(d, f);
    make_spec(f);
    f->spec.vocabulary = spells;
}

int fields_find_column(data *d, field *f, tn_column *c) { return find_column(d, f, c); }
