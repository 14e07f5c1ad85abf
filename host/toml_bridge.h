/* toml_bridge.h -- the one C++ file behind it is all the host sees of toml++. No exception leaves it. */
#ifndef TOML_BRIDGE_H
#define TOML_BRIDGE_H
#include "config.h"
#ifdef __cplusplus
extern "C" {
#endif
/* The tree of a TOML text, tables in the order of the file; NULL after an error went to diag. `file` names it in
 * messages and must live as long as the tree.                                                                */
config_value *toml_parse(arena *, const char *text, size_t n, const char *file, diag *);
/* One value, all of it at one place: an argument of --set, a default in an option table. NULL after an error, which
 * goes to diag unless that is NULL.                                                                          */
config_value *toml_value(arena *, const char *text, where, diag *);
/* Whether a text from elsewhere (the command line) is valid UTF-8. */
int toml_utf8(const char *text);
#ifdef __cplusplus
}
#endif
#endif
