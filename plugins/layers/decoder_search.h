/* decoder_search.h -- what attention_decoder writes by itself: a beam search over free steps of its cell. Of each sequence `width`
 * beginnings go on, the most probable ones; one that ends keeps its place, and the search is over when all places are taken
 * (Sutskever et al. 2014). Width 1 is greedy.
 *
 * Sequences are searched a few at a time, for the sake of memory; a row's numbers do not depend on the others.          */
#ifndef DECODER_SEARCH_H
#define DECODER_SEARCH_H
#include "../activations/softmax.h"
#include "attention_decoder.h"

enum { SEARCH_ROWS = 512 };                /* about as many beginnings go through a step at once                          */

typedef struct said { int32_t word, before; } said;                          /* before: in the tree; -1: the first word   */
typedef struct beginning { double log_p; int32_t last; } beginning;          /* last: in the tree; -1: nothing said yet   */
typedef struct ended { double score, log_p; int32_t last, n, cut; } ended;   /* cut: by the length alone                  */
typedef struct candidate { double log_p; int32_t row, word; } candidate;
typedef struct beam {                      /* of one sequence                                                            */
    int32_t parent_row, source, most;      /* sequence of the source; words it may have                                  */
    int32_t row, live, n_ended, n;         /* its rows of this step; candidates                                          */
    ended *ended; candidate *best;         /* [width] each, best first                                                   */
} beam;
typedef struct search {
    const decoder *d; const tn_call *c, *k;
    int32_t width, rows, beams;
    double penalty;
    beam *beam;
    beginning *begun, *next;               /* [rows]                                                                     */
    int32_t *of, *from;                    /* [rows] its beam; for the next step: the row that it goes on from           */
    said *tree; int32_t n_said, room;
    float *looked;                         /* [room x longest] at what a word of the tree looked; only where that is told */
    const tn_search *asked;                /* its tell() is given; or NULL                                               */
    float *state[MOST_STATES], *asks, *weights, *read, *logits; /* [rows x width of each]; asks: queries as compared      */
    int64_t longest;                       /* steps of a source                                                          */
} search;

/* ---- memory -------------------------------------------------------------------------------------------------------- */
static float *search_floats(int64_t rows, int64_t width) { return malloc(sizeof(float) * (size_t)(rows * width + 1)); }

static void search_close(search *z)
{
    for (uint32_t i = 0; i < z->d->states; i++) free(z->state[i]);
    for (int32_t b = 0; z->beam && b < z->beams; b++) free(z->beam[b].ended), free(z->beam[b].best);
    free(z->asks), free(z->weights), free(z->read), free(z->logits), free(z->begun), free(z->next), free(z->of), free(z->from);
    free(z->beam), free(z->tree), free(z->looked);
}

static int search_open(search *z, const decoder *d, const tn_call *c, int32_t beams)
{
    const tn_search *s = TN_HAS(c, search) ? c->search : NULL;
    *z = (search){ .d = d, .c = c, .width = s && s->width > 1 ? s->width : 1, .penalty = s ? s->length_penalty : 0,
                   .longest = c->in[SOURCE]->lay->steps, .asked = s && TN_HAS(s, tell) ? s : NULL };
    z->beams = SEARCH_ROWS / z->width;
    if (z->beams > beams) z->beams = beams;
    if (z->beams < 1) z->beams = 1;
    int64_t n = (int64_t)z->beams * z->width;
    size_t size = (size_t)n;
    z->beam = calloc((size_t)z->beams, sizeof *z->beam);
    z->begun = malloc(sizeof *z->begun * size), z->next = malloc(sizeof *z->next * size);
    z->of = malloc(sizeof *z->of * size), z->from = malloc(sizeof *z->from * size);
    z->asks = search_floats(n, d->units), z->weights = search_floats(n, z->longest), z->read = search_floats(n, d->features);
    z->logits = search_floats(n, d->words);
    int bad = !z->beam || !z->begun || !z->next || !z->of || !z->from || !z->asks || !z->weights || !z->read || !z->logits;
    for (uint32_t i = 0; i < d->states; i++) bad |= !(z->state[i] = search_floats(n, d->state_width[i]));
    for (int32_t b = 0; z->beam && b < z->beams; b++) {
        z->beam[b].ended = malloc(sizeof(ended) * (size_t)z->width), z->beam[b].best = malloc(sizeof(candidate) * (size_t)z->width);
        bad |= !z->beam[b].ended || !z->beam[b].best;
    }
    return bad ? TN_ENOMEM : TN_OK;
}

static int search_grow(search *z)
{
    int32_t room = z->room ? 2 * z->room : 4096;
    said *more = z->room > INT32_MAX / 2 ? NULL : realloc(z->tree, sizeof *more * (size_t)room);
    if (!more) return TN_ENOMEM;
    z->tree = more;
    if (z->asked) {
        float *looked = realloc(z->looked, sizeof *looked * (size_t)(room * z->longest + 1));
        if (!looked) return TN_ENOMEM;
        z->looked = looked;
    }
    z->room = room;
    return TN_OK;
}

/* The new node, said by a row of this step; or -1: no memory. */
static int32_t search_say(search *z, int32_t row, int32_t word, int32_t before)
{
    if (z->n_said == z->room && search_grow(z)) return -1;
    if (z->asked && z->d->attention != NONE)
        memcpy(z->looked + z->n_said * z->longest, z->weights + row * z->longest, sizeof(float) * (size_t)z->longest);
    z->tree[z->n_said] = (said){ word, before };
    return z->n_said++;
}

/* ---- one step of all beginnings ---------------------------------------------------------------------------------------- */
static void search_hear(void *ctx, int64_t from, int64_t to)
{
    const search *z = ctx;
    const decoder *d = z->d;
    for (int64_t r = from; r < to; r++) {
        int32_t last = z->begun[r].last, word = last < 0 ? d->begin : z->tree[last].word;
        memcpy(floats(z->k->in[0]) + r * (d->embedding + d->source), weights(z->c, d->w_embedding) + word * d->embedding,
               sizeof(float) * (size_t)d->embedding);
    }
}

static void search_attend(void *ctx, int64_t from, int64_t to)
{
    const search *z = ctx;
    const decoder *d = z->d;
    const float *asks = d->p < 0 ? z->state[0] : z->asks;
    for (int64_t r = from; r < to; r++)
        attend(d, z->c, z->beam[z->of[r]].source, asks + r * d->units, z->weights + r * z->longest,
               floats(z->k->in[0]) + r * (d->embedding + d->source) + d->embedding);
}

static void search_read(void *ctx, int64_t from, int64_t to)
{
    const search *z = ctx;
    const decoder *d = z->d;
    for (int64_t r = from; r < to; r++)
        read_row(d, floats(z->k->out[0]) + r * d->state, floats(z->k->in[0]) + r * (d->embedding + d->source),
                 z->read + r * d->features);
}

/* The best candidates of a beam for its free places: log p of the beginning and of the word behind it, among all words. Equal
 * ones by their beginning, then by the number of the word. */
static void search_choose(void *ctx, int64_t from, int64_t to)
{
    const search *z = ctx;
    int64_t words = z->d->words;
    for (int64_t i = from; i < to; i++) {
        beam *b = &z->beam[i];
        int32_t places = z->width - b->n_ended;
        b->n = 0;
        for (int32_t r = b->row; r < b->row + b->live; r++) {
            const float *x = z->logits + r * words;
            float top = row_max(x, words), all = top + tn_log(tn_set((float)row_exps(x, top, words, NULL)))[0];
            for (int32_t w = 0; w < words; w++) {
                double log_p = z->begun[r].log_p + ((double)x[w] - (double)all);
                if (b->n == places && !(log_p > b->best[places - 1].log_p)) continue;
                int32_t at = b->n < places ? b->n++ : places - 1;
                for (; at > 0 && log_p > b->best[at - 1].log_p; at--) b->best[at] = b->best[at - 1];
                b->best[at] = (candidate){ log_p, r, w };
            }
        }
    }
}

/* log p / ((5 + n) / 6)^penalty */
static double search_score(const search *z, double log_p, int32_t n) { return log_p / pow((5 + (double)n) / 6, z->penalty); }

static void search_end(const search *z, beam *b, double log_p, int32_t last, int32_t n, int cut)
{
    double score = search_score(z, log_p, n);
    int32_t at = b->n_ended++;
    for (; at > 0 && (cut == b->ended[at - 1].cut ? score > b->ended[at - 1].score : cut < b->ended[at - 1].cut); at--)
        b->ended[at] = b->ended[at - 1];
    b->ended[at] = (ended){ score, log_p, last, n - !cut, cut };
}

/* Candidates become the beginnings of the next step, or come to their end. */
static int search_extend(search *z, int32_t t)
{
    int32_t rows = 0;
    for (int32_t i = 0; i < z->beams; i++) {
        beam *b = &z->beam[i];
        int32_t first = rows;
        for (int32_t j = 0; j < b->n; j++) {
            const candidate *q = &b->best[j];
            int32_t before = z->begun[q->row].last, last = q->word == z->d->end ? before : search_say(z, q->row, q->word, before);
            if (q->word == z->d->end) search_end(z, b, q->log_p, before, t + 1, 0);
            else if (last < 0) return TN_ENOMEM;
            else if (t + 1 >= b->most) search_end(z, b, q->log_p, last, t + 1, 1);
            else z->next[rows] = (beginning){ q->log_p, last }, z->from[rows] = q->row, z->of[rows++] = i;
        }
        b->row = first, b->live = rows - first, b->n = 0;
    }
    z->rows = rows;
    memcpy(z->begun, z->next, sizeof *z->begun * (size_t)rows);
    return TN_OK;
}

static int search_step(search *z, int32_t t)
{
    const decoder *d = z->d;
    const tn_call *c = z->c;
    const tn_ops *ops = c->be->ops;
    z->k = c->api->enter_free(c, d->child, z->rows);
    if (!z->k) return TN_ENOMEM;
    for (uint32_t i = 0; i < d->states; i++)
        memcpy(floats(z->k->state[i]), z->state[i], sizeof(float) * (size_t)(z->rows * d->state_width[i]));
    int rc = ops->parallel_for(c->be, z->rows, 16, search_hear, z);
    if (!rc && d->p >= 0)
        rc = multiply(c, z->rows, d->query, z->state[0], d->query, d->pack_query, d->units, weights(c, d->b_query), 0, z->asks);
    if (!rc) rc = ops->parallel_for(c->be, z->rows, 1, search_attend, z);
    if (!rc) rc = c->api->run(z->k, TN_FORWARD);
    if (!rc) rc = ops->parallel_for(c->be, z->rows, 16, search_read, z);
    if (!rc) rc = multiply(c, z->rows, d->features, z->read, d->features, d->pack_output, d->words, weights(c, d->b_output), 0, z->logits);
    if (!rc) rc = ops->parallel_for(c->be, z->beams, 1, search_choose, z);
    if (!rc) rc = search_extend(z, t);
    for (uint32_t i = 0; i < d->states && !rc; i++)
        rc = ops->gather(c->be, z->rows, d->state_width[i], floats(z->k->next[i]), d->state_width[i], z->from, z->state[i],
                         d->state_width[i]);
    return rc;
}

/* ---- a few sequences --------------------------------------------------------------------------------------------------- */
/* The sequences of parent rows first ..; those beyond the last one have no rows. */
static void search_begin(search *z, int32_t first, int32_t sequences)
{
    const tn_call *c = z->c;
    const tn_layout *source = c->in[SOURCE]->lay;
    z->rows = z->n_said = 0;
    for (int32_t i = 0; i < z->beams; i++) {
        beam *b = &z->beam[i];
        b->row = z->rows, b->live = first + i < sequences, b->n = b->n_ended = 0;
        if (!b->live) continue;
        b->parent_row = first + i, b->source = source->place[b->parent_row];
        b->most = most_words((void *)(uintptr_t)z->d, &source->length[b->source]);
        for (uint32_t k = 0; k < z->d->states; k++) {
            size_t w = (size_t)z->d->state_width[k];
            const float *from = floats(c->state[k]);
            float *to = z->state[k] + (size_t)z->rows * w;
            if (from) memcpy(to, from + (size_t)b->parent_row * w, sizeof *to * w);
            else memset(to, 0, sizeof *to * w);
        }
        z->of[z->rows] = i;
        z->begun[z->rows++] = (beginning){ 0, -1 };
    }
}

/* Where each word of a path looked. weight: room for the longest path; told, too, stays until the path is emitted. */
static void search_tell(const search *z, const beam *b, const ended *path, float *weight, tn_path *told)
{
    int32_t steps = z->c->in[SOURCE]->lay->length[b->source];
    int looks = z->d->attention != NONE;
    for (int64_t at = path->last, i = path->n; looks && at >= 0; at = z->tree[at].before)
        memcpy(weight + --i * steps, z->looked + at * z->longest, sizeof *weight * (size_t)steps);
    *told = (tn_path){ sizeof *told, SOURCE, path->log_p, path->n, steps, looks ? weight : NULL };
    z->asked->tell(z->asked->to, b->parent_row, told);
}

/* Those that ended, best first; where none did, those that were cut off. */
static int search_emit(const search *z, tn_emit_fn *emit, void *to, int32_t *ids, float *weight)
{
    int rc = TN_OK;
    for (int32_t i = 0; i < z->beams; i++) {
        const beam *b = &z->beam[i];
        for (int32_t j = 0; j < b->n_ended && !rc && b->ended[j].cut == b->ended[0].cut; j++) {
            tn_path told;
            if (z->asked) search_tell(z, b, &b->ended[j], weight, &told);
            for (int32_t at = b->ended[j].last, n = b->ended[j].n; at >= 0; at = z->tree[at].before) ids[--n] = z->tree[at].word;
            rc = emit(to, b->parent_row, b->ended[j].score, ids, b->ended[j].n);
        }
    }
    return rc;
}

static int decoder_search(const decoder *d, const tn_call *c, tn_emit_fn *emit, void *to)
{
    const tn_layout *l = c->in[TARGET]->lay, *source = c->in[SOURCE]->lay;
    int64_t most = most_words((void *)(uintptr_t)d, &source->steps);
    int32_t *ids = malloc(sizeof *ids * (size_t)most);
    search z;
    int rc = search_open(&z, d, c, l->sequences);
    float *weight = z.asked ? search_floats(most, z.longest) : NULL;
    if (!ids || (z.asked && !weight)) rc = TN_ENOMEM;
    for (int32_t first = 0; first < l->sequences && !rc; first += z.beams) {
        search_begin(&z, first, l->sequences);
        for (int32_t t = 0; z.rows && !rc; t++) rc = search_step(&z, t);
        if (!rc) rc = search_emit(&z, emit, to, ids, weight);
    }
    search_close(&z);
    free(ids), free(weight);
    return rc == TN_ENOMEM ? tn_fail(c->api, c->host, rc, "attention_decoder: no memory to decode %d sequences", l->sequences) : rc;
}
#endif
