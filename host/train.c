/* train.c -- the training loop. Everything that happens is a function of (seed, epoch, step), so that a run that was
 * killed and resumed gives the same bits.                                                                       */
#include <math.h>
#include <string.h>
#include <time.h>
#include "../include/tenon/random.h"
#include "progress.h"
#include "train.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- batches ------------------------------------------------------------------------------------------------ */
/* The batches of the epoch, and buffers for the largest of them, so that no step allocates. */
static int plan_epoch(trainer *t)
{
    experiment *e = t->e;
    ahead_end(e->ahead);
    int rc = data_renew(e->data, t->epoch);
    if (rc > 0) rc = batch_check_ids(e->graph, SPLIT_TRAIN);
    if (rc) return rc;
    epoch_order(e, t->epoch, t->order);
    t->order_epoch = t->epoch;
    tn_rng of_epoch = { e->seed, (uint64_t)t->epoch };
    ahead_begin(e->ahead, &(batch_list){ SPLIT_TRAIN, t->order, e->data->count[SPLIT_TRAIN], e->batch_size, 1,
                                         tn_random_fork(of_epoch, text_hash("words seen once")) });
    rc = ahead_measure(e->ahead);
    return rc ? rc : graph_reserve(e->graph);
}

/* The batch of the step: what it still has to wait for is preparation. */
static int take_batch(trainer *t)
{
    double began = now();
    int rc = ahead_take(t->e->ahead, t->epoch_step, &t->batch);
    t->preparing += now() - began;
    if (!rc) t->building += t->batch->seconds;
    return rc;
}

/* ---- one step ----------------------------------------------------------------------------------------------- */
static tn_progress progress_of(const trainer *t, int64_t step)
{
    tn_progress p = { sizeof p, (uint32_t)t->e->monitor_higher, step, t->steps, t->epoch, t->e->epochs, t->epoch_steps, NULL, 0,
                      t->seconds, t->preparing, t->building };
    return p;
}

static int not_finite(trainer *t, double loss)
{
    const node *n = graph_not_finite(t->e->graph);
    int64_t step = t->step + 1;
    int rc = trainer_save(t);
    if (rc) return rc;
    return host_fail(&t->e->host, TN_EINVAL,
                     "the loss is %s at step %lld of epoch %lld; the first output that is not finite is that of '%s'. "
                     "A checkpoint from before the step is in %s/checkpoints. "
                     "A smaller learning_rate or [gradient] clip_norm may help",
                     isnan(loss) ? "nan" : "infinite", (long long)step, (long long)t->epoch, n ? n->name : "no layer", t->folder);
}

/* What the weights after a step count for in their average: all up to the first step that it begins with; from there on
 * 1 - decay, or each step as much as the others. */
static double average_share(const trainer *t, int64_t step)
{
    const experiment *e = t->e;
    int64_t n = step - (e->average_start - 1) * t->epoch_steps;
    return n <= 1 ? 1 : e->average == AVERAGE_MEAN ? 1 / (double)n : 1 - e->average_decay;
}

static int one_step(trainer *t, double *loss)
{
    graph *g = t->e->graph;
    double added = 0, norm = 0;
    g->step = t->step + 1;
    int rc = take_batch(t);
    if (!rc) rc = graph_bind(g, t->batch);
    if (!rc) rc = graph_forward(g, 1, 1);
    if (rc) return rc;
    if ((rc = train_metrics_update(t->e))) return rc;
    *loss = graph_loss(g);
    if (!isfinite(*loss)) return not_finite(t, *loss);
    if ((rc = graph_backward(g))) return rc;
    tn_progress p = progress_of(t, t->step + 1);
    p.value = t->watched, p.values = t->n_watched, p.higher_is_better = (uint32_t)t->e->schedule_higher;
    t->rate = optimizer_rate(&t->update, &p, t->e->n_groups - 1);
    if ((rc = optimizer_step(&t->update, &p, &added, &norm))) return rc;
    optimizer_average(&t->update, average_share(t, t->step + 1));
    graph_carry_commit(g);
    *loss += added;
    t->epoch_loss += *loss * t->batch->n, t->epoch_examples += t->batch->n;
    t->step++, t->epoch_step++;
    return 0;
}

/* ---- evaluation --------------------------------------------------------------------------------------------- */
static void keep_history(trainer *t, const score *s, int n)
{
    if (!t->name) {
        t->name = arena_new(&t->e->memory, sizeof *t->name * (size_t)(n + 1));
        for (int i = 0; i < n; i++) t->name[i] = s[i].name;
        t->n_names = n;
    }
    size_t row = sizeof *t->history * (size_t)t->n_names;
    t->history = memory_grow(t->history, row * (size_t)t->n_history, row * (size_t)(t->n_history + 1));
    for (int i = 0; i < t->n_names; i++) {
        const score *found = score_find(s, n, t->name[i]);
        t->history[t->n_history * t->n_names + i] = found ? found->value : NAN;
    }
    t->n_history++;
}

/* Values of a monitored score over all evaluations so far; NULL: it is none. */
static const double *history_of(trainer *t, const char *name)
{
    for (int i = 0; i < t->n_names; i++) {
        if (strcmp(t->name[i], name)) continue;
        double *v = arena_new(&t->e->memory, sizeof *v * (size_t)(t->n_history + 1));
        for (int k = 0; k < t->n_history; k++) v[k] = t->history[k * t->n_names + i];
        return v;
    }
    return NULL;
}

static int log_row(trainer *t, const score *s, int n)
{
    experiment *e = t->e;
    tn_scalar *row = arena_new(&e->memory, sizeof *row * (size_t)(n + 1));
    row[0] = (tn_scalar){ "rate", t->rate };
    for (int i = 0; i < n; i++) row[i + 1] = (tn_scalar){ s[i].name, s[i].value };
    for (int i = 0; i < e->n_loggers; i++) {
        host_clear(&e->host);
        int rc = ((const tn_logger *)e->logger[i]->desc->table)->row(e->logger[i]->self, t->epoch, t->step, (uint32_t)(n + 1), row);
        if (rc) return e->host.error[0] ? rc : host_fail(&e->host, rc, "logger '%s' failed", e->logger[i]->type);
    }
    return 0;
}

static int is_better(const trainer *t, double value)
{
    if (isnan(value)) return 0;
    if (!t->best_step) return 1;
    return t->e->monitor_higher ? value > t->best : value < t->best;
}

static int evaluate_weights(trainer *t)
{
    experiment *e = t->e;
    score *s = NULL, *all;
    int n = 0, rc = 0;
    if (e->data->count[SPLIT_VALIDATION] > 0) rc = evaluate_split(e, SPLIT_VALIDATION, &s, &n);
    if (rc) return rc;
    int of_training, validated = n;
    const score *first = train_scores(e, t->epoch_examples ? t->epoch_loss / (double)t->epoch_examples : 0, &of_training);
    all = arena_new(&e->memory, sizeof *all * (size_t)(n + of_training));
    memcpy(all, first, sizeof *all * (size_t)of_training);
    if (n) memcpy(all + of_training, s, sizeof *all * (size_t)n);
    n += of_training;
    keep_history(t, all, n);
    if ((rc = log_row(t, all, n))) return rc;
    const score *m = score_find(all, n, e->monitor);
    if (m && validated && is_better(t, m->value)) {
        t->best = m->value, t->best_step = t->step;
        if ((rc = trainer_save_best(t))) return rc;
    }
    t->evaluated = 1;
    progress_evaluation(t->epoch, t->step, all, n);
    return 0;
}

/* With the average of the weights in their place, where there is one. */
static int evaluate_epoch(trainer *t)
{
    int rc = optimizer_swap(&t->update), back;
    if (!rc) rc = evaluate_weights(t);
    back = optimizer_swap(&t->update);
    return rc ? rc : back;
}

/* What rule i says, and why; NULL: go on. */
static const char *stop_says(trainer *t, int i)
{
    experiment *e = t->e;
    stop_use *s = &e->stop[i];
    const tn_stop *rule = s->part->desc->table;
    tn_progress p = progress_of(t, t->step);
    p.value = history_of(t, s->monitor);
    if (!p.value && !(rule->flags & TN_STOP_NO_MONITOR)) return NULL;
    p.values = p.value ? t->n_history : 0;
    p.higher_is_better = (uint32_t)score_higher(e, s->monitor);
    const char *why = NULL;
    if (rule->decide(s->part->self, &p, &why) <= 0) return NULL;
    return arena_print(&e->memory, "%s: %s", s->name, why ? why : "its rule is met");
}

/* 1: a rule says stop, or all of those that stand together do; t->why tells. */
static int should_stop(trainer *t)
{
    experiment *e = t->e;
    const char **says = arena_new(&e->memory, sizeof *says * (size_t)(e->n_stops + 1));
    for (int i = 0; i < e->n_stops; i++) says[i] = stop_says(t, i);
    for (int i = 0; i < e->n_stops; i++) {
        const char *name = e->stop[i].together, *why = says[i];
        for (int k = 0; k < e->n_stops && why && name; k++) {
            if (k == i || !e->stop[k].together || strcmp(e->stop[k].together, name)) continue;
            why = says[k] ? arena_print(&e->memory, "%s; %s", why, says[k]) : NULL;
        }
        if (!why) continue;
        t->why = why;
        return 1;
    }
    return 0;
}

/* ---- the loop ----------------------------------------------------------------------------------------------- */
int trainer_open(trainer *t, experiment *e, const char *folder)
{
    memset(t, 0, sizeof *t);
    t->e = e, t->folder = folder, t->epoch = 1;
    int64_t n = e->data->count[SPLIT_TRAIN];
    t->epoch_steps = (n + e->batch_size - 1) / e->batch_size;
    t->steps = t->epoch_steps * e->epochs;
    if (e->max_steps && e->max_steps < t->steps) t->steps = e->max_steps;
    t->order = memory_new(sizeof *t->order * (size_t)(n + 1));
    if (e->graph->carries) { /* a checkpoint holds the states, the first one and that of a resume too */
        if (e->graph->reserved_rows[TN_ROOT] < e->batch_size) e->graph->reserved_rows[TN_ROOT] = e->batch_size;
        if (graph_reserve(e->graph)) return TN_ENOMEM;
        graph_carry_reset(e->graph);
    }
    for (int i = 0; i < e->n_stops; i++)
        if (part_open(&e->context, e->stop[i].part)) return TN_EINVAL;
    for (int i = 0; i < e->n_loggers; i++)
        if (part_open(&e->context, e->logger[i])) return TN_EINVAL;
    int rc = batch_check_ids(e->graph, SPLIT_TRAIN);
    if (!rc) rc = optimizer_open(&t->update, e);
    if (!rc) optimizer_average(&t->update, 1);
    return rc;
}

static int run_epoch(trainer *t)
{
    experiment *e = t->e;
    int rc = plan_epoch(t);
    if (rc) return rc;
    if (t->epoch_step == 0) graph_carry_reset(e->graph);
    t->watched = history_of(t, e->schedule_monitor), t->n_watched = t->watched ? t->n_history : 0;
    while (t->epoch_step < t->epoch_steps && t->step < t->steps) {
        double loss, began = now();
        if ((rc = one_step(t, &loss))) return rc;
        t->seconds += now() - began;
        progress_step(t->epoch, t->epoch_step, t->step, loss, t->rate, t->batch->n);
        if (*t->interrupted) return TN_END;
        if (e->checkpoint_steps && t->step % e->checkpoint_steps == 0 && t->epoch_step < t->epoch_steps && (rc = trainer_save(t)))
            return rc;
    }
    return 0;
}

int trainer_run(trainer *t)
{
    experiment *e = t->e;
    int rc = 0;
    if (!t->step && (rc = trainer_save(t))) return rc; /* there is always one to fall back to */
    progress_begin(e->epochs, t->epoch_steps, t->steps, t->step, t->quiet);
    if (t->evaluated && should_stop(t)) rc = 1; /* it was stopped already; a resume says the same again */
    while (!rc && t->epoch <= e->epochs && t->step < t->steps) {
        if (!t->evaluated) {
            if ((rc = run_epoch(t))) break;
            double began = now();
            if ((rc = evaluate_epoch(t))) break;
            t->seconds += now() - began;
            if ((rc = trainer_save(t))) break;
            if (should_stop(t)) break;
        }
        t->epoch++, t->epoch_step = 0, t->evaluated = 0, t->epoch_loss = 0, t->epoch_examples = 0;
        train_metrics_clear(e);
        if (*t->interrupted) rc = TN_END;
    }
    progress_end();
    if (rc == TN_END) {
        int saved = trainer_save(t);
        return saved ? saved : TN_END;
    }
    return rc > 0 ? 0 : rc;
}

int trainer_final(trainer *t, score **scores, int *n)
{
    experiment *e = t->e;
    int rc = 0;
    *scores = NULL, *n = 0;
    if (e->keep_best && t->best_step && t->best_step != t->step) rc = weights_restore(e, t->folder, 1);
    else rc = optimizer_swap(&t->update);
    for (int split = SPLIT_VALIDATION; split < SPLITS && !rc; split++) {
        score *s;
        int m;
        if (e->data->count[split] <= 0) continue;
        double began = now();
        if ((rc = evaluate_split(e, split, &s, &m)) || (rc = evaluate_tables(e, t->folder, split))) break;
        if (split == SPLIT_TEST) t->test_seconds = now() - began;
        score *all = arena_new(&e->memory, sizeof *all * (size_t)(*n + m));
        if (*n) memcpy(all, *scores, sizeof *all * (size_t)*n);
        memcpy(all + *n, s, sizeof *all * (size_t)m);
        *scores = all, *n += m;
    }
    return rc;
}

void trainer_close(trainer *t)
{
    for (int i = 0; i < t->e->n_loggers; i++) {
        const tn_logger *l = t->e->logger[i]->desc ? t->e->logger[i]->desc->table : NULL;
        if (l && l->end && t->e->logger[i]->self) l->end(t->e->logger[i]->self);
    }
    optimizer_close(&t->update);
    ahead_end(t->e->ahead);
    memory_free(t->order);
    memory_free(t->history);
}
