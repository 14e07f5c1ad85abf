/* commands.h -- the command line: one function a command, each in a file of its own. main.c has the table.
 * A command writes results to stdout and everything else to stderr, and returns the exit code.               */
#ifndef COMMANDS_H
#define COMMANDS_H
#include "registry.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_INPUT = 2, EXIT_INTERRUPTED = 130 };

typedef struct command_env {
    arena *memory;                        /* lives until the program ends                                      */
    const char *program;                  /* path of this executable, to start tenon-NAME beside it            */
    const char *const *plugin_path;       /* places to search, NULL-terminated: --plugin-path, TENON_PLUGIN_PATH, installed */
    const char *header_dir;               /* the folder that holds tenon/tenon.h, for `new`                     */
} command_env;

/* argv[0] is the command's own name; --plugin-path is already taken out. */
int command_train(int argc, char **argv, const command_env *);      /* train, resume                           */
int command_resume(int argc, char **argv, const command_env *);
int command_evaluate(int argc, char **argv, const command_env *);
int command_predict(int argc, char **argv, const command_env *);
int command_check(int argc, char **argv, const command_env *);
int command_explain(int argc, char **argv, const command_env *);
int command_list(int argc, char **argv, const command_env *);       /* command_list.c                           */
int command_describe(int argc, char **argv, const command_env *);
int command_version(int argc, char **argv, const command_env *);
int command_new(int argc, char **argv, const command_env *);        /* command_new.c                            */
#endif
