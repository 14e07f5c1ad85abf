/* jsonl.c -- metrics.jsonl in the run directory: one JSON object an evaluation. */
#include "rows.h"

typedef struct config { const char *file; } config;
typedef struct logger { rows r; const config *options; } logger;

static const tn_option options[] = {
    TN_STR(config, file, "metrics.jsonl", "name of the file in the run directory"),
};

static int open_logger(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    logger *l = self;
    l->r.api = api, l->r.host = host, l->r.file = -1, l->options = opts;
    return TN_OK;
}

static void close_logger(void *self) { rows_close(&((logger *)self)->r); }

/* {"epoch":3,"step":1200,... belongs to step 1200 */
static int64_t step_of(const char *line)
{
    const char *end = strchr(line, '\n'), *key = strstr(line, "\"step\":");
    return key && end && key < end ? strtoll(key + 7, NULL, 10) : -1;
}

static int begin(void *self, const char *run_dir, int64_t resume_step)
{
    logger *l = self;
    return rows_open(&l->r, run_dir, l->options->file, step_of, resume_step);
}

static void put_key(text *t, const char *s)
{
    char escape[8];
    text_put(t, ",\"");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c >= 32 && c != '"' && c != '\\') {
            text_add(t, s, 1);
            continue;
        }
        snprintf(escape, sizeof escape, c < 32 ? "\\u%04x" : "\\%c", c);
        text_put(t, escape);
    }
    text_put(t, "\":");
}

static int row(void *self, int64_t epoch, int64_t step, uint32_t n, const tn_scalar *value)
{
    logger *l = self;
    text t = { 0 };
    text_put(&t, "{\"epoch\":");
    text_integer(&t, epoch);
    text_put(&t, ",\"step\":");
    text_integer(&t, step);
    for (uint32_t i = 0; i < n; i++) {
        put_key(&t, value[i].name);
        if (isfinite(value[i].value)) text_number(&t, value[i].value);
        else text_put(&t, "null");
    }
    text_put(&t, "}\n");
    int rc = rows_append(&l->r, &t);
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
    .size = sizeof desc, .kind = TN_LOGGER, .table = &table, .name = "jsonl",
    .brief = "metrics.jsonl: one JSON object an evaluation",
    .doc = "Keys `epoch`, `step`, then every metric by its full name (`validation.accuracy`); a number\n"
           "that is not finite is null. A line is on disk before training goes on, and a resume cuts the\n"
           "file back to its checkpoint.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(logger),
    .open = open_logger, .close = close_logger };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("jsonl", "1.0", "The Tenon authors", "MIT", "", parts)
