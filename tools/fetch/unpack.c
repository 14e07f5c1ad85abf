/* unpack.c -- archives, by libarchive: what is wanted of a tar (gzip, bzip2, xz, zstd) or a zip, and nothing else. Only files and
 * folders are taken, each path is checked before it is used, no file is ever opened a second time, and no more bytes are
 * written than the catalogue states. Formats that read other files (mtree) or start programs (lrzip) are not opened.    */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "../../host/file.h"
#include "table.h"

enum { MOST_ENTRIES = 1000000, BLOCK = 1 << 16 };

/* One pass over an archive: `take` is called for each regular file that is wanted, by its path below `top`. */
typedef struct pass pass;
struct pass {
    const data_file *f;
    const char *archive, *top;             /* top: only what is below it counts, by its path from there; NULL    */
    int (*take)(pass *, struct archive *, struct archive_entry *, const char *path);
    int (*folder)(pass *, const char *path); /* NULL: folders make themselves                                    */
    int all;                               /* every entry must be fit to be unpacked, wanted or not              */
    int64_t found, bytes;                  /* files taken, and what is in them                                   */
    const char *to;                        /* where it goes: file or folder                                      */
    struct archive *out;                   /* ARCHIVE                                                            */
    table *rows;                           /* TABLE                                                              */
    struct contents *contents;
};

/* ---- what is wanted ------------------------------------------------------------------------------------------------ */
static int is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return !strncmp(path, folder, n) && path[n] == '/';
}

static int is_wanted(const pass *p, const char *path)
{
    const data_file *f = p->f;
    if (f->how == MAKE_MEMBER) return !strcmp(f->member, "*") || !strcmp(f->member, path);
    if (f->how == MAKE_TABLE) return table_row(f, path) >= 0;
    for (int i = 0; i < f->n_take; i++)
        if (is_below(path, f->take[i])) return 1;
    return !f->n_take;
}

/* What it is where it is neither a file nor a folder. */
static const char *strange(struct archive_entry *e)
{
    if (archive_entry_hardlink(e)) return "a hard link";
    switch (archive_entry_filetype(e)) {
    case AE_IFREG: case AE_IFDIR: return NULL;
    case AE_IFLNK: return "a symbolic link";
    case AE_IFCHR: case AE_IFBLK: return "a device";
    case AE_IFIFO: return "a pipe";
    default: return "no file";
    }
}

/* The path of an entry without what tar writes before and behind it ("./a/" is "a"); "" the archive's own root. */
static const char *path_of(struct archive_entry *e, char *to, size_t size)
{
    const char *path = archive_entry_pathname(e);
    if (!path) path = archive_entry_pathname_utf8(e);
    if (!path) return NULL;
    while (!strncmp(path, "./", 2)) path += 2;
    if (!strcmp(path, ".")) path++;
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    if (n >= size) return NULL;
    memcpy(to, path, n);
    to[n] = 0;
    return to;
}

/* ---- the pass --------------------------------------------------------------------------------------------------------- */
static int take_entry(pass *p, struct archive *a, struct archive_entry *e)
{
    char text[4096];
    const char *path = path_of(e, text, sizeof text), *fault = path && *path ? path_fault(path) : NULL, *kind = strange(e);
    if (!path) return p->all ? problem("%s: an entry's name can't be read: nothing of the archive is used", p->archive) : 0;
    if (!*path) return 0;
    if (p->top && *p->top) {
        if (fault || !is_below(path, p->top)) return 0;
        path += strlen(p->top) + 1;
    }
    int wanted = !fault && is_wanted(p, path);
    if (p->all && fault) return problem("%s: '%s' %s: nothing of the archive is used", p->archive, path, fault);
    if (kind && (p->all || wanted)) return problem("%s: '%s' is %s: nothing of the archive is used", p->archive, path, kind);
    if (!wanted) return 0;
    if (archive_entry_filetype(e) == AE_IFDIR) return p->folder ? p->folder(p, path) : 0;
    p->found++;
    return p->take(p, a, e, path);
}

static int run_pass(pass *p)
{
    struct archive *a = archive_read_new();
    struct archive_entry *e;
    if (!a) return problem("no memory for an archive");
    archive_read_support_filter_gzip(a), archive_read_support_filter_bzip2(a), archive_read_support_filter_xz(a);
    archive_read_support_filter_lzma(a), archive_read_support_filter_zstd(a);
    archive_read_support_format_tar(a), archive_read_support_format_zip(a), archive_read_support_format_empty(a);
    if (p->f->how == MAKE_MEMBER && !strcmp(p->f->member, "*")) archive_read_support_format_raw(a); /* only compressed */
    int code = 0, rc = archive_read_open_filename(a, p->archive, BLOCK);
    for (int64_t n = 0; rc >= ARCHIVE_WARN && rc != ARCHIVE_EOF && !code; n++) {
        rc = archive_read_next_header(a, &e);
        if (rc == ARCHIVE_EOF || rc < ARCHIVE_WARN) break;
        if (n == MOST_ENTRIES) code = problem("%s: it has more than %d entries", p->archive, MOST_ENTRIES);
        else code = interrupted() ? EXIT_INTERRUPTED : take_entry(p, a, e);
    }
    if (!code && rc != ARCHIVE_EOF) code = problem("%s: it can't be read: %s", p->archive, archive_error_string(a));
    archive_read_free(a);
    return code;
}

/* Gives the bytes of an entry to `put`, block by block. */
static int each_block(pass *p, struct archive *a, int (*put)(void *to, const void *bytes, size_t n), void *to)
{
    static unsigned char block[BLOCK];
    for (;;) {
        la_ssize_t n = archive_read_data(a, block, sizeof block);
        if (!n) return 0;
        if (n < 0) return problem("%s: it can't be read: %s", p->archive, archive_error_string(a));
        if (interrupted()) return EXIT_INTERRUPTED;
        p->bytes += n;
        if (p->f->bytes >= 0 && p->bytes > p->f->bytes && p->f->how != MAKE_TABLE)
            return problem("%s: unpacked it has more than the %lld bytes that the catalogue states", p->archive,
                           (long long)p->f->bytes);
        int code = put(to, block, (size_t)n);
        if (code) return code;
    }
}

/* ---- one file; a folder of files ---------------------------------------------------------------------------------- */
static int put_sink(void *to, const void *bytes, size_t n) { return sink_write(to, bytes, n); }

static int take_file(pass *p, struct archive *a, struct archive_entry *e, const char *path)
{
    char name[PATH_MAX];
    sink s;
    (void)e;
    int one = p->f->how == MAKE_MEMBER;
    if (one && p->found > 1) return problem("%s: it has several files where one was expected", p->archive);
    if (snprintf(name, sizeof name, "%s%s%s", p->to, one ? "" : "/", one ? "" : path) >= (int)sizeof name)
        return problem("'%s' is too long for a path", path);
    int code = sink_open(&s, name, INT64_MAX);
    if (code) return code;
    code = each_block(p, a, put_sink, &s);
    int closed = sink_close(&s);
    return code ? code : closed;
}

static int take_folder(pass *p, const char *path)
{
    char name[PATH_MAX];
    if (snprintf(name, sizeof name, "%s/%s", p->to, path) >= (int)sizeof name) return problem("'%s' is too long for a path", path);
    return make_folders(name, 1);
}

/* ---- a table --------------------------------------------------------------------------------------------------------- */
static int take_row(pass *p, struct archive *a, struct archive_entry *e, const char *path)
{
    (void)e;
    int code = table_begin(p->rows, p->f, path);
    return code ? code : each_block(p, a, table_add, p->rows);
}

static int make_table(pass *p)
{
    table t = { .limit = p->f->from->sha256 ? -1 : p->f->bytes };
    p->rows = &t, p->take = take_row;
    int code = run_pass(p);
    if (!code) code = table_write(&t, p->f, p->to);
    table_free(&t);
    return code;
}

/* ---- another archive --------------------------------------------------------------------------------------------------- */
static int archive_problem(const pass *p)
{
    return problem("%s: can't be written: %s", p->to, archive_error_string(p->out));
}

static int put_archive(void *to, const void *bytes, size_t n)
{
    pass *p = to;
    return archive_write_data(p->out, bytes, n) == (la_ssize_t)n ? 0 : archive_problem(p);
}

/* Owner, times and rights are left out: the same contents make the same archive. */
static int take_packed(pass *p, struct archive *a, struct archive_entry *e, const char *path)
{
    char name[PATH_MAX];
    struct archive_entry *mine = archive_entry_new();
    snprintf(name, sizeof name, "%s%s%s", p->f->top, *p->f->top ? "/" : "", path);
    archive_entry_set_pathname(mine, name);
    archive_entry_set_filetype(mine, AE_IFREG);
    archive_entry_set_perm(mine, 0644);
    archive_entry_set_mtime(mine, 0, 0);
    archive_entry_set_size(mine, archive_entry_size(e));
    int code = archive_write_header(p->out, mine) < ARCHIVE_WARN ? archive_problem(p) : 0;
    archive_entry_free(mine);
    return code ? code : each_block(p, a, put_archive, p);
}

static int make_archive(pass *p)
{
    p->take = take_packed;
    int code = make_folders(p->to, 0);
    if (code) return code;
    p->out = archive_write_new();
    if (!p->out) return problem("no memory for an archive");
    int no_kind = archive_write_set_format_filter_by_ext(p->out, p->f->path);
    archive_write_set_filter_option(p->out, NULL, "compression-level", "1"); /* a fifth larger, six times as fast */
    if (no_kind)
        code = problem("%s: no kind of archive is known by this name; .tar.xz, .tar.gz and .zip are", p->f->path);
    else if (archive_write_open_filename(p->out, p->to)) code = archive_problem(p);
    if (!code) code = run_pass(p);
    if (archive_write_close(p->out) && !code) code = archive_problem(p);
    archive_write_free(p->out);
    return code ? code : sync_file(p->to);
}

int unpack(const data_file *f, const char *archive, const char *to)
{
    pass p = { .f = f, .archive = archive, .to = to, .take = take_file };
    p.all = f->how == MAKE_FOLDER || f->how == MAKE_ARCHIVE;
    if (f->how == MAKE_FOLDER) p.folder = take_folder;
    int code = f->how == MAKE_FOLDER ? make_folders(to, 1) : 0;
    if (!code) code = f->how == MAKE_TABLE ? make_table(&p) : f->how == MAKE_ARCHIVE ? make_archive(&p) : run_pass(&p);
    if (code || p.found) return code;
    if (f->how == MAKE_MEMBER && strcmp(f->member, "*")) return problem("%s: it has no file '%s'", archive, f->member);
    return problem("%s: it has none of the files that '%s' is made of", archive, f->path);
}

/* ---- contents ---------------------------------------------------------------------------------------------------------- */
typedef struct line { char *path, hex[65]; } line;
typedef struct contents { line *v; size_t n, room; } contents;

static int add_line(contents *c, const char *path, const char *hex)
{
    if (c->n == c->room) {
        size_t room = 2 * c->room + 1024;
        line *more = realloc(c->v, room * sizeof *more);
        if (!more) return problem("no memory for a list of files");
        c->v = more, c->room = room;
    }
    line *l = &c->v[c->n++];
    l->path = strdup(path);
    memcpy(l->hex, hex, sizeof l->hex);
    return l->path ? 0 : problem("no memory for a list of files");
}

static int put_digest(void *to, const void *bytes, size_t n)
{
    SHA256Update(to, bytes, n);
    return 0;
}

static int take_digest(pass *p, struct archive *a, struct archive_entry *e, const char *path)
{
    SHA2_CTX sha;
    char hex[65];
    (void)e;
    SHA256Init(&sha);
    int code = each_block(p, a, put_digest, &sha);
    return code ? code : add_line(p->contents, path, SHA256End(&sha, hex));
}

/* nftw hands nothing through, so what it walks for stands here. */
static struct { contents *to; const data_file *f; size_t skip; int64_t bytes; int code; } walk;

static int walk_file(const char *path, const struct stat *s, int type, struct FTW *at)
{
    char hex[65], error[600];
    (void)at;
    const char *below = path + walk.skip;
    pass p = { .f = walk.f };
    if (type != FTW_F || !S_ISREG(s->st_mode) || !is_wanted(&p, below)) return 0;
    walk.bytes += s->st_size;
    if (interrupted()) walk.code = EXIT_INTERRUPTED;
    else if (file_sha256(path, hex, error, sizeof error)) walk.code = problem("%s", error);
    else walk.code = add_line(walk.to, below, hex);
    return walk.code;
}

static int by_path(const void *a, const void *b) { return strcmp(((const line *)a)->path, ((const line *)b)->path); }

static void digest_lines(contents *c, char hex[65])
{
    SHA2_CTX sha;
    SHA256Init(&sha);
    if (c->n) qsort(c->v, c->n, sizeof *c->v, by_path);
    for (size_t i = 0; i < c->n; i++) {
        SHA256Update(&sha, (const uint8_t *)c->v[i].hex, 64);
        SHA256Update(&sha, (const uint8_t *)"  ", 2);
        SHA256Update(&sha, (const uint8_t *)c->v[i].path, strlen(c->v[i].path));
        SHA256Update(&sha, (const uint8_t *)"\n", 1);
    }
    SHA256End(&sha, hex);
}

int contents_of(const data_file *f, const char *path, char hex[65], int64_t *bytes)
{
    contents c = { NULL, 0, 0 };
    data_file any = *f;
    any.bytes = -1;
    int code;
    if (f->how == MAKE_FOLDER) {
        memset(&walk, 0, sizeof walk);
        walk.to = &c, walk.f = &any, walk.skip = strlen(path) + 1;
        int rc = nftw(path, walk_file, 16, FTW_PHYS);
        code = rc && !walk.code ? problem("%s: can't be read: %s", path, strerror(errno)) : walk.code;
        *bytes = walk.bytes;
        walk.to = NULL, walk.f = NULL;
    } else {
        pass p = { .f = &any, .archive = path, .top = f->top, .take = take_digest, .contents = &c };
        code = run_pass(&p);
        *bytes = p.bytes;
    }
    if (!code) digest_lines(&c, hex);
    for (size_t i = 0; i < c.n; i++) free(c.v[i].path);
    free(c.v);
    return code;
}
