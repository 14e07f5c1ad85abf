/* command_train.c -- `tenon train` and `tenon resume`. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "command_line.h"
#include "json.h"
#include "run_dir.h"
#include "spread.h"
#include "train.h"

static volatile sig_atomic_t interrupted;

/* The first signal ends training after the step; a second one ends the program. */
static void on_signal(int number)
{
    interrupted = 1;
    signal(number, SIG_DFL);
}

static void catch_signals(void)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = on_signal;
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of a write, not the end of a run */
}

/* ---- loggers --------------------------------------------------------------------------------------------------- */
static int begin_loggers(experiment *e, const char *folder, int64_t resume_step)
{
    for (int i = 0; i < e->n_loggers; i++) {
        host_clear(&e->host);
        int rc = ((const tn_logger *)e->logger[i]->desc->table)->begin(e->logger[i]->self, folder, resume_step);
        if (!rc) continue;
        return e->host.error[0] ? rc : host_fail(&e->host, rc, "logger '%s' cannot write to %s", e->logger[i]->type, folder);
    }
    return 0;
}

/* ---- the end of a run ------------------------------------------------------------------------------------------ */
static int final_scores(trainer *t, score **all, int *n)
{
    experiment *e = t->e;
    score *s, *b;
    int k, m;
    if (e->data->count[SPLIT_VALIDATION] <= 0 && e->keep_best)
        fprintf(stderr, "there is no validation split, so the last weights are kept\n");
    int rc = trainer_final(t, &s, &k);
    if (rc) return rc;
    evaluate_baselines(e, &b, &m);
    *all = arena_new(&e->memory, sizeof **all * (size_t)(k + m + 1));
    if (k) memcpy(*all, s, sizeof *s * (size_t)k);
    if (m) memcpy(*all + k, b, sizeof *b * (size_t)m);
    *n = k + m;
    return 0;
}

static int run(trainer *t, const arguments *a, score **scores, int *n)
{
    experiment *e = t->e;
    host_clear(&e->host);
    int rc = trainer_run(t);
    if (rc == TN_END) {
        fprintf(stderr, "interrupted at step %lld; `tenon resume %s` goes on from there\n", (long long)t->step, t->folder);
        return EXIT_INTERRUPTED;
    }
    if (rc) {
        run_dir_stopped(t->folder, e->host.error);
        return failed(e);
    }
    const char *why = t->why ? t->why : RUN_EPOCHS_DONE;
    fprintf(stderr, "stopped after step %lld: %s\n", (long long)t->step, why);
    if (final_scores(t, scores, n)) return failed(e);
    char error[900];
    run_end end = { why, t->step, t->best_step, e->graph->values, *scores, *n, t->seconds, t->test_seconds, t->threads };
    if (run_dir_end(t->folder, &end, error, sizeof error)) {
        fprintf(stderr, "tenon: %s\n", error);
        return EXIT_FAILED;
    }
    print_scores(t->folder, *scores, *n, a->json);
    return EXIT_DONE;
}

/* ---- train ----------------------------------------------------------------------------------------------------- */
/* seed < 0: the experiment's own. several: --run names all of them, each folder has its seed behind it. */
static int train_once(const arguments *a, const command_env *env, int threads, int several, int64_t seed, score **scores, int *n,
                      experiment **kept)
{
    int code;
    arguments mine = *a;
    if (seed >= 0) {
        mine.set = arena_new(env->memory, sizeof *mine.set * (size_t)(a->n_sets + 1));
        if (a->n_sets) memcpy(mine.set, a->set, sizeof *mine.set * (size_t)a->n_sets);
        mine.set[mine.n_sets++] = arena_print(env->memory, "seed=%lld", (long long)seed);
    }
    experiment *e = *kept = open_experiment(a->file, &mine, env, &code);
    if (!e) return code;
    if ((code = read_data(e, a->quiet))) return code;
    char error[900];
    const char *folder = a->run && several ? arena_print(env->memory, "%s-seed%lld", a->run, (long long)e->seed) : a->run;
    folder = run_dir_create(&e->memory, folder, e->name, error, sizeof error);
    if (!folder) {
        fprintf(stderr, "tenon: %s\n", error);
        return EXIT_INPUT;
    }
    fprintf(a->json ? stderr : stdout, "%s\n", folder); /* of JSON it is a part, at the end */
    fflush(stdout);
    trainer t;
    memset(&t, 0, sizeof t);
    if (run_dir_hold(folder, error, sizeof error) < 0 || run_dir_describe(folder, e, threads, error, sizeof error)) {
        fprintf(stderr, "tenon: %s\n", error);
        return EXIT_FAILED;
    }
    if (experiment_start(e, threads, 1) || graph_initialize(e->graph, config_get(e->root, "initialize"))
        || trainer_open(&t, e, folder) || begin_loggers(e, folder, -1)) return failed(e);
    t.interrupted = &interrupted, t.quiet = a->quiet, t.threads = threads;
    code = run(&t, a, scores, n);
    trainer_close(&t);
    return code;
}

/* ---- over several seeds ---------------------------------------------------------------------------------------- */
/* Of one score; not a number where a run lacks it. */
static spread sum_up(arena *memory, const char *name, score *const *of, const int *n, int runs)
{
    double *x = arena_new(memory, sizeof *x * (size_t)runs);
    for (int r = 0; r < runs; r++) {
        const score *found = score_find(of[r], n[r], name);
        x[r] = found ? found->value : NAN;
    }
    return spread_of(x, runs);
}

/* {"seeds": 3, "scores": {"test.loss": {"mean": 0.5, ...}, ...}} in one line. */
static void print_summary_json(arena *memory, score *const *of, const int *n, int runs)
{
    printf("{\"seeds\": %d, \"scores\": {", runs);
    for (int i = 0; i < n[0]; i++) {
        spread s = sum_up(memory, of[0][i].name, of, n, runs);
        if (i) fputs(", ", stdout);
        json_text(stdout, of[0][i].name);
        fputs(": {\"mean\": ", stdout), json_number(stdout, s.mean);
        fputs(", \"deviation\": ", stdout), json_number(stdout, s.deviation);
        fputs(", \"min\": ", stdout), json_number(stdout, s.least);
        fputs(", \"max\": ", stdout), json_number(stdout, s.most);
        fputc('}', stdout);
    }
    fputs("}}\n", stdout);
}

static void print_summary(arena *memory, score *const *of, const int *n, int runs)
{
    printf("%-40s %12s %12s %12s %12s\n", "over the seeds", "mean", "std", "min", "max");
    for (int i = 0; i < n[0]; i++) {
        spread s = sum_up(memory, of[0][i].name, of, n, runs);
        printf("%-40s %12.6g %12.3g %12.6g %12.6g\n", of[0][i].name, s.mean, s.deviation, s.least, s.most);
    }
}

int command_train(int argc, char **argv, const command_env *env)
{
    static const char *const allowed[] = { "set", "run", "threads", "seeds", "data-dir", "backend", "json", "quiet", NULL };
    arguments a;
    int threads, code = arguments_read(&a, argc, argv, env, allowed);
    int64_t seeds;
    if (code || (code = thread_count(&a, &threads)) || (code = arguments_number(a.seeds, "seeds", 1, 1000, 1, &seeds))) return code;
    catch_signals();
    score **scores = arena_new(env->memory, sizeof *scores * (size_t)seeds);
    int *n = arena_new(env->memory, sizeof *n * (size_t)seeds);
    experiment **kept = arena_new(env->memory, sizeof *kept * (size_t)seeds);
    for (int64_t i = 0; i < seeds && code == EXIT_DONE; i++) {
        int64_t seed = i ? (int64_t)kept[0]->seed + i : -1; /* as `verify` counts them: from the experiment's own on */
        code = train_once(&a, env, threads, seeds > 1, seed, &scores[i], &n[i], &kept[i]);
    }
    if (code == EXIT_DONE && seeds > 1) (a.json ? print_summary_json : print_summary)(env->memory, scores, n, (int)seeds);
    for (int64_t i = 0; i < seeds; i++) experiment_free(kept[i]);
    return code;
}

/* ---- resume ---------------------------------------------------------------------------------------------------- */
static int restore(trainer *t)
{
    int rc = trainer_restore(t);
    return rc == TN_END ? graph_initialize(t->e->graph, config_get(t->e->root, "initialize")) : rc;
}

/* Goes on with a run whose data is not read yet. */
static int resume_run(experiment *e, const arguments *a, int threads)
{
    char error[4000];
    int n, code = read_data(e, a->quiet);
    if (code) return code;
    if (run_dir_hold(a->file, error, sizeof error) < 0) {
        fprintf(stderr, "tenon: %s\n", error);
        return EXIT_FAILED;
    }
    if (run_dir_compare(a->file, e, error, sizeof error)) {
        fprintf(stderr, "tenon: %s cannot be resumed:\n%s", a->file, error);
        return EXIT_INPUT;
    }
    trainer t;
    score *scores;
    memset(&t, 0, sizeof t);
    if (experiment_start(e, threads, 1) || trainer_open(&t, e, a->file) || restore(&t)
        || begin_loggers(e, a->file, t.evaluated || !t.epoch_step ? t.step : t.step - 1)) code = failed(e);
    else {
        t.interrupted = &interrupted, t.quiet = a->quiet, t.threads = threads;
        fprintf(stderr, "resumed at step %lld, epoch %lld\n", (long long)t.step, (long long)t.epoch);
        code = run(&t, a, &scores, &n);
    }
    if (t.e) trainer_close(&t);
    return code;
}

int command_resume(int argc, char **argv, const command_env *env)
{
    static const char *const allowed[] = { "threads", "data-dir", "json", "quiet", NULL };
    arguments a;
    int threads, code = arguments_read(&a, argc, argv, env, allowed);
    if (code || (code = thread_count(&a, &threads))) return code;
    catch_signals();
    experiment *e = open_run(a.file, &a, env, &code);
    if (!e) return code;
    code = resume_run(e, &a, threads);
    experiment_free(e);
    return code;
}
