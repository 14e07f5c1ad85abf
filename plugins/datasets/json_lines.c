/* json_lines.c -- one JSON object a line, read by jansson: strings, numbers, and arrays of them that are cut into steps already. */
#include <jansson.h>
#include "text_file.h"

typedef struct { const char *path[TEXT_SPLITS]; int32_t encoding; } config;
#define SPLIT_PATH(i, name) { name, "file of the " name " split", TN_O_PATH, 0, offsetof(config, path) + (i) * sizeof(char *), \
                              0, 0, 0, NULL, 0, 4096, NULL, NULL }
static const tn_option options[] = {
    SPLIT_PATH(0, "train"), SPLIT_PATH(1, "validation"), SPLIT_PATH(2, "test"),
    TN_ENUM(config, encoding, ENCODING_UTF8, text_encodings, "how the files are written") };

typedef struct { char *text; places begin, number; } file; /* lines that are not blank, each NUL-terminated, and their numbers  */
typedef struct {
    const config *c; const tn_api *api; tn_host *host;
    file of[TEXT_SPLITS];
    char **name; uint32_t *depth, columns; /* keys of the first object, and how deep their arrays are                */
    char *bytes; size_t n, room;           /* of the value at hand                                                   */
    places end; int32_t *inner; int64_t inner_room;
} json_lines;

/* 0, 1, 2: a string or number, an array of them, an array of those; -1: neither. */
static int depth_of(const json_t *v)
{
    if (json_is_string(v) || json_is_number(v) || json_is_boolean(v)) return 0;
    if (!json_is_array(v)) return -1;
    int deep = json_array_size(v) ? depth_of(json_array_get(v, 0)) : 0;
    return deep < 0 || deep > 1 ? -1 : deep + 1;
}

static json_t *parse(json_lines *j, const char *line, const char *path, long long number)
{
    json_error_t why;
    json_t *v = json_loads(line, JSON_REJECT_DUPLICATES, &why);
    if (json_is_object(v)) return v;
    if (v) tn_fail(j->api, j->host, TN_EINVAL, "%s:%lld: each line must be one object, as in {\"text\": \"...\"}", path, number);
    else tn_fail(j->api, j->host, TN_EINVAL, "%s:%lld:%d: %s", path, number, why.column, why.text);
    json_decref(v);
    return NULL;
}

/* The keys of the first line, which are the columns. */
static int take_columns(json_lines *j, const char *line, const char *path)
{
    json_t *v = parse(j, line, path, 1), *item;
    const char *key;
    if (!v) return TN_EINVAL;
    size_t n = json_object_size(v);
    j->name = calloc(n + 1, sizeof *j->name), j->depth = calloc(n + 1, sizeof *j->depth);
    int rc = j->name && j->depth ? TN_OK : j->api->fail(j->host, TN_ENOMEM, "no memory for the keys of an object");
    json_object_foreach(v, key, item) {
        int deep = depth_of(item);
        if (rc || deep < 0) continue; /* null, or an object: no column */
        j->name[j->columns] = strdup(key), j->depth[j->columns] = (uint32_t)deep;
        if (!j->name[j->columns]) rc = j->api->fail(j->host, TN_ENOMEM, "no memory for the keys of an object");
        else j->columns++;
    }
    json_decref(v);
    return rc;
}

/* Columns before any data are read; a file that is not there is load's to tell. */
static int open_json(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    json_lines *j = self;
    j->c = config_, j->api = api, j->host = host;
    int i = 0, rc = TN_OK;
    while (i < TEXT_SPLITS && !j->c->path[i]) i++;
    FILE *f = i < TEXT_SPLITS ? fopen(j->c->path[i], "rb") : NULL;
    char *line = NULL;
    size_t room = 0, n = 0;
    ssize_t got = f ? getline(&line, &room, f) : -1;
    if (f) fclose(f);
    if (got > 0) {
        char *text = line + (got >= 3 && !memcmp(line, "\xef\xbb\xbf", 3) ? 3 : 0);
        char *wide = j->c->encoding == ENCODING_LATIN1 ? latin1_to_utf8(text, strlen(text), &n) : NULL;
        rc = take_columns(j, wide ? wide : text, j->c->path[i]);
        free(wide);
    }
    free(line);
    return rc;
}

static void close_json(void *self)
{
    json_lines *j = self;
    for (int i = 0; i < TEXT_SPLITS; i++) free(j->of[i].text), free(j->of[i].begin.v), free(j->of[i].number.v);
    for (uint32_t i = 0; i < j->columns; i++) free(j->name[i]);
    free(j->name), free(j->depth), free(j->bytes), free(j->end.v), free(j->inner);
    memset(j->of, 0, sizeof j->of);
    memset(&j->end, 0, sizeof j->end);
    j->name = NULL, j->depth = NULL, j->bytes = NULL, j->inner = NULL;
    j->columns = 0, j->n = j->room = 0, j->inner_room = 0;
}

static int column(void *self, uint32_t i, tn_column *c)
{
    json_lines *j = self;
    if (i >= j->columns) return TN_END;
    *c = (tn_column){ sizeof *c, TN_TEXT, j->depth[i], 1, j->name[i], 0, 0 };
    return TN_OK;
}

static int load(void *self, const char *split)
{
    json_lines *j = self;
    int i = text_split(split);
    if (i < 0 || !j->c->path[i]) return TN_END;
    file *f = &j->of[i];
    if (f->text) return TN_OK;
    size_t n, number = 0;
    f->text = text_read(j->api, j->host, j->c->path[i], j->c->encoding, &n);
    if (!f->text) return TN_EIO;
    for (size_t at = 0; at < n; ) {
        char *stop = memchr(f->text + at, '\n', n - at), *end = stop ? stop : f->text + n;
        *end = 0;
        number++;
        if (f->text[at + strspn(f->text + at, " \t\r")] && (!places_add(&f->begin, at) || !places_add(&f->number, number)))
            return j->api->fail(j->host, TN_ENOMEM, "no memory for the lines of a file");
        at = (size_t)(end - f->text) + 1;
    }
    if (!f->begin.n) return tn_fail(j->api, j->host, TN_EINVAL, "%s: the file is empty", j->c->path[i]);
    return j->columns ? TN_OK : take_columns(j, f->text + f->begin.v[0], j->c->path[i]);
}

static int64_t count(void *self, const char *split, int64_t lanes)
{
    json_lines *j = self;
    int i = text_split(split);
    (void)lanes;
    return i < 0 ? 0 : j->of[i].begin.n;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */
static int add_text(json_lines *j, const char *text, size_t n)
{
    if (j->n + n > j->room) {
        size_t room = 2 * (j->n + n) + 256;
        char *more = realloc(j->bytes, room);
        if (!more) return 0;
        j->bytes = more, j->room = room;
    }
    if (n) memcpy(j->bytes + j->n, text, n);
    j->n += n;
    return places_add(&j->end, j->n);
}

static int add_leaf(json_lines *j, const json_t *v)
{
    char number[64];
    if (json_is_string(v)) return add_text(j, json_string_value(v), json_string_length(v));
    if (json_is_integer(v)) snprintf(number, sizeof number, "%lld", (long long)json_integer_value(v));
    else if (json_is_real(v)) snprintf(number, sizeof number, "%.17g", json_real_value(v));
    else snprintf(number, sizeof number, "%s", json_is_true(v) ? "true" : "false");
    return add_text(j, number, strlen(number));
}

/* 1: v is an array, all of whose elements are that deep. */
static int is_array_of(const json_t *v, int deep)
{
    if (!json_is_array(v)) return 0;
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *x = json_array_get(v, i);
        if (deep ? !is_array_of(x, 0) : depth_of(x) != 0) return 0;
    }
    return 1;
}

/* Leaves of a value of that depth. 0: no memory. */
static int add_value(json_lines *j, const json_t *v, uint32_t depth)
{
    int done = 1;
    if (!depth) return add_leaf(j, v);
    size_t n = json_array_size(v);
    if (depth == 2 && (int64_t)n > j->inner_room) {
        int32_t *more = realloc(j->inner, sizeof *more * n);
        if (!more) return 0;
        j->inner = more, j->inner_room = (int64_t)n;
    }
    for (size_t i = 0; i < n && done; i++) {
        const json_t *x = json_array_get(v, i);
        if (depth == 2) j->inner[i] = (int32_t)json_array_size(x);
        done = add_value(j, x, depth - 1);
    }
    return done;
}

static int put_key(json_lines *j, const json_t *object, uint32_t i, const char *path, long long line, const tn_sink *sink)
{
    static const char *const shapes[] = { "a string or a number", "an array of strings or numbers", "an array of such arrays" };
    const json_t *v = json_object_get(object, j->name[i]);
    if (!v) return tn_fail(j->api, j->host, TN_EINVAL, "%s:%lld: there is no \"%s\"", path, line, j->name[i]);
    if (j->depth[i] ? !is_array_of(v, (int)j->depth[i] - 1) : depth_of(v) != 0)
        return tn_fail(j->api, j->host, TN_EINVAL, "%s:%lld: \"%s\" must be %s, as it is in the first line", path, line, j->name[i],
                       shapes[j->depth[i]]);
    j->n = 0, j->end.n = 0;
    if (!add_value(j, v, j->depth[i])) return j->api->fail(j->host, TN_ENOMEM, "no memory for a text");
    _Static_assert(sizeof(size_t) == sizeof(int64_t), "places are the ends of texts");
    tn_value out = { sizeof out, TN_TEXT, j->depth[i], 1, j->depth[i] ? (int64_t)json_array_size(v) : 1, j->end.n,
                     j->depth[i] == 2 ? j->inner : NULL, j->bytes ? j->bytes : "", (const int64_t *)j->end.v };
    return sink->put(sink->to, i, &out);
}

static int read_object(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    json_lines *j = self;
    int k = text_split(split), rc = TN_OK;
    const file *f = &j->of[k];
    long long line = (long long)f->number.v[index];
    (void)lanes, (void)rng;
    json_t *v = parse(j, f->text + f->begin.v[index], j->c->path[k], line);
    if (!v) return TN_EINVAL;
    for (uint32_t i = 0; i < j->columns && !rc; i++)
        if (!TN_HAS(sink, wanted) || sink->wanted[i]) rc = put_key(j, v, i, j->c->path[k], line, sink);
    json_decref(v);
    return rc;
}

static int place(void *self, const char *split, int64_t index, char *text, size_t size)
{
    json_lines *j = self;
    int i = text_split(split);
    snprintf(text, size, "%s:%zu", j->c->path[i], j->of[i].number.v[index]);
    return TN_OK;
}

static int file_of(void *self, uint32_t i, const char **path)
{
    json_lines *j = self;
    for (int k = 0; k < TEXT_SPLITS; k++)
        if (j->c->path[k] && !i--) {
            *path = j->c->path[k];
            return TN_OK;
        }
    return TN_END;
}

static const tn_dataset table = { sizeof table, 0, column, load, count, read_object, place, file_of, NULL };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "json_lines", "one JSON object a line",
    "The keys of the first object are the columns; null and objects are none. A string, a number, true or false is "
    "one text; an array of them is cut into steps already, an array of arrays into steps of steps. Each line must "
    "have the keys that fields read, in the shape that they have in the first line; further keys do not matter. Blank "
    "lines are passed over.\n\n"
    "    {\"text\": \"a fine film\", \"label\": 1}\n"
    "    {\"words\": [\"Bonn\", \"is\"], \"tags\": [\"LOC\", \"O\"]}",
    TN_OPTIONS(options), sizeof(config), sizeof(json_lines), NULL, open_json, close_json, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("json_lines", "1.0.0", "Tenon", "MIT", "", parts)
