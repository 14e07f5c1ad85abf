/* answers.c -- what a network says of examples, as lines of text or JSON. */
#include <string.h>
#include "answers.h"

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

static const char *word(const head *h, int64_t id)
{
    return h->target->words && id < h->target->words->n ? h->target->words->word[id] : "?";
}

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

/* Numbers, as they were before the target's transforms. */
/* h: the head whose target's scale the numbers have, or NULL. */
static void put_values(answers *a, const head *h, const float *x, int64_t n, int32_t r)
{
    const char *why;
    size_t bytes = sizeof(float) * (size_t)(n + 1);
    if (h && h->target && h->target->width == n && data_can_undo(a->e->data, h->target, &why)) {
        if (bytes > a->bytes) {
            memory_free(a->probability);
            a->probability = memory_new(bytes);
            a->bytes = bytes;
        }
        memcpy(a->probability, x, sizeof(float) * (size_t)n);
        if (!data_undo(a->e->data, h->target, 1, a->probability)) x = a->probability;
    }
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

void answers_put(answers *a)
{
    graph *g = a->e->graph;
    const head *h = &g->head[0];
    const tn_tensor *y = h->loss->at_in[0];
    int64_t classes = classes_of(h);
    const float *p = probabilities(a, h, y->rows, classes ? classes : y->width); /* of numbers: one a column, where a loss says so */
    for (int32_t r = 0; r < g->bound->n; r++) {
        if (!y->lay || y->lay->id == TN_ROOT) {
            if (p && classes) put_row(a, h, p + r * classes, classes, r);
            else put_values(a, p ? NULL : h, (p ? p : (const float *)y->data) + r * y->width, y->width, r);
        } else if (y->lay->parent == TN_ROOT) put_steps(a, h, y, classes ? p : NULL, classes, r);
        fputc('\n', a->out);
    }
}

void answers_free(answers *a)
{
    memory_free(a->probability);
    a->probability = NULL, a->bytes = 0;
}
