/* main.c -- the command line: finds the plug-in folders, then hands over to the command. What is not among the
 * commands here is a program of its own beside this one: `tenon report` starts tenon-report.                    */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "commands.h"
#include "diag.h"

typedef struct command { const char *name; int (*run)(int, char **, const command_env *); const char *help; } command;
static const command commands[] = {
    { "train", command_train, "FILE [--set K=V] [--run DIR] [--threads N] [--seeds N] [--data-dir D]   train an experiment" },
    { "resume", command_resume, "RUN [--threads N]                  go on after an interruption or a crash" },
    { "evaluate", command_evaluate, "RUN [--split test] [--json]        loss and metrics over a split" },
    { "predict", command_predict, "RUN [FILE|-] [--format json]       one result for each line of text" },
    { "check", command_check, "FILE                               everything short of training" },
    { "explain", command_explain, "FILE                               graph, and every value with its source" },
    { "list", command_list, "[KIND]                             the parts that can be found" },
    { "describe", command_describe, "KIND/NAME [--format text|markdown|man|json]   options of a part" },
    { "new", command_new, "KIND NAME                          a plug-in to start from" },
    { "version", command_version, "                                   what this is" },
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void usage(FILE *f)
{
    fprintf(f, "tenon trains networks from experiment files.\n\nusage: tenon COMMAND [--plugin-path DIR] ...\n\n");
    for (int i = 0; i < COMMANDS; i++) fprintf(f, "  %-9s %s\n", commands[i].name, commands[i].help);
    fprintf(f, "  %-9s %s\n", "check-plugin", "FILE.so                         proves a plug-in against its contract");
}

static void out_of_memory(size_t wanted)
{
    fprintf(stderr, "tenon: no memory for %zu bytes\n", wanted);
    exit(EXIT_FAILED);
}

/* The folder of this executable. */
static const char *own_folder(arena *a)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0) return ".";
    path[n] = 0;
    return arena_text(a, dirname(path));
}

/* --plugin-path, then TENON_PLUGIN_PATH (an empty element means the built-in places), then the built-in places. */
static const char *const *plugin_places(arena *a, const char *const *asked, int n_asked, const char *folder)
{
    const char *env = getenv("TENON_PLUGIN_PATH");
    size_t most = (size_t)n_asked + (env ? 2 * strlen(env) : 0) + 8;
    const char **all = arena_new(a, sizeof *all * most);
    int n = 0, built_in = 0;
    for (int i = 0; i < n_asked; i++) all[n++] = asked[i];
    char *rest = env && *env ? arena_text(a, env) : NULL;
    for (char *part; rest && (part = strsep(&rest, ":")); ) {
        if (*part) all[n++] = part;
        else if (!built_in++) all[n++] = arena_print(a, "%s/plugins", folder), all[n++] = arena_print(a, "%s/../lib/tenon/plugins", folder);
    }
    if (!built_in) all[n++] = arena_print(a, "%s/plugins", folder), all[n++] = arena_print(a, "%s/../lib/tenon/plugins", folder);
    return all;
}

/* Starts tenon-NAME beside this program; returns only if there is none. */
static void start_program(arena *a, const char *folder, char **argv, const command_env *env)
{
    const char *path = arena_print(a, "%s/tenon-%s", folder, argv[0]);
    if (access(path, X_OK)) return;
    const char *places = "";
    for (int i = 0; env->plugin_path[i]; i++) places = arena_print(a, "%s%s%s", places, i ? ":" : "", env->plugin_path[i]);
    setenv("TENON_PLUGIN_PATH", places, 1);
    execv(path, argv);
}

int main(int argc, char **argv)
{
    static arena memory;
    memory_on_failure(out_of_memory);
    const char *folder = own_folder(&memory);
    const char **asked = arena_new(&memory, sizeof *asked * (size_t)(argc + 1));
    char **rest = arena_new(&memory, sizeof *rest * (size_t)(argc + 1));
    int n_asked = 0, n = 0;
    for (int i = 1; i < argc; i++) {
        if (!strncmp(argv[i], "--plugin-path=", 14)) asked[n_asked++] = argv[i] + 14;
        else if (!strcmp(argv[i], "--plugin-path") && i + 1 < argc) asked[n_asked++] = argv[++i];
        else rest[n++] = argv[i];
    }
    if (!n || !strcmp(rest[0], "--help") || !strcmp(rest[0], "help") || !strcmp(rest[0], "-h")) {
        usage(n ? stdout : stderr);
        return n ? EXIT_DONE : EXIT_INPUT;
    }
    if (!strcmp(rest[0], "--version")) rest[0] = (char[]){ "version" };
    const char *isa = getenv("TENON_ISA");
    if (isa && *isa && strcmp(isa, "plain") && strcmp(isa, "v3") && strcmp(isa, "v4")) {
        fprintf(stderr, "tenon: TENON_ISA is '%s'; it can be plain, v3 or v4\n", isa);
        return EXIT_INPUT;
    }
    command_env env = { &memory, arena_print(&memory, "%s/tenon", folder), plugin_places(&memory, asked, n_asked, folder),
                        arena_print(&memory, "%s/../include", folder) };
    const char *names[COMMANDS + 1];
    for (int i = 0; i < COMMANDS; i++) {
        names[i] = commands[i].name;
        if (strcmp(rest[0], commands[i].name)) continue;
        int rc = commands[i].run(n, rest, &env);
        if (fflush(stdout) || ferror(stdout)) {
            fprintf(stderr, "tenon: cannot write the output: %s\n", strerror(errno));
            if (rc == EXIT_DONE) rc = EXIT_FAILED;
        }
        return rc;
    }
    start_program(&memory, folder, rest, &env);
    names[COMMANDS] = "check-plugin";
    const char *near = nearest_name(rest[0], names, COMMANDS + 1);
    fprintf(stderr, "tenon: no command '%s'%s%s%s; `tenon help` lists them\n", rest[0], near ? "; did you mean '" : "",
            near ? near : "", near ? "'?" : "");
    return EXIT_INPUT;
}
