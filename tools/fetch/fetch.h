/* fetch.h -- what the pieces of `tenon fetch` share: the catalogue, and the steps from a URL to a data set in its place.
 *
 *     D/NAME/             a data set, as experiments name its files; it appears there whole, by one rename
 *     D/NAME.part/        while it is being fetched: FILE.part and FILE, what is downloaded; made/, what becomes D/NAME
 *
 * Every byte that ends in D/NAME is pinned: by the SHA-256 of the download, or by that of the file made of it.     */
#ifndef FETCH_H
#define FETCH_H
#include "../../host/config.h"
#include "../../host/program.h"

typedef struct download {
    const char *file;                      /* its name in NAME.part                                              */
    const char **url; int n_urls;          /* the same bytes at several places                                   */
    int64_t bytes, at_most;                /* exact size, -1: not known; never read more than at_most            */
    const char *sha256;                    /* NULL: what is made of it is pinned                                 */
} download;

/* What becomes of a download: the file itself; one file of an archive; the texts in folders of an archive as one table; some
 * folders of an archive as another archive, or as files.                                                        */
typedef enum { MAKE_COPY, MAKE_MEMBER, MAKE_TABLE, MAKE_ARCHIVE, MAKE_FOLDER } making;

typedef struct labelled { const char *folder, *label; } labelled;

typedef struct data_file {
    const char *path;                      /* in D/NAME; MAKE_FOLDER: may be ".", the whole of D/NAME            */
    const download *from;                  /* NULL: put there by hand                                            */
    making how;
    const char *member;                    /* MEMBER: its path in the archive; "*": the only file in it          */
    labelled *rows; int n_rows;            /* TABLE                                                              */
    const char *top;                       /* ARCHIVE: folder that all is put under                              */
    const char **take; int n_take;         /* ARCHIVE, FOLDER: these folders of the download; 0: all             */
    int64_t bytes;                         /* of the file; ARCHIVE, FOLDER: of all files in it; -1: not known    */
    const char *sha256;                    /* ARCHIVE, FOLDER: of its list of contents, see contents_*           */
} data_file;

typedef struct data_set {
    const char *name, *title, *home, *terms;
    const char *by_hand;                   /* why it is not fetched, and where it is to be had; NULL             */
    download *downloads; int n_downloads;
    data_file *files; int n_files;
    where at;
} data_set;

typedef struct catalogue { data_set *set; int n; } catalogue;

/* ---- catalogue.c */
/* The built-in sets, then those of `path` (NULL: none), which go before built-in ones of the same name. */
void catalogue_read(arena *, const char *path, catalogue *, diag *);
const data_set *catalogue_find(const catalogue *, const char *name);
int64_t download_size(const data_set *, int *is_exact);     /* of all its downloads, at most                    */

/* ---- messages.c: to stderr, their control characters made harmless; the code of a failure, EXIT_FAILED. */
int  problem(const char *format, ...) __attribute__((format(printf, 1, 2)));
void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
void watch_signals(void);                  /* from here on Ctrl-C and SIGTERM are only noted                      */
int  interrupted(void);                    /* one of them came: stop soon, with EXIT_INTERRUPTED                  */

/* ---- download.c: 0 or an exit code, after a message. */
/* Leaves the whole file as folder/FILE, going on from folder/FILE.part where that is there. */
int download_file(const download *, const char *folder, int tries, int quiet);

/* ---- place.c: files and folders */
typedef struct sink { int fd; int64_t written, limit; const char *path; } sink;
int  sink_open(sink *, const char *path, int64_t limit);     /* a new file, and the folders above it            */
int  sink_write(sink *, const void *bytes, size_t n);        /* fails beyond the limit                           */
int  sink_close(sink *);                                     /* on disk, fsync                                   */
int  make_folders(const char *path, int and_last);           /* as mkdir -p; and_last: the last component, too   */
int  sync_file(const char *path);
int  sync_folder_of(const char *path);                       /* makes the name of a new file or folder last      */
int  remove_tree(const char *path);
/* What is wrong with a path that must stay in its folder ("leaves the folder by '..'"), or NULL. */
const char *path_fault(const char *path);

/* ---- unpack.c */
/* Makes one file of a downloaded archive (any but MAKE_COPY) as `to`. */
int unpack(const data_file *, const char *archive, const char *to);
/* SHA-256 of the list of contents, a line "SHA-256  PATH" for each file, sorted by path as bytes:
 *     find . -type f | sed 's|^./||' | LC_ALL=C sort | xargs sha256sum | sha256sum
 * of what is under `top` and in the folders `take`, in an archive or in a folder; and all their bytes.           */
int contents_of(const data_file *, const char *path, char hex[65], int64_t *bytes);
#endif
