/* figures.c -- see figures.h. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../../host/run_dir.h"
#include "figures.h"

/* ---- another command ---------------------------------------------------------------------------------------------- */
int start_tenon(char *const *argument, json_t **said)
{
    int ends[2] = { -1, -1 }, status = 0;
    if (said && pipe(ends)) return EXIT_FAILED;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (said ? dup2(ends[1], STDOUT_FILENO) < 0 : !freopen("/dev/null", "w", stdout)) _exit(127);
        if (said) close(ends[0]), close(ends[1]);
        execv(argument[0], argument);
        fprintf(stderr, "tenon: cannot start %s: %s\n", argument[0], strerror(errno));
        _exit(127);
    }
    if (said) {
        close(ends[1]);
        *said = child > 0 ? json_loadfd(ends[0], 0, NULL) : NULL;
        close(ends[0]);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

/* Scores on the training split; NULL after a message. */
static json_t *training_scores(const arguments *a, const command_env *env, const char *folder)
{
    json_t *scores = NULL;
    int n = 0;
    char **argument = arena_new(env->memory, sizeof *argument * (size_t)(10 + a->n_data_dirs));
    argument[n++] = arena_print(env->memory, "%s/tenon", env->folder);
    argument[n++] = arena_text(env->memory, "evaluate");
    argument[n++] = arena_text(env->memory, folder);
    argument[n++] = arena_text(env->memory, "--split=train");
    argument[n++] = arena_text(env->memory, "--json");
    for (int i = 0; i < a->n_data_dirs; i++) argument[n++] = arena_print(env->memory, "--data-dir=%s", a->data_dirs[i]);
    if (a->threads) argument[n++] = arena_print(env->memory, "--threads=%s", a->threads);
    int code = start_tenon(argument, &scores);
    if (code == EXIT_DONE && json_is_object(scores)) return scores;
    fprintf(stderr, "tenon verify: %s cannot be evaluated on its training split\n", folder);
    json_decref(scores);
    return NULL;
}

/* ---- figures ------------------------------------------------------------------------------------------------------ */
static int no_score(const figure *f, const char *folder, json_t *scores)
{
    const char *name;
    json_t *ignored;
    fprintf(stderr, "tenon verify: ");
    if (f->at.line) fprintf(stderr, "%s:%d:%d: ", f->at.file, f->at.line, f->at.column);
    fprintf(stderr, "%s has no finite score '%s'; it has", folder, f->metric);
    json_object_foreach(scores, name, ignored) {
        fprintf(stderr, " %s", name);
    }
    fprintf(stderr, "; how a run ended are run.stopped and run.steps\n");
    return EXIT_FAILED;
}

/* Of a name that begins with "run.", which published.c has looked at. */
static double end_of(json_t *results, const char *metric)
{
    const char *why = json_string_value(json_object_get(results, "stopped"));
    int stopped = why && strcmp(why, RUN_EPOCHS_DONE) != 0;
    if (!strcmp(metric, "run.stopped")) return stopped;
    return stopped ? (double)json_integer_value(json_object_get(results, "step")) : NAN;
}

int run_figures(experiment *e, const arguments *a, const command_env *env, const char *folder, double *value)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/results.json", folder);
    json_t *results = json_load_file(path, 0, NULL), *training = NULL;
    int code = results ? EXIT_DONE : EXIT_FAILED;
    if (!results) fprintf(stderr, "tenon verify: %s has no results.json\n", folder);
    for (int k = 0; code == EXIT_DONE && k < e->published.n; k++) {
        const figure *f = &e->published.figure[k];
        json_t *scores = json_object_get(results, "scores");
        if (!strncmp(f->metric, "run.", 4)) {
            value[k] = end_of(results, f->metric);
            continue;
        }
        if (!strncmp(f->metric, "train.", 6)) {
            if (!training && !(training = training_scores(a, env, folder))) code = EXIT_FAILED;
            scores = training;
        }
        json_t *v = json_object_get(scores, f->metric);
        if (json_is_number(v)) value[k] = json_number_value(v);
        else if (code == EXIT_DONE) code = no_score(f, folder, scores);
    }
    json_decref(training);
    json_decref(results);
    return code;
}
