/* program.c -- the frame of a program: where it lies, where plug-ins are looked for, the end of its output. */
#include <errno.h>
#include <libgen.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "program.h"

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
        else if (!built_in++) {
            all[n++] = arena_print(a, "%s/plugins", folder);
            all[n++] = arena_print(a, "%s/../lib/tenon/plugins", folder);
        }
    }
    if (!built_in) all[n++] = arena_print(a, "%s/plugins", folder), all[n++] = arena_print(a, "%s/../lib/tenon/plugins", folder);
    return all;
}

char **program_open(command_env *env, int *argc, char *const *argv)
{
    static arena memory;
    const char **asked = arena_new(&memory, sizeof *asked * (size_t)(*argc + 1));
    char **rest = arena_new(&memory, sizeof *rest * (size_t)(*argc + 2));
    int n_asked = 0, n = 0;
    for (int i = 0; i < *argc; i++) {
        if (!strncmp(argv[i], "--plugin-path=", 14)) asked[n_asked++] = argv[i] + 14;
        else if (!strcmp(argv[i], "--plugin-path") && i + 1 < *argc) asked[n_asked++] = argv[++i];
        else rest[n++] = argv[i];
    }
    *argc = n;
    env->memory = &memory;
    env->folder = own_folder(&memory);
    env->plugin_path = plugin_places(&memory, asked, n_asked, env->folder);
    return rest;
}

static void print_usage(const command_env *env, FILE *f)
{
    fprintf(f, "usage: tenon %s%s%s\n", env->name, *env->usage ? " " : "", env->usage);
}

int usage_error(const command_env *env)
{
    print_usage(env, stderr);
    return EXIT_INPUT;
}

int is_help(const char *word) { return !strcmp(word, "--help") || !strcmp(word, "-h"); }

static int asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (is_help(argv[i])) return 1;
    return 0;
}

static int show_help(int argc, char **argv, const command_env *env)
{
    (void)argc, (void)argv;
    print_usage(env, stdout);
    return EXIT_DONE;
}

int program_run(const command_env *env, int argc, char **argv, command_fn *run)
{
    memory_on_failure(out_of_memory);
#ifdef M_MMAP_THRESHOLD
    mallopt(M_MMAP_THRESHOLD, 128 << 10);  /* the usual one, kept from growing: buffers that grow with the batches go back whole */
#endif
    const char *isa = getenv("TENON_ISA");
    if (isa && *isa && strcmp(isa, "plain") && strcmp(isa, "v3") && strcmp(isa, "v4")) {
        fprintf(stderr, "tenon: TENON_ISA is '%s'; it can be plain, v3 or v4\n", isa);
        return EXIT_INPUT;
    }
    int code = (asks_for_help(argc, argv) ? show_help : run)(argc, argv, env);
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "tenon: cannot write the output: %s\n", strerror(errno));
        if (code == EXIT_DONE) code = EXIT_FAILED;
    }
    return code;
}

int program_main(const char *name, const char *usage, int argc, char **argv, command_fn *run)
{
    command_env env = { .name = name, .usage = usage };
    char **rest = program_open(&env, &argc, argv);
    rest[0] = arena_text(env.memory, name);
    return program_run(&env, argc, rest, run);
}
