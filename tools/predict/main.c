/* main.c -- `tenon predict RUN [FILE|-]`: what a run's network says of lines of text. The run directory is enough. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../../host/command_line.h"
#include "../../host/toml_bridge.h"
#include "../../host/train.h"
#include "generate.h"
#include "inputs.h"

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

/* What a line is turned into, and how. */
typedef struct reader {
    experiment *e;
    answers a;
    writer *writer;                        /* NULL: the network is no language model                             */
    const char **column, **text; int columns; /* [columns]: their names, what the line at hand says of each       */
    int feeds;                             /* the text has the form of the data set's files: they read it            */
    batch *b; store *stores;
} reader;

/* What the network says of the example in the stores. */
static int answer_example(reader *r)
{
    experiment *e = r->e;
    int rc = batch_build_stores(e->graph, r->b, r->stores);
    if (!rc) rc = graph_bind(e->graph, r->b);
    if (!rc) graph_carry_reset(e->graph);
    if (!rc) rc = graph_forward(e->graph, 0, 0);
    return rc ? rc : answers_put(&r->a);
}

static int answer_line(reader *r, char *line)
{
    experiment *e = r->e;
    if (cut_line(line, r->text, r->columns))
        return host_fail(&e->host, TN_EINVAL, "the line has too few columns: there must be %d, with tabs between them",
                         r->columns);
    int rc = data_read_line(e->data, r->column, r->text, r->columns, r->stores);
    r->a.column = r->column, r->a.line = r->text, r->a.columns = r->columns;
    if (!rc) rc = answer_example(r);
    r->a.column = r->a.line = NULL, r->a.columns = 0;
    return rc;
}

/* A line (NULL: there are no more) in the form of the data set's files, which may complete an example. */
static int feed_line(reader *r, const char *line, const char *name, int64_t number)
{
    int rc = data_feed(r->e->data, line, r->column, r->columns, r->stores);
    if (rc) return rc == TN_END ? 0 : rc;
    char place[4200];
    snprintf(place, sizeof place, "%s:%lld", name, (long long)number);
    r->a.place = place;
    rc = answer_example(r);
    r->a.place = NULL;
    return rc;
}

static int predict_line(reader *r, char *line, size_t n, const char *name, int64_t number)
{
    host_clear(&r->e->host);
    if (strlen(line) != n || !toml_utf8(line)) return host_fail(&r->e->host, TN_EINVAL, "the line is not valid UTF-8");
    if (r->feeds) {
        int rc = feed_line(r, line, name, number);
        if (rc != TN_EUNSUPPORTED) return rc;
        r->feeds = 0;
        host_clear(&r->e->host);
    }
    return r->writer ? writer_line(r->writer, line, number) : answer_line(r, line);
}

static int predict_lines(reader *r, FILE *in, const char *name)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t got;
    int rc = 0;
    int64_t at = 1;
    for (; !rc && (got = getline(&line, &room, in)) >= 0; at++) {
        while (got > 0 && (line[got - 1] == '\n' || line[got - 1] == '\r')) line[--got] = 0;
        if (at == 1 && got >= 3 && !memcmp(line, "\xef\xbb\xbf", 3)) memmove(line, line + 3, (size_t)(got -= 3) + 1);
        if ((rc = predict_line(r, line, (size_t)got, name, at)))
            fprintf(stderr, "%s:%lld: %s\n", name, (long long)at, r->e->host.error);
        else if (fflush(stdout)) { /* one line in, one line out: a pipe need not end first */
            fprintf(stderr, "tenon: cannot write the output: %s\n", strerror(errno));
            rc = TN_EIO;
        }
    }
    if (!rc && ferror(in)) {
        fprintf(stderr, "tenon: cannot read '%s': %s\n", name, strerror(errno));
        rc = TN_EINVAL;
    }
    if (!rc && r->feeds && (rc = feed_line(r, NULL, name, at))) fprintf(stderr, "%s: %s\n", name, r->e->host.error);
    free(line);
    return rc == TN_EIO ? EXIT_FAILED : rc ? EXIT_INPUT : EXIT_DONE;
}

/* The whole of an input. The network has its weights. */
static int predict_file(experiment *e, writer *w, FILE *in, const char *name, int json)
{
    reader r = { .e = e, .a = { .e = e, .out = stdout, .json = json, .split = -1 }, .writer = w };
    int code;
    r.column = arena_new(&e->memory, sizeof *r.column * (size_t)(e->data->n_fields + 1));
    r.text = arena_new(&e->memory, sizeof *r.text * (size_t)(e->data->n_fields + 1));
    r.columns = input_columns(e, r.column);
    r.feeds = !w && data_feeds(e->data);
    r.b = memory_new(sizeof *r.b);
    r.stores = memory_new(sizeof *r.stores * (size_t)(e->data->n_fields + 1));
    if (w && writer_open(w, &r.a)) code = failed(e);
    else code = predict_lines(&r, in, name);
    if (w) writer_close(w);
    answers_free(&r.a);
    scratch_free(&r.b->memory);
    memory_free(r.b);
    for (int i = 0; i < e->data->n_fields; i++) store_free(&r.stores[i]);
    memory_free(r.stores);
    return code;
}

static int read_rules(const arguments *a, writer *w)
{
    int64_t seed;
    if (arguments_number(a->length, "length", 1, 1000000000, 100, &w->length)
        || arguments_number(a->top_k, "top-k", 0, 1000000000, 0, &w->rules.top_k)
        || arguments_number(a->seed, "seed", 0, INT64_MAX, 1, &seed)
        || arguments_real(a->temperature, "temperature", 0, 1000, 1, &w->rules.temperature)
        || arguments_real(a->top_p, "top-p", 0, 1, 1, &w->rules.top_p)) return EXIT_INPUT;
    w->seed = (uint64_t)seed;
    return 0;
}

/* With vocabularies and weights: reads the input. */
static int predict_run(experiment *e, const arguments *a, writer *w, FILE *in, int threads)
{
    if (experiment_read_vocabularies(e, arena_print(&e->memory, "%s/vocabularies", a->file))) return failed(e);
    int writes = writer_plan(w, e);
    if (writes < 0) {
        fprintf(stderr, "tenon: %s\n", e->host.error);
        return EXIT_INPUT;
    }
    int assumed = writes ? 0 : assume_steps(e, a->length ? w->length : 0);
    if (assumed < 0) {
        fprintf(stderr, "tenon predict: %s\n", e->host.error);
        return EXIT_INPUT;
    }
    int drawing = (a->length && !assumed) || a->temperature || a->top_k || a->top_p || a->seed;
    if (!writes && (drawing || a->score)) {
        fprintf(stderr, "tenon predict: --length, --temperature, --top-k, --top-p, --seed and --score are for language models, "
                        "which write a text; '%s' is none\n", a->file);
        return EXIT_INPUT;
    }
    if (drawing && a->score) {
        fprintf(stderr, "tenon predict: --score writes no text, so there is nothing to draw; leave the other options out\n");
        return EXIT_INPUT;
    }
    w->scores = a->score;
    if (experiment_start(e, threads, 0) || weights_restore(e, a->file, e->keep_best)) return failed(e);
    return predict_file(e, writes ? w : NULL, in, a->second && strcmp(a->second, "-") ? a->second : "standard input",
                        a->format && !strcmp(a->format, "json"));
}

static int predict(int argc, char **argv, const command_env *env)
{
    static const char *const allowed[] = { "format", "threads", "set", "length", "temperature", "top-k", "top-p", "seed",
                                           "score", NULL };
    arguments a;
    writer w = { .length = 0 };
    int threads, code = arguments_read(&a, argc, argv, env, allowed);
    if (code || (code = thread_count(&a, &threads)) || (code = read_rules(&a, &w))) return code;
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
    } else code = predict_run(e, &a, &w, in, threads);
    if (in && in != stdin) fclose(in);
    experiment_free(e);
    return code;
}

int main(int argc, char **argv)
{
    return program_main("predict", "RUN [FILE|-] [--format text|json] [--set K=V] [--threads N] [--length N] [--temperature T] [--top-k K] "
                        "[--top-p P] [--seed S] [--score]", argc, argv, predict);
}
