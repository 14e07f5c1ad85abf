/* evaluate.c -- loss and metrics over a whole split: sums over all batches, one division at the end. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "experiment.h"

static void add_score(experiment *e, score **all, int *n, const char *name, double value, int higher)
{
    score *more = arena_new(&e->memory, sizeof *more * (size_t)(*n + 1));
    if (*n) memcpy(more, *all, sizeof *more * (size_t)*n);
    more[*n] = (score){ name, value, higher };
    *all = more, ++*n;
}

const score *score_find(const score *s, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(s[i].name, name)) return &s[i];
    return NULL;
}

/* "validation.accuracy" for the principal result, "validation.f1.ham" for another result `ham` of metric `f1`. */
static void add_results(experiment *e, score **all, int *n, const char *prefix, const metric_use *m, const double *sum)
{
    for (uint32_t i = 0; ; i++) {
        const char *name = NULL;
        double value = 0;
        int32_t higher = 1;
        if (m->table->result(m->part->self, sum, i, &name, &value, &higher)) return;
        const char *full = name ? arena_print(&e->memory, "%s.%s.%s", prefix, m->name, name)
                                : arena_print(&e->memory, "%s.%s", prefix, m->name);
        add_score(e, all, n, full, value, higher != 0);
    }
}

static void clear_sums(metric_use *m, int n)
{
    for (int i = 0; i < n; i++) {
        memset(m[i].sum, 0, sizeof *m[i].sum * m[i].sums);
        m[i].n_kept = 0;
    }
}

/* Room for what a metric keeps of the rows of this batch. */
static void *keep_rows(metric_use *m, int64_t rows)
{
    int64_t n = m->n_kept + rows, room = m->room;
    while (room < n) room += room / 2 + 1024;
    if (room > m->room) {
        size_t row = sizeof *m->kept * (size_t)m->width;
        m->kept = memory_grow(m->kept, row * (size_t)m->room, row * (size_t)room);
        m->room = room;
    }
    float *at = m->kept + m->n_kept * m->width;
    m->n_kept = n;
    return at;
}

static int finish_rows(experiment *e, metric_use *m, int n)
{
    int rc = 0;
    for (int i = 0; i < n && !rc; i++) {
        const tn_metric_rows *r = m[i].rows;
        if (r && r->finish) rc = r->finish(m[i].part->self, m[i].n_kept, m[i].kept, m[i].sum);
        if (rc && !e->host.error[0]) return host_fail(&e->host, rc, "metric '%s' failed", m[i].name);
    }
    return rc;
}

void metrics_free(experiment *e)
{
    for (int i = 0; i < e->n_metrics; i++) memory_free(e->metric[i].kept);
    for (int b = 0; b < e->n_baselines; b++)
        for (int i = 0; i < e->baseline[b].n_metrics; i++) memory_free(e->baseline[b].metric[i].kept);
}

score *train_scores(experiment *e, double loss, int *n)
{
    score *all = NULL;
    *n = 0;
    add_score(e, &all, n, "train.loss", loss, 0);
    for (int i = 0; i < e->n_metrics; i++)
        if (e->metric[i].training) add_results(e, &all, n, "train", &e->metric[i], e->metric[i].train_sum);
    return all;
}

score *score_names(experiment *e, int split, int *n)
{
    if (split == SPLIT_TRAIN) return train_scores(e, 0, n);
    score *all = NULL;
    *n = 0;
    clear_sums(e->metric, e->n_metrics);
    add_score(e, &all, n, arena_print(&e->memory, "%s.loss", split_names[split]), 0, 0);
    for (int i = 0; i < e->n_metrics; i++) add_results(e, &all, n, split_names[split], &e->metric[i], e->metric[i].sum);
    return all;
}

int score_higher(experiment *e, const char *name)
{
    for (int split = SPLIT_TRAIN; split <= SPLIT_VALIDATION; split++) {
        int n;
        const score *all = score_names(e, split, &n), *s = score_find(all, n, name);
        if (s) return s->higher_is_better;
    }
    return 0;
}

static int update_from(experiment *e, metric_use *m, tn_tensor **in, double *sum, uint32_t flags)
{
    tn_tensor kept, *out[1] = { &kept };
    tn_call call;
    memset(&call, 0, sizeof call);
    call.size = sizeof call, call.api = e->context.api, call.host = &e->host, call.be = &e->graph->be;
    call.layout = e->graph->bound->layout_at, call.in = in, call.flags = flags;
    if (m->width) {
        const tn_tensor *t = &m->target->value;
        kept = (tn_tensor){ sizeof kept, TN_F32, keep_rows(m, t->rows), t->rows, m->width, m->width, t->lay, NULL, NULL };
        call.out = out;
    }
    int rc = m->table->update(m->part->self, &call, sum);
    return rc && !e->host.error[0] ? host_fail(&e->host, rc, "metric '%s' failed", m->name) : rc;
}

/* A copy of a field's numbers as they were before its transforms. */
static int undone(experiment *e, field *f, const tn_tensor *t, tn_tensor *to)
{
    size_t bytes = sizeof(float) * (size_t)(t->rows * t->width);
    *to = *t;
    to->data = memory_new(bytes);
    if (bytes) memcpy(to->data, t->data, bytes);
    return data_undo(e->data, f, t->rows, to->data);
}

/* A call with an output and a target as inputs, on the bound batch. */
static int update_metric(experiment *e, metric_use *m, double *sum, uint32_t flags)
{
    tn_tensor *in[2] = { &m->input->value, &m->target->value }, copy[2];
    if (m->undo) {
        int failed = 0;
        for (int i = 0; i < 2; i++) failed |= undone(e, m->undo, in[i], &copy[i]), in[i] = &copy[i];
        if (!failed) failed = update_from(e, m, in, sum, flags);
        memory_free(copy[0].data);
        memory_free(copy[1].data);
        return failed;
    }
    return update_from(e, m, in, sum, flags);
}

int train_metrics_update(experiment *e)
{
    int rc = 0;
    for (int i = 0; i < e->n_metrics && !rc; i++)
        if (e->metric[i].training) rc = update_metric(e, &e->metric[i], e->metric[i].train_sum, TN_C_TRAINING);
    return rc;
}

void train_metrics_clear(experiment *e)
{
    for (int i = 0; i < e->n_metrics; i++) {
        metric_use *m = &e->metric[i];
        if (m->training && !(m->table->flags & TN_METRIC_RUNNING)) memset(m->train_sum, 0, sizeof *m->train_sum * m->sums);
    }
}

/* Calls each(e, to) for every batch of a split, in the order of the file, the batch bound. */
static int each_batch(experiment *e, int split, int (*each)(experiment *, void *), void *to)
{
    const batch *b;
    int64_t most = e->data->lanes[split] ? e->data->lanes[split] : e->evaluation_batch;
    int rc = 0;
    ahead_begin(e->ahead, &(batch_list){ .split = split, .count = e->data->count[split], .size = most });
    for (int64_t k = 0; k < ahead_batches(e->ahead) && !rc; k++) {
        rc = ahead_take(e->ahead, k, &b);
        if (!rc) rc = graph_bind(e->graph, b);
        if (!rc) rc = each(e, to);
    }
    ahead_end(e->ahead);
    return rc;
}

typedef struct totals { double loss[8], by[8]; int64_t examples; } totals;

/* The metrics on what layers that feed themselves made of their own words, or all others. */
static int update_metrics(experiment *e, int own)
{
    int rc = 0;
    for (int i = 0; i < e->n_metrics && !rc; i++)
        if (e->metric[i].own == own) rc = update_metric(e, &e->metric[i], e->metric[i].sum, 0);
    return rc;
}

static int forward_batch(experiment *e)
{
    int own = 0, rc;
    for (int i = 0; i < e->n_metrics; i++) own |= e->metric[i].own;
    if (!own) return graph_forward(e->graph, 0, 1);
    rc = graph_forward_own(e->graph);
    if (!rc) rc = update_metrics(e, 1);
    return rc ? rc : graph_forward_taught(e->graph, 1);
}

static int add_batch(experiment *e, void *to)
{
    totals *t = to;
    graph *g = e->graph;
    if (!t->examples) graph_carry_reset(g);
    int rc = forward_batch(e);
    if (!rc) graph_carry_commit(g);
    for (int i = 0; i < g->n_heads && !rc; i++) t->loss[i] += g->loss_sum[i], t->by[i] += g->loss_by[i];
    t->examples += g->bound->n;
    return rc ? rc : update_metrics(e, 0);
}

int evaluate_split(experiment *e, int split, score **scores, int *n)
{
    totals t;
    graph *g = e->graph;
    memset(&t, 0, sizeof t);
    clear_sums(e->metric, e->n_metrics);
    host_clear(&e->host);
    int64_t step = g->step;
    g->step = 0;
    int rc = each_batch(e, split, add_batch, &t);
    g->step = step;
    if (rc || (rc = finish_rows(e, e->metric, e->n_metrics))) return rc;
    double loss = 0;
    for (int i = 0; i < g->n_heads; i++) {
        double by = g->head[i].reduction == REDUCE_SUM ? 1 : t.by[i];
        if (by > 0) loss += g->head[i].weight * t.loss[i] / by;
    }
    *scores = NULL, *n = 0;
    add_score(e, scores, n, arena_print(&e->memory, "%s.loss", split_names[split]), loss, 0);
    for (int i = 0; i < e->n_metrics; i++) add_results(e, scores, n, split_names[split], &e->metric[i], e->metric[i].sum);
    return 0;
}

static int put_text(void *to, const char *text, size_t n) { return fwrite(text, 1, n, to) == n ? 0 : TN_EIO; }

int evaluate_tables(experiment *e, const char *folder, int split)
{
    int rc = 0;
    for (int i = 0; i < e->n_metrics && !rc; i++) {
        const metric_use *m = &e->metric[i];
        if (!m->rows || !TN_HAS(m->rows, write)) continue;
        const char *path = arena_print(&e->memory, "%s/metrics", folder);
        mkdir(path, 0777);
        path = arena_print(&e->memory, "%s/%s.%s.csv", path, split_names[split], m->name);
        FILE *f = fopen(path, "w");
        if (f) rc = m->rows->write(m->part->self, m->sum, m->n_kept, m->kept, put_text, f);
        if (!f || (fclose(f) && !rc)) rc = TN_EIO;
        if (rc) return e->host.error[0] ? rc : host_fail(&e->host, rc, "cannot write '%s': %s", path, strerror(errno));
    }
    return rc;
}

/* ---- baselines -------------------------------------------------------------------------------------------- */
typedef struct baseline_run { baseline_use *b; int learning; } baseline_run;

/* The field of an input whose numbers a baseline gets as they were before its transforms, which differ from field to
 * field; NULL: as it is. */
static field *plain_field(experiment *e, const slot *s)
{
    const char *why;
    for (int i = 0; i < e->data->n_fields; i++) {
        field *f = e->data->field[i];
        if (&e->graph->field_node[i]->out[0] != s) continue;
        return f->kind == FIELD_NUMBERS && f->n_transforms && data_can_undo(e->data, f, &why) ? f : NULL;
    }
    return NULL;
}

/* Room for what a baseline writes on the bound batch. */
static void bind_baseline(experiment *e, baseline_use *b)
{
    const tn_layout *l = &e->graph->bound->layout[b->out.spec.layout];
    const int64_t width = b->out.spec.width;
    size_t bytes = 4 * (size_t)(l->rows * width); /* numbers or ids */
    if (bytes > b->out.value_bytes) {
        memory_free(b->out.value.data);
        b->out.value.data = memory_new(bytes);
        b->out.value_bytes = bytes;
    }
    b->out.value = (tn_tensor){ sizeof(tn_tensor), b->out.spec.dtype, b->out.value.data, l->rows, width, width, l, NULL, NULL };
}

/* Predicts, and lets the metrics see it in the target's own scale. */
static int baseline_predict(experiment *e, baseline_use *b, tn_call *call)
{
    tn_tensor *out[1] = { &b->out.value };
    bind_baseline(e, b);
    call->out = out;
    int rc = b->table->predict(b->part->self, call);
    field *target = plain_field(e, b->in[b->n_in - 1]);
    if (!rc && target) rc = data_redo(e->data, target, b->out.value.rows, b->out.value.data);
    for (int i = 0; i < b->n_metrics && !rc; i++) rc = update_metric(e, &b->metric[i], b->metric[i].sum, 0);
    return rc;
}

static int baseline_batch(experiment *e, void *to)
{
    baseline_run *r = to;
    baseline_use *b = r->b;
    tn_tensor *in[8], plain[8];
    int copied[8] = { 0 }, rc = 0;
    tn_call call;
    memset(&call, 0, sizeof call);
    for (int i = 0; i < b->n_in; i++) {
        field *f = plain_field(e, b->in[i]);
        in[i] = f ? &plain[i] : &b->in[i]->value;
        copied[i] = f != NULL;
        if (f) rc |= undone(e, f, &b->in[i]->value, &plain[i]);
    }
    call.size = sizeof call, call.api = e->context.api, call.host = &e->host, call.be = &e->graph->be;
    call.layout = e->graph->bound->layout_at, call.in = in;
    if (!rc) rc = r->learning ? b->table->learn(b->part->self, &call) : baseline_predict(e, b, &call);
    for (int i = 0; i < b->n_in; i++)
        if (copied[i]) memory_free(plain[i].data);
    return rc;
}

static int evaluate_baseline(experiment *e, baseline_use *b, score **scores, int *n)
{
    baseline_run r = { b, 1 };
    host_clear(&e->host);
    int rc = each_batch(e, SPLIT_TRAIN, baseline_batch, &r);
    if (!rc && b->table->finish) rc = b->table->finish(b->part->self);
    r.learning = 0;
    for (int split = SPLIT_VALIDATION; split < SPLITS && !rc; split++) {
        if (e->data->count[split] <= 0) continue;
        clear_sums(b->metric, b->n_metrics);
        rc = each_batch(e, split, baseline_batch, &r);
        if (!rc) rc = finish_rows(e, b->metric, b->n_metrics);
        for (int k = 0; k < b->n_metrics && !rc; k++)
            add_results(e, scores, n, arena_print(&e->memory, "%s.%s", b->name, split_names[split]), &b->metric[k],
                        b->metric[k].sum);
    }
    memory_free(b->out.value.data);
    b->out.value.data = NULL, b->out.value_bytes = 0;
    return rc;
}

void evaluate_baselines(experiment *e, score **scores, int *n)
{
    *scores = NULL, *n = 0;
    for (int i = 0; i < e->n_baselines; i++)
        if (evaluate_baseline(e, &e->baseline[i], scores, n))
            api_log(&e->host, TN_LOG_WARNING, arena_print(&e->memory, "baseline '%s' has no figures: %s", e->baseline[i].name,
                                                          e->host.error[0] ? e->host.error : "it failed without a message"));
    host_clear(&e->host);
}
