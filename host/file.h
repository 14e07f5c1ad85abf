/* file.h -- writes a file so that a crash at any moment leaves the old one or the new one: NAME.tmp, fsync, rename, fsync
 * of the folder. And its SHA-256. 0, or < 0 with a message that names the file and the cause (disk full ...).  */
#ifndef FILE_H
#define FILE_H
#include <stddef.h>

typedef struct file_piece { const void *bytes; size_t n; } file_piece;
int file_join(const char *path, const file_piece *, int n, char *error, size_t size); /* the pieces as one file */
int file_replace(const char *path, const void *bytes, size_t n, char *error, size_t size);
int file_sha256(const char *path, char hex[65], char *error, size_t size);           /* 64 digits + NUL        */
#endif
