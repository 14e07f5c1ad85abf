/* accept.h -- the check of everything that crosses the border, made before any code of a part runs. */
#ifndef ACCEPT_H
#define ACCEPT_H
#include <stddef.h>
#include "../include/tenon/tenon.h"

/* 0: the record and its parts can be used. Else < 0 and every difference in `error`, one sentence each, joined by
 * "; " and beginning with the file. `path` is for the message alone.                                        */
int accept_plugin(const tn_plugin *, const char *path, char *error, size_t size);
/* [a-z][a-z0-9_]*: what parts, options and ports may be called. */
int accept_name(const char *name);
#endif
