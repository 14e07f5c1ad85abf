/* training_test.c -- whole networks, trained for 20 steps as PyTorch trains them (tests/reference/training.py): a parameter
 * that an embedding and the output layer share, penalties on what a layer gives beside the loss. Of the shared one also that
 * it is one in counts and checkpoints, and mistakes.
 *
 *     training_test PLUGINS REFERENCES FOLDER      FOLDER: where files may be written */
#include <math.h>
#include <unistd.h>
#include <sys/stat.h>
#include "../host/checkpoint.h"
#include "../host/train.h"
#include "../host/buffers.h"
#include "open_data.h"

#define TOLERANCE 1e-5
static const checkpoint *file;
static const char table_name[] = "words.weight";

static const char data_tables[] = "[training]\nepochs = 1\nbatch_size = 100\n[dataset]\ntype = 'lines'\ntrain = 'words.txt'\n"
    "[[field]]\nname = 'text'\ntransforms = ['words']\nvocabulary = { words = [%s] }\n";

static const checkpoint_tensor *given(const char *name, const char *what, const char *key)
{
    char full[160];
    snprintf(full, sizeof full, "%.40s/%.40s%.60s", name, what, key);
    return checkpoint_find(file, full);
}

/* The parameters that a case has tensors of; their names. */
static int parameters_of(const char *name, const char *of[16])
{
    char prefix[100];
    int n = 0;
    size_t len = (size_t)snprintf(prefix, sizeof prefix, "%.60s/first.", name);
    for (int i = 0; i < file->n && n < 16; i++)
        if (!strncmp(file->tensor[i].name, prefix, len)) of[n++] = file->tensor[i].name + len;
    return n;
}

static parameter *parameter_named(const experiment *e, const char *name)
{
    for (int i = 0; i < e->graph->n_parameters; i++)
        if (!strcmp(e->graph->parameter[i]->name, name)) return e->graph->parameter[i];
    return NULL;
}

/* The lines of a case, each word k as wk; the vocabulary has the unknown word and w1, w2 ... in this order. */
static void write_words(const char *name, char *listed, size_t size)
{
    const checkpoint_tensor *ids = given(name, "ids", ""), *length = given(name, "length", ""),
                            *table = given(name, "first.", table_name);
    char text[4000] = "";
    size_t at = 0, n = 0;
    const int32_t *id = ids->data;
    for (int64_t i = 0; i < length->dim[0]; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "c ");
        for (int32_t t = 0; t < ((const int32_t *)length->data)[i]; t++)
            at += (size_t)snprintf(text + at, sizeof text - at, "w%d ", *id++);
        at += (size_t)snprintf(text + at, sizeof text - at, "\n");
    }
    write_file("words.txt", text);
    for (int64_t k = 1; k < table->dim[0]; k++) n += (size_t)snprintf(listed + n, size - n, "%s'w%d'", k > 1 ? ", " : "", (int)k);
}

/* The network of a case on its words, with a text in place of another; from the first values that the reference has. */
static experiment *open_case(const char *name, const char *was, const char *is, int threads)
{
    char listed[2000] = "", middle[3000], net[3000] = "";
    const char *text = checkpoint_value(file, name), *at = strstr(text, was), *of[16];
    write_words(name, listed, sizeof listed);
    snprintf(middle, sizeof middle, data_tables, listed);
    if (at) snprintf(net, sizeof net, "%.*s%s%s", (int)(at - text), text, is, at + strlen(was));
    experiment *e = open_data(middle, net, folder);
    int rc = e ? experiment_start(e, threads, 1) : 1, n = parameters_of(name, of);
    for (int i = 0; i < n && !rc; i++) {
        const checkpoint_tensor *t = given(name, "first.", of[i]);
        const parameter *w = parameter_named(e, of[i]);
        expect(w != NULL, "%s: there is no %s", name, of[i]);
        if (w) memcpy(e->graph->value + w->offset, t->data, sizeof(float) * (size_t)(w->rows * w->width));
    }
    if (!rc && !graph_pack(e->graph)) return e;
    expect(0, "%s: %s", name, e ? e->host.error : "cannot be opened");
    experiment_free(e);
    return NULL;
}

/* Steps on the one batch; the loss of each. */
static void train(experiment *e, int steps, float *loss)
{
    static batch b;
    optimizer o;
    graph *g = e->graph;
    int64_t example[8];
    int rc = optimizer_open(&o, e), n = (int)e->data->count[SPLIT_TRAIN];
    for (int i = 0; i < n; i++) example[i] = i;
    for (int t = 1; t <= steps && !rc; t++) {
        double added, norm;
        tn_progress p = { .size = sizeof p, .step = t };
        g->step = t;
        rc = batch_build(g, &b, SPLIT_TRAIN, example, n);
        if (!rc) rc = graph_bind(g, &b);
        if (!rc) rc = graph_forward(g, 1, 1);
        loss[t - 1] = (float)graph_loss(g);
        if (!rc) rc = graph_backward(g);
        if (!rc) rc = optimizer_step(&o, &p, &added, &norm);
    }
    expect(!rc, "a step fails: %s", e->host.error);
    optimizer_close(&o);
    scratch_free(&b.memory);
    memset(&b, 0, sizeof b);
}

static void compare(const char *name, const char *what, const float *found, const checkpoint_tensor *t)
{
    double far = 0, most = 0;
    int64_t n = 1;
    for (int d = 0; d < t->ndim; d++) n *= t->dim[d];
    for (int64_t i = 0; i < n; i++) {
        double x = (double)((const float *)t->data)[i];
        far = fmax(far, fabs((double)found[i] - x)), most = fmax(most, fabs(x));
    }
    expect(far <= TOLERANCE * most, "%s: %s differs by %.3g; its largest number is %.3g", name, what, far, most);
}

static const float *values_of(const experiment *e, const char *name) { return e->graph->value + parameter_named(e, name)->offset; }

static void test_case(const char *name)
{
    float loss[32], *value[2] = { NULL, NULL };
    const char *of[16];
    const checkpoint_tensor *losses = given(name, "loss", "");
    int n = parameters_of(name, of);
    for (int k = 0; k < 2; k++) {
        experiment *e = open_case(name, "", "", k + 1);
        if (!e) break;
        graph *g = e->graph;
        int64_t values = 0;
        for (int i = 0; i < n; i++) {
            const checkpoint_tensor *t = given(name, "first.", of[i]);
            values += t->dim[0] * (t->ndim > 1 ? t->dim[1] : 1);
        }
        expect(g->n_parameters == n && g->values == values, "%s: %d parameters, %lld values; expected %d, %lld", name,
               g->n_parameters, (long long)g->values, n, (long long)values);
        train(e, (int)losses->dim[0], loss);
        for (int i = 0; i < n; i++) compare(name, of[i], values_of(e, of[i]), given(name, "out.", of[i]));
        compare(name, "the loss of each step", loss, losses);
        size_t bytes = sizeof(float) * (size_t)g->floats;
        value[k] = memory_new(bytes);
        memcpy(value[k], g->value, bytes);
        if (k) expect(!memcmp(value[0], value[1], bytes), "%s: other bits on 2 threads", name);
        experiment_free(e);
    }
    memory_free(value[0]), memory_free(value[1]);
}

/* ---- a parameter of two layers -------------------------------------------------------------------------------- */
/* A checkpoint has the table once, and gives it back to both. */
static void test_checkpoint(const char *name)
{
    char path[1100], error[500];
    trainer t;
    float loss[4], again[4];
    experiment *e = open_case(name, "", "", 1);
    if (!e) return;
    snprintf(path, sizeof path, "%s/checkpoints", folder);
    mkdir(path, 0777);
    expect(!trainer_open(&t, e, folder) && !trainer_save(&t), "a checkpoint cannot be written: %s", e->host.error);
    snprintf(path, sizeof path, "%s/checkpoints/step-00000000.safetensors", folder);
    checkpoint *c = checkpoint_read(path, error, sizeof error);
    int tables = 0, n = 0;
    for (int i = 0; c && i < c->n; i++) {
        n += strncmp(c->tensor[i].name, "trainer.", 8) && strncmp(c->tensor[i].name, "optimizer.", 10);
        tables += !strcmp(c->tensor[i].name, table_name);
        expect(strcmp(c->tensor[i].name, "output.weight") != 0, "a checkpoint has output.weight, which is words.weight");
    }
    expect(n == 4 && tables == 1, "a checkpoint has %d parameters, %d of them words.weight", n, tables);
    checkpoint_free(c);
    train(e, 3, loss);
    expect(!trainer_restore(&t), "the checkpoint cannot be read: %s", e->host.error);
    compare(name, "the table restored", values_of(e, table_name), given(name, "first.", table_name));
    train(e, 3, again);
    expect(!memcmp(loss, again, 3 * sizeof *loss), "%s: other losses after the checkpoint", name);
    trainer_close(&t);
    unlink(path);
    experiment_free(e);
}

/* A table that is not trained stays as it is, whoever else has it. */
static void test_frozen(const char *name)
{
    float loss[3];
    experiment *e = open_case(name, "width = 8\n", "width = 8\nfrozen = true\n", 1);
    if (!e) return;
    train(e, 3, loss);
    const checkpoint_tensor *t = given(name, "first.", table_name), *bias = given(name, "first.", "output.bias");
    expect(!memcmp(values_of(e, table_name), t->data, sizeof(float) * (size_t)(t->dim[0] * t->dim[1])), "a frozen table has moved");
    expect(memcmp(values_of(e, "output.bias"), bias->data, sizeof(float) * (size_t)bias->dim[0]) != 0,
           "the bias beside a frozen table has not moved");
    experiment_free(e);
}

static void test_mistake(const char *name, const char *was, const char *is, const char *says)
{
    char listed[2000] = "", middle[3000], net[3000] = "";
    const char *text = checkpoint_value(file, name), *at = strstr(text, was);
    write_words(name, listed, sizeof listed);
    snprintf(middle, sizeof middle, data_tables, listed);
    if (at) snprintf(net, sizeof net, "%.*s%s%s", (int)(at - text), text, is, at + strlen(was));
    refuse(middle, net, folder, says);
}

static void test_mistakes(void)
{
    test_mistake("tied_sgd", "tied = \"words\"", "tied = 'worts'",
                 "layer 'output' (dense): no layer that runs before it has a parameter 'worts.weight' to share (did you mean "
                 "'words.weight'?); it reads 'hidden' (8 wide, one row a step of 'text')");
    test_mistake("tied_sgd", "width = 8", "width = 6", "it can't share 'words.weight', which has 6 numbers a row; its weight has 8");
    test_mistake("tied_sgd", "units = \"text\"", "units = 24", "it can't share 'words.weight', which has 23 rows; its weight has 24");
    test_mistake("tied_sgd", "tied = \"words\"", "tied = 'output'",
                 "no layer that runs before it has a parameter 'output.weight' to share");
    test_mistake("activity", "weight = 2.0", "target = 'text'", "'activity' (activity) compares with nothing; leave target out");
    test_mistake("activity", "target = \"text\"", "", "'cross_entropy' needs the field that it compares with: target = \"...\"");
}

int main(int argc, char **argv)
{
    char path[1000], error[500];
    int cases = 0;
    if (argc < 4) return 2;
    plugins = argv[1], folder = argv[3];
    snprintf(path, sizeof path, "%s/training.safetensors", argv[2]);
    checkpoint *c = checkpoint_read(path, error, sizeof error);
    expect(c != NULL, "%s", error);
    file = c;
    for (int i = 0; c && i < c->n_texts; i++)
        if (given(c->text[i].key, "loss", "")) test_case(c->text[i].key), cases++;
    expect(cases >= 6, "the reference has %d cases", cases);
    if (c) test_checkpoint("tied_sgd"), test_frozen("tied_adam"), test_mistakes();
    checkpoint_free(c);
    return expect_end("training");
}
