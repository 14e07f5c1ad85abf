/* part.h -- one plug-in part in use: its description, its validated config and its own memory. */
#ifndef PART_H
#define PART_H
#include "config.h"
#include "registry.h"

struct tn_part {
    uint32_t kind;
    const char *type;                      /* "lstm"                                                         */
    const char *name;                      /* "encoder": the user's, or the type                             */
    const tn_desc *desc;                   /* NULL: there is no such part, which diag has been told          */
    const plugin_file *file;
    void *config, *self;                   /* self: set by part_open                                         */
    config_value *table;                   /* where it was written; NULL where it stands for a bare name     */
    where at;
    struct tn_part *opened_before;         /* the list that part_close_all walks                             */
    int listed;
};

/* What making parts needs; one for each experiment. */
typedef struct part_context {
    arena *memory;
    registry *plugins;
    diag *messages;
    const char *const *data_dirs;          /* for TN_O_PATH, in order, NULL-terminated                       */
    /* Size of a named field for TN_O_SIZE options ("units = 'tags'"): >= 0, or -1 where there is no such field.
     * 0: the field exists, its size is not known yet.                                                        */
    int64_t (*size_of)(void *to, const char *field);
    const char *const *(*field_names)(void *to, int *n);
    void *to;
    tn_host *host; const tn_api *api;      /* handed to check() and open()                                   */
    const char *const (*elsewhere)[2];     /* keys that belong into other tables, as for config_unused; may be NULL */
    tn_part *opened;                       /* all parts that were ever opened, the newest first              */
    int64_t stand_in;                      /* of a size that is not known yet; 0: 2                          */
} part_context;

/* A part from `value`: a string (its type) or a table with `type` (default_type where the table has none; may be
 * NULL: required). Validates every key against the option table, host_keys (NULL-terminated; the caller's own keys,
 * left alone), fills the config struct with defaults, runs desc->check. All mistakes go to diag; the result is
 * never NULL, but its desc is where the type is unknown, and its options were then not looked at.             */
tn_part *part_make(part_context *, uint32_t kind, config_value *value, const char *default_type, const char *const *host_keys);
/* Allocates self and calls desc->open. 0, or < 0 with the message in host->error (tenon's fail). */
int  part_open(part_context *, tn_part *);
void part_close(tn_part *);
void part_close_all(part_context *);       /* those that are still open, the newest first                    */
/* options.c: fills config from table. Used by part_make and by tests. */
void options_fill(part_context *, const tn_desc *, config_value *table, where at, const char *const *host_keys, void *config);
/* place.c: n values at `from`, `stride` bytes apart, came from these items. */
void place_note(part_context *, const void *from, size_t stride, int n, config_value *const *item);
/* Value of option `i` in a filled config as TOML text, for explain and describe. */
char *options_print(arena *, const tn_option *, const void *config);
#endif
