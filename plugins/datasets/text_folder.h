/* text_folder.h -- the files that a path stands for: itself, or all below a folder, in the order of their names byte by byte, so
 * that every machine reads them in the same one. Names that begin with a dot and symbolic links are left out. */
#ifndef TEXT_FOLDER_H
#define TEXT_FOLDER_H
#include <dirent.h>
#include <sys/stat.h>
#include "text_file.h"

typedef struct file_list { char **path; uint32_t n, room; } file_list;

static void file_list_free(file_list *l)
{
    for (uint32_t i = 0; i < l->n; i++) free(l->path[i]);
    free(l->path);
    *l = (file_list){ NULL, 0, 0 };
}

/* Takes over path. 0: no memory. */
static int file_list_add(file_list *l, char *path)
{
    if (path && l->n == l->room) {
        char **more = (char **)realloc(l->path, sizeof *more * (2 * (size_t)l->room + 16));
        if (!more) free(path), path = NULL;
        else l->path = more, l->room = 2 * l->room + 16;
    }
    if (path) l->path[l->n++] = path;
    return path != NULL;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Paths of the entries of a folder. 0, or < 0 after fail(). */
static int list_folder(const tn_api *api, tn_host *host, const char *path, file_list *to)
{
    DIR *d = opendir(path);
    if (!d) return tn_fail(api, host, TN_EIO, "cannot read '%s': %s", path, strerror(errno));
    int done = 1;
    for (struct dirent *e; done && (e = readdir(d)); ) {
        size_t n = strlen(path) + strlen(e->d_name) + 2;
        if (e->d_name[0] == '.') continue;
        char *entry = (char *)malloc(n);
        if (entry) snprintf(entry, n, "%s/%s", path, e->d_name);
        done = file_list_add(to, entry);
    }
    closedir(d);
    if (to->n) qsort(to->path, to->n, sizeof *to->path, by_name);
    return done ? TN_OK : api->fail(host, TN_ENOMEM, "no memory for the names of files");
}

/* Appends what path stands for; depth: folders that it lies in. */
static int list_texts(const tn_api *api, tn_host *host, const char *path, int depth, file_list *to)
{
    enum { DEEPEST = 64 };
    file_list in = { NULL, 0, 0 };
    struct stat st;
    if (depth && lstat(path, &st)) return tn_fail(api, host, TN_EIO, "cannot read '%s': %s", path, strerror(errno));
    if (depth ? !S_ISDIR(st.st_mode) : stat(path, &st) || !S_ISDIR(st.st_mode)) {
        if (depth && !S_ISREG(st.st_mode)) return TN_OK;
        return file_list_add(to, strdup(path)) ? TN_OK : api->fail(host, TN_ENOMEM, "no memory for the names of files");
    }
    if (depth == DEEPEST) return tn_fail(api, host, TN_EIO, "'%s': folders lie more than %d deep", path, DEEPEST);
    int rc = list_folder(api, host, path, &in);
    for (uint32_t i = 0; i < in.n && !rc; i++) rc = list_texts(api, host, in.path[i], depth + 1, to);
    file_list_free(&in);
    return rc;
}
#endif
