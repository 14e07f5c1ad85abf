/* kill_write.c -- preloaded into a training run: ends the process with SIGKILL in the middle of the n-th write to a
 * checkpoint, n = KILL_AT_WRITE, after half of its bytes. What a power cut does, at a moment that can be chosen.
 * At a normal end the number of such writes goes to the file that COUNT_WRITES names.                            */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_checkpoint(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0) return 0;
    path[n] = 0;
    return strstr(path, "/checkpoints/") != NULL;
}

static long calls;

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("COUNT_WRITES");
    FILE *f = path ? fopen(path, "w") : NULL;
    if (f) fprintf(f, "%ld\n", calls), fclose(f);
}

ssize_t write(int fd, const void *p, size_t n)
{
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "write");
    const char *at = getenv("KILL_AT_WRITE");
    if (is_checkpoint(fd) && ++calls == (at ? atol(at) : -1)) {
        real(fd, p, n / 2);
        raise(SIGKILL);
    }
    return real(fd, p, n);
}
