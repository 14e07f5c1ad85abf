/* data.c -- reads a data set into stores: every split, every field, as ids or numbers packed one example after the
 * other; vocabularies from the training split.                                                                  */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../include/tenon/utf8.h"
#include "reading.h"
#include "split.h"

const char *const split_names[SPLITS] = { "train", "validation", "test" };

field *data_field(const data *d, const char *name)
{
    for (int i = 0; i < d->n_fields; i++)
        if (!strcmp(d->field[i]->name, name)) return d->field[i];
    return NULL;
}

int data_has_lanes(const data *d)
{
    const tn_dataset *t = d->dataset->desc ? d->dataset->desc->table : NULL;
    return t && (t->flags & TN_D_LANES);
}

/* ---- planning ------------------------------------------------------------------------------------------------ */
data *data_plan(part_context *c, config_value *root, uint64_t seed)
{
    static const char *const keys[] = { "type", "split", "limit", NULL };
    data *d = arena_new(c->memory, sizeof *d);
    d->context = c, d->seed = seed, d->n_layouts = 1;
    for (int i = 0; i < SPLITS; i++) d->count[i] = -1;
    d->dataset = arena_new(c->memory, sizeof *d->dataset);
    config_value *t = config_get(root, "dataset");
    if (t) {
        d->dataset = part_make(c, TN_DATASET, t, NULL, keys);
        host_clear(c->host);
        if (d->dataset->desc && !diag_errors(c->messages) && part_open(c, d->dataset))
            diag_error(c->messages, host_where(c->host, t->at), "data set '%s': %s", d->dataset->type, c->host->error);
        d->split = split_plan(d, t);
        config_value *cut = config_get(t, "split") ? config_get(t, "split") : config_get(t, "limit");
        if (cut && data_has_lanes(d))
            diag_error(c->messages, cut->key_at, "%s: the examples of '%s' follow one another and cannot be drawn at random; "
                       "the data set has options of its own for that", cut->key, d->dataset->type);
    } else diag_error(c->messages, root->at, "there is no [dataset]");
    fields_plan(d, root);
    return d;
}

/* A message about a table of the experiment file. */
__attribute__((format(printf, 3, 4)))
static int fail_at(const data *d, where at, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!at.line) return host_fail(d->context->host, TN_EINVAL, "%s%s%s", at.file ? at.file : "", at.file ? ": " : "", text);
    return host_fail(d->context->host, TN_EINVAL, "%s:%d:%d: %s", at.file, at.line, at.column, text);
}

/* ---- building stores ------------------------------------------------------------------------------------------ */
static void *room_for(void *p, size_t *room, size_t have, size_t bytes)
{
    if (bytes <= *room) return p;
    *room = bytes + bytes / 2 + 4096;
    return memory_grow(p, have, *room);
}

static void free_builder(builder *b)
{
    memory_free(b->begin);
    memory_free(b->inner);
    memory_free(b->id);
    memory_free(b->real);
    memset(b, 0, sizeof *b);
}

int reading_failed(reading *r, const field *f, const char *what)
{
    char place[600];
    const tn_dataset *t = r->d->dataset->desc->table;
    const char *text = arena_text(r->d->context->memory, what);
    host_clear(r->d->context->host);
    if (!r->source) return host_fail(r->d->context->host, TN_EINVAL, "field '%s': %s", f->name, text);
    if (!TN_HAS(t, place) || t->place(r->d->dataset->self, r->source, r->index, place, sizeof place))
        snprintf(place, sizeof place, "%s example %lld", r->source, (long long)r->index + 1);
    return host_fail(r->d->context->host, TN_EINVAL, "%s: field '%s': %s", place, f->name, text);
}

static field *owner_of(field *f) { return f->from ? f->from : f; }

static int number_of(const data *d, const field *f)
{
    for (int i = 0; i < d->n_fields; i++)
        if (d->field[i] == f) return i;
    return -1;
}

static int put_number(reading *r, builder *b, const field *f, const char *s, int64_t n)
{
    char seen[64];
    if (!number_of_text(s, n, seen, &b->real[b->leaves]))
        return reading_failed(r, f, arena_print(r->d->context->memory, "'%s' is not a number", seen));
    b->leaves++;
    return 0;
}

/* Leaves of a value behind those that are there: words as numbers of the interner, or ids, or numbers. */
static int put_leaves(reading *r, field *f, const tn_value *v)
{
    builder *b = &r->of[number_of(r->d, f)];
    int64_t n = v->leaves;
    if (f->kind == FIELD_NUMBERS) {
        b->real = room_for(b->real, &b->real_room, 4 * (size_t)(b->leaves * f->width),
                           4 * (size_t)((b->leaves + n) * f->width + 1));
        if (v->dtype == TN_TEXT) {
            for (int64_t i = 0, at = 0; i < n; at = v->end[i], i++)
                if (put_number(r, b, f, (const char *)v->leaf + at, v->end[i] - at)) return TN_EINVAL;
            return 0;
        }
        for (int64_t i = 0; i < n * f->width; i++)
            b->real[b->leaves * f->width + i] =
                v->dtype == TN_I32 ? (float)((const int32_t *)v->leaf)[i] : ((const float *)v->leaf)[i];
        b->leaves += n;
        return 0;
    }
    b->id = room_for(b->id, &b->id_room, 4 * (size_t)b->leaves, 4 * (size_t)(b->leaves + n + 1));
    if (v->dtype == TN_I32) memcpy(b->id + b->leaves, v->leaf, 4 * (size_t)n);
    else if (v->dtype != TN_TEXT) return reading_failed(r, f, "the column holds numbers, the field needs words");
    else
        for (int64_t i = 0, at = 0; i < n; at = v->end[i], i++) {
            const char *word = (const char *)v->leaf + at;
            size_t len = (size_t)(v->end[i] - at);
            if (memchr(word, 0, len)) return reading_failed(r, f, "the text has a NUL byte");
            if (!r->fixed) {
                b->id[b->leaves + i] = interner_add(&r->words[number_of(r->d, owner_of(f))], word, len);
                continue;
            }
            int32_t id = vocabulary_id(owner_of(f)->words, word, len);
            if (id < 0)
                return reading_failed(r, f, arena_print(r->d->context->memory, "'%.*s' is no value that training knew", (int)len, word));
            b->id[b->leaves + i] = id;
        }
    b->leaves += n;
    return 0;
}

int reading_put(reading *r, field *f, const tn_value *v)
{
    builder *b = &r->of[number_of(r->d, f)];
    tn_value row = *v;
    if (f->row && v->depth == 1) {
        if (v->n != f->steps)
            return reading_failed(r, f, arena_print(r->d->context->memory, "%lld steps, expected %lld", (long long)v->n,
                                               (long long)f->steps));
        row.depth = 0, row.n = row.leaves = 1, row.width = f->width;
        v = &row;
    }
    if (v->depth != f->depth)
        return reading_failed(r, f, v->depth < f->depth ? "the value has no steps; a transform must cut it"
                                                   : "the value has steps, the field has none");
    b->begin = room_for(b->begin, &b->begin_room, 8 * (size_t)(b->examples + 1), 8 * (size_t)(b->examples + 2));
    b->begin[b->examples] = b->steps;
    if (v->depth == 2) {
        b->inner = room_for(b->inner, &b->inner_room, 8 * (size_t)(b->steps + 1), 8 * (size_t)(b->steps + v->n + 2));
        int64_t at = b->leaves;
        for (int64_t i = 0; i < v->n; i++) b->inner[b->steps + i] = at, at += v->inner[i];
        b->inner[b->steps + v->n] = at;
    }
    b->steps += v->depth ? v->n : 1;
    b->begin[++b->examples] = b->steps;
    return put_leaves(r, f, v);
}

/* A text's first byte that is not UTF-8, as a message; NULL: there is none. */
const char *reading_fault(arena *a, const tn_value *v)
{
    if (v->dtype != TN_TEXT || !v->leaves) return NULL;
    size_t n = (size_t)v->end[v->leaves - 1], at = tn_utf8_fault(v->leaf, n);
    if (at == n) return NULL;
    return arena_print(a, "not valid UTF-8 (byte 0x%02x)", (unsigned)((const unsigned char *)v->leaf)[at]);
}

static int put_column(void *to, uint32_t column, const tn_value *v)
{
    reading *r = to;
    if ((int)column >= r->n_columns) return TN_EINVAL;
    r->has[column] = 1;
    return held_copy(&r->column[column], v);
}

enum { LONGEST_SHOWN = 60 };               /* bytes of a text in a message                                   */

/* Steps that a field must have as many of as another one. */
static int check_lengths(reading *r, field *f)
{
    const field *other = f->along ? f->along : f->within;
    if (!other) return 0;
    builder *a = &r->of[number_of(r->d, f)], *b = &r->of[number_of(r->d, other)];
    int64_t e = a->examples - 1, n = a->begin[e + 1] - a->begin[e], m = b->begin[e + 1] - b->begin[e];
    if (n == m) return 0;
    const tn_value *v = f->column_index >= 0 && !f->n_columns ? &r->column[f->column_index].value : NULL;
    const char *seen = "";
    if (v && v->dtype == TN_TEXT && !v->depth && v->end[0] <= LONGEST_SHOWN)
        seen = arena_print(r->d->context->memory, "; it is \"%.*s\"", (int)v->end[0], (const char *)v->leaf);
    return reading_failed(r, f, arena_print(r->d->context->memory, "%lld steps, but '%s' has %lld and it needs as many%s", (long long)n,
                                       other->name, (long long)m, seen));
}

/* What the columns at hand give for a field after its first n transforms. */
static int value_of(reading *r, field *f, int n, tn_rng rng, const tn_value **v)
{
    data *d = r->d;
    if (f->column_index < 0 || !r->has[f->column_index]) return reading_failed(r, f, "the data set gave no value");
    const tn_value *in = &r->column[f->column_index].value;
    const char *bad = reading_fault(d->context->memory, in);
    if (bad) return reading_failed(r, f, bad);
    host_clear(d->context->host);
    int rc = f->n_columns ? field_join(d, f, r->column, r->has, &r->joined) : 0;
    if (f->n_columns) in = &r->joined.value;
    if (!rc) rc = field_apply(d, f, n, in, rng, r->room, v);
    return rc ? reading_failed(r, f, d->context->host->error) : 0;
}

static int put_example(reading *r)
{
    data *d = r->d;
    tn_rng rng = { d->seed, (uint64_t)r->index };
    for (int i = 0; i < d->n_fields; i++) {
        field *f = d->field[i];
        const tn_value *v = NULL;
        if (f->from) continue;
        int rc = value_of(r, f, f->n_transforms, rng, &v);
        if (rc) return rc;
        if (reading_put(r, f, v) || check_lengths(r, f)) return TN_EINVAL;
    }
    return 0;
}

static int count_columns(const data *d)
{
    const tn_dataset *t = d->dataset->desc->table;
    tn_column c;
    int n = 0;
    memset(&c, 0, sizeof c);
    c.size = sizeof c;
    while (!t->column(d->dataset->self, (uint32_t)n, &c)) n++;
    return n;
}

static int read_source(reading *r, const char *source, int64_t lanes, int64_t count,
                       void (*progress)(void *, const char *, int64_t, int64_t), void *to)
{
    data *d = r->d;
    const tn_dataset *t = d->dataset->desc->table;
    tn_sink sink = { sizeof sink, 0, r, put_column, r->wanted };
    r->source = source;
    for (int64_t i = 0; i < count; i++) {
        r->index = i;
        memset(r->has, 0, (size_t)r->n_columns);
        int rc = t->read(d->dataset->self, source, lanes, i, (tn_rng){ d->seed, (uint64_t)i }, &sink);
        if (rc && d->context->host->error[0]) return rc;
        if (rc) return host_fail(d->context->host, rc, "reading example %lld of %s failed", (long long)i + 1, source);
        if ((rc = put_example(r))) return rc;
        if (progress && (i + 1 == count || (i & 4095) == 4095)) progress(to, source, i + 1, count);
    }
    return 0;
}

/* ---- from sources to splits --------------------------------------------------------------------------------------- */
/* The store of a field for some examples of a source, in their order. */
void reading_store(store *s, const field *f, const builder *b, const int64_t *pick, int64_t n)
{
    int64_t steps = 0, leaves = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t from = b->begin[pick[i]], upto = b->begin[pick[i] + 1];
        steps += upto - from;
        leaves += f->depth == 2 ? (upto > from ? b->inner[upto] - b->inner[from] : 0) : upto - from;
    }
    memset(s, 0, sizeof *s);
    s->examples = n, s->leaves = leaves;
    if (f->depth) s->begin = memory_new(8 * (size_t)(n + 1));
    if (f->depth == 2) s->inner = memory_new(8 * (size_t)(steps + 1));
    if (f->kind == FIELD_NUMBERS) s->real = memory_new(4 * (size_t)(leaves * f->width + 1));
    else s->id = memory_new(4 * (size_t)(leaves + 1));
    int64_t step = 0, leaf = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t from = b->begin[pick[i]], upto = b->begin[pick[i] + 1], first = from, end = upto;
        if (f->depth == 2) first = upto > from ? b->inner[from] : 0, end = upto > from ? b->inner[upto] : 0;
        if (f->depth) s->begin[i] = step;
        for (int64_t k = from; f->depth == 2 && k < upto; k++) s->inner[step + k - from] = leaf + b->inner[k] - first;
        step += upto - from;
        if (s->id) memcpy(s->id + leaf, b->id + first, 4 * (size_t)(end - first));
        else memcpy(s->real + leaf * f->width, b->real + first * f->width, 4 * (size_t)((end - first) * f->width));
        leaf += end - first;
        if (f->depth) s->begin[i + 1] = step;
        if (f->depth == 2) s->inner[step] = leaf;
    }
}

/* ---- vocabularies -------------------------------------------------------------------------------------------------- */
/* In the order of the text, so that lanes and their steps make no difference. */
static void count_words(const store *s, int64_t lanes, int64_t *count, int64_t *first, int64_t *at)
{
    for (int64_t lane = 0; lane < lanes; lane++)
        for (int64_t e = lane; e < s->examples; e += lanes) {
            int64_t i = s->begin ? s->begin[e] : e, upto = s->begin ? s->begin[e + 1] : e + 1;
            if (s->inner && upto > i) i = s->inner[i], upto = s->inner[upto];
            for (; i < upto; i++, ++*at)
                if (!count[s->id[i]]++) first[s->id[i]] = *at;
        }
}

/* "; did you mean 'x'?", or the labels that there are, as many as one reads. */
static const char *labels_there(arena *a, const vocabulary *words, const char *label)
{
    enum { MOST = 12 };
    const char *near = nearest_name(label, words->word, (int)words->n), *text = "";
    if (near) return arena_print(a, "; did you mean '%s'?", near);
    for (int64_t i = 0; i < words->n && i < MOST; i++) text = arena_print(a, "%s%s%s", text, i ? ", " : "", words->word[i]);
    return arena_print(a, ", which has %s%s", text, words->n > MOST ? " ..." : "");
}

/* Ids of a split in place of interner numbers. A label that training did not have is an error that names its place. */
static int replace_ids(reading *r, field *f, int split, const int32_t *id_of, const interner *words)
{
    store *s = &f->split[split];
    for (int64_t i = 0; i < s->leaves; i++) {
        int32_t id = id_of[s->id[i]];
        if (id >= 0) {
            s->id[i] = id;
            continue;
        }
        const char *word = interner_word(words, s->id[i]);
        char place[600];
        int64_t e = i;
        if (f->depth) for (e = 0; s->begin[e + 1] <= i; e++) { }
        data_place(r->d, split, e, place, sizeof place);
        return host_fail(r->d->context->host, TN_EINVAL,
                         "%s: field '%s': the label '%s' does not occur in the training split%s", place, f->name, word,
                         labels_there(r->d->context->memory, f->words, word));
    }
    return 0;
}

/* Words that training has seen once, by id. */
static void mark_singletons(field *f, const interner *t, const int64_t *count, const int32_t *id_of)
{
    f->singleton = memory_new((size_t)f->words->n + 1);
    for (int32_t k = 0; k < t->n; k++)
        if (count[k] == 1) f->singleton[id_of[k]] = 1;
}

static int make_vocabulary(reading *r, int i)
{
    data *d = r->d;
    field *f = d->field[i];
    const interner *t = &r->words[i];
    if (f->kind == FIELD_NUMBERS || f->from || (!t->n && f->spec.classes && !f->vocabulary_limit)) return 0;
    field_rules rules = fields_rules(d, f);
    int64_t *count = memory_new(8 * (size_t)(t->n + 1)), *first = memory_new(8 * (size_t)(t->n + 1)), at = 0;
    int32_t *id_of = memory_new(4 * (size_t)(t->n + 1));
    for (int s = 0; s < SPLITS; s++)
        if ((s == SPLIT_TRAIN || rules.fit_all) && d->count[s] > 0)
            count_words(&f->split[s], d->lanes[s] ? d->lanes[s] : 1, count, first, &at);
    f->words = f->kind == FIELD_TEXT ? vocabulary_of_words(d->context->memory, t, count, first, &rules.words, id_of)
                                     : vocabulary_of_labels(d->context->memory, t, count, id_of);
    f->spec.classes = f->words->n;
    if (f->replace_rate > 0) mark_singletons(f, t, count, id_of);
    int rc = 0;
    for (int s = 0; s < SPLITS && !rc; s++)
        if (d->count[s] > 0) rc = replace_ids(r, f, s, id_of, t);
    memory_free(count);
    memory_free(first);
    memory_free(id_of);
    if (!rc && f->kind == FIELD_CATEGORY && f->words->n < 2)
        rc = fail_at(d, f->table->at, "field '%s': the training split has one class only, '%s'; there is nothing to learn", f->name,
                     f->words->n ? f->words->word[0] : "");
    return rc;
}

/* ---- transforms that learn ------------------------------------------------------------------------------------------ */
/* A value that transform k of a field learns from: what those before it give. */
static int learn_from(reading *r, field *f, int k, tn_rng rng)
{
    tn_part *p = f->transform[k];
    const tn_value *v = NULL;
    int rc = value_of(r, f, k, rng, &v);
    if (rc) return rc;
    host_clear(r->d->context->host);
    rc = ((const tn_transform *)p->desc->table)->learn(p->self, v);
    return rc ? reading_failed(r, f, r->d->context->host->error) : 0;
}

/* Transform k of a field learns from one split: from its examples, or from the pieces that the data set offers instead. */
static int learn_from_split(reading *r, field *f, int k, int split)
{
    data *d = r->d;
    const tn_dataset *t = d->dataset->desc->table;
    tn_sink sink = { sizeof sink, 0, r, put_column, r->wanted };
    int source = d->split->source[split], pieces = TN_HAS(t, piece), rc = 0;
    int64_t lanes = d->lanes[source] > 0 ? d->lanes[source] : 1, n = d->split->n[split];
    r->source = split_names[source];
    for (int64_t i = 0; !rc && (pieces || i < n); i++) {
        r->index = pieces ? i : d->split->pick[split][i];
        memset(r->has, 0, (size_t)r->n_columns);
        host_clear(d->context->host);
        if (pieces) rc = t->piece(d->dataset->self, r->source, i, &sink);
        else rc = t->read(d->dataset->self, r->source, lanes, r->index, (tn_rng){ d->seed, (uint64_t)r->index }, &sink);
        if (rc == TN_END) break;
        if (rc) return d->context->host->error[0] ? rc : host_fail(d->context->host, rc, "reading %s failed", r->source);
        rc = learn_from(r, f, k, (tn_rng){ d->seed, (uint64_t)r->index });
    }
    return rc == TN_END ? 0 : rc;
}

static int fit_field(reading *r, field *f)
{
    for (int k = 0; k < f->n_transforms; k++) {
        tn_part *p = f->transform[k];
        const tn_transform *t = p->desc->table;
        if (!TN_HAS(t, learn)) continue;
        for (int s = 0; s < SPLITS; s++) {
            if (s != SPLIT_TRAIN && !f->fit_all[k]) continue;
            if (r->d->count[s] > 0 && learn_from_split(r, f, k, s)) return TN_EINVAL;
        }
        host_clear(r->d->context->host);
        int rc = TN_HAS(t, finish) ? t->finish(p->self) : 0;
        if (rc) return reading_failed(r, f, r->d->context->host->error);
    }
    return 0;
}

/* ---- reading everything --------------------------------------------------------------------------------------------- */
void reading_free(reading *r)
{
    for (int i = 0; i < r->d->n_fields; i++) {
        free_builder(&r->of[i]);
        interner_free(&r->words[i]);
    }
    for (int i = 0; i <= r->n_columns; i++) held_free(&r->column[i]); /* the first is there without any column, for lines of text */
    held_free(&r->room[0]);
    held_free(&r->room[1]);
    held_free(&r->joined);
    memory_free(r->wanted);
    memory_free(r->of);
    memory_free(r->words);
    memory_free(r->column);
    memory_free(r->has);
}

reading reading_start(data *d)
{
    reading r = { .d = d };
    r.n_columns = d->dataset->desc && d->dataset->self ? count_columns(d) : 0;
    r.of = memory_new(sizeof *r.of * (size_t)(d->n_fields + 1));
    r.words = memory_new(sizeof *r.words * (size_t)(d->n_fields + 1));
    r.column = memory_new(sizeof *r.column * (size_t)(r.n_columns + 1));
    r.has = memory_new((size_t)r.n_columns + 1), r.wanted = memory_new((size_t)r.n_columns + 1);
    for (int i = 0; i < d->n_fields; i++) {
        const field *f = d->field[i];
        if (f->column_index >= 0 && f->column_index < r.n_columns) r.wanted[f->column_index] = 1;
        for (int k = 0; k < f->n_columns && f->column_index >= 0; k++) r.wanted[f->columns_at[k]] = 1;
    }
    return r;
}

/* Makes a source of the data set ready and says which of its examples are in which split. examples: -1, it has none. */
static int load_source(reading *r, int source, int64_t *lanes, int64_t *examples)
{
    data *d = r->d;
    const tn_dataset *t = d->dataset->desc->table;
    tn_host *h = d->context->host;
    const char *name = split_names[source];
    int rc = t->load(d->dataset->self, name);
    *examples = -1;
    if (rc == TN_END) {
        host_clear(h);
        return 0;
    }
    if (rc) return h->error[0] ? rc : host_fail(h, rc, "cannot load %s", name);
    *lanes = data_has_lanes(d) && d->lanes[source] > 0 ? d->lanes[source] : 1;
    int64_t n = t->count(d->dataset->self, name, *lanes);
    if (n <= 0)
        return h->error[0] ? TN_EINVAL : fail_at(d, d->dataset->at, "data set '%s': the %s split is empty", d->dataset->type, name);
    if (n % *lanes)
        return host_fail(h, TN_EINVAL, "data set '%s' gave %lld examples for %lld lanes; every batch needs one for each",
                         d->dataset->type, (long long)n, (long long)*lanes);
    if ((rc = split_divide(d, source, n))) return rc;
    for (int s = 0; s < SPLITS; s++) {
        if (d->split->source[s] != source) continue;
        d->count[s] = d->split->n[s];
        if (!d->count[s])
            return fail_at(d, d->dataset->at, "the %s split is empty: %lld examples are too few for [dataset] split", split_names[s],
                           (long long)n);
    }
    *examples = n;
    return 0;
}

/* One source of the data set into the splits that are taken from it. */
static int read_splits(reading *r, int source, int64_t lanes, int64_t n, void (*progress)(void *, const char *, int64_t, int64_t),
                       void *to)
{
    data *d = r->d;
    int rc = read_source(r, split_names[source], lanes, n, progress, to);
    if (rc) return rc;
    for (int s = 0; s < SPLITS; s++)
        for (int i = 0; d->split->source[s] == source && i < d->n_fields; i++)
            if (!d->field[i]->from) reading_store(&d->field[i]->split[s], d->field[i], &r->of[i], d->split->pick[s], d->split->n[s]);
    for (int i = 0; i < d->n_fields; i++) free_builder(&r->of[i]);
    return 0;
}

/* A column that was not known when the file was checked: the data were not there yet. */
static int find_late_column(data *d, field *f)
{
    tn_host *h = d->context->host;
    const tn_dataset *t = d->dataset->desc->table;
    int rc = t->load(d->dataset->self, split_names[SPLIT_TRAIN]);
    if (rc && rc != TN_END) return h->error[0] ? rc : host_fail(h, rc, "cannot load %s", split_names[SPLIT_TRAIN]);
    tn_column c;
    if (fields_find_column(d, f, &c)) return 0;
    return host_fail(h, TN_EINVAL, "field '%s': the data has no column '%s'", f->name, f->column);
}

/* Examples that are there for one epoch alone cannot be another split. */
static int check_renewed(data *d)
{
    const tn_dataset *t = d->dataset->desc->table;
    int shared = 0;
    for (int s = SPLIT_TRAIN + 1; s < SPLITS; s++)
        if (d->split->source[s] == SPLIT_TRAIN && d->count[s] > 0) shared = s;
    if (!shared || !TN_HAS(t, renew) || t->renew(d->dataset->self, split_names[SPLIT_TRAIN], 1)) return 0;
    return fail_at(d, d->dataset->at, "'%s' has new training examples in every epoch, so none of them can be the %s split; leave "
                   "[dataset] split out", d->dataset->type, split_names[shared]);
}

int data_read(data *d, void (*progress)(void *, const char *, int64_t, int64_t), void *to)
{
    tn_host *h = d->context->host;
    host_clear(h);
    if (!d->dataset->desc || !d->dataset->self) return host_fail(h, TN_EINVAL, "there is no data set");
    for (int i = 0; i < d->n_fields; i++) {
        field *f = d->field[i];
        if (!f->from && f->column_index < 0 && find_late_column(d, f)) return TN_EINVAL;
    }
    reading r = reading_start(d);
    int64_t lanes[SPLITS], n[SPLITS];
    int rc = 0;
    for (int source = 0; source < SPLITS && !rc; source++) rc = load_source(&r, source, &lanes[source], &n[source]);
    if (!rc && d->count[SPLIT_TRAIN] <= 0) rc = fail_at(d, d->dataset->at, "data set '%s': there is no training split", d->dataset->type);
    if (!rc) rc = check_renewed(d);
    for (int i = 0; i < d->n_fields && !rc; i++)
        if (!d->field[i]->from) rc = fit_field(&r, d->field[i]);
    for (int source = 0; source < SPLITS && !rc; source++)
        if (n[source] > 0) rc = read_splits(&r, source, lanes[source], n[source], progress, to);
    for (int i = 0; i < d->n_fields && !rc; i++) rc = make_vocabulary(&r, i);
    if (!rc) fields_shift(d);
    reading_free(&r);
    d->epoch = 1;
    return rc;
}

int data_renew(data *d, int64_t epoch)
{
    tn_host *h = d->context->host;
    const tn_dataset *t = d->dataset->desc->table;
    const char *train = split_names[SPLIT_TRAIN];
    host_clear(h);
    if (epoch == d->epoch || !TN_HAS(t, renew)) return 0;
    int rc = t->renew(d->dataset->self, train, epoch);
    if (rc == TN_END) return host_clear(h), 0;
    if (rc) return h->error[0] ? rc : host_fail(h, rc, "the examples of epoch %lld cannot be read", (long long)epoch);
    reading r = reading_start(d);
    int64_t lanes = d->lanes[SPLIT_TRAIN] > 0 ? d->lanes[SPLIT_TRAIN] : 1;
    r.fixed = 1;
    rc = read_source(&r, train, lanes, t->count(d->dataset->self, train, lanes), NULL, NULL);
    for (int i = 0; !rc && i < d->n_fields; i++) {
        field *f = d->field[i];
        store_free(&f->split[SPLIT_TRAIN]);
        if (!f->from) reading_store(&f->split[SPLIT_TRAIN], f, &r.of[i], d->split->pick[SPLIT_TRAIN], d->split->n[SPLIT_TRAIN]);
    }
    if (!rc) fields_shift_split(d, SPLIT_TRAIN), d->epoch = epoch;
    reading_free(&r);
    return rc ? rc : 1;
}

void data_place(const data *d, int split, int64_t e, char *text, size_t size)
{
    const tn_dataset *t = d->dataset->desc->table;
    int source = d->split->source[split];
    int64_t index = d->split->pick[split] ? d->split->pick[split][e] : e;
    if (!TN_HAS(t, place) || t->place(d->dataset->self, split_names[source], index, text, size))
        snprintf(text, size, "%s example %lld", split_names[split], (long long)e + 1);
}

/* ---- numbers back to what they were ---------------------------------------------------------------------------------- */
int data_can_undo(const data *d, const field *f, const char **why_not)
{
    (void)d;
    for (int i = 0; i < f->n_transforms; i++)
        if (!f->transform[i]->desc || !TN_HAS((const tn_transform *)f->transform[i]->desc->table, undo)) {
            *why_not = f->transform[i]->type;
            return 0;
        }
    return 1;
}

int data_undo(data *d, field *f, int64_t rows, float *x)
{
    int64_t steps = f->row ? f->steps : 1;
    for (int i = f->n_transforms; i-- > 0; ) {
        host_clear(d->context->host);
        const tn_transform *t = f->transform[i]->desc->table;
        int rc = t->undo(f->transform[i]->self, rows * steps, f->width / steps, x);
        if (rc) return d->context->host->error[0] ? rc : host_fail(d->context->host, rc, "field '%s' cannot be undone", f->name);
    }
    return 0;
}

int data_redo(data *d, field *f, int64_t rows, float *x)
{
    int64_t steps = f->row ? f->steps : 1, n = rows * steps;
    tn_value v = { sizeof v, TN_F32, 1, (uint32_t)(f->width / steps), n, n, NULL, x, NULL };
    const tn_value *out;
    held room[2];
    memset(room, 0, sizeof room);
    host_clear(d->context->host);
    int rc = field_apply(d, f, f->n_transforms, &v, (tn_rng){ d->seed, 0 }, room, &out);
    if (!rc && out != &v) memcpy(x, out->leaf, 4 * (size_t)(rows * f->width));
    held_free(&room[0]);
    held_free(&room[1]);
    return rc;
}

void store_free(store *s)
{
    memory_free(s->begin);
    memory_free(s->inner);
    memory_free(s->id);
    memory_free(s->real);
    memset(s, 0, sizeof *s);
}

void data_free(data *d)
{
    for (int i = 0; i < d->n_fields; i++) {
        vocabulary_free(d->field[i]->words);
        memory_free(d->field[i]->singleton);
        d->field[i]->singleton = NULL;
        for (int s = 0; s < SPLITS; s++) store_free(&d->field[i]->split[s]);
    }
    split_free(d->split);
}
