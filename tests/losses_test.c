/* losses_test.c PLUGINS FOLDER -- how the host reduces losses: every reduction, weights of several losses, rows that count
 * for more, less or nothing, against sums in double over the network's own outputs: the loss, its gradient, and the loss of
 * a split that is evaluated in batches.                                                                          */
#include <math.h>
#include <stdlib.h>
#include "../host/experiment.h"
#include "expect.h"

static const char *plugins, *folder;
static const char *const reductions[] = { "mean", "sum", "sum_steps_mean_batch", "mean_steps_mean_batch" };

/* Words with their tags, and a label; sequences of 3, 1, 5, 2 and 2 steps. */
static const char lines[] = "a b c\tX Y X\tgood\nb\tZ\tbad\nc c a b a\tZ Z Y X Z\tgood\na c\tY Y\tbad\nb b\tX Z\tgood\n";
static const char file[] =
    "schema = 1\nname = 'losses'\nseed = 4\n[dataset]\ntype = 'csv'\ntrain = 'losses.tsv'\ndelimiter = \"\\t\"\nheader = false\n"
    "columns = ['text', 'tags', 'label']\n"
    "[[field]]\nname = 'words'\ncolumn = 'text'\ntransforms = ['words']\n"
    "[[field]]\nname = 'tags'\nkind = 'tags'\nalong = 'words'\ntransforms = ['words']\n[[field]]\nname = 'label'\nkind = 'category'\n"
    "[[layer]]\ntype = 'embedding'\ninputs = 'words'\nwidth = 4\ninitializers = { weight = { type = 'normal', deviation = 2.0 } }\n"
    "[[layer]]\nname = 'tagger'\ntype = 'dense'\nunits = 'tags'\n"
    "[[layer]]\ntype = 'mean'\ninputs = 'embedding'\n[[layer]]\nname = 'judge'\ntype = 'dense'\nunits = 'label'\n"
    "[optimizer]\ntype = 'sgd'\nlearning_rate = 1.0\n[training]\nbatch_size = 5\n[evaluation]\nbatch_size = 2\n";

static experiment *open_losses(const char *losses)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/losses.tsv", folder);
    FILE *f = fopen(path, "w");
    if (f) fputs(lines, f), fclose(f);
    snprintf(path, sizeof path, "%s/losses.toml", folder);
    f = fopen(path, "w");
    if (f) fprintf(f, "%s%s", file, losses), fclose(f);
    const char *paths[] = { plugins, NULL }, *dirs[] = { folder, NULL };
    overrides o = { NULL, 0, dirs, paths };
    experiment *e = experiment_load(path, &o);
    if (!diag_errors(e->messages) && !experiment_read_data(e, NULL, NULL) && !diag_errors(e->messages) && !experiment_start(e, 1, 1)
        && !graph_initialize(e->graph, NULL)) {
        graph_pack(e->graph);
        return e;
    }
    diag_print(e->messages, stdout);
    expect(0, "%s: %s", losses, e->host.error);
    experiment_free(e);
    return NULL;
}

/* ---- by hand ------------------------------------------------------------------------------------------------ */
/* Cross entropy of the rows of head i, reduced; its gradient by the bias of its dense layer is added to db. */
static double by_hand(const graph *g, int i, const char *reduction, double weight, const double *class_weight, int ignore, double *db)
{
    const tn_tensor *x = &g->head[i].loss->in_slot[0]->value, *t = &g->head[i].loss->in_slot[1]->value;
    double per_example[5] = { 0 }, counted = 0, loss = 0;
    const float *v = x->data;
    const int32_t *id = t->data;
    for (int64_t r = 0; r < x->rows; r++) {
        double c = id[r] == ignore ? 0 : class_weight[id[r]];
        counted += c, per_example[x->lay->root[r]] += c;
    }
    for (int64_t r = 0; r < x->rows; r++) {
        double sum = 0, c = id[r] == ignore ? 0 : class_weight[id[r]], factor = weight;
        for (int64_t j = 0; j < x->width; j++) sum += exp((double)v[r * x->width + j]);
        if (!strcmp(reduction, "mean")) factor /= counted;
        if (!strcmp(reduction, "sum_steps_mean_batch")) factor /= g->bound->n;
        if (!strcmp(reduction, "mean_steps_mean_batch"))
            factor /= g->bound->n * (per_example[x->lay->root[r]] > 0 ? per_example[x->lay->root[r]] : 1);
        loss += factor * c * (log(sum) - (double)v[r * x->width + id[r]]);
        for (int64_t j = 0; j < x->width; j++) db[j] += factor * c * (exp((double)v[r * x->width + j]) / sum - (j == id[r]));
    }
    return loss;
}

static const slot *bias_of(const graph *g, const char *layer)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (!strcmp(g->node[i]->name, layer)) return &g->node[i]->param[1];
    return NULL;
}

static void expect_bias(const graph *g, const char *layer, const double *db, const char *what)
{
    const slot *bias = bias_of(g, layer);
    for (int64_t j = 0; j < bias->value.width; j++)
        expect(fabs((double)((float *)bias->grad.data)[j] - db[j]) < 1e-5 * (1 + fabs(db[j])), "%s: gradient %lld of %s's bias is %g, "
               "expected %g", what, (long long)j, layer, (double)((float *)bias->grad.data)[j], db[j]);
}

/* A loss on the steps and one on the examples: their sum and gradient, and the same over the split in batches of two. */
static void check(const char *reduction, const char *options, const double *class_weight, int ignore)
{
    static const double ones[3] = { 1, 1, 1 };
    char losses[600];
    snprintf(losses, sizeof losses, "[[loss]]\nname = 'tag_loss'\ntype = 'cross_entropy'\ninput = 'tagger'\ntarget = 'tags'\nweight = 0.7\n"
             "reduction = '%s'\n%s\n[[loss]]\nname = 'label_loss'\ntype = 'cross_entropy'\ninput = 'judge'\ntarget = 'label'\nweight = 2.5\n",
             reduction, options);
    experiment *e = open_losses(losses);
    if (!e) return;
    graph *g = e->graph;
    static batch b;
    const int64_t example[] = { 0, 1, 2, 3, 4 };
    double db[2][3] = { { 0 } };
    expect(!batch_build(g, &b, SPLIT_TRAIN, example, 5) && !graph_bind(g, &b) && !graph_forward(g, 1, 1), "%s", e->host.error);
    double want = by_hand(g, 0, reduction, 0.7, class_weight, ignore, db[0]) + by_hand(g, 1, "mean", 2.5, ones, -1, db[1]);
    double got = graph_loss(g);
    expect(want > 0.1 && fabs(got - want) < 1e-5 * want, "%s, %s: the loss is %.9g, expected %.9g", reduction, options, got, want);
    expect(!graph_backward(g), "%s", e->host.error);
    expect_bias(g, "tagger", db[0], reduction), expect_bias(g, "judge", db[1], reduction);
    score *scores;
    int n;
    expect(!evaluate_split(e, SPLIT_TRAIN, &scores, &n), "%s", e->host.error);
    const score *s = score_find(scores, n, "train.loss");
    expect(s && fabs(s->value - want) < 1e-5 * want, "%s, %s: over the split in batches it is %.9g, expected %.9g", reduction, options,
           s ? s->value : NAN, want);
    scratch_free(&b.memory);
    memset(&b, 0, sizeof b);
    experiment_free(e);
}

/* mse against classes: 1 in the column of the class and 0 in the others; the mean over rows and columns. */
static void check_one_hot(void)
{
    experiment *e = open_losses("[[loss]]\ntype = 'mse'\ninput = 'tagger'\ntarget = 'tags'\n");
    if (!e) return;
    graph *g = e->graph;
    static batch b;
    const int64_t example[] = { 0, 1, 2, 3, 4 };
    double db[3] = { 0 }, want = 0;
    expect(!batch_build(g, &b, SPLIT_TRAIN, example, 5) && !graph_bind(g, &b) && !graph_forward(g, 1, 1), "%s", e->host.error);
    const tn_tensor *x = &g->head[0].loss->in_slot[0]->value, *t = &g->head[0].loss->in_slot[1]->value;
    double n = (double)(x->rows * x->width);
    for (int64_t r = 0; r < x->rows; r++)
        for (int64_t j = 0; j < x->width; j++) {
            double far = (double)((const float *)x->data)[r * x->width + j] - (((const int32_t *)t->data)[r] == j);
            want += far * far / n, db[j] += 2 * far / n;
        }
    expect(x->rows == 13 && x->width == 3 && fabs(graph_loss(g) - want) < 1e-6 * want, "mse of classes is %.9g, expected %.9g",
           graph_loss(g), want);
    expect(!graph_backward(g), "%s", e->host.error);
    expect_bias(g, "tagger", db, "mse of classes");
    scratch_free(&b.memory);
    memset(&b, 0, sizeof b);
    experiment_free(e);
}

int main(int argc, char **argv)
{
    if (argc < 3) return 2;
    plugins = argv[1], folder = argv[2];
    static const double ones[] = { 1, 1, 1 }, unequal[] = { 0.5, 2, 3.25 };
    for (int k = 0; k < 4; k++) {
        check(reductions[k], "", ones, -1);
        check(reductions[k], "ignore = 2", ones, 2); /* one example has nothing else */
        check(reductions[k], "class_weights = [0.5, 2, 3.25]", unequal, -1);
        check(reductions[k], "class_weights = [0.5, 2, 3.25]\nignore = 0", unequal, 0);
    }
    check_one_hot();
    return expect_end("losses");
}
