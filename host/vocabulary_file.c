/* vocabulary_file.c -- vocabularies in a run directory, so that predict needs no training data: one word a line, in the
 * order of ids; the first line says which id is unknown.                                                       */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "data.h"
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

int data_save_vocabularies(const data *d, const char *folder)
{
    for (int i = 0; i < d->n_fields; i++) {
        const field *f = d->field[i];
        if (!f->words || f->from) continue;
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
        else if (f->kind != FIELD_NUMBERS && load_vocabulary(d, f, folder)) return TN_EIO;
    }
    return 0;
}
