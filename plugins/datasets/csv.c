/* csv.c -- tables in text files: any delimiter, quoted or not, with a header or with the names that the user gives. With
 * quoting, libcsv reads the rows (RFC 4180); without, a line is a row and a quotation mark is a character.         */
#include <csv.h>
#include "text_file.h"

typedef struct {
    const char *path[TEXT_SPLITS];
    const char *delimiter; int32_t quoting, header, encoding;
    tn_list columns;
} config;
#define SPLIT_PATH(i, name) { name, "file of the " name " split", TN_O_PATH, 0, offsetof(config, path) + (i) * sizeof(char *), \
                              0, 0, 0, NULL, 0, 4096, NULL, NULL }
static const tn_option options[] = {
    SPLIT_PATH(0, "train"), SPLIT_PATH(1, "validation"), SPLIT_PATH(2, "test"),
    { "delimiter", "the character between two cells", TN_O_STR, 0, TN_AT_(config, delimiter, const char *), 0, 0, 0, ",", 1, 1,
      NULL, NULL },
    TN_BOOL(config, quoting, 1, "cells may stand in quotation marks and then hold delimiters and line ends"),
    TN_BOOL(config, header, 1, "the first row holds the names of the columns"),
    TN_STRS(config, columns, NULL, "names of the columns, where the file has no header"),
    TN_ENUM(config, encoding, ENCODING_UTF8, text_encodings, "how the files are written") };

typedef struct {                           /* one file, its cells one after the other, each NUL-terminated       */
    char *text; size_t bytes, room;
    places cell;                           /* where each begins; row r has cells r * columns ..                  */
    int64_t cells_in_row, rows, *line, line_room;
    int has_header;                        /* its first row is read                                              */
} file;
typedef struct {
    const config *c; const tn_api *api; tn_host *host;
    char **name; uint32_t n_names;         /* of the columns                                                     */
    file of[TEXT_SPLITS];
    file *now; const char *path; int64_t line_now; int rc; /* while a file is read                              */
} csv;

/* ---- rows ------------------------------------------------------------------------------------------------- */
static int no_memory(csv *s) { return s->api->fail(s->host, TN_ENOMEM, "no memory for a table"); }

static void take_cell(void *cell, size_t n, void *self)
{
    csv *s = self;
    file *f = s->now;
    if (s->rc) return;
    if (f->bytes + n + 1 > f->room) {
        size_t room = 2 * (f->bytes + n) + 4096;
        char *more = realloc(f->text, room);
        if (!more) {
            s->rc = no_memory(s);
            return;
        }
        f->text = more, f->room = room;
    }
    if (!places_add(&f->cell, f->bytes)) {
        s->rc = no_memory(s);
        return;
    }
    if (n) memcpy(f->text + f->bytes, cell, n);
    f->bytes += n;
    f->text[f->bytes++] = 0;
    f->cells_in_row++;
}

static int no_twins(const csv *s)
{
    for (uint32_t i = 0; i < s->n_names; i++)
        for (uint32_t k = 0; k < i; k++)
            if (!strcmp(s->name[i], s->name[k]))
                return tn_fail(s->api, s->host, TN_EINVAL, "%s%stwo columns are called '%s'", s->path ? s->path : "",
                               s->path ? ":1: " : "columns: ", s->name[i]);
    return TN_OK;
}

/* Every file has the same columns in the same order: cells are known by their number. */
static int same_names(csv *s, const file *f)
{
    int equal = f->cells_in_row == s->n_names;
    for (uint32_t i = 0; equal && i < s->n_names; i++) {
        const char *name = f->text + f->cell.v[i];
        if (strcmp(name, s->name[i]))
            return tn_fail(s->api, s->host, TN_EINVAL,
                           "%s:1: column %u is called '%s', in the first file '%s'; all files need the same header",
                           s->path, i + 1, name, s->name[i]);
    }
    if (equal) return TN_OK;
    return tn_fail(s->api, s->host, TN_EINVAL,
                   "%s:1: the header has %lld columns, that of the first file has %u; all files need the same header",
                   s->path, (long long)f->cells_in_row, s->n_names);
}

/* Names from the first row. */
static int take_names(csv *s, file *f)
{
    s->name = calloc((size_t)f->cells_in_row + 1, sizeof *s->name);
    for (int64_t i = 0; s->name && i < f->cells_in_row; i++) {
        s->name[i] = strdup(f->text + f->cell.v[i]);
        if (!s->name[i]) return no_memory(s);
        s->n_names++;
    }
    return s->name ? no_twins(s) : no_memory(s);
}

/* Where row `rows` began, for messages. */
static int keep_line(csv *s, file *f)
{
    if (f->rows == f->line_room) {
        int64_t room = 2 * f->line_room + 1024;
        int64_t *more = realloc(f->line, sizeof *more * (size_t)room);
        if (!more) return no_memory(s);
        f->line = more, f->line_room = room;
    }
    f->line[f->rows++] = s->line_now;
    return TN_OK;
}

static void take_row(int end, void *self)
{
    csv *s = self;
    file *f = s->now;
    (void)end;
    if (s->rc) return;
    if (s->c->header && !f->has_header) {
        s->rc = s->name ? same_names(s, f) : take_names(s, f);
        f->has_header = 1, f->cell.n = 0, f->bytes = 0;
    } else if (f->cells_in_row != s->n_names) {
        s->rc = tn_fail(s->api, s->host, TN_EINVAL, "%s:%lld: %lld cells, the table has %u columns", s->path,
                        (long long)s->line_now, (long long)f->cells_in_row, s->n_names);
    } else s->rc = keep_line(s, f);
    f->cells_in_row = 0;
}

/* Line by line, so that a row's place is known: where its first cell began. */
static int parse_quoted(csv *s, const char *text, size_t n)
{
    struct csv_parser p;
    if (csv_init(&p, CSV_APPEND_NULL)) return no_memory(s);
    csv_set_delim(&p, (unsigned char)s->c->delimiter[0]);
    int64_t line = 1;
    for (size_t at = 0; at < n && !s->rc; line++) {
        const char *stop = memchr(text + at, '\n', n - at);
        size_t m = stop ? (size_t)(stop - text) + 1 - at : n - at;
        if (!p.quoted) s->line_now = line;
        if (csv_parse(&p, text + at, m, take_cell, take_row, s) != m && !s->rc)
            s->rc = tn_fail(s->api, s->host, TN_EINVAL, "%s:%lld: %s", s->path, (long long)line, csv_strerror(csv_error(&p)));
        at += m;
    }
    csv_set_opts(&p, CSV_APPEND_NULL | CSV_STRICT | CSV_STRICT_FINI); /* for what follows: an open quote is an error */
    if (!s->rc && csv_fini(&p, take_cell, take_row, s) && !s->rc)
        s->rc = tn_fail(s->api, s->host, TN_EINVAL, "%s:%lld: a quote in this row is never closed; if quotes are ordinary "
                        "characters here, say quoting = false", s->path, (long long)s->line_now);
    csv_free(&p);
    return s->rc;
}

static int parse_plain(csv *s, char *text, size_t n)
{
    char mark = s->c->delimiter[0];
    s->line_now = 0;
    for (size_t at = 0; at < n && !s->rc; ) {
        char *stop = memchr(text + at, '\n', n - at), *end = stop ? stop : text + n, *p = text + at;
        s->line_now++;
        at = (size_t)(end - text) + 1;
        if (end > p && end[-1] == '\r') end--;
        if (end == p) continue;
        for (char *cut; (cut = memchr(p, mark, (size_t)(end - p))); p = cut + 1) take_cell(p, (size_t)(cut - p), s);
        take_cell(p, (size_t)(end - p), s);
        take_row('\n', s);
    }
    return s->rc;
}

static int load(void *self, const char *split)
{
    csv *s = self;
    int i = text_split(split);
    if (i < 0 || !s->c->path[i]) return TN_END;
    if (s->of[i].rows) return TN_OK;
    size_t n;
    char *text = text_read(s->api, s->host, s->c->path[i], s->c->encoding, &n);
    if (!text) return TN_EIO;
    s->now = &s->of[i], s->path = s->c->path[i], s->rc = 0;
    int rc = s->c->quoting ? parse_quoted(s, text, n) : parse_plain(s, text, n);
    free(text);
    if (!rc && !s->of[i].rows)
        rc = tn_fail(s->api, s->host, TN_EINVAL, s->c->header && s->of[i].has_header ? "%s: the file has a header and no rows"
                                                                                     : "%s: the file is empty", s->path);
    return rc;
}

/* ---- columns ------------------------------------------------------------------------------------------------ */
/* Names of a file with a header: its first row, before any data is read. A file that is not there is load's to tell. */
static int read_header(csv *s)
{
    int i = 0;
    while (i < TEXT_SPLITS && !s->c->path[i]) i++;
    FILE *f = i < TEXT_SPLITS ? fopen(s->c->path[i], "rb") : NULL;
    char *line = NULL;
    size_t room = 0;
    ssize_t n = f ? getline(&line, &room, f) : -1;
    if (f) fclose(f);
    file first;
    memset(&first, 0, sizeof first);
    s->now = &first, s->path = i < TEXT_SPLITS ? s->c->path[i] : "", s->rc = 0;
    char *text = line;
    if (n >= 3 && !memcmp(line, "\xef\xbb\xbf", 3)) text += 3, n -= 3;
    if (n > 0) s->c->quoting ? parse_quoted(s, text, (size_t)n) : parse_plain(s, text, (size_t)n);
    free(line), free(first.text), free(first.cell.v), free(first.line);
    return s->rc;
}

static int open_csv(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    csv *s = self;
    s->c = config_, s->api = api, s->host = host;
    if (s->c->header && s->c->columns.n)
        return api->fail(host, TN_EINVAL,
                         "columns: the first row of the file holds the names; for a file without a header, say header = false");
    if (s->c->header) return read_header(s);
    if (!s->c->columns.n) return api->fail(host, TN_EINVAL, "a file without a header needs columns = [\"name\", ...]");
    s->name = calloc((size_t)s->c->columns.n, sizeof *s->name);
    for (int64_t i = 0; s->name && i < s->c->columns.n; i++) {
        s->name[i] = strdup(((const char *const *)s->c->columns.v)[i]);
        if (!s->name[i]) return no_memory(s);
        s->n_names++;
    }
    s->path = NULL;
    return s->name ? no_twins(s) : no_memory(s);
}

static void close_csv(void *self)
{
    csv *s = self;
    for (int i = 0; i < TEXT_SPLITS; i++) free(s->of[i].text), free(s->of[i].cell.v), free(s->of[i].line);
    for (uint32_t i = 0; i < s->n_names; i++) free(s->name[i]);
    free(s->name);
    memset(s->of, 0, sizeof s->of);
    s->name = NULL, s->n_names = 0;
}

static int column(void *self, uint32_t i, tn_column *c)
{
    csv *s = self;
    if (i >= s->n_names) return TN_END;
    *c = (tn_column){ sizeof *c, TN_TEXT, 0, 1, s->name[i], 0 };
    return TN_OK;
}

static int64_t count(void *self, const char *split, int64_t lanes)
{
    csv *s = self;
    int i = text_split(split);
    (void)lanes;
    return i < 0 ? 0 : s->of[i].rows;
}

static int read_row(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    csv *s = self;
    const file *f = &s->of[text_split(split)];
    (void)lanes, (void)rng;
    for (uint32_t i = 0; i < s->n_names; i++) {
        const char *cell = f->text + f->cell.v[index * s->n_names + i];
        int rc = put_text(sink, i, cell, strlen(cell));
        if (rc) return rc;
    }
    return TN_OK;
}

static int place(void *self, const char *split, int64_t index, char *text, size_t size)
{
    csv *s = self;
    int i = text_split(split);
    snprintf(text, size, "%s:%lld", s->c->path[i], (long long)s->of[i].line[index]);
    return TN_OK;
}

static int file_of(void *self, uint32_t i, const char **path)
{
    csv *s = self;
    for (int k = 0; k < TEXT_SPLITS; k++)
        if (s->c->path[k] && !i--) {
            *path = s->c->path[k];
            return TN_OK;
        }
    return TN_END;
}

static const tn_dataset table = { sizeof table, 0, column, load, count, read_row, place, file_of, NULL };
static const tn_desc desc = { sizeof desc, TN_DATASET, &table, "csv", "tables in text files",
                              "Every column is text. Rows are read by libcsv; with `quoting = false` a line is a row and a "
                              "quotation mark is a character like any other. A row with another number of cells than there are "
                              "columns is an error.",
                              TN_OPTIONS(options), sizeof(config), sizeof(csv), NULL, open_csv, close_csv, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("csv", "1.0.0", "Tenon", "MIT", "", parts)
