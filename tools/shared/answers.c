/* answers.c -- what a network says of examples, as lines of text or JSON. */
#include <math.h>
#include <string.h>
#include "../../host/json.h"
#include "answers.h"
#include "tokens.h"

/* Values that a target can have: 0 where it is a number. */
static int64_t classes_of(const head *h)
{
    return h->target && h->target->kind != FIELD_NUMBERS ? h->target->spec.classes : 0;
}

const float *answers_probabilities(answers *a, const head *h, int64_t rows, int64_t classes)
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

/* A class as it is spelled; of a target that has no spellings, as those that are made up, its number. */
static const char *word(const head *h, int64_t id, char number[24])
{
    if (h->target->words && id < h->target->words->n) return h->target->words->word[id];
    snprintf(number, 24, "%lld", (long long)id);
    return number;
}

static void put_number(const answers *a, float x)
{
    if (a->json) json_number(a->out, (double)x);
    else fprintf(a->out, "%.9g", (double)x);
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
    if (a->split < 0 && !a->place) return;
    if (a->split >= 0) data_place(a->e->data, a->split, a->first + r, place, sizeof place);
    fprintf(a->out, "\"place\": ");
    json_text(a->out, a->split < 0 ? a->place : place);
    fprintf(a->out, ", ");
}

/* One row: the most probable class and its probability; in JSON all of them. %.9g keeps every bit of a float. */
static void put_row(answers *a, const head *h, const float *p, int64_t classes, int32_t r)
{
    int64_t best = best_of(p, classes);
    char number[24];
    if (!a->json) {
        fprintf(a->out, "%s\t%.9g", word(h, best, number), (double)p[best]);
        return;
    }
    open_object(a, r);
    fprintf(a->out, "\"label\": ");
    json_text(a->out, word(h, best, number));
    fprintf(a->out, ", \"probabilities\": {");
    for (int64_t i = 0; i < classes; i++) {
        if (i) fprintf(a->out, ", ");
        json_text(a->out, word(h, i, number));
        fputs(": ", a->out), json_number(a->out, (double)p[i]);
    }
    fprintf(a->out, "}}");
}

/* What a row of several steps of several columns says of each, by their names; in an object of their own where one has the name
 * that the step's number has. */
static void put_forecast(answers *a, const field *f, const float *x, int32_t r)
{
    int64_t width = f->width / f->steps;
    int apart = 0;
    for (int64_t k = 0; k < width; k++) apart |= !strcmp(f->column_name[k], "step");
    open_object(a, r);
    fprintf(a->out, "\"forecast\": [");
    for (int64_t t = 0; t < f->steps; t++) {
        fprintf(a->out, "%s{\"step\": %lld, %s", t ? ", " : "", (long long)t + 1, apart ? "\"columns\": {" : "");
        for (int64_t k = 0; k < width; k++) {
            if (k) fprintf(a->out, ", ");
            json_text(a->out, f->column_name[k]);
            fputs(": ", a->out), json_number(a->out, (double)x[t * width + k]);
        }
        fputs(apart ? "}}" : "}", a->out);
    }
    fprintf(a->out, "]}");
}

/* A row's numbers as they were before the target's transforms, until the next call. */
static const float *in_units(answers *a, const head *h, const float *x, int64_t n)
{
    const char *why;
    size_t bytes = sizeof(float) * (size_t)(n + 1);
    if (!h->target || h->target->width != n || !data_can_undo(a->e->data, h->target, &why)) return x;
    if (bytes > a->bytes) {
        memory_free(a->probability);
        a->probability = memory_new(bytes);
        a->bytes = bytes;
    }
    memcpy(a->probability, x, sizeof(float) * (size_t)n);
    return data_undo(a->e->data, h->target, 1, a->probability) ? x : a->probability;
}

/* h: the head whose target's scale the numbers have, or NULL. */
static void put_values(answers *a, const head *h, const float *x, int64_t n, int32_t r)
{
    if (h) x = in_units(a, h, x, n);
    const field *f = h ? h->target : NULL;
    if (a->json && f && f->row && f->steps && f->n_columns && f->width == n && f->width == f->steps * f->n_columns) {
        put_forecast(a, f, x, r);
        return;
    }
    if (a->json) open_object(a, r), fprintf(a->out, "\"values\": [");
    for (int64_t i = 0; i < n; i++) {
        if (i) fputs(a->json ? ", " : "\t", a->out);
        put_number(a, x[i]);
    }
    fprintf(a->out, "%s", a->json ? "]}" : "");
}

/* ---- sequences ------------------------------------------------------------------------------------------------- */
static int keep_path(void *to, int32_t parent_row, double points, const int32_t *ids, int64_t n)
{
    answers *a = to;
    const tn_layout *l = a->e->graph->head[0].loss->at_in[0]->lay;
    int32_t s = l->place[parent_row];
    if (parent_row == a->path_row) return 0; /* the best one came first */
    a->path_row = parent_row;
    a->score[parent_row] = points;
    for (int64_t t = 0; t < n && t < l->length[s]; t++) a->path[l->first[t] + s] = ids[t];
    return 0;
}

/* The best path through each sequence, a class for each row; NULL where the loss has no decoder. */
static const int32_t *best_paths(answers *a, const head *h, int64_t rows)
{
    node *n = h->loss;
    if (!TN_HAS(n->layer, decode) || !h->target || h->target->kind == FIELD_NUMBERS) return NULL;
    size_t bytes = sizeof *a->path * (size_t)(rows + 1);
    if (bytes > a->path_bytes) {
        memory_free(a->path);
        a->path = memory_new(bytes);
        a->path_bytes = bytes;
    }
    int32_t n_examples = a->e->graph->bound->n;
    if (n_examples > a->scores) {
        memory_free(a->score);
        a->score = memory_new(sizeof *a->score * (size_t)n_examples);
        a->scores = n_examples;
    }
    for (int32_t r = 0; r < n_examples; r++) a->score[r] = NAN;
    memset(a->path, 0xff, bytes);
    a->path_row = -1;
    tn_call call = n->call;
    tn_tensor *in[MAX_IN] = { n->at_in[0] };
    call.in = in;
    return n->layer->decode(n->part->self, &call, keep_path, a) ? NULL : a->path;
}

/* The class of a row on the best path, or the most probable one. */
static int64_t class_of(const int32_t *path, const float *p, int64_t row, int64_t classes)
{
    return path && path[row] >= 0 ? path[row] : best_of(p + row * classes, classes);
}

static void put_tag_spans(answers *a, const head *h, const tn_layout *l, int32_t s, int32_t n, const int32_t *path,
                          const float *p, int64_t classes)
{
    if (!h->target->words) return;
    const char **tag = memory_new(sizeof *tag * (size_t)(n + 1));
    for (int32_t t = 0; t < n; t++) tag[t] = h->target->words->word[class_of(path, p, l->first[t] + s, classes)];
    spans_put(a, h->target->words, tag, n);
    memory_free(tag);
}

/* The numbers of a step: several with commas between them, in JSON as an array of their own. */
static void put_step(answers *a, const head *h, const float *x, int64_t width)
{
    x = in_units(a, h, x, width);
    if (a->json && width > 1) fputc('[', a->out);
    for (int64_t j = 0; j < width; j++) {
        if (j) fputs(a->json ? ", " : ",", a->out);
        put_number(a, x[j]);
    }
    if (a->json && width > 1) fputc(']', a->out);
}

/* A sequence of rows: the class or the numbers of each step; in JSON also its probability, or where there is none the score of the
 * path, and the tokens of a line. */
static void put_steps(answers *a, const head *h, const tn_tensor *y, const float *p, const int32_t *path, int64_t classes,
                      int32_t parent_row)
{
    const tn_layout *l = y->lay;
    int32_t s = l->place[parent_row], n;
    char number[24];
    int words = p || path, tags = h->target && h->target->kind == FIELD_TAGS;
    for (n = 0; n < l->length[s] && (!path || path[l->first[n] + s] >= 0); ) n++; /* a path may be shorter (ctc) */
    if (n < l->length[s]) p = NULL;
    if (a->json) open_object(a, parent_row);
    a->places = 0;
    if (a->json && words) tokens_put(a, h->target, n, "tokens");
    if (a->json) fprintf(a->out, "\"%s\": [", !words ? "values" : tags ? "tags" : "labels");
    for (int32_t t = 0; t < n; t++) {
        int64_t row = l->first[t] + s;
        if (t) fputs(a->json ? ", " : " ", a->out);
        if (!words) put_step(a, h, (const float *)y->data + row * y->width, y->width);
        else if (a->json) json_text(a->out, word(h, class_of(path, p, row, classes), number));
        else fputs(word(h, class_of(path, p, row, classes), number), a->out);
    }
    if (a->json && p) fprintf(a->out, "], \"probabilities\": [");
    for (int32_t t = 0; a->json && p && t < n; t++) {
        int64_t row = l->first[t] + s;
        if (t) fputs(", ", a->out);
        json_number(a->out, (double)p[row * classes + class_of(path, p, row, classes)]);
    }
    if (a->json) fputc(']', a->out);
    if (a->json && path && !p) fputs(", \"score\": ", a->out), json_number(a->out, a->score[parent_row]);
    if (a->json && tags && words) put_tag_spans(a, h, l, s, n, path, p, classes);
    if (a->json) fputc('}', a->out);
}

/* ---- sequences that a layer writes ----------------------------------------------------------------------------- */
/* The layer that writes the words of a head by itself; NULL: it is none of those. */
static node *writer_of(const head *h)
{
    node *n = h->loss->in_node[0];
    int feeds = n && n->layer && n->layer->flags & TN_L_FEEDS && TN_HAS(n->layer, decode);
    return feeds && h->loss->in_slot[0] == &n->out[0] && n->out[0].value.lay->parent == TN_ROOT ? n : NULL;
}

typedef struct written {
    answers *a; const node *n;
    int32_t rows; int paths;               /* rows begun so far; paths of the last one                           */
    const tn_path *path;                   /* what is told of the path that comes next; or NULL                  */
} written;

static void hear_path(void *to, int32_t parent_row, const tn_path *path)
{
    (void)parent_row;
    ((written *)to)->path = path;
}

/* The field whose steps a path comes from; NULL: it comes from steps that a layer made. */
static const field *source_of(const written *w)
{
    const data *d = w->a->e->data;
    const int32_t layout = w->path ? w->n->in_slot[w->path->in]->spec.layout : 0;
    for (int i = 0; i < d->n_fields; i++)
        if (d->field[i]->layout == layout && !d->field[i]->from) return d->field[i];
    return NULL;
}

/* The steps that a path comes from, as the line has them. */
static void put_source(written *w)
{
    const field *f = source_of(w);
    if (f) tokens_put(w->a, f, w->path->steps, "source");
}

/* For each word the step that it comes from most, the first of equal ones; then how much from each. */
static void put_alignment(FILE *f, const tn_path *p)
{
    fprintf(f, ", \"alignment\": [");
    for (int64_t i = 0; i < p->n; i++) {
        if (p->steps) fprintf(f, "%s%lld", i ? ", " : "", (long long)best_of(p->weight + i * p->steps, p->steps));
        else fprintf(f, "%snull", i ? ", " : "");
    }
    fprintf(f, "], \"weights\": [");
    for (int64_t i = 0; i < p->n; i++) {
        fprintf(f, "%s[", i ? ", " : "");
        for (int64_t t = 0; t < p->steps; t++) {
            if (t) fputs(", ", f);
            json_number(f, (double)p->weight[i * p->steps + t]);
        }
        fputc(']', f);
    }
    fputc(']', f);
}

/* The words of a path; in JSON also its score as the search compares it, log p, and where each word comes from. */
static void put_words(written *w, double points, const int32_t *ids, int64_t n)
{
    const answers *a = w->a;
    if (a->json) fprintf(a->out, "\"words\": [");
    for (int64_t i = 0; i < n; i++) {
        const char *text = api_word(&a->e->host, w->n->decoded.spec.vocabulary, ids[i]);
        if (i) fputs(a->json ? ", " : " ", a->out);
        if (a->json) json_text(a->out, text ? text : "?");
        else fputs(text ? text : "?", a->out);
    }
    if (!a->json) return;
    fputs("], \"score\": ", a->out), json_number(a->out, points);
    if (w->path) fputs(", \"log_probability\": ", a->out), json_number(a->out, w->path->log_p);
    if (w->path && w->path->weight && source_of(w)) put_alignment(a->out, w->path);
}

/* Ends the object of the row at hand. */
static void end_row(const written *w)
{
    if (!w->rows) return;
    if (w->a->json && w->paths) fputs(w->paths > 1 ? "]}" : "}", w->a->out);
    fputc('\n', w->a->out);
}

/* Rows come in order, the best path of each first; a row without a path is an empty line. */
static int put_path(void *to, int32_t parent_row, double points, const int32_t *ids, int64_t n)
{
    written *w = to;
    answers *a = w->a;
    int first = parent_row >= w->rows;
    for (; w->rows <= parent_row; w->rows++, w->paths = 0) end_row(w);
    w->paths++;
    if (first && a->json) open_object(a, parent_row), put_source(w);
    if (!first && a->json) fprintf(a->out, w->paths == 2 ? ", \"others\": [{" : ", {");
    if (first || a->json) put_words(w, points, ids, n);
    if (!first && a->json) fputc('}', a->out);
    w->path = NULL;
    return 0;
}

static int put_written(answers *a, node *n)
{
    graph *g = a->e->graph;
    written w = { a, n, 0, 0, NULL };
    if (a->json) g->search.tell = hear_path, g->search.to = &w;
    int rc = n->layer->decode(n->part->self, &n->call, put_path, &w);
    g->search.tell = NULL, g->search.to = NULL;
    for (; !rc && w.rows <= g->bound->n; w.rows++, w.paths = 0) end_row(&w);
    return rc;
}

int answers_put(answers *a)
{
    graph *g = a->e->graph;
    const head *h = &g->head[0];
    const tn_tensor *y = h->loss->at_in[0];
    if (writer_of(h)) return put_written(a, writer_of(h));
    if (y->lay && y->lay->id != TN_ROOT && y->lay->parent != TN_ROOT)
        return host_fail(&a->e->host, TN_EINVAL, "'%s' has one row a step within the steps of an example; an answer has one an "
                         "example or one a step of it", h->loss->in[0].name);
    int64_t classes = classes_of(h);
    /* of numbers: one a column, where a loss says so */
    const float *p = answers_probabilities(a, h, y->rows, classes ? classes : y->width);
    const int32_t *path = y->lay && y->lay->id != TN_ROOT ? best_paths(a, h, y->rows) : NULL;
    for (int32_t r = 0; r < g->bound->n; r++) {
        if (!y->lay || y->lay->id == TN_ROOT) {
            if (p && classes) put_row(a, h, p + r * classes, classes, r);
            else put_values(a, p ? NULL : h, (p ? p : (const float *)y->data) + r * y->width, y->width, r);
        } else put_steps(a, h, y, classes ? p : NULL, path, classes, r);
        fputc('\n', a->out);
    }
    return 0;
}

void answers_free(answers *a)
{
    memory_free(a->probability);
    memory_free(a->path);
    memory_free(a->score);
    memory_free(a->place_of);
    a->place_of = NULL, a->places = a->place_room = 0;
    a->probability = NULL, a->bytes = 0, a->path = NULL, a->path_bytes = 0;
    a->score = NULL, a->scores = 0;
}
