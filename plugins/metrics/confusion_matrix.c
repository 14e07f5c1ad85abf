/* confusion_matrix.c -- how many rows of each class were said to be of which. */
#include <stdlib.h>
#include <string.h>
#include <tenon/metric_rows.h>
#include "class_names.h"
#include "decision.h"

typedef struct config { int32_t results; int64_t ignore; } config;
typedef struct metric {
    decision d;
    const config *options;
    const tn_api *api; tn_host *host;
    int32_t vocabulary;
    char (*name)[160];                     /* of each cell, where cells are results                               */
} metric;
/* Sums: classes x classes, a row a true class. */

static const tn_option options[] = {
    TN_BOOL(config, results, 0, "whether each cell is a result, NAME.TRUE.SAID, in the logs"),
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
    m->options = opts, m->api = api, m->host = host;
    int rc = decision_plan(&m->d, api, host, "confusion_matrix", n_in, in, m->options->ignore);
    if (rc) return rc;
    int64_t k = m->d.classes;
    if (k > 10000) return tn_fail(api, host, TN_ESHAPE, "confusion_matrix: %lld classes; 10000 are the most", (long long)k);
    m->vocabulary = in[TARGET]->vocabulary;
    *sums = (uint32_t)(k * k);
    close(m);
    if (!m->options->results || !k) return TN_OK;
    m->name = malloc(sizeof *m->name * (size_t)(k * k));
    if (!m->name) return tn_fail(api, host, TN_ENOMEM, "confusion_matrix: no memory for %lld classes", (long long)k);
    for (int64_t i = 0; i < k * k; i++) {
        char meant[72], said[72];
        snprintf(m->name[i], sizeof m->name[i], "%s.%s", class_name(api, host, m->vocabulary, i / k, meant, sizeof meant),
                 class_name(api, host, m->vocabulary, i % k, said, sizeof said));
    }
    return TN_OK;
}

static int update(void *self, const tn_call *c, double *sum)
{
    const metric *m = self;
    const int32_t *target = c->in[TARGET]->data;
    for (int64_t r = 0; r < c->in[TARGET]->rows; r++) {
        int32_t t = target[r], said = decide_row(&m->d, c->in[OUTPUT], r);
        if (t == m->d.ignore || t < 0 || t >= m->d.classes || said < 0 || said >= m->d.classes) continue;
        sum[t * m->d.classes + said] += 1;
    }
    return TN_OK;
}

static int result(void *self, const double *sum, uint32_t i, const char **name, double *value,
                  int32_t *higher_is_better)
{
    const metric *m = self;
    int64_t k = m->d.classes, cell = (int64_t)i - 1;
    double right = 0, all = 0;
    if (i && (!m->name || cell >= k * k)) return TN_END;
    *higher_is_better = i == 0 || cell % (k + 1) == 0;
    if (i) {
        *name = m->name[cell], *value = sum[cell];
        return TN_OK;
    }
    for (int64_t j = 0; j < k * k; j++) all += sum[j], right += j % (k + 1) ? 0 : sum[j];
    *name = NULL, *value = all > 0 ? right / all : 0;
    return TN_OK;
}

/* A line a true class, a column a said one. */
static int write_matrix(void *self, const double *sum, int64_t rows, const float *kept, tn_put_fn *put, void *to)
{
    const metric *m = self;
    char word[160], cell[200], text[240];
    int rc = put(to, "true", 4);
    (void)rows, (void)kept;
    for (int64_t line = -1; line < m->d.classes && !rc; line++) {
        for (int64_t j = -1; j < m->d.classes && !rc; j++) {
            int64_t name = line < 0 ? j : line;
            if (line < 0 && j < 0) continue;
            if (line < 0 || j < 0)
                snprintf(text, sizeof text, "%s%s", j < 0 ? "" : ",",
                         csv_cell(class_name(m->api, m->host, m->vocabulary, name, word, sizeof word), cell, sizeof cell));
            else snprintf(text, sizeof text, ",%.0f", sum[line * m->d.classes + j]);
            rc = put(to, text, strlen(text));
        }
        if (!rc) rc = put(to, "\n", 1);
    }
    return rc;
}

static const void *ext(const char *id)
{
    static const tn_metric_rows rows = { sizeof rows, 0, NULL, NULL, write_matrix };
    return strcmp(id, TN_METRIC_ROWS) ? NULL : &rows;
}

static const tn_metric table = { sizeof table, 0, 2, 2, plan, update, result };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_METRIC, .table = &table, .name = "confusion_matrix",
    .brief = "how many rows of each class were said to be of which",
    .doc = "The matrix is written to metrics/SPLIT.NAME.csv in the run directory after the last evaluation: a\n"
           "line a true class, a column a said one. The metric's own name stands for the share of rows on its\n"
           "diagonal, which is accuracy. With `results` each cell is also a result of its own.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(metric), .close = close, .ext = ext };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("confusion_matrix", "1.0", "The Tenon authors", "MIT", "", parts)
