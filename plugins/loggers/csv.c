/* csv.c -- metrics.csv in the run directory: one line an evaluation. */
#include "rows.h"

typedef struct config { const char *file; } config;
typedef struct logger { rows r; const config *options; text columns; } logger; /* columns: the heading, without newline */

static const tn_option options[] = {
    TN_STR(config, file, "metrics.csv", "name of the file in the run directory"),
};

static int open_logger(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    logger *l = self;
    l->r.api = api, l->r.host = host, l->r.file = -1, l->options = opts;
    return TN_OK;
}

static void close_logger(void *self)
{
    logger *l = self;
    rows_close(&l->r);
    free(l->columns.s);
    l->columns = (text){ 0 };
}

/* "3,1200,..." belongs to step 1200 */
static int64_t step_of(const char *line)
{
    const char *comma = strpbrk(line, ",\n");
    return line[0] >= '0' && line[0] <= '9' && comma && *comma == ',' ? strtoll(comma + 1, NULL, 10) : -1;
}

static int begin(void *self, const char *run_dir, int64_t resume_step)
{
    logger *l = self;
    l->columns.n = 0;
    return rows_open(&l->r, run_dir, l->options->file, step_of, resume_step);
}

/* A field with a comma, a quote or a line end stands in quotes (RFC 4180). */
static void put_name(text *t, const char *s)
{
    int quote = strpbrk(s, ",\"\r\n") != NULL;
    if (quote) text_put(t, "\"");
    for (; *s; s++) {
        if (*s == '"') text_put(t, "\"");
        text_add(t, s, 1);
    }
    if (quote) text_put(t, "\"");
}

/* The heading of this row. Every row of a file must have the same, or columns would mean different things. */
static int heading(logger *l, uint32_t n, const tn_scalar *value)
{
    text h = { 0 };
    text_put(&h, "epoch,step");
    for (uint32_t i = 0; i < n; i++) {
        text_put(&h, ",");
        put_name(&h, value[i].name);
    }
    text_put(&h, "\n");
    int rc = TN_OK;
    if (l->r.end == 0) rc = rows_append(&l->r, &h);
    else if (l->columns.n && !h.failed && strcmp(h.s, l->columns.s))
        rc = tn_fail(l->r.api, l->r.host, TN_EINVAL,
                     "'%s': the metrics of this row are not those of the rows before", l->r.path);
    free(l->columns.s);
    l->columns = h;
    return rc;
}

static int row(void *self, int64_t epoch, int64_t step, uint32_t n, const tn_scalar *value)
{
    logger *l = self;
    text t = { 0 };
    int rc = heading(l, n, value);
    if (rc) return rc;
    text_integer(&t, epoch);
    text_put(&t, ",");
    text_integer(&t, step);
    for (uint32_t i = 0; i < n; i++) {
        text_put(&t, ",");
        text_number(&t, value[i].value);
    }
    text_put(&t, "\n");
    rc = rows_append(&l->r, &t);
    free(t.s);
    return rc;
}

static int end(void *self)
{
    close_logger(self);
    return TN_OK;
}

static const tn_logger table = { sizeof table, 0, begin, row, end };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LOGGER, .table = &table, .name = "csv",
    .brief = "metrics.csv: one line an evaluation",
    .doc = "Columns `epoch`, `step`, then every metric by its full name (`validation.accuracy`). A line\n"
           "is on disk before training goes on, and a resume cuts the file back to its checkpoint.\n"
           "Numbers are the shortest that read back as the same; the form is RFC 4180.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(logger),
    .open = open_logger, .close = close_logger };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("csv", "1.0", "The Tenon authors", "MIT", "", parts)
