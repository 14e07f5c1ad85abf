/* file.c -- files that are whole or not there, and what tells one file from another. */
#include "file.h"
#include "../include/tenon/tenon.h"
#include "memory.h"
#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Makes the name of a file in `folder` safe against a power cut. 0, or -1 with errno. */
static int sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 1;
    char *folder = memory_new(n + 2);
    memcpy(folder, slash ? path : ".", n ? n : 1);
    if (!n) folder[0] = '/';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), bad = fd < 0 ? -1 : fsync(fd), why = errno;
    if (bad && (why == EINVAL || why == ENOTSUP)) bad = 0;                   /* a file system without it       */
    if (fd >= 0) close(fd);
    memory_free(folder);
    errno = why;
    return bad;
}

static int write_all(int fd, const void *bytes, size_t n)
{
    for (const char *p = bytes; n;) {
        ssize_t wrote = write(fd, p, n < (1u << 30) ? n : 1u << 30);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) {
            if (!wrote) errno = ENOSPC;
            return -1;
        }
        p += wrote;
        n -= (size_t)wrote;
    }
    return 0;
}

int file_join(const char *path, const file_piece *pieces, int n, char *error, size_t size)
{
    size_t length = strlen(path), all = 0;
    char *tmp = memory_new(length + 5);
    memcpy(tmp, path, length);
    memcpy(tmp + length, ".tmp", 5);
    const char *what = "created";
    int bad = 0, why = 0, fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) bad = -1, why = errno;
    else {
        what = "written";
        for (int i = 0; i < n && !bad; i++) bad = write_all(fd, pieces[i].bytes, pieces[i].n);
        if (!bad && fsync(fd) && errno != EINVAL && errno != ENOTSUP) bad = -1;
        why = errno;
        if (close(fd) && !bad) bad = -1, why = errno;
        if (!bad && rename(tmp, path)) bad = -1, why = errno, what = "put in place";
        if (bad) unlink(tmp);
    }
    if (!bad && sync_folder(path)) bad = -1, why = errno, what = "made safe on disk";
    memory_free(tmp);
    for (int i = 0; i < n; i++) all += pieces[i].n;
    if (bad)
        snprintf(error, size, "%s: can't be %s: %s (%.1f MB)%s", path, what, strerror(why), (double)all / 1e6,
                 access(path, F_OK) ? "" : "; the file that was there is unchanged");
    return bad ? TN_EIO : TN_OK;
}

int file_replace(const char *path, const void *bytes, size_t n, char *error, size_t size)
{
    return file_join(path, &(file_piece){ bytes, n }, 1, error, size);
}

int file_sha256(const char *path, char hex[65], char *error, size_t size)
{
    errno = 0;
    if (SHA256File(path, hex)) return TN_OK;
    snprintf(error, size, "%s: can't be read: %s", path, strerror(errno ? errno : EIO));
    return TN_EIO;
}
