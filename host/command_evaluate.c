/* command_evaluate.c -- `tenon evaluate` and `tenon predict`: a run's weights on a split, or on lines of text. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "command_line.h"
#include "toml_bridge.h"
#include "train.h"

/* ---- what a head says of a row -------------------------------------------------------------------------------- */
typedef struct answers {                   /* of the first loss, on the bound batch                               */
    experiment *e;
    FILE *out;
    int json;
    float *probability; size_t bytes;
    int split; int64_t first;              /* JSON names the place of each example of a split; -1: lines of text   */
} answers;

/* Values that a target can have: 0 where it is a number. */
static int64_t classes_of(const head *h)
{
    return h->target && h->target->kind != FIELD_NUMBERS ? h->target->spec.classes : 0;
}

/* Probabilities of all rows, [rows x classes]; NULL where the head gives plain values. */
static const float *probabilities(answers *a, const head *h, int64_t rows, int64_t classes)
{
    const tn_loss *loss = h->loss->loss;
    if (!classes || !TN_HAS(loss, predict)) return NULL;
    size_t bytes = sizeof(float) * (size_t)(rows * classes + 1);
    if (bytes > a->bytes) {
        memory_free(a->probability);
        a->probability = memory_new(bytes);
        a->bytes = bytes;
    }
    tn_call call = h->loss->call;
    tn_tensor *in[MAX_IN] = { h->loss->at_in[0] };
    call.in = in;
    return loss->predict(h->loss->part->self, &call, classes, a->probability) ? NULL : a->probability;
}

static const char *word(const head *h, int64_t id) { return h->target->words && id < h->target->words->n ? h->target->words->word[id] : "?"; }

static void json_text(FILE *f, const char *s)
{
    fputc('"', f);
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') fprintf(f, "\\%c", c);
        else if (c < 32) fprintf(f, "\\u%04x", c);
        else fputc(c, f);
    }
    fputc('"', f);
}

static int64_t best_of(const float *p, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (p[i] > p[best]) best = i;
    return best;
}

/* Begins the object of row r of the batch. */
static void open_object(answers *a, int32_t r)
{
    char place[4200];
    fputc('{', a->out);
    if (a->split < 0) return;
    data_place(a->e->data, a->split, a->first + r, place, sizeof place);
    fprintf(a->out, "\"place\": ");
    json_text(a->out, place);
    fprintf(a->out, ", ");
}

/* One row: the most probable class and its probability; in JSON all of them. %.9g keeps every bit of a float. */
static void put_row(answers *a, const head *h, const float *p, int64_t classes, int32_t r)
{
    int64_t best = best_of(p, classes);
    if (!a->json) {
        fprintf(a->out, "%s\t%.9g", word(h, best), (double)p[best]);
        return;
    }
    open_object(a, r);
    fprintf(a->out, "\"label\": ");
    json_text(a->out, word(h, best));
    fprintf(a->out, ", \"probabilities\": {");
    for (int64_t i = 0; i < classes; i++) {
        if (i) fprintf(a->out, ", ");
        json_text(a->out, word(h, i));
        fprintf(a->out, ": %.9g", (double)p[i]);
    }
    fprintf(a->out, "}}");
}

static void put_values(answers *a, const float *x, int64_t n, int32_t r)
{
    if (a->json) open_object(a, r), fprintf(a->out, "\"values\": [");
    for (int64_t i = 0; i < n; i++) fprintf(a->out, "%s%.9g", i ? (a->json ? ", " : "\t") : "", (double)x[i]);
    fprintf(a->out, "%s", a->json ? "]}" : "");
}

/* A sequence of rows: the best class of each step. */
static void put_steps(answers *a, const head *h, const tn_tensor *y, const float *p, int64_t classes, int32_t parent_row)
{
    const tn_layout *l = y->lay;
    int32_t s = l->place[parent_row];
    if (a->json) open_object(a, parent_row), fprintf(a->out, "\"labels\": [");
    for (int32_t t = 0; t < l->length[s]; t++) {
        int64_t row = l->first[t] + s;
        if (t) fputs(a->json ? ", " : " ", a->out);
        if (!p) fprintf(a->out, "%.9g", (double)((float *)y->data)[row * y->width]);
        else if (a->json) json_text(a->out, word(h, best_of(p + row * classes, classes)));
        else fputs(word(h, best_of(p + row * classes, classes)), a->out);
    }
    if (a->json) fprintf(a->out, "]}");
}

/* One line for each example of the bound batch, in its order. */
static void put_batch(answers *a)
{
    graph *g = a->e->graph;
    const head *h = &g->head[0];
    const tn_tensor *y = h->loss->at_in[0];
    int64_t classes = classes_of(h);
    const float *p = probabilities(a, h, y->rows, classes);
    for (int32_t r = 0; r < g->bound->n; r++) {
        if (!y->lay || y->lay->id == TN_ROOT) {
            if (p) put_row(a, h, p + r * classes, classes, r);
            else put_values(a, (float *)y->data + r * y->width, y->width, r);
        } else if (y->lay->parent == TN_ROOT) put_steps(a, h, y, p, classes, r);
        fputc('\n', a->out);
    }
}

/* ---- evaluate -------------------------------------------------------------------------------------------------- */
static int write_predictions(experiment *e, const char *path, int split, int json)
{
    FILE *f = fopen(path, "w");
    if (!f) {
        fprintf(stderr, "tenon: cannot write '%s': %s\n", path, strerror(errno));
        return EXIT_INPUT;
    }
    answers a = { e, f, json, NULL, 0, split, 0 };
    batch *b = memory_new(sizeof *b);
    int64_t count = e->data->count[split], *example = memory_new(sizeof *example * (size_t)e->evaluation_batch);
    int rc = 0;
    for (int64_t at = 0; at < count && !rc; at += e->evaluation_batch) {
        int32_t n = (int32_t)(count - at < e->evaluation_batch ? count - at : e->evaluation_batch);
        for (int32_t i = 0; i < n; i++) example[i] = at + i;
        rc = batch_build(e->graph, b, split, example, n);
        if (!rc) rc = graph_bind(e->graph, b);
        if (!rc) rc = graph_forward(e->graph, 0, 0);
        a.first = at;
        if (!rc) put_batch(&a);
    }
    memory_free(a.probability);
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
    int n, code = read_data(e, a->json);
    score *s;
    if (code) return code;
    int split = split_number(e, a->split);
    if (split < 0) {
        fprintf(stderr, "tenon: the run has no split '%s' (splits are train, validation and test)\n", a->split);
        return EXIT_INPUT;
    }
    if (arguments_number(a->batch_size, "batch-size", 1, 1000000, e->evaluation_batch, &e->evaluation_batch)) return EXIT_INPUT;
    if (experiment_start(e, threads, 0) || weights_restore(e, a->file, e->keep_best)) return failed(e);
    if (a->predictions) code = write_predictions(e, a->predictions, split, a->format && !strcmp(a->format, "json"));
    if (code != EXIT_DONE) return code;
    if (evaluate_split(e, split, &s, &n)) return failed(e);
    print_scores(s, n, a->json);
    return EXIT_DONE;
}

int command_evaluate(int argc, char **argv, const command_env *env)
{
    static const char *const allowed[] = { "split", "json", "data-dir", "threads", "predictions", "batch-size", "format", "set", NULL };
    arguments a;
    int threads, code = arguments_read(&a, argc, argv, env, allowed, "RUN [--split test] [--json] [--predictions FILE] [--batch-size N]");
    if (code || (code = thread_count(&a, &threads))) return code;
    experiment *e = open_run(a.file, &a, env, &code);
    if (!e) return code;
    code = evaluate_run(e, &a, threads);
    experiment_free(e);
    return code;
}

/* ---- predict --------------------------------------------------------------------------------------------------- */
/* The columns that a line holds: those of the fields that layers read, in the order of the file. */
static int input_columns(experiment *e, const char **column)
{
    int n = 0;
    for (int i = 0; i < e->data->n_fields && n < 8; i++) {
        field *f = e->data->field[i];
        int is_target = 0, known = 0;
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
    if (cut_line(line, text, n)) return host_fail(&e->host, TN_EINVAL, "the line has too few columns: there must be %d, with tabs between them", n);
    int rc = data_read_line(e->data, column, text, n, stores);
    if (!rc) rc = batch_build_stores(e->graph, b, stores);
    if (!rc) rc = graph_bind(e->graph, b);
    if (!rc) rc = graph_forward(e->graph, 0, 0);
    if (!rc) put_batch(a);
    return rc;
}

static int predict_file(experiment *e, FILE *in, const char *name, int json)
{
    const char *column[8];
    int n = input_columns(e, column), rc = 0;
    answers a = { e, stdout, json, NULL, 0, -1, 0 };
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
    memory_free(a.probability);
    scratch_free(&b->memory);
    memory_free(b);
    memory_free(stores);
    return rc == TN_EIO ? EXIT_FAILED : rc ? EXIT_INPUT : EXIT_DONE;
}

int command_predict(int argc, char **argv, const command_env *env)
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
        code = predict_file(e, in, a.second && strcmp(a.second, "-") ? a.second : "standard input", a.format && !strcmp(a.format, "json"));
    if (in && in != stdin) fclose(in);
    experiment_free(e);
    return code;
}
