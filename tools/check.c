/* check.c -- `tenon check FILE`: everything short of training. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include "../host/command_line.h"
#include "../host/train.h"
#include "shared/parameters.h"
#include "shared/wiring.h"

/* What the process has had at most so far, in bytes. */
static double had_at_most(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) ? 0 : 1024.0 * (double)u.ru_maxrss;
}

/* What it has now: the program, its plug-ins, the data. Reading them may have taken more for a while. */
static double has_now(void)
{
    char line[200] = "", *at = line;
    FILE *f = fopen("/proc/self/statm", "r"); /* pages in all, resident ones, ...                                  */
    if (f) (void)!fgets(line, sizeof line, f), fclose(f);
    strtol(line, &at, 10);
    long resident = strtol(at, NULL, 10);
    return resident > 0 ? (double)resident * (double)sysconf(_SC_PAGESIZE) : had_at_most();
}

/* Largest memory of training, from the batches of the first epoch. */
static int print_memory(experiment *e)
{
    trainer t;
    double base = has_now(), reading = had_at_most();
    int rc = experiment_start(e, 1, 1);
    if (rc) {
        printf("memory: %.1f MB for parameters and gradients alone\n", 8e-6 * (double)e->graph->floats);
        failed(e);
        return EXIT_INPUT;
    }
    rc = trainer_open(&t, e, ".");
    if (rc) return failed(e);
    batch *b = memory_new(sizeof *b);
    for (int64_t k = 0; k < t.epoch_steps && !rc; k++) {
        int64_t at = k * e->batch_size, n = e->data->count[SPLIT_TRAIN] - at;
        for (int64_t i = 0; i < n && i < e->batch_size; i++) t.order[i] = at + i;
        rc = batch_measure(e->graph, b, SPLIT_TRAIN, t.order, (int32_t)(n < e->batch_size ? n : e->batch_size));
    }
    double slots, parameters = graph_bytes(e->graph, &slots);
    double state = 4.0 * (double)e->graph->floats * (t.update.slots + (t.update.average != NULL));
    printf("memory: %.1f MB for parameters, gradients and packed weights, %.1f MB for the optimizer, %.1f MB for a batch", parameters / 1e6,
           state / 1e6, slots / 1e6);
    double kept = graph_kept_bytes(e->graph);
    if (kept > 0) printf(", %.1f MB for what evaluations keep of each word", kept / 1e6);
    double all = parameters + state + slots + kept + base;
    printf(", %.1f MB for the program and the data; in all %.0f MB\n", base / 1e6, (all > reading ? all : reading) / 1e6);
    scratch_free(&b->memory);
    memory_free(b);
    trainer_close(&t);
    return rc ? failed(e) : EXIT_DONE;
}

static int check(int argc, char **argv, const command_env *env)
{
    static const char *const allowed[] = { "set", "data-dir", "backend", "no-data", NULL };
    arguments a;
    int code = arguments_read(&a, argc, argv, env, allowed);
    if (code) return code;
    experiment *e = open_experiment(a.file, &a, env, &code);
    if (!e) return code;
    int has_data;
    if ((code = print_graph(e, a.no_data, &has_data))) {
        experiment_free(e);
        return code;
    }
    if (has_data) code = print_memory(e);
    if (has_data && code == EXIT_DONE) code = published_parameters(e);
    if (code == EXIT_DONE) printf("%s: no mistakes found\n", a.file);
    experiment_free(e);
    return code;
}

int main(int argc, char **argv)
{
    return program_main("check", "FILE [--set K=V] [--data-dir D] [--no-data]", argc, argv, check);
}
