/* main.c -- `tenon`: trains and resumes, and starts every other command, which is a program of its own beside this one:
 * `tenon check` starts tenon-check (tools/).                                                                  */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "command_line.h"
#include "diag.h"

/* The host's version and what it runs on: what a report of a mistake should hold. */
static int version(int argc, char **argv, const command_env *env)
{
    if (argc > 1) {
        fprintf(stderr, "tenon version: one argument too many: '%s'\n", argv[1]);
        return usage_error(env);
    }
    int isa = registry_isa();
    printf("tenon %s\n", TENON_VERSION);
    printf("border     ABI %d.%d (tenon.h)\n", TN_ABI_MAJOR, TENON_ABI_MINOR);
    printf("compiler   %s\n", __VERSION__);
    printf("processor  %s\n", isa == 4 ? "x86-64-v4" : isa == 3 ? "x86-64-v3" : "plain");
    for (int i = 0; env->plugin_path[i]; i++)
        printf("%s %s\n", i ? "          " : "plug-ins  ", env->plugin_path[i]);
    return EXIT_DONE;
}

/* What `tenon help` shows, in the order in which one needs it. A program that has no line here is started all the same.
 * run, usage: NULL: a program, which knows how it is called. */
typedef struct command { const char *name; command_fn *run; const char *help, *usage; } command;
static const command commands[] = {
    { "train", command_train, "FILE [--set K=V] [--run DIR] [--threads N] [--seeds N] [--data-dir D]   train an experiment",
      "FILE [--set K=V] [--run DIR] [--threads N] [--seeds N] [--backend B] [--data-dir D] [--json] [--quiet]" },
    { "resume", command_resume, "RUN [--threads N]                  go on after an interruption or a crash",
      "RUN [--threads N] [--data-dir D] [--json] [--quiet]" },
    { "evaluate", NULL, "RUN [--split test] [--json]        loss and metrics over a split" },
    { "predict", NULL, "RUN [FILE|-] [--format json]       one result for each line: labels, tags, forecasts, text" },
    { "check", NULL, "FILE                               everything short of training" },
    { "explain", NULL, "FILE                               graph, and every value with its source" },
    { "list", NULL, "[KIND]                             the parts that can be found" },
    { "describe", NULL, "KIND/NAME [--format text|markdown|man|json]   options of a part" },
    { "new", NULL, "KIND NAME                          a plug-in to start from" },
    { "version", version, "                                   what this is", "" },
    { "compare", NULL, "RUN...                             scores and times side by side, and the settings that differ" },
    { "verify", NULL, "[FILE...] [--recorded]             published figures: runs each seed, says what is reached" },
    { "fetch", NULL, "[NAME...] [--data-dir D]           public data sets, checked, in their places" },
    { "check-plugin", NULL, "FILE.so                         proves a plug-in against its contract" },
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void usage(FILE *f)
{
    fprintf(f, "tenon trains networks from experiment files.\n\nusage: tenon COMMAND [--plugin-path DIR] ...\n\n");
    for (int i = 0; i < COMMANDS; i++) fprintf(f, "  %-9s %s\n", commands[i].name, commands[i].help);
    fprintf(f, "\n`tenon help COMMAND` shows every option of one.\n");
}

/* Becomes tenon-NAME beside this program, with all the arguments but the name; returns only where that fails. */
static int start_program(const command_env *env, int argc, char **argv, const char *name)
{
    char *path = arena_print(env->memory, "%s/tenon-%s", env->folder, name);
    char **args = arena_new(env->memory, sizeof *args * (size_t)(argc + 1));
    int n = 0;
    args[n++] = path;
    for (int i = 1; i < argc; i++)
        if (argv[i] != name) args[n++] = argv[i];
    if (!access(path, X_OK)) {
        execv(path, args);
        fprintf(stderr, "tenon: cannot start %s: %s\n", path, strerror(errno));
        return EXIT_FAILED;
    }
    const char *names[COMMANDS];
    for (int i = 0; i < COMMANDS; i++) {
        names[i] = commands[i].name;
        if (strcmp(names[i], name)) continue;
        fprintf(stderr, "tenon: %s is not there: it belongs beside this program, unless a library that it needs was missing when "
                "it was built\n", path);
        return EXIT_FAILED;
    }
    const char *near = nearest_name(name, names, COMMANDS);
    fprintf(stderr, "tenon: no command '%s'%s%s%s; `tenon help` lists them\n", name, near ? "; did you mean '" : "",
            near ? near : "", near ? "'?" : "");
    return EXIT_INPUT;
}

static int means_help(const char *word) { return is_help(word) || !strcmp(word, "help"); }

static int run_command(int argc, char **argv)
{
    command_env env;
    int n = argc;
    char **rest = program_open(&env, &n, argv) + 1; /* the command and its arguments */
    if (--n < 1 || means_help(rest[0])) {
        usage(n > 0 ? stdout : stderr);
        return n > 0 ? EXIT_DONE : EXIT_INPUT;
    }
    if (!strcmp(rest[0], "--version")) rest[0] = arena_text(env.memory, "version");
    for (int i = 0; i < COMMANDS; i++) {
        if (!commands[i].run || strcmp(rest[0], commands[i].name)) continue;
        env.name = commands[i].name, env.usage = commands[i].usage;
        return program_run(&env, n, rest, commands[i].run);
    }
    return start_program(&env, argc, argv, rest[0]);
}

/* `tenon help NAME` is `tenon NAME --help`. */
int main(int argc, char **argv)
{
    char help[] = "--help", *asked[] = { argv[0], argc > 2 ? argv[2] : NULL, help, NULL };
    return argc > 2 && means_help(argv[1]) ? run_command(3, asked) : run_command(argc, argv);
}
