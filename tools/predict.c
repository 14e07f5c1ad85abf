/* predict.c -- `tenon predict RUN [FILE|-]`: what a run's network says of lines of text. The run directory is enough. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../host/command_line.h"
#include "../host/toml_bridge.h"
#include "../host/train.h"
#include "shared/answers.h"

/* Whether layers read a field as nothing but what they learn to say (TN_L_FEEDS). */
static int only_taught(const experiment *e, const field *f)
{
    int taught = 0, other = 0;
    for (int i = 0; i < e->graph->n_nodes; i++) {
        const node *n = e->graph->node[i];
        for (int k = 0; k < n->count[G_IN] && !n->loss; k++) {
            if (n->in_node[k]->source != f) continue;
            if (!k && n->layer->flags & TN_L_FEEDS) taught = 1;
            else other = 1;
        }
    }
    return taught && !other;
}

/* The columns that a line holds: those of the fields that layers read, in the order of the file. */
static int input_columns(experiment *e, const char **column)
{
    int n = 0;
    for (int i = 0; i < e->data->n_fields && n < 8; i++) {
        field *f = e->data->field[i];
        int is_target = only_taught(e, f), known = 0;
        for (int k = 0; k < e->graph->n_heads; k++) is_target |= e->graph->head[k].target == f;
        for (int k = 0; k < n; k++) known |= f->column && !strcmp(column[k], f->column);
        if (!is_target && !known && f->column && e->graph->field_node[i]->out[0].read) column[n++] = f->column;
    }
    return n;
}

/* Cuts a line at tabs into n texts; the last one keeps what is left. */
static int cut_line(char *line, const char **text, int n)
{
    for (int i = 0; i < n; i++) {
        text[i] = line;
        if (i + 1 == n) return 0;
        if (!(line = strchr(line, '\t'))) return -1;
        *line++ = 0;
    }
    return 0;
}

static int predict_line(experiment *e, answers *a, batch *b, store *stores, const char **column, int n, char *line)
{
    const char *text[8];
    if (cut_line(line, text, n))
        return host_fail(&e->host, TN_EINVAL, "the line has too few columns: there must be %d, with tabs between them", n);
    int rc = data_read_line(e->data, column, text, n, stores);
    if (!rc) rc = batch_build_stores(e->graph, b, stores);
    if (!rc) rc = graph_bind(e->graph, b);
    if (!rc) graph_carry_reset(e->graph);
    if (!rc) rc = graph_forward(e->graph, 0, 0);
    a->column = column, a->line = text, a->columns = n;
    if (!rc) rc = answers_put(a);
    a->column = a->line = NULL, a->columns = 0;
    return rc;
}

static int predict_file(experiment *e, FILE *in, const char *name, int json)
{
    const char *column[8];
    int n = input_columns(e, column), rc = 0;
    answers a = { .e = e, .out = stdout, .json = json, .split = -1 };
    batch *b = memory_new(sizeof *b);
    store *stores = memory_new(sizeof *stores * (size_t)(e->data->n_fields + 1));
    char *line = NULL;
    size_t room = 0;
    ssize_t got;
    for (int64_t at = 1; !rc && (got = getline(&line, &room, in)) >= 0; at++) {
        while (got > 0 && (line[got - 1] == '\n' || line[got - 1] == '\r')) line[--got] = 0;
        host_clear(&e->host);
        if (strlen(line) != (size_t)got || !toml_utf8(line))
            rc = host_fail(&e->host, TN_EINVAL, "the line is not valid UTF-8");
        else rc = predict_line(e, &a, b, stores, column, n, line);
        if (rc)
            fprintf(stderr, "%s:%lld: %s\n", name, (long long)at, e->host.error);
        else if (fflush(stdout)) { /* one line in, one line out: a pipe need not end first */
            fprintf(stderr, "tenon: cannot write the output: %s\n", strerror(errno));
            rc = TN_EIO;
        }
    }
    if (!rc && ferror(in)) {
        fprintf(stderr, "tenon: cannot read '%s': %s\n", name, strerror(errno));
        rc = TN_EINVAL;
    }
    free(line);
    answers_free(&a);
    scratch_free(&b->memory);
    memory_free(b);
    for (int i = 0; i < e->data->n_fields; i++) store_free(&stores[i]);
    memory_free(stores);
    return rc == TN_EIO ? EXIT_FAILED : rc ? EXIT_INPUT : EXIT_DONE;
}

static int predict(int argc, char **argv, const command_env *env)
{
    static const char *const allowed[] = { "format", "threads", "set", NULL };
    arguments a;
    int threads, code = arguments_read(&a, argc, argv, env, allowed, "RUN [FILE|-] [--format text|json]");
    if (code || (code = thread_count(&a, &threads))) return code;
    if (a.format && strcmp(a.format, "text") && strcmp(a.format, "json")) {
        fprintf(stderr, "tenon predict: --format is text or json, not '%s'\n", a.format);
        return EXIT_INPUT;
    }
    experiment *e = open_run(a.file, &a, env, &code);
    if (!e) return code;
    FILE *in = !a.second || !strcmp(a.second, "-") ? stdin : fopen(a.second, "r");
    if (!in) {
        fprintf(stderr, "tenon: cannot read '%s': %s\n", a.second, strerror(errno));
        code = EXIT_INPUT;
    } else if (experiment_read_vocabularies(e, arena_print(&e->memory, "%s/vocabularies", a.file))
               || experiment_start(e, threads, 0) || weights_restore(e, a.file, e->keep_best))
        code = failed(e);
    else
        code = predict_file(e, in, a.second && strcmp(a.second, "-") ? a.second : "standard input",
                            a.format && !strcmp(a.format, "json"));
    if (in && in != stdin) fclose(in);
    experiment_free(e);
    return code;
}

int main(int argc, char **argv) { return program_main("predict", argc, argv, predict); }
