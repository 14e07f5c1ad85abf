/* tagging_test.c -- parts of sequence tagging: data sets of columns, tag schemes, spans as conlleval counts them, and the
 * conditional random field against all paths of short sequences.
 *
 *     tagging_test PLUGINS FOLDER SPANS     FOLDER: where files may be written; SPANS: tests/tagging/spans.txt */
#include <stdlib.h>
#include "test_host.h"

static test_host h;
static const char *folder;

static float uniform_at(int64_t i) { return (float)((i * 7919 + 13) % 2003) / 1001.5f - 1; }

/* ---- words of the target ----------------------------------------------------------------------------- */
enum { MOST_WORDS = 64 };
static const char *word[MOST_WORDS];
static int64_t n_words;
static const char *const *words_of(void *to, int32_t vocabulary, int64_t *n)
{
    (void)to, (void)vocabulary;
    *n = n_words;
    return word;
}

static int32_t id_of(const char *text, size_t n)
{
    for (int32_t i = 0; i < n_words; i++)
        if (strlen(word[i]) == n && !memcmp(word[i], text, n)) return i;
    char *copy = arena_new(&h.memory, n + 1);
    memcpy(copy, text, n);
    if (n_words < MOST_WORDS) word[n_words++] = copy;
    return (int32_t)n_words - 1;
}

/* Tags between spaces as ids; how many. */
static int read_tags(const char *text, int32_t *id)
{
    int n = 0;
    for (size_t m; (m = strcspn(text, " \t\n")) > 0; text += m, text += *text == ' ') id[n++] = id_of(text, m);
    return n;
}

/* ---- spans ------------------------------------------------------------------------------------------- */
enum { CASES = 400, MOST_STEPS = 12 };
typedef struct span_case { int n; int32_t tag[2][MOST_STEPS]; const char *counts; } span_case;

static int read_cases(const char *path, span_case *c)
{
    char line[1000];
    FILE *f = fopen(path, "r");
    int n = 0;
    expect(f != NULL, "cannot read %s", path);
    while (f && n < CASES && fgets(line, sizeof line, f)) {
        char *said = strchr(line, '\t'), *counts = said ? strchr(said + 1, '\t') : NULL;
        if (!said) continue;
        c[n].n = read_tags(line, c[n].tag[0]);
        int m = read_tags(said + 1, c[n].tag[1]);
        expect(m == c[n].n && m <= MOST_STEPS, "case %d of %s: %d and %d tags", n + 1, path, c[n].n, m);
        c[n++].counts = counts ? arena_text(&h.memory, counts + 1) : "";
    }
    if (f) fclose(f);
    return n;
}

/* hits, said, true of a type in the cases first .. first + n. */
static void expected_counts(const span_case *c, int n, const char *type, double *count)
{
    count[0] = count[1] = count[2] = 0;
    for (int i = 0; i < n; i++)
        for (const char *at = c[i].counts; *at && *at != '\n'; ) {
            char kind[16];
            int hit, said, real, used = 0;
            if (sscanf(at, "%15s %d %d %d%n", kind, &hit, &said, &real, &used) != 4) break;
            if (!type || !strcmp(kind, type)) count[0] += hit, count[1] += said, count[2] += real;
            at += used, at += *at == '\t';
        }
}

static void compare_figures(const span_case *c, int n, const char *label, const char *name, double found)
{
    double count[3], expected;
    char type[16];
    const char *dot = name ? strchr(name, '.') : NULL, *figure = dot ? dot + 1 : name ? name : "f1";
    snprintf(type, sizeof type, "%.*s", dot ? (int)(dot - name) : 0, dot ? name : "");
    expected_counts(c, n, dot ? type : NULL, count);
    double by = !strcmp(figure, "precision") ? count[1] : !strcmp(figure, "recall") ? count[2] : (count[1] + count[2]) / 2;
    expected = by > 0 ? count[0] / by : 0;
    expect(fabs(found - expected) < 1e-12, "span_f1, %s: %s is %.9g, expected %.9g", label, name ? name : "f1", found, expected);
}

static void test_cases(const span_case *c, int n, const char *label)
{
    int32_t length[CASES], seen = 0, right = 0, all = 0;
    for (int i = 0; i < n; i++) length[i] = c[i].n;
    test_layouts(&h, n, length);
    const tn_layout *l = &h.layout[TEXT];
    tn_spec spec = { .dtype = TN_I32, .means = TN_IDS, .layout = TEXT, .width = 1, .classes = n_words, .vocabulary = 1 };
    const tn_spec *in[] = { &spec, &spec };
    tn_part *part = test_part_of(&h, TN_METRIC, "span_f1");
    const tn_metric *m = part->desc->table;
    uint32_t sums = 0;
    expect(!m->plan(&h.api, &h.host, part->config, part->self, 2, in, &sums), "span_f1: %s", h.host.error);
    double *sum = memory_new(sizeof *sum * (sums + 1));
    int32_t *id[2] = { memory_new(4 * (size_t)(l->rows + 1)), memory_new(4 * (size_t)(l->rows + 1)) };
    for (int i = 0; i < n; i++)
        for (int32_t t = 0; t < c[i].n; t++) {
            for (int k = 0; k < 2; k++) id[k][l->first[t] + l->place[i]] = c[i].tag[k][t];
            right += c[i].tag[0][t] == c[i].tag[1][t], all++;
        }
    tn_tensor said = { sizeof said, TN_I32, id[1], l->rows, 1, 1, l, NULL, NULL }, real = said, *at[] = { &said, &real };
    real.data = id[0];
    tn_call call = { .size = sizeof call, .in = at };
    expect(!m->update(part->self, &call, sum), "span_f1: update: %s", h.host.error);
    double value;
    int32_t higher;
    for (const char *name; !m->result(part->self, sum, (uint32_t)seen, &name, &value, &higher); seen++) {
        if (name && !strcmp(name, "tag_accuracy")) expect(value == (double)right / all, "span_f1, %s: tag_accuracy %g", label, value);
        else compare_figures(c, n, label, name, value);
    }
    expect(seen == 4 + 3 * 3, "span_f1, %s: %d results, expected 13", label, seen);
    part_close(part);
    memory_free(sum), memory_free(id[0]), memory_free(id[1]);
}

static void test_spans(const char *path)
{
    static span_case c[CASES];
    int n = read_cases(path, c);
    expect(n > 150, "%s has %d cases", path, n);
    h.host.words = words_of;
    for (int i = 0; i < n; i++) test_cases(&c[i], 1, arena_print(&h.memory, "case %d", i + 1));
    test_cases(c, n, "all cases");
    int64_t had = n_words;
    id_of("NNP", 3);
    uint32_t sums;
    tn_spec spec = { .dtype = TN_I32, .means = TN_IDS, .layout = TEXT, .width = 1, .classes = n_words, .vocabulary = 1 };
    const tn_spec *in[] = { &spec, &spec };
    tn_part *part = test_part_of(&h, TN_METRIC, "span_f1");
    host_clear(&h.host);
    expect(((const tn_metric *)part->desc->table)->plan(&h.api, &h.host, part->config, part->self, 2, in, &sums) < 0
           && strstr(h.host.error, "'NNP' is no tag of a span"), "span_f1 takes the tag NNP: %s", h.host.error);
    part_close(part);
    n_words = had;
}

/* ---- the conditional random field --------------------------------------------------------------------- */
/* Every path of n steps over k tags: its score, from the formula. */
static double path_score(const test_part *p, const float *x, const tn_layout *l, int32_t s, const int *y, int n)
{
    int64_t k = p->slot[T_IN][0].spec.width;
    const float *w = p->slot[T_PARAM][0].value.data, *start = p->slot[T_PARAM][1].value.data, *end = p->slot[T_PARAM][2].value.data;
    double score = (double)start[y[0]] + (double)end[y[n - 1]];
    for (int t = 0; t < n; t++) score += (double)x[(l->first[t] + s) * k + y[t]] + (t ? (double)w[y[t - 1] * k + y[t]] : 0);
    return score;
}

/* Whether BIO has that path: tags O, B-X, I-X, B-Y, I-Y. */
static int is_bio(const int *y, int n)
{
    for (int t = 0; t < n; t++)
        if ((y[t] == 2 && (!t || (y[t - 1] != 1 && y[t - 1] != 2))) || (y[t] == 4 && (!t || (y[t - 1] != 3 && y[t - 1] != 4)))) return 0;
    return 1;
}

typedef struct brute { double sum, best, mass[6][5]; int best_path[6]; } brute;
static brute all_paths(const test_part *p, const tn_layout *l, int32_t s, int constrained)
{
    const int k = 5, n = l->length[s];
    brute b = { .sum = 0, .best = -INFINITY };
    int paths = 1, y[6];
    for (int t = 0; t < n; t++) paths *= k;
    for (int i = 0; i < paths; i++) {
        for (int t = 0, rest = i; t < n; t++, rest /= k) y[t] = rest % k;
        if (constrained && !is_bio(y, n)) continue;
        double score = path_score(p, p->slot[T_IN][0].value.data, l, s, y, n), e = exp(score);
        b.sum += e;
        for (int t = 0; t < n; t++) b.mass[t][y[t]] += e;
        if (score > b.best) b.best = score, memcpy(b.best_path, y, sizeof y);
    }
    return b;
}

static int found_path[16][6], found_length[16];
static double found_score[16];
static int keep_path(void *to, int32_t row, double score, const int32_t *ids, int64_t n)
{
    (void)to;
    found_length[row] = (int)n, found_score[row] = score;
    for (int64_t t = 0; t < n; t++) found_path[row][t] = ids[t];
    return 0;
}

static void check_sequence(const test_part *p, const tn_layout *l, int32_t s, int constrained, const float *probability)
{
    int32_t row = l->order[s], n = l->length[s];
    const int32_t *tag = p->slot[T_IN][1].value.data;
    const char *label = constrained ? "crf in BIO" : "crf";
    float loss = ((const float *)p->slot[T_OUT][0].value.data)[row];
    expect(found_length[row] == n, "%s: a path of %d steps for %d", label, found_length[row], n);
    if (!n) expect(loss == 0, "%s: an empty sequence costs %g", label, (double)loss);
    if (!n) return;
    brute b = all_paths(p, l, s, constrained);
    int y[6];
    for (int t = 0; t < n; t++) y[t] = tag[l->first[t] + s];
    double expected = log(b.sum) - path_score(p, p->slot[T_IN][0].value.data, l, s, y, n), far = 0;
    expect(fabs((double)loss - expected) < 1e-5 * (1 + fabs(expected)), "%s: %d steps cost %.9g, expected %.9g", label, n,
           (double)loss, expected);
    for (int t = 0; t < n; t++)
        for (int j = 0; j < 5; j++)
            far = fmax(far, fabs((double)probability[(l->first[t] + s) * 5 + j] - b.mass[t][j] / b.sum));
    expect(far < 1e-5, "%s: the probability of a tag differs by %g", label, far);
    expect(!memcmp(found_path[row], b.best_path, sizeof(int) * (size_t)n), "%s: not the best path of %d steps", label, n);
    expect(fabs(found_score[row] - b.best) < 1e-4, "%s: the best path has %g, expected %g", label, found_score[row], b.best);
}

static void test_crf(int constrained)
{
    static const int32_t length[] = { 3, 0, 5, 1, 6, 1, 4 };
    static const char *const tags[] = { "O", "B-X", "I-X", "B-Y", "I-Y" };
    enum { N = 20 };
    float probability[N * 5];
    n_words = 0;
    for (int i = 0; i < 5; i++) id_of(tags[i], strlen(tags[i]));
    h.host.words = words_of;
    test_layouts(&h, 7, length);
    const tn_layout *l = &h.layout[TEXT];
    tn_spec in[] = { { .dtype = TN_F32, .layout = TEXT, .width = 5 },
                     { .dtype = TN_I32, .means = TN_IDS, .layout = TEXT, .width = 1, .classes = 5, .vocabulary = 1 } };
    test_part *p = test_plan(&h, TN_LOSS, constrained ? "{ type = 'crf', constraints = 'scheme' }" : "crf", 2, in);
    if (!p) {
        expect(0, "crf: %s", h.host.error);
        return;
    }
    test_allocate(p);
    for (int k = 0; k < 3; k++)
        for (int64_t i = 0; i < (k ? 5 : 25); i++) ((float *)p->slot[T_PARAM][k].value.data)[i] = 2 * uniform_at(i + 100 * k);
    for (int64_t i = 0; i < N * 5; i++) ((float *)p->slot[T_IN][0].value.data)[i] = 3 * uniform_at(i + 1000);
    int32_t *tag = p->slot[T_IN][1].value.data;
    for (int32_t s = 0; s < l->sequences; s++) /* O B-X I-X B-Y I-Y I-Y is BIO; else any tags */
        for (int32_t t = 0; t < l->length[s]; t++)
            tag[l->first[t] + s] = constrained ? (t < 5 ? t : 4) : (int32_t)((s * 3 + t * 7) % 5);
    expect(!test_forward(p, TN_C_TRAINING, (tn_rng){ 0, 0 }), "crf: forward: %s", h.host.error);
    const tn_loss *loss = p->part->desc->table;
    expect(!p->layer->decode(p->part->self, &p->call, keep_path, NULL), "crf: decode: %s", h.host.error);
    expect(!loss->predict(p->part->self, &p->call, 5, probability), "crf: predict: %s", h.host.error);
    for (int32_t s = 0; s < l->sequences; s++) check_sequence(p, l, s, constrained, probability);
    if (constrained) {
        tag[0] = 2; /* the first step of the longest sequence: I-X */
        host_clear(&h.host);
        expect(test_forward(p, TN_C_TRAINING, (tn_rng){ 0, 0 }) < 0 && strstr(h.host.error, "to 'I-X', which the scheme BIO forbids"),
               "crf: takes a target that its scheme forbids: %s", h.host.error);
    }
    test_free(p);
}

/* ---- the hidden Markov model ----------------------------------------------------------------------------- */
enum { H_TAGS = 3, H_WORDS = 5 };
typedef struct counted { double start[H_TAGS], pair[H_TAGS][H_TAGS], word[H_TAGS][H_WORDS]; } counted;

/* Runs the baseline on a batch whose words and tags follow a rule, and counts the same by hand. */
static void hmm_batch(tn_part *part, int32_t n, const int32_t *length, int salt, counted *c, int32_t *word_of, int32_t *tag_of)
{
    const tn_baseline *b = part->desc->table;
    test_layouts(&h, n, length);
    const tn_layout *l = &h.layout[TEXT];
    for (int32_t s = 0; s < l->sequences; s++)
        for (int32_t t = 0; t < l->length[s]; t++) {
            int32_t r = l->first[t] + s, w = (l->order[s] * 5 + t * 3 + salt) % 4, y = (w + t + l->order[s] % 2) % H_TAGS;
            word_of[r] = c ? w : (w + t) % H_WORDS; /* word 4 occurs in prediction alone */
            if (!c) continue;
            tag_of[r] = y;
            c->word[y][w] += 1;
            if (t) c->pair[tag_of[l->first[t - 1] + s]][y] += 1;
            else c->start[y] += 1;
        }
    tn_tensor x = { sizeof x, TN_I32, word_of, l->rows, 1, 1, l, NULL, NULL }, y = x, *in[] = { &x, c ? &y : NULL }, *out[] = { &y };
    y.data = tag_of;
    tn_call call = { .size = sizeof call, .api = &h.api, .host = &h.host, .in = in, .out = out };
    expect(!(c ? b->learn(part->self, &call) : b->predict(part->self, &call)), "hmm: %s", h.host.error);
}

static double hmm_score(const counted *c, const int *y, const int32_t *w, int n)
{
    double score = 0;
    for (int t = 0; t < n; t++) {
        double pairs = 0, all = 0;
        for (int k = 0; k < H_TAGS; k++) pairs += t ? c->pair[y[t - 1]][k] : c->start[k];
        for (int k = 0; k < H_WORDS; k++) all += c->word[y[t]][k];
        score += log(((t ? c->pair[y[t - 1]][y[t]] : c->start[y[t]]) + 0.5) / (pairs + 0.5 * H_TAGS));
        if (w[t] < 4) score += log((c->word[y[t]][w[t]] + 0.25) / (all + 0.25 * 4)); /* four words occurred */
    }
    return score;
}

static void test_hmm(void)
{
    static const int32_t length[] = { 3, 5, 0, 1, 4 }, other[] = { 6, 1, 0, 5 };
    tn_spec in[] = { { .dtype = TN_I32, .means = TN_IDS, .layout = TEXT, .width = 1, .classes = H_WORDS },
                     { .dtype = TN_I32, .means = TN_IDS, .layout = TEXT, .width = 1, .classes = H_TAGS } }, out;
    const tn_spec *at[] = { &in[0], &in[1] };
    counted c = { .start = { 0 } };
    int32_t w[20], y[20];
    tn_part *part = test_part_of(&h, TN_BASELINE, "{ type = 'hmm', alpha = 0.5, word_alpha = 0.25 }");
    const tn_baseline *b = part->desc->table;
    expect(!b->plan(&h.api, &h.host, part->config, part->self, 2, at, &out) && out.means == TN_IDS && out.dtype == TN_I32,
           "hmm: %s", h.host.error);
    hmm_batch(part, 5, length, 0, &c, w, y);
    hmm_batch(part, 5, length, 2, &c, w, y);
    expect(!b->finish(part->self), "hmm: finish");
    hmm_batch(part, 4, other, 1, NULL, w, y);
    const tn_layout *l = &h.layout[TEXT];
    for (int32_t s = 0; s < l->sequences; s++) {
        int n = l->length[s], paths = 1, path[6], found[6];
        int32_t words[6];
        double best = -INFINITY;
        for (int t = 0; t < n; t++) paths *= H_TAGS, words[t] = w[l->first[t] + s], found[t] = y[l->first[t] + s];
        for (int i = 0; i < paths && n; i++) {
            for (int t = 0, rest = i; t < n; t++, rest /= H_TAGS) path[t] = rest % H_TAGS;
            best = fmax(best, hmm_score(&c, path, words, n));
        }
        if (n) expect(fabs(hmm_score(&c, found, words, n) - best) < 1e-9, "hmm: a path of %d steps has %g, the best one %g", n,
                      hmm_score(&c, found, words, n), best);
    }
    part_close(part);
}

/* ---- transforms ---------------------------------------------------------------------------------------- */
static char got[1200];
static int keep_value(void *to, uint32_t column, const tn_value *v)
{
    (void)to, (void)column;
    int64_t from = 0;
    size_t used = 0;
    got[0] = 0;
    for (int64_t i = 0; i < v->leaves; from = v->end[i++])
        used += (size_t)snprintf(got + used, sizeof got - used, "%s%.*s", i ? " " : "", (int)(v->end[i] - from),
                                 (const char *)v->leaf + from);
    return TN_OK;
}

/* What a transform makes of words between spaces, or its message. */
static const char *transformed(const char *toml, const char *text)
{
    char leaf[600];
    int64_t end[64], n = 0;
    size_t used = 0;
    for (size_t m; (m = strcspn(text, " ")) > 0; text += m, text += *text == ' ')
        memcpy(leaf + used, text, m), used += m, end[n++] = (int64_t)used;
    tn_value v = { sizeof v, TN_TEXT, 1, 1, n, n, NULL, leaf, end };
    tn_column in = { sizeof in, TN_TEXT, 1, 1, "x", 0 }, out;
    tn_sink sink = { sizeof sink, 0, NULL, keep_value };
    tn_part *part = test_part_of(&h, TN_TRANSFORM, toml);
    const tn_transform *t = part->desc->table;
    host_clear(&h.host);
    int rc = t->plan(&h.api, &h.host, part->config, part->self, &in, &out);
    if (!rc) rc = t->apply(part->self, &v, (tn_rng){ 0, 0 }, &sink);
    if (rc) snprintf(got, sizeof got, "%s", h.host.error);
    part_close(part);
    return got;
}

static void test_transforms(void)
{
    static const struct { const char *toml, *in, *out; } c[] = {
        { "{ type = 'scheme', from = 'IOB1', to = 'BIOES' }", "I-X I-X B-X O I-Y I-X B-X I-X I-X", "B-X E-X S-X O S-Y S-X B-X I-X E-X" },
        { "{ type = 'scheme', from = 'BIO', to = 'IOB1' }", "B-X I-X B-X O B-Y B-X B-X I-X", "I-X I-X B-X O I-Y I-X B-X I-X" },
        { "{ type = 'scheme', from = 'BMES', to = 'BIO' }", "S-X B-X E-X O B-Y M-Y M-Y E-Y", "B-X B-X I-X O B-Y I-Y I-Y I-Y" },
        { "{ type = 'scheme', from = 'BIO', to = 'BMES' }", "B I I O B", "B M E O S" },
        { "{ type = 'scheme', from = 'IOB2', to = 'BILOU' }", "B-X I-X I-X O B-Y B-Y", "B-X I-X L-X O U-Y U-Y" },
        { "{ type = 'scheme', from = 'BIO', to = 'BIOES' }", "", "" },
        { "{ type = 'scheme', from = 'BIO', to = 'BIOES', invalid = 'repair' }", "O I-X I-X B-Y I-X", "O B-X E-X S-Y S-X" },
        { "{ type = 'scheme', from = 'BIOES', to = 'BIO', invalid = 'repair' }", "E-X E-X B-X O B-X S-Y", "B-X B-X B-X O B-X B-Y" },
        { "{ type = 'scheme', from = 'BIO', to = 'BIOES' }", "O I-X",
          "step 2: 'I-X' after 'O', which BIO forbids; another `from`? invalid = 'repair' reads it as conlleval does" },
        { "{ type = 'scheme', from = 'BIO', to = 'BIOES' }", "I-X",
          "step 1: 'I-X' after the start, which BIO forbids; another `from`? invalid = 'repair' reads it as conlleval does" },
        { "{ type = 'scheme', from = 'BMES', to = 'BIO' }", "B-X M-X",
          "end, after step 2: the end after 'M-X', which BMES forbids; another `from`? invalid = 'repair' reads it as conlleval does" },
        { "{ type = 'scheme', from = 'BIO', to = 'BIOES' }", "B-X E-X", "step 2: 'E-X' is no tag of the scheme BIO (O, or B-TYPE ...)" },
        { "{ type = 'scheme', from = 'BIO', to = 'BIOES' }", "B-X NNP", "step 2: 'NNP' is no tag of the scheme BIO (O, or B-TYPE ...)" },
        { "context", "a b", "0=a -1=<s> 1=b -1 0=<s>|a 0 1=a|b 0=b -1=a 1=</s> -1 0=a|b 0 1=b|</s>" },
        { "{ type = 'context', patterns = ['-2 2', '+1'] }", "a b c", "-2 2=<s>|c +1=b -2 2=<s>|</s> +1=c -2 2=a|</s> +1=</s>" },
        { "context", "", "" },
        { "spelling", "IBM's", "initial_capital inner_capital sign apostrophe_s prefix=IB suffix='s prefix=IBM suffix=M's "
                               "prefix=IBM' suffix=BM's shape=AAA'a form=A'a" },
        { "{ type = 'spelling', affix = 2 }", "B2b 96 \xc3\x84rzte a", "initial_capital letters_and_digits prefix=B2 suffix=2b shape=A0a "
          "form=A0a no_letter shape=00 form=0 initial_capital letters_only prefix=\xc3\x84r suffix=te shape=Aaaaa form=Aa "
          "all_small letters_only shape=a form=a" },
        { "digits_to_zero", "1996-08-22 a1b2 \xd9\xa3 no", "0000-00-00 a0b0 \xd9\xa3 no" },
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char label[200];
        snprintf(label, sizeof label, "%s on '%s'", c[i].toml, c[i].in);
        expect_text(label, transformed(c[i].toml, c[i].in), c[i].out);
    }
}

/* ---- columns ------------------------------------------------------------------------------------------- */
typedef struct columns { char text[4][400]; } columns;
static int keep_column(void *to, uint32_t column, const tn_value *v)
{
    columns *c = to;
    expect(v->depth == 1 && v->n == v->leaves, "conll: depth %u, %lld of %lld", v->depth, (long long)v->n, (long long)v->leaves);
    keep_value(NULL, 0, v);
    if (column < 4) snprintf(c->text[column], sizeof c->text[column], "%.390s", got);
    return TN_OK;
}

static tn_part *conll_of(const char *text, const char *options)
{
    const char *path = arena_print(&h.memory, "%s/columns.txt", folder);
    FILE *f = fopen(path, "w");
    if (f) fputs(text, f), fclose(f);
    return test_part_of(&h, TN_DATASET, arena_print(&h.memory, "{ type = 'conll', train = '%s', %s }", path, options));
}

static void test_conll(void)
{
    tn_part *part = conll_of("-DOCSTART- -X- OO O\n\nEU  NNP\tB-ORG \r\nrejects VBZ O\n  \n\n\n-DOCSTART- -X-\nPeter NNP B-PER",
                             "columns = ['token', '_', 'ner'], skip = '-DOCSTART-'");
    const tn_dataset *t = part->desc->table;
    columns c;
    tn_column x;
    char place[500];
    tn_sink sink = { sizeof sink, 0, &c, keep_column };
    host_clear(&h.host);
    expect(!t->load(part->self, "train"), "conll: %s", h.host.error);
    expect(t->load(part->self, "test") == TN_END, "conll: has a test split");
    expect(t->count(part->self, "train", 1) == 2, "conll: %d sentences", (int)t->count(part->self, "train", 1));
    expect(!t->column(part->self, 1, &x) && !strcmp(x.name, "ner") && x.depth == 1 && t->column(part->self, 2, &x) == TN_END,
           "conll: columns");
    expect(!t->read(part->self, "train", 1, 0, (tn_rng){ 0, 0 }, &sink), "conll: %s", h.host.error);
    expect_text("conll: tokens", c.text[0], "EU rejects");
    expect_text("conll: tags", c.text[1], "B-ORG O");
    expect(!t->read(part->self, "train", 1, 1, (tn_rng){ 0, 0 }, &sink), "conll: %s", h.host.error);
    expect_text("conll: last token, no line end", c.text[0], "Peter");
    t->place(part->self, "train", 1, place, sizeof place);
    expect(strstr(place, "columns.txt:9") != NULL, "conll: the second sentence begins at %s", place);
    expect(!t->line(part->self, 0, " Wang  went home", 16, &sink), "conll: %s", h.host.error);
    expect_text("conll: a line of plain text", c.text[0], "Wang went home");
    part_close(part);

    part = conll_of("a b\nc\n", "columns = ['x', 'y'], plain = 'characters'");
    t = part->desc->table;
    host_clear(&h.host);
    expect(t->load(part->self, "train") < 0 && strstr(h.host.error, "columns.txt:2: 1 columns; `columns` names 2: 'c'"),
           "conll: a short line: %s", h.host.error);
    const char *line = "\xe6\x88\x91 \xe7\x88\xb1x";
    expect(!t->line(part->self, 0, line, (int64_t)strlen(line), &sink), "conll: %s", h.host.error);
    expect_text("conll: characters", c.text[0], "\xe6\x88\x91 \xe7\x88\xb1 x");
    part_close(part);

    part = conll_of("New York|B|\n||z\n", "columns = ['x', 'y', 'z'], separator = '|'");
    t = part->desc->table;
    host_clear(&h.host);
    expect(!t->load(part->self, "train") && !t->read(part->self, "train", 1, 0, (tn_rng){ 0, 0 }, &sink), "conll: %s", h.host.error);
    expect_text("conll: cells with spaces", c.text[0], "New York ");
    expect_text("conll: empty cells", c.text[2], " z");
    part_close(part);

    part = conll_of("\n\n", "columns = ['x']");
    host_clear(&h.host);
    expect(((const tn_dataset *)part->desc->table)->load(part->self, "train") < 0 && strstr(h.host.error, "no sentence in this file"),
           "conll: an empty file: %s", h.host.error);
    part_close(part);
}

int main(int argc, char **argv)
{
    if (argc < 4 || test_open(&h, argv[1], registry_isa(), 2)) return 2;
    folder = argv[2];
    test_spans(argv[3]);
    test_crf(0);
    test_crf(1);
    test_hmm();
    test_transforms();
    test_conll();
    test_close(&h);
    return expect_end("tagging");
}
