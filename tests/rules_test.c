/* rules_test.c -- stops against histories worked out by hand; counts of right answers in a row; penalties.
 *
 *     rules_test PLUGINS */
#include <stdlib.h>
#include "test_host.h"

static test_host h;

/* ---- stops ----------------------------------------------------------------------------------------- */
/* The evaluation after which a rule stops, 0: never; asked after each, as the host does, and once more. */
static void test_stop(const char *toml, int higher, int n, const double *value, int expected, const char *reason)
{
    tn_part *p = test_part_of(&h, TN_STOP, toml);
    const char *why = "";
    int at = 0;
    expect(p != NULL, "%s: cannot be opened", toml);
    if (!p) return;
    const tn_stop *s = p->desc->table;
    for (int k = 1; k <= n && !at; k++) {
        tn_progress now = { .size = sizeof now, .higher_is_better = (uint32_t)higher, .value = value,
                            .values = k, .seconds = 100.0 * k };
        if (s->decide(p->self, &now, &why) == 1 && s->decide(p->self, &now, &why) == 1) at = k;
    }
    expect(at == expected, "%s: stops after %d evaluations, expected %d", toml, at, expected);
    if (at) expect_text(toml, why, reason);
    part_close(p);
}

static void test_stops(void)
{
    static const double up[] = { 0.5, 0.9, 0.8, 0.95, 0.97, 0.99 }, down[] = { 3, 2, 0.009, 0.02, 0.005, 0.001 },
                        worse[] = { 2, 1, 2.5, 3.5, 3.1, 1, 40 }, below[] = { -1, -2, -1.5, 3 },
                        broken[] = { 1, NAN, NAN, 1, 0.5 }, endless[] = { 1, 2, INFINITY }, right[] = { 0.2, 0.8, 0.5, 0.39 };
    test_stop("{ type = 'threshold', value = 0.9 }", 1, 6, up, 2, "the monitored value is 0.9, not below 0.9");
    test_stop("{ type = 'threshold', value = 0.9, patience = 2 }", 1, 6, up, 5, "the monitored value is 0.97, not below 0.9");
    test_stop("{ type = 'threshold', value = 0.01 }", 0, 6, down, 3, "the monitored value is 0.009, not above 0.01");
    test_stop("{ type = 'threshold', value = 0.01, patience = 2 }", 0, 6, down, 6, "the monitored value is 0.001, not above 0.01");
    test_stop("{ type = 'threshold', value = 3.0, when = 'above' }", 0, 6, down, 1, "the monitored value is 3, not below 3");
    test_stop("{ type = 'threshold', value = 0.5, when = 'below' }", 1, 6, up, 1, "the monitored value is 0.5, not above 0.5");
    test_stop("{ type = 'threshold', value = 1.0 }", 1, 6, up, 0, "");
    test_stop("{ type = 'threshold', value = 0.6 }", 0, 5, broken, 5, "the monitored value is 0.5, not above 0.6");
    test_stop("{ type = 'divergence', factor = 3.0 }", 0, 7, worse, 4, "the monitored value is 3.5, the best was 1");
    test_stop("{ type = 'divergence', factor = 3.0, patience = 2 }", 0, 7, worse, 5, "the monitored value is 3.1, the best was 1");
    test_stop("{ type = 'divergence' }", 0, 7, worse, 7, "the monitored value is 40, the best was 1");
    test_stop("{ type = 'divergence', factor = 2.0 }", 0, 4, below, 4, "the monitored value is 3, the best was -2");
    test_stop("{ type = 'divergence', factor = 2.0 }", 1, 4, right, 4, "the monitored value is 0.39, the best was 0.8");
    test_stop("{ type = 'divergence' }", 0, 5, broken, 2, "the monitored value is not a number");
    test_stop("{ type = 'divergence', patience = 3 }", 0, 5, broken, 0, "");
    test_stop("{ type = 'divergence' }", 0, 3, endless, 3, "the monitored value is infinite");
    test_stop("{ type = 'time_budget', minutes = 5.0, seconds = 1.0 }", 0, 5, worse, 4,
              "training has taken 400 s, the budget is 301 s");
    test_stop("{ type = 'time_budget', hours = 1.0 }", 0, 6, down, 0, "");
}

/* ---- right answers in a row ------------------------------------------------------------------------ */
/* A metric on a batch of ragged examples, rows given example by example; sums go on. */
static double streak_after(tn_part *p, double *sum, int32_t examples, const int32_t *length, int64_t width,
                           const float *x, const void *target, uint32_t dtype)
{
    float row[64];
    int32_t id[64];
    tn_tensor in[2], *at[2] = { &in[0], &in[1] };
    test_layouts(&h, examples, length);
    const tn_layout *l = length ? &h.layout[TEXT] : &h.layout[TN_ROOT];
    int64_t from = 0;
    for (int32_t b = 0; b < examples; b++)
        for (int32_t t = 0; t < (length ? length[b] : 1); t++, from++) {
            int64_t r = length ? l->first[t] + l->place[b] : b;
            for (int64_t j = 0; j < width; j++) row[r * width + j] = x[from * width + j];
            id[r] = ((const int32_t *)target)[from]; /* floats of width 1 are copied by their bits */
        }
    in[0] = (tn_tensor){ sizeof *in, TN_F32, row, l->rows, width, width, l, NULL, NULL };
    in[1] = (tn_tensor){ sizeof *in, dtype, id, l->rows, 1, 1, l, NULL, NULL };
    tn_call c = { .size = sizeof c, .api = &h.api, .host = &h.host, .be = &h.be, .layout = h.layout_at, .in = at };
    const tn_metric *m = p->desc->table;
    const char *name;
    double value = NAN;
    int32_t higher = 0;
    expect(!m->update(p->self, &c, sum), "correct_in_a_row: %s", h.host.error);
    expect(!m->result(p->self, sum, 0, &name, &value, &higher) && higher, "correct_in_a_row: has no result");
    return value;
}

static void test_streak(void)
{
    static const int32_t length[] = { 2, 3, 0, 1 };
    static const float x[] = { 1, 0, /**/ 2, 3, 4, /**/ 5 }, far[] = { 1, 0.97f, /**/ 2, 3, 4.1f, /**/ 5 },
                       t[] = { 1.04f, 0, /**/ 2, 3, 4, /**/ 5 }, classes[] = { 1, 0, 0, 1, 1, 0 };
    static const int32_t id[] = { 0, 0, 0 }, other[] = { 0, 1, 0 };
    double sum[1] = { 0 };
    uint32_t sums = 0;
    tn_spec numbers = { .dtype = TN_F32, .layout = TEXT, .width = 1 }, two = { .dtype = TN_F32, .layout = TN_ROOT, .width = 2 },
            target = { .dtype = TN_I32, .means = TN_IDS, .layout = TN_ROOT, .width = 1, .classes = 2 };
    const tn_spec *in[2] = { &numbers, &numbers };
    tn_part *p = test_part_of(&h, TN_METRIC, "{ type = 'correct_in_a_row', tolerance = 0.05 }");
    const tn_metric *m = p->desc->table;
    expect(m->flags & TN_METRIC_RUNNING, "correct_in_a_row: begins anew each epoch");
    expect(!m->plan(&h.api, &h.host, p->config, p->self, 2, in, &sums) && sums == 1, "correct_in_a_row: %s", h.host.error);
    static const double expected[] = { 4, 8, 2, 6 };
    for (int i = 0; i < 4; i++) { /* the third time example 1 is wrong in one row: the empty one and the last remain */
        double found = streak_after(p, sum, 4, length, 1, i == 2 ? far : x, t, TN_F32);
        expect(found == expected[i], "correct_in_a_row: %g after batch %d, expected %g", found, i + 1, expected[i]);
    }
    part_close(p);
    p = test_part_of(&h, TN_METRIC, "correct_in_a_row");
    in[0] = &two, in[1] = &target;
    expect(!m->plan(&h.api, &h.host, p->config, p->self, 2, in, &sums), "correct_in_a_row: %s", h.host.error);
    double found = streak_after(p, sum, 3, NULL, 2, classes, id, TN_I32);
    expect(found == 1, "correct_in_a_row: %g classes, expected 1", found);
    found = streak_after(p, sum, 3, NULL, 2, classes, other, TN_I32);
    expect(found == 4, "correct_in_a_row: %g classes, expected 4", found);
    part_close(p);
}

/* Which rows are right by each rule, found through a metric that counts the examples that are wrong. */
static void test_rule(const char *toml, int32_t n, int64_t width, const float *x, const void *target, uint32_t means, double wrong)
{
    tn_tensor in[2], *at[2] = { &in[0], &in[1] };
    double sum[2] = { 0, 0 }, share = NAN, count = NAN;
    uint32_t sums = 0;
    const char *name;
    int32_t higher;
    tn_spec output = { .dtype = TN_F32, .layout = TN_ROOT, .width = width }, goal = output;
    if (means == TN_IDS) goal = (tn_spec){ .dtype = TN_I32, .means = TN_IDS, .layout = TN_ROOT, .width = 1, .classes = width };
    const tn_spec *spec[2] = { &output, &goal };
    tn_part *p = test_part_of(&h, TN_METRIC, toml);
    const tn_metric *m = p->desc->table;
    test_layouts(&h, n, NULL);
    const tn_layout *l = &h.layout[TN_ROOT];
    in[0] = (tn_tensor){ sizeof *in, TN_F32, (void *)(uintptr_t)x, n, width, width, l, NULL, NULL };
    in[1] = (tn_tensor){ sizeof *in, goal.dtype, (void *)(uintptr_t)target, n, goal.width, goal.width, l, NULL, NULL };
    tn_call c = { .size = sizeof c, .api = &h.api, .host = &h.host, .be = &h.be, .layout = h.layout_at, .in = at };
    expect(!m->plan(&h.api, &h.host, p->config, p->self, 2, spec, &sums) && sums == 2, "%s: %s", toml, h.host.error);
    expect(!m->update(p->self, &c, sum) && !m->result(p->self, sum, 0, &name, &share, &higher)
           && !m->result(p->self, sum, 1, &name, &count, &higher), "%s: %s", toml, h.host.error);
    expect(count == wrong && share == (n - wrong) / n, "%s: %g of %d are wrong, expected %g; the share of right ones is %g", toml, count, n,
           wrong, share);
    part_close(p);
}

static void test_rules_of_rows(void)
{
    static const float x[] = { 0.9f, 0.1f, 0.2f, /**/ 0.4f, 0.3f, 0.5f, /**/ 0.1f, 0.8f, 0.7f, /**/ NAN, 1, 0 };
    static const float goal[] = { 1, 0, 0, /**/ 0, 0, 1, /**/ 0, 1, 1, /**/ 0, 1, 0 }, none[12] = { 0 };
    static const int32_t id[] = { 0, 0, 1, 1 };
    test_rule("{ type = 'correct_examples', tolerance = 0.25 }", 4, 3, x, goal, TN_VALUES, 3); /* row 0; 2 is 0.3 from it */
    test_rule("{ type = 'correct_examples', tolerance = 0.51 }", 3, 3, x, goal, TN_VALUES, 0);
    test_rule("{ type = 'correct_examples', rule = 'most_active' }", 4, 3, x, goal, TN_VALUES, 1); /* what is not a number */
    test_rule("{ type = 'correct_examples', rule = 'most_active' }", 3, 3, x, none, TN_VALUES, 0); /* none need be active */
    test_rule("correct_examples", 3, 3, x, id, TN_IDS, 1);
    test_rule("{ type = 'correct_examples', rule = 'tolerance', tolerance = 0.25 }", 4, 3, x, id, TN_IDS, 3);
    test_rule("{ type = 'correct_examples', rule = 'most_active' }", 4, 3, x, id, TN_IDS, 2);
    test_rule("{ type = 'correct_examples', rule = 'most_active', ignore = 0 }", 4, 3, x, id, TN_IDS, 1);
}

/* ---- penalties ------------------------------------------------------------------------------------- */
static void test_penalty(const char *toml, double l1, double l2)
{
    enum { N = 1003 };
    float p[N], g[N];
    double penalty = NAN, expected = 0, far = 0;
    tn_part *r = test_part_of(&h, TN_REGULARIZER, toml);
    for (int i = 0; i < N; i++) p[i] = i % 11 ? (float)((i * 7919) % 2003) / 1001.5f - 1 : 0, g[i] = (float)(i % 5);
    expect(!((const tn_regularizer *)r->desc->table)->add(r->self, &h.be, N, p, g, &penalty), "%s: %s", toml, h.host.error);
    for (int i = 0; i < N; i++) {
        double x = (double)p[i], sign = x > 0 ? 1 : x < 0 ? -1 : 0;
        expected += l1 * fabs(x) + l2 * x * x;
        far = fmax(far, fabs((double)g[i] - i % 5 - l1 * sign - 2 * l2 * x));
    }
    expect(fabs(penalty - expected) <= 1e-12 * expected, "%s: penalty %.15g, expected %.15g", toml, penalty, expected);
    expect(far < 1e-6, "%s: a gradient differs by %g", toml, far);
    part_close(r);
}

/* ---- messages -------------------------------------------------------------------------------------- */
static void test_refused(uint32_t kind, const char *toml, const char *expected)
{
    where here = { "test", 1, 1 };
    diag *kept = h.context.messages;
    h.context.messages = diag_new();
    config_value *v = config_parse_value(&h.memory, toml, here, h.context.messages);
    host_clear(&h.host);
    part_make(&h.context, kind, v, NULL, NULL);
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    diag_print(h.context.messages, f);
    fclose(f);
    expect(strstr(text, expected) != NULL, "%s\n    found    %s\n    expected %s", toml, text, expected);
    free(text);
    diag_free(h.context.messages);
    h.context.messages = kept;
}

int main(int argc, char **argv)
{
    if (argc < 2 || test_open(&h, argv[1], registry_isa(), 2)) return 2;
    test_stops();
    test_streak();
    test_rules_of_rows();
    test_penalty("{ type = 'l1', factor = 0.03 }", 0.03, 0);
    test_penalty("{ type = 'elastic_net', l1 = 0.02, l2 = 0.125 }", 0.02, 0.125);
    test_refused(TN_SCHEDULE, "{ type = 'multi_step', milestones = [3, 3] }",
                 "milestones: 3 at place 2; they are counted from 1 and each is larger than the one before");
    test_refused(TN_SCHEDULE, "{ type = 'multi_step' }", "milestones");
    test_refused(TN_SCHEDULE, "{ type = 'cosine', restarts = true }", "restarts: say how long the first cycle is: length = 10");
    test_refused(TN_SCHEDULE, "{ type = 'one_cycle', rise = 0.6, three_phases = true }", "rise: 0.6; with three_phases at most 0.5");
    test_refused(TN_STOP, "time_budget", "say how long training may take: hours, minutes or seconds");
    test_refused(TN_STOP, "threshold", "value");
    test_close(&h);
    return expect_end("rules");
}
