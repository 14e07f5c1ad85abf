/* vocabulary_file.c -- vocabularies in a run directory, so that predict needs no training data: one word a line, in the
 * order of ids; the first line says which id is unknown. Beside them what else only the data could tell: shapes of fields
 * of several columns, how many steps all sequences have, and what transforms have learned.                      */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fields.h"
#include "file.h"
#include "vocabulary.h"

static char *escape(arena *a, const char *word)
{
    char *out = arena_new(a, 2 * strlen(word) + 1), *o = out;
    for (; *word; word++)
        if (*word == '\n') *o++ = '\\', *o++ = 'n';
        else if (*word == '\\') *o++ = '\\', *o++ = '\\';
        else *o++ = *word;
    return out;
}

static void unescape(char *s)
{
    char *o = s;
    for (; *s; s++)
        if (*s == '\\' && s[1]) *o++ = *++s == 'n' ? '\n' : *s;
        else *o++ = *s;
    *o = 0;
}

/* ---- shapes that only the data can tell, and what transforms have learned --------------------------------------- */
typedef struct bytes { char *p; size_t n, at; } bytes;

static int put_bytes(void *to, const void *p, size_t n)
{
    bytes *b = to;
    b->p = memory_grow(b->p, b->n, b->n + n);
    memcpy(b->p + b->n, p, n);
    b->n += n;
    return 0;
}

static int get_bytes(void *from, void *p, size_t n)
{
    bytes *b = from;
    if (b->n - b->at < n) return TN_EIO;
    memcpy(p, b->p + b->at, n);
    b->at += n;
    return 0;
}

static int save_learned(const data *d, const field *f, const char *folder)
{
    char path[4200], error[600];
    for (int k = 0; k < f->n_transforms; k++) {
        const tn_part *p = f->transform[k];
        if (!p->desc->save) continue;
        bytes b = { NULL, 0, 0 };
        int rc = p->desc->save(p->self, put_bytes, &b);
        snprintf(path, sizeof path, "%s/%s.%s-%d.bin", folder, f->name, p->type, k + 1);
        if (!rc && file_replace(path, b.p, b.n, error, sizeof error)) rc = host_fail(d->context->host, TN_EIO, "%s", error);
        else if (rc) rc = host_fail(d->context->host, rc, "transform '%s' cannot save what it has learned", p->type);
        memory_free(b.p);
        if (rc) return rc;
    }
    return 0;
}

static int load_learned(data *d, field *f, const char *folder)
{
    char path[4200];
    for (int k = 0; k < f->n_transforms; k++) {
        tn_part *p = f->transform[k];
        if (!p->self && part_open(d->context, p)) return TN_EINVAL; /* never planned: the data are not there */
        if (!p->desc->load) continue;
        snprintf(path, sizeof path, "%s/%s.%s-%d.bin", folder, f->name, p->type, k + 1);
        FILE *in = fopen(path, "rb");
        if (!in) return host_fail(d->context->host, TN_EIO, "cannot read '%s': %s", path, strerror(errno));
        bytes b = { NULL, 0, 0 };
        char part[4096];
        for (size_t got; (got = fread(part, 1, sizeof part, in)) > 0; ) put_bytes(&b, part, got);
        fclose(in);
        int rc = p->desc->load(p->self, get_bytes, &b);
        memory_free(b.p);
        if (rc) return host_fail(d->context->host, TN_EIO, "'%s' does not hold what transform '%s' learned", path, p->type);
    }
    return 0;
}

static int save_shape(const data *d, const field *f, const char *folder)
{
    char path[4200], error[600], text[100];
    if (f->kind != FIELD_NUMBERS) return 0;
    int n = snprintf(text, sizeof text, "%u %u %lld %lld %d\n", f->depth, f->width, (long long)f->steps, (long long)f->column_steps,
                     f->column_numbers);
    snprintf(path, sizeof path, "%s/%s.shape", folder, f->name);
    return file_replace(path, text, (size_t)n, error, sizeof error) ? host_fail(d->context->host, TN_EIO, "%s", error) : 0;
}

/* Runs of older versions lack what the column is, then that is 0, not known; and the shape of what is one column. */
static int load_shape(data *d, field *f, const char *folder)
{
    char path[4200];
    uint32_t depth, width;
    long long steps, column_steps = 0, numbers = 0;
    if (f->kind != FIELD_NUMBERS) return 0;
    snprintf(path, sizeof path, "%s/%s.shape", folder, f->name);
    FILE *in = fopen(path, "r");
    if (!in && errno == ENOENT && !f->n_columns) return 0;
    if (!in) return host_fail(d->context->host, TN_EIO, "cannot read '%s': %s", path, strerror(errno));
    char line[100] = "", *at = line;
    (void)!fgets(line, sizeof line, in);
    fclose(in);
    depth = (uint32_t)strtoul(at, &at, 10), width = (uint32_t)strtoul(at, &at, 10), steps = strtoll(at, &at, 10);
    if (*at == ' ') column_steps = strtoll(at, &at, 10);
    if (*at == ' ') numbers = strtoll(at, &at, 10);
    if (*at != '\n' || depth > 2 || !width || steps < 0 || column_steps < 0)
        return host_fail(d->context->host, TN_EIO, "'%s' holds no shape", path);
    fields_set_shape(d, f, depth, width, steps);
    if (column_steps) f->column_steps = column_steps;
    if (numbers) f->column_numbers = 1;
    return 0;
}

/* As many steps as every sequence of the training split has; 0: they differ, or the field has no steps of its own. */
static int64_t steps_of_all(const field *f)
{
    const store *s = &f->split[SPLIT_TRAIN];
    int64_t steps = f->depth == 1 && s->begin && s->examples ? s->begin[1] - s->begin[0] : 0;
    for (int64_t e = 1; steps && e < s->examples; e++)
        if (s->begin[e + 1] - s->begin[e] != steps) steps = 0;
    return steps;
}

static int save_steps(const data *d, const field *f, const char *folder)
{
    char path[4200], error[600], text[32];
    int64_t steps = steps_of_all(f);
    if (!steps) return 0;
    int n = snprintf(text, sizeof text, "%lld\n", (long long)steps);
    snprintf(path, sizeof path, "%s/%s.steps", folder, f->name);
    return file_replace(path, text, (size_t)n, error, sizeof error) ? host_fail(d->context->host, TN_EIO, "%s", error) : 0;
}

static int load_steps(data *d, field *f, const char *folder)
{
    char path[4200], line[32] = "", *end;
    snprintf(path, sizeof path, "%s/%s.steps", folder, f->name);
    FILE *in = fopen(path, "r");
    if (!in) return errno == ENOENT ? 0 : host_fail(d->context->host, TN_EIO, "cannot read '%s': %s", path, strerror(errno));
    (void)!fgets(line, sizeof line, in);
    fclose(in);
    f->all_steps = strtoll(line, &end, 10);
    if (f->all_steps > 0 && f->all_steps <= INT32_MAX && *end == '\n') return 0;
    return host_fail(d->context->host, TN_EIO, "'%s' holds no number of steps", path);
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */
int data_save_vocabularies(const data *d, const char *folder)
{
    for (int i = 0; i < d->n_fields; i++) {
        const field *f = d->field[i];
        if (f->from) continue;
        int failed = save_shape(d, f, folder);
        if (!failed) failed = save_steps(d, f, folder);
        if (failed || (failed = save_learned(d, f, folder))) return failed;
        if (!f->words) continue;
        arena a = { NULL };
        char path[4200], error[600];
        size_t n = 32;
        for (int64_t k = 0; k < f->words->n; k++) n += 2 * strlen(f->words->word[k]) + 1;
        char *text = memory_new(n), *at = text + sprintf(text, "%lld\n", (long long)f->words->unknown);
        for (int64_t k = 0; k < f->words->n; k++) at += sprintf(at, "%s\n", escape(&a, f->words->word[k]));
        snprintf(path, sizeof path, "%s/%s.txt", folder, f->name);
        int rc = file_replace(path, text, (size_t)(at - text), error, sizeof error);
        memory_free(text);
        arena_free(&a);
        if (rc) return host_fail(d->context->host, TN_EIO, "%s", error);
    }
    return 0;
}

static int load_vocabulary(data *d, field *f, const char *folder)
{
    char path[4200], *line = NULL;
    size_t room = 0;
    snprintf(path, sizeof path, "%s/%s.txt", folder, f->name);
    FILE *in = fopen(path, "r");
    if (!in) {
        if (errno == ENOENT && (f->kind == FIELD_NUMBERS || f->spec.classes > 0)) return 0; /* it never had one */
        return host_fail(d->context->host, TN_EIO, "cannot read '%s': %s", path, strerror(errno));
    }
    const char **word = NULL;
    int64_t n = 0, most = 0, unknown = -1;
    for (ssize_t got; (got = getline(&line, &room, in)) > 0; ) {
        if (line[got - 1] == '\n') line[got - 1] = 0;
        if (!most) {
            unknown = strtoll(line, NULL, 10);
            most = 1024;
            word = memory_new(sizeof *word * (size_t)most);
            continue;
        }
        if (n == most) word = memory_grow(word, sizeof *word * (size_t)most, sizeof *word * (size_t)(2 * most)), most *= 2;
        unescape(line);
        word[n++] = arena_text(d->context->memory, line);
    }
    free(line);
    fclose(in);
    if (!n) return host_fail(d->context->host, TN_EINVAL, "'%s' holds no vocabulary", path);
    f->words = vocabulary_of_list(d->context->memory, word, n, unknown);
    f->spec.classes = n;
    memory_free(word);
    return 0;
}

int data_load_vocabularies(data *d, const char *folder)
{
    host_clear(d->context->host);
    for (int i = 0; i < d->n_fields; i++) {
        field *f = d->field[i];
        if (f->from) f->words = f->from->words, f->spec.classes = f->from->spec.classes;
        else if (load_shape(d, f, folder) || load_steps(d, f, folder) || load_learned(d, f, folder)) return TN_EIO;
        else if (f->kind != FIELD_NUMBERS && load_vocabulary(d, f, folder)) return TN_EIO;
    }
    return 0;
}
