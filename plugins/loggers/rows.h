/* rows.h -- a file of lines that only grows. A line is on disk when rows_append returns; where the disk is full the file
 * is as it was before. A resume cuts it back to the step that it resumes from. */
#ifndef ROWS_H
#define ROWS_H
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <tenon/tenon.h>

typedef struct rows {
    const tn_api *api; tn_host *host;
    int file;                              /* -1: not open */
    off_t end;                             /* how long the file is */
    char path[4096];
} rows;
typedef struct text { char *s; size_t n, room; int failed; } text;

static int rows_fail(rows *r, const char *what)
{
    int code = errno;
    return tn_fail(r->api, r->host, TN_EIO, "cannot %s '%s': %s; the lines so far are kept", what, r->path,
                   strerror(code));
}

/* The number of a step in a line, or -1: the line has none (a heading). */
typedef int64_t rows_step(const char *line);

/* Length of the leading lines that are whole and belong to steps up to `last`. */
static off_t rows_kept(const char *s, size_t n, rows_step *step_of, int64_t last)
{
    size_t kept = 0;
    while (kept < n) {
        const char *end = memchr(s + kept, '\n', n - kept);
        if (!end || step_of(s + kept) > last) break;
        kept = (size_t)(end - s) + 1;
    }
    return (off_t)kept;
}

static int rows_cut(rows *r, rows_step *step_of, int64_t last)
{
    struct stat st;
    if (fstat(r->file, &st)) return rows_fail(r, "read");
    size_t size = (size_t)st.st_size, have = 0;
    char *s = malloc(size + 1);
    if (!s) return tn_fail(r->api, r->host, TN_ENOMEM, "no memory to read '%s'", r->path);
    while (have < size) {
        ssize_t got = pread(r->file, s + have, size - have, (off_t)have);
        if (got <= 0) break;
        have += (size_t)got;
    }
    s[have] = 0;
    r->end = rows_kept(s, have, step_of, last);
    free(s);
    if (have < size) return rows_fail(r, "read");
    return ftruncate(r->file, r->end) || fsync(r->file) ? rows_fail(r, "shorten") : TN_OK;
}

/* Opens run_dir/name: empty for a new run (last_step < 0), else cut back to last_step. */
static int rows_open(rows *r, const char *run_dir, const char *name, rows_step *step_of, int64_t last_step)
{
    if ((size_t)snprintf(r->path, sizeof r->path, "%s/%s", run_dir, name) >= sizeof r->path)
        return tn_fail(r->api, r->host, TN_EINVAL, "the path of the run directory is too long");
    r->file = open(r->path, O_RDWR | O_CREAT | O_CLOEXEC | (last_step < 0 ? O_TRUNC : 0), 0666);
    r->end = 0;
    if (r->file < 0) return rows_fail(r, "open");
    int folder = open(run_dir,
                      O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* so that the file's name is on disk too  */
    if (folder >= 0) {
        (void)fsync(folder);
        close(folder);
    }
    return last_step < 0 ? TN_OK : rows_cut(r, step_of, last_step);
}

static int rows_append(rows *r, const text *t)
{
    size_t done = 0;
    if (t->failed) return tn_fail(r->api, r->host, TN_ENOMEM, "no memory for a line of '%s'", r->path);
    while (done < t->n) {
        ssize_t wrote = pwrite(r->file, t->s + done, t->n - done, r->end + (off_t)done);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) {
            int rc = rows_fail(r, "write to");
            (void)!ftruncate(r->file, r->end);
            return rc;
        }
        done += (size_t)wrote;
    }
    if (fdatasync(r->file)) {
        int rc = rows_fail(r, "write to");
        (void)!ftruncate(r->file, r->end);
        return rc;
    }
    r->end += (off_t)t->n;
    return TN_OK;
}

static void rows_close(rows *r)
{
    if (r->file >= 0) close(r->file);
    r->file = -1;
}

static void text_add(text *t, const char *s, size_t n)
{
    if (t->n + n + 1 > t->room) {
        size_t room = 2 * (t->n + n + 64);
        char *more = realloc(t->s, room);
        if (!more) {
            t->failed = 1;
            return;
        }
        t->s = more, t->room = room;
    }
    memcpy(t->s + t->n, s, n);
    t->n += n;
    t->s[t->n] = 0;
}

static void text_put(text *t, const char *s) { text_add(t, s, strlen(s)); }

static void text_integer(text *t, int64_t i)
{
    char s[32];
    snprintf(s, sizeof s, "%lld", (long long)i);
    text_put(t, s);
}

/* The shortest decimal that reads back as the same number. */
static void text_number(text *t, double x)
{
    char s[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(s, sizeof s, "%.*g", digits, x);
        if (strtod(s, NULL) == x) break;
    }
    text_put(t, s);
}
#endif
