/* command_line.c -- what the commands share. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include "command_line.h"
#include "json.h"
#include "run_dir.h"

/* Options that take a value, and where it goes; the others are switches. */
static const char **value_of(arguments *a, const char *name)
{
    static const char *const names[] = { "run", "split", "format", "predictions", "backend", "seeds", "threads", "batch-size",
                                         "length", "temperature", "top-k", "top-p", "seed", "catalogue", "tries" };
    const char **to[] = { &a->run, &a->split, &a->format, &a->predictions, &a->backend, &a->seeds, &a->threads, &a->batch_size,
                          &a->length, &a->temperature, &a->top_k, &a->top_p, &a->seed, &a->catalogue, &a->tries };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name)) return to[i];
    return NULL;
}

static int *switch_of(arguments *a, const char *name)
{
    static const char *const names[] = { "json", "quiet", "no-data", "record", "recorded", "score" };
    int *to[] = { &a->json, &a->quiet, &a->no_data, &a->record, &a->recorded, &a->score };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name)) return to[i];
    return NULL;
}

static int is_allowed(const char *name, size_t n, const char *const *allowed)
{
    for (; *allowed; allowed++)
        if (strlen(*allowed) == n && !memcmp(*allowed, name, n)) return 1;
    return 0;
}

static int count_names(const char *const *names)
{
    int n = 0;
    while (names[n]) n++;
    return n;
}

int arguments_read(arguments *a, int argc, char **argv, const command_env *env, const char *const *allowed)
{
    const char *usage = env->usage;
    memset(a, 0, sizeof *a);
    a->set = arena_new(env->memory, sizeof *a->set * (size_t)(argc + 1));
    a->data_dirs = arena_new(env->memory, sizeof *a->data_dirs * (size_t)(argc + 2));
    a->rest = arena_new(env->memory, sizeof *a->rest * (size_t)(argc + 1));
    const char *next = strchr(usage, ' '); /* "RUN [FILE|-] [--set K=V]": what is no option may stand twice         */
    const char *dots = strstr(usage, "...]"), *option = strstr(usage, " [--");
    int takes_any = dots && (!option || dots < option), most = takes_any ? argc : next && strncmp(next, " [--", 4) ? 2 : 1;
    for (int i = 1; i < argc; i++) {
        const char *s = argv[i];
        if (strncmp(s, "--", 2)) {
            if (a->n_rest < most) a->rest[a->n_rest++] = s;
            else {
                fprintf(stderr, "tenon %s: one argument too many: '%s'\n", env->name, s);
                return usage_error(env);
            }
            continue;
        }
        const char *equal = strchr(s, '=');
        size_t n = equal ? (size_t)(equal - s - 2) : strlen(s + 2);
        char *name = arena_print(env->memory, "%.*s", (int)n, s + 2);
        if (!is_allowed(name, n, allowed)) {
            const char *near = nearest_name(name, allowed, count_names(allowed));
            fprintf(stderr, "tenon %s: no option '--%s'%s%s%s\n", env->name, name, near ? "; did you mean '--" : "",
                    near ? near : "", near ? "'?" : "");
            return usage_error(env);
        }
        int *flag = switch_of(a, name);
        if (flag) {
            *flag = 1;
            continue;
        }
        const char *value = equal ? equal + 1 : i + 1 < argc ? argv[++i] : NULL;
        if (!value) {
            fprintf(stderr, "tenon %s: --%s needs a value\n", env->name, name);
            return usage_error(env);
        }
        if (!strcmp(name, "set")) a->set[a->n_sets++] = value;
        else if (!strcmp(name, "data-dir")) a->data_dirs[a->n_data_dirs++] = value;
        else *value_of(a, name) = value;
    }
    a->file = a->rest[0];
    a->second = a->n_rest > 1 ? a->rest[1] : NULL;
    return a->file || *usage == '[' ? 0 : usage_error(env);
}

int arguments_number(const char *text, const char *name, int64_t min, int64_t max, int64_t otherwise, int64_t *out)
{
    *out = otherwise;
    if (!text) return 0;
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (!errno && !*end && end != text && *out >= min && *out <= max) return 0;
    fprintf(stderr, "tenon: --%s: '%s' is not a whole number in [%lld, %lld]\n", name, text, (long long)min, (long long)max);
    return EXIT_INPUT;
}

int arguments_real(const char *text, const char *name, double min, double max, double otherwise, double *out)
{
    *out = otherwise;
    if (!text) return 0;
    char *end;
    *out = strtod(text, &end);
    if (!*end && end != text && *out >= min && *out <= max) return 0;
    fprintf(stderr, "tenon: --%s: '%s' is not a number in [%g, %g]\n", name, text, min, max);
    return EXIT_INPUT;
}

int thread_count(const arguments *a, int *threads)
{
    cpu_set_t set;
    int64_t n, have = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
    if (arguments_number(a->threads, "threads", 1, 1024, have, &n)) return EXIT_INPUT;
    *threads = (int)n;
    return 0;
}

static void print_log(int level, const char *message)
{
    fprintf(stderr, "%s%s\n", level >= TN_LOG_WARNING ? "warning: " : "", message);
}

int failed(const experiment *e)
{
    if (diag_errors(e->messages)) {
        diag_print(e->messages, stderr);
        return EXIT_INPUT;
    }
    fprintf(stderr, "tenon: %s\n", e->host.error[0] ? e->host.error : "failed without a message");
    return EXIT_FAILED;
}

/* Says which plug-ins hide others of the same name, and which changed the processor's arithmetic as they were loaded. */
static void announce_plugins(const experiment *e)
{
    for (int i = 0; i < registry_count(e->context.plugins); i++) {
        const plugin_file *f = registry_opened(e->context.plugins, i);
        if (f->hides) fprintf(stderr, "using %s, which hides %s\n", f->path, f->hides);
        if (f->warning) fprintf(stderr, "warning: %s\n", f->warning);
    }
}

experiment *open_experiment(const char *path, const arguments *a, const command_env *env, int *code)
{
    const char **set = arena_new(env->memory, sizeof *set * (size_t)(a->n_sets + 2));
    int n = 0;
    for (; n < a->n_sets; n++) set[n] = a->set[n];
    if (a->backend) set[n++] = arena_print(env->memory, "backend=%s", a->backend);
    overrides o = { set, n, a->data_dirs, env->plugin_path };
    experiment *e = experiment_load(path, &o);
    e->host.log = print_log;
    announce_plugins(e);
    diag_print(e->messages, stderr);
    *code = diag_errors(e->messages) ? EXIT_INPUT : EXIT_DONE;
    if (*code == EXIT_DONE) return e;
    experiment_free(e);
    return NULL;
}

static void show_reading(void *to, const char *split, int64_t done, int64_t all)
{
    (void)to;
    if (done == all) fprintf(stderr, "read %s: %lld examples\n", split, (long long)all);
}

int read_data(experiment *e, int quiet)
{
    host_clear(&e->host);
    int rc = experiment_read_data(e, quiet ? NULL : show_reading, NULL);
    if (!rc) {
        diag_print(e->messages, stderr);
        return 0;
    }
    if (!diag_errors(e->messages) && e->host.error[0]) {
        fprintf(stderr, "%s\n", e->host.error);
        return EXIT_INPUT;
    }
    return failed(e);
}

void print_scores(const char *run, const score *s, int n, int json)
{
    for (int i = 0; i < n && !json; i++) printf("%-40s %.6g\n", s[i].name, s[i].value);
    if (!json) return;
    fputc('{', stdout);
    if (run) fputs("\"run\": ", stdout), json_text(stdout, run);
    for (int i = 0; i < n; i++) {
        if (i || run) fputs(", ", stdout);
        json_text(stdout, s[i].name);
        fputs(": ", stdout), json_number(stdout, s[i].value);
    }
    fputs("}\n", stdout);
}

experiment *open_run(const char *folder, const arguments *a, const command_env *env, int *code)
{
    const char *path = arena_print(env->memory, "%s/config.toml", folder);
    FILE *f = fopen(path, "rb");
    if (!f) {
        fprintf(stderr, "tenon: '%s' is no run: cannot read %s: %s\n", folder, path, strerror(errno));
        *code = EXIT_INPUT;
        return NULL;
    }
    fclose(f);
    arguments mine = *a;
    const char **recorded = run_dir_data(env->memory, folder);
    int n = 0, m = a->n_data_dirs;
    while (recorded[n]) n++;
    mine.data_dirs = arena_new(env->memory, sizeof *mine.data_dirs * (size_t)(n + m + 1));
    for (int i = 0; i < m; i++) mine.data_dirs[i] = a->data_dirs[i];
    for (int i = 0; i < n; i++) mine.data_dirs[m + i] = recorded[i];
    return open_experiment(path, &mine, env, code);
}
