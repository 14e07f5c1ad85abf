/* conll.c -- sentences as columns: a token a line with its tags beside it, a blank line behind each sentence, as in the
 * shared tasks of the Conference on Natural Language Learning.                                                     */
#include "steps.h"

typedef struct {
    const char *path[TEXT_SPLITS];
    tn_list columns;
    const char *separator, *skip; int32_t encoding, plain;
} config;
#define SPLIT_PATH(i, name) { name, "file of the " name " split", TN_O_PATH, 0, offsetof(config, path) + (i) * sizeof(char *), \
                              0, 0, 0, NULL, 0, 4096, NULL, NULL }
static const tn_option options[] = {
    SPLIT_PATH(0, "train"), SPLIT_PATH(1, "validation"), SPLIT_PATH(2, "test"),
    { "columns", "names of the columns, in the order of the file; one called '_' is left out", TN_O_STRS, TN_O_REQUIRED,
      TN_AT_(config, columns, tn_list), 0, 0, 0, NULL, 1, 64, NULL, NULL },
    TN_STR(config, separator, NULL, "what stands between two columns; if not given, any run of spaces and tabs"),
    TN_STR(config, skip, NULL, "lines that begin with this are left out, as '-DOCSTART-' or '#'"),
    TN_ENUM(config, encoding, ENCODING_UTF8, text_encodings, "how the files are written"),
    TN_ENUM(config, plain, PLAIN_SPACES, plain_ways, "how a line of plain text is cut into tokens when one predicts") };

enum { MOST = 64 };                        /* columns                                                          */
typedef struct file {
    char *text;
    places cell;                           /* begin and end of each cell; token i has 2 columns of them from 2 i columns on */
    places token, line;                    /* of each sentence: its first token, the line where it begins      */
} file;
typedef struct conll { const config *c; const tn_api *api; tn_host *host; file of[TEXT_SPLITS]; steps value; } conll;

static const char *name_of(const conll *s, int64_t i) { return ((const char *const *)s->c->columns.v)[i]; }
static int left_out(const conll *s, int64_t i) { return !strcmp(name_of(s, i), "_"); }
static int no_memory(conll *s) { return s->api->fail(s->host, TN_ENOMEM, "no memory for sentences"); }

static int open_conll(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    conll *s = self;
    s->c = config_, s->api = api, s->host = host;
    for (int64_t i = 0; i < s->c->columns.n; i++)
        for (int64_t k = 0; k < i && !left_out(s, i); k++)
            if (!strcmp(name_of(s, i), name_of(s, k)))
                return tn_fail(api, host, TN_EINVAL, "columns: two columns are called '%s'; one that no field reads may be '_'",
                               name_of(s, i));
    if (s->c->separator && !s->c->separator[0])
        return api->fail(host, TN_EINVAL, "separator: must not be empty; leave it out for spaces and tabs");
    return TN_OK;
}

static void close_conll(void *self)
{
    conll *s = self;
    for (int i = 0; i < TEXT_SPLITS; i++) {
        free(s->of[i].text), free(s->of[i].cell.v), free(s->of[i].token.v), free(s->of[i].line.v);
        memset(&s->of[i], 0, sizeof s->of[i]);
    }
    steps_free(&s->value);
}

/* Column i of those that are not left out. */
static int column(void *self, uint32_t i, tn_column *c)
{
    const conll *s = self;
    for (int64_t k = 0; k < s->c->columns.n; k++)
        if (!left_out(s, k) && !i--) {
            *c = (tn_column){ sizeof *c, TN_TEXT, 1, 1, name_of(s, k), 0 };
            return TN_OK;
        }
    return TN_END;
}

/* ---- reading ---------------------------------------------------------------------------------------------- */
static int is_blank(char c) { return c == ' ' || c == '\t'; }

/* The cells of a line into at[]: begin and end of each. Gives how many there are; beyond `most` they are only counted. */
static int64_t cut_cells(const conll *s, const char *line, size_t n, size_t *at, int64_t most)
{
    int64_t cells = 0;
    const char *by = s->c->separator;
    size_t width = by ? strlen(by) : 0;
    for (size_t i = 0; i < n || (by && i == n); cells++) {
        size_t from, to;
        if (by) {
            const char *stop = memmem(line + i, n - i, by, width);
            from = i, to = stop ? (size_t)(stop - line) : n, i = to + width;
        } else {
            while (i < n && is_blank(line[i])) i++;
            if (i == n) break;
            for (from = i; i < n && !is_blank(line[i]); ) i++;
            to = i;
        }
        if (cells < most) at[2 * cells] = from, at[2 * cells + 1] = to;
        if (by && to == n) return cells + 1;
    }
    return cells;
}

/* A line that is a token. inside: its sentence has begun. */
static int take_line(conll *s, file *f, const char *path, size_t at, size_t n, int64_t line, int inside)
{
    size_t cell[2 * MOST];
    int64_t columns = s->c->columns.n, cells = cut_cells(s, f->text + at, n, cell, columns);
    if (cells != columns)
        return tn_fail(s->api, s->host, TN_EINVAL, "%s:%lld: %lld columns; `columns` names %lld: '%.*s'", path, (long long)line,
                       (long long)cells, (long long)columns, n < 60 ? (int)n : 60, f->text + at);
    if (!inside && (!places_add(&f->token, (size_t)(f->cell.n / (2 * columns))) || !places_add(&f->line, (size_t)line)))
        return no_memory(s);
    for (int64_t i = 0; i < 2 * columns; i++)
        if (!places_add(&f->cell, at + cell[i])) return no_memory(s);
    return TN_OK;
}

static int read_lines(conll *s, file *f, const char *path, size_t n)
{
    size_t skip = s->c->skip ? strlen(s->c->skip) : 0;
    int inside = 0, rc = TN_OK;
    int64_t line = 1;
    for (size_t at = 0, next; at < n && !rc; at = next, line++) {
        const char *stop = memchr(f->text + at, '\n', n - at);
        size_t end = stop ? (size_t)(stop - f->text) : n, i = at;
        next = end + 1;
        if (end > at && f->text[end - 1] == '\r') end--;
        if (skip && end - at >= skip && !memcmp(f->text + at, s->c->skip, skip)) continue;
        while (i < end && is_blank(f->text[i])) i++;
        if (i == end) inside = 0;
        else rc = take_line(s, f, path, at, end - at, line, inside), inside = 1;
    }
    if (!rc && !places_add(&f->token, (size_t)(f->cell.n / (2 * s->c->columns.n)))) return no_memory(s);
    return rc;
}

static int load(void *self, const char *split)
{
    conll *s = self;
    int i = text_split(split);
    if (i < 0 || !s->c->path[i]) return TN_END;
    file *f = &s->of[i];
    if (f->text) return TN_OK;
    size_t n;
    f->text = text_read(s->api, s->host, s->c->path[i], s->c->encoding, &n);
    if (!f->text) return TN_EIO;
    int rc = read_lines(s, f, s->c->path[i], n);
    if (!rc && !f->line.n) rc = tn_fail(s->api, s->host, TN_EINVAL, "%s: no sentence in this file", s->c->path[i]);
    return rc;
}

static int64_t count(void *self, const char *split, int64_t lanes)
{
    const conll *s = self;
    int i = text_split(split);
    (void)lanes;
    return i < 0 ? 0 : s->of[i].line.n;
}

static int read_sentence(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    conll *s = self;
    const file *f = &s->of[text_split(split)];
    int64_t columns = s->c->columns.n;
    uint32_t put = 0;
    (void)lanes, (void)rng;
    for (int64_t k = 0; k < columns; k++) {
        if (left_out(s, k)) continue;
        steps_clear(&s->value);
        for (size_t t = f->token.v[index]; t < f->token.v[index + 1]; t++) {
            const size_t *cell = f->cell.v + 2 * ((int64_t)t * columns + k);
            if (!steps_add(&s->value, f->text + cell[0], cell[1] - cell[0])) return no_memory(s);
        }
        int rc = steps_put(&s->value, sink, put++);
        if (rc) return rc;
    }
    return TN_OK;
}

static int place(void *self, const char *split, int64_t index, char *text, size_t size)
{
    const conll *s = self;
    int i = text_split(split);
    snprintf(text, size, "%s:%zu", s->c->path[i], s->of[i].line.v[index]);
    return TN_OK;
}

static int file_of(void *self, uint32_t i, const char **path)
{
    const conll *s = self;
    for (int k = 0; k < TEXT_SPLITS; k++)
        if (s->c->path[k] && !i--) {
            *path = s->c->path[k];
            return TN_OK;
        }
    return TN_END;
}

static int line(void *self, uint32_t i, const char *text, int64_t n, const tn_sink *sink)
{
    conll *s = self;
    steps_clear(&s->value);
    return steps_cut(&s->value, s->c->plain, text, n) ? steps_put(&s->value, sink, i) : no_memory(s);
}

static const tn_dataset table = { sizeof table, 0, column, load, count, read_sentence, place, file_of, NULL, line };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "conll", "sentences in columns, a token a line",
    "Each line is a token and its tags, in columns; a blank line ends a sentence. Each column is a text cut into steps, one a "
    "token, so fields need no transform that cuts them:\n\n"
    "    [dataset]\n"
    "    type = \"conll\"\n"
    "    train = \"eng.train\"\n"
    "    columns = [\"token\", \"pos\", \"chunk\", \"ner\"]\n"
    "    skip = \"-DOCSTART-\"\n\n"
    "Columns are separated by spaces and tabs, or by `separator` exactly. A line with another number of columns than `columns` "
    "names is an error. Lines that begin with `skip` are left out and end no sentence. `predict` cuts a line of plain text at "
    "spaces, or with `plain = \"characters\"` into characters, spaces left out.\n\n"
    "Source of the form: Tjong Kim Sang, De Meulder, *Introduction to the CoNLL-2003 shared task* (2003).",
    TN_OPTIONS(options), sizeof(config), sizeof(conll), NULL, open_conll, close_conll, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("conll", "1.0.0", "Tenon", "MIT", "", parts)
