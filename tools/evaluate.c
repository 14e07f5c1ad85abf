/* evaluate.c -- `tenon evaluate RUN`: loss and metrics of a run's weights over a split, and its predictions. */
#include <errno.h>
#include <string.h>
#include "../host/command_line.h"
#include "../host/train.h"
#include "shared/answers.h"

static int write_predictions(experiment *e, const char *path, int split, int json)
{
    FILE *f = fopen(path, "w");
    if (!f) {
        fprintf(stderr, "tenon: cannot write '%s': %s\n", path, strerror(errno));
        return EXIT_INPUT;
    }
    answers a = { .e = e, .out = f, .json = json, .split = split };
    batch *b = memory_new(sizeof *b);
    int64_t most = e->data->lanes[split] ? e->data->lanes[split] : e->evaluation_batch, count = e->data->count[split];
    int64_t *example = memory_new(sizeof *example * (size_t)most);
    int rc = 0;
    for (int64_t at = 0; at < count && !rc; at += most) {
        int32_t n = (int32_t)(count - at < most ? count - at : most);
        for (int32_t i = 0; i < n; i++) example[i] = at + i;
        rc = batch_build(e->graph, b, split, example, n);
        if (!rc) rc = graph_bind(e->graph, b);
        if (!rc && !at) graph_carry_reset(e->graph);
        if (!rc) rc = graph_forward(e->graph, 0, 0);
        a.first = at;
        if (!rc) rc = answers_put(&a);
        if (!rc) graph_carry_commit(e->graph);
    }
    answers_free(&a);
    memory_free(example);
    scratch_free(&b->memory);
    memory_free(b);
    if (rc) {
        fclose(f);
        return failed(e);
    }
    if (ferror(f) | fclose(f)) {
        fprintf(stderr, "tenon: cannot write '%s': %s\n", path, strerror(errno));
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

static int split_number(experiment *e, const char *name)
{
    for (int i = 0; name && i < SPLITS; i++)
        if (!strcmp(name, split_names[i])) return e->data->count[i] > 0 ? i : -1;
    if (name) return -1;
    return e->data->count[SPLIT_TEST] > 0 ? SPLIT_TEST : e->data->count[SPLIT_VALIDATION] > 0 ? SPLIT_VALIDATION : SPLIT_TRAIN;
}

/* Scores of the split that was asked for, and its predictions. */
static int evaluate_run(experiment *e, const arguments *a, int threads)
{
    int n, code;
    score *s;
    if (arguments_number(a->batch_size, "batch-size", 1, 1000000, e->evaluation_batch, &e->evaluation_batch)) return EXIT_INPUT;
    if ((code = read_data(e, a->json))) return code;
    int split = split_number(e, a->split);
    if (split < 0) {
        fprintf(stderr, "tenon: the run has no split '%s' (splits are train, validation and test)\n", a->split);
        return EXIT_INPUT;
    }
    if (experiment_start(e, threads, 0) || weights_restore(e, a->file, e->keep_best)) return failed(e);
    if (a->predictions) code = write_predictions(e, a->predictions, split, a->format && !strcmp(a->format, "json"));
    if (code != EXIT_DONE) return code;
    if (evaluate_split(e, split, &s, &n)) return failed(e);
    print_scores(NULL, s, n, a->json);
    return EXIT_DONE;
}

static int evaluate(int argc, char **argv, const command_env *env)
{
    static const char *const allowed[] = { "split", "json", "data-dir", "threads", "predictions", "batch-size", "format", "set",
                                           NULL };
    arguments a;
    int threads, code = arguments_read(&a, argc, argv, env, allowed);
    if (code || (code = thread_count(&a, &threads))) return code;
    experiment *e = open_run(a.file, &a, env, &code);
    if (!e) return code;
    code = evaluate_run(e, &a, threads);
    experiment_free(e);
    return code;
}

int main(int argc, char **argv)
{
    return program_main("evaluate", "RUN [--split test] [--set K=V] [--json] [--predictions FILE [--format text|json]] [--batch-size N] "
                        "[--threads N] [--data-dir D]", argc, argv, evaluate);
}
