/* catalogue.c -- the data sets that `tenon fetch` knows: TOML, of which the built-in one is taken into the program as text.
 * docs/data.md describes its keys. Whatever is wrong in it is shown at once, and nothing is downloaded then.    */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../../host/toml_bridge.h"
#include "fetch.h"

extern const char builtin_catalogue[];
__asm__(".section .rodata\n.global builtin_catalogue\nbuiltin_catalogue:\n"
        ".incbin \"tools/fetch/catalogue/data.toml\"\n.byte 0\n.previous");

enum { LARGEST = 1 << 30 };                       /* a download whose size nobody states                          */

typedef struct reader { arena *memory; diag *d; } reader;

/* ---- values ---------------------------------------------------------------------------------------------------- */
static const char *required(reader *r, config_value *t, const char *key, const char *table)
{
    const char *text = config_text(t, key, NULL, r->d);
    if (!config_get(t, key)) diag_error(r->d, t->at, "%s: %s is missing", table, key);
    return text ? text : "";
}

static void check_path(reader *r, const config_value *t, const char *key, const char *path)
{
    const config_value *v = config_get(t, key);
    const char *fault = path_fault(path);
    if (fault && v) diag_error(r->d, v->at, "%s: '%s' %s; a path within the folder is wanted", key, path, fault);
}

/* A name of a folder or a file: letters, digits and -_.+ with a letter or a digit first. */
static int is_name(const char *s)
{
    size_t n = strlen(s);
    for (const char *c = s; *c; c++)
        if (!isalnum((unsigned char)*c) && (c == s || !strchr("-_.+", *c))) return 0;
    return n && n < 128 && (n < 5 || strcmp(s + n - 5, ".part"));
}

static const char *digest(reader *r, config_value *t)
{
    const char *text = config_text(t, "sha256", NULL, r->d);
    if (!text) return NULL;
    if (strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64) return text;
    diag_error(r->d, config_get(t, "sha256")->at, "sha256: '%s' is none: 64 digits 0-9a-f are wanted", text);
    return NULL;
}

/* ---- downloads ---------------------------------------------------------------------------------------------------- */
static void read_urls(reader *r, config_value *t, download *to)
{
    to->url = config_texts(r->memory, t, "url", &to->n_urls, r->d);
    for (int i = 0; i < to->n_urls; i++)
        if (strncmp(to->url[i], "https://", 8) && strncmp(to->url[i], "http://", 7))
            diag_error(r->d, config_get(t, "url")->at, "url: '%s' begins with neither https:// nor http://", to->url[i]);
}

static void check_file(reader *r, const config_value *t, const data_set *s, const download *one)
{
    if (!is_name(one->file) || !strcmp(one->file, "made") || !strcmp(one->file, "lock"))
        diag_error(r->d, t->at, "download: '%s' can't be a file's name; say file = \"...\"", one->file);
    for (const download *o = s->downloads; o < one; o++)
        if (!strcmp(o->file, one->file)) diag_error(r->d, t->at, "download: a second one of the name '%s'", one->file);
}

static void read_download(reader *r, config_value *t, data_set *s)
{
    static const char *const allowed[] = { "url", "file", "bytes", "at_most", "sha256" };
    download *to = &s->downloads[s->n_downloads++];
    read_urls(r, t, to);
    if (!to->n_urls) diag_error(r->d, t->at, "download: url is missing");
    const char *last = to->n_urls ? strrchr(to->url[0], '/') : NULL;
    to->file = config_text(t, "file", last ? last + 1 : "", r->d);
    check_file(r, t, s, to);
    to->sha256 = digest(r, t);
    to->bytes = config_int(t, "bytes", -1, 1, INT64_MAX, r->d);
    to->at_most = config_int(t, "at_most", LARGEST, 1, INT64_MAX, r->d);
    if (to->bytes > 0) to->at_most = to->bytes;
    config_unused(t, "download", allowed, 5, NULL, r->d);
}

/* ---- files --------------------------------------------------------------------------------------------------------- */
static void read_rows(reader *r, config_value *t, data_file *f)
{
    config_value *v = (config_value *)config_get(t, "table");
    static const char *const allowed[] = { "folder", "label" };
    v->used = 1;
    if (v->type != CONFIG_ARRAY) {
        diag_error(r->d, v->at, "table: an array of { folder, label } is wanted");
        return;
    }
    f->rows = arena_new(r->memory, sizeof *f->rows * (size_t)(v->n + 1));
    for (int i = 0; i < v->n; i++) {
        config_value *row = v->item[i];
        row->used = 1;
        if (row->type != CONFIG_TABLE) {
            diag_error(r->d, row->at, "table: { folder, label } is wanted");
            continue;
        }
        f->rows[f->n_rows].folder = required(r, row, "folder", "table");
        f->rows[f->n_rows++].label = required(r, row, "label", "table");
        config_unused(row, "table", allowed, 2, NULL, r->d);
    }
}

/* How a file is made: at most one of the keys says so. */
static void read_making(reader *r, config_value *t, data_file *f)
{
    static const char *const keys[] = { "member", "table", "archive", "folder" };
    int n = 0;
    for (int i = 0; i < 4; i++)
        if (config_get(t, keys[i])) f->how = (making)(MAKE_MEMBER + i), n++;
    if (n > 1) diag_error(r->d, t->at, "file: only one of member, table, archive and folder can be there");
    if (config_get(t, "table")) read_rows(r, t, f);
    f->member = config_text(t, "member", NULL, r->d);
    f->top = config_text(t, "archive", NULL, r->d);
    if (f->top && *f->top) check_path(r, t, "archive", f->top);
    if (!config_bool(t, "folder", 1, r->d)) diag_error(r->d, config_get(t, "folder")->at, "folder: it can only be true");
    f->take = config_texts(r->memory, t, "take", &f->n_take, r->d);
    if (f->n_take && f->how != MAKE_ARCHIVE && f->how != MAKE_FOLDER)
        diag_error(r->d, config_get(t, "take")->at, "take: it belongs to `archive` and `folder`");
}

/* A file with a `url` is a download of its own, which has the file's pins. */
static const download *own_download(reader *r, config_value *t, data_set *s, const data_file *f)
{
    download *own = &s->downloads[s->n_downloads++];
    read_urls(r, t, own);
    own->file = arena_text(r->memory, f->path);
    for (char *c = strchr(own->file, '/'); c; c = strchr(c, '/')) *c = '-';
    own->bytes = f->bytes, own->at_most = f->bytes > 0 ? f->bytes : LARGEST, own->sha256 = f->sha256;
    check_file(r, t, s, own);
    if (f->how != MAKE_COPY) diag_error(r->d, t->at, "file: what is made of a download names it by `from`, and has no url");
    return own;
}

/* The download that a file is made of: one of its own, that named by `from`, or the only one. */
static const download *source(reader *r, config_value *t, data_set *s, const data_file *f)
{
    const char *from = config_text(t, "from", NULL, r->d);
    if (config_get(t, "url") && !from) return own_download(r, t, s, f);
    for (int i = 0; i < s->n_downloads; i++)
        if (from ? !strcmp(s->downloads[i].file, from) : s->n_downloads == 1) return &s->downloads[i];
    if (from) diag_error(r->d, config_get(t, "from")->at, "from: '%s' is no download of this set", from);
    else if (!s->by_hand) diag_error(r->d, t->at, "file: say `url`, or by `from` of which download it is made");
    return NULL;
}

static void read_file(reader *r, config_value *t, data_set *s, data_file *f)
{
    static const char *const allowed[] = { "path", "url", "from", "member", "table", "archive", "folder", "take", "bytes",
                                           "sha256" };
    f->path = required(r, t, "path", "file");
    f->sha256 = digest(r, t);
    f->bytes = config_int(t, "bytes", -1, 0, INT64_MAX, r->d);
    read_making(r, t, f);
    if (f->how != MAKE_FOLDER || strcmp(f->path, ".")) check_path(r, t, "path", f->path);
    f->from = source(r, t, s, f);
    config_unused(t, "file", allowed, 10, NULL, r->d);
    int pinned = f->from && f->from->sha256;
    if (!f->sha256 && !pinned) diag_error(r->d, t->at, "file: sha256 is missing, here or of the download that it is made of");
    if (f->bytes < 0 && !pinned) diag_error(r->d, t->at, "file: bytes is missing, and its download is not pinned by sha256");
}

/* ---- sets ----------------------------------------------------------------------------------------------------------- */
/* Entries of [[data.KEY]]; NULL: none. */
static config_value *entries(reader *r, config_value *t, const char *key)
{
    config_value *v = (config_value *)config_get(t, key);
    if (!v) return NULL;
    v->used = 1;
    int good = v->type == CONFIG_ARRAY;
    for (int i = 0; good && i < v->n; i++) good = v->item[i]->type == CONFIG_TABLE;
    if (!good) diag_error(r->d, v->at, "%s: it is written [[data.%s]]", key, key);
    return good ? v : NULL;
}

static void read_set(reader *r, config_value *t, data_set *s)
{
    static const char *const allowed[] = { "name", "title", "home", "terms", "by_hand", "download", "file" };
    s->at = t->at;
    s->name = required(r, t, "name", "data");
    if (*s->name && !is_name(s->name))
        diag_error(r->d, config_get(t, "name")->at, "name: '%s' can't be a folder's name: letters, digits, '-', '_'",
                   s->name);
    s->title = required(r, t, "title", "data");
    s->home = required(r, t, "home", "data");
    s->terms = required(r, t, "terms", "data");
    s->by_hand = config_text(t, "by_hand", NULL, r->d);
    config_value *downloads = entries(r, t, "download"), *files = entries(r, t, "file");
    int n = downloads ? downloads->n : 0, m = files ? files->n : 0;
    s->downloads = arena_new(r->memory, sizeof *s->downloads * (size_t)(n + m + 1));
    for (int i = 0; i < n; i++) read_download(r, downloads->item[i], s);
    s->files = arena_new(r->memory, sizeof *s->files * (size_t)(m + 1));
    for (int i = 0; i < m; i++) read_file(r, files->item[i], s, &s->files[s->n_files++]);
    for (int i = 0; i < m && m > 1; i++)
        if (!strcmp(s->files[i].path, "."))
            diag_error(r->d, files->item[i]->at, "path: '.' is the whole set, beside which no other file can stand");
    if (!s->n_files) diag_error(r->d, t->at, "data '%s': no [[data.file]]", s->name);
    config_unused(t, "data", allowed, 7, NULL, r->d);
}

static void read_tree(reader *r, config_value *root, catalogue *c)
{
    static const char *const allowed[] = { "data" };
    config_value *v = root ? entries(r, root, "data") : NULL;
    data_set *all = arena_new(r->memory, sizeof *all * (size_t)(c->n + (v ? v->n : 0) + 1));
    int n = 0;
    for (; v && n < v->n; n++) {
        read_set(r, v->item[n], &all[n]);
        for (int i = 0; i < n; i++)
            if (!strcmp(all[i].name, all[n].name)) diag_error(r->d, all[n].at, "a second set of the name '%s'", all[n].name);
    }
    if (root) config_unused(root, "the top level", allowed, 1, NULL, r->d);
    for (int i = 0; i < c->n; i++) {
        catalogue mine = { all, v ? v->n : 0 };
        if (!catalogue_find(&mine, c->set[i].name)) all[n++] = c->set[i];
    }
    c->set = all, c->n = n;
}

/* The whole file; NULL after an error. */
static char *read_text(reader *r, const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    long size = -1;
    char *text = NULL;
    if (f && !fseek(f, 0, SEEK_END) && (size = ftell(f)) >= 0 && !fseek(f, 0, SEEK_SET)) {
        text = arena_new(r->memory, (size_t)size + 1);
        if (fread(text, 1, (size_t)size, f) != (size_t)size) text = NULL;
    }
    if (!text) diag_error(r->d, (where){ path, 0, 0 }, "can't be read: %s", strerror(errno ? errno : EIO));
    if (f) fclose(f);
    *n = (size_t)size;
    return text;
}

void catalogue_read(arena *memory, const char *path, catalogue *c, diag *d)
{
    reader r = { memory, d };
    size_t n;
    *c = (catalogue){ NULL, 0 };
    read_tree(&r, toml_parse(memory, builtin_catalogue, strlen(builtin_catalogue), "the built-in catalogue", d), c);
    char *text = path ? read_text(&r, path, &n) : NULL;
    if (text) read_tree(&r, toml_parse(memory, text, n, path, d), c);
}

const data_set *catalogue_find(const catalogue *c, const char *name)
{
    for (int i = 0; i < c->n; i++)
        if (!strcmp(c->set[i].name, name)) return &c->set[i];
    return NULL;
}

int64_t download_size(const data_set *s, int *is_exact)
{
    int64_t all = 0;
    *is_exact = 1;
    for (int i = 0; i < s->n_downloads; i++) all += s->downloads[i].at_most, *is_exact &= s->downloads[i].bytes > 0;
    return all;
}
