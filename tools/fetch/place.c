/* place.c -- files and folders on disk: new files only, whole before they have their name, nothing outside the folder. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fetch.h"

int make_folders(const char *path, int and_last)
{
    char part[PATH_MAX];
    if (strlen(path) >= sizeof part) return problem("'%s' is too long for a path", path);
    for (const char *s = path; s; s = strchr(s + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(s - path), path);
        if (s != path && mkdir(part, 0777) && errno != EEXIST)
            return problem("can't make the folder '%s': %s", part, strerror(errno));
    }
    if (!and_last || !mkdir(path, 0777) || errno == EEXIST) return 0;
    return problem("can't make the folder '%s': %s", path, strerror(errno));
}

int sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), bad = fd < 0 || fsync(fd), why = errno;
    if (fd >= 0) close(fd);
    if (bad && why != EINVAL && why != ENOTSUP) return problem("can't make '%s' safe on disk: %s", path, strerror(why));
    return 0;
}

int sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + (slash == path) : 1, slash ? path : ".");
    return sync_file(folder);
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *f)
{
    (void)s, (void)type, (void)f;
    return remove(path);
}

int remove_tree(const char *path)
{
    struct stat s;
    if (lstat(path, &s)) return 0;
    return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) ? problem("can't remove '%s': %s", path, strerror(errno)) : 0;
}

/* ---- a new file ------------------------------------------------------------------------------------------------- */
static int write_problem(const sink *s, int why)
{
    if (why == EFBIG) return problem("%s: can't be written: larger than a file may be here (ulimit -f)", s->path);
    return problem("%s: can't be written: %s", s->path, strerror(why));
}

int sink_open(sink *s, const char *path, int64_t limit)
{
    *s = (sink){ -1, 0, limit, path };
    if (make_folders(path, 0)) return EXIT_FAILED;
    s->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    return s->fd >= 0 ? 0 : write_problem(s, errno);
}

int sink_write(sink *s, const void *bytes, size_t n)
{
    if ((int64_t)n > s->limit - s->written)
        return problem("%s: becomes larger than the %lld bytes that the catalogue states", s->path, (long long)s->limit);
    s->written += (int64_t)n;
    for (const char *p = bytes; n; ) {
        ssize_t wrote = write(s->fd, p, n);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return write_problem(s, wrote ? errno : ENOSPC);
        p += wrote, n -= (size_t)wrote;
    }
    return 0;
}

int sink_close(sink *s)
{
    int bad = fsync(s->fd) && errno != EINVAL && errno != ENOTSUP, why = errno;
    if (close(s->fd) && !bad) bad = 1, why = errno;
    return bad ? write_problem(s, why) : 0;
}

/* ---- paths ---------------------------------------------------------------------------------------------------------- */
const char *path_fault(const char *path)
{
    if (!*path) return "is empty";
    if (*path == '/') return "is absolute";
    if (strlen(path) > 1000) return "is too long";
    for (const char *c = path; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127 || *c == '\\') return "has a control character or a backslash in it";
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        size_t n = strcspn(part, "/");
        if (n == 2 && !memcmp(part, "..", 2)) return "leaves the folder by '..'";
        if (!n || (n == 1 && *part == '.')) return "has an empty part or a '.' in it";
        if (n > 255) return "has a part that is too long for a file's name";
    }
    return NULL;
}
