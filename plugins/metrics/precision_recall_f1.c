/* precision_recall_f1.c -- per class or label and averaged, from counts over the whole split. */
#include <stdlib.h>
#include <string.h>
#include "labels.h"

enum { AUTO, BINARY, MICRO, MACRO, WEIGHTED };
static const char *const averages[] = { "auto", "binary", "micro", "macro", "weighted", NULL };
typedef struct config { int32_t average, per_class; const char *positive; int64_t ignore; } config;
typedef struct metric {
    decision d;
    const config *options;
    int32_t average, per_class, labels;    /* labels: a row has a yes or no for each, and no class            */
    int64_t positive;
    char **name;                           /* results, after the first */
    int64_t names;
} metric;
/* Sums: three a class. */
enum { HIT, SAID, TRUE_, COUNTS };         /* rightly said, said, true */

static const tn_option options[] = {
    TN_ENUM(config, average, AUTO, averages, "which F1 the metric's own name stands for; auto: binary for two classes, else macro"),
    TN_STR(config, positive, NULL, "for two classes, the one whose figures count; if not given, the second"),
    TN_BOOL(config, per_class, 1, "whether each class has results of its own"),
    TN_INT(config, ignore, -1, -1, 1e9, "a class whose rows are not counted; -1: none"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((metric *)self)->options = opts;
    return TN_OK;
}

static void forget_names(metric *m)
{
    for (int64_t i = 0; i < m->names; i++) free(m->name[i]);
    free(m->name);
    m->name = NULL, m->names = 0;
}

static void close(void *self) { forget_names(self); }

static const char *const figures[] = { "precision", "recall", "f1" };

/* Takes "macro", "precision" into the list of names; 0, or -1: no memory. */
static int add_name(metric *m, const char *group, const char *figure)
{
    size_t n = strlen(group) + strlen(figure) + 2;
    char *s = malloc(n);
    if (!s) return -1;
    snprintf(s, n, "%s%s%s", group, *group ? "." : "", figure);
    m->name[m->names++] = s;
    return 0;
}

/* Names in the order of results: the average's precision and recall, those of micro, macro, weighted, then classes. */
static int make_names(metric *m, const tn_api *api, tn_host *host, int32_t vocabulary)
{
    forget_names(m);
    m->name = calloc((size_t)(2 + 9 + 3 * m->d.classes), sizeof *m->name);
    int rc = m->name ? 0 : -1;
    for (int k = 0; k < 2 && !rc; k++) rc = add_name(m, "", figures[k]);
    for (int a = MICRO; a <= WEIGHTED; a++)
        for (int k = 0; k < 3 && !rc; k++) rc = add_name(m, averages[a], figures[k]);
    for (int64_t id = 0; m->per_class && id < m->d.classes; id++) {
        char number[32];
        const char *word = vocabulary ? api->word(host, vocabulary, id) : NULL;
        snprintf(number, sizeof number, "class_%lld", (long long)id);
        for (int k = 0; k < 3 && !rc; k++) rc = add_name(m, word ? word : number, figures[k]);
    }
    return rc ? tn_fail(api, host, TN_ENOMEM, "precision_recall_f1: no memory for %lld classes",
                        (long long)m->d.classes)
              : TN_OK;
}

/* The class that the user called positive. */
static int find_positive(metric *m, const tn_api *api, tn_host *host, int32_t vocabulary)
{
    const char *wanted = m->options->positive;
    char known[200] = "";
    size_t used = 0;
    m->positive = 1;
    if (!wanted || m->d.classes == 0) return TN_OK;
    for (int64_t id = 0; id < m->d.classes; id++) {
        const char *word = vocabulary ? api->word(host, vocabulary, id) : NULL;
        if (!word) return TN_OK;           /* not known before the data are read */
        if (!strcmp(word, wanted)) {
            m->positive = id;
            return TN_OK;
        }
        if (used < sizeof known)
            used += (size_t)snprintf(known + used, sizeof known - used, "%s'%s'", id ? ", " : "", word);
    }
    return tn_fail(api, host, TN_EINVAL,
                   "precision_recall_f1: positive = '%s' is no class of the target; there are %s", wanted,
                   known);
}

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, uint32_t n_in,
                const tn_spec *const *in, uint32_t *sums)
{
    metric *m = self;
    const config *o = opts;
    m->options = o, m->per_class = o->per_class, m->labels = has_labels(n_in, in);
    int rc = m->labels ? labels_plan(&m->d, api, host, "precision_recall_f1", in, o->ignore)
                       : decision_plan(&m->d, api, host, "precision_recall_f1", n_in, in, o->ignore);
    if (rc) return rc;
    m->average = o->average != AUTO ? o->average : m->d.classes == 2 && !m->labels ? BINARY : MACRO;
    if (m->labels && (m->average == BINARY || o->positive))
        return tn_fail(api, host, TN_EINVAL, "precision_recall_f1: average = 'binary' and positive are about two classes, but the "
                       "target is numbers, each column a label; take micro, macro or weighted");
    if (m->average == BINARY && m->d.classes > 0 && m->d.classes != 2)
        return tn_fail(api, host, TN_EINVAL,
                       "precision_recall_f1: average = 'binary' is for two classes, the target has %lld; "
                       "take micro, macro or weighted",
                       (long long)m->d.classes);
    *sums = (uint32_t)(COUNTS * m->d.classes);
    rc = find_positive(m, api, host, in[TARGET]->vocabulary);
    return rc ? rc : make_names(m, api, host, in[TARGET]->vocabulary);
}

static int update_labels(const metric *m, const tn_call *c, double *sum)
{
    const float *x = c->in[OUTPUT]->data, *t = c->in[TARGET]->data, above = decision_threshold(&m->d);
    int rc = labels_check(&m->d, c, "precision_recall_f1");
    for (int64_t i = 0; i < c->in[TARGET]->rows * m->d.width && !rc; i++) {
        double *count = sum + COUNTS * (i % m->d.width);
        int yes = label_is_yes(t[i]), said = x[i] > above;
        count[TRUE_] += yes, count[SAID] += said, count[HIT] += yes && said;
    }
    return rc;
}

static int update(void *self, const tn_call *c, double *sum)
{
    const metric *m = self;
    if (m->labels) return update_labels(m, c, sum);
    const int32_t *target = c->in[TARGET]->data;
    int64_t classes = m->d.classes;
    for (int64_t r = 0; r < c->in[TARGET]->rows; r++) {
        int32_t t = target[r], said = decide_row(&m->d, c->in[OUTPUT], r);
        if (t == m->d.ignore) continue;
        if (t >= 0 && t < classes) sum[COUNTS * t + TRUE_] += 1;
        if (said >= 0 && said < classes) sum[COUNTS * said + SAID] += 1;
        if (t == said && t >= 0 && t < classes) sum[COUNTS * t + HIT] += 1;
    }
    return TN_OK;
}

/* precision = hit / said, recall = hit / true, F1 = 2 hit / (said + true); 0 where nothing is there to divide by */
static double figure_of(const double *count, int figure)
{
    double hit = count[HIT], by = figure == 0   ? count[SAID]
                                  : figure == 1 ? count[TRUE_]
                                                : (count[SAID] + count[TRUE_]) / 2;
    return by > 0 ? hit / by : 0;
}

static double average_of(const metric *m, const double *sum, int average, int figure)
{
    double total[COUNTS] = { 0, 0, 0 }, plain = 0, weighted = 0, seen = 0;
    if (m->d.classes == 0) return 0;
    if (average == BINARY) return figure_of(sum + COUNTS * m->positive, figure);
    for (int64_t k = 0; k < m->d.classes; k++) {
        const double *count = sum + COUNTS * k;
        double f = figure_of(count, figure);
        for (int i = 0; i < COUNTS; i++) total[i] += count[i];
        plain += f, weighted += f * count[TRUE_];
        seen += count[SAID] > 0 || count[TRUE_] > 0;
    }
    if (average == MICRO) return figure_of(total, figure);
    if (m->labels) seen = (double)m->d.classes; /* a label that is never said nor true has the figure 0 */
    if (average == MACRO) return seen > 0 ? plain / seen : 0;
    return total[TRUE_] > 0 ? weighted / total[TRUE_] : 0;
}

static int result(void *self, const double *sum, uint32_t i, const char **name, double *value,
                  int32_t *higher_is_better)
{
    const metric *m = self;
    if ((int64_t)i > m->names) return TN_END;
    *name = i ? m->name[i - 1] : NULL, *higher_is_better = 1;
    if (i == 0) *value = average_of(m, sum, m->average, 2);
    else if (i <= 2) *value = average_of(m, sum, m->average, (int)i - 1);
    else if (i <= 11) *value = average_of(m, sum, MICRO + (int)(i - 3) / 3, (int)(i - 3) % 3);
    else *value = figure_of(sum + COUNTS * ((i - 12) / 3), (int)(i - 12) % 3);
    return TN_OK;
}

static const tn_metric table = { sizeof table, 0, 2, 2, plan, update, result };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_METRIC, .table = &table, .name = "precision_recall_f1",
    .brief = "precision, recall and F1 of each class or label and averaged",
    .doc = "For each class, counted over the whole split: precision = hits / said, recall = hits / true,\n"
           "F1 = 2 hits / (said + true), where a hit is a row of that class that was said to be one.\n"
           "Where there is nothing to divide by the figure is 0.\n\n"
           "The averages over classes:\n\n"
           "- `micro`: the figures of all hits, said and true together;\n"
           "- `macro`: the mean over the classes that occur in the split, as said or as true;\n"
           "- `weighted`: the mean weighted by how many rows of the class there are;\n"
           "- `binary`: the figures of the class `positive`.\n\n"
           "The metric's own name stands for the F1 of `average`; further results are `.precision` and\n"
           "`.recall` of the same, `.micro.f1` and so on, and for each class `.spam.precision`,\n"
           "`.spam.recall`, `.spam.f1`.\n\n"
           "Several labels a row, as `binary_cross_entropy` learns them: the target is a field of numbers 0 and\n"
           "1, and each column is a label, which is said where its value is above 0 (a probability: above 1/2).\n"
           "The averages are then over labels, `macro` over all of them, a label that is never said nor true\n"
           "having 0, as in scikit-learn's precision_recall_fscore_support; `auto` is `macro`. Results have the\n"
           "columns' names, as `.sport.f1`.\n\n"
           "Source: van Rijsbergen, *Information Retrieval* (1979), chapter 7; Lewis, *Evaluating Text\n"
           "Categorization* (1991) on micro and macro averages.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(metric), .open = open, .close = close };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("precision_recall_f1", "1.0", "The Tenon authors", "MIT", "", parts)
