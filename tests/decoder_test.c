/* decoder_test.c -- attention_decoder: forward and all gradients against PyTorch; its search against all sequences that there are,
 * and, where it is narrow, against a search over tables of their probabilities; the same alone and in a batch.
 *
 *     decoder_test PLUGINS REFERENCES.safetensors */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "probe_reference.h"

static const char *path;

static void open_decoder(probe *p, const char *options, int64_t words, int64_t width)
{
    const offer in[2] = { IDS(L_TARGET, words), REALS(L_TEXT, width) };
    if (!probe_open(p, path, TN_LAYER, "attention_decoder", options, in, 2)) return;
    printf("FAILED: %s { %s }: %s\n", path, options, p->host.error);
    exit(1);
}

/* ---- against PyTorch --------------------------------------------------------------------------------------------------- */
static void test_reference(const checkpoint *f, const char *name, const char *toml)
{
    probe p;
    char options[600];
    reference_options(toml, options, sizeof options);
    open_decoder(&p, options, *(int32_t *)reference_given(f, name, "classes", "0")->data, reference_given(f, name, "in", "1")->dim[1]);
    /* what is not looked at has no gradient */
    check_reference(&p, f, name, strstr(name, "none") ? "d_in.1" : "");
    probe_close(&p);
}

/* ---- searches ---------------------------------------------------------------------------------------------------------- */
/* Sequences of up to MOST words out of WORDS, of which BEGIN comes first and END ends; FULL prefixes of MOST - 1 words. */
enum { WORDS = 4, BEGIN = 1, END = 3, MOST = 4, FULL = WORDS * WORDS * WORDS, PATHS = 400 };
typedef struct path_found { double score; int n, word[MOST]; } path_found;
typedef struct paths { int n[EXAMPLES]; path_found of[EXAMPLES][PATHS]; } paths;

static int keep(void *to, int32_t row, double points, const int32_t *ids, int64_t n)
{
    paths *x = to;
    path_found *f = &x->of[row][x->n[row]++];
    *f = (path_found){ .score = points, .n = (int)n };
    for (int64_t i = 0; i < n && i < MOST; i++) f->word[i] = ids[i];
    return x->n[row] >= PATHS;
}

static void search(probe *p, int width, double alpha, paths *x)
{
    memset(x, 0, sizeof *x);
    tn_search *s = &p->graph->search; /* tell stays as it is */
    s->size = sizeof *s, s->width = width, s->length_penalty = alpha;
    expect(!p->node->layer->decode(p->part->self, &p->node->call, keep, x), "decode: %s", p->host.error);
}

/* log p of every word behind every prefix: [example][prefix][t][word], prefix = w1 + WORDS (w2 + WORDS w3). */
typedef struct table { double log_p[EXAMPLES][FULL][MOST][WORDS]; } table;

/* All examples get MOST steps of the target, whose words are then set one prefix after the other. */
static void make_table(probe *p, table *x)
{
    static int32_t id[EXAMPLES * MOST];
    static int64_t begin[EXAMPLES + 1];
    for (int e = 0; e <= EXAMPLES; e++) begin[e] = e * MOST;
    for (int i = 0; i < p->data.n_fields; i++) {
        field *f = p->data.field[i];
        if (f->layout == L_TARGET) f->split[0].begin = begin, f->split[0].id = id, f->split[0].leaves = EXAMPLES * MOST;
    }
    for (int prefix = 0; prefix < FULL; prefix++) {
        for (int i = 0; i < EXAMPLES * MOST; i++) {
            int t = i % MOST, w = prefix;
            for (int k = 1; k < t; k++) w /= WORDS;
            id[i] = t ? w % WORDS : BEGIN;
        }
        probe_bind(p, examples, EXAMPLES);
        expect(!probe_forward(p), "forward: %s", p->host.error);
        const tn_layout *l = p->node->out[0].value.lay;
        for (int r = 0; r < EXAMPLES; r++)
            for (int t = 0; t < MOST; t++) {
                const float *y = (const float *)p->node->out[0].value.data + (l->first[t] + l->place[r]) * WORDS;
                double sum = 0;
                for (int w = 0; w < WORDS; w++) sum += exp((double)y[w]);
                for (int w = 0; w < WORDS; w++) x->log_p[r][prefix][t][w] = (double)y[w] - log(sum);
            }
    }
}

static int prefix_of(const int *word, int n)
{
    int prefix = 0;
    for (int k = n < MOST - 1 ? n : MOST - 1; k-- > 0; ) prefix = prefix * WORDS + word[k];
    return prefix;
}

static double penalized(double log_p, int n, double alpha) { return log_p / pow((5.0 + n) / 6.0, alpha); }

static int better(const void *a, const void *b)
{
    double x = ((const path_found *)a)->score, y = ((const path_found *)b)->score;
    return x > y ? -1 : x < y;
}

/* All sequences that end, from those that begin with word[0 .. n - 1]. */
static void all_sequences(const table *x, int r, int *word, int n, double log_p, double alpha, path_found *to, int *found)
{
    for (int w = 0; w < WORDS && n < MOST; w++) {
        double p = log_p + x->log_p[r][prefix_of(word, n)][n][w];
        if (w == END) {
            path_found *f = &to[(*found)++];
            *f = (path_found){ .score = penalized(p, n + 1, alpha), .n = n };
            memcpy(f->word, word, sizeof *word * (size_t)n);
        } else {
            word[n] = w;
            all_sequences(x, r, word, n + 1, p, alpha, to, found);
        }
    }
}

/* A beam over the table: score has log p until a path ends. Paths that end, or, where none does, those of MOST words. */
static int table_beam(const table *x, int r, int width, double alpha, path_found *done)
{
    path_found live[64] = { { 0, 0, { 0 } } }, next[64 * WORDS], cut[64];
    int n_live = 1, n_done = 0, n_cut = 0;
    for (int t = 0; t < MOST && n_live; t++) {
        int n = 0;
        for (int i = 0; i < n_live; i++)
            for (int w = 0; w < WORDS; w++) {
                next[n] = live[i];
                next[n].score += x->log_p[r][prefix_of(live[i].word, t)][t][w], next[n].word[t] = w, next[n++].n = t + 1;
            }
        qsort(next, (size_t)n, sizeof *next, better);
        int places = width - n_done;
        n_live = 0;
        for (int i = 0; i < n && i < places; i++) {
            path_found *f = next[i].word[t] == END ? &done[n_done++] : t + 1 < MOST ? &live[n_live++] : &cut[n_cut++];
            *f = next[i];
            if (f->word[t] == END) f->n--;
            if (f->word[t] == END || t + 1 == MOST) f->score = penalized(f->score, t + 1, alpha);
        }
    }
    if (!n_done) memcpy(done, cut, sizeof *cut * (size_t)(n_done = n_cut));
    qsort(done, (size_t)n_done, sizeof *done, better);
    return n_done;
}

static void same_paths(const char *what, int r, const paths *found, const path_found *expected, int n)
{
    expect(found->n[r] == n, "%s: example %d: %d paths, expected %d", what, r, found->n[r], n);
    for (int i = 0; i < n && i < found->n[r]; i++) {
        const path_found *a = &found->of[r][i], *b = &expected[i];
        int same = a->n == b->n && !memcmp(a->word, b->word, sizeof *a->word * (size_t)a->n) && fabs(a->score - b->score) <= 1e-5;
        expect(same, "%s: example %d: path %d has %d words and the score %.9g, expected %d and %.9g", what, r, i, a->n, a->score, b->n,
               b->score);
        if (!same) return;
    }
}

static void test_search(const char *more, int64_t width)
{
    static table x;
    static paths found;
    probe p;
    char options[300], label[400];
    snprintf(options, sizeof options, "begin = '%d', end = '%d', max_length = %d, embedding = { width = 3 }, %s", BEGIN, END, MOST, more);
    open_decoder(&p, options, WORDS, width);
    make_table(&p, &x);
    for (double alpha = 0; alpha < 2.5; alpha += 0.7) {
        search(&p, 300, alpha, &found);
        for (int r = 0; r < EXAMPLES; r++) {
            path_found all[PATHS];
            int word[MOST] = { 0 }, n = 0;
            all_sequences(&x, r, word, 0, 0, alpha, all, &n);
            qsort(all, (size_t)n, sizeof *all, better);
            snprintf(label, sizeof label, "%s, all sequences, penalty %g", more, alpha);
            expect(n == 1 + 3 + 9 + 27, "there are %d sequences that end, expected 40", n);
            same_paths(label, r, &found, all, n);
        }
        for (int w = 1; w < 8; w++) {
            search(&p, w, alpha, &found);
            for (int r = 0; r < EXAMPLES; r++) {
                path_found some[64];
                int n = table_beam(&x, r, w, alpha, some);
                snprintf(label, sizeof label, "%s, width %d, penalty %g", more, w, alpha);
                same_paths(label, r, &found, some, n);
            }
        }
    }
    probe_close(&p);
}

/* An example alone has the paths, and the bits of their scores, that it has in a batch. */
static void test_alone(void)
{
    static paths all, one;
    probe p;
    open_decoder(&p, "embedding = { width = 3 }, cell = { type = 'lstm', units = 5 }, end = '2', begin = '0'", 7, 5);
    for (int width = 1; width < 5; width += 3) {
        probe_bind(&p, examples, EXAMPLES);
        expect(!probe_forward(&p), "forward: %s", p.host.error);
        search(&p, width, 1, &all);
        for (int r = 0; r < EXAMPLES; r++) {
            probe_bind(&p, &examples[r], 1);
            expect(!probe_forward(&p), "forward: %s", p.host.error);
            search(&p, width, 1, &one);
            expect(one.n[0] == all.n[r] && !memcmp(one.of[0], all.of[r], sizeof(path_found) * (size_t)one.n[0]),
                   "width %d: example %d alone is decoded otherwise than in a batch", width, (int)examples[r]);
        }
    }
    probe_close(&p);
}

/* What is told of greedy paths: of MOST words each, from at most 8 steps. */
typedef struct told { double log_p[EXAMPLES]; int64_t steps[EXAMPLES]; float weight[EXAMPLES][MOST * 8]; int n; } told;
static void hear(void *to, int32_t row, const tn_path *p)
{
    told *x = to;
    int fits = p->in == 1 && p->n == MOST && p->steps <= 8 && p->weight;
    expect(fits, "example %d: %d words from %d steps of input %u are told of", row, (int)p->n, (int)p->steps, p->in);
    x->log_p[row] = p->log_p, x->steps[row] = p->steps, x->n++;
    if (fits) memcpy(x->weight[row], p->weight, sizeof *p->weight * (size_t)(p->n * p->steps));
}

/* What is told of a path is what forward has at its steps: log p of its words, and the attention. */
static void same_told(const node *n, const told *x, const paths *greedy, int r)
{
    const tn_layout *l = n->out[0].value.lay;
    const slot *a = n->saved;
    while (!a->spec.across) a++;
    double log_p = 0;
    for (int t = 0; t < MOST; t++) {
        int64_t row = l->first[t] + l->place[r], first = a->value.pairs->first[row], steps = a->value.pairs->first[row + 1] - first;
        const float *y = (const float *)n->out[0].value.data + row * WORDS, *w = (const float *)a->value.data + first;
        double sum = 0;
        for (int k = 0; k < WORDS; k++) sum += exp((double)y[k]);
        log_p += (double)y[greedy->of[r][0].word[t]] - log(sum);
        expect(x->steps[r] == steps && !memcmp(w, x->weight[r] + t * steps, sizeof *w * (size_t)steps),
               "example %d, word %d: it looked elsewhere than is told", r, t);
    }
    expect(fabs(log_p - x->log_p[r]) < 1e-5, "example %d: log p %.9g is told, expected %.9g", r, x->log_p[r], log_p);
}

/* Steps that hear what the layer said itself say what greedy decoding says, bit for bit. */
static void test_own(void)
{
    static paths greedy;
    static told heard;
    static table unused;
    probe p;
    open_decoder(&p, "embedding = { width = 3, dropout = 0.5 }, cell = { type = 'gru', units = 5 }, begin = '1', end = '', max_length = 4",
                 WORDS, 5);
    make_table(&p, &unused); /* all examples have MOST steps now */
    probe_bind(&p, examples, EXAMPLES);
    node *n = p.node;
    p.alone = 1;
    expect(!probe_forward(&p), "forward: %s", p.host.error);
    p.graph->search.tell = hear, p.graph->search.to = &heard;
    search(&p, 1, 1.7, &greedy);
    expect(heard.n == EXAMPLES, "%d paths are told of, expected %d", heard.n, EXAMPLES);
    n->call.flags = TN_C_ALONE | TN_C_OWN;
    expect(!n->impl->forward(p.part->self, &n->call), "forward: %s", p.host.error);
    const tn_layout *l = n->out[0].value.lay;
    for (int r = 0; r < EXAMPLES; r++) {
        same_told(n, &heard, &greedy, r);
        for (int t = 0; t < MOST; t++) {
            const float *y = (const float *)n->out[0].value.data + (l->first[t] + l->place[r]) * WORDS;
            int best = 0;
            for (int w = 1; w < WORDS; w++) best = y[w] > y[best] ? w : best;
            expect(greedy.of[r][0].n == MOST && greedy.of[r][0].word[t] == best, "example %d, step %d: says %d itself, %d when it decodes",
                   r, t, best, greedy.of[r][0].word[t]);
        }
    }
    probe_close(&p);
}

/* teacher_forcing: about that share of steps hears the target, drawn for each sequence and step, and the first one always. */
static void test_forcing(void)
{
    probe p;
    int heard = 0, steps = 0;
    open_decoder(&p, "embedding = { width = 3 }, cell = { type = 'gru', units = 5 }, teacher_forcing = 0.25", 97, 5);
    p.training = 1;
    probe_bind(&p, examples, EXAMPLES);
    const int32_t *target = p.node->in_slot[0]->value.data, *fed = p.node->saved[0].value.data;
    const tn_layout *l = p.node->out[0].value.lay;
    for (uint64_t step = 0; step < 200; step++) {
        expect(!probe_forward(&p), "forward: %s", p.host.error);
        p.node->call.rng.ctr = step;
        expect(!p.node->impl->forward(p.part->self, &p.node->call), "forward: %s", p.host.error);
        for (int32_t r = 0; r < l->rows; r++) {
            if (l->step[r]) heard += fed[r] == target[r], steps++;
            else expect(fed[r] == target[r], "a first step hears word %d, the target's is %d", fed[r], target[r]);
        }
    }
    double share = (double)heard / steps; /* a word of its own is the target's one time in 97 */
    expect(fabs(share - 0.25) < 0.05, "teacher_forcing = 0.25: %.3f of %d steps hear the target", share, steps);
    probe_close(&p);
}

static void test_refused(const char *options, const char *expected)
{
    probe p;
    const offer in[2] = { IDS(L_TARGET, 7), REALS(L_TEXT, 5) };
    int rc = probe_open(&p, path, TN_LAYER, "attention_decoder", options, in, 2);
    expect(rc < 0 && strstr(p.host.error, expected), "{ %s }: %s; expected: %s", options, rc < 0 ? p.host.error : "it is taken", expected);
}

int main(int argc, char **argv)
{
    if (argc < 3) return 2;
    char file[4096], error[400];
    const char *const places[] = { argv[1], NULL };
    static const char *const builds[] = { ".v4", ".v3", "" };
    for (int i = registry_isa() == 4 ? 0 : registry_isa() ? 1 : 2; i < 3 && !path; i++) { /* the best that there is, as the host */
        snprintf(file, sizeof file, "%s/layers/attention_decoder%s.so", argv[1], builds[i]);
        path = realpath(file, NULL);
    }
    probe_places(places);
    const checkpoint *f = checkpoint_read(argv[2], error, sizeof error);
    if (!path || !f) {
        printf("FAILED: %s\n", path ? error : "there is no attention_decoder.so");
        return 1;
    }
    for (int i = 0; i < f->n_texts; i++) test_reference(f, f->text[i].key, f->text[i].value);
    test_search("attention = { type = 'additive', units = 4 }, cell = { type = 'gru', units = 6 }", 5);
    test_search("attention = { type = 'dot' }, cell = { type = 'lstm', units = 5 }", 5);
    test_search("attention = { type = 'general' }, cell = { type = 'rnn', units = 3 }, output = { reads = ['state'] }", 5);
    test_search("attention = { type = 'none' }, cell = { type = 'lstm', units = 4, layers = 2 }, output = { reads = ['state'] }", 5);
    test_alone();
    test_own();
    test_forcing();
    test_refused("cell = { type = 'dense', units = 3 }", "does not read steps one after the other");
    test_refused("attention = { type = 'dot' }, cell = { type = 'gru', units = 6 }", "wants equal widths");
    test_refused("output = { units = 5 }", "7 words");
    test_refused("output = { reads = ['state', 'state'] }", "twice");
    test_refused("output = { reads = ['gate'] }", "none of state, context, embedding");
    test_refused("output = { reads = [] }", "must read something");
    return expect_end("decoder");
}
