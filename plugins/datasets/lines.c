/* lines.c -- one example a line: the label, a delimiter, the text. */
#include "text_file.h"

typedef struct { const char *path[TEXT_SPLITS]; const char *delimiter; int32_t encoding; } config;
#define SPLIT_PATH(i, name) { name, "file of the " name " split", TN_O_PATH, 0, offsetof(config, path) + (i) * sizeof(char *), \
                              0, 0, 0, NULL, 0, 4096, NULL, NULL }
static const tn_option options[] = {
    SPLIT_PATH(0, "train"), SPLIT_PATH(1, "validation"), SPLIT_PATH(2, "test"),
    TN_STR(config, delimiter, " ", "what stands between label and text"),
    TN_ENUM(config, encoding, ENCODING_UTF8, text_encodings, "how the files are written") };

typedef struct { char *text; places begin; /* of each line; line i ends before begin i + 1, its line end included */ } file;
typedef struct { const config *c; const tn_api *api; tn_host *host; file of[TEXT_SPLITS]; } lines;

static int open_lines(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    lines *l = self;
    l->c = config_, l->api = api, l->host = host;
    return l->c->delimiter[0] ? TN_OK : tn_fail(api, host, TN_EINVAL, "delimiter: must not be empty");
}

static void close_lines(void *self)
{
    lines *l = self;
    for (int i = 0; i < TEXT_SPLITS; i++) free(l->of[i].text), free(l->of[i].begin.v);
    memset(l->of, 0, sizeof l->of);
}

static int column(void *self, uint32_t i, tn_column *c)
{
    (void)self;
    if (i > 1) return TN_END;
    *c = (tn_column){ sizeof *c, TN_TEXT, 0, 1, i ? "text" : "label", 0 };
    return TN_OK;
}

/* Splits at line ends; every line needs a delimiter. */
static int find_lines(lines *l, file *f, const char *path, size_t n)
{
    for (size_t at = 0; at < n; ) {
        if (!places_add(&f->begin, at)) return l->api->fail(l->host, TN_ENOMEM, "no memory for the lines of a file");
        char *stop = memchr(f->text + at, '\n', n - at);
        if (stop) *stop = 0;
        if (!strstr(f->text + at, l->c->delimiter))
            return tn_fail(l->api, l->host, TN_EINVAL, "%s:%lld: no '%s' between label and text", path, (long long)f->begin.n,
                           l->c->delimiter);
        at = stop ? (size_t)(stop - f->text) + 1 : n;
    }
    return TN_OK;
}

static int load(void *self, const char *split)
{
    lines *l = self;
    int i = text_split(split);
    if (i < 0 || !l->c->path[i]) return TN_END;
    file *f = &l->of[i];
    if (f->text) return TN_OK;
    size_t n;
    f->text = text_read(l->api, l->host, l->c->path[i], l->c->encoding, &n);
    return f->text ? find_lines(l, f, l->c->path[i], n) : TN_EIO;
}

static int64_t count(void *self, const char *split, int64_t lanes)
{
    lines *l = self;
    int i = text_split(split);
    (void)lanes;
    return i < 0 ? 0 : l->of[i].begin.n;
}

static int read_line(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    lines *l = self;
    const file *f = &l->of[text_split(split)];
    (void)lanes, (void)rng;
    const char *line = f->text + f->begin.v[index], *cut = strstr(line, l->c->delimiter), *text = cut + strlen(l->c->delimiter);
    size_t n = strlen(text);
    if (n && text[n - 1] == '\r') n--;
    int rc = put_text(sink, 0, line, (size_t)(cut - line));
    return rc ? rc : put_text(sink, 1, text, n);
}

static int place(void *self, const char *split, int64_t index, char *text, size_t size)
{
    lines *l = self;
    snprintf(text, size, "%s:%lld", l->c->path[text_split(split)], (long long)index + 1);
    return TN_OK;
}

static int file_of(void *self, uint32_t i, const char **path)
{
    lines *l = self;
    for (int k = 0; k < TEXT_SPLITS; k++)
        if (l->c->path[k] && !i--) {
            *path = l->c->path[k];
            return TN_OK;
        }
    return TN_END;
}

static const tn_dataset table = { sizeof table, 0, column, load, count, read_line, place, file_of, NULL };
static const tn_desc desc = { sizeof desc, TN_DATASET, &table, "lines", "label and text on a line",
                              "Columns `label` and `text`: what stands before and behind the first `delimiter` of each line.",
                              TN_OPTIONS(options), sizeof(config), sizeof(lines), NULL, open_lines, close_lines, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("lines", "1.0.0", "Tenon", "MIT", "", parts)
