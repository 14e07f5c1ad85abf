/* attention_decoder.c -- writes a sequence word by word: each step looks at the steps of another sequence, hears the word before
 * and says how probable each next one is. Bahdanau, Cho, Bengio 2015.
 *
 *     e_t = W[word t]                          the target's word, or the one that the step before found most probable
 *     c_t = attention(s_(t-1), source)         weights a = softmax(score(s_(t-1), k)) over the source's steps, sum of a k
 *     s_t = cell([e_t, c_t], s_(t-1))          any recurrent layer, stepped
 *     y_t = W_o [s_t, c_t, e_t] + b            logits of all words
 *
 * attention_decoder.h has the shapes; decoder_search.h decodes.                                                        */
#include "attention_decoder.h"
#include "decoder_search.h"
#include "mask.h"

enum { FEEDS = 0x666565 };                 /* salt: the random numbers that choose what a step hears                      */

static const char *const types[] = { "additive", "dot", "general", "none", NULL };
static const char *const reads[] = { "state", "context", "embedding", NULL };
static const tn_option options[] = {
    TN_SIZE(config, embedding.width, 128, 1, 1e6, "how many numbers the vector of a word has"),
    TN_REAL_X(config, embedding.dropout, TN_O_OPEN_MAX, 0, 0, 1, "probability that a number of it is zeroed in a training step"),
    TN_SUBPART(config, cell, TN_LAYER, "gru", "the recurrent layer that is stepped, e.g. { type = \"lstm\", units = 256 }"),
    TN_ENUM(config, attention.type, ADDITIVE, types, "how the state before a step is compared with the steps of the source"),
    TN_INT(config, attention.units, 0, 0, 1e6, "of `additive`: width of the projections; 0: as wide as the state"),
    TN_BOOL(config, attention.scale, 0, "whether `dot` and `general` are divided by the square root of the state's width"),
    TN_SIZE(config, output.units, 0, 0, 1e8, "how many words there are, or the name of the field; 0: as many as the target has"),
    TN_STRS(config, output.reads, "['state', 'context', 'embedding']", "what the logits are computed from, in this order"),
    TN_REAL(config, teacher_forcing, 1, 0, 1, "probability that a step of training hears the target's word, not its own"),
    { "begin", "the word that a decoded sequence begins with", TN_O_STR, 0, TN_AT_(config, begin, const char *), 0, 0, 0, "<sos>",
      1, 1e6, NULL, NULL },
    TN_STR(config, end, "<eos>", "the word that ends one; empty: none, each gets max_length words"),
    TN_INT_X(config, max_length, 0, 0, 0, 1e6, "words that a decoded sequence has at most; 0: twice the steps of its source, and 10"),
};

/* ---- planning ------------------------------------------------------------------------------------------ */
static int number_of(const char *name)
{
    int i = 0;
    while (reads[i] && strcmp(reads[i], name)) i++;
    return i;
}

static int check(const tn_api *api, tn_host *host, const void *opts)
{
    const config *o = opts;
    int seen[READS + 1] = { 0 };
    for (int64_t i = 0; i < o->output.reads.n; i++) {
        const char *name = ((const char *const *)o->output.reads.v)[i];
        int k = number_of(name);
        if (k == READS)
            return tn_fail(api, host, TN_EINVAL, "output.reads: '%s' is none of state, context, embedding", name);
        if (seen[k]++) return tn_fail(api, host, TN_EINVAL, "output.reads: '%s' stands there twice", name);
    }
    return o->output.reads.n ? TN_OK : api->fail(host, TN_EINVAL, "output.reads: the output must read something, the state say");
}

static int check_inputs(const tn_api *api, tn_host *host, tn_plan *p, const config *o, const tn_spec *const *in)
{
    const tn_spec *x = in[TARGET], *v = in[SOURCE];
    if (x->means != TN_IDS)
        return api->fail(host, TN_ESHAPE, "attention_decoder: the first input is numbers; it must be the words to be said");
    if (v->means == TN_IDS || v->across)
        return api->fail(host, TN_ESHAPE, "attention_decoder: the second input must be numbers, the steps of an encoder");
    int32_t up = x->layout > TN_FIXED ? api->parent(p, x->layout) : 0, over = v->layout > TN_FIXED ? api->parent(p, v->layout) : 0;
    if (up <= 0 || over <= 0)
        return tn_fail(api, host, TN_ESHAPE, "attention_decoder: the %s input has one row an example; it must have steps",
                       up <= 0 ? "first" : "second");
    if (up != over)
        return api->fail(host, TN_ESHAPE, "attention_decoder: the inputs must be sequences of the same examples; one of them is "
                                          "steps within steps");
    if (x->classes > 0 && o->output.units && o->output.units != x->classes)
        return tn_fail(api, host, TN_ESHAPE, "attention_decoder: output.units is %lld, but the first input has %lld words, all of "
                       "which it must be able to say", (long long)o->output.units, (long long)x->classes);
    return TN_OK;
}

static int check_cell(const tn_api *api, tn_host *host, tn_part *cell)
{
    void *none;
    const tn_layer *layer = api->part_table(cell, TN_LAYER, &none);
    if (!layer) return api->fail(host, TN_EINVAL, "cell: there is none; name a recurrent layer, as cell = \"gru\"");
    if (!(layer->flags & TN_L_RECURRENT) || layer->flags & TN_L_REVERSE)
        return api->fail(host, TN_EINVAL, "cell: this layer does not read steps one after the other from the first on; gru, lstm "
                                          "and rnn do");
    return TN_OK;
}

/* The id of a word; -1: it is not asked for; -2: the vocabulary lacks it. Where ids have no words it is a number, or `otherwise`. */
static int32_t id_of(const tn_api *api, tn_host *host, const tn_spec *in, const char *word, int32_t otherwise)
{
    char *stop;
    if (!word || !word[0]) return -1;
    if (in->vocabulary && in->classes > 0 && api->word(host, in->vocabulary, 0)) {
        for (int32_t id = 0; id < in->classes; id++) {
            const char *s = api->word(host, in->vocabulary, id);
            if (s && !strcmp(s, word)) return id;
        }
        return -2;
    }
    long id = strtol(word, &stop, 10);
    return *stop || id < 0 || id >= in->classes ? otherwise : (int32_t)id;
}

static int find_words(const tn_api *api, tn_host *host, const config *o, const tn_spec *in, decoder *d)
{
    d->begin = id_of(api, host, in, o->begin, 0), d->end = id_of(api, host, in, o->end, -1);
    if (d->begin != -2 && d->end != -2) return TN_OK;
    return tn_fail(api, host, TN_EINVAL, "attention_decoder: the target has no word '%s'; the transform `bracket` puts one in front "
                   "and one behind, or say which it is: %s = \"...\"", d->begin == -2 ? o->begin : o->end, d->begin == -2 ? "begin" : "end");
}

static int add_weight(const tn_api *api, tn_plan *p, const char *name, int64_t rows, int64_t width, const char *init, uint32_t touched_by)
{
    static const char zero[] = "{ type = 'constant', value = 0.0 }";
    tn_param w = { .size = sizeof w, .flags = init ? 0 : TN_P_NO_DECAY, .name = name, .init = init ? init : zero,
                   .ndim = init ? 2 : 1, .blocks = 1, .dim = { rows, width, 1, 1 }, .fan_in = width, .fan_out = rows,
                   .touched_by = touched_by };
    return api->add_param(p, &w);
}

static int plan_params(const tn_api *api, tn_plan *p, decoder *d)
{
    static const char glorot[] = "glorot_uniform", small[] = "{ type = 'uniform', low = -0.05, high = 0.05 }";
    if ((d->w_embedding = add_weight(api, p, "embedding_weight", d->words, d->embedding, small, 1 + TARGET)) < 0
        || (d->w_output = add_weight(api, p, "output_weight", d->words, d->features, glorot, 0)) < 0
        || (d->b_output = add_weight(api, p, "output_bias", d->words, 1, NULL, 0)) < 0
        || (d->pack_output = api->add_packed(p, d->w_output, 1, 1)) < 0) return TN_EINVAL;
    if (d->attention == DOT || d->attention == NONE) return TN_OK;
    const char *name = d->attention == GENERAL ? "attention_weight" : "attention_key_weight";
    if ((d->w_key = add_weight(api, p, name, d->units, d->source, glorot, 0)) < 0
        || (d->pack_key = api->add_packed(p, d->w_key, 1, 1)) < 0) return TN_EINVAL;
    if (d->attention == GENERAL) return TN_OK;
    tn_param context = { .size = sizeof context, .name = "attention_context", .init = glorot, .ndim = 1, .blocks = 1,
                         .dim = { d->units, 1, 1, 1 }, .fan_in = d->units, .fan_out = 1 };
    return (d->w_query = add_weight(api, p, "attention_query_weight", d->units, d->query, glorot, 0)) < 0
        || (d->b_query = add_weight(api, p, "attention_bias", d->units, 1, NULL, 0)) < 0
        || (d->w_context = api->add_param(p, &context)) < 0
        || (d->pack_query = api->add_packed(p, d->w_query, 1, 1)) < 0
        || (d->pack_query_back = api->add_packed(p, d->w_query, 0, 1)) < 0 ? TN_EINVAL : TN_OK;
}

/* What training keeps from forward to gradient: the words fed, the mask of the dropout, the states that asked; queries and keys
 * as they are compared, where they are not those themselves; attention weights; what the output read; gradients of these. */
static int plan_slots(const tn_api *api, tn_plan *p, decoder *d, const tn_spec *const *in)
{
    tn_spec row = { .dtype = TN_F32, .layout = in[TARGET]->layout, .width = 1 }, ids = row, ragged = row, wide = row, asks = row, q = row,
            k = row, f = row;
    int additive = d->attention == ADDITIVE, bad;
    ids.dtype = TN_I32, ragged.across = in[SOURCE]->layout, wide.width = d->embedding, asks.width = d->query, q.width = d->units;
    k.layout = in[SOURCE]->layout, k.width = d->units, f.width = d->features;
    bad = (d->fed = api->add_saved(p, &ids)) < 0 || (d->asks = api->add_saved(p, &asks)) < 0
       || (d->a = api->add_saved(p, &ragged)) < 0 || (d->da = api->add_work(p, &ragged)) < 0
       || (d->read = api->add_saved(p, &f)) < 0 || (d->d_read = api->add_saved(p, &f)) < 0
       || (d->dp = api->add_saved(p, &q)) < 0 || (d->dr = api->add_saved(p, &k)) < 0 || (d->d_embedding = api->add_saved(p, &wide)) < 0
       || ((additive || d->attention == GENERAL) && (d->r = api->add_saved(p, &k)) < 0) || (additive && (d->p = api->add_saved(p, &q)) < 0)
       || (additive && (d->dc = api->add_saved(p, &q)) < 0)
       || (d->o->embedding.dropout > 0 && (d->mask = api->add_saved(p, &wide)) < 0);
    return bad ? TN_EINVAL : TN_OK;
}

/* Decoded words have steps of their own. */
static int plan_decoded(const tn_api *api, tn_plan *p, const decoder *d, const tn_spec *const *in)
{
    tn_grow g = { .size = sizeof g, .parent = api->parent(p, in[TARGET]->layout), .name = "decoded", .n_from = 1,
                  .from = &in[SOURCE]->layout, .length = most_words, .like = in[SOURCE]->layout };
    tn_spec ids = { .dtype = TN_I32, .means = TN_IDS, .width = 1, .classes = d->words, .vocabulary = in[TARGET]->vocabulary };
    if (!TN_HAS(api, add_decoded)) return TN_OK;
    ids.layout = api->add_layout(p, &g);
    return ids.layout < 0 ? ids.layout : api->add_decoded(p, &ids);
}

/* The cell and its states, which are those of the decoder. */
static int plan_cell(const tn_api *api, tn_host *host, tn_plan *p, decoder *d, const tn_spec *target)
{
    tn_spec x = { .dtype = TN_F32, .layout = target->layout, .width = d->embedding + d->source };
    const tn_spec *fed[1] = { &x };
    tn_child got;
    memset(&got, 0, sizeof got);
    if ((d->child = api->add_child(p, d->o->cell, TN_C_STEP, 1, fed, &got)) < 0) return TN_EINVAL;
    if (!got.states || got.states > MOST_STATES)
        return tn_fail(api, host, TN_ESHAPE, "cell: it has %u states; there must be 1 to %d", got.states, MOST_STATES);
    if (got.out[0]->layout != x.layout || got.out[0]->dtype != TN_F32)
        return api->fail(host, TN_ESHAPE, "cell: its output has other rows than its input; it must give one a step");
    d->states = got.states, d->state = got.out[0]->width, d->query = got.state[0]->width;
    for (uint32_t i = 0; i < got.states; i++) {
        tn_spec s = *got.state[i];
        s.layout = api->parent(p, x.layout), d->state_width[i] = s.width;
        if (api->add_state(p, got.state_name[i], &s, TN_S_NO_CARRY) < 0) return TN_EINVAL;
    }
    return TN_OK;
}

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in, const tn_spec *const *in)
{
    const config *o = opts;
    decoder *d = self;
    (void)n_in;
    int rc = check_inputs(api, host, p, o, in);
    if (!rc) rc = check_cell(api, host, o->cell);
    if (rc) return rc;
    *d = (decoder){ .o = o, .words = in[TARGET]->classes > 0 ? in[TARGET]->classes : o->output.units, .embedding = o->embedding.width,
                    .source = o->attention.type == NONE ? 0 : in[SOURCE]->width, .attention = o->attention.type, .scale = 1, .w_key = -1, .w_query = -1, .w_context = -1,
                    .b_query = -1, .mask = -1, .p = -1, .r = -1, .dc = -1, .at = { -1, -1, -1 } };
    rc = find_words(api, host, o, in[TARGET], d);
    if (!rc) rc = plan_cell(api, host, p, d, in[TARGET]);
    if (rc) return rc;
    d->units = d->attention == ADDITIVE && o->attention.units ? o->attention.units : d->query;
    if (d->attention == DOT && d->query != d->source)
        return tn_fail(api, host, TN_ESHAPE, "attention_decoder: the cell's state is %lld wide, the source %lld; attention.type = "
                       "\"dot\" wants equal widths, the others do not", (long long)d->query, (long long)d->source);
    if (d->attention != ADDITIVE && o->attention.scale) d->scale = 1 / sqrtf((float)d->query);
    const int64_t width[READS + 1] = { d->state, d->source, d->embedding, 0 };
    for (int64_t i = 0; i < o->output.reads.n; i++) {
        int k = number_of(((const char *const *)o->output.reads.v)[i]);
        if (k < READS) d->at[k] = d->features, d->features += width[k];
    }
    tn_spec y = { .dtype = TN_F32, .means = TN_LOGITS, .layout = in[TARGET]->layout, .width = d->words, .classes = d->words,
                  .vocabulary = in[TARGET]->vocabulary };
    if (api->add_out(p, NULL, &y) < 0) return TN_EINVAL;
    api->uses(p, TN_USES_IN | TN_USES_OUT | TN_BY_COLUMNS);
    rc = plan_params(api, p, d);
    if (!rc) rc = plan_slots(api, p, d, in);
    return rc ? rc : plan_decoded(api, p, d, in);
}

/* ---- forward ------------------------------------------------------------------------------------------- */
/* One step: the call of its cell, its first row, how many rows. */
typedef struct step { const decoder *d; const tn_call *c, *k; const tn_pairs *pairs; int32_t t; int64_t row, n; } step;

static step step_at(const decoder *d, const tn_call *c, int32_t t)
{
    const tn_layout *l = c->in[TARGET]->lay;
    return (step){ d, c, c->api->enter(c, d->child, t), c->saved[d->a]->pairs, t, l->first[t], l->live[t] };
}

static int each_row(const step *s, void (*body)(void *, int64_t, int64_t))
{
    return s->c->be->ops->parallel_for(s->c->be, s->n, 1, body, (void *)(uintptr_t)s);
}

/* Which words the steps hear: the target's, or -1, what the step before finds most probable. The first one hears the target's,
 * which is what a sequence begins with. Drawn for each step of each sequence: nothing hangs on who else is in the batch.
 * 1: some step hears its own. */
static int choose_feeds(const decoder *d, const tn_call *c)
{
    const tn_layout *l = c->in[TARGET]->lay;
    const int32_t *target = c->in[TARGET]->data;
    int32_t *fed = c->saved[d->fed]->data;
    tn_rng rng = tn_random_fork(c->rng, FEEDS);
    int draws = c->flags & TN_C_TRAINING && d->o->teacher_forcing < 1, own = 0;
    for (int32_t t = 0; t < l->steps; t++)
        for (int64_t s = 0; s < l->live[t]; s++) {
            int64_t row = l->first[t] + s;
            uint64_t draw = (uint64_t)l->order[s] << 32 | (uint64_t)t;
            fed[row] = target[row];
            if (!t || !(c->flags & TN_C_OWN || (draws && (double)tn_random_uniform(rng, draw) >= d->o->teacher_forcing))) continue;
            fed[row] = -1, own = 1;
        }
    return own;
}

/* 0 or 1 / (1 - rate) for each number of the embeddings; without dropout there is no mask. */
static const float *mask_of(const decoder *d, const tn_call *c)
{
    return c->flags & TN_C_TRAINING ? saved(c, d->mask) : NULL;
}

static int make_mask(const decoder *d, const tn_call *c)
{
    if (!mask_of(d, c)) return TN_OK;
    tn_tensor *m = c->saved[d->mask];
    int rc = c->be->ops->fill(c->be, m->data, TN_F32, m->rows * m->width, 1);
    return rc ? rc : mask_apply(c->be, c->rng, d->o->embedding.dropout, m->rows * m->width, m->data, m->data, 0);
}

static int32_t largest(const float *x, int64_t n)
{
    int32_t best = 0;
    for (int32_t j = 1; j < n; j++) best = x[j] > x[best] ? j : best;
    return best;
}

/* The word's embedding into the cell's input, and the state that asks. */
static void hear_rows(void *ctx, int64_t from, int64_t to)
{
    const step *s = ctx;
    const decoder *d = s->d;
    const float *mask = mask_of(d, s->c), *logits = s->c->out[0]->data;
    int32_t *fed = s->c->saved[d->fed]->data;
    for (int64_t i = from; i < to; i++) {
        int64_t row = s->row + i, e = d->embedding;
        float *x = floats(s->k->in[0]) + i * (e + d->source);
        if (fed[row] < 0) fed[row] = largest(logits + (s->c->in[TARGET]->lay->first[s->t - 1] + i) * d->words, d->words);
        const float *w = weights(s->c, d->w_embedding) + fed[row] * e;
        for (int64_t j = 0; j < e; j++) x[j] = mask ? w[j] * mask[row * e + j] : w[j];
        memcpy(saved(s->c, d->asks) + row * d->query, floats(s->k->state[0]) + i * d->query, sizeof *x * (size_t)d->query);
    }
}

static const float *query_of(const step *s, int64_t row)
{
    const decoder *d = s->d;
    return d->p < 0 ? saved(s->c, d->asks) + row * d->query : saved(s->c, d->p) + row * d->units;
}

static void attend_rows(void *ctx, int64_t from, int64_t to)
{
    const step *s = ctx;
    const decoder *d = s->d;
    for (int64_t i = from; i < to; i++) {
        int64_t row = s->row + i;
        attend(d, s->c, s->pairs->seq[row], query_of(s, row), saved(s->c, d->a) + s->pairs->first[row],
               floats(s->k->in[0]) + i * (d->embedding + d->source) + d->embedding);
    }
}

static void read_rows(void *ctx, int64_t from, int64_t to)
{
    const step *s = ctx;
    const decoder *d = s->d;
    for (int64_t i = from; i < to; i++)
        read_row(d, floats(s->k->out[0]) + i * d->state, floats(s->k->in[0]) + i * (d->embedding + d->source),
                 saved(s->c, d->read) + (s->row + i) * d->features);
}

/* The states before the first step, by the parent's row here, by sequence there. */
static void give_states(const step *s)
{
    const int32_t *order = s->c->in[TARGET]->lay->order;
    for (uint32_t i = 0; i < s->d->states; i++) {
        size_t w = (size_t)s->d->state_width[i];
        const float *from = floats(s->c->state[i]);
        float *to = floats(s->k->state[i]);
        for (int64_t n = 0; n < s->n; n++)
            if (from) memcpy(to + (size_t)n * w, from + (size_t)order[n] * w, sizeof *to * w);
            else memset(to + (size_t)n * w, 0, sizeof *to * w);
    }
}

/* The states of the sequences that end with this step. */
static void take_next(const step *s)
{
    const tn_layout *l = s->c->in[TARGET]->lay;
    for (uint32_t i = 0; i < s->d->states; i++) {
        size_t w = (size_t)s->d->state_width[i];
        float *to = floats(s->c->next[i]);
        for (int64_t n = l->live[s->t + 1]; to && n < s->n; n++)
            memcpy(to + (size_t)l->order[n] * w, floats(s->k->next[i]) + (size_t)n * w, sizeof *to * w);
    }
}

/* An empty sequence passes its states on. */
static void pass_states(const decoder *d, const tn_call *c)
{
    const tn_layout *l = c->in[TARGET]->lay;
    for (uint32_t i = 0; i < d->states; i++) {
        size_t w = (size_t)d->state_width[i];
        const float *from = floats(c->state[i]);
        float *to = floats(c->next[i]);
        for (int32_t s = l->steps ? l->live[0] : 0; to && s < l->sequences; s++)
            if (from) memcpy(to + (size_t)l->order[s] * w, from + (size_t)l->order[s] * w, sizeof *to * w);
            else memset(to + (size_t)l->order[s] * w, 0, sizeof *to * w);
    }
}

/* y = W_o read + b, for n rows */
static int say(const decoder *d, const tn_call *c, int64_t row, int64_t n)
{
    return multiply(c, n, d->features, saved(c, d->read) + row * d->features, d->features, d->pack_output, d->words,
                    weights(c, d->b_output), 0, floats(c->out[0]) + row * d->words);
}

static int forward_step(const decoder *d, const tn_call *c, int32_t t, int own)
{
    step s = step_at(d, c, t);
    if (!t) give_states(&s);
    int rc = each_row(&s, hear_rows);
    if (!rc && d->p >= 0)
        rc = multiply(c, s.n, d->query, saved(c, d->asks) + s.row * d->query, d->query, d->pack_query, d->units, weights(c, d->b_query),
                      0, saved(c, d->p) + s.row * d->units);
    if (!rc) rc = each_row(&s, attend_rows);
    if (!rc) rc = c->api->run(s.k, TN_FORWARD);
    if (!rc) rc = each_row(&s, read_rows);
    if (!rc) take_next(&s);
    return rc || !own ? rc : say(d, c, s.row, s.n); /* the next step may hear it */
}

static int forward(void *self, const tn_call *c)
{
    const decoder *d = self;
    const tn_tensor *source = c->in[SOURCE];
    int own = choose_feeds(d, c), rc = make_mask(d, c);
    if (!rc && d->r >= 0)
        rc = multiply(c, source->rows, d->source, source->data, d->source, d->pack_key, d->units, NULL, 0, saved(c, d->r));
    pass_states(d, c);
    for (int32_t t = 0; t < c->in[TARGET]->lay->steps && !rc; t++) rc = forward_step(d, c, t, own);
    return rc || own ? rc : say(d, c, 0, c->in[TARGET]->rows);
}

/* ---- backward ------------------------------------------------------------------------------------------ */
/* Gradients of one row's cell input from what the output read, of its attention, and of its embedding; x: of the cell's input. */
static void row_back(const step *s, int64_t row, float *x)
{
    const decoder *d = s->d;
    const tn_layout *steps = s->pairs->b;
    const tn_call *c = s->c;
    int64_t e = d->embedding, u = d->units, seq = s->pairs->seq[row];
    const float *d_read = saved(c, d->d_read) + row * d->features, *context = weights(c, d->w_context), *mask = mask_of(d, c);
    const float *a = saved(c, d->a) + s->pairs->first[row], *p = query_of(s, row), *r = keys_of(d, c), *v = floats(c->in[SOURCE]);
    float *da = floats(c->work[d->da]) + s->pairs->first[row], *dp = saved(c, d->dp) + row * u, *dr = saved(c, d->dr);
    float *dc = context ? saved(c, d->dc) + row * u : NULL, *dv = floats(c->d_in[SOURCE]), *de = saved(c, d->d_embedding) + row * e;
    if (d->at[EMBEDDING] >= 0) lanes_add(x, 1, d_read + d->at[EMBEDDING], e);
    if (d->at[CONTEXT] >= 0) lanes_add(x + e, 1, d_read + d->at[CONTEXT], d->source);
    for (int64_t j = 0; j < e; j++) de[j] = mask ? x[j] * mask[row * e + j] : x[j];
    memset(dp, 0, sizeof *dp * (size_t)u);
    if (d->attention == NONE) return;
    if (dc) memset(dc, 0, sizeof *dc * (size_t)u);
    for (int32_t t = 0; t < steps->length[seq]; t++) {
        int64_t at = (steps->first[t] + seq) * d->source;
        da[t] = lanes_dot(x + e, v + at, d->source);
        if (dv) lanes_add(dv + at, a[t], x + e, d->source);
    }
    softmax_row_back(a, da, steps->length[seq]);
    for (int32_t t = 0; t < steps->length[seq]; t++) {
        int64_t at = (steps->first[t] + seq) * u;
        if (context) additive_back(p, r + at, context, da[t], dp, dr + at, dc, u);
        else {
            lanes_add(dp, d->scale * da[t], r + at, u);
            lanes_add(dr + at, d->scale * da[t], p, u);
        }
    }
}

/* A row looks at a sequence that no other row of its step looks at, so rows may go to any thread. */
static void back_rows(void *ctx, int64_t from, int64_t to)
{
    const step *s = ctx;
    for (int64_t i = from; i < to; i++)
        row_back(s, s->row + i, floats(s->k->d_in[0]) + i * (s->d->embedding + s->d->source));
}

/* What comes to the cell's output and to the states of sequences that end here; what the step after fed back is there already. */
static void give_gradients(const step *s)
{
    const decoder *d = s->d;
    const tn_layout *l = s->c->in[TARGET]->lay;
    const float *d_read = saved(s->c, d->d_read) + s->row * d->features;
    for (int64_t i = 0; d->at[STATE] >= 0 && i < s->n; i++)
        lanes_add(floats(s->k->d_out[0]) + i * d->state, 1, d_read + i * d->features + d->at[STATE], d->state);
    for (uint32_t i = 0; i < d->states; i++) {
        int64_t w = d->state_width[i];
        for (int64_t n = l->live[s->t + 1]; s->c->d_next[i] && n < s->n; n++)
            lanes_add(floats(s->k->d_next[i]) + n * w, 1, floats(s->c->d_next[i]) + l->order[n] * w, w);
    }
}

static void take_state_gradients(const step *s)
{
    const int32_t *order = s->c->in[TARGET]->lay->order;
    for (uint32_t i = 0; i < s->d->states; i++) {
        int64_t w = s->d->state_width[i];
        for (int64_t n = 0; s->c->d_state[i] && n < s->n; n++)
            lanes_add(floats(s->c->d_state[i]) + order[n] * w, 1, floats(s->k->d_state[i]) + n * w, w);
    }
}

static void pass_gradients(const decoder *d, const tn_call *c)
{
    const tn_layout *l = c->in[TARGET]->lay;
    for (uint32_t i = 0; i < d->states; i++) {
        int64_t w = d->state_width[i];
        for (int32_t s = l->steps ? l->live[0] : 0; c->d_state[i] && c->d_next[i] && s < l->sequences; s++)
            lanes_add(floats(c->d_state[i]) + l->order[s] * w, 1, floats(c->d_next[i]) + l->order[s] * w, w);
    }
}

static int backward_step(const decoder *d, const tn_call *c, int32_t t)
{
    step s = step_at(d, c, t);
    give_gradients(&s);
    int rc = c->api->run(s.k, TN_BACKWARD);
    if (!rc) rc = each_row(&s, back_rows);
    const float *dp = saved(c, d->dp) + s.row * d->units;
    float *d_asks = floats(s.k->d_state[0]);
    if (!rc && d->p >= 0) rc = multiply(c, s.n, d->units, dp, d->units, d->pack_query_back, d->query, d_asks, d->query, d_asks);
    else if (!rc) rc = c->be->ops->axpy(c->be, s.n * d->query, 1, dp, d_asks);
    if (!rc && !t) take_state_gradients(&s);
    return rc;
}

/* The logits' gradient may come in pieces of words; all else waits for the last one. */
static int is_last_piece(const decoder *d, const tn_call *c) { return !c->d_out[0] || c->column + c->d_out[0]->width == d->words; }

/* d_read = dy W_output */
static int output_backward(const decoder *d, const tn_call *c)
{
    int64_t n = c->in[TARGET]->rows, f = d->features;
    const tn_tensor *dy = c->d_out[0];
    float *d_read = saved(c, d->d_read);
    if (!dy) return c->be->ops->fill(c->be, d_read, TN_F32, n * f, 0);
    return c->be->ops->gemm(c->be, 0, 0, n, f, dy->width, dy->data, dy->width, weights(c, d->w_output) + c->column * f, f,
                            c->column ? 1 : 0, d_read, f);
}

static int backward(void *self, const tn_call *c)
{
    const decoder *d = self;
    const tn_ops *ops = c->be->ops;
    const tn_tensor *dr = c->saved[d->dr];
    float *dv = floats(c->d_in[SOURCE]);
    int rc = output_backward(d, c);
    if (rc || !is_last_piece(d, c)) return rc;
    rc = ops->fill(c->be, dr->data, TN_F32, dr->rows * dr->width, 0);
    pass_gradients(d, c);
    for (int32_t t = c->in[TARGET]->lay->steps; t-- > 0 && !rc; ) rc = backward_step(d, c, t);
    if (rc || !dv || d->attention == NONE) return rc;
    if (d->r < 0) return ops->axpy(c->be, dr->rows * dr->width, 1, dr->data, dv);
    return ops->gemm(c->be, 0, 0, dr->rows, d->source, d->units, dr->data, d->units, weights(c, d->w_key), d->source, 1, dv, d->source);
}

/* ---- gradients of weights ------------------------------------------------------------------------------ */
/* dW += d^T x, sums += column sums of d; W and the bias from row `first` on */
static int weight_gradient(const tn_call *c, int64_t rows, int64_t m, const float *d, int64_t n, const float *x, int w, int bias,
                           int64_t first)
{
    float *dw = floats(c->d_param[w]), *sums = bias < 0 ? NULL : floats(c->d_param[bias]);
    if (dw) dw += first * n;
    if (sums) sums += first;
    if (dw) return c->be->ops->outer_add(c->be, rows, m, d, m, n, x, n, NULL, dw, n, sums);
    return sums ? c->be->ops->sum_rows(c->be, rows, m, d, m, sums) : TN_OK;
}

/* dW[word] += d_embedding, row by row in their order; a thread has some columns of all of them. */
static void embedding_columns(void *ctx, int64_t from, int64_t to)
{
    const step *s = ctx;
    const int32_t *fed = s->c->saved[s->d->fed]->data;
    const float *de = saved(s->c, s->d->d_embedding);
    float *dw = s->c->d_param[s->d->w_embedding]->data;
    int64_t e = s->d->embedding;
    for (int64_t row = 0; row < s->c->in[TARGET]->rows; row++)
        lanes_add(dw + fed[row] * e + from, 1, de + row * e + from, to - from);
}

static int embedding_gradient(const decoder *d, const tn_call *c)
{
    const int32_t *fed = c->saved[d->fed]->data;
    int64_t n = c->in[TARGET]->rows;
    step all = { .d = d, .c = c };
    int rc = TN_OK;
    if (!c->d_param[d->w_embedding] || !n) return TN_OK;
    if (memcmp(fed, c->in[TARGET]->data, sizeof *fed * (size_t)n)) rc = c->api->touch(c, d->w_embedding, n, fed);
    return rc ? rc : c->be->ops->parallel_for(c->be, d->embedding, 16, embedding_columns, &all);
}

static int gradient(void *self, const tn_call *c)
{
    const decoder *d = self;
    int64_t n = c->in[TARGET]->rows, m = c->in[SOURCE]->rows, u = d->units;
    const tn_tensor *dy = c->d_out[0]; /* of all words, or of a piece of them */
    int rc = dy ? weight_gradient(c, n, dy->width, dy->data, d->features, saved(c, d->read), d->w_output, d->b_output, c->column) : TN_OK;
    if (rc || !is_last_piece(d, c)) return rc;
    rc = c->api->run(c->api->enter(c, d->child, -1), TN_GRADIENT);
    if (!rc) rc = embedding_gradient(d, c);
    if (rc || d->attention == DOT || d->attention == NONE) return rc;
    rc = weight_gradient(c, m, u, saved(c, d->dr), d->source, c->in[SOURCE]->data, d->w_key, -1, 0);
    if (rc || d->attention == GENERAL) return rc;
    rc = weight_gradient(c, n, u, saved(c, d->dp), d->query, saved(c, d->asks), d->w_query, d->b_query, 0);
    float *dc = floats(c->d_param[d->w_context]);
    return rc || !dc ? rc : c->be->ops->sum_rows(c->be, n, u, saved(c, d->dc), u, dc);
}

static int decode(void *self, const tn_call *c, tn_emit_fn *emit, void *to) { return decoder_search(self, c, emit, to); }

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .flags = TN_L_RECURRENT | TN_L_FEEDS, .min_in = 2, .max_in = 2, .plan = plan,
                                .impls = impls, .port_size = sizeof(tn_port), .decode = decode };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "attention_decoder",
    .brief = "writes a sequence word by word, looking at the steps of another",
    .doc = "Inputs: the words to be said, with a first and a last one around them (`bracket`), and the steps of an encoder. The\n"
           "output has a row for each step of the first input and a logit for each of its words; the loss compares it with the\n"
           "field that is one step ahead (`shift = 1`). Step t, where s is the first state of the cell:\n\n"
           "    e_t = W[word t]\n"
           "    c_t = sum over the source's steps of a_k v_k,  a = softmax of score(s_(t-1), v_k)\n"
           "    s_t = cell([e_t, c_t], s_(t-1))\n"
           "    y_t = W_o [s_t, c_t, e_t] + b\n\n"
           "`attention`: `additive` scores c tanh(W s + V v + b), `dot` s v, `general` s W v. `output.reads` says which of `state`,\n"
           "`context` and `embedding` y_t is computed from. A source without steps has the context 0. `none`: there is no\n"
           "context, and only the first state tells of the source (Sutskever et al. 2014). A source of one step, with `dot`, is the\n"
           "context of every step (Cho et al. 2014).\n\n"
           "    [[layer]]\n"
           "    name = \"decoder\"\n"
           "    type = \"attention_decoder\"\n"
           "    inputs = [\"target\", \"encoder\"]\n"
           "    initial_state = \"bridge\"\n"
           "    embedding = { width = 256, dropout = 0.5 }\n"
           "    cell = { type = \"gru\", units = 512 }\n"
           "    attention = { type = \"additive\", units = 512 }\n"
           "    output = { units = \"target\", reads = [\"state\", \"context\", \"embedding\"] }\n"
           "    teacher_forcing = 0.5\n\n"
           "`cell` may be any recurrent layer, one of your own too. Its states are those of the decoder: ports `.state`, `.cell`,\n"
           "and the keys `initial_state`, `initial_cell`; without these they begin with 0.\n\n"
           "`teacher_forcing`: in training a step hears the target's word with this probability and else the word that the step\n"
           "before it found most probable, through which no gradient goes. That is drawn anew for each step of each sequence; the\n"
           "first step always hears the target's first word. In evaluation all steps hear the target: the loss and a metric are then\n"
           "the likelihood of the target. A metric with `feed = \"own\"` is computed where every step but the first hears the word\n"
           "that the layer found itself, as when it is used; the output has as many steps as the target all the same.\n\n"
           "The port `.decoded` has what it writes from `begin` on, without a target, up to and without `end`: -1 behind that, and\n"
           "no more than `max_length` words. It has steps of its own; `bleu` and `error_rate` compare them with the target's.\n"
           "Where ids have no words, `begin` and `end` are numbers; without them it begins with 0 and does not end.\n\n"
           "    [evaluation]\n"
           "    decode = { type = \"beam\", width = 5, length_penalty = 1.0 }\n\n"
           "`greedy`, the default, takes the most probable word at each step, the lowest of equal ones. `beam` keeps the `width` most\n"
           "probable beginnings; one that ends keeps its place, so the search is over when `width` have ended or `max_length` is\n"
           "reached (Sutskever et al. 2014). The best of those that ended is the one with the largest\n\n"
           "    log p(Y) / ((5 + |Y|) / 6)^length_penalty        |Y|: its words, the last one counted\n\n"
           "as in Wu et al. 2016, whose figures are 0.6 to 0.7; the 5 keeps very short outputs from standing apart, as they do with\n"
           "a plain |Y|^length_penalty. 0, the default, compares log p(Y), which favours short ones. Those that were cut off at\n"
           "`max_length` count only where none ended. Width 1 is greedy.\n\n"
           "Parameters: `embedding_weight` (V x E), `output_weight` (V x what is read), `output_bias` (V); of `additive`\n"
           "`attention_key_weight`, `attention_query_weight`, `attention_context`, `attention_bias`, of `general` `attention_weight`\n"
           "(state x source); and those of the cell. First values: embeddings uniform between -0.05 and 0.05, weights\n"
           "`glorot_uniform`, biases 0.\n\n"
           "Sources: Bahdanau, Cho, Bengio, *Neural Machine Translation by Jointly Learning to Align and Translate* (ICLR 2015);\n"
           "Luong, Pham, Manning, *Effective Approaches to Attention-based Neural Machine Translation* (EMNLP 2015); Bengio, Vinyals,\n"
           "Jaitly, Shazeer, *Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks* (2015); Sutskever, Vinyals,\n"
           "Le, *Sequence to Sequence Learning with Neural Networks* (2014); Wu et al., *Google's Neural Machine Translation System*\n"
           "(2016).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(decoder), .check = check };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("attention_decoder", "1.0", "The Tenon authors", "MIT", "", parts)
