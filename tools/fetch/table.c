/* table.c -- a line for each text: label, name, text, with tabs between. Folders in the order of the catalogue, texts by the number
 * that their name begins with, then by name ("2_7" before "10_3"); the name is that of the file without its ending. Each
 * run of white space in a text (space, tab, line end ...; ASCII, so that U+0085 stays) becomes one space, none at its ends.  */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "table.h"

int table_row(const data_file *f, const char *path)
{
    for (int i = 0; i < f->n_rows; i++) {
        size_t n = strlen(f->rows[i].folder);
        if (!strncmp(path, f->rows[i].folder, n) && path[n] == '/' && path[n + 1] && !strchr(path + n + 1, '/')) return i;
    }
    return -1;
}

int table_begin(table *t, const data_file *f, const char *path)
{
    if (t->n == t->room) {
        size_t room = 2 * t->room + 1024;
        row *more = realloc(t->v, room * sizeof *more);
        if (!more) return problem("no memory for a table");
        t->v = more, t->room = room;
    }
    const char *name = strrchr(path, '/') + 1, *dot = strrchr(name, '.');
    row *r = &t->v[t->n++];
    *r = (row){ table_row(f, path), strndup(name, dot && dot > name ? (size_t)(dot - name) : strlen(name)), NULL, 0 };
    t->text_room = 0;
    return r->name ? 0 : problem("no memory for a table");
}

static int is_white(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

int table_add(void *table_, const void *bytes, size_t n)
{
    table *t = table_;
    row *r = &t->v[t->n - 1];
    if (r->n + n > t->text_room) {
        size_t room = 2 * t->text_room + n;
        char *more = realloc(r->text, room);
        if (!more) return problem("no memory for a table");
        r->text = more, t->text_room = room;
    }
    size_t before = r->n;
    for (const char *c = bytes, *end = c + n; c < end; c++) {
        int white = is_white(*c);
        if (!white || (r->n && r->text[r->n - 1] != ' ')) r->text[r->n++] = white ? ' ' : *c;
    }
    t->bytes += (int64_t)(r->n - before);
    if (t->limit >= 0 && t->bytes > t->limit)
        return problem("its texts have more than the %lld bytes that the catalogue states", (long long)t->limit);
    return 0;
}

static int by_number(const void *a, const void *b)
{
    const row *x = a, *y = b;
    if (x->folder != y->folder) return x->folder < y->folder ? -1 : 1;
    unsigned long long i = strtoull(x->name, NULL, 10), j = strtoull(y->name, NULL, 10);
    return i != j ? i < j ? -1 : 1 : strcmp(x->name, y->name);
}

int table_write(table *t, const data_file *f, const char *to)
{
    sink s;
    int code = sink_open(&s, to, t->limit >= 0 ? t->limit : INT64_MAX);
    if (code) return code;
    if (t->n) qsort(t->v, t->n, sizeof *t->v, by_number);
    for (size_t i = 0; i < t->n && !code; i++) {
        const row *r = &t->v[i];
        const char *label = f->rows[r->folder].label;
        size_t n = r->n && r->text[r->n - 1] == ' ' ? r->n - 1 : r->n, room = strlen(label) + strlen(r->name) + n + 3;
        char *line = malloc(room + 1);
        if (!line) code = problem("no memory for a table");
        else {
            int head = snprintf(line, room + 1, "%s\t%s\t", label, r->name);
            if (n) memcpy(line + head, r->text, n);
            line[(size_t)head + n] = '\n';
            code = sink_write(&s, line, (size_t)head + n + 1);
        }
        free(line);
    }
    int closed = sink_close(&s);
    return code ? code : closed;
}

void table_free(table *t)
{
    for (size_t i = 0; i < t->n; i++) free(t->v[i].name), free(t->v[i].text);
    free(t->v);
}
