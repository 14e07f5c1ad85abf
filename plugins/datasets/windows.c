/* windows.c -- windows over a series, a row of a CSV file a moment: the rows before a moment, and those from it on, which are
 * to be forecast. Splits follow one another; a window may look back over a border, what it forecasts lies within its split. */
#include <csv.h>
#include "text_file.h"

typedef struct {
    const char *file, *delimiter;
    int64_t past, horizon, every, lead, stride, rows[TEXT_SPLITS];
    double share[TEXT_SPLITS];
    tn_list columns, na;
    int32_t missing, encoding;
} config;
enum { MISSING_ERROR, MISSING_SKIP, MISSING_PREVIOUS, MISSING_ZERO };
static const char *const missings[] = { "error", "skip", "previous", "zero", NULL };
#define ROWS(i, name, help) { name, help, TN_O_INT, 0, offsetof(config, rows) + (i) * sizeof(int64_t), 0, 0, 0, NULL, 0, 1e12, \
                              NULL, "rows" }
#define SHARE(i, name) { name, "the same as a share of all rows", TN_O_REAL, TN_O_OPEN_MAX, \
                         offsetof(config, share) + (i) * sizeof(double), 0, 0, 0, NULL, 0, 1, NULL, NULL }
static const tn_option options[] = {
    TN_PATH_X(config, file, TN_O_REQUIRED, NULL, "the series: a CSV file with a header, a row a moment"),
    { "delimiter", "the character between two cells", TN_O_STR, 0, TN_AT_(config, delimiter, const char *), 0, 0, 0, ",", 1, 1,
      NULL, NULL },
    TN_INT_X(config, past, TN_O_REQUIRED, 0, 1, 1000000, "rows that the model sees"),
    TN_INT(config, horizon, 1, 1, 1000000, "rows that are to be forecast"),
    TN_INT(config, every, 1, 1, 1000000, "only each so-many-th row of the past is seen, the last one always"),
    TN_INT(config, lead, 1, 1, 1000000, "how many rows behind the last one seen the horizon begins"),
    TN_INT(config, stride, 1, 1, 1000000, "rows from one window to the next"),
    ROWS(0, "rows.train", "rows of the training split, the first of the file; 0: all that the others leave"),
    ROWS(1, "rows.validation", "rows of the validation split, which follow; 0: there is none"),
    ROWS(2, "rows.test", "rows of the test split, which follow these; 0: there is none"),
    SHARE(1, "share.validation"), SHARE(2, "share.test"),
    TN_STRS(config, columns, NULL, "columns that are there for fields; not given: all"),
    TN_STRS(config, na, "[\"NA\", \"NaN\", \"nan\", \"\"]", "cells that stand for a missing number"),
    TN_ENUM(config, missing, MISSING_ERROR, missings, "a missing number is an error, leaves out the windows that hold it, "
                                                      "becomes the number before it, or becomes 0"),
    TN_ENUM(config, encoding, ENCODING_UTF8, text_encodings, "how the file is written") };

typedef struct {
    char *name, *past, *horizon;           /* in the file; of the columns "NAME" and "horizon.NAME"                  */
    int used, empty;                       /* empty: no row has a number                                             */
    float *v; char *gone;                  /* [rows] numbers; 1: it is missing                                       */
    int64_t gone_at, bad_at; char *bad;    /* the first missing cell; the first that is no number, and its text; -1  */
} series;
typedef struct {
    const config *c; const tn_api *api; tn_host *host;
    series *of; uint32_t n_of;             /* the file's columns                                                     */
    uint32_t *shown, n_shown;              /* those that fields may read                                             */
    int64_t rows, room, *line, line_now;
    uint32_t cell; int header, rc;         /* while the file is read: the cell's number; its first row is read       */
    int64_t *start[TEXT_SPLITS], starts[TEXT_SPLITS]; /* where the horizon of each window begins                     */
    float *out; int64_t out_room;
    struct feed *feed;                     /* a series that comes line by line, for predict; NULL: none is open       */
} windows;

/* The last rows of a series, the columns that are wanted: row r is at r % span. */
typedef struct feed {
    struct csv_parser parser;
    uint32_t wanted; const char *const *want; /* their names, while the header is read                              */
    int32_t *of; uint32_t cells, cell;     /* which of them a cell of the file is; -1: none. Cells of a row, done so far */
    char *seen;                            /* the header's cells, for messages                                       */
    float *v; char *gone;                  /* [wanted x span]                                                        */
    int64_t span, rows;
    int header, row_ends, rc;
} feed;

static int no_memory(windows *s) { return s->api->fail(s->host, TN_ENOMEM, "no memory for a series"); }

/* ---- reading the file ----------------------------------------------------------------------------------------- */
static int add_name(windows *s, const char *text, size_t n)
{
    series *more = realloc(s->of, sizeof *more * (s->n_of + 1));
    if (!more) return no_memory(s);
    s->of = more;
    series *k = &more[s->n_of++];
    *k = (series){ strndup(text, n), NULL, NULL, 0, 0, NULL, NULL, -1, -1, NULL };
    k->horizon = malloc(n + 16), k->past = k->name;
    if (!k->name || !k->horizon) return no_memory(s);
    sprintf(k->horizon, "horizon.%s", k->name);
    for (uint32_t i = 0; i + 1 < s->n_of; i++)
        if (!strcmp(s->of[i].name, k->name))
            return tn_fail(s->api, s->host, TN_EINVAL, "%s:1: two columns are called '%s'", s->c->file, k->name);
    return TN_OK;
}

static int grow_rows(windows *s)
{
    int64_t room = 2 * s->room + 1024;
    int64_t *line = realloc(s->line, sizeof *line * (size_t)room);
    if (!line) return no_memory(s);
    s->line = line;
    for (uint32_t i = 0; i < s->n_of; i++) {
        float *v = realloc(s->of[i].v, sizeof *v * (size_t)room);
        if (v) s->of[i].v = v;
        char *gone = realloc(s->of[i].gone, (size_t)room);
        if (gone) s->of[i].gone = gone;
        if (!v || !gone) return no_memory(s);
    }
    s->room = room;
    return TN_OK;
}

static int is_missing(const windows *s, const char *text)
{
    for (int64_t i = 0; i < s->c->na.n; i++)
        if (!strcmp(((const char *const *)s->c->na.v)[i], text)) return 1;
    return 0;
}

static void take_cell(void *cell, size_t n, void *self)
{
    windows *s = self;
    const char *text = n ? cell : ""; /* libcsv ends it with a NUL */
    char *end;
    if (s->rc) return;
    if (!s->header) {
        s->rc = add_name(s, text, n);
        return;
    }
    if (s->cell < s->n_of) {
        if (s->rows == s->room && (s->rc = grow_rows(s))) return;
        series *k = &s->of[s->cell];
        float x = strtof(text, &end);
        int missing = is_missing(s, text);
        k->v[s->rows] = missing ? 0 : x, k->gone[s->rows] = (char)missing;
        if (missing && k->gone_at < 0) k->gone_at = s->rows;
        if (!missing && (end == text || *end || x - x != 0) && k->bad_at < 0) k->bad_at = s->rows, k->bad = strndup(text, 40);
    }
    s->cell++;
}

static void take_row(int end, void *self)
{
    windows *s = self;
    (void)end;
    if (s->rc) return;
    if (!s->header) {
        s->header = 1;
        return;
    }
    if (s->cell != s->n_of)
        s->rc = tn_fail(s->api, s->host, TN_EINVAL, "%s:%lld: %u cells, the header has %u columns", s->c->file,
                        (long long)s->line_now, s->cell, s->n_of);
    else s->line[s->rows++] = s->line_now;
    s->cell = 0;
}

/* The first `lines` lines of a text; 0: all. */
static int parse(windows *s, const char *text, size_t n, int64_t lines)
{
    struct csv_parser p;
    if (csv_init(&p, CSV_APPEND_NULL)) return no_memory(s);
    csv_set_delim(&p, (unsigned char)s->c->delimiter[0]);
    int64_t line = 1;
    for (size_t at = 0; at < n && !s->rc && (!lines || line <= lines); line++) {
        const char *stop = memchr(text + at, '\n', n - at);
        size_t m = stop ? (size_t)(stop - text) + 1 - at : n - at;
        if (!p.quoted) s->line_now = line;
        if (csv_parse(&p, text + at, m, take_cell, take_row, s) != m && !s->rc)
            s->rc = tn_fail(s->api, s->host, TN_EINVAL, "%s:%lld: %s", s->c->file, (long long)line, csv_strerror(csv_error(&p)));
        at += m;
    }
    if (!s->rc) csv_fini(&p, take_cell, take_row, s);
    csv_free(&p);
    return s->rc;
}

static int show_columns(windows *s)
{
    const char *const *want = s->c->columns.v;
    s->shown = calloc(s->n_of + (size_t)s->c->columns.n + 1, sizeof *s->shown);
    if (!s->shown) return no_memory(s);
    for (uint32_t i = 0; i < s->n_of && !s->c->columns.n; i++) s->shown[s->n_shown++] = i, s->of[i].used = 1;
    for (int64_t k = 0; k < s->c->columns.n; k++) {
        uint32_t i = 0;
        while (i < s->n_of && strcmp(s->of[i].name, want[k])) i++;
        if (i == s->n_of) return tn_fail(s->api, s->host, TN_EINVAL, "columns: %s has no column '%s'", s->c->file, want[k]);
        s->shown[s->n_shown++] = i, s->of[i].used = 1;
    }
    return TN_OK;
}

/* The header, where the file is there; if not, load will say so. */
static int open_windows(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    windows *s = self;
    const config *c = s->c = config_;
    s->api = api, s->host = host;
    for (int i = 1; i < TEXT_SPLITS; i++)
        if (c->share[i] > 0 && c->rows[i])
            return tn_fail(api, host, TN_EINVAL, "rows.%s and share.%s: give one of the two", text_splits[i], text_splits[i]);
    FILE *f = fopen(c->file, "rb");
    char *line = NULL;
    size_t room = 0;
    ssize_t n = f ? getline(&line, &room, f) : -1;
    if (f) fclose(f);
    char *text = line;
    if (n >= 3 && !memcmp(line, "\xef\xbb\xbf", 3)) text += 3, n -= 3;
    int rc = n > 0 ? parse(s, text, (size_t)n, 1) : TN_OK;
    free(line);
    return rc || !s->n_of ? rc : show_columns(s);
}

static void feed_free(windows *s)
{
    feed *x = s->feed;
    if (x) csv_free(&x->parser), free(x->of), free(x->seen), free(x->v), free(x->gone);
    free(x);
    s->feed = NULL;
}

static void close_windows(void *self)
{
    windows *s = self;
    feed_free(s);
    for (uint32_t i = 0; i < s->n_of; i++)
        free(s->of[i].name), free(s->of[i].horizon), free(s->of[i].v), free(s->of[i].gone), free(s->of[i].bad);
    for (int i = 0; i < TEXT_SPLITS; i++) free(s->start[i]), s->start[i] = NULL;
    free(s->of), free(s->shown), free(s->line), free(s->out);
    s->of = NULL, s->shown = NULL, s->line = NULL, s->out = NULL;
    s->n_of = s->n_shown = s->cell = 0, s->rows = s->room = s->out_room = 0, s->header = s->rc = 0;
}

static int column(void *self, uint32_t i, tn_column *out)
{
    windows *s = self;
    if (i >= 2 * s->n_shown) return TN_END;
    const series *k = &s->of[s->shown[i % s->n_shown]];
    int ahead = i >= s->n_shown;
    *out = (tn_column){ sizeof *out, TN_F32, 1, 1, ahead ? k->horizon : k->past, 0, ahead ? s->c->horizon : s->c->past };
    return TN_OK;
}

/* ---- windows and splits ------------------------------------------------------------------------------------------ */
static void fill_missing(windows *s)
{
    for (uint32_t i = 0; i < s->n_of && s->c->missing == MISSING_PREVIOUS; i++) {
        series *k = &s->of[i];
        int64_t first = 0;
        while (first < s->rows && k->gone[first]) first++;
        k->empty = first == s->rows;
        float last = k->empty ? 0 : k->v[first];
        for (int64_t r = 0; r < s->rows; r++)
            if (k->gone[r]) k->v[r] = last;
            else last = k->v[r];
    }
}

static int read_file(windows *s)
{
    size_t n;
    if (s->rows) return TN_OK;
    char *text = text_read(s->api, s->host, s->c->file, s->c->encoding, &n);
    if (!text) return TN_EIO;
    close_windows(s); /* the header is read again */
    int rc = parse(s, text, n, 0);
    free(text);
    if (!rc) rc = show_columns(s);
    if (!rc && !s->rows) rc = tn_fail(s->api, s->host, TN_EINVAL, "%s: the file has %s", s->c->file,
                                      s->n_of ? "a header and no rows" : "nothing in it");
    if (!rc) fill_missing(s);
    return rc;
}

/* Rows *from .. *upto - 1 are the split's. */
static int range_of(const windows *s, int split, int64_t *from, int64_t *upto)
{
    int64_t n[TEXT_SPLITS], all = 0;
    for (int i = 0; i < TEXT_SPLITS; i++)
        n[i] = s->c->share[i] > 0 ? (int64_t)(s->c->share[i] * (double)s->rows + 0.5) : s->c->rows[i];
    if (!n[0] && s->rows > n[1] + n[2]) n[0] = s->rows - n[1] - n[2];
    for (int i = 0; i < TEXT_SPLITS; i++) all += n[i];
    if (all > s->rows || !n[0])
        return tn_fail(s->api, s->host, TN_EINVAL, "rows: the splits take %lld rows%s, the file %s has %lld", (long long)all,
                       n[0] ? "" : " and leave none to train on", s->c->file, (long long)s->rows);
    *from = split == 0 ? 0 : split == 1 ? n[0] : n[0] + n[1];
    *upto = *from + n[split]; /* NOLINT(clang-analyzer-core.UndefinedBinaryOperatorResult): split is one of three */
    return TN_OK;
}

/* Row of step t of the past of a window whose horizon begins at row `start`. */
static int64_t past_row(const config *c, int64_t start, int64_t t)
{
    return start - c->lead - (c->past - 1 - t) * c->every;
}

static int holds_missing(const windows *s, int64_t row)
{
    for (uint32_t k = 0; k < s->n_of; k++)
        if (s->of[k].used && s->of[k].bad_at < 0 && s->of[k].gone[row]) return 1;
    return 0;
}

static int is_whole(const windows *s, int64_t start)
{
    if (s->c->missing != MISSING_SKIP) return 1;
    for (int64_t t = 0; t < s->c->past; t++)
        if (holds_missing(s, past_row(s->c, start, t))) return 0;
    for (int64_t h = 0; h < s->c->horizon; h++)
        if (holds_missing(s, start + h)) return 0;
    return 1;
}

static int load(void *self, const char *split)
{
    windows *s = self;
    int i = text_split(split), rc;
    int64_t from, upto;
    if (i < 0 || (i && !s->c->rows[i] && !(s->c->share[i] > 0))) return TN_END;
    if (s->start[i]) return TN_OK;
    if ((rc = read_file(s)) || (rc = range_of(s, i, &from, &upto))) return rc;
    int64_t *start = s->start[i] = malloc(sizeof *start * (size_t)(upto - from + 1)), n = 0, least = -past_row(s->c, 0, 0); /* NOLINT(clang-analyzer-core.UndefinedBinaryOperatorResult): range_of set both */
    if (!start) return no_memory(s);
    for (int64_t at = from < least ? least : from; at + s->c->horizon <= upto; at += s->c->stride)
        if (is_whole(s, at)) start[n++] = at;
    s->starts[i] = n;
    if (n) return TN_OK;
    return tn_fail(s->api, s->host, TN_EINVAL, "%s: the %s split has %lld rows%s; no window of %lld rows past and %lld rows ahead "
                   "fits into it%s", s->c->file, split, (long long)(upto - from), i ? " and those before it" : "",
                   (long long)(least - s->c->lead + 1), (long long)(s->c->horizon + s->c->lead - 1),
                   s->c->missing == MISSING_SKIP ? " without a missing number" : "");
}

static int64_t count(void *self, const char *split, int64_t lanes)
{
    windows *s = self;
    int i = text_split(split);
    (void)lanes;
    return i < 0 ? 0 : s->starts[i];
}

/* ---- what is handed on ------------------------------------------------------------------------------------------- */
/* A column that is read must be numbers, and whole where nothing is said about missing ones. */
static int check_series(const windows *s, const series *k)
{
    if (k->bad_at >= 0)
        return tn_fail(s->api, s->host, TN_EINVAL, "%s:%lld: column '%s': '%s' is not a number", s->c->file,
                       (long long)s->line[k->bad_at], k->name, k->bad ? k->bad : "?");
    if (k->empty)
        return tn_fail(s->api, s->host, TN_EINVAL, "%s: column '%s' has no number in any row, so missing = \"previous\" has none to "
                       "take", s->c->file, k->name);
    if (k->gone_at < 0 || s->c->missing != MISSING_ERROR) return TN_OK;
    return tn_fail(s->api, s->host, TN_EINVAL, "%s:%lld: column '%s' has no number here; missing = \"skip\", \"previous\" or "
                   "\"zero\" says what to do", s->c->file, (long long)s->line[k->gone_at], k->name);
}

/* Puts n numbers of s->out as column i of the data set. */
static int put_numbers(const windows *s, uint32_t i, int64_t n, const tn_sink *sink)
{
    tn_value v = { sizeof v, TN_F32, 1, 1, n, n, NULL, s->out, NULL };
    return sink->put(sink->to, i, &v);
}

static int make_room(windows *s, int64_t n)
{
    if (n <= s->out_room) return TN_OK;
    float *more = realloc(s->out, sizeof *more * (size_t)n);
    if (!more) return no_memory(s);
    s->out = more, s->out_room = n;
    return TN_OK;
}

static int is_wanted(const windows *s, const tn_sink *sink, uint32_t i, const series *k)
{
    (void)s;
    return TN_HAS(sink, wanted) ? sink->wanted[i] : k->bad_at < 0 && !k->empty;
}

static int read_window(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    windows *s = self;
    const config *c = s->c;
    int64_t start = s->start[text_split(split)][index];
    int rc = make_room(s, c->past > c->horizon ? c->past : c->horizon);
    (void)lanes, (void)rng;
    for (uint32_t i = 0; !rc && i < 2 * s->n_shown; i++) {
        const series *k = &s->of[s->shown[i % s->n_shown]]; /* NOLINT(clang-analyzer-core.DivideZero): there are columns once it is loaded */
        if (!is_wanted(s, sink, i, k)) continue;
        if ((rc = check_series(s, k))) return rc;
        int64_t n = i < s->n_shown ? c->past : c->horizon;
        for (int64_t t = 0; t < n; t++) s->out[t] = k->v[i < s->n_shown ? past_row(c, start, t) : start + t];
        rc = put_numbers(s, i, n, sink);
    }
    return rc;
}

/* Rows of the split, each once: a column's past and horizon learn the same. */
static int piece(void *self, const char *split, int64_t index, const tn_sink *sink)
{
    enum { ROWS_AT_ONCE = 4096 };
    windows *s = self;
    int64_t from, upto;
    int rc = range_of(s, text_split(split), &from, &upto);
    if (rc || (rc = make_room(s, ROWS_AT_ONCE))) return rc;
    from += index * ROWS_AT_ONCE; /* NOLINT(clang-analyzer-core.uninitialized.Assign): range_of set both */
    if (from >= upto) return TN_END;
    if (upto > from + ROWS_AT_ONCE) upto = from + ROWS_AT_ONCE;
    for (uint32_t i = 0; !rc && i < 2 * s->n_shown; i++) {
        const series *k = &s->of[s->shown[i % s->n_shown]];
        int64_t n = 0;
        if (!is_wanted(s, sink, i, k)) continue;
        if ((rc = check_series(s, k))) return rc;
        for (int64_t r = from; r < upto; r++)
            if (s->c->missing != MISSING_SKIP || !holds_missing(s, r)) s->out[n++] = k->v[r];
        rc = put_numbers(s, i, n, sink);
    }
    return rc;
}

static int place(void *self, const char *split, int64_t index, char *text, size_t size)
{
    windows *s = self;
    int i = text_split(split);
    int64_t row = s->start[i] && index < s->starts[i] ? s->start[i][index] : 0;
    snprintf(text, size, "%s:%lld", s->c->file, (long long)s->line[row]);
    return TN_OK;
}

/* ---- a series that comes line by line ----------------------------------------------------------------------------- */
/* A cell of the header: which column it is, if one that is wanted. */
static int feed_name(windows *s, const char *text)
{
    feed *x = s->feed;
    int32_t *of = realloc(x->of, sizeof *of * (x->cells + 1));
    if (of) x->of = of, of[x->cells] = -1;
    size_t have = x->seen ? strlen(x->seen) : 0;
    char *seen = have > 200 ? x->seen : realloc(x->seen, have + strlen(text) + 3);
    if (seen) x->seen = seen;
    if (!of || !seen) return no_memory(s);
    if (have <= 200) sprintf(seen + have, "%s%s", have ? ", " : "", text);
    for (uint32_t k = 0; k < x->wanted; k++) {
        if (strcmp(x->want[k], text)) continue;
        for (uint32_t i = 0; i < x->cells; i++)
            if (of[i] == (int32_t)k) return tn_fail(s->api, s->host, TN_EINVAL, "two columns are called '%s'", text);
        of[x->cells] = (int32_t)k;
    }
    x->cells++;
    return TN_OK;
}

/* A number of the row at hand. A gap becomes the number before it where that is asked for and there is one. */
static int feed_number(windows *s, int32_t k, const char *text)
{
    feed *x = s->feed;
    char *end;
    int64_t at = k * x->span + x->rows % x->span, before = k * x->span + (x->rows + x->span - 1) % x->span;
    float y = strtof(text, &end);
    x->v[at] = y, x->gone[at] = (char)is_missing(s, text);
    if (!x->gone[at] && (end == text || *end || y - y != 0))
        return tn_fail(s->api, s->host, TN_EINVAL, "column '%s': '%.40s' is not a number", x->want[k], text);
    if (!x->gone[at]) return TN_OK;
    if (s->c->missing == MISSING_ERROR)
        return tn_fail(s->api, s->host, TN_EINVAL, "column '%s' has no number here; missing = \"skip\", \"previous\" or \"zero\" says "
                       "what to do", x->want[k]);
    x->v[at] = 0;
    if (s->c->missing == MISSING_ZERO) x->gone[at] = 0;
    if (s->c->missing == MISSING_PREVIOUS && x->rows) x->v[at] = x->v[before], x->gone[at] = x->gone[before];
    return TN_OK;
}

static void feed_cell(void *cell, size_t n, void *self)
{
    windows *s = self;
    feed *x = s->feed;
    const char *text = n ? cell : "";
    if (x->rc) return;
    if (!x->header) x->rc = feed_name(s, text);
    else if (x->cell < x->cells && x->of[x->cell] >= 0) x->rc = feed_number(s, x->of[x->cell], text);
    x->cell++;
}

static void feed_row(int end, void *self)
{
    windows *s = self;
    feed *x = s->feed;
    (void)end;
    x->row_ends = 1;
    if (!x->rc && x->header && x->cell != x->cells)
        x->rc = tn_fail(s->api, s->host, TN_EINVAL, "%u cells, the header has %u columns", x->cell, x->cells);
    x->cell = 0;
}

static int feed_open(windows *s, uint32_t wanted)
{
    feed *x = s->feed = calloc(1, sizeof *x);
    if (!x || csv_init(&x->parser, CSV_APPEND_NULL | CSV_EMPTY_IS_NULL)) {
        free(x);
        s->feed = NULL;
        return no_memory(s);
    }
    csv_set_delim(&x->parser, (unsigned char)s->c->delimiter[0]);
    x->wanted = wanted, x->span = (s->c->past - 1) * s->c->every + 1;
    x->v = calloc((size_t)(x->span * wanted + 1), sizeof *x->v), x->gone = calloc((size_t)(x->span * wanted + 1), 1);
    return x->v && x->gone ? TN_OK : no_memory(s);
}

/* Whether a line begins with a number that is a whole cell, in digits: "inflow", "nan" and "1st" are names of columns. */
static int begins_with_number(const windows *s, const char *line)
{
    char *end;
    line += strspn(line, " \t");
    strtof(line, &end);
    const char *digit = line + strspn(line, "+-.");
    return end != line && *digit >= '0' && *digit <= '9' && (!*end || strchr(" \t,", *end) || *end == s->c->delimiter[0]);
}

/* The header has been read: every column must be there. Without any, a line that begins with a number is no header. */
static int feed_header(windows *s, const char *line)
{
    feed *x = s->feed;
    x->header = 1;
    for (uint32_t k = 0; k < x->wanted; k++) {
        uint32_t i = 0;
        while (i < x->cells && x->of[i] != (int32_t)k) i++;
        if (i < x->cells) continue;
        if (begins_with_number(s, line)) return TN_EUNSUPPORTED;
        return tn_fail(s->api, s->host, TN_EINVAL, "the header has no column '%s'; it has %s", x->want[k], x->seen ? x->seen : "none");
    }
    return TN_END;
}

static int feed_end(windows *s)
{
    const feed *x = s->feed;
    if (!x || !x->header) return tn_fail(s->api, s->host, TN_EINVAL, "there is no header; the first line must name the columns");
    if (!x->row_ends) return tn_fail(s->api, s->host, TN_EINVAL, "the text ends within quotes");
    if (x->rows < x->span)
        return tn_fail(s->api, s->host, TN_EINVAL, "the series has %lld rows; a forecast takes %lld of them", (long long)x->rows,
                       (long long)x->span);
    return TN_END;
}

/* The window that ends with the row just read; TN_END: a number of it is missing. */
static int feed_put(windows *s, const tn_sink *sink)
{
    const feed *x = s->feed;
    int64_t past = s->c->past, first = x->rows - x->span;
    int rc = make_room(s, past);
    for (int64_t i = 0; i < x->wanted * past; i++)
        if (x->gone[i / past * x->span + (first + i % past * s->c->every) % x->span]) return rc ? rc : TN_END;
    for (uint32_t k = 0; k < x->wanted && !rc; k++) {
        for (int64_t t = 0; t < past; t++) s->out[t] = x->v[k * x->span + (first + t * s->c->every) % x->span];
        rc = put_numbers(s, k, past, sink);
    }
    return rc;
}

static int feed_line(void *self, const char *line, int64_t n, uint32_t columns, const char *const *column, const tn_sink *sink)
{
    windows *s = self;
    if (!line) {
        int rc = feed_end(s);
        feed_free(s);
        return rc;
    }
    if (!s->feed && n >= 3 && !memcmp(line, "\xef\xbb\xbf", 3)) line += 3, n -= 3;
    if (!s->feed && feed_open(s, columns)) return TN_ENOMEM;
    feed *x = s->feed;
    x->want = column, x->row_ends = 0;
    int blank = !n && x->parser.pstate == 0, bad = csv_parse(&x->parser, line, (size_t)n, feed_cell, feed_row, s) != (size_t)n
                                                || csv_parse(&x->parser, "\n", 1, feed_cell, feed_row, s) != 1;
    if (bad && !x->rc) x->rc = tn_fail(s->api, s->host, TN_EINVAL, "%s", csv_strerror(csv_error(&x->parser)));
    if (blank && !x->rc) x->row_ends = 1;
    if (x->rc || !x->row_ends || blank) return x->rc ? x->rc : TN_END;
    if (!x->header) {
        int rc = feed_header(s, line);
        if (rc == TN_EUNSUPPORTED) feed_free(s);
        return rc;
    }
    return ++x->rows < x->span ? TN_END : feed_put(s, sink);
}

static int file_of(void *self, uint32_t i, const char **path)
{
    windows *s = self;
    if (i) return TN_END;
    *path = s->c->file;
    return TN_OK;
}

static const tn_dataset table = { sizeof table, 0, column, load, count, read_window, place, file_of, piece, NULL, NULL, NULL,
                                  feed_line };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "windows", "windows over a series, for forecasts",
    "Each column of the file is there twice: `NAME` has the `past` rows before a moment, `horizon.NAME` the `horizon` "
    "rows from it on. With s the row at which the horizon begins, the past is rows `s - lead - (past - 1) every`, "
    "..., `s - lead`.\n\n"
    "Splits are contiguous: the first `rows.train` rows, then those of validation and test. A window may look back "
    "over a border; what is forecast lies within its split. So 8,640 rows with past 96 and horizon 24 make 8,521 "
    "windows, and 2,880 rows after them 2,857.\n\n"
    "A field takes several columns with `columns`, the horizon with `window = \"horizon\"`, and one row instead of "
    "steps with `shape = \"row\"`:\n\n"
    "    [[field]]\n"
    "    name = \"future\"\n"
    "    kind = \"numbers\"\n"
    "    columns = [\"OT\"]\n"
    "    window = \"horizon\"\n"
    "    shape = \"row\"\n"
    "    scale = \"standard\"\n\n"
    "What a scale learns from is the rows of the training split, each once. `missing = \"previous\"` takes the number "
    "before a missing one, at the beginning of the file the first one there is.\n\n"
    "`tenon predict` takes such a file, or a pipe of its lines: a header, which must have the columns that the model sees and may have "
    "others, then a row a moment. From row `(past - 1) every + 1` on each row gives the forecast of the `horizon` rows "
    "that begin `lead` rows behind it. A missing number is an error, or makes no forecast of the windows that hold it (`skip`), or "
    "is replaced as in training; there is nothing before the first number, so windows with gaps at the very beginning give none. "
    "A text that begins with a number has no header: then each line holds the numbers of a whole window, row by row, "
    "without gaps.",
    TN_OPTIONS(options), sizeof(config), sizeof(windows), NULL, open_windows, close_windows, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("windows", "1.0.0", "Tenon", "MIT", "", parts)
