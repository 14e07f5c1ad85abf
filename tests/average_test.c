/* average_test.c -- the average of the weights ([training] average): worked out again, step by step in double, from the
 * weights in the checkpoints; it is what is evaluated, kept as best and restored; a resume goes on with the same bits.
 *
 *     average_test PLUGINS FOLDER      FOLDER: where files may be written */
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../host/checkpoint.h"
#include "../host/train.h"
#include "open_data.h"

enum { TRAINING = 44, VALIDATION = 20, EPOCHS = 4, STEPS = 6 * EPOCHS }; /* six batches of eight, the last of four */
static const volatile sig_atomic_t never = 0;

static const char tables[] = "[dataset]\ntype = 'lines'\ntrain = 'average_train.txt'\nvalidation = 'average_validation.txt'\n"
    "[[field]]\nname = 'text'\ntransforms = ['words']\n[[field]]\nname = 'label'\nkind = 'category'\n";
static const char net[] = "[[layer]]\ntype = 'embedding'\ninputs = 'text'\nwidth = 5\n[[layer]]\nname = 'still'\ntype = 'dense'\nunits = 4\n"
    "[[layer]]\ntype = 'mean'\n[[layer]]\ntype = 'dropout'\nrate = 0.2\n[[layer]]\nname = 'output'\ntype = 'dense'\nunits = 'label'\n"
    "[[loss]]\ntype = 'cross_entropy'\ntarget = 'label'\n[optimizer]\ntype = 'adam'\nlearning_rate = 0.05\n"
    "[[group]]\nlayers = ['still']\nfrozen = true\n[checkpoint]\nevery_steps = 1\nkeep = 1000\n"
    "[training]\nepochs = 4\nbatch_size = 8\n%s\n[evaluation]\nweights = '%s'\n";

static void write_lines(const char *name, int n, int salt)
{
    char text[8000] = "";
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "c%d ", (i + salt) % 3);
        for (int t = 0; t < (i * 5 + salt) % 7; t++)
            at += (size_t)snprintf(text + at, sizeof text - at, "w%d ", t % 2 ? (i + salt) % 3 : (i * t * 3 + salt) % 17);
        at += (size_t)snprintf(text + at, sizeof text - at, "\n");
    }
    write_file(name, text);
}

static const char *at_folder(const char *format, const char *run, int number)
{
    static char path[4][1200];
    static int next;
    char name[200];
    next = (next + 1) % 4;
    snprintf(name, sizeof name, format, run, number);
    snprintf(path[next], sizeof *path, "%.900s/%s", folder, name);
    return path[next];
}

static experiment *open_run_of(const char *average, const char *weights, int learns)
{
    char end[1500];
    snprintf(end, sizeof end, net, average, weights);
    experiment *e = open_data(tables, end, folder);
    if (!e) return NULL;
    e->n_loggers = 0;
    if (!experiment_start(e, 2, learns)) return e;
    expect(0, "%s: %s", average, e->host.error);
    experiment_free(e);
    return NULL;
}

/* Trains in a folder of its own, or goes on with what lies there; the final scores. */
static experiment *train_run(trainer *t, const char *run, const char *average, const char *weights, int resumes, double *loss)
{
    score *s;
    int n;
    experiment *e = open_run_of(average, weights, 1);
    if (!e) return NULL;
    const char *path = at_folder("%s", run, 0);
    mkdir(path, 0777), mkdir(at_folder("%s/checkpoints", run, 0), 0777);
    path = arena_text(&e->memory, path);
    int rc = resumes ? 0 : graph_initialize(e->graph, NULL);
    if (!rc) rc = trainer_open(t, e, path);
    t->interrupted = &never, t->quiet = 1;
    if (!rc && resumes) rc = trainer_restore(t);
    if (!rc) rc = trainer_run(t);
    if (!rc) rc = trainer_final(t, &s, &n);
    expect(!rc, "%s: training fails: %s", average, e->host.error);
    *loss = rc ? 0 : score_find(s, n, "validation.loss")->value;
    return e;
}

static checkpoint *read_step(const char *run, int step)
{
    char error[800];
    checkpoint *c = checkpoint_read(at_folder("%s/checkpoints/step-%08d.safetensors", run, step), error, sizeof error);
    expect(c != NULL, "%s", error);
    return c;
}

static int64_t elements(const parameter *w) { return w->rows * w->width; }

static const float *tensor_of(const checkpoint *c, const char *prefix, const parameter *w)
{
    char name[200];
    snprintf(name, sizeof name, "%s%s", prefix, w->name);
    const checkpoint_tensor *t = c ? checkpoint_find(c, name) : NULL;
    return t ? t->data : NULL;
}

/* ---- the average of each checkpoint --------------------------------------------------------------------------- */
static void check_averages(const experiment *e, const char *run, const char *what, double decay, int start)
{
    const graph *g = e->graph;
    double *a = memory_new(sizeof *a * (size_t)g->floats), far = 0, apart = 0;
    int checked = 0;
    for (int step = 0; step <= STEPS; step++) {
        checkpoint *c = read_step(run, step);
        int n = step - (start - 1) * (STEPS / EPOCHS);
        for (int i = 0; i < g->n_parameters && c; i++) {
            const parameter *w = g->parameter[i];
            const float *p = tensor_of(c, "", w), *found = tensor_of(c, "average.", w);
            if (!p || !found) continue;
            for (int64_t k = 0; k < elements(w); k++) {
                double *x = &a[w->offset + k], v = (double)p[k];
                *x = n <= 1 ? v : decay > 0 ? decay * *x + (1 - decay) * v : *x + (v - *x) / n;
                far = fmax(far, fabs(*x - (double)found[k])), apart = fmax(apart, fabs(v - (double)found[k]));
            }
            checked++;
        }
        checkpoint_free(c);
    }
    expect(checked == (STEPS + 1) * g->n_parameters, "%s: %d averages of parameters", what, checked);
    expect(far <= 1e-6, "%s: an average differs by %g from that of the weights", what, far);
    expect(apart > 0.01, "%s: the average differs by %g at most from the weights themselves", what, apart);
    memory_free(a);
}

/* best.safetensors is the average of that step, bit by bit; a run that is evaluated has the same, and gives the same loss. */
static void check_kept(experiment *e, const trainer *t, const char *run, const char *what, const char *average,
                       const char *weights, double final)
{
    char error[800];
    int best = !strcmp(weights, "best");
    checkpoint *c = read_step(run, best ? (int)t->best_step : STEPS),
               *kept = checkpoint_read(at_folder("%s/checkpoints/best.safetensors", run, 0), error, sizeof error);
    experiment *again = open_run_of(average, weights, 0);
    score *s;
    int n, same = 1, found = 0;
    expect(kept != NULL, "%s", error);
    expect(again && !weights_restore(again, at_folder("%s", run, 0), best), "%s: the weights cannot be restored", what);
    for (int i = 0; again && i < e->graph->n_parameters; i++) {
        const parameter *w = e->graph->parameter[i];
        const float *v = tensor_of(c, "average.", w), *b = tensor_of(kept, "", w);
        size_t bytes = sizeof(float) * (size_t)elements(w);
        if (best) same &= v && b && !memcmp(v, b, bytes);
        found += v && !memcmp(v, again->graph->value + w->offset, bytes) && !memcmp(v, e->graph->value + w->offset, bytes);
    }
    expect(same, "%s: best.safetensors is not the average of step %d", what, (int)t->best_step);
    expect(found == e->graph->n_parameters, "%s: %d of %d parameters restored are averages", what, found, e->graph->n_parameters);
    if (again && !evaluate_split(again, SPLIT_VALIDATION, &s, &n)) {
        double loss = score_find(s, n, "validation.loss")->value;
        expect(loss == final, "%s: the loss at the end is %.9g, that of the weights restored %.9g", what, final, loss);
    }
    double logged = 0;
    for (int k = 0; k < t->n_names; k++)
        if (!strcmp(t->name[k], "validation.loss")) logged = best ? t->best : t->history[(t->n_history - 1) * t->n_names + k];
    expect(logged == final, "%s: the loss at the end is %.9g, after its epoch it was %.9g", what, final, logged);
    experiment_free(again);
    checkpoint_free(c), checkpoint_free(kept);
}

static void check_resume(const char *run, const char *what, const char *average, const char *weights, int from)
{
    trainer t;
    double loss;
    checkpoint *whole = read_step(run, STEPS), *c;
    for (int step = from + 1; step <= STEPS; step++) unlink(at_folder("%s/checkpoints/step-%08d.safetensors", run, step));
    experiment *e = train_run(&t, run, average, weights, 1, &loss);
    c = read_step(run, STEPS);
    int same = e && c && whole && c->n == whole->n;
    for (int i = 0; same && i < c->n; i++) {
        const checkpoint_tensor *a = &whole->tensor[i], *b = checkpoint_find(c, a->name);
        size_t bytes = a->dtype == TN_F64 || a->dtype == TN_I64 ? 8 : a->dtype == TN_U8 ? 1 : 4;
        for (int d = 0; d < a->ndim; d++) bytes *= (size_t)a->dim[d];
        same = b && !memcmp(a->data, b->data, bytes);
        if (!same) printf("    %s\n", a->name);
    }
    expect(same, "%s: resumed at step %d it ends with other bits", what, from);
    checkpoint_free(whole), checkpoint_free(c);
    if (e) trainer_close(&t);
    experiment_free(e);
}

static void test_average(const char *run, const char *average, const char *weights, double decay, int start)
{
    trainer t;
    char what[100];
    double loss;
    snprintf(what, sizeof what, "%.60s, %s", average, weights);
    experiment *e = train_run(&t, run, average, weights, 0, &loss);
    if (!e) return;
    check_averages(e, run, what, decay, start);
    check_kept(e, &t, run, what, average, weights, loss);
    trainer_close(&t);
    experiment_free(e);
    check_resume(run, what, average, weights, 9);
    check_resume(run, what, average, weights, 0);
}

/* Without an average a checkpoint has none, and the last weights are those of the last step. */
static void test_without(void)
{
    trainer t;
    double loss;
    experiment *e = train_run(&t, "without", "", "last", 0, &loss);
    if (!e) return;
    checkpoint *c = read_step("without", STEPS);
    for (int i = 0; c && i < e->graph->n_parameters; i++) {
        const parameter *w = e->graph->parameter[i];
        expect(!tensor_of(c, "average.", w), "without an average a checkpoint has one of %s", w->name);
        expect(!memcmp(tensor_of(c, "", w), e->graph->value + w->offset, sizeof(float) * (size_t)elements(w)),
               "without an average the last weights are not those of the last step: %s", w->name);
    }
    checkpoint_free(c);
    trainer_close(&t);
    experiment_free(e);
}

static void test_mistake(const char *average, const char *says)
{
    char end[1500];
    snprintf(end, sizeof end, net, average, "best");
    refuse(tables, end, folder, says);
}

int main(int argc, char **argv)
{
    if (argc < 3) return 2;
    plugins = argv[1], folder = argv[2];
    write_lines("average_train.txt", TRAINING, 0), write_lines("average_validation.txt", VALIDATION, 1);
    test_average("exponential", "average = 0.9", "best", 0.9, 1);
    test_average("exponential_last", "average = 0.75", "last", 0.75, 1);
    test_average("mean", "average = 'mean'\naverage_start = 2", "last", 0, 2);
    test_average("late", "average = 0.5\naverage_start = 3", "best", 0.5, 3);
    test_without();
    test_mistake("average = 1.0", "average: with a decay of 1 the weights would stay as they were; less than 1, as in 0.999");
    test_mistake("average = 1.5", "average");
    test_mistake("average = 'means'", "average: 'means' is neither \"mean\" nor the decay of a moving average, as in 0.999");
    test_mistake("average_start = 2", "average_start: say what average, as in average = 0.999");
    return expect_end("average");
}
