/* download.c -- one file over HTTP, by libcurl: into FILE.part, on from where that ends (Range), never more bytes than the
 * file may have, then size and SHA-256, then FILE. What may pass (a broken connection, 5xx) is tried again after 1, 2, 4 ...
 * seconds, `tries` attempts at most, counted anew after one that brought more; for all else the next URL is taken.         */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "../../host/file.h"
#include "../../host/host.h"
#include "fetch.h"

/* How an attempt ended: whole; worth another one; of no use here; of no use anywhere. */
typedef enum { GOT_ALL, TRY_AGAIN, TRY_ELSEWHERE, GIVE_UP } outcome;

typedef struct transfer {
    const download *d;
    CURL *curl;
    const char *part;                      /* path of FILE.part                                                  */
    int fd;
    int64_t from, have, all;               /* from: asked for from this byte on; all: -1 while unknown           */
    int64_t range_from;                    /* of the answer's Content-Range; -1: none                            */
    char location[200];                    /* where the answer sends one                                         */
    int begun;                             /* the first bytes of the answer are here                             */
    outcome end;                           /* why it was stopped from here, with what is wrong in `why`          */
    char why[400], curl_why[CURL_ERROR_SIZE];
    int quiet, terminal, line;
    double began, shown;
} transfer;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- progress -------------------------------------------------------------------------------------------------- */
/* Every 0.2 s on a terminal, every 30 s elsewhere. */
static void show(transfer *t)
{
    double at = now(), seconds = at - t->began;
    if (t->quiet || at - t->shown < (t->terminal ? 0.2 : 30)) return;
    t->shown = at;
    double rate = seconds > 0 ? (double)(t->have - t->from) / seconds : 0;
    fprintf(stderr, "%s%s  %.2f", t->terminal ? "\r" : "", t->d->file, (double)t->have / 1e6);
    if (t->all > 0) fprintf(stderr, " of %.2f", (double)t->all / 1e6);
    fprintf(stderr, " MB  %.2f MB/s", rate / 1e6);
    if (t->all > 0 && rate > 0) fprintf(stderr, "  %.0f s left", (double)(t->all - t->have) / rate);
    fprintf(stderr, "%s", t->terminal ? "\033[K" : "\n");
    t->line = t->terminal;
}

static void end_line(transfer *t)
{
    if (t->line) fputc('\n', stderr);
    t->line = 0;
}

static int on_progress(void *to, curl_off_t total, curl_off_t so_far, curl_off_t up, curl_off_t up_so_far)
{
    (void)total, (void)so_far, (void)up, (void)up_so_far;
    show(to);
    return interrupted();
}

/* ---- the answer ---------------------------------------------------------------------------------------------------- */
__attribute__((format(printf, 3, 4))) static size_t stop(transfer *t, outcome end, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(t->why, sizeof t->why, format, args);
    va_end(args);
    t->end = end;
    return 0; /* as a callback: not a byte was taken, so libcurl ends the transfer */
}

/* "Content-Range: bytes 100-199/200"; every answer on the way (redirects) begins anew. */
static size_t on_header(char *text, size_t size, size_t n, void *to)
{
    transfer *t = to;
    char line[200];
    snprintf(line, sizeof line, "%.*s", (int)(size * n < sizeof line ? size * n : sizeof line - 1), text);
    line[strcspn(line, "\r\n")] = 0;
    if (!strncmp(line, "HTTP/", 5)) t->range_from = -1, t->location[0] = 0;
    if (!strncasecmp(line, "Location:", 9))
        snprintf(t->location, sizeof t->location, "%s", line + 9 + strspn(line + 9, " \t"));
    const char *range = strncasecmp(line, "Content-Range:", 14) ? NULL : strstr(line, "bytes ");
    if (range) t->range_from = strtoll(range + 6, NULL, 10);
    return size * n;
}

/* Before the first byte: is this the rest that was asked for, the whole file, or neither? */
static size_t begin(transfer *t)
{
    long code = 0;
    curl_off_t length = -1;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &code);
    curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (code == 206 && t->range_from != t->from)
        return stop(t, TRY_ELSEWHERE, "it sends bytes from %lld on where %lld was asked for", (long long)t->range_from,
                    (long long)t->from);
    if (code != 206 && code != 200) return stop(t, TRY_ELSEWHERE, "it answers %ld", code);
    if (code == 200 && t->from) { /* it knows no ranges, or has another file now */
        tell("%s: the server does not go on in the middle; from the beginning", t->d->file);
        if (ftruncate(t->fd, 0) || lseek(t->fd, 0, SEEK_SET)) return stop(t, GIVE_UP, "%s: %s", t->part, strerror(errno));
        t->from = t->have = 0;
    }
    t->begun = 1;
    t->all = t->d->bytes > 0 ? t->d->bytes : length >= 0 ? t->from + length : -1;
    if (t->d->bytes > 0 && length >= 0 && t->from + length != t->d->bytes)
        return stop(t, TRY_ELSEWHERE, "it has another file: it announces %lld bytes, and the file has %lld",
                    (long long)(t->from + length), (long long)t->d->bytes);
    if (t->all > t->d->at_most)
        return stop(t, TRY_ELSEWHERE, "it has another file: it announces %lld bytes, and the file has %lld at most",
                    (long long)t->all, (long long)t->d->at_most);
    return 1;
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *to)
{
    transfer *t = to;
    n *= size;
    if (!t->begun && !begin(t)) return 0;
    if ((int64_t)n > t->d->at_most - t->have)
        return stop(t, TRY_ELSEWHERE, "it has another file: more than the %lld bytes that there may be",
                    (long long)t->d->at_most);
    for (size_t done = 0; done < n; ) {
        ssize_t wrote = write(t->fd, bytes + done, n - done);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0)
            return stop(t, GIVE_UP, "%s can't be written: %s", t->part,
                        wrote && errno == EFBIG ? "larger than a file may be here (ulimit -f)" : strerror(wrote ? errno : ENOSPC));
        done += (size_t)wrote;
        t->have += wrote;
    }
    return n;
}

/* ---- one attempt ----------------------------------------------------------------------------------------------------- */
static int may_pass(CURLcode rc, long code)
{
    switch (rc) {
    case CURLE_HTTP_RETURNED_ERROR: return code == 408 || code == 429 || code >= 500;
    case CURLE_COULDNT_CONNECT: case CURLE_OPERATION_TIMEDOUT: case CURLE_PARTIAL_FILE: case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR: case CURLE_GOT_NOTHING: case CURLE_SSL_CONNECT_ERROR: case CURLE_HTTP2: case CURLE_HTTP2_STREAM: return 1;
    default: return 0;
    }
}

static outcome judge(transfer *t, CURLcode rc)
{
    long code = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &code);
    if (interrupted()) return GIVE_UP;
    if (rc == CURLE_OK && (t->d->bytes < 0 || t->have == t->d->bytes)) return GOT_ALL;
    if (rc == CURLE_OK) stop(t, TRY_AGAIN, "it ends after %lld of %lld bytes", (long long)t->have, (long long)t->d->bytes);
    if (t->why[0]) return t->end;
    if (rc == CURLE_HTTP_RETURNED_ERROR && code == 416 && t->from) { /* what is here is no beginning of what is there */
        unlink(t->part);
        stop(t, TRY_AGAIN, "it has nothing from byte %lld on", (long long)t->from);
    } else if (rc == CURLE_HTTP_RETURNED_ERROR)
        stop(t, TRY_ELSEWHERE, "it answers %ld%s", code, code == 404 ? ", there is no such file" : "");
    else if (rc == CURLE_UNSUPPORTED_PROTOCOL)
        stop(t, TRY_ELSEWHERE, "it redirects to %s, and only http and https are followed", t->location);
    else if (rc == CURLE_TOO_MANY_REDIRECTS) stop(t, TRY_ELSEWHERE, "it redirects again and again");
    else stop(t, TRY_ELSEWHERE, "%s", t->curl_why[0] ? t->curl_why : curl_easy_strerror(rc));
    return may_pass(rc, code) ? TRY_AGAIN : t->end;
}

static void set_options(transfer *t, const char *url, const char *range)
{
    CURL *c = t->curl;
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 30L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L); /* a byte a second, for a minute: it hangs */
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, 60L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "tenon/" TENON_VERSION);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->curl_why);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
    if (t->from) curl_easy_setopt(c, CURLOPT_RANGE, range);
}

static outcome attempt(transfer *t, const char *url)
{
    char range[40];
    t->begun = 0, t->end = TRY_AGAIN, t->why[0] = t->curl_why[0] = 0, t->range_from = -1, t->all = t->d->bytes;
    t->fd = open(t->part, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (t->fd < 0) {
        stop(t, GIVE_UP, "%s can't be written: %s", t->part, strerror(errno));
        return GIVE_UP;
    }
    t->from = t->have = lseek(t->fd, 0, SEEK_END);
    snprintf(range, sizeof range, "%lld-", (long long)t->from);
    t->began = t->shown = now();
    t->curl = curl_easy_init();
    if (!t->curl) {
        close(t->fd);
        stop(t, GIVE_UP, "libcurl does not start");
        return GIVE_UP;
    }
    set_options(t, url, range);
    outcome end = judge(t, curl_easy_perform(t->curl));
    end_line(t);
    curl_easy_cleanup(t->curl);
    if (fsync(t->fd) && errno != EINVAL && errno != ENOTSUP && end == GOT_ALL) {
        stop(t, GIVE_UP, "%s can't be written: %s", t->part, strerror(errno));
        end = GIVE_UP;
    }
    close(t->fd);
    return end;
}

/* ---- all of them ----------------------------------------------------------------------------------------------------- */
/* Whether the file at `path` is the one that the catalogue pins, as far as it does. -1 after a message. */
static int is_pinned(const download *d, const char *path, char hex[65])
{
    struct stat s;
    char error[600];
    hex[0] = 0;
    if (stat(path, &s) || (d->bytes > 0 && s.st_size != d->bytes)) return 0;
    if (!d->sha256) return 1;
    if (file_sha256(path, hex, error, sizeof error)) return problem("%s", error), -1;
    return !strcmp(hex, d->sha256);
}

static void wait_seconds(double seconds)
{
    for (double end = now() + seconds; now() < end && !interrupted(); ) nanosleep(&(struct timespec){ 0, 50000000 }, NULL);
}

/* Attempts at one URL. most: the furthest that one has come; what does not get beyond that is in vain. */
static outcome try_url(transfer *t, const char *url, int tries)
{
    int64_t most = 0;
    for (int in_vain = 0, pause = 1;; pause = pause < 30 ? 2 * pause : 30) {
        int64_t before = most;
        outcome end = attempt(t, url);
        if (t->have > most) most = t->have;
        if (most > before && t->have > t->from) in_vain = 0, pause = 1;
        if (end == GOT_ALL || end == GIVE_UP) return end;
        in_vain++;
        int again = end == TRY_AGAIN && in_vain < tries;
        if (again) tell("%s: %s: %s; trying again in %d s", t->d->file, url, t->why, pause);
        else problem("%s: %s: %s", t->d->file, url, t->why);
        if (!again) return TRY_ELSEWHERE;
        wait_seconds(pause);
        if (interrupted()) return GIVE_UP;
    }
}

/* Tries a URL until it gives the pinned file; one that was put together of several attempts gets a second chance. */
static outcome get_pinned(transfer *t, const char *url, int tries)
{
    char hex[65];
    for (;;) {
        outcome end = try_url(t, url, tries);
        if (end != GOT_ALL) return end;
        int good = is_pinned(t->d, t->part, hex);
        if (good) return good > 0 ? GOT_ALL : GIVE_UP;
        unlink(t->part);
        if (!t->from) {
            problem("%s: %s: it has another file: SHA-256 %s, and it must be %s", t->d->file, url, hex, t->d->sha256);
            return TRY_ELSEWHERE;
        }
        tell("%s: what came in pieces does not fit together; from the beginning", t->d->file);
    }
}

int download_file(const download *d, const char *folder, int tries, int quiet)
{
    char path[PATH_MAX], part[PATH_MAX + 8], hex[65];
    struct stat s;
    if (snprintf(path, sizeof path, "%s/%s", folder, d->file) >= (int)sizeof path)
        return problem("'%s' is too long for a path", folder);
    snprintf(part, sizeof part, "%s.part", path);
    int there = is_pinned(d, path, hex);
    if (there) return there > 0 ? 0 : EXIT_FAILED;
    unlink(path);
    transfer t = { .d = d, .part = part, .quiet = quiet, .terminal = isatty(STDERR_FILENO) };
    outcome end = TRY_ELSEWHERE;
    if (!stat(part, &s) && (s.st_size > d->at_most || s.st_size == d->bytes)) { /* whole, or nothing of it is any good */
        there = is_pinned(d, part, hex);
        if (there < 0) return EXIT_FAILED;
        if (there && s.st_size == d->bytes) end = GOT_ALL;
        else unlink(part);
    }
    for (int i = 0; i < d->n_urls && end == TRY_ELSEWHERE; i++) end = get_pinned(&t, d->url[i], tries);
    if (interrupted()) return EXIT_INTERRUPTED;
    if (end == GIVE_UP) return problem("%s: %s", d->file, t.why);
    if (end != GOT_ALL) return EXIT_FAILED;
    return rename(part, path) ? problem("%s: can't be put in place: %s", path, strerror(errno)) : sync_folder_of(path);
}
