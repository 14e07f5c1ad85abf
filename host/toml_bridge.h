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
#ifdef __cplusplus
}
#endif
#endif
