/* recurrent_test.c -- bidirectional against PyTorch, against bilstm, its own halves and itself with separate parameters; the
 * published numbers of parameters of lstm1997; the variants of lstm against the plain cell; what dropout of states and of weights
 * leaves against a network that has that alone.
 *
 *     recurrent_test PLUGINS REFERENCES.safetensors */
#include <unistd.h>
#include "probe_reference.h"

static const char *plugins;

static void open_layer(probe *p, const char *name, const char *options, int64_t width)
{
    offer in[1] = { REALS(L_TEXT, width) };
    char path[4096];
    snprintf(path, sizeof path, "%s/layers/%s.so", plugins, name);
    char *full = realpath(path, NULL);
    if (!full || probe_open(p, full, TN_LAYER, name, options, in, 1)) {
        printf("FAILED: %s { %s }: %s\n", path, options, full ? p->host.error : "there is no such file");
        exit(1);
    }
}

/* With all memory of theirs; no other may be open. */
static void close_both(probe *a, probe *b) { probe_close(a), probe_close(b), guard_reset(); }

static float *value_of(const probe *p, int i)
{
    const parameter *w = p->graph->parameter[i];
    return w->owner->param[w->slot].value.data;
}
static float *gradient_of(const probe *p, int i)
{
    const parameter *w = p->graph->parameter[i];
    return w->owner->param[w->slot].grad.data;
}
static int64_t size_of(const probe *p, int i) { return p->graph->parameter[i]->rows * p->graph->parameter[i]->width; }

static void run_on(probe *p, const int64_t *example, int n)
{
    p->training = 1;
    probe_bind(p, example, n);
    expect(!probe_forward(p) && !probe_backward(p, 0), "%s: a phase fails: %s", p->name, p->host.error);
}
static void run(probe *p) { run_on(p, examples, EXAMPLES); }

/* Parameters of b become those of a, number `first` on, in the same order. */
static void same_parameters(const probe *a, probe *b, int first)
{
    for (int i = 0; i + first < b->graph->n_parameters && i < a->graph->n_parameters; i++) {
        expect(size_of(a, i) == size_of(b, i + first), "%s and %s: parameter %d has another size", a->name, b->name, i);
        memcpy(value_of(b, i + first), value_of(a, i), 4 * (size_t)size_of(a, i));
    }
}

/* max|a - b| <= tolerance max|b|; tolerance 0: the same bits. */
static void compare(const char *what, const float *a, const float *b, int64_t n, double tolerance)
{
    double far = 0, most = 0;
    for (int64_t i = 0; i < n; i++) {
        far = fmax(far, fabs((double)a[i] - (double)b[i])), most = fmax(most, fabs((double)b[i]));
        if (isnan(a[i])) far = INFINITY;
    }
    expect(tolerance > 0 ? far <= tolerance * most && most > 0 : !memcmp(a, b, 4 * (size_t)n),
           "%s: it differs by %.3g, the largest number is %.3g, %g of it is allowed", what, far, most, tolerance);
}

/* All that comes out, bit by bit; all gradients within 1e-6 of the largest: their sums have another order. */
static void compare_all(probe *a, probe *b, const char *what)
{
    tensor x[32], y[32];
    char label[200];
    int n = probe_results(a, x, 32);
    expect(probe_results(b, y, 32) == n, "%s: not as many results", what);
    for (int k = 0; k < n; k++) {
        snprintf(label, sizeof label, "%s: %s", what, x[k].what);
        compare(label, x[k].s->value.data, y[k].s->value.data, tensor_elements(&x[k].s->value), 0);
    }
    snprintf(label, sizeof label, "%s: the gradient of the input", what);
    compare(label, a->node->in_slot[0]->grad.data, b->node->in_slot[0]->grad.data, tensor_elements(&a->node->in_slot[0]->grad), 1e-6);
    for (int k = 0; k < a->node->count[G_STATE]; k++) {
        const tn_tensor *g = &a->node->state_slot[k]->grad, *h = &b->node->state_slot[k]->grad;
        snprintf(label, sizeof label, "%s: the gradient of state %d", what, k);
        compare(label, g->data, h->data, tensor_elements(g), 1e-6);
    }
}

static void test_references(const char *file)
{
    char options[300], error[400];
    checkpoint *f = checkpoint_read(file, error, sizeof error);
    expect(f != NULL, "%s", error);
    for (int i = 0; f && i < f->n_texts; i++) {
        probe p;
        const char *name = f->text[i].key;
        reference_options(f->text[i].value, options, sizeof options);
        open_layer(&p, "bidirectional", options, reference_given(f, name, "in", "0")->dim[1]);
        check_reference(&p, f, name, "");
        probe_close(&p);
        guard_reset();
    }
    checkpoint_free(f);
}

static void test_bilstm(const char *more, int64_t width)
{
    probe both, bilstm;
    char options[200], label[200];
    snprintf(options, sizeof options, "cell = { type = 'lstm', %s }", more);
    snprintf(label, sizeof label, "bidirectional lstm and bilstm (%s)", more);
    open_layer(&both, "bidirectional", options, width);
    open_layer(&bilstm, "bilstm", more, width);
    expect(both.graph->n_parameters == bilstm.graph->n_parameters, "%s: %d and %d parameters", label, both.graph->n_parameters,
           bilstm.graph->n_parameters);
    same_parameters(&both, &bilstm, 0);
    run(&both), run(&bilstm);
    compare_all(&both, &bilstm, label);
    for (int i = 0; i < both.graph->n_parameters; i++) compare(label, gradient_of(&both, i), gradient_of(&bilstm, i), size_of(&both, i), 1e-6);
    close_both(&both, &bilstm);
}

/* The sum and the mean of the halves that concat gives. */
static void test_merge(const char *merge, float factor)
{
    probe concat, merged;
    char options[200];
    enum { W = 19 };
    snprintf(options, sizeof options, "cell = { type = 'gru', units = %d }, merge = '%s'", W, merge);
    open_layer(&concat, "bidirectional", "cell = { type = 'gru', units = 19 }", 5);
    open_layer(&merged, "bidirectional", options, 5);
    same_parameters(&concat, &merged, 0);
    run(&concat), run(&merged);
    const tn_tensor *y = &merged.node->out[0].value;
    expect(y->width == W, "merge = %s: %d wide, expected %d", merge, (int)y->width, W);
    float *expected = malloc(sizeof *expected * (size_t)(y->rows * W));
    for (int64_t r = 0; r < y->rows; r++)
        for (int j = 0; j < W; j++) {
            const float *x = (const float *)concat.node->out[0].value.data + r * 2 * W + j;
            expected[r * W + j] = factor * x[0] + factor * x[W];
        }
    compare(merge, y->data, expected, y->rows * W, 0);
    for (int k = 0; k < 1; k++) /* states are side by side all the same */
        compare("its .state", merged.node->next[k].value.data, concat.node->next[k].value.data,
                tensor_elements(&merged.node->next[k].value), 0);
    free(expected);
    close_both(&concat, &merged);
}

/* One set of parameters: half as many, what two equal sets give, and the sum of their gradients. */
static void test_shared(void)
{
    probe shared, apart;
    open_layer(&shared, "bidirectional", "cell = { type = 'gru', units = 7 }, shared = true", 5);
    open_layer(&apart, "bidirectional", "cell = { type = 'gru', units = 7 }", 5);
    int n = shared.graph->n_parameters;
    expect(apart.graph->n_parameters == 2 * n && apart.graph->values == 2 * shared.graph->values,
           "shared: %d parameters with %lld numbers, apart %d with %lld", n, (long long)shared.graph->values,
           apart.graph->n_parameters, (long long)apart.graph->values);
    same_parameters(&shared, &apart, 0);
    same_parameters(&shared, &apart, n);
    run(&shared), run(&apart);
    compare_all(&shared, &apart, "shared parameters and equal ones");
    for (int i = 0; i < n; i++) {
        float *sum = gradient_of(&apart, i), *other = gradient_of(&apart, i + n);
        for (int64_t j = 0; j < size_of(&apart, i); j++) sum[j] += other[j];
        compare("the gradient of a shared parameter", gradient_of(&shared, i), sum, size_of(&shared, i), 1e-6);
    }
    close_both(&shared, &apart);
}

/* Hochreiter and Schmidhuber 1997, tables of experiments 1, 4, 6: weights with those of the output units, which hear cells. */
static void test_published(const char *net, const char *options, int64_t in, int64_t units, int bias, int64_t expected)
{
    probe memory, dense;
    char out[80];
    open_layer(&memory, "lstm1997", options, in);
    snprintf(out, sizeof out, "units = %d, bias = %s", (int)units, bias ? "true" : "false");
    open_layer(&dense, "dense", out, memory.node->out[0].spec.width);
    int64_t found = memory.graph->values + dense.graph->values;
    expect(found == expected, "lstm1997: the net of %s has %lld parameters, published are %lld", net, (long long)found,
           (long long)expected);
    close_both(&memory, &dense);
}

static void test_gate_biases(void)
{
    probe p;
    float b[8];
    open_layer(&p, "lstm1997", "blocks = 2, cells = 2, input_gate_bias = [-3, -6], output_gate_bias = [-1]", 2);
    int rc = p.node->layer->initialize(p.part->self, &host_api, &p.host, 3, (tn_rng){ 3, 0 }, b);
    expect(rc == 1 && b[0] == -3 && b[1] == -6 && b[2] == -1 && b[3] == -1, "lstm1997: gates begin at %g %g %g %g, expected -3 -6 -1 -1",
           (double)b[0], (double)b[1], (double)b[2], (double)b[3]);
    for (int j = 4; j < 8; j++) expect(fabsf(b[j]) <= 0.1f, "lstm1997: the bias of cell %d begins at %g", j - 4, (double)b[j]);
    probe_close(&p);
}

/* ---- variants of lstm ---------------------------------------------------------------------------------------------------- */
/* Functions that are parts, but the same ones: all that comes out bit by bit, and all gradients. */
static void test_functions(const char *layer, const char *more)
{
    probe plain, named;
    char options[300], label[300];
    snprintf(options, sizeof options, "%s, activation = 'tanh', recurrent_activation = 'sigmoid'", more);
    snprintf(label, sizeof label, "%s { %s } and the same with its functions named", layer, more);
    open_layer(&plain, layer, more, 5), open_layer(&named, layer, options, 5);
    same_parameters(&plain, &named, 0);
    run(&plain), run(&named);
    compare_all(&named, &plain, label);
    for (int i = 0; i < plain.graph->n_parameters; i++) compare(label, gradient_of(&named, i), gradient_of(&plain, i), size_of(&plain, i), 1e-6);
    close_both(&plain, &named);
}

/* Of parameter number `which`: four gates of three units. */
static void test_first_biases(const char *layer, const char *more, uint32_t which, int second)
{
    probe p;
    char options[300];
    float b[12];
    static const float first[4] = { -1, 2, 0.5f, -3 };
    snprintf(options, sizeof options, "units = 3, input_bias = -1.0, forget_bias = 2.0, cell_bias = 0.5, output_bias = -3.0%s", more);
    open_layer(&p, layer, options, 5);
    int rc = p.node->layer->initialize(p.part->self, &host_api, &p.host, which, (tn_rng){ 3, 0 }, b);
    expect(rc == 1, "%s { %s }: parameter %u is left to its initializer", layer, options, which);
    for (int j = 0; j < 12; j++) {
        float expected = second ? 0 : first[j / 3];
        expect(memcmp(&b[j], &expected, sizeof expected) == 0, "%s { %s }: number %d of parameter %u begins at %g, expected %g", layer,
               options, j, which, (double)b[j], (double)expected);
    }
    probe_close(&p);
}

/* ---- dropout of states and of weights -------------------------------------------------------------------------------------- */
static int is_recurrent(const probe *p, int i)
{
    const char *name = p->graph->parameter[i]->name;
    return strstr(name, "weight_hh") || strstr(name, "weight_hn");
}

/* What parameter i of `dropped` was multiplied by: an element, or with by_column all that one number of the state is multiplied by,
 * got 0 as its gradient where it was left out, else what is kept is times `scale`. How many there are, and how many are left out. */
static void find_mask(const probe *dropped, int i, int by_column, float scale, float *mask, int64_t *all, int64_t *out)
{
    const parameter *w = dropped->graph->parameter[i];
    const float *g = gradient_of(dropped, i);
    for (int64_t k = 0; k < w->rows * w->width; k++) {
        int kept = 0;
        for (int64_t row = 0; by_column && row < w->rows; row++) kept |= g[row * w->width + k % w->width] < 0 || g[row * w->width + k % w->width] > 0;
        if (!by_column) kept = g[k] < 0 || g[k] > 0;
        mask[k] = kept ? scale : 0;
        if (!by_column || k < w->width) ++*all, *out += !kept;
    }
}

/* A network with dropout on these examples against one without, whose weights are those that the mask left, times `scale`, a power of
 * two: the same bits, and the gradient of a weight is the mask times what it is there. */
static void compare_dropped(probe *dropped, probe *whole, const int64_t *example, int n, int by_column, float scale, int64_t *all,
                            int64_t *out)
{
    char label[400];
    snprintf(label, sizeof label, "%s with dropout, and without on what it left", dropped->name);
    float *mask[8] = { NULL };
    run_on(dropped, example, n);
    same_parameters(dropped, whole, 0);
    for (int i = 0; i < dropped->graph->n_parameters; i++) {
        if (!is_recurrent(dropped, i)) continue;
        mask[i] = malloc(sizeof *mask[i] * (size_t)size_of(dropped, i));
        find_mask(dropped, i, by_column, scale, mask[i], all, out);
        for (int64_t j = 0; j < size_of(dropped, i); j++) value_of(whole, i)[j] *= mask[i][j];
    }
    run_on(whole, example, n);
    compare_all(dropped, whole, label);
    for (int i = 0; i < dropped->graph->n_parameters; i++) {
        float *g = gradient_of(whole, i);
        for (int64_t j = 0; mask[i] && j < size_of(whole, i); j++) g[j] *= mask[i][j];
        snprintf(label, sizeof label, "%s with dropout: the gradient of %s", dropped->name, dropped->graph->parameter[i]->name);
        compare(label, gradient_of(dropped, i), g, size_of(whole, i), 1e-6);
        free(mask[i]);
    }
}

/* Gradients of recurrent weights are added: 1 more than they are where they begin at 1. */
static void test_added(probe *p)
{
    for (int i = 0; i < p->graph->n_parameters; i++) {
        if (!is_recurrent(p, i)) continue;
        float *g = malloc(sizeof *g * (size_t)size_of(p, i));
        expect(!probe_forward(p) && !probe_backward(p, 0), "%s: a phase fails: %s", p->name, p->host.error);
        for (int64_t j = 0; j < size_of(p, i); j++) g[j] = gradient_of(p, i)[j] + 1;
        expect(!probe_forward(p) && !probe_backward(p, 1), "%s: a phase fails: %s", p->name, p->host.error);
        compare("a gradient that begins at 1", gradient_of(p, i), g, size_of(p, i), 1e-5);
        free(g);
    }
}

/* The output of a further forward pass, with other random numbers. */
static uint64_t hash_of_output(probe *p, tn_rng rng)
{
    const tn_tensor *y = &p->node->out[0].value;
    uint64_t h = 1;
    p->node->call.rng = rng;
    expect(!p->node->impl->forward(p->part->self, &p->node->call), "%s: forward fails: %s", p->name, p->host.error);
    for (int64_t i = 0; i < 4 * tensor_elements(y); i++) h = (h ^ ((const unsigned char *)y->data)[i]) * 1099511628211u;
    return h;
}

/* Rates are 1/2 and 3/4, so that 1 / (1 - rate) is a power of two; at the second, what is left out and what is kept differ. */
static float kept_scale(double rate) { return rate > 0.5 ? 4 : 2; }

/* `out` of `all` at this rate, within so many standard deviations. */
static void expect_share(const char *layer, const char *options, double rate, int64_t all, int64_t out, double deviations)
{
    double far = fabs((double)out - rate * (double)all), sigma = sqrt(rate * (1 - rate) * (double)all);
    expect(all > 0 && out > 0 && out < all && far <= deviations * sigma, "%s { %s }: %lld of %lld are left out, more than %g standard "
           "deviations from the rate", layer, options, (long long)out, (long long)all, deviations);
}

static void test_weight_dropout(const char *layer, const char *more, double rate)
{
    probe dropped, whole;
    char options[300];
    int64_t all = 0, out = 0;
    snprintf(options, sizeof options, "%s, weight_dropout = %g", more, rate);
    open_layer(&dropped, layer, options, 5), open_layer(&whole, layer, more, 5);
    compare_dropped(&dropped, &whole, examples, EXAMPLES, 0, kept_scale(rate), &all, &out);
    test_added(&dropped);
    expect_share(layer, options, rate, all, out, 5);
    uint64_t one = hash_of_output(&dropped, (tn_rng){ 5, 1 }), again = hash_of_output(&dropped, (tn_rng){ 5, 1 }),
             other = hash_of_output(&dropped, (tn_rng){ 5, 2 });
    expect(one == again && one != other, "%s { %s }: the mask is %s", layer, options, one == other ? "the same in every step" : "not repeatable");
    dropped.node->call.flags = whole.node->call.flags = 0; /* not training: all weights as they are */
    same_parameters(&dropped, &whole, 0);
    graph_pack(whole.graph);
    expect(hash_of_output(&dropped, (tn_rng){ 5, 1 }) == hash_of_output(&whole, (tn_rng){ 5, 1 }),
           "%s { %s }: weights are left out though nothing is learned", layer, options);
    close_both(&dropped, &whole);
}

/* Each example alone, which has one mask. */
static void test_recurrent_dropout(const char *layer, const char *more, double rate)
{
    char options[300];
    int64_t all = 0, out = 0;
    snprintf(options, sizeof options, "%s, recurrent_dropout = %g", more, rate);
    for (int64_t e = 0; e < EXAMPLES; e++) {
        probe dropped, whole;
        open_layer(&dropped, layer, options, 5), open_layer(&whole, layer, more, 5);
        probe_bind(&dropped, &e, 1);
        if (dropped.node->out[0].value.rows) compare_dropped(&dropped, &whole, &e, 1, 1, kept_scale(rate), &all, &out);
        close_both(&dropped, &whole);
    }
    expect_share(layer, options, rate, all, out, 5 * sqrt(EXAMPLES));
}

static void test_refused(const char *layer, const char *options, const char *expected)
{
    probe p;
    offer in[1] = { REALS(L_TEXT, 5) };
    char path[4096];
    snprintf(path, sizeof path, "%s/layers/%s.so", plugins, layer);
    char *full = realpath(path, NULL);
    int rc = probe_open(&p, full ? full : path, TN_LAYER, layer, options, in, 1);
    expect(rc < 0 && strstr(p.host.error, expected), "%s { %s }: %s; expected: %s", layer, options, rc < 0 ? p.host.error : "it is taken",
           expected);
}

int main(int argc, char **argv)
{
    if (argc < 3) return 2;
    plugins = argv[1];
    const char *const places[] = { plugins, NULL };
    probe_places(places);
    test_references(argv[2]);
    test_bilstm("units = 6", 5);
    test_bilstm("units = 19, recurrent_bias = true", 17);
    test_bilstm("units = 5, layers = 1, forget_bias = 2.0", 3);
    test_merge("sum", 1);
    test_merge("mean", 0.5f);
    test_shared();
    test_published("the adding problem", "blocks = 2, cells = 2", 2, 1, 1, 93);
    test_published("temporal order, 6a", "blocks = 2, cells = 2", 8, 4, 1, 156);
    test_published("temporal order, 6b", "blocks = 3, cells = 2", 8, 8, 1, 308);
    test_published("the embedded Reber grammar, 4 blocks of 1", "blocks = 4, cells = 1, bias = 'gates'", 7, 7, 0, 264);
    test_published("the embedded Reber grammar, 3 blocks of 2", "blocks = 3, cells = 2, bias = 'gates'", 7, 7, 0, 276);
    test_gate_biases();
    test_bilstm("units = 7, peepholes = true, projection = 4", 5);
    test_bilstm("units = 18, recurrent_bias = true, activation = 'softplus', recurrent_activation = 'hard_sigmoid'", 17);
    test_functions("lstm", "units = 5");
    test_functions("lstm", "units = 19, recurrent_bias = true, reverse = true, recurrent_dropout = 0.3");
    test_functions("bilstm", "units = 18, layers = 2, dropout = 0.4");
    test_first_biases("lstm", "", 2, 0);
    test_first_biases("lstm", ", recurrent_bias = true, peepholes = true", 3, 1);
    test_first_biases("bilstm", ", recurrent_bias = true, peepholes = true, projection = 2", 8, 0);
    for (double rate = 0.5; rate < 1; rate += 0.25) {
        test_weight_dropout("lstm", "units = 19", rate);
        test_weight_dropout("lstm", "units = 9, projection = 17, peepholes = true, recurrent_dropout = 0.5", rate);
        test_weight_dropout("bilstm", "units = 12", rate);
        test_weight_dropout("rnn", "units = 19", rate);
        test_weight_dropout("gru", "units = 19, recurrent_dropout = 0.25", rate);
        test_weight_dropout("gru", "units = 18, reset_after = false", rate);
        test_recurrent_dropout("lstm", "units = 19", rate);
        test_recurrent_dropout("lstm", "units = 9, projection = 17, peepholes = true", rate);
        test_recurrent_dropout("bilstm", "units = 5", rate);
        test_recurrent_dropout("rnn", "units = 19", rate);
        test_recurrent_dropout("gru", "units = 19", rate);
        test_recurrent_dropout("gru", "units = 18, reset_after = false, reverse = true", rate);
    }
    test_refused("bidirectional", "cell = { type = 'dense', units = 3 }", "reads no steps one after the other; lstm, gru or rnn do");
    test_refused("bidirectional", "cell = 'bilstm'", "reads both directions already");
    test_refused("gru", "activation = 'softmax'", "a cell needs a function of one number");
    test_refused("lstm1997", "gradient = 'half'", "'half' is none of full, truncated");
    test_refused("lstm1997", "input_gate_bias = [-1, -2, -3]", "input_gate_bias has 3 numbers for 2 blocks");
    int failed = expect_end("recurrent");
    fflush(stdout);
    _exit(failed); /* a probe's memory lasts as long as its process, as in check-plugin: there is nothing to look for */
}
