/* config.h -- an experiment file as a tree of values, each with the place it came from.
 * config_load reads a TOML file with its `extends`, applies [set], `remove` and --set, and gives one merged
 * tree. It knows TOML and the rules of inheritance, and nothing of what the keys mean.                       */
#ifndef CONFIG_H
#define CONFIG_H
#include "diag.h"
#include "memory.h"

typedef enum { CONFIG_STRING = 1, CONFIG_INT, CONFIG_REAL, CONFIG_BOOL, CONFIG_ARRAY, CONFIG_TABLE } config_type;

typedef struct config_value {
    config_type type;
    const char *key;                       /* NULL in an array                                               */
    where at, key_at;                      /* of the value; of its key                                       */
    const char *text;                      /* STRING                                                         */
    int64_t integer;                       /* INT, BOOL                                                      */
    double real;                           /* REAL, and INT as a double                                      */
    struct config_value **item; int n;     /* ARRAY, TABLE: in the order of the file                         */
    int used;                              /* set by whoever understood it                                   */
    int entries;                           /* ARRAY written as [[key]]: its entries are inherited by name    */
} config_value;

/* The merged tree. Errors go to diag, several where the file has several; NULL only where there is no tree to go on
 * with (a file cannot be read, is not TOML, or extends itself), so that a wrong path in [set] hides no other mistake.
 * sets: n arguments of --set, "layer.encoder.units=256". Everything lives in the arena.                     */
config_value *config_load(arena *, const char *path, const char *const *sets, int n_sets, diag *);

config_value *config_get(const config_value *table, const char *key);          /* NULL: absent               */
const char *config_type_name(config_type);                                      /* "a string", "an integer"   */
/* Typed reading of optional keys: mark as used, complain to diag about a wrong type or range, and give
 * `otherwise` when absent or wrong.                                                                          */
const char *config_text(config_value *table, const char *key, const char *otherwise, diag *);
int64_t config_int(config_value *table, const char *key, int64_t otherwise, int64_t min, int64_t max, diag *);
double  config_real(config_value *table, const char *key, double otherwise, double min, double max, diag *);
int     config_bool(config_value *table, const char *key, int otherwise, diag *);
/* Strings of a key that may hold one string or an array of them; n in *n. */
const char **config_texts(arena *, config_value *table, const char *key, int *n, diag *);
/* One error for each key of the table that is not `used`, with did-you-mean among `allowed`; a key that is valid
 * in another table is told so (`elsewhere`: pairs, "seed" and "above the first table"; NULL-terminated; may be NULL).
 * table_name: "training", or in words, "the top level", "field 'text'".                                      */
void config_unused(const config_value *table, const char *table_name, const char *const *allowed, int n_allowed,
                   const char *const (*elsewhere)[2], diag *);
/* The value as TOML text (inline), for `explain`, the resolved file and checkpoints. */
char *config_print(arena *, const config_value *);
/* The whole tree as a TOML document that loads to the same tree; a line whose value does not come from the file
 * `main_file` has its source as a comment; NULL: every line has.                                            */
char *config_document(arena *, const config_value *root, const char *main_file);
/* Parses one TOML value or inline table, e.g. a default "{ type = 'constant', value = 1.0 }". A bare word is a
 * string. NULL after an error.                                                                               */
config_value *config_parse_value(arena *, const char *text, where, diag *);
/* The name of an entry of an array of tables: its `name`, else its `type`, else NULL. */
const char *config_entry_name(const config_value *entry);
/* For messages: what stands there, "an integer: 5", cut where it is long. */
void config_seen(const config_value *, char *to, size_t size);
/* Whether v lies outside the range; then the words for it: "0 is outside [1, 65536]", "-1 is less than 0, the least
 * allowed". shown: v as the user wrote it. open: 1 min, 2 max are not allowed themselves.                    */
int  config_outside(double v, const char *shown, double min, double max, int open, char *to, size_t size);
#endif
