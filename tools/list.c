/* list.c -- `tenon list`. Each file is opened in a child process, so that one that crashes
 * or hangs is one line of the list and not the end of it.                                                   */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../host/command_line.h"
#include "../host/registry.h"

enum { SECONDS_TO_OPEN = 10 };

/* What a child learned about a file: 'y' and the brief, or 'n' and why it was refused. */
static void tell_parent(registry *r, uint32_t kind, const char *name, int to)
{
    char text[2048] = "y";
    int quiet = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (quiet >= 0) dup2(quiet, STDOUT_FILENO), dup2(quiet, STDERR_FILENO);  /* code that runs while it is loaded  */
    alarm(SECONDS_TO_OPEN);
    const plugin_file *f = registry_find(r, kind, name, text + 1, sizeof text - 1);
    if (f) snprintf(text + 1, sizeof text - 1, "%s", f->desc->brief);
    else *text = 'n';
    size_t n = strlen(text);
    _exit(write(to, text, n) == (ssize_t)n ? 0 : 1);
}

/* The brief of a part in *brief, or NULL there and the reason why it can't be used as the answer. */
static const char *ask_child(arena *memory, registry *r, uint32_t kind, const char *name, const char **brief)
{
    int ends[2], status = 0;
    char text[2049];
    size_t n = 0;
    ssize_t got;
    const char *path = registry_path(r, kind, name);
    *brief = NULL;
    if (pipe2(ends, O_CLOEXEC)) return arena_text(memory, strerror(errno));
    fflush(stdout);
    pid_t child = fork();
    if (!child) tell_parent(r, kind, name, ends[1]);
    close(ends[1]);
    while (child > 0 && n < sizeof text - 1 && (got = read(ends[0], text + n, sizeof text - 1 - n)) != 0) {
        if (got < 0 && errno != EINTR) break;
        if (got > 0) n += (size_t)got;
    }
    text[n] = 0;
    close(ends[0]);
    if (child < 0) return arena_text(memory, strerror(errno));
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) { }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        return arena_print(memory, "was not opened within %d seconds: %s", SECONDS_TO_OPEN, path);
    if (WIFSIGNALED(status))
        return arena_print(memory, "crashed as it was opened (%s): %s", strsignal(WTERMSIG(status)), path);
    if (!n) return arena_print(memory, "ended the program as it was opened: %s", path);
    if (*text == 'y') *brief = arena_text(memory, text + 1);
    return *brief ? NULL : arena_text(memory, text + 1);
}

/* The parts of one kind, as lines or as JSON objects. How many there are. */
static int list_kind(const command_env *env, registry *r, uint32_t kind, json_t *json)
{
    int n = 0;
    size_t widest = 0;
    const char *const *names = registry_names(r, kind, &n);
    for (int i = 0; i < n; i++)
        if (strlen(names[i]) > widest) widest = strlen(names[i]);
    if (n && !json) printf("%s\n", kind_folder(kind));
    for (int i = 0; i < n; i++) {
        const char *brief, *why = ask_child(env->memory, r, kind, names[i], &brief);
        if (json)
            json_array_append_new(json, json_pack("{s:s, s:s, s:s?, s:s?, s:s}", "kind", kind_name(kind), "name",
                                                  names[i], "brief", brief, "error", why, "file",
                                                  registry_path(r, kind, names[i])));
        else printf("  %-*s  %s%s\n", (int)widest, names[i], brief ? "" : "cannot be used: ", brief ? brief : why);
    }
    return n;
}

static int list(int argc, char **argv, const command_env *env)
{
    static const char *const allowed[] = { "json", NULL };
    arguments a;
    int n = 0, code = arguments_read(&a, argc, argv, env, allowed);
    if (code) return code;
    uint32_t only = a.file ? kind_of(a.file) : 0;
    if (a.file && !only) {
        const char *kinds[TN_KINDS];
        for (uint32_t k = 1; k < TN_KINDS; k++) kinds[k - 1] = kind_name(k);
        const char *near = nearest_name(a.file, kinds, TN_KINDS - 1);
        fprintf(stderr, "tenon list: no kind of part is called '%s'%s%s%s; the kinds are", a.file, near ? "; did you mean '" : "",
                near ? near : "", near ? "'?" : "");
        for (uint32_t k = 1; k < TN_KINDS; k++) fprintf(stderr, " %s", kind_name(k));
        fprintf(stderr, "\n");
        return EXIT_INPUT;
    }
    registry *r = registry_new(env->memory, env->plugin_path, registry_isa());
    json_t *all = a.json ? json_array() : NULL;
    for (uint32_t k = 1; k < TN_KINDS; k++)
        if (!only || k == only) n += list_kind(env, r, k, all);
    if (a.json) {
        json_dumpf(all, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(all);
    }
    if (!n) {
        fprintf(stderr, "tenon list: nothing was found; looked in");
        for (int i = 0; env->plugin_path[i]; i++) fprintf(stderr, "%s %s", i ? "," : "", env->plugin_path[i]);
        fprintf(stderr, "\n");
    }
    return EXIT_DONE;
}

int main(int argc, char **argv) { return program_main("list", "[KIND] [--json]", argc, argv, list); }
