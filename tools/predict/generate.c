/* generate.c -- text written by a language model. The beginning runs through the network once, then each word that was drawn is
 * one step, from the states that the steps before left. Where that does not give what the whole text at once gives, since a layer
 * carries no state or looks at several steps, each word runs the whole text again: writer_open tries it with the run's weights.
 *
 * The i-th word of line n is drawn by number i of the stream (seed, n): it depends on nothing else.                 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../../host/json.h"
#include "../../include/tenon/random.h"
#include "generate.h"

enum { TRIED = 8 };                        /* steps that writer_open compares                                     */

/* ---- what the network reads ------------------------------------------------------------------------------------ */
/* Whether a layer, not a loss alone, reads a field. */
static int is_read(const graph *g, const field *f)
{
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->node[i]->count[G_IN] && !g->node[i]->loss; k++)
            if (g->node[i]->in_node[k]->source == f) return 1;
    return 0;
}

int writer_plan(writer *w, experiment *e)
{
    const head *h = w->h = &e->graph->head[0];
    const field *next = h->target;
    w->e = e;
    if (!data_has_lanes(e->data) || !next || !next->from || !next->shift || next->kind != FIELD_TEXT
        || !is_read(e->graph, next->from)) return 0;
    w->text = next->from;
    if (next->shift != 1)
        return host_fail(&e->host, TN_EINVAL, "the network learns what comes %d steps later (field '%s'); only one that "
                         "learns the next step can write a text", next->shift, next->name);
    for (int i = 0; i < e->data->n_fields; i++) {
        const field *f = e->data->field[i];
        if (f == w->text) w->number = i;
        else if (is_read(e->graph, f))
            return host_fail(&e->host, TN_EINVAL, "the network reads '%s' besides '%s'; only one that reads the text alone "
                             "can write on from it", f->name, w->text->name);
    }
    const slot *y = h->loss->in_slot[0];
    if (!TN_HAS(h->loss->loss, predict) || y->spec.layout != w->text->layout)
        return host_fail(&e->host, TN_EINVAL, "'%s' does not give a probability to each word at each step of '%s', so there "
                         "is nothing to draw from", h->loss->name, w->text->name);
    return 1;
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */
/* The words from..n - 1 of the text, from the states there are. */
static int run(writer *w, int64_t from)
{
    graph *g = w->e->graph;
    int64_t begin[2] = { 0, w->n - from };
    w->stores[w->number] = (store){ .examples = 1, .leaves = begin[1], .begin = begin, .id = w->id + from };
    int rc = batch_build_stores(g, w->b, w->stores);
    if (!rc) rc = graph_bind(g, w->b);
    if (!rc && !from) graph_carry_reset(g);
    if (!rc) rc = graph_forward(g, 0, 0);
    if (!rc) graph_carry_commit(g);
    memset(&w->stores[w->number], 0, sizeof w->stores[w->number]);
    return rc;
}

static void add(writer *w, int32_t id)
{
    if (w->n == w->room) {
        int64_t room = 2 * w->room + 256;
        w->id = memory_grow(w->id, sizeof *w->id * (size_t)w->n, sizeof *w->id * (size_t)room);
        w->room = room;
    }
    w->id[w->n++] = id;
}

/* Whether step by step and all at once give the same numbers, to the bit as everywhere. */
static int try_steps(writer *w)
{
    const tn_tensor *y;
    w->n = 0;
    for (int64_t i = 0; i < TRIED; i++) add(w, (int32_t)(i * 7919 % w->text->words->n));
    int rc = run(w, 0);
    if (rc) return rc;
    y = w->h->loss->at_in[0];
    size_t row = sizeof(float) * (size_t)y->width;
    char *whole = memory_new(TRIED * row);
    if (y->rows == TRIED) memcpy(whole, y->data, TRIED * row);
    w->steps = y->rows == TRIED;
    for (int64_t i = 0; i < TRIED && w->steps && !rc; i++) {
        w->n = i + 1;
        rc = run(w, i);
        w->steps = !rc && !memcmp(whole + (size_t)i * row, y->data, row);
    }
    memory_free(whole);
    return rc;
}

int writer_open(writer *w, answers *a)
{
    w->a = a;
    w->b = memory_new(sizeof *w->b);
    w->stores = memory_new(sizeof *w->stores * (size_t)(w->e->data->n_fields + 1));
    return try_steps(w);
}

/* Probabilities of the word behind the text. */
static const float *next_word(writer *w)
{
    const tn_tensor *y = w->h->loss->at_in[0];
    int64_t classes = w->text->words->n;
    const float *p = answers_probabilities(w->a, w->h, y->rows, classes);
    if (!p && !w->e->host.error[0]) host_fail(&w->e->host, TN_EINVAL, "'%s' gives no probabilities", w->h->loss->name);
    return p ? p + (y->rows - 1) * classes : NULL;
}

/* ---- one line ----------------------------------------------------------------------------------------------------- */
/* The words of a line behind those that are there; of an empty one, what stands for the end of a line. */
static int add_line(writer *w, const char *line)
{
    int rc = data_read_line(w->e->data, &w->text->column, &line, 1, w->stores);
    const store *s = &w->stores[w->number];
    for (int64_t i = 0; i < s->leaves && !rc; i++) add(w, s->id[i]);
    for (int i = 0; i < w->e->data->n_fields; i++) store_free(&w->stores[i]);
    return rc;
}

static int begin_text(writer *w, const char *line)
{
    w->n = 0;
    int rc = add_line(w, line);
    if (!rc && !w->n)
        return host_fail(&w->e->host, TN_EINVAL, "there is nothing to go on from: the line has no word, and the data set no "
                         "word for the end of a line; give it a first word");
    return rc ? rc : run(w, 0);
}

static int write_words(writer *w, tn_rng rng, float *probability)
{
    int64_t begun = w->n;
    for (int64_t i = 0; i < w->length; i++) {
        const float *p = next_word(w);
        if (!p) return TN_EINVAL;
        int64_t word = draw_word(&w->rules, p, w->text->words->n, tn_random_real(rng, (uint64_t)i), &w->drawing);
        if (word < 0) return host_fail(&w->e->host, TN_EINVAL, "the network gives probabilities that are not finite numbers");
        probability[i] = p[word];
        add(w, (int32_t)word);
        if (i + 1 == w->length) break;
        int rc = run(w, w->steps ? begun + i : 0);
        if (rc) return rc;
    }
    return 0;
}

static double log_probability(const float *probability, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += log((double)probability[i]);
    return sum;
}

/* The last n words, and of each how probable the network found it, whatever it was drawn by. */
static void put_tokens(const writer *w, int64_t n, const float *probability)
{
    FILE *f = w->a->out;
    fprintf(f, ", \"tokens\": [");
    for (int64_t i = 0; i < n; i++) {
        if (i) fputs(", ", f);
        json_text(f, w->text->words->word[w->id[w->n - n + i]]);
    }
    fprintf(f, "], \"probabilities\": [");
    for (int64_t i = 0; i < n; i++) {
        if (i) fputs(", ", f);
        json_number(f, (double)probability[i]);
    }
    fputs("], \"log_probability\": ", f), json_number(f, log_probability(probability, n));
}

/* text: as it was written. */
static void put_json(const writer *w, const char *line, const char *text, const float *probability)
{
    fprintf(w->a->out, "{\"beginning\": ");
    json_text(w->a->out, line);
    fprintf(w->a->out, ", \"text\": ");
    json_text(w->a->out, text);
    put_tokens(w, w->length, probability);
    fprintf(w->a->out, "}\n");
}

/* ---- how probable a line is ---------------------------------------------------------------------------------------- */
/* log p and perplexity exp(-log p / n) of the n words of a line and of its end, behind the end of a line. */
static void put_score(const writer *w, const char *line, int64_t n, const float *probability)
{
    double log_p = log_probability(probability, n), perplexity = n ? exp(-log_p / (double)n) : 1;
    if (!w->a->json) {
        fprintf(w->a->out, "%.9g\t%.9g\n", log_p, perplexity);
        return;
    }
    fprintf(w->a->out, "{\"line\": ");
    json_text(w->a->out, line);
    put_tokens(w, n, probability);
    fputs(", \"perplexity\": ", w->a->out), json_number(w->a->out, perplexity);
    fputs("}\n", w->a->out);
}

/* Where the data set has no word for the end of a line, the first word is given, and no end is scored. */
static int score_line(writer *w, const char *line)
{
    w->n = 0;
    int rc = add_line(w, "");
    int64_t end = w->n, words = w->text->words->n;
    if (!rc && *line) rc = add_line(w, line);
    if (!rc && end) add(w, w->id[0]);
    if (!rc && !w->n) return begin_text(w, line); /* says that there is nothing */
    if (!rc) rc = run(w, 0);
    const tn_tensor *y = w->h->loss->at_in[0];
    const float *p = rc ? NULL : answers_probabilities(w->a, w->h, y->rows, words);
    if (!p) return rc ? rc : next_word(w) ? 0 : TN_EINVAL;
    float *probability = memory_new(sizeof *probability * (size_t)w->n);
    for (int64_t i = 1; i < w->n; i++) probability[i - 1] = p[(i - 1) * words + w->id[i]];
    put_score(w, line, w->n - 1, probability);
    memory_free(probability);
    return 0;
}

int writer_line(writer *w, const char *line, int64_t number)
{
    if (w->scores) return score_line(w, line);
    tn_rng rng = tn_random_fork((tn_rng){ w->seed, (uint64_t)number }, text_hash("predict"));
    int rc = begin_text(w, line);
    float *probability = memory_new(sizeof *probability * (size_t)(w->length + 1));
    if (!rc) rc = write_words(w, rng, probability);
    char *text = rc ? NULL : data_write_line(w->e->data, w->text, w->id + w->n - w->length, w->length);
    if (!rc && !text) rc = TN_EINVAL;
    if (text && w->a->json) put_json(w, line, text, probability);
    else if (text) fprintf(w->a->out, "%s\n", text);
    memory_free(text);
    memory_free(probability);
    return rc;
}

void writer_close(writer *w)
{
    if (w->b) scratch_free(&w->b->memory);
    memory_free(w->b);
    memory_free(w->stores);
    memory_free(w->id);
    draw_free(&w->drawing);
    w->b = NULL, w->stores = NULL, w->id = NULL;
}
