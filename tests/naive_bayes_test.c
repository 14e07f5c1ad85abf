/* naive_bayes_test.c -- the worked example of Manning, Raghavan and Schuetze, Introduction to Information Retrieval,
 * section 13.2: four documents in the classes China and not China, and the probabilities of a fifth.            */
#include "../plugins/baselines/naive_bayes.c"
#include "expect.h"

enum { UNKNOWN, CHINESE, BEIJING, SHANGHAI, MACAO, TOKYO, JAPAN, NEVER, WORDS };

/* Rows in any order: a baseline goes by the example of a row alone. */
static void batch(bayes *s, int learning, int32_t rows, const int32_t *id, const int32_t *example, int32_t examples,
                  const int32_t *label, float *y)
{
    tn_layout text = { .size = sizeof text, .id = 2, .parent = TN_ROOT, .rows = rows, .root = example };
    tn_layout root = { .size = sizeof root, .id = TN_ROOT, .rows = examples };
    tn_tensor words = { sizeof words, TN_I32, (void *)(uintptr_t)id, rows, 1, 1, &text, NULL, NULL };
    tn_tensor target = { sizeof target, TN_I32, (void *)(uintptr_t)label, examples, 1, 1, &root, NULL, NULL };
    tn_tensor out = { sizeof out, TN_F32, y, examples, 2, 2, &root, NULL, NULL };
    tn_tensor *in[] = { &words, learning ? &target : NULL }, *outs[] = { &out };
    tn_call c = { .size = sizeof c, .in = in, .out = outs };
    expect((learning ? learn(s, &c) : predict(s, &c)) == TN_OK, "%s", learning ? "learn" : "predict");
}

static void near(const char *what, double found, double expected)
{
    expect(fabs(found - expected) <= 1e-6 * fabs(expected), "%s\n    found    %.9g\n    expected %.9g", what, found, expected);
}

int main(void)
{
    config c = { 1.0 };
    bayes s = { 0 };
    tn_spec text = { .dtype = TN_I32, .means = TN_IDS, .layout = 2, .width = 1, .classes = WORDS };
    tn_spec label = { .dtype = TN_I32, .means = TN_IDS, .layout = TN_ROOT, .width = 1, .classes = 2 }, out;
    const tn_spec *in[] = { &text, &label };
    expect(plan(NULL, NULL, &c, &s, 2, in, &out) == TN_OK, "plan");
    expect(out.width == 2 && out.classes == 2 && out.layout == TN_ROOT && out.means == TN_LOGITS, "two logits an example");
    batch(&s, 1, 6, (const int32_t[]){ CHINESE, CHINESE, BEIJING, CHINESE, CHINESE, SHANGHAI },
          (const int32_t[]){ 0, 1, 0, 1, 0, 1 }, 2, (const int32_t[]){ 0, 0 }, NULL);
    batch(&s, 1, 5, (const int32_t[]){ CHINESE, TOKYO, MACAO, JAPAN, CHINESE }, (const int32_t[]){ 0, 1, 0, 1, 1 }, 2,
          (const int32_t[]){ 0, 1 }, NULL);
    expect(finish(&s) == TN_OK, "finish");
    float y[6];
    batch(&s, 0, 6, (const int32_t[]){ CHINESE, CHINESE, NEVER, CHINESE, TOKYO, JAPAN }, (const int32_t[]){ 0, 0, 2, 0, 0, 0 }, 3,
          NULL, y);
    near("China given `Chinese Chinese Chinese Tokyo Japan`", y[0], log(3. / 4 * pow(3. / 7, 3) / 14 / 14));
    near("not China", y[1], log(1. / 4 * pow(2. / 9, 5)));
    near("no words, China", y[2], log(3. / 4));
    near("no words, not China", y[3], log(1. / 4));
    near("a word that training never showed, China", y[4], log(3. / 4));
    near("a word that training never showed, not China", y[5], log(1. / 4));
    close_bayes(&s);
    return expect_end("naive_bayes");
}
