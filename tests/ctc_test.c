/* ctc_test.c PLUGINS -- ctc by brute force: every path of a few frames, what it reads, and their sums: the loss, the labels
 * that greedy and beam decoding give and their scores, alignments that do not exist; the edit distance of error_rate. */
#include "test_host.h"

enum { FRAMES = 5, WIDTH = 3, BLANK = 2, PATHS = 243, EXAMPLES = 40 };
static test_host h;

typedef struct found { int32_t row, n, id[FRAMES]; double score; } found;
static found all[4000];
static int n_all;

static int keep(void *to, int32_t row, double score, const int32_t *ids, int64_t n)
{
    (void)to;
    found *f = &all[n_all++];
    *f = (found){ .row = row, .n = (int32_t)n, .score = score };
    for (int64_t i = 0; i < n; i++) f->id[i] = ids[i];
    return 0;
}

/* What a path reads: repeats go, then blanks. */
static int read_path(const int *path, int frames, int32_t *id)
{
    int n = 0;
    for (int t = 0; t < frames; t++)
        if (path[t] != BLANK && (!t || path[t] != path[t - 1])) id[n++] = path[t];
    return n;
}

/* log P(labels) over all paths; labels NULL: the most probable ones, into best. */
static double brute(double p[][WIDTH], int frames, const int32_t *labels, int n, int32_t *best, int *best_n)
{
    static double sum[PATHS];
    static int32_t key[PATHS][FRAMES];
    static int length[PATHS];
    int keys = 0, paths = 1;
    for (int t = 0; t < frames; t++) paths *= WIDTH;
    for (int k = 0; k < paths; k++) {
        int path[FRAMES], rest = k, i = 0;
        int32_t id[FRAMES];
        double probability = 1;
        for (int t = 0; t < frames; t++) path[t] = rest % WIDTH, rest /= WIDTH, probability *= p[t][path[t]];
        int m = read_path(path, frames, id);
        while (i < keys && (length[i] != m || memcmp(key[i], id, sizeof *id * (size_t)m))) i++;
        if (i == keys) keys++, length[i] = m, sum[i] = 0, memcpy(key[i], id, sizeof *id * (size_t)m);
        sum[i] += probability;
    }
    int top = 0;
    for (int i = 0; i < keys; i++) {
        if (labels && length[i] == n && !memcmp(key[i], labels, sizeof *labels * (size_t)n)) return log(sum[i]);
        if (sum[i] > sum[top]) top = i;
    }
    if (labels) return -INFINITY;
    *best_n = length[top];
    memcpy(best, key[top], sizeof *best * (size_t)length[top]);
    return log(sum[top]);
}

/* Every example: random scores of 0 to 5 frames, 0 to 3 labels. */
static void test_ctc(const char *toml, int beam, int first, int infinite)
{
    int32_t frames[EXAMPLES], labels[EXAMPLES];
    for (int e = 0; e < EXAMPLES; e++) frames[e] = e * 7 % 6, labels[e] = e * 5 % 4;
    tn_spec in[2] = { { .dtype = TN_F32, .layout = TEXT, .width = WIDTH },
                      { .dtype = TN_I32, .means = TN_IDS, .layout = TARGET, .width = 1, .classes = WIDTH - 1 } };
    test_layouts(&h, EXAMPLES, frames);
    test_layout(&h, TARGET, TN_ROOT, labels, 0);
    test_part *p = test_plan(&h, TN_LOSS, toml, 2, in);
    expect(p != NULL, "%s: %s", toml, h.host.error);
    if (!p) return;
    test_allocate(p);
    const tn_layout *x = &h.layout[TEXT], *t = &h.layout[TARGET];
    float *v = p->slot[T_IN][0].value.data, *y = p->slot[T_OUT][0].value.data;
    int32_t *id = p->slot[T_IN][1].value.data;
    uint32_t seed = 77;
    for (int64_t i = 0; i < x->rows * WIDTH; i++) seed = seed * 1664525u + 1013904223u, v[i] = (float)(seed >> 8) / 4194304.0f - 2;
    for (int64_t i = 0; i < t->rows; i++) seed = seed * 1664525u + 1013904223u, id[i] = seed >> 16 & 1;
    expect(!test_forward(p, 0, (tn_rng){ 1, 1 }), "%s: forward: %s", toml, h.host.error);
    /* in predict the loss has not run, so nothing that forward saves is there to decode from */
    memset(p->slot[T_SAVED][0].value.data, 0xff, sizeof(float) * (size_t)x->rows);
    n_all = 0;
    expect(!p->layer->decode(p->part->self, &p->call, keep, NULL), "%s: decode: %s", toml, h.host.error);
    int impossible = 0, at = 0;
    for (int e = 0; e < EXAMPLES; e++) {
        double q[FRAMES][WIDTH], want;
        int32_t want_id[FRAMES], best[FRAMES];
        int best_n = 0, path[FRAMES];
        for (int k = 0; k < frames[e]; k++) {
            const float *row = v + (x->first[k] + x->place[e]) * WIDTH;
            double sum = 0;
            for (int j = 0; j < WIDTH; j++) sum += exp((double)row[j]);
            for (int j = 0; j < WIDTH; j++) q[k][first ? (j + WIDTH - 1) % WIDTH : j] = exp((double)row[j]) / sum;
        }
        for (int k = 0; k < labels[e]; k++) want_id[k] = id[t->first[k] + t->place[e]];
        want = brute(q, frames[e], want_id, labels[e], NULL, NULL);
        impossible += isinf(want) != 0;
        if (isinf(want)) expect(infinite ? y[e] == INFINITY : y[e] == 0, "%s: %g for a target of no alignment", toml, (double)y[e]);
        else expect(fabs((double)y[e] + want) < 1e-5 * (1 - want), "%s: example %d: %.9g, expected %.9g", toml, e, (double)y[e], -want);
        while (at < n_all && all[at].row != e) at++;
        expect(at < n_all, "%s: nothing was read of example %d", toml, e);
        if (at == n_all) return;
        if (beam > 1) want = brute(q, frames[e], NULL, 0, best, &best_n);
        else {
            want = 0;
            for (int k = 0; k < frames[e]; k++) {
                path[k] = 0;
                for (int j = 1; j < WIDTH; j++) path[k] = q[k][j] > q[k][path[k]] ? j : path[k];
                want += log(q[k][path[k]]);
            }
            best_n = read_path(path, frames[e], best);
        }
        expect(all[at].n == best_n && !memcmp(all[at].id, best, sizeof *best * (size_t)best_n), "%s: example %d: read %d labels, expected "
               "%d, or others", toml, e, all[at].n, best_n);
        expect(fabs(all[at].score - want) < 1e-5 * (1 - want), "%s: example %d: score %.9g, expected %.9g", toml, e, all[at].score, want);
    }
    expect(impossible > 3 && impossible < EXAMPLES / 2, "%d of the targets have no alignment", impossible);
    test_free(p);
}

/* Distances found by hand; -1 ends a sequence. */
static void test_error_rate(void)
{
    static const int32_t read_length[] = { 5, 3, 0, 4, 2 }, true_length[] = { 3, 0, 2, 4, 2 };
    static const int32_t read_id[5][5] = { { 1, 2, 3, -1, 7 }, { 4, -1, 4 }, { 0 }, { 1, 2, 3, 4 }, { -1, 5 } };
    static const int32_t true_id[5][4] = { { 1, 3, 3 }, { 0 }, { 6, 6 }, { 2, 3, 4, 1 }, { 8, 9 } };
    tn_spec spec[2] = { { .dtype = TN_I32, .means = TN_IDS, .layout = TEXT, .width = 1 },
                        { .dtype = TN_I32, .means = TN_IDS, .layout = TARGET, .width = 1 } };
    const tn_spec *in[2] = { &spec[0], &spec[1] };
    int32_t a[14], b[11];
    double sum[8] = { 0 }, value;
    uint32_t sums;
    const char *name;
    int32_t higher;
    test_layouts(&h, 5, read_length);
    test_layout(&h, TARGET, TN_ROOT, true_length, 0);
    for (int e = 0; e < 5; e++) {
        for (int k = 0; k < read_length[e]; k++) a[h.layout[TEXT].first[k] + h.layout[TEXT].place[e]] = read_id[e][k];
        for (int k = 0; k < true_length[e]; k++) b[h.layout[TARGET].first[k] + h.layout[TARGET].place[e]] = true_id[e][k];
    }
    tn_tensor x[2] = { { sizeof *x, TN_I32, a, 14, 1, 1, &h.layout[TEXT], NULL, NULL }, { sizeof *x, TN_I32, b, 11, 1, 1, &h.layout[TARGET], NULL, NULL } };
    tn_tensor *at[2] = { &x[0], &x[1] };
    tn_part *part = test_part_of(&h, TN_METRIC, "error_rate");
    expect(part != NULL, "no error_rate");
    if (!part) return;
    const tn_metric *m = part->desc->table;
    tn_call c = { .size = sizeof c, .api = &h.api, .host = &h.host, .in = at };
    expect(!m->plan(&h.api, &h.host, part->config, part->self, 2, in, &sums) && !m->update(part->self, &c, sum), "%s", h.host.error);
    m->result(part->self, sum, 0, &name, &value, &higher); /* 1 + 1 + 2 + 2 + 2 edits of 11 */
    expect(fabs(value - 8.0 / 11) < 1e-12 && !higher, "error_rate is %g, expected 8/11", value);
    m->result(part->self, sum, 1, &name, &value, &higher);
    expect(value == 1 && !strcmp(name, "sequences"), "error_rate.sequences is %g, expected 1", value);
    part_close(part);
}

int main(int argc, char **argv)
{
    if (argc < 2 || test_open(&h, argv[1], registry_isa(), 2)) return 2;
    test_ctc("ctc", 1, 0, 0);
    test_ctc("{ type = 'ctc', blank = 'first', zero_infinity = false }", 1, 1, 1);
    test_ctc("{ type = 'ctc', beam = 100 }", 100, 0, 0);
    test_ctc("{ type = 'ctc', beam = 100, blank = 'first' }", 100, 1, 0);
    test_error_rate();
    test_close(&h);
    return expect_end("ctc");
}
