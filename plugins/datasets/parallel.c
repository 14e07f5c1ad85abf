/* parallel.c -- a text and its translation, line by line in two files. */
#include "text_file.h"

enum { SIDES = 2 };
static const char *const sides[] = { "source", "target" };
typedef struct { const char *path[TEXT_SPLITS][SIDES]; int32_t encoding; } config;
#define SIDE_PATH(i, k, name, help) { name, help, TN_O_PATH, 0, offsetof(config, path) + ((i) * SIDES + (k)) * sizeof(char *), \
                                      0, 0, 0, NULL, 0, 4096, NULL, NULL }
static const tn_option options[] = {
    SIDE_PATH(0, 0, "train.source", "what is translated, a sentence a line"),
    SIDE_PATH(0, 1, "train.target", "the translations, line by line"),
    SIDE_PATH(1, 0, "validation.source", "the same of the validation split"),
    SIDE_PATH(1, 1, "validation.target", "its translations"),
    SIDE_PATH(2, 0, "test.source", "the same of the test split"),
    SIDE_PATH(2, 1, "test.target", "its translations"),
    TN_ENUM(config, encoding, ENCODING_UTF8, text_encodings, "how the files are written") };

typedef struct { char *text; places begin; } file; /* lines, each NUL-terminated                                     */
typedef struct { const config *c; const tn_api *api; tn_host *host; file of[TEXT_SPLITS][SIDES]; } parallel;

static int open_parallel(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    parallel *p = self;
    p->c = config_, p->api = api, p->host = host;
    for (int i = 0; i < TEXT_SPLITS; i++)
        if (!p->c->path[i][0] != !p->c->path[i][1])
            return tn_fail(api, host, TN_EINVAL, "%s: `source` and `target` come together; `%s` is missing", text_splits[i],
                           sides[p->c->path[i][0] != NULL]);
    return TN_OK;
}

static void close_parallel(void *self)
{
    parallel *p = self;
    for (int i = 0; i < TEXT_SPLITS; i++)
        for (int k = 0; k < SIDES; k++) free(p->of[i][k].text), free(p->of[i][k].begin.v);
    memset(p->of, 0, sizeof p->of);
}

static int column(void *self, uint32_t i, tn_column *c)
{
    (void)self;
    if (i >= SIDES) return TN_END;
    *c = (tn_column){ sizeof *c, TN_TEXT, 0, 1, sides[i], 0, 0 };
    return TN_OK;
}

static int read_lines(parallel *p, file *f, const char *path)
{
    size_t n;
    f->text = text_read(p->api, p->host, path, p->c->encoding, &n);
    if (!f->text) return TN_EIO;
    for (size_t at = 0; at < n; ) {
        if (!places_add(&f->begin, at)) return p->api->fail(p->host, TN_ENOMEM, "no memory for the lines of a file");
        char *stop = memchr(f->text + at, '\n', n - at), *end = stop ? stop : f->text + n;
        at = (size_t)(end - f->text) + 1;
        if (end > f->text + f->begin.v[f->begin.n - 1] && end[-1] == '\r') end--;
        *end = 0;
    }
    return TN_OK;
}

static int load(void *self, const char *split)
{
    parallel *p = self;
    int i = text_split(split);
    if (i < 0 || !p->c->path[i][0]) return TN_END;
    if (p->of[i][1].text) return TN_OK;
    const char *const *path = p->c->path[i];
    for (int k = 0; k < SIDES; k++) {
        int rc = read_lines(p, &p->of[i][k], path[k]);
        if (rc) return rc;
    }
    int64_t n = p->of[i][0].begin.n, m = p->of[i][1].begin.n;
    if (n != m)
        return tn_fail(p->api, p->host, TN_EINVAL, "%s:%lld: the last line, but %s has %lld; each line needs its translation",
                       n < m ? path[0] : path[1], (long long)(n < m ? n : m), n < m ? path[1] : path[0], (long long)(n < m ? m : n));
    return n ? TN_OK : tn_fail(p->api, p->host, TN_EINVAL, "%s: the file is empty", path[0]);
}

static int64_t count(void *self, const char *split, int64_t lanes)
{
    parallel *p = self;
    int i = text_split(split);
    (void)lanes;
    return i < 0 ? 0 : p->of[i][0].begin.n;
}

static int read_pair(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    parallel *p = self;
    int i = text_split(split), rc = 0;
    (void)lanes, (void)rng;
    for (uint32_t k = 0; k < SIDES && !rc; k++) {
        const char *line = p->of[i][k].text + p->of[i][k].begin.v[index];
        rc = put_text(sink, k, line, strlen(line));
    }
    return rc;
}

static int place(void *self, const char *split, int64_t index, char *text, size_t size)
{
    parallel *p = self;
    snprintf(text, size, "%s:%lld", p->c->path[text_split(split)][0], (long long)index + 1);
    return TN_OK;
}

static int file_of(void *self, uint32_t i, const char **path)
{
    parallel *p = self;
    for (int k = 0; k < TEXT_SPLITS * SIDES; k++)
        if (p->c->path[k / SIDES][k % SIDES] && !i--) {
            *path = p->c->path[k / SIDES][k % SIDES];
            return TN_OK;
        }
    return TN_END;
}

static const tn_dataset table = { sizeof table, 0, column, load, count, read_pair, place, file_of, NULL };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "parallel", "a text and its translation in two files",
    "Columns `source` and `target`: a line of the one file and the same line of the other. Files with another number "
    "of lines are an error.\n\n"
    "    [dataset]\n"
    "    type = \"parallel\"\n"
    "    train = { source = \"train.de\", target = \"train.en\" }",
    TN_OPTIONS(options), sizeof(config), sizeof(parallel), NULL, open_parallel, close_parallel, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("parallel", "1.0.0", "Tenon", "MIT", "", parts)
