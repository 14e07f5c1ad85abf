/* config_merge.h -- inheritance between experiment files: dotted paths, merging, [set] and `remove`. */
#ifndef CONFIG_MERGE_H
#define CONFIG_MERGE_H
#include "config.h"

enum { PATH_PARTS = 34 };
typedef struct key_path { const char *part[PATH_PARTS]; int n; } key_path;

/* Splits "layer.encoder.units"; parts may be quoted. 0, or -1 after an error. */
int  path_read(arena *, const char *text, key_path *, where, diag *);
/* Gives the value at a path of root a new one. Every part but the last must exist. */
void merge_set(arena *, config_value *root, const key_path *, config_value *value, where, diag *);
/* Takes `extends`, `set` and `remove` out of the child and applies them to base, what it extends. base NULL: it
 * extends nothing; then they are errors, and so are `before` and `after`.                                    */
void merge_orders(arena *, config_value *base, config_value *child, diag *);
/* Puts everything else of the child into base. */
void merge_tables(arena *, config_value *base, config_value *child, diag *);
#endif
