/* runs.c -- see runs.h. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "figures.h"
#include "runs.h"

/* Trains one seed, or goes on with it, unless it is done. */
static int train_seed(experiment *e, const arguments *a, const command_env *env, unsigned long long seed, const char *folder)
{
    char path[PATH_MAX];
    int n = 0;
    snprintf(path, sizeof path, "%s/results.json", folder);
    if (!access(path, R_OK)) return EXIT_DONE;
    snprintf(path, sizeof path, "%s/config.toml", folder);
    int begun = !access(path, R_OK);
    char **argument = arena_new(env->memory, sizeof *argument * (size_t)(20 + 2 * a->n_data_dirs));
    argument[n++] = arena_print(env->memory, "%s/tenon", env->folder);
    argument[n++] = arena_text(env->memory, begun ? "resume" : "train");
    argument[n++] = arena_text(env->memory, begun ? folder : e->path);
    if (!begun) {
        argument[n++] = arena_print(env->memory, "--set=seed=%llu", seed);
        argument[n++] = arena_print(env->memory, "--run=%s", folder);
    }
    for (int i = 0; i < a->n_data_dirs; i++) argument[n++] = arena_print(env->memory, "--data-dir=%s", a->data_dirs[i]);
    if (a->threads) argument[n++] = arena_print(env->memory, "--threads=%s", a->threads);
    if (a->quiet) argument[n++] = arena_text(env->memory, "--quiet");
    fprintf(stderr, "%s, seed %llu: %s\n", e->name, seed, folder);
    return start_tenon(argument, NULL);
}

static int make_folders(const char *path)
{
    char part[PATH_MAX];
    for (const char *s = path; s; s = strchr(s + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(s - path), path);
        if (s != path && mkdir(part, 0777) && errno != EEXIST) return -1;
    }
    return mkdir(path, 0777) && errno != EEXIST ? -1 : 0;
}

/* A run in the folder may be of an older file: then its figure is none of this one's. */
static int same_experiment(experiment *e, const char *folder, const command_env *env)
{
    char now[65], then[65];
    arguments none;
    int code;
    memset(&none, 0, sizeof none);
    none.data_dirs = arena_new(env->memory, sizeof *none.data_dirs);
    experiment *old = open_experiment(arena_print(env->memory, "%s/config.toml", folder), &none, env, &code);
    if (!old) return 0;
    record_digest(e, now);
    record_digest(old, then);
    experiment_free(old);
    return !strcmp(now, then);
}

int run_seeds(experiment *e, const arguments *a, const command_env *env, record *r)
{
    char error[900];
    double value[MOST_FIGURES];
    const published *p = &e->published;
    const char *parent = a->run ? a->run : "runs/verify", *folder = NULL;
    if (make_folders(parent)) {
        fprintf(stderr, "tenon: cannot make '%s': %s\n", parent, strerror(errno));
        return EXIT_FAILED;
    }
    r->first_seed = e->seed;
    for (int i = 0; i < p->seeds; i++) {
        unsigned long long seed = e->seed + (unsigned long long)i;
        folder = arena_print(env->memory, "%s/%s-seed%llu", parent, e->name, seed);
        int code = train_seed(e, a, env, seed, folder);
        if (code != EXIT_DONE) return code;
        if (!same_experiment(e, folder, env)) {
            fprintf(stderr, "tenon verify: %s is a run of another version of %s; remove it, or choose another --run DIR\n", folder,
                    e->path);
            return EXIT_INPUT;
        }
        if ((code = run_figures(e, a, env, folder, value))) return code;
        record_run(r, i, p, value, folder);
    }
    r->seeds = p->seeds;
    record_sum(r, p);
    if (!a->record || !record_write(r, e, folder, error, sizeof error)) return EXIT_DONE;
    fprintf(stderr, "tenon verify: %s\n", error);
    return EXIT_FAILED;
}
