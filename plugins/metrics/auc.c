/* auc.c -- areas under the ROC curve and the precision-recall curve, exact, from the scores of all rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/metric_rows.h>
#include "class_names.h"
#include "labels.h"

typedef struct config { int64_t ignore; } config;
typedef struct metric {
    decision d;
    const tn_api *api; tn_host *host;
    int32_t vocabulary;
    int labels;                            /* a row has a yes or no for each, and no class                        */
    int64_t curves;                        /* 1 for two classes, else one a class or label                        */
    char (*name)[2][96];                   /* [curves] of the results                                             */
} metric;
/* Sums: of each curve the two areas, and whether it has rows of both sorts. */
enum { ROC, PR, DEFINED, A_CURVE };
typedef struct ranked { float score; int32_t hit; } ranked;

static const tn_option options[] = {
    TN_INT(config, ignore, -1, -1, 1e9, "a class whose rows are not counted; -1: none"),
};

static void close(void *self)
{
    metric *m = self;
    free(m->name);
    m->name = NULL;
}

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, uint32_t n_in,
                const tn_spec *const *in, uint32_t *sums)
{
    metric *m = self;
    int64_t ignore = ((const config *)opts)->ignore;
    m->labels = has_labels(n_in, in);
    int rc = m->labels ? labels_plan(&m->d, api, host, "auc", in, ignore)
                       : decision_plan(&m->d, api, host, "auc", n_in, in, ignore);
    if (rc) return rc;
    if (m->d.means == TN_IDS) return tn_fail(api, host, TN_ESHAPE, "auc: the output is classes; it needs a score for each");
    m->api = api, m->host = host, m->vocabulary = in[TARGET]->vocabulary;
    m->curves = m->labels || m->d.classes > 2 ? m->d.classes : 1;
    *sums = (uint32_t)(A_CURVE * m->curves);
    close(m);
    m->name = calloc((size_t)m->curves, sizeof *m->name);
    if (!m->name) return tn_fail(api, host, TN_ENOMEM, "auc: no memory for %lld classes", (long long)m->curves);
    for (int64_t k = 0; k < m->curves; k++) {
        char text[80];
        class_name(api, host, m->vocabulary, k, text, sizeof text);
        snprintf(m->name[k][ROC], sizeof m->name[k][ROC], "%s.roc", text);
        snprintf(m->name[k][PR], sizeof m->name[k][PR], "%s.pr", text);
    }
    return TN_OK;
}

/* The class or label that curve k is about: of two classes the second. */
static int64_t class_of(const metric *m, int64_t k) { return m->labels || m->curves > 1 ? k : 1; }

/* What class k is ranked by. Of logits the log-odds x_k - ln(sum of e^x of the others): the order of the probabilities, but
 * where those are all 0.999999 it still tells one from the other. */
static float score_of(const decision *d, const float *x, int64_t k)
{
    double most = -INFINITY, sum = 0;
    if (d->width == 1) return x[0];
    if (d->means == TN_PROBABILITIES || d->means == TN_LOG_PROBABILITIES) return x[k];
    for (int64_t j = 0; j < d->width; j++)
        if (j != k && (double)x[j] > most) most = (double)x[j];
    for (int64_t j = 0; j < d->width; j++)
        if (j != k) sum += exp((double)x[j] - most);
    return (float)((double)x[k] - most - log(sum));
}

/* A row keeps its class, -1 if it is ignored, or 0 or 1 for each label; behind that the score of each curve. */
static int64_t heads_of(const metric *m) { return m->labels ? m->curves : 1; }
static uint32_t keeps(void *self) { return (uint32_t)(heads_of(self) + ((const metric *)self)->curves); }

static int update_labels(const metric *m, const tn_call *c)
{
    const float *x = c->in[OUTPUT]->data, *t = c->in[TARGET]->data;
    float *kept = c->out[0]->data;
    int rc = labels_check(&m->d, c, "auc");
    for (int64_t r = 0; r < c->in[TARGET]->rows && !rc; r++, kept += 2 * m->curves)
        for (int64_t k = 0; k < m->curves; k++)
            kept[k] = (float)label_is_yes(t[r * m->curves + k]), kept[m->curves + k] = x[r * m->curves + k];
    return rc;
}

static int update(void *self, const tn_call *c, double *sum)
{
    const metric *m = self;
    if (m->labels) return update_labels(m, c);
    const int32_t *target = c->in[TARGET]->data;
    const float *x = c->in[OUTPUT]->data;
    float *kept = c->out[0]->data;
    (void)sum;
    for (int64_t r = 0; r < c->in[TARGET]->rows; r++, kept += 1 + m->curves) {
        kept[0] = target[r] == m->d.ignore ? -1 : (float)target[r];
        for (int64_t k = 0; k < m->curves; k++) kept[1 + k] = score_of(&m->d, x + r * m->d.width, class_of(m, k));
    }
    return TN_OK;
}

static int by_score(const void *a, const void *b)
{
    float x = ((const ranked *)a)->score, y = ((const ranked *)b)->score;
    return (x < y) - (x > y);
}

/* Rows that count by falling score of curve k; the caller frees them. NULL: no memory. */
static ranked *rank(const metric *m, int64_t k, int64_t rows, const float *kept, int64_t *n, double *hits)
{
    ranked *all = malloc(sizeof *all * (size_t)(rows + 1));
    const int64_t heads = heads_of(m);
    *n = 0, *hits = 0;
    for (int64_t r = 0; all && r < rows; r++, kept += heads + m->curves) {
        if (kept[0] < 0) continue;
        int hit = m->labels ? kept[k] > 0 : kept[0] == (float)class_of(m, k);
        all[(*n)++] = (ranked){ kept[heads + k], hit };
        *hits += hit;
    }
    if (all) qsort(all, (size_t)*n, sizeof *all, by_score);
    return all;
}

/* From row i on, past all rows of the same score: adds to hits and misses, gives the next row. */
static int64_t next_point(const ranked *all, int64_t n, int64_t i, double *hit, double *miss)
{
    float score = all[i].score;
    for (; i < n && all[i].score == score; i++) *hit += all[i].hit, *miss += !all[i].hit;
    return i;
}

/* roc = sum over thresholds of (misses added) (mean of hits before and after) / (hits misses);
 * pr = sum of (recall added) precision */
static int finish(void *self, int64_t rows, const float *kept, double *sum)
{
    const metric *m = self;
    for (int64_t k = 0; k < m->curves; k++) {
        int64_t n;
        double hits, hit = 0, miss = 0, roc = 0, pr = 0, *s = sum + A_CURVE * k;
        ranked *all = rank(m, k, rows, kept, &n, &hits);
        if (!all) return tn_fail(m->api, m->host, TN_ENOMEM, "auc: no memory to sort %lld rows", (long long)rows);
        for (int64_t i = 0; i < n; ) {
            double hit_before = hit, miss_before = miss;
            i = next_point(all, n, i, &hit, &miss);
            roc += (miss - miss_before) * (hit + hit_before) / 2;
            pr += (hit - hit_before) * hit / (hit + miss);
        }
        free(all);
        s[DEFINED] = hits > 0 && hits < (double)n;
        s[ROC] = s[DEFINED] > 0 ? roc / (hits * miss) : 0;
        s[PR] = hits > 0 ? pr / hits : 0;
    }
    return TN_OK;
}

static double mean_of(const metric *m, const double *sum, int which)
{
    double all = 0, n = 0;
    for (int64_t k = 0; k < m->curves; k++)
        if (sum[A_CURVE * k + DEFINED] > 0) all += sum[A_CURVE * k + which], n += 1;
    return n > 0 ? all / n : 0;
}

static int result(void *self, const double *sum, uint32_t i, const char **name, double *value,
                  int32_t *higher_is_better)
{
    const metric *m = self;
    int64_t k = (int64_t)i - 2;
    *higher_is_better = 1;
    if (i < 2) {
        *name = i ? "pr" : NULL, *value = mean_of(m, sum, i ? PR : ROC);
        return TN_OK;
    }
    if (m->curves == 1 || k >= 2 * m->curves) return TN_END;
    *name = m->name[k / 2][k % 2], *value = sum[A_CURVE * (k / 2) + k % 2];
    return TN_OK;
}

/* One line a threshold. */
static int write_curve(const metric *m, int64_t k, int64_t rows, const float *kept, tn_put_fn *put, void *to)
{
    char word[80], cell[90], line[400];
    int64_t n;
    double hits, hit = 0, miss = 0;
    int rc = 0;
    ranked *all = rank(m, k, rows, kept, &n, &hits);
    if (!all) return tn_fail(m->api, m->host, TN_ENOMEM, "auc: no memory to sort %lld rows", (long long)rows);
    csv_cell(class_name(m->api, m->host, m->vocabulary, class_of(m, k), word, sizeof word), cell, sizeof cell);
    for (int64_t i = 0; i < n && !rc; ) {
        double score = (double)all[i].score, misses = (double)n - hits;
        i = next_point(all, n, i, &hit, &miss);
        int length = snprintf(line, sizeof line, "%s,%.9g,%.9g,%.9g,%.9g\n", cell, score, misses > 0 ? miss / misses : 0,
                              hits > 0 ? hit / hits : 0, hit / (hit + miss));
        rc = put(to, line, (size_t)length);
    }
    free(all);
    return rc;
}

static int write_curves(void *self, const double *sum, int64_t rows, const float *kept, tn_put_fn *put, void *to)
{
    static const char heading[] = "class,score,false_positive_rate,recall,precision\n";
    (void)sum;
    int rc = put(to, heading, sizeof heading - 1);
    for (int64_t k = 0; k < ((const metric *)self)->curves && !rc; k++) rc = write_curve(self, k, rows, kept, put, to);
    return rc;
}

static const void *ext(const char *id)
{
    static const tn_metric_rows rows = { sizeof rows, 0, keeps, finish, write_curves };
    return strcmp(id, TN_METRIC_ROWS) ? NULL : &rows;
}

static const tn_metric table = { sizeof table, 0, 2, 2, plan, update, result };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_METRIC, .table = &table, .name = "auc",
    .brief = "areas under the ROC and the precision-recall curve",
    .doc = "The metric's own name stands for the area under the ROC curve: the probability that a row of the\n"
           "class has a higher score than one of the others, equal scores counting half. `.pr` is average\n"
           "precision, the sum over thresholds of (recall gained) times precision: the area under the\n"
           "precision-recall curve as steps, which unlike trapezoids does not flatter. Both are exact, over all\n"
           "rows of the split, and equal scikit-learn's roc_auc_score and average_precision_score.\n\n"
           "For two classes they are those of the second one. For more, each class stands against the others\n"
           "(`.NAME.roc`, `.NAME.pr`), and the figure is the mean over classes that have rows of both sorts.\n"
           "Without such rows it is 0.\n\n"
           "Several labels a row, as `binary_cross_entropy` learns them: the target is a field of numbers 0 and\n"
           "1. Each column has areas of its own, ranked by the output's column, and the figure is their mean:\n"
           "scikit-learn's average = \"macro\".\n\n"
           "The host keeps one number a class (two a label) of every row during an evaluation. The points of the curves are\n"
           "written to metrics/SPLIT.NAME.csv in the run directory after the last evaluation.\n\n"
           "Sources: Fawcett, *An introduction to ROC analysis* (2006); Davis, Goadrich, *The relationship\n"
           "between Precision-Recall and ROC curves* (2006).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(metric), .close = close, .ext = ext };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("auc", "1.0", "The Tenon authors", "MIT", "", parts)
