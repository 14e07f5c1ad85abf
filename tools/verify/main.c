/* main.c -- `tenon verify`: trains experiments that have a [published] block, each with the seeds that it asks for, and says
 * which figures are reached. A miss stays in the table as a miss.
 *
 *     tenon verify [FILE...]              trains; runs that are finished in --run DIR (runs/verify) count, others go on
 *     tenon verify --record [FILE...]     and keeps what came out in recorded/ beside each file
 *     tenon verify --recorded [FILE...]   trains nothing: the records, as far as they belong to the files as they are
 *
 * Without FILE: every file of experiments/published, and of the folders in it, that has such a block. Exit 1: a figure was
 * missed in training, or a record is missing, stale or incomplete. Where data are not here the verdict says that they were not
 * compared with those of the record. */
#include <errno.h>
#include <glob.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../../host/command_line.h"
#include "../shared/published.h"
#include "../shared/wiring.h"
#include "record.h"

/* [published] of a file. */
typedef struct published {
    const char *metric;
    double value;
    int has_value, seeds;
    const config_value *accept;
} published;

static int read_published(experiment *e, published *p)
{
    const config_value *t = config_get(e->root, "published"), *v;
    memset(p, 0, sizeof *p);
    if (!t || !(v = config_get(t, "metric"))) {
        fprintf(stderr, "tenon verify: %s has no [published] with a metric\n", e->path);
        return EXIT_INPUT;
    }
    p->metric = v->text;
    if ((v = config_get(t, "value"))) p->value = v->real, p->has_value = 1;
    p->accept = config_get(t, "accept");
    v = p->accept ? config_get(p->accept, "seeds") : NULL;
    p->seeds = v ? (int)v->integer : 1;
    return EXIT_DONE;
}

/* ---- the verdict ------------------------------------------------------------------------------------------------ */
/* As missed_by(), of `parity_mean` and `parity_error`: another program's mean over its seeds, and the standard error of that.
 * The means must lie within two standard errors of their difference:
 *     |a - b| <= 2 sqrt(deviation^2 / seeds + parity_error^2)                                                        */
static double missed_parity(const published *p, const record *r, char *words, size_t size)
{
    const config_value *mean = p->accept ? config_get(p->accept, "parity_mean") : NULL,
                       *error = mean ? config_get(p->accept, "parity_error") : NULL;
    words[0] = 0;
    if (!mean) return NAN;
    double theirs = error ? error->real : 0, ours = r->over.deviation / sqrt(r->seeds);
    snprintf(words, size, "parity with %.6g +- %.2g", mean->real, theirs);
    return fabs(r->over.mean - mean->real) - 2 * hypot(ours, theirs);
}

/* What `accept` asks for, in words, and by how much the runs miss it: 0 or less is reached. NAN: it asks for nothing. */
static double missed_by(const published *p, const record *r, char *words, size_t size)
{
    static const char *const key[] = { "mean_at_least", "mean_at_most", "best_at_least", "best_at_most" };
    const double ours[] = { r->over.mean, r->over.mean, r->over.most, r->over.least };
    double worst = missed_parity(p, r, words, size);
    for (int i = 0; i < 4; i++) {
        const config_value *v = p->accept ? config_get(p->accept, key[i]) : NULL;
        if (!v) continue;
        double miss = i % 2 ? ours[i] - v->real : v->real - ours[i];
        if (!(worst >= miss)) worst = miss;
        size_t n = strlen(words);
        snprintf(words + n, size - n, "%s%s %s %.6g", n ? ", " : "", i < 2 ? "mean" : "best", i % 2 ? "<=" : ">=", v->real);
    }
    return worst;
}

static void word_verdict(const record *r, double miss, char *verdict, size_t size)
{
    if (r->stale) snprintf(verdict, size, "stale: %.250s", r->stale);
    else if (r->missing) snprintf(verdict, size, "incomplete: it has no run of seed %d", r->missing);
    else if (isnan(miss)) snprintf(verdict, size, "nothing is asked for");
    else if (miss > 0) snprintf(verdict, size, "missed by %.3g", miss);
    else snprintf(verdict, size, "reached");
}

/* What of the record could not be compared, behind the verdict. */
static void print_unseen(const record *r)
{
    if (!r->n_unseen) return;
    printf(" (data not compared: %s", r->unseen[0]);
    if (r->n_unseen > 1) printf(" and %d more", r->n_unseen - 1);
    printf(" not here)");
}

static void print_row(const experiment *e, const published *p, const record *r, int json)
{
    char words[200], ours[100], verdict[300], value[40] = "-";
    word_verdict(r, missed_by(p, r, words, sizeof words), verdict, sizeof verdict);
    if (p->has_value) snprintf(value, sizeof value, "%.6g", p->value);
    if (r->seeds > 1) snprintf(ours, sizeof ours, "%.6g +- %.2g (%d seeds)", r->over.mean, r->over.deviation, r->seeds);
    else snprintf(ours, sizeof ours, "%.6g (1 seed)", r->over.mean);
    if (!json) {
        printf("%-28s %-24s %10s  %-24s %-32s %s", e->name, p->metric, value, words[0] ? words : "-", ours, verdict);
        print_unseen(r);
        putchar('\n');
        return;
    }
    json_t *j = json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:i, s:s}", "experiment", e->name, "file", e->path, "metric", p->metric,
                          "mean", r->over.mean, "deviation", r->over.deviation, "least", r->over.least, "most", r->over.most, "seeds", r->seeds,
                          "verdict", verdict);
    if (p->has_value) json_object_set_new(j, "published", json_real(p->value));
    if (words[0]) json_object_set_new(j, "accept", json_string(words));
    json_t *unseen = json_array();
    for (int i = 0; i < r->n_unseen; i++) json_array_append_new(unseen, json_string(r->unseen[i]));
    json_object_set_new(j, "not_compared", unseen);
    char *text = json_dumps(j, JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(10));
    if (text) printf("%s\n", text);
    free(text);
    json_decref(j);
}

/* ---- runs ---------------------------------------------------------------------------------------------------------- */
/* Starts `tenon` beside this program with these arguments, its standard output dropped; its exit code. */
static int start_tenon(const command_env *env, char *const *argument)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stdout)) _exit(127);
        execv(argument[0], argument);
        fprintf(stderr, "tenon: cannot start %s: %s\n", argument[0], strerror(errno));
        _exit(127);
    }
    int status = 0;
    (void)env;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

/* Trains one seed, or goes on with it, unless it is done. */
static int train_seed(experiment *e, const arguments *a, const command_env *env, int seed, const char *folder)
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
        argument[n++] = arena_print(env->memory, "--set=seed=%d", seed);
        argument[n++] = arena_print(env->memory, "--run=%s", folder);
    }
    for (int i = 0; i < a->n_data_dirs; i++) argument[n++] = arena_print(env->memory, "--data-dir=%s", a->data_dirs[i]);
    if (a->threads) argument[n++] = arena_print(env->memory, "--threads=%s", a->threads);
    if (a->quiet) argument[n++] = arena_text(env->memory, "--quiet");
    fprintf(stderr, "%s, seed %d: %s\n", e->name, seed, folder);
    return start_tenon(env, argument);
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

static int run_seeds(experiment *e, const published *p, const arguments *a, const command_env *env, record *r)
{
    char error[900];
    const char *parent = a->run ? a->run : "runs/verify", *folder = NULL;
    if (make_folders(parent)) {
        fprintf(stderr, "tenon: cannot make '%s': %s\n", parent, strerror(errno));
        return EXIT_FAILED;
    }
    r->seeds = p->seeds;
    for (int seed = 1; seed <= p->seeds; seed++) {
        folder = arena_print(env->memory, "%s/%s-seed%d", parent, e->name, seed);
        int code = train_seed(e, a, env, seed, folder);
        if (code != EXIT_DONE) return code;
        if (!same_experiment(e, folder, env)) {
            fprintf(stderr, "tenon verify: %s is a run of another version of %s; remove it, or choose another --run DIR\n", folder,
                    e->path);
            return EXIT_INPUT;
        }
        if (record_run(r, seed, folder, p->metric, error, sizeof error)) {
            fprintf(stderr, "tenon verify: %s\n", error);
            return EXIT_FAILED;
        }
    }
    r->over = spread_of(r->value, r->seeds);
    if (!a->record || !record_write(r, e, p->metric, folder, error, sizeof error)) return EXIT_DONE;
    fprintf(stderr, "tenon verify: %s\n", error);
    return EXIT_FAILED;
}

/* ---- the command ---------------------------------------------------------------------------------------------------- */
/* Counts the parameters against those published, where the data are here that say how many there are. */
static int check_parameters(experiment *e)
{
    if (!config_get(config_get(e->root, "published"), "parameters") || !data_is_there(e)) return EXIT_DONE;
    int code = read_data(e, 1);
    return code ? code : published_parameters(e);
}

static int verify_file(const char *path, const arguments *a, const command_env *env, int was_named)
{
    char error[900], words[200];
    int code;
    published p;
    record *r = arena_new(env->memory, sizeof *r);
    experiment *e = open_experiment(path, a, env, &code);
    if (!e) return code;
    if (!was_named && !config_get(e->root, "published")) { /* it stands there to be compared with */
        experiment_free(e);
        return EXIT_DONE;
    }
    code = read_published(e, &p);
    if (code == EXIT_DONE) code = check_parameters(e);
    if (code == EXIT_DONE && a->recorded) {
        if (record_read(r, e, p.metric, p.seeds, error, sizeof error)) {
            fprintf(stderr, "tenon verify: %s\n", error);
            code = EXIT_FAILED;
        } else code = r->stale || r->missing ? EXIT_FAILED : EXIT_DONE;
    } else if (code == EXIT_DONE) {
        code = run_seeds(e, &p, a, env, r);
        if (code != EXIT_DONE) r->seeds = 0;
        else if (missed_by(&p, r, words, sizeof words) > 0) code = EXIT_FAILED;
    }
    if (r->seeds) print_row(e, &p, r, a->json);
    experiment_free(e);
    return code;
}

/* All that are published. 0, or why there are none. */
static int find_files(glob_t *found)
{
    int rc = glob("experiments/published/*.toml", 0, NULL, found);
    if (rc) return rc;
    rc = glob("experiments/published/*/*.toml", GLOB_APPEND, NULL, found);
    return rc == GLOB_NOMATCH ? 0 : rc;
}

static int verify(int argc, char **argv, const command_env *env)
{
    static const char *const allowed[] = { "recorded", "record", "run", "threads", "data-dir", "json", "quiet", NULL };
    arguments a;
    glob_t found = { 0 };
    int worst = EXIT_DONE, code = arguments_read(&a, argc, argv, env, allowed);
    if (code) return code;
    if (!a.n_rest && find_files(&found)) {
        fprintf(stderr, "tenon verify: there is no experiments/published here; name the files\n");
        return EXIT_INPUT;
    }
    if (!a.json) printf("%-28s %-24s %10s  %-24s %-32s %s\n", "experiment", "metric", "published", "accepted", "ours", "verdict");
    int n = a.n_rest ? a.n_rest : (int)found.gl_pathc;
    for (int i = 0; i < n && worst != EXIT_INTERRUPTED; i++) {
        code = verify_file(a.n_rest ? a.rest[i] : found.gl_pathv[i], &a, env, a.n_rest > 0);
        fflush(stdout);
        if (code > worst) worst = code;
    }
    globfree(&found);
    return worst;
}

int main(int argc, char **argv)
{
    return program_main("verify", "[FILE...] [--recorded | --record] [--run DIR] [--threads N] [--data-dir D] [--json] [--quiet]",
                        argc, argv, verify);
}
