/* folder.c -- one folder a class, one file a text: SPLIT/CLASS/FILE, on disk or straight from inside an archive that
 * libarchive reads (.tar.gz, .tar.xz, .zip). Texts come in the order of their paths, wherever they lie.          */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <sys/stat.h>
#include "text_file.h"

typedef struct { const char *root, *split[TEXT_SPLITS]; int32_t encoding; } config;
#define SPLIT_NAME(i, name, otherwise) { name, "folder of the " name " split within root, which holds one folder a class", \
    TN_O_STR, 0, offsetof(config, split) + (i) * sizeof(char *), 0, 0, 0, otherwise, 0, 4096, NULL, NULL }
static const tn_option options[] = {
    TN_PATH_X(config, root, TN_O_REQUIRED, NULL, "folder or archive"),
    SPLIT_NAME(0, "train", "train"), SPLIT_NAME(1, "validation", NULL), SPLIT_NAME(2, "test", NULL),
    TN_ENUM(config, encoding, ENCODING_UTF8, text_encodings, "how the files are written") };

typedef struct { char *label, *name, *text; size_t n; } item;
typedef struct { item *v; int64_t n, room; int loaded; } items;
typedef struct { const config *c; const tn_api *api; tn_host *host; items of[TEXT_SPLITS]; } folder;

static int no_memory(folder *f) { return f->api->fail(f->host, TN_ENOMEM, "no memory for the texts of a folder"); }

/* ---- one text ------------------------------------------------------------------------------------------------ */
/* Takes `text` over, n bytes as they stand in the file. */
static int add_item(folder *f, items *to, const char *label, const char *name, char *text, size_t n)
{
    if (f->c->encoding == ENCODING_LATIN1) {
        char *wide = latin1_to_utf8(text, n, &n);
        free(text);
        if (!wide) return no_memory(f);
        text = wide;
    } else if (tn_utf8_fault(text, n) < n) {
        free(text);
        return tn_fail(f->api, f->host, TN_EINVAL,
                       "%s: %s/%s: not valid UTF-8; if the files are latin-1, say encoding = \"latin-1\"",
                       f->c->root, label, name);
    }
    if (to->n == to->room) {
        int64_t room = 2 * to->room + 1024;
        item *more = realloc(to->v, sizeof *more * (size_t)room);
        if (!more) {
            free(text);
            return no_memory(f);
        }
        to->v = more, to->room = room;
    }
    item *i = &to->v[to->n++];
    *i = (item){ strdup(label), strdup(name), text, n };
    return i->label && i->name ? TN_OK : no_memory(f);
}

static int by_path(const void *a, const void *b)
{
    const item *x = a, *y = b;
    int c = strcmp(x->label, y->label);
    return c ? c : strcmp(x->name, y->name);
}

/* ---- from an archive ------------------------------------------------------------------------------------------ */
/* CLASS/FILE of an entry that lies in the split's folder; NULL: it does not. */
static const char *inside(const char *path, const char *split)
{
    size_t n = strlen(split);
    while (!strncmp(path, "./", 2)) path += 2;
    if (!n) return path;
    return !strncmp(path, split, n) && path[n] == '/' ? path + n + 1 : NULL;
}

static int read_entry(folder *f, struct archive *a, const char *path, items *to)
{
    const char *slash = strchr(path, '/');
    if (!slash || !slash[1] || strchr(slash + 1, '/')) return TN_OK; /* neither deeper nor beside the classes */
    size_t n = 0, room = 1 << 14;
    char *text = malloc(room + 1);
    for (la_ssize_t got = 1; text && got > 0; ) {
        if (n == room) {
            char *more = realloc(text, 2 * room + 1);
            if (!more) free(text);
            text = more, room *= 2;
            continue;
        }
        got = archive_read_data(a, text + n, room - n);
        if (got < 0) {
            free(text);
            return tn_fail(f->api, f->host, TN_EIO, "%s: %s", f->c->root, archive_error_string(a));
        }
        n += (size_t)got;
    }
    if (!text) return no_memory(f);
    text[n] = 0;
    char *label = strndup(path, (size_t)(slash - path));
    if (!label) {
        free(text);
        return no_memory(f);
    }
    int rc = add_item(f, to, label, slash + 1, text, n);
    free(label);
    return rc;
}

static int read_archive(folder *f, const char *split, items *to)
{
    struct archive *a = archive_read_new();
    struct archive_entry *e;
    if (!a) return no_memory(f);
    archive_read_support_filter_all(a);
    archive_read_support_format_all(a);
    int rc = TN_OK, got = archive_read_open_filename(a, f->c->root, 1 << 16);
    while (got == ARCHIVE_OK && !rc && (got = archive_read_next_header(a, &e)) == ARCHIVE_OK) {
        const char *path = archive_entry_pathname(e) ? inside(archive_entry_pathname(e), split) : NULL;
        if (path && archive_entry_filetype(e) == AE_IFREG) rc = read_entry(f, a, path, to);
    }
    if (!rc && got != ARCHIVE_EOF && got != ARCHIVE_OK)
        rc = tn_fail(f->api, f->host, TN_EIO, "cannot read '%s': %s", f->c->root, archive_error_string(a));
    archive_read_free(a);
    return rc;
}

/* ---- from disk --------------------------------------------------------------------------------------------------- */
static int read_file(folder *f, const char *path, const char *label, const char *name, items *to)
{
    size_t n;
    char *text = text_read(f->api, f->host, path, ENCODING_BYTES, &n);
    return text ? add_item(f, to, label, name, text, n) : TN_EIO;
}

/* Reads each file of a class, or, label NULL, each class. */
static int read_level(folder *f, const char *path, const char *label, items *to)
{
    DIR *d = opendir(path);
    int rc = TN_OK;
    if (!d) return tn_fail(f->api, f->host, TN_EIO, "cannot read the folder '%s': %s", path, strerror(errno));
    for (struct dirent *e; !rc && (e = readdir(d)); ) {
        char at[4096];
        struct stat s;
        if (e->d_name[0] == '.') continue;
        if (snprintf(at, sizeof at, "%s/%s", path, e->d_name) >= (int)sizeof at || stat(at, &s)) continue;
        if (!label && S_ISDIR(s.st_mode)) rc = read_level(f, at, e->d_name, to);
        else if (label && S_ISREG(s.st_mode)) rc = read_file(f, at, label, e->d_name, to);
    }
    closedir(d);
    return rc;
}

/* ---- the data set ------------------------------------------------------------------------------------------------ */
static int load(void *self, const char *split)
{
    folder *f = self;
    int i = text_split(split);
    if (i < 0 || !f->c->split[i]) return TN_END;
    items *to = &f->of[i];
    if (to->loaded) return TN_OK;
    struct stat s;
    if (stat(f->c->root, &s)) return tn_fail(f->api, f->host, TN_EIO, "cannot read '%s': %s", f->c->root, strerror(errno));
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", f->c->root, f->c->split[i]);
    int rc = S_ISDIR(s.st_mode) ? read_level(f, path, NULL, to) : read_archive(f, f->c->split[i], to);
    if (rc) return rc;
    if (!to->n)
        return tn_fail(f->api, f->host, TN_EINVAL, "%s: there is no %s%sCLASS/FILE", f->c->root, f->c->split[i],
                       f->c->split[i][0] ? "/" : "");
    qsort(to->v, (size_t)to->n, sizeof *to->v, by_path);
    to->loaded = 1;
    return TN_OK;
}

static int open_folder(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    folder *f = self;
    f->c = config_, f->api = api, f->host = host;
    return TN_OK;
}

static void close_folder(void *self)
{
    folder *f = self;
    for (int i = 0; i < TEXT_SPLITS; i++) {
        for (int64_t k = 0; k < f->of[i].n; k++) free(f->of[i].v[k].label), free(f->of[i].v[k].name), free(f->of[i].v[k].text);
        free(f->of[i].v);
    }
    memset(f->of, 0, sizeof f->of);
}

static int column(void *self, uint32_t i, tn_column *c)
{
    (void)self;
    if (i > 1) return TN_END;
    *c = (tn_column){ sizeof *c, TN_TEXT, 0, 1, i ? "text" : "label", 0 };
    return TN_OK;
}

static int64_t count(void *self, const char *split, int64_t lanes)
{
    folder *f = self;
    int i = text_split(split);
    (void)lanes;
    return i < 0 ? 0 : f->of[i].n;
}

static int read_item(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    folder *f = self;
    const item *i = &f->of[text_split(split)].v[index];
    (void)lanes, (void)rng;
    int rc = put_text(sink, 0, i->label, strlen(i->label));
    return rc ? rc : put_text(sink, 1, i->text, i->n);
}

static int place(void *self, const char *split, int64_t index, char *text, size_t size)
{
    folder *f = self;
    int i = text_split(split);
    const item *x = &f->of[i].v[index];
    snprintf(text, size, "%s: %s/%s/%s", f->c->root, f->c->split[i], x->label, x->name);
    return TN_OK;
}

static int file_of(void *self, uint32_t i, const char **path)
{
    folder *f = self;
    struct stat s;
    if (i || stat(f->c->root, &s) || !S_ISREG(s.st_mode)) return TN_END;
    *path = f->c->root;
    return TN_OK;
}

static const tn_dataset table = { sizeof table, 0, column, load, count, read_item, place, file_of, NULL };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "folder", "one folder a class, one file a text, also inside an archive",
    "Columns `label` and `text`. `root` is a folder or an archive (.tar.gz, .tar.xz, .zip ...); a split is a folder in "
    "it (\"\": root itself) with one folder a class, which holds one file a text. Hidden files are left out.",
    TN_OPTIONS(options), sizeof(config), sizeof(folder), NULL, open_folder, close_folder, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("folder", "1.0.0", "Tenon", "MIT", "", parts)
