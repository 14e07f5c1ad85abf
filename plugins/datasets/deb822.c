/* deb822.c -- records of `Name: value` lines with empty lines between them, as Debian writes its package index
 * (apt-cache dumpavail). A record is an example, the named fields are its columns. Three customs of such files are
 * known: a long value goes on in lines that begin with a space, a package without `Source` is its own, and a value
 * like `non-free/games` has a component before its name.                                                        */
#include <stdio.h>
#include <strings.h>
#include "text_file.h"

enum { MOST = 16 };

typedef struct {
    const char *train, *validation, *test, *rare, *other;
    tn_list columns, names;
    int64_t min_count;
    int32_t encoding;
} config;
static const tn_option options[] = {
    TN_PATH(config, train, NULL, "records to train on"),
    TN_PATH(config, validation, NULL, "records to validate on"),
    TN_PATH(config, test, NULL, "records to test on"),
    TN_STRS(config, columns, "['Package', 'Source', 'Section', 'Description']",
            "fields that are columns; a record without one is left out"),
    TN_STRS(config, names, "['Section']", "columns of which only what follows the last slash counts"),
    TN_STR(config, rare, "Section", "column whose rare values become one"),
    TN_INT(config, min_count, 100, 0, 1000000000, "records that a value of that column must have; others become `other`"),
    TN_STR(config, other, "other", "what the rare values become"),
    TN_ENUM(config, encoding, ENCODING_UTF8, text_encodings, "how the files are written") };

typedef struct { char *data; size_t n, room; } bytes;
typedef struct {                           /* one file                                                         */
    int64_t count;
    bytes text;                            /* values, one behind the other                                     */
    bytes end;                             /* size_t [count * columns]  where each ends in text                */
    bytes line;                            /* int64_t [count]           where the record begins                */
} records;
typedef struct { const char *p; size_t n; } piece;
typedef struct {
    const config *c;
    const tn_api *api; tn_host *host;
    const char *column[MOST]; int n, rare, is_name[MOST];
    records of[TEXT_SPLITS];
    piece *common; size_t n_common;        /* values of the column `rare` that are not rare in training, sorted  */
} deb822;

static const char *path_of(const deb822 *d, int split)
{
    return split == 0 ? d->c->train : split == 1 ? d->c->validation : d->c->test;
}

static int append(bytes *b, const void *p, size_t n)
{
    if (b->n + n > b->room) {
        size_t room = (b->n + n) * 2 + 256;
        char *data = realloc(b->data, room);
        if (!data) return TN_ENOMEM;
        b->data = data, b->room = room;
    }
    if (n) memcpy(b->data + b->n, p, n);
    b->n += n;
    return 0;
}

/* Number of the column `name` [n bytes], or -1. Names differ in more than case; Description-en is Description. */
static int column_of(const deb822 *d, const char *name, size_t n)
{
    if (n == 14 && !strncasecmp(name, "Description-en", n)) n = 11;
    for (int i = 0; i < d->n; i++)
        if (strlen(d->column[i]) == n && !strncasecmp(d->column[i], name, n)) return i;
    return -1;
}

static int check(const tn_api *api, tn_host *host, const void *config_)
{
    const config *c = config_;
    const char *const *column = c->columns.v, *const *name = c->names.v;
    if (c->columns.n < 1 || c->columns.n > MOST)
        return tn_fail(api, host, TN_EINVAL, "columns: there must be 1 to %d of them", MOST);
    deb822 d = { .n = (int)c->columns.n };
    for (int i = 0; i < d.n; i++) d.column[i] = column[i];
    for (int64_t i = 0; i < c->names.n; i++)
        if (column_of(&d, name[i], strlen(name[i])) < 0 && strcmp(name[i], "Section"))
            return tn_fail(api, host, TN_EINVAL, "names: there is no column '%s'", name[i]);
    return TN_OK;
}

static int open_files(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    deb822 *d = self;
    const config *c = d->c = config_;
    const char *const *column = c->columns.v, *const *name = c->names.v;
    d->api = api, d->host = host, d->n = (int)c->columns.n;
    for (int i = 0; i < d->n; i++) d->column[i] = column[i];
    for (int64_t i = 0; i < c->names.n; i++) {
        int k = column_of(d, name[i], strlen(name[i]));
        if (k >= 0) d->is_name[k] = 1;
    }
    d->rare = c->rare && c->min_count > 0 ? column_of(d, c->rare, strlen(c->rare)) : -1;
    return TN_OK;
}

static void close_files(void *self)
{
    deb822 *d = self;
    for (int i = 0; i < TEXT_SPLITS; i++) free(d->of[i].text.data), free(d->of[i].end.data), free(d->of[i].line.data);
    memset(d->of, 0, sizeof d->of);
    free(d->common);
    d->common = NULL;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */
typedef struct {                           /* the record that is being read                                    */
    bytes value[MOST + 1];                 /* the last one: Package, where it is no column                     */
    int has[MOST + 1];
    bytes *open;                           /* the value that a line with a space goes on, NULL: none           */
    int64_t line;
} entry;

/* A value as the column wants it. */
static void trim(const deb822 *d, int column, const char **p, size_t *n)
{
    while (*n && (**p == ' ' || **p == '\t')) ++*p, --*n;
    while (*n && strchr(" \t\r\n", (*p)[*n - 1])) --*n;
    const char *slash = column < d->n && d->is_name[column] ? memrchr(*p, '/', *n) : NULL;
    if (slash) *n -= (size_t)(slash + 1 - *p), *p = slash + 1;
    if (column < d->n && !strcasecmp(d->column[column], "Source")) { /* "gcc-12 (12.2.0-14)" */
        const char *space = memchr(*p, ' ', *n);
        if (space) *n = (size_t)(space - *p);
    }
}

static int end_record(deb822 *d, records *to, entry *r)
{
    int rc = 0, source = column_of(d, "Source", 6), package = column_of(d, "Package", 7), complete = 1;
    if (package < 0) package = MOST;
    if (source >= 0 && !r->has[source] && r->has[package]) {
        r->has[source] = 1;
        rc = append(&r->value[source], r->value[package].data, r->value[package].n);
    }
    for (int i = 0; i < d->n; i++) complete &= r->has[i];
    for (int i = 0; i < d->n && complete && !rc; i++) {
        const char *p = r->value[i].data;
        size_t n = r->value[i].n;
        trim(d, i, &p, &n);
        rc = append(&to->text, p, n);
        if (!rc) rc = append(&to->end, &to->text.n, sizeof to->text.n);
    }
    if (complete && !rc) rc = append(&to->line, &r->line, sizeof r->line), to->count++;
    for (int i = 0; i <= MOST; i++) r->value[i].n = 0, r->has[i] = 0;
    r->open = NULL, r->line = 0;
    return rc;
}

/* One line that is not empty: a field, or what follows of one. A line of a single dot stands for an empty one. */
static int take_line(const deb822 *d, entry *r, const char *line, size_t n, const char *path, int64_t at)
{
    if (*line == ' ' || *line == '\t') {
        if (!r->open) return 0;
        int rc = append(r->open, "\n", 1);
        return rc || (n == 2 && line[1] == '.') ? rc : append(r->open, line + 1, n - 1);
    }
    const char *colon = memchr(line, ':', n);
    if (!colon) return tn_fail(d->api, d->host, TN_EINVAL, "%s:%lld: expected `Name: value`", path, (long long)at);
    size_t name = (size_t)(colon - line);
    int k = column_of(d, line, name);
    if (k < 0 && name == 7 && !strncasecmp(line, "Package", name)) k = MOST;
    r->open = k < 0 ? NULL : &r->value[k];
    if (k < 0) return 0;
    r->has[k] = 1, r->open->n = 0; /* NOLINT(clang-analyzer-unix.Malloc): read_records frees every value */
    return append(r->open, colon + 1, n - name - 1);
}

static int read_records(deb822 *d, records *to, const char *text, size_t n, const char *path)
{
    entry r = { .line = 0 };
    const char *end = text + n;
    int rc = 0;
    for (int64_t at = 1; !rc && text < end; at++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text)), *next = stop ? stop + 1 : end;
        if (!stop) stop = end;
        while (stop > text && stop[-1] == '\r') stop--;
        if (stop == text) rc = r.line ? end_record(d, to, &r) : 0;
        else {
            if (!r.line) r.line = at;
            rc = take_line(d, &r, text, (size_t)(stop - text), path, at);
        }
        text = next;
    }
    if (!rc && r.line) rc = end_record(d, to, &r);
    for (int i = 0; i <= MOST; i++) free(r.value[i].data);
    return rc == TN_ENOMEM ? tn_fail(d->api, d->host, TN_ENOMEM, "no memory for %s", path) : rc;
}

/* ---- the data set ---------------------------------------------------------------------------------------------- */
static const char *value_of(const deb822 *d, const records *r, int64_t index, int column, size_t *n)
{
    const size_t *end = (const void *)r->end.data;
    int64_t i = index * d->n + column;
    size_t from = i ? end[i - 1] : 0;
    *n = end[i] - from;
    return r->text.data + from;
}

static int compare(const void *a_, const void *b_)
{
    const piece *a = a_, *b = b_;
    int order = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);
    return order ? order : (a->n > b->n) - (a->n < b->n);
}

/* Sorts all values of the column and keeps those that occur often enough. */
static int find_common(deb822 *d)
{
    const records *r = &d->of[0];
    piece *all = malloc(sizeof *all * (size_t)r->count);
    if (!all) return tn_fail(d->api, d->host, TN_ENOMEM, "no memory for the values of %s", d->column[d->rare]);
    for (int64_t i = 0; i < r->count; i++) all[i].p = value_of(d, r, i, d->rare, &all[i].n);
    qsort(all, (size_t)r->count, sizeof *all, compare);
    d->n_common = 0;
    for (int64_t i = 0, next; i < r->count; i = next) {
        for (next = i + 1; next < r->count && !compare(&all[i], &all[next]); ) next++;
        if (next - i >= d->c->min_count) all[d->n_common++] = all[i];
    }
    d->common = all;
    return TN_OK;
}

static int column(void *self, uint32_t i, tn_column *c)
{
    const deb822 *d = self;
    if (i >= (uint32_t)d->n) return TN_END;
    *c = (tn_column){ sizeof *c, TN_TEXT, 0, 1, d->column[i], 0 };
    return TN_OK;
}

static int load(void *self, const char *split)
{
    deb822 *d = self;
    int i = text_split(split), rc;
    const char *path = i < 0 ? NULL : path_of(d, i);
    if (!path) return TN_END;
    if (d->of[i].count) return TN_OK;
    size_t n;
    char *text = text_read(d->api, d->host, path, d->c->encoding, &n);
    if (!text) return TN_EIO;
    rc = read_records(d, &d->of[i], text, n, path);
    free(text);
    if (!rc && !d->of[i].count) return tn_fail(d->api, d->host, TN_EINVAL, "%s: no record has all the columns", path);
    return !rc && !i && d->rare >= 0 ? find_common(d) : rc;
}

static int64_t count(void *self, const char *split, int64_t lanes)
{
    const deb822 *d = self;
    int i = text_split(split);
    (void)lanes;
    return i < 0 ? 0 : d->of[i].count;
}

static int read_example(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    const deb822 *d = self;
    const records *r = &d->of[text_split(split)];
    int rc = 0;
    (void)lanes, (void)rng;
    for (int i = 0; i < d->n && !rc; i++) {
        size_t n;
        const char *p = value_of(d, r, index, i, &n);
        piece value = { p, n };
        if (d->common && i == d->rare && !bsearch(&value, d->common, d->n_common, sizeof value, compare))
            p = d->c->other, n = strlen(p);
        rc = put_text(sink, (uint32_t)i, p, n);
    }
    return rc;
}

static int place(void *self, const char *split, int64_t index, char *text, size_t size)
{
    const deb822 *d = self;
    int i = text_split(split);
    const int64_t *line = (const void *)d->of[i].line.data;
    snprintf(text, size, "%s:%lld", path_of(d, i), (long long)line[index]);
    return TN_OK;
}

static int file(void *self, uint32_t i, const char **path)
{
    const deb822 *d = self;
    for (int k = 0; k < TEXT_SPLITS; k++)
        if (path_of(d, k) && !i--) {
            *path = path_of(d, k);
            return TN_OK;
        }
    return TN_END;
}

static const tn_dataset table = { sizeof table, 0, column, load, count, read_example, place, file, NULL };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "deb822", "records of `Name: value` lines, as Debian's package index",
    "`apt-cache dumpavail` prints such a file. Names are matched without regard to case, and `Description-en` is "
    "`Description`. A record without `Source` is its own source, and the version behind a source's name is cut off. To keep "
    "packages of one source on one side of a split, say `split = { test = 0.2, by = \"Source\" }`.",
    TN_OPTIONS(options), sizeof(config), sizeof(deb822), check, open_files, close_files, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("deb822", "1.0.0", "Tenon", "MIT", "", parts)
