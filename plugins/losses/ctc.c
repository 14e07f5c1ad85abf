/* ctc.c -- connectionist temporal classification: the output has a row for each frame, the target fewer labels than there
 * are frames, and nobody says which frame holds which label. The loss is -log of the probability of all alignments.
 *
 * L labels lie between L + 1 blanks, b_0 l_0 b_1 l_1 ... b_L. Everything is in logarithms; each frame's largest is taken
 * out of it and summed apart, so that what matters keeps the precision of a float however long the sequence is.
 * Rows of [frames, L] have one number for each label of their sequence (tn_pairs); the last blank lies apart.       */
#include "logits.h"
#include "ctc_beam.h"

enum { LAST, FIRST };
static const char *const blanks[] = { "last", "first", NULL };
typedef struct config { int32_t blank, zero_infinity; int64_t beam; } config;
typedef struct loss { int64_t width; uint32_t means; const config *o; } loss;
enum { OUTPUT, TARGET };
enum { NORMALIZER, ALPHA_LABEL, ALPHA_BLANK, ALPHA_LAST, BETA_LABEL, BETA_BLANK, BETA_LAST, LOG_P }; /* saved */

static const tn_option options[] = {
    TN_ENUM(config, blank, LAST, blanks, "the output's column for no label: the last, or the first, which moves the labels up by one"),
    TN_BOOL(config, zero_infinity, 1, "a target that needs more frames than there are costs nothing; false: infinity, which ends training"),
    TN_INT(config, beam, 1, 1, 1000, "decoding: 1, the best label of each frame (greedy); more, so many beginnings are followed at once"),
};

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    const tn_spec *x = in[OUTPUT], *t = in[TARGET];
    int32_t up = api->parent(p, x->layout);
    (void)n_in;
    if (x->means == TN_IDS || x->means == TN_PROBABILITIES)
        return tn_fail(api, host, TN_ESHAPE, "ctc: takes logits or log probabilities, the input is %s",
                       x->means == TN_IDS ? "ids" : "probabilities; leave the activation out, or take log_softmax");
    if (t->means != TN_IDS) return tn_fail(api, host, TN_ESHAPE, "ctc: the target is numbers, not labels");
    if (up <= 0 || api->parent(p, t->layout) != up)
        return tn_fail(api, host, TN_ESHAPE, "ctc: input and target must both be steps, of sequences of the same rows");
    if (x->layout == t->layout)
        return tn_fail(api, host, TN_ESHAPE, "ctc: input and target have the same steps; cross_entropy is for that");
    if (x->width < 2 || (t->classes && x->width != t->classes + 1))
        return tn_fail(api, host, TN_ESHAPE, "ctc: the input has %lld values a row, it takes %lld: one for each of the target's %lld "
                       "labels and one for the blank", (long long)x->width, (long long)t->classes + 1, (long long)t->classes);
    *(loss *)self = (loss){ x->width, x->means, opts };
    tn_spec y = { .dtype = TN_F32, .layout = up, .width = 1 }, frame = { .dtype = TN_F32, .layout = x->layout, .width = 1 };
    tn_spec labels = { .dtype = TN_F32, .layout = x->layout, .across = t->layout, .width = 1 };
    int rc = api->add_out(p, NULL, &y);
    if (rc >= 0) rc = api->add_saved(p, &frame);
    for (int k = 0; k < 6 && rc >= 0; k++) rc = api->add_saved(p, k % 3 == 2 ? &frame : &labels);
    if (rc >= 0) rc = api->add_saved(p, &y);
    return rc < 0 ? rc : TN_OK;
}

typedef struct job { const loss *l; const tn_call *c; } job;
/* One sequence: its parent row, where it lies in both layouts, frames T and labels L. */
typedef struct sequence { const job *b; int32_t row, s, at; int32_t frames, labels; } sequence;
/* The numbers of one frame for all labels and blanks. */
typedef struct states { float *label, *blank, *last; } states;

static sequence sequence_of(const job *b, int64_t row)
{
    const tn_layout *x = b->c->in[OUTPUT]->lay, *t = b->c->in[TARGET]->lay;
    int32_t s = x->place[row], at = t->place[row];
    return (sequence){ b, (int32_t)row, s, at, x->length[s], t->length[at] };
}

static int64_t row_of(const sequence *q, int32_t t) { return q->b->c->in[OUTPUT]->lay->first[t] + q->s; }

static states states_of(const sequence *q, int32_t t, int first)
{
    const tn_call *c = q->b->c;
    int64_t r = row_of(q, t), at = c->saved[first]->pairs->first[r];
    return (states){ (float *)c->saved[first]->data + at, (float *)c->saved[first + 1]->data + at, (float *)c->saved[first + 2]->data + r };
}

static int32_t label_of(const sequence *q, int32_t k)
{
    const tn_tensor *t = q->b->c->in[TARGET];
    return ((const int32_t *)t->data)[t->lay->first[k] + q->at];
}
static int repeats(const sequence *q, int32_t k) { return k > 0 && k < q->labels && label_of(q, k) == label_of(q, k - 1); }

static int64_t blank_column(const loss *l) { return l->o->blank == FIRST ? 0 : l->width - 1; }
static int64_t label_column(const loss *l, int32_t id) { return l->o->blank == FIRST ? id + 1 : id; }

/* log p of a column in frame t */
static float log_p(const sequence *q, int32_t t, int64_t column)
{
    int64_t r = row_of(q, t);
    return ((const float *)q->b->c->in[OUTPUT]->data)[r * q->b->l->width + column] - ((const float *)q->b->c->saved[NORMALIZER]->data)[r];
}

/* log(e^a + e^b + e^c); the three go through one vector */
static float log_add(float a, float b, float c)
{
    float top = a > b ? a : b;
    top = top > c ? top : c;
    if (top == -INFINITY) return top;
    float three[TN_VL] = { a - top, b - top, c - top };
    tn_vf e = tn_exp(tn_load(three));
    return top + log_of(e[0] + e[1] + e[2]);
}

/* Takes the largest out of a frame; gives it. */
static float level(const states *a, int32_t labels)
{
    float top = *a->last;
    for (int32_t k = 0; k < labels; k++) {
        top = a->label[k] > top ? a->label[k] : top;
        top = a->blank[k] > top ? a->blank[k] : top;
    }
    if (top == -INFINITY) return 0;
    for (int32_t k = 0; k < labels; k++) a->label[k] -= top, a->blank[k] -= top;
    *a->last -= top;
    return top;
}

static float blank_at(const states *a, int32_t k, int32_t labels) { return k < labels ? a->blank[k] : *a->last; }
static void set_blank(const states *a, int32_t k, int32_t labels, float v) { *(k < labels ? &a->blank[k] : a->last) = v; }

/* a_t(b_k) = log p_t(blank) + log_add(a(b_k), a(l_(k-1))) of t - 1
 * a_t(l_k) = log p_t(l_k) + log_add(a(l_k), a(b_k), a(l_(k-1)) unless it is the same label) of t - 1; gives log p(target) */
static double find_alpha(const sequence *q)
{
    const loss *l = q->b->l;
    const int32_t n = q->labels;
    double sum = 0;
    for (int32_t t = 0; t < q->frames; t++) {
        states a = states_of(q, t, ALPHA_LABEL), before = t ? states_of(q, t - 1, ALPHA_LABEL) : a;
        float blank = log_p(q, t, blank_column(l));
        for (int32_t k = 0; k <= n; k++) {
            float left = t && k ? before.label[k - 1] : -INFINITY, same = t ? blank_at(&before, k, n) : -INFINITY;
            set_blank(&a, k, n, t ? blank + log_add(same, left, -INFINITY) : k ? -INFINITY : blank);
            if (k == n) break;
            float own = log_p(q, t, label_column(l, label_of(q, k)));
            a.label[k] = t ? own + log_add(before.label[k], same, repeats(q, k) ? -INFINITY : left) : k ? -INFINITY : own;
        }
        sum += (double)level(&a, n);
    }
    if (!q->frames) return n ? -HUGE_VAL : 0;
    states end = states_of(q, q->frames - 1, ALPHA_LABEL);
    return sum + (double)log_add(*end.last, n ? end.label[n - 1] : -INFINITY, -INFINITY);
}

/* b_t(s): the same from the end, without the own frame:  b_t(b_k) = log_add(p b(b_k), p b(l_k)) of t + 1,
 * b_t(l_k) = log_add(p b(l_k), p b(b_(k+1)), p b(l_(k+1)) unless it is the same label) of t + 1 */
static void find_beta(const sequence *q)
{
    const loss *l = q->b->l;
    const int32_t n = q->labels;
    for (int32_t t = q->frames; t-- > 0; ) {
        int end = t + 1 == q->frames;
        states b = states_of(q, t, BETA_LABEL), after = end ? b : states_of(q, t + 1, BETA_LABEL);
        float blank = end ? 0 : log_p(q, t + 1, blank_column(l)), next = -INFINITY; /* next: p b(l_(k+1)) */
        for (int32_t k = n; k >= 0; k--) {
            float right = k < n && !end ? log_p(q, t + 1, label_column(l, label_of(q, k))) + after.label[k] : -INFINITY;
            float to_blank = k < n && !end ? blank + blank_at(&after, k + 1, n) : -INFINITY;
            if (k < n)
                b.label[k] = end ? (k == n - 1 ? 0 : -INFINITY) : log_add(right, to_blank, repeats(q, k + 1) ? -INFINITY : next);
            set_blank(&b, k, n, end ? (k == n ? 0 : -INFINITY) : log_add(blank + blank_at(&after, k, n), right, -INFINITY));
            next = right;
        }
        level(&b, n);
    }
}

/* log of the sum of a frame's exponentials: what log_p takes away */
static void find_normalizers(const sequence *q)
{
    const job *b = q->b;
    const loss *l = b->l;
    float *normalizer = b->c->saved[NORMALIZER]->data;
    for (int32_t t = 0; t < q->frames; t++) {
        int64_t r = row_of(q, t);
        normalizer[r] = are_logits(l->means) ? log_sum_exp((const float *)b->c->in[OUTPUT]->data + r * l->width, l->width) : 0;
    }
}

static void forward_sequences(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const loss *l = b->l;
    for (int64_t row = from; row < end; row++) {
        sequence q = sequence_of(b, row);
        find_normalizers(&q);
        float log_probability = (float)find_alpha(&q);
        ((float *)b->c->saved[LOG_P]->data)[row] = log_probability;
        ((float *)b->c->out[LOSS]->data)[row] = log_probability == -INFINITY ? (l->o->zero_infinity ? 0 : INFINITY) : -log_probability;
    }
}

/* With g_t(s) = e^(a_t(s) + b_t(s)) / sum_s: d loss / d log p_t(column) = -sum of g_t over the states of that column, and
 * from logits dx_j = p_j + that, since the g_t of a frame add up to 1 */
static void backward_frame(const sequence *q, int32_t t, float dy)
{
    const loss *l = q->b->l;
    const int32_t n = q->labels;
    int64_t r = row_of(q, t);
    states a = states_of(q, t, ALPHA_LABEL), b = states_of(q, t, BETA_LABEL);
    float *dx = (float *)q->b->c->d_in[OUTPUT]->data + r * l->width, top = -INFINITY;
    double sum = 0;
    for (int32_t k = 0; k <= n; k++) {
        float at_blank = blank_at(&a, k, n) + blank_at(&b, k, n), at_label = k < n ? a.label[k] + b.label[k] : -INFINITY;
        top = at_blank > top ? at_blank : top;
        top = at_label > top ? at_label : top;
    }
    for (int32_t k = 0; k <= n; k++) {
        sum += (double)exp_of(blank_at(&a, k, n) + blank_at(&b, k, n) - top);
        if (k < n) sum += (double)exp_of(a.label[k] + b.label[k] - top);
    }
    float by = dy / (float)sum;
    for (int32_t k = 0; k <= n; k++) {
        dx[blank_column(l)] -= by * exp_of(blank_at(&a, k, n) + blank_at(&b, k, n) - top);
        if (k < n) dx[label_column(l, label_of(q, k))] -= by * exp_of(a.label[k] + b.label[k] - top);
    }
    for (int64_t j = 0; are_logits(l->means) && j < l->width; j++) dx[j] += dy * exp_of(log_p(q, t, j));
}

static void backward_sequences(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const float *dy = b->c->d_out[LOSS]->data, *log_probability = b->c->saved[LOG_P]->data;
    for (int64_t row = from; row < end; row++) {
        sequence q = sequence_of(b, row);
        if (log_probability[row] == -INFINITY) continue; /* no alignment: nothing to learn from */
        find_beta(&q);
        for (int32_t t = 0; t < q.frames; t++) backward_frame(&q, t, dy[row]);
    }
}

static int forward(void *self, const tn_call *c)
{
    job b = { self, c };
    int rc = check_ids(c, "ctc", c->in[TARGET], b.l->width - 1, 0);
    return rc ? rc : c->be->ops->parallel_for(c->be, c->out[LOSS]->rows, 1, forward_sequences, &b);
}

static int backward(void *self, const tn_call *c)
{
    job b = { self, c };
    if (!c->d_in[OUTPUT] || !c->d_out[LOSS]) return TN_OK;
    return c->be->ops->parallel_for(c->be, c->out[LOSS]->rows, 1, backward_sequences, &b);
}

/* Greedy: the best column of each frame, repeats and blanks taken out; its score is that of this one alignment. */
static int32_t decode_greedily(const sequence *q, int32_t *path, double *score)
{
    const loss *l = q->b->l;
    int32_t n = 0;
    int64_t before = blank_column(l);
    *score = 0;
    for (int32_t t = 0; t < q->frames; t++) {
        int64_t best = 0;
        for (int64_t j = 1; j < l->width; j++) best = log_p(q, t, j) > log_p(q, t, best) ? j : best;
        *score += (double)log_p(q, t, best);
        if (best != before && best != blank_column(l)) path[n++] = (int32_t)(best - (l->o->blank == FIRST));
        before = best;
    }
    return n;
}

/* Asks nothing of forward: in `predict` there is no target, and the loss has not run. */
static int decode(void *self, const tn_call *c, tn_emit_fn *emit, void *to)
{
    const loss *l = self;
    job b = { l, c };
    const tn_layout *x = c->in[OUTPUT]->lay;
    int rc = TN_OK;
    int32_t *path = calloc((size_t)x->steps + 1, sizeof *path);
    ctc_beam beam = { .width = l->width, .beam = l->o->beam, .blank = blank_column(l) };
    if (!path || (l->o->beam > 1 && ctc_beam_open(&beam, x->steps))) rc = TN_ENOMEM;
    for (int64_t row = 0; row < x->sequences && !rc; row++) {
        sequence q = { &b, (int32_t)row, x->place[row], 0, x->length[x->place[row]], 0 };
        double score;
        find_normalizers(&q);
        if (l->o->beam == 1) {
            int32_t n = decode_greedily(&q, path, &score);
            rc = emit(to, (int32_t)row, score, path, n);
            continue;
        }
        ctc_beam_begin(&beam);
        for (int32_t t = 0; t < q.frames; t++) {
            for (int64_t j = 0; j < l->width; j++) beam.log_p[j] = log_p(&q, t, j);
            ctc_beam_frame(&beam);
        }
        for (int64_t k = 0; k < beam.n && !rc; k++) {
            int32_t n = ctc_beam_path(&beam, k, path);
            for (int32_t i = 0; i < n && l->o->blank == FIRST; i++) path[i]--;
            rc = emit(to, (int32_t)row, ctc_beam_score(&beam, k), path, n);
        }
    }
    free(path);
    ctc_beam_close(&beam);
    return rc == TN_ENOMEM ? tn_fail(c->api, c->host, rc, "ctc: no memory to decode %d frames", x->steps) : rc;
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, NULL };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer layer = { .size = sizeof layer, .min_in = 2, .max_in = 2, .plan = plan, .impls = impls,
                                .port_size = sizeof(tn_port), .decode = decode };
static const tn_loss table = { sizeof table, 0, TN_LOGITS, 0, &layer, NULL };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LOSS, .table = &table, .name = "ctc",
    .brief = "labels of a sequence whose place in time is not known",
    .doc = "The input has a row for each frame and a column for each label and one more, the blank; the target is a sequence of\n"
           "labels of the same example, shorter than its frames. An alignment says for each frame a label or blank; taking out\n"
           "repeats, then blanks, gives the labels: `aa-ab` is `aab`. loss = -log of the sum over all alignments of the target,\n"
           "one value a sequence.\n\n"
           "A target of K labels takes `units` = K + 1; the blank is the last column (`blank = \"first\"`: column 0, label i in\n"
           "column i + 1). Input: logits, or logarithms of probabilities as from `log_softmax`. An empty target is allowed: all\n"
           "blanks. L labels with R equal neighbours need L + R frames; where there are fewer no alignment exists and the loss is\n"
           "infinite: with `zero_infinity`, the default, such an example costs 0 and teaches nothing, else training ends with a\n"
           "message (PyTorch's default).\n\n"
           "The port `.decoded` has the labels that were read, -1 behind the end: greedy, or with `beam` the most probable labels\n"
           "found by a prefix beam search, which adds up alignments of the same labels. `error_rate` compares them:\n\n"
           "    [[loss]]\n"
           "    type = \"ctc\"\n"
           "    target = \"text\"\n"
           "    [[metric]]\n"
           "    type = \"error_rate\"\n"
           "    input = \"ctc.decoded\"\n"
           "    target = \"text\"\n\n"
           "Sources: Graves, Fernandez, Gomez, Schmidhuber, *Connectionist Temporal Classification* (ICML 2006); the search as in\n"
           "Hannun, Maas, Jurafsky, Ng, *First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional\n"
           "Recurrent DNNs* (2014).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(loss) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("ctc", "1.0", "The Tenon authors", "MIT", "", parts)
