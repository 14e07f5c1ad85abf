/* metrics_test.c -- what references by number do not show: words that BLEU leaves out, batches without rows, and the
 * messages of metrics on outputs that they are not for.
 *
 *     metrics_test PLUGINS */
#include "../include/tenon/metric_rows.h"
#include "test_host.h"

static test_host h;
static const char *const words[] = { "<unknown>", "a", "b", "c", "<sos>", "<eos>", "d,\"e\"" };
enum { WORDS = 7, UNKNOWN = 0, A, B, C, SOS, EOS };

static const char *const *words_of(void *to, int32_t vocabulary, int64_t *n)
{
    (void)to, (void)vocabulary;
    *n = WORDS;
    return words;
}

/* ---- BLEU ------------------------------------------------------------------------------------------ */
typedef struct pair { int32_t nx; const int32_t *x; int32_t ny; const int32_t *y; } pair; /* an output and its target   */

/* BLEU of outputs against one target each, every pair a batch of an example with steps. */
static double bleu_of_pairs(const char *toml, int n, const pair *pairs)
{
    tn_spec said = { .dtype = TN_I32, .means = TN_IDS, .layout = TEXT, .width = 1, .classes = WORDS },
            target = { .dtype = TN_I32, .means = TN_IDS, .layout = TARGET, .width = 1, .classes = WORDS, .vocabulary = 1 };
    const tn_spec *in[2] = { &said, &target };
    tn_part *p = test_part_of(&h, TN_METRIC, toml);
    double sum[64] = { 0 }, value = NAN;
    uint32_t sums = 0;
    const char *name;
    int32_t higher, id[2][16];
    if (!p) return NAN;
    const tn_metric *m = p->desc->table;
    expect(!m->plan(&h.api, &h.host, p->config, p->self, 2, in, &sums) && sums <= 64, "%s: %s", toml, h.host.error);
    for (int i = 0; i < n; i++) {
        const pair *q = &pairs[i];
        test_layouts(&h, 1, &q->nx);
        test_layout(&h, TARGET, TN_ROOT, &q->ny, 0);
        if (q->nx) memcpy(id[0], q->x, 4 * (size_t)q->nx);
        if (q->ny) memcpy(id[1], q->y, 4 * (size_t)q->ny);
        tn_tensor a = { sizeof a, TN_I32, id[0], q->nx, 1, 1, &h.layout[TEXT], NULL, NULL },
                  b = { sizeof b, TN_I32, id[1], q->ny, 1, 1, &h.layout[TARGET], NULL, NULL }, *at[2] = { &a, &b };
        tn_call c = { .size = sizeof c, .api = &h.api, .host = &h.host, .be = &h.be, .layout = h.layout_at, .in = at };
        expect(!m->update(p->self, &c, sum), "%s: %s", toml, h.host.error);
    }
    expect(!m->result(p->self, sum, 0, &name, &value, &higher), "%s: no result", toml);
    part_close(p);
    return value;
}

static double bleu_of(const char *toml, int32_t nx, const int32_t *x, int32_t ny, const int32_t *y)
{
    return bleu_of_pairs(toml, 1, &(pair){ nx, x, ny, y });
}

/* Sequences without words: what was said in vain counts among what was said, what is not said shortens it all. */
static void test_no_words(void)
{
    static const int32_t said[] = { A, B, C, A }, two[] = { B, C }, ends[] = { SOS, EOS }, nothing[] = { -1, -1, -1 };
    static const char order_2[] = "{ type = 'bleu', order = 2 }";
    static const struct { pair second; double expected; } with[] = { /* beside a right output of four words                */
        { { 2, two, 0, NULL }, 0.70710678118654752 }, { { 2, two, 2, ends }, 0.70710678118654752 }, /* sqrt(4/6 3/4)       */
        { { 0, NULL, 2, two }, 0.60653065971263342 }, { { 3, nothing, 2, two }, 0.60653065971263342 }, /* exp(1 - 6/4)     */
        { { 0, NULL, 0, NULL }, 1 }, { { 2, ends, 0, NULL }, 1 } };
    for (size_t i = 0; i < sizeof with / sizeof *with; i++) {
        const pair both[2] = { { 4, said, 4, said }, with[i].second };
        double found = bleu_of_pairs(order_2, 2, both);
        expect(fabs(found - 100 * with[i].expected) < 1e-9, "bleu: with sequences without words, case %d: %.12g, expected %.12g", (int)i,
               found, 100 * with[i].expected);
        found = bleu_of_pairs("bleu", 1, &with[i].second);
        expect(found == 0, "bleu: of sequences without words alone, case %d: %g, expected 0", (int)i, found);
    }
}

static void test_words_left_out(void)
{
    static const int32_t good[] = { SOS, A, B, C, A, EOS, B, B }, target[] = { A, B, C, A, EOS }, cut[] = { A, B, EOS, C, A },
                         short_path[] = { A, B, C, A, -1, -1 }, odd[] = { A, UNKNOWN, B, C }, odd_target[] = { A, UNKNOWN, B, C };
    double found = bleu_of("bleu", 8, good, 5, target);
    expect(fabs(found - 100) < 1e-9, "bleu: <sos>, <eos> and what follows leave %g, expected 100", found);
    found = bleu_of("{ type = 'bleu', begin = '', end = '' }", 8, good, 5, target);
    expect(found > 50 && found < 70, "bleu: with <sos> and <eos> as words %g", found);
    found = bleu_of("{ type = 'bleu', order = 2 }", 5, cut, 5, target);
    expect(fabs(found - 100 * exp(1 - 4 / 2.0)) < 1e-9, "bleu: of two right words of four %g", found);
    found = bleu_of("bleu", 6, short_path, 5, target);
    expect(fabs(found - 100) < 1e-9, "bleu: a decoded path that ends early gives %g, expected 100", found);
    found = bleu_of("{ type = 'bleu', order = 1 }", 4, odd, 4, odd_target);
    expect(fabs(found - 75) < 1e-9, "bleu: an unknown word agrees with itself: %g, expected 75", found);
    found = bleu_of("{ type = 'bleu', order = 1, unknown = '' }", 4, odd, 4, odd_target);
    expect(fabs(found - 100) < 1e-9, "bleu: unknown words that may agree give %g, expected 100", found);
}

/* ---- every metric ---------------------------------------------------------------------------------- */
static tn_spec numbers(int64_t width) { return (tn_spec){ .dtype = TN_F32, .layout = TN_ROOT, .width = width }; }
static tn_spec classes(int64_t n) { return (tn_spec){ .dtype = TN_I32, .means = TN_IDS, .layout = TN_ROOT, .width = 1, .classes = n }; }

/* A split without rows has results that are numbers, and the same names as before. */
static void test_nothing(const char *toml, tn_spec x, tn_spec t)
{
    const tn_spec *in[2] = { &x, &t };
    uint32_t sums = 0;
    tn_part *p = test_part_of(&h, TN_METRIC, toml);
    if (!p) {
        expect(0, "%s: cannot be opened", toml);
        return;
    }
    const tn_metric *m = p->desc->table;
    const tn_metric_rows *k = p->desc->ext ? p->desc->ext(TN_METRIC_ROWS) : NULL;
    host_clear(&h.host);
    expect(!m->plan(&h.api, &h.host, p->config, p->self, 2, in, &sums), "%s: %s", toml, h.host.error);
    double *sum = memory_new(sizeof *sum * (sums + 1));
    test_layouts(&h, 0, NULL);
    tn_tensor a = { sizeof a, x.dtype, NULL, 0, x.width, x.width, &h.layout[TN_ROOT], NULL, NULL },
              b = { sizeof b, t.dtype, NULL, 0, 1, 1, &h.layout[TN_ROOT], NULL, NULL }, keep = b, *at[2] = { &a, &b }, *out[1] = { &keep };
    tn_call c = { .size = sizeof c, .api = &h.api, .host = &h.host, .be = &h.be, .layout = h.layout_at, .in = at, .out = out };
    expect(!m->update(p->self, &c, sum), "%s: a batch without rows: %s", toml, h.host.error);
    if (k && k->finish) expect(!k->finish(p->self, 0, NULL, sum), "%s: %s", toml, h.host.error);
    const char *name;
    double value;
    int32_t higher;
    uint32_t n = 0;
    for (; !m->result(p->self, sum, n, &name, &value, &higher); n++)
        expect(isfinite(value) && (n == 0) == (name == NULL), "%s: result %u is %g", toml, n, value);
    expect(n > 0, "%s: no results", toml);
    memory_free(sum);
    part_close(p);
}

/* Errors against classes: several numbers a row against a one in the column of the class, one number against its number. */
static void test_errors_of_classes(const char *toml, int64_t width, double expected)
{
    static float x[] = { 0.5f, 0, 1, /**/ -1, 2, 0 };
    static int32_t id[] = { 2, 1, 0, 1, 2, 0 };
    tn_spec output = numbers(width), target = classes(3);
    const tn_spec *in[2] = { &output, &target };
    uint32_t sums = 0;
    double sum[8] = { 0 }, value = NAN;
    const char *name;
    int32_t higher;
    int32_t rows = (int32_t)(6 / width);
    tn_part *p = test_part_of(&h, TN_METRIC, toml);
    const tn_metric *m = p->desc->table;
    test_layouts(&h, rows, NULL);
    tn_tensor a = { sizeof a, TN_F32, x, rows, width, width, &h.layout[TN_ROOT], NULL, NULL },
              b = { sizeof b, TN_I32, id, rows, 1, 1, &h.layout[TN_ROOT], NULL, NULL }, *at[2] = { &a, &b };
    tn_call c = { .size = sizeof c, .api = &h.api, .host = &h.host, .be = &h.be, .layout = h.layout_at, .in = at };
    expect(!m->plan(&h.api, &h.host, p->config, p->self, 2, in, &sums) && !m->update(p->self, &c, sum)
           && !m->result(p->self, sum, 0, &name, &value, &higher), "%s: %s", toml, h.host.error);
    expect(fabs(value - expected) < 1e-12, "%s of classes, %d wide: %.15g, expected %.15g", toml, (int)width, value, expected);
    part_close(p);
}

/* An output that is not a number makes no figure that looks like one, be the target constant or not. */
static void test_nan(const char *toml, float other)
{
    float x[3] = { 1, NAN, 3 }, y[3] = { 1, other, 1 };
    tn_spec spec = numbers(1);
    const tn_spec *in[2] = { &spec, &spec };
    uint32_t sums = 0;
    double sum[16] = { 0 }, value = 0;
    const char *name;
    int32_t higher;
    tn_part *p = test_part_of(&h, TN_METRIC, toml);
    const tn_metric *m = p->desc->table;
    test_layouts(&h, 3, NULL);
    tn_tensor a = { sizeof a, TN_F32, x, 3, 1, 1, &h.layout[TN_ROOT], NULL, NULL },
              b = { sizeof b, TN_F32, y, 3, 1, 1, &h.layout[TN_ROOT], NULL, NULL }, *at[2] = { &a, &b };
    tn_call c = { .size = sizeof c, .api = &h.api, .host = &h.host, .be = &h.be, .layout = h.layout_at, .in = at };
    expect(!m->plan(&h.api, &h.host, p->config, p->self, 2, in, &sums) && sums <= 16 && !m->update(p->self, &c, sum)
           && !m->result(p->self, sum, 0, &name, &value, &higher), "%s: %s", toml, h.host.error);
    expect(isnan(value), "%s of an output that is NaN: %g", toml, value);
    part_close(p);
}

static void test_refused(const char *toml, tn_spec x, tn_spec t, const char *expected)
{
    const tn_spec *in[2] = { &x, &t };
    uint32_t sums;
    tn_part *p = test_part_of(&h, TN_METRIC, toml);
    host_clear(&h.host);
    expect(((const tn_metric *)p->desc->table)->plan(&h.api, &h.host, p->config, p->self, 2, in, &sums) < 0,
           "%s: planned what it should refuse", toml);
    expect_text(toml, h.host.error, expected);
    part_close(p);
}

/* Labels, a column each, have the columns' names; a number that can be none is refused. */
static void test_labels(const char *toml, const char *a_result)
{
    float x[] = { 1, -1, -2, 3 }, y[] = { 1, 0, 0, 1 }, kept[8];
    tn_spec output = numbers(2), target = numbers(2);
    const tn_spec *in[2] = { &output, &target };
    uint32_t sums = 0;
    double sum[16] = { 0 }, value = 0;
    const char *name = NULL;
    int32_t higher;
    target.vocabulary = 1;
    tn_part *p = test_part_of(&h, TN_METRIC, toml);
    const tn_metric *m = p->desc->table;
    const tn_metric_rows *k = p->desc->ext ? p->desc->ext(TN_METRIC_ROWS) : NULL;
    test_layouts(&h, 2, NULL);
    tn_tensor a = { sizeof a, TN_F32, x, 2, 2, 2, &h.layout[TN_ROOT], NULL, NULL }, b = a, keep = a, *at[2] = { &a, &b }, *out[1] = { &keep };
    b.data = y, keep.data = kept, keep.width = keep.ld = 4;
    tn_call c = { .size = sizeof c, .api = &h.api, .host = &h.host, .be = &h.be, .layout = h.layout_at, .in = at, .out = out };
    expect(!m->plan(&h.api, &h.host, p->config, p->self, 2, in, &sums) && sums <= 16 && !m->update(p->self, &c, sum)
           && (!k || !k->finish(p->self, 2, kept, sum)), "%s of labels: %s", toml, h.host.error);
    uint32_t i = 0;
    while (!m->result(p->self, sum, i, &name, &value, &higher) && (!name || strcmp(name, a_result))) i++;
    expect(name && !strcmp(name, a_result) && value == 1, "%s of labels: no result %s that is 1", toml, a_result);
    static const float none[] = { 1.5f, -0.25f, NAN };
    for (int n = 0; n < 3; n++) {
        y[3] = none[n], host_clear(&h.host);
        expect(m->update(p->self, &c, sum) < 0 && strstr(h.host.error, "is no label, which is 0 or 1"), "%s takes %g for a label", toml,
               (double)none[n]);
    }
    part_close(p);
}

/* A matrix as CSV: words with commas and quotes in quotes. */
static int append(void *to, const char *text, size_t n)
{
    strncat(to, text, n);
    return 0;
}
static void test_matrix(void)
{
    tn_spec x = classes(WORDS), t = classes(WORDS);
    const tn_spec *in[2] = { &x, &t };
    uint32_t sums;
    double sum[WORDS * WORDS] = { 0 };
    char text[2000] = "";
    t.vocabulary = 1;
    tn_part *p = test_part_of(&h, TN_METRIC, "confusion_matrix");
    const tn_metric_rows *k = p->desc->ext(TN_METRIC_ROWS);
    ((const tn_metric *)p->desc->table)->plan(&h.api, &h.host, p->config, p->self, 2, in, &sums);
    sum[A * WORDS + B] = 3, sum[6 * WORDS + 6] = 12;
    expect(!k->write(p->self, sum, 0, NULL, append, text), "confusion_matrix: %s", h.host.error);
    expect_text("confusion_matrix", text, "true,<unknown>,a,b,c,<sos>,<eos>,\"d,\"\"e\"\"\"\n<unknown>,0,0,0,0,0,0,0\na,0,0,3,0,0,0,0\n"
                "b,0,0,0,0,0,0,0\nc,0,0,0,0,0,0,0\n<sos>,0,0,0,0,0,0,0\n<eos>,0,0,0,0,0,0,0\n\"d,\"\"e\"\"\",0,0,0,0,0,0,12\n");
    part_close(p);
}

int main(int argc, char **argv)
{
    if (argc < 2 || test_open(&h, argv[1], registry_isa(), 2)) return 2;
    h.host.words = words_of;
    test_words_left_out();
    test_no_words();
    static const char *const of_numbers[] = { "mse", "rmse", "mae", "mape", "smape", "r2", "correct_in_a_row" };
    static const char *const of_classes[] = { "accuracy", "top_k", "precision_recall_f1", "matthews", "perplexity", "auc",
        "bits_per_character", "{ type = 'confusion_matrix', results = true }", "correct_in_a_row" };
    for (int i = 0; i < 7; i++) test_nothing(of_numbers[i], numbers(1), numbers(1));
    for (int i = 0; i < 6; i++) test_nan(of_numbers[i], 1), test_nan(of_numbers[i], 2);
    for (int i = 0; i < 9; i++) test_nothing(of_classes[i], numbers(3), classes(3));
    for (int i = 0; i < 9; i++) test_nothing(of_classes[i], numbers(3), classes(0)); /* before the data are read */
    test_errors_of_classes("mae", 3, (0.5 + 0 + 0 + 1 + 1 + 0) / 6);
    test_errors_of_classes("mse", 3, (0.25 + 0 + 0 + 1 + 1 + 0) / 6);
    test_errors_of_classes("mae", 1, (1.5 + 1 + 1 + 2 + 0 + 0) / 6);
    test_refused("mae", numbers(2), classes(3), "the output has 2 values a row, the target 3 classes");
    test_refused("mse", numbers(2), numbers(3), "the output has 2 values a row, the target 3");
    test_refused("rmse", classes(2), classes(2), "the output is classes, not numbers; accuracy compares classes");
    test_refused("perplexity", classes(2), classes(2), "the output is classes; their probabilities are needed");
    test_refused("perplexity", numbers(4), classes(5), "perplexity: the output has 4 values a row but the target has 5 classes");
    test_refused("top_k", numbers(1), classes(2), "top_k: the output must have a value for each class");
    test_refused("auc", classes(2), classes(2), "auc: the output is classes; it needs a score for each");
    test_refused("matthews", numbers(1), numbers(1), "matthews: the target is numbers, not classes");
    test_refused("bleu", classes(2), classes(2), "bleu: output and target must have steps; one row an example is no sentence");
    for (int i = 0; i < 2; i++) {
        const char *const of_labels[] = { "precision_recall_f1", "auc" };
        test_nothing(of_labels[i], numbers(3), numbers(3));
        test_refused(of_labels[i], numbers(2), numbers(3), i ? "auc: the output has 2 values a row but the target has 3 labels"
                     : "precision_recall_f1: the output has 2 values a row but the target has 3 labels");
    }
    test_labels("precision_recall_f1", "a.f1"), test_labels("auc", "a.roc");
    test_refused("{ type = 'auc', ignore = 1 }", numbers(2), numbers(2),
                 "auc: ignore is about a class, but the target is numbers, each column a label");
    test_refused("auc", classes(2), numbers(2), "auc: the output is classes, the target numbers");
    static const char no_classes[] = "precision_recall_f1: average = 'binary' and positive are about two classes, but the target is "
                                     "numbers, each column a label; take micro, macro or weighted";
    test_refused("{ type = 'precision_recall_f1', average = 'binary' }", numbers(2), numbers(2), no_classes);
    test_refused("{ type = 'precision_recall_f1', positive = 'a' }", numbers(2), numbers(2), no_classes);
    test_matrix();
    test_close(&h);
    return expect_end("metrics");
}
