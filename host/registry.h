/* registry.h -- finds and loads plug-ins by kind and name. Knows kinds, never names.
 * "lstm" among the layers is <place>/layers/lstm.so, tried in --plugin-path, TENON_PLUGIN_PATH, the installed
 * folder. Where the processor allows it, lstm.v4.so or lstm.v3.so beside it is taken instead: the same source
 * compiled for x86-64-v4 / v3 (TENON_ISA=plain|v3|v4 asks for one). Only the file that was asked for is opened;
 * it stays loaded for ever.                                                                                  */
#ifndef REGISTRY_H
#define REGISTRY_H
#include "../include/tenon/tenon.h"
#include "memory.h"

typedef struct plugin_file {
    const tn_desc *desc;                   /* the part that was asked for                                    */
    const tn_plugin *plugin;
    const char *path;                      /* of the .so that was opened                                     */
    const char *hides;                     /* a later place has the same name: that file; else NULL          */
    const char *warning;                   /* what loading did to the processor's arithmetic (undone); or NULL */
} plugin_file;
typedef struct registry registry;

/* paths: places in order of search, NULL-terminated (from --plugin-path, then the environment, then installed). */
registry *registry_new(arena *, const char *const *paths, int isa);
int  registry_isa(void);                   /* from the processor and TENON_ISA: 0, 3 or 4                    */
/* The part, or NULL with a message in `error` (what, places searched, nearest name). A name with a slash is a file,
 * "./my_gate.so", or one part of it, "./gates.so:my_gate".                                                  */
const plugin_file *registry_find(registry *, uint32_t kind, const char *name, char *error, size_t size);
/* Opens one file and accepts it or says why not: the check of everything that crosses the border before any code of
 * the part runs. NULL with a message.                                                                        */
const tn_plugin *registry_open(registry *, const char *path, char *error, size_t size);
int  registry_count(const registry *);                                   /* files opened so far, for the lock */
const plugin_file *registry_opened(const registry *, int i);            /* desc: the part first asked for, or NULL */
/* The file that registry_find would open for a name without a slash, NULL: none. Opens nothing. */
const char *registry_path(registry *, uint32_t kind, const char *name);
/* Names of all parts of a kind in the search path (file names only, nothing is opened), sorted. */
const char *const *registry_names(registry *, uint32_t kind, int *n);
const char *kind_name(uint32_t kind);      /* "layer"; NULL past the last                                    */
const char *kind_folder(uint32_t kind);    /* "layers"                                                       */
uint32_t kind_of(const char *name);        /* 0: no such kind                                                */
#endif
