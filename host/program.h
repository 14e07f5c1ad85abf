/* program.h -- what `tenon` and every program beside it (tools/) begin and end with. `tenon NAME ...` starts tenon-NAME
 * with the same arguments, and each reads --plugin-path and finds its folders by itself, when started by hand, too.
 * A command writes results to stdout and everything else to stderr, and returns the exit code.               */
#ifndef PROGRAM_H
#define PROGRAM_H
#include "memory.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_INPUT = 2, EXIT_INTERRUPTED = 130 };

typedef struct command_env {
    arena *memory;                        /* lives until the program ends                                      */
    const char *name, *usage;             /* of the command: "evaluate", and what stands behind that: "RUN [--json]" */
    const char *folder;                   /* of this executable: tenon and tenon-NAME lie there                */
    const char *const *plugin_path;       /* places to search, NULL-terminated: --plugin-path, TENON_PLUGIN_PATH, installed */
} command_env;

/* argv[0] is the command's own name; --plugin-path is already taken out. */
typedef int command_fn(int argc, char **argv, const command_env *);

/* Fills the environment. The arguments without --plugin-path DIR, the program's own name still first. */
char **program_open(command_env *, int *argc, char *const *argv);
/* Runs a command to the exit code of the process: what it wrote is out, or the user knows why not. --help anywhere among
 * its arguments shows its usage instead. */
int  program_run(const command_env *, int argc, char **argv, command_fn *);
/* Both: the whole main of the program tenon-NAME. */
int  program_main(const char *name, const char *usage, int argc, char **argv, command_fn *);
/* --help or -h. */
int  is_help(const char *word);
/* Shows on stderr how the command is called; EXIT_INPUT. */
int  usage_error(const command_env *);
#endif
