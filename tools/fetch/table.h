/* table.h -- the texts of some folders as the lines of one file. */
#ifndef TABLE_H
#define TABLE_H
#include "fetch.h"

typedef struct row { int folder; char *name, *text; size_t n; } row;
typedef struct table {
    row *v; size_t n, room;
    size_t text_room;                      /* of the last row's text                                             */
    int64_t limit, bytes;                  /* of all texts, the limit -1: none                                   */
} table;

int  table_row(const data_file *, const char *path); /* number of the folder that a path lies in; -1: none       */
int  table_begin(table *, const data_file *, const char *path);
int  table_add(void *table_, const void *bytes, size_t n); /* to the text of the row begun last                  */
int  table_write(table *, const data_file *, const char *to);
void table_free(table *);
#endif
