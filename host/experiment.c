/* experiment.c -- from an experiment file to everything that training needs. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "experiment.h"

/* ---- names and sizes that options may refer to ----------------------------------------------------------- */
static int64_t size_of_field(void *to, const char *name)
{
    experiment *e = to;
    field *f = e->data ? data_field(e->data, name) : NULL;
    if (!f) return -1;
    return f->kind == FIELD_NUMBERS ? (int64_t)f->width : f->spec.classes;
}

static const char *const *names_of_fields(void *to, int *n)
{
    experiment *e = to;
    *n = e->data ? e->data->n_fields : 0;
    const char **names = arena_new(&e->memory, sizeof *names * (size_t)(*n + 1));
    for (int i = 0; i < *n; i++) names[i] = e->data->field[i]->name;
    return names;
}

static const char *const *words_of(void *to, int32_t vocabulary_id, int64_t *n)
{
    experiment *e = to;
    if (!e->data || vocabulary_id < 1 || vocabulary_id > e->data->n_fields) return NULL;
    const field *f = e->data->field[vocabulary_id - 1];
    const vocabulary *v = f->words;
    if (f->n_columns) {
        *n = f->n_columns;
        return f->column_name;
    }
    if (!v) return NULL;
    *n = v->n;
    return v->word;
}

/* ---- tables ------------------------------------------------------------------------------------------------ */
static config_value *table_of(experiment *e, const char *key)
{
    config_value *t = config_get(e->root, key);
    if (!t) return NULL;
    t->used = 1;
    if (t->type == CONFIG_TABLE) return t;
    if (t->type == CONFIG_ARRAY) diag_error(e->messages, t->at, "[[%s]] stands here once: write [%s]", key, key);
    else diag_error(e->messages, t->at, "'%s' must be a table: [%s]", key, key);
    return NULL;
}

/* The tables of [[key]]; *n of them. */
static config_value **tables_of(experiment *e, const char *key, int *n)
{
    config_value *t = config_get(e->root, key);
    *n = 0;
    if (!t) return NULL;
    t->used = 1;
    if (t->type != CONFIG_ARRAY) {
        diag_error(e->messages, t->at, "'%s' may stand several times: write [[%s]]", key, key);
        return NULL;
    }
    for (int i = 0; i < t->n; i++) {
        t->item[i]->used = 1;
        if (t->item[i]->type != CONFIG_TABLE) {
            diag_error(e->messages, t->item[i]->at, "[[%s]] must be a table", key);
            return NULL;
        }
    }
    *n = t->n;
    return t->item;
}

/* Keys that are valid elsewhere, for those who put them into the wrong table. */
static const char *const elsewhere[][2] = {
    { "seed", "above the first table" }, { "name", "above the first table" }, { "schema", "above the first table" },
    { "extends", "above the first table" }, { "backend", "above the first table" },
    { "epochs", "under [training]" }, { "batch_size", "under [training] or [evaluation]" }, { "shuffle", "under [training]" },
    { "max_steps", "under [training]" }, { "length_buckets", "under [training]" },
    { "average", "under [training]" }, { "average_start", "under [training]" },
    { "learning_rate", "under [optimizer]" }, { "weight_decay", "under [optimizer]" },
    { "momentum", "under [optimizer]" }, { "warmup", "under [schedule]" }, { "clip_norm", "under [gradient]" },
    { "clip_value", "under [gradient]" }, { "patience", "under [[stop]]" }, { "monitor", "under [[stop]], [schedule] or [checkpoint]" },
    { "units", "under [[layer]]" }, { "inputs", "under [[layer]]" }, { "target", "under [[loss]] or [[metric]]" },
    { "weights", "under [evaluation]" }, { "keep_mb", "under [evaluation]" },
    { "vocabulary", "under [[field]]" }, { "transforms", "under [[field]]" },
    { NULL, NULL } };

/* average = 0.999, the decay of an exponential moving average, or "mean". */
static void read_average(experiment *e, config_value *t)
{
    diag *d = e->messages;
    config_value *v = config_get(t, "average");
    e->average = v ? AVERAGE_EXPONENTIAL : AVERAGE_NONE;
    if (v && v->type == CONFIG_STRING) {
        e->average = AVERAGE_MEAN;
        if (strcmp(config_text(t, "average", "", d), "mean"))
            diag_error(d, v->at, "average: '%s' is neither \"mean\" nor the decay of a moving average, as in 0.999", v->text);
    } else if ((e->average_decay = config_real(t, "average", 0, 0, 1, d)) >= 1)
        diag_error(d, v->at, "average: with a decay of 1 the weights would stay as they were; less than 1, as in 0.999");
    e->average_start = config_int(t, "average_start", 1, 1, 1000000, d);
    if (!v && config_get(t, "average_start"))
        diag_error(d, config_get(t, "average_start")->key_at, "average_start: say what average, as in average = 0.999");
}

static void read_training(experiment *e)
{
    static const char *const keys[] = { "epochs", "batch_size", "shuffle", "max_steps", "length_buckets", "average",
                                        "average_start" };
    diag *d = e->messages;
    e->epochs = 1, e->batch_size = 32, e->shuffle = 1, e->length_buckets = 1;
    config_value *t = table_of(e, "training");
    if (!t) return;
    e->epochs = config_int(t, "epochs", 1, 0, 1000000, d);
    e->batch_size = config_int(t, "batch_size", 32, 1, 1000000, d);
    e->max_steps = config_int(t, "max_steps", 0, 0, INT64_MAX, d);
    e->shuffle = config_bool(t, "shuffle", 1, d);
    e->length_buckets = config_int(t, "length_buckets", 1, 1, 1000000, d);
    read_average(e, t);
    config_unused(t, "training", keys, 7, elsewhere, d);
}

enum { KEEP_MB = 256 };                    /* for what layers keep of each word from batch to batch, by default        */

/* Whether some layer feeds itself; -1: it is not known, for some part does not exist. */
static int feeds_itself(const experiment *e)
{
    int feeds = 0, unknown = 0;
    for (int i = 0; i < e->graph->n_nodes; i++) feeds |= e->graph->node[i]->feeds, unknown |= e->graph->node[i]->unknown;
    return feeds ? 1 : unknown ? -1 : 0;
}

/* decode = "greedy", or { type = "beam", width = 5, length_penalty = 0.6 } */
static void read_search(experiment *e, config_value *v)
{
    static const char *const keys[] = { "type", "width", "length_penalty" };
    enum { USUAL_WIDTH = 5, MOST_WIDTH = 1000 };
    diag *d = e->messages;
    tn_search *s = &e->graph->search;
    if (!v) return;
    v->used = 1;
    const char *type = v->type == CONFIG_TABLE ? config_text(v, "type", "greedy", d) : v->type == CONFIG_STRING ? v->text : "";
    int beam = !strcmp(type, "beam");
    if (!beam && strcmp(type, "greedy"))
        diag_error(d, v->at, "decode: expected \"greedy\" or { type = \"beam\", width = %d, length_penalty = 0 }", USUAL_WIDTH);
    else if (!feeds_itself(e))
        diag_error(d, v->at, "decode: no layer here writes its output step by step, so there is nothing to search; losses that "
                   "decode have options of their own");
    if (beam) s->width = USUAL_WIDTH;
    if (v->type != CONFIG_TABLE) return;
    if (beam) {
        s->width = (int32_t)config_int(v, "width", USUAL_WIDTH, 1, MOST_WIDTH, d);
        s->length_penalty = config_real(v, "length_penalty", 0, 0, 10, d);
    }
    config_unused(v, "evaluation.decode", keys, beam ? 3 : 1, NULL, d);
}

static void read_evaluation(experiment *e)
{
    static const char *const keys[] = { "batch_size", "weights", "decode", "keep_mb" };
    diag *d = e->messages;
    e->evaluation_batch = e->batch_size, e->keep_best = 1, e->graph->kept_limit = KEEP_MB * 1e6;
    e->graph->search = (tn_search){ sizeof e->graph->search, 1, 0 };
    config_value *t = table_of(e, "evaluation");
    if (!t) return;
    e->evaluation_batch = config_int(t, "batch_size", e->batch_size, 1, 1000000, d);
    const char *weights = config_text(t, "weights", "best", d);
    if (!strcmp(weights, "last")) e->keep_best = 0;
    else if (strcmp(weights, "best"))
        diag_error(d, config_get(t, "weights")->at, "weights: '%s' is neither best nor last", weights);
    read_search(e, config_get(t, "decode"));
    e->graph->kept_limit = 1e6 * (double)config_int(t, "keep_mb", KEEP_MB, 0, 1000000, d);
    config_unused(t, "evaluation", keys, 4, elsewhere, d);
}

static void read_checkpoint(experiment *e)
{
    static const char *const keys[] = { "every_steps", "keep", "monitor" };
    e->checkpoint_keep = 2, e->monitor = NULL;
    config_value *t = table_of(e, "checkpoint");
    if (!t) return;
    e->checkpoint_steps = config_int(t, "every_steps", 0, 0, INT64_MAX, e->messages);
    e->checkpoint_keep = config_int(t, "keep", 2, 2, 1000000, e->messages);
    e->monitor = config_text(t, "monitor", NULL, e->messages);
    config_unused(t, "checkpoint", keys, 3, elsewhere, e->messages);
}

/* ---- optimizer, groups, schedule ------------------------------------------------------------------------- */
static const char *const optimizer_keys[] = { "type", "learning_rate", "weight_decay", NULL };

static void read_optimizer(experiment *e)
{
    static const char *const group_keys[] = { "type", "name", "layers", "learning_rate", "weight_decay", "frozen", NULL };
    diag *d = e->messages;
    int n;
    config_value **tables = tables_of(e, "group", &n), *t = table_of(e, "optimizer");
    e->group = arena_new(&e->memory, sizeof *e->group * (size_t)(n + 1));
    e->n_groups = n + 1;
    group *rest = &e->group[n];
    rest->rate = 1e-3;
    if (!t) {
        if (!config_get(e->root, "optimizer")) diag_error(d, e->root->at, "there is no [optimizer]");
        return;
    }
    rest->optimizer = part_make(&e->context, TN_OPTIMIZER, t, NULL, optimizer_keys);
    rest->rate = config_real(t, "learning_rate", 1e-3, 0, 1e6, d);
    rest->decay = config_real(t, "weight_decay", 0, 0, 1e6, d);
    for (int i = 0; i < n; i++) {
        group *g = &e->group[i];
        g->table = tables[i];
        g->pattern = config_texts(&e->memory, tables[i], "layers", &g->n_patterns, d);
        if (!g->n_patterns) diag_error(d, tables[i]->at, "[[group]] must say which: layers = [\"name or pattern\"]");
        g->rate = config_real(tables[i], "learning_rate", rest->rate, 0, 1e6, d);
        g->decay = config_real(tables[i], "weight_decay", rest->decay, 0, 1e6, d);
        g->frozen = config_bool(tables[i], "frozen", 0, d);
        g->optimizer = rest->optimizer;
        if (config_get(tables[i], "type")) g->optimizer = part_make(&e->context, TN_OPTIMIZER, tables[i], NULL, group_keys);
        else config_unused(tables[i], "group", group_keys, 6, elsewhere, d);
    }
}

static void read_schedule(experiment *e)
{
    static const char *const keys[] = { "type", "warmup", "monitor", NULL };
    static const char *const gradient_keys[] = { "clip_norm", "clip_value" };
    config_value *t = table_of(e, "schedule");
    e->schedule_monitor = NULL;
    if (t) {
        e->schedule = part_make(&e->context, TN_SCHEDULE, t, NULL, keys);
        e->warmup = config_int(t, "warmup", 0, 0, INT64_MAX, e->messages);
        e->schedule_monitor = config_text(t, "monitor", NULL, e->messages);
    }
    if ((t = table_of(e, "gradient"))) {
        e->clip_norm = config_real(t, "clip_norm", 0, 0, 1e30, e->messages);
        e->clip_value = config_real(t, "clip_value", 0, 0, 1e30, e->messages);
        config_unused(t, "gradient", gradient_keys, 2, elsewhere, e->messages);
    }
}

int layer_matches(const char *parameter_name, const char *const *pattern, int n)
{
    char layer[256];
    size_t len = strcspn(parameter_name, ".");
    if (len >= sizeof layer) len = sizeof layer - 1;
    memcpy(layer, parameter_name, len);
    layer[len] = 0;
    for (int i = 0; i < n; i++)
        if (!fnmatch(pattern[i], layer, 0) || !fnmatch(pattern[i], parameter_name, 0)) return 1;
    return 0;
}

int group_of(const experiment *e, const parameter *w)
{
    for (int i = 0; i + 1 < e->n_groups; i++)
        if (layer_matches(w->name, e->group[i].pattern, e->group[i].n_patterns)) return i;
    return e->n_groups - 1;
}

static void check_patterns(experiment *e, config_value *table, const char *const *pattern, int n)
{
    for (int i = 0; i < n; i++) {
        int hit = 0, unknown = 0;
        for (int k = 0; k < e->graph->n_parameters; k++) hit |= layer_matches(e->graph->parameter[k]->name, &pattern[i], 1);
        for (int k = 0; k < e->graph->n_nodes; k++) unknown |= e->graph->node[k]->unknown;
        if (!hit && !unknown)
            diag_error(e->messages, table->at, "layers: '%s' names no layer that has parameters", pattern[i]);
    }
}

static void read_regularizers(experiment *e)
{
    static const char *const keys[] = { "type", "name", "layers", NULL };
    config_value **tables = tables_of(e, "regularizer", &e->n_regularizers);
    e->regularizer = arena_new(&e->memory, sizeof *e->regularizer * (size_t)(e->n_regularizers + 1));
    for (int i = 0; i < e->n_regularizers; i++) {
        penalty *p = &e->regularizer[i];
        p->part = part_make(&e->context, TN_REGULARIZER, tables[i], NULL, keys);
        p->pattern = config_texts(&e->memory, tables[i], "layers", &p->n_patterns, e->messages);
        check_patterns(e, tables[i], p->pattern, p->n_patterns);
    }
}

/* ---- metrics ----------------------------------------------------------------------------------------------- */
static const char *const metric_keys[] = { "type", "name", "input", "target", "feed", "space", "training", NULL };

/* The slot that a metric's key names, or `otherwise`. */
static slot *metric_slot(experiment *e, metric_use *m, config_value *t, const char *key, slot *otherwise, int *unknown)
{
    config_value *v = config_get(t, key);
    node *of = NULL;
    if (!v) return otherwise;
    const char *name = config_text(t, key, "", e->messages);
    slot *s = graph_find(e->graph, name, &of);
    if (!of) {
        const char *near = graph_nearest(e->graph, name);
        diag_error(e->messages, v->at, "metric '%s': %s: there is no '%s'%s%s%s", m->name, key, name,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        *unknown = 1;
        return NULL;
    }
    if (of->unknown) *unknown = 1;
    else if (!s) {
        diag_error(e->messages, v->at, "metric '%s': '%s' has no port '%s'", m->name, of->name, strchr(name, '.') + 1);
        *unknown = 1;
    }
    if (s && s == &of->decoded) of->reads_decoded |= m->training ? DECODE_TRAINING | DECODE_EVALUATION : DECODE_EVALUATION;
    if (!strcmp(key, "input")) m->from = of;
    return s;
}

static int plan_metric(experiment *e, metric_use *m, where at)
{
    const tn_spec *in[2] = { &m->input->spec, &m->target->spec };
    m->table = m->part->desc->table;
    host_clear(&e->host);
    if (part_open(&e->context, m->part)
        || m->table->plan(e->context.api, &e->host, m->part->config, m->part->self, m->target ? 2 : 1, in, &m->sums)) {
        diag_error(e->messages, at, "metric '%s' (%s): %s", m->name, m->part->type,
                   e->host.error[0] ? e->host.error : "cannot be used here");
        m->table = NULL;
        return -1;
    }
    m->rows = m->part->desc->ext ? m->part->desc->ext(TN_METRIC_ROWS) : NULL;
    m->width = m->rows && m->rows->keeps ? m->rows->keeps(m->part->self) : 0;
    if (m->width && m->training) {
        diag_error(e->messages, at, "metric '%s': %s keeps every row of a split, so it can't count training batches", m->name,
                   m->part->type);
        return -1;
    }
    m->sum = arena_new(&e->memory, sizeof *m->sum * (size_t)(m->sums + 1));
    m->train_sum = arena_new(&e->memory, sizeof *m->train_sum * (size_t)(m->sums + 1));
    return 0;
}

/* The field that a slot is; NULL: it is a layer's. */
static field *field_of_slot(const experiment *e, const slot *s)
{
    for (int i = 0; i < e->data->n_fields; i++)
        if (&e->graph->field_node[i]->out[0] == s) return e->data->field[i];
    return NULL;
}

/* space = "original": output and target as they were before the target's transforms. */
static int read_space(experiment *e, metric_use *m, config_value *t)
{
    const char *space = config_text(t, "space", "scaled", e->messages), *why = NULL;
    if (!strcmp(space, "scaled")) return 0;
    const where at = config_get(t, "space")->at;
    field *f = field_of_slot(e, m->target);
    if (strcmp(space, "original"))
        diag_error(e->messages, at, "metric '%s': space: '%s' is neither original nor scaled", m->name, space);
    else if (!f || f->kind != FIELD_NUMBERS || m->input->spec.width != m->target->spec.width)
        diag_error(e->messages, at, "metric '%s': space: output and target must be as wide as each other, the target a field of "
                   "numbers", m->name);
    else if (!data_can_undo(e->data, f, &why))
        diag_error(e->messages, at, "metric '%s': space: transform '%s' of field '%s' cannot be undone", m->name, why, f->name);
    else {
        m->undo = f;
        return 0;
    }
    return -1;
}

/* feed = "own": a layer that feeds itself has heard what it said, as where nobody knows what it should say; "teacher", the
 * default: what it should have said. A baseline has no such layer and passes over it. */
static int read_feed(experiment *e, metric_use *m, config_value *v, int baseline)
{
    if (!v || baseline) return 0;
    const char *feed = v->type == CONFIG_STRING ? v->text : "";
    m->own = !strcmp(feed, "own") && !(m->from && m->input == &m->from->decoded);
    if (strcmp(feed, "own") && strcmp(feed, "teacher"))
        diag_error(e->messages, v->at, "metric '%s': feed: expected \"own\" or \"teacher\"", m->name);
    else if (!feeds_itself(e))
        diag_error(e->messages, v->at, "metric '%s': feed: no layer here feeds itself; leave `feed` out", m->name);
    else if (m->own && m->training)
        diag_error(e->messages, v->at, "metric '%s': feed: `training` counts what training feeds; take another metric for it", m->name);
    else return 0;
    return -1;
}

/* What a metric without `target` compares with: what the loss does that reads its input, or that it is of (`crf.decoded`). */
static slot *usual_target(experiment *e, metric_use *m, config_value *t, int *unknown)
{
    const graph *g = e->graph;
    config_value *v = config_get(t, "input");
    const head *found = NULL;
    if (!v || g->n_targets < 2) return g->n_targets ? g->head[0].loss->in_slot[1] : NULL;
    for (int by_port = 1; by_port >= 0 && !found; by_port--)
        for (int i = 0; i < g->n_targets && !found; i++) {
            const node *loss = g->head[i].loss;
            int is = by_port ? m->input && loss->in_slot[0] == m->input : m->from && (loss == m->from || loss->in_node[0] == m->from);
            if (is) found = &g->head[i];
        }
    if (found) return found->loss->in_slot[1];
    if (m->from && !*unknown && !config_get(t, "target"))
        diag_error(e->messages, v->at, "metric '%s': no loss reads '%s', and there are %d of them; say what it is compared with: "
                   "target = \"...\"", m->name, config_text(t, "input", "", e->messages), g->n_targets);
    *unknown |= !config_get(t, "target");
    return NULL;
}

/* output, target: a baseline's, which then has the metrics of that target; NULL: the network's. */
static metric_use *read_metrics(experiment *e, int *n_metrics, slot *output, const slot *target, int *n_asked)
{
    int n, kept = 0;
    config_value **tables = tables_of(e, "metric", &n);
    metric_use *all = arena_new(&e->memory, sizeof *all * (size_t)(n + 1));
    graph *g = e->graph;
    const head *h = g->n_targets ? &g->head[0] : NULL;
    for (int i = 0; i < n; i++) {
        metric_use *m = &all[kept];
        int unknown = 0;
        memset(m, 0, sizeof *m);
        m->part = part_make(&e->context, TN_METRIC, tables[i], NULL, metric_keys);
        m->name = config_text(tables[i], "name", m->part->type ? m->part->type : "metric", e->messages);
        m->training = config_bool(tables[i], "training", 0, e->messages) && !output;
        m->input = metric_slot(e, m, tables[i], "input", output ? output : h ? h->loss->in_slot[0] : NULL, &unknown);
        m->target = metric_slot(e, m, tables[i], "target", usual_target(e, m, tables[i], &unknown), &unknown);
        if (output) m->input = output;
        if (output && m->target != target) continue;
        if (!output && h && (h->loss->unknown || g->n_targets > 1) && !config_get(tables[i], "input")) {
            if (g->n_targets > 1 && !h->loss->unknown)
                diag_error(e->messages, tables[i]->at, "metric '%s': there are %d losses; say which output: input = \"...\"",
                           m->name, g->n_targets);
            unknown = 1;
        }
        if (!m->part->desc || unknown || !m->input || !m->target) continue;
        if (read_space(e, m, tables[i]) || read_feed(e, m, config_get(tables[i], "feed"), output != NULL)) continue;
        for (int k = 0; k < kept; k++)
            if (!strcmp(all[k].name, m->name))
                diag_error(e->messages, tables[i]->at, "two metrics are called '%s'; give one of them a `name`", m->name);
        if (plan_metric(e, m, tables[i]->at)) continue;
        m->input->read = m->input->read_plain = m->target->read = m->target->read_plain = 1;
        kept++;
    }
    *n_metrics = kept;
    *n_asked = n;
    return all;
}

/* ---- stops and what decides the best weights ---------------------------------------------------------------- */
/* Complains where a monitored name is none that an evaluation gives. Every metric must be there to know. */
static void check_monitor(experiment *e, const char *what, const char *monitor, where at, int complete)
{
    int n, m;
    score *a = score_names(e, SPLIT_VALIDATION, &n), *b = score_names(e, SPLIT_TRAIN, &m);
    const char **names = arena_new(&e->memory, sizeof *names * (size_t)(n + m + 1));
    for (int i = 0; i < n; i++) names[i] = a[i].name;
    for (int i = 0; i < m; i++) names[n + i] = b[i].name;
    int read = e->data->count[SPLIT_TRAIN] > 0, whole = !read || e->data->count[SPLIT_VALIDATION] > 0;
    for (int i = 0; i < n + m; i++) {
        if (strcmp(names[i], monitor)) continue;
        if (i < n && !whole)
            diag_error(e->messages, at, "%s: '%s' needs a validation split, and the data has none; [dataset] validation "
                       "names one, split = { validation = 0.1 } cuts one off", what, monitor);
        return;
    }
    if (!complete) return;
    const char *near = nearest_name(monitor, names, n + m);
    char *list = arena_text(&e->memory, "");
    for (int i = 0; i < n + m && i < 12; i++) list = arena_print(&e->memory, "%s%s%s", list, i ? ", " : "", names[i]);
    if (near) diag_error(e->messages, at, "%s: there is no '%s'; did you mean '%s'?", what, monitor, near);
    else diag_error(e->messages, at, "%s: there is no '%s' (there are %s)", what, monitor, list);
}

static void read_stops(experiment *e, int complete)
{
    static const char *const keys[] = { "type", "name", "monitor", "together", NULL };
    config_value **tables = tables_of(e, "stop", &e->n_stops);
    e->stop = arena_new(&e->memory, sizeof *e->stop * (size_t)(e->n_stops + 1));
    const char *otherwise = e->n_metrics ? arena_print(&e->memory, "validation.%s", e->metric[0].name) : "validation.loss";
    for (int i = 0; i < e->n_stops; i++) {
        stop_use *s = &e->stop[i];
        s->table = tables[i];
        s->part = part_make(&e->context, TN_STOP, tables[i], NULL, keys);
        s->name = config_text(tables[i], "name", s->part->type ? s->part->type : "stop", e->messages);
        s->monitor = config_text(tables[i], "monitor", otherwise, e->messages);
        s->together = config_text(tables[i], "together", NULL, e->messages);
        config_value *v = config_get(tables[i], "monitor");
        const tn_stop *table = s->part->desc ? s->part->desc->table : NULL;
        if (v || !table || !(table->flags & TN_STOP_NO_MONITOR))
            check_monitor(e, "monitor", s->monitor, v ? v->at : tables[i]->at, complete);
    }
    config_value *c = config_get(e->root, "checkpoint");
    if (e->monitor) check_monitor(e, "monitor", e->monitor, config_get(c, "monitor")->at, complete);
    else e->monitor = e->n_stops ? e->stop[0].monitor : otherwise;
    e->monitor_higher = score_higher(e, e->monitor);
    if (e->schedule_monitor)
        check_monitor(e, "monitor", e->schedule_monitor, config_get(config_get(e->root, "schedule"), "monitor")->at, complete);
    else e->schedule_monitor = e->data->count[SPLIT_VALIDATION] > 0 ? e->monitor : "train.loss";
    e->schedule_higher = score_higher(e, e->schedule_monitor);
}

static void read_loggers(experiment *e)
{
    static const char *const keys[] = { "type", "name", NULL };
    int n;
    config_value **tables = tables_of(e, "logger", &n);
    e->logger = arena_new(&e->memory, sizeof *e->logger * (size_t)(n + 3));
    for (int i = 0; i < n; i++) e->logger[e->n_loggers++] = part_make(&e->context, TN_LOGGER, tables[i], NULL, keys);
    if (config_get(e->root, "logger")) return;
    /* without [[logger]]: whatever the settings of the host name */
    static const char *const usual[] = TENON_DEFAULT_LOGGERS;
    for (int i = 0; usual[i]; i++) {
        config_value *v = config_parse_value(&e->memory, usual[i], e->root->at, e->messages);
        e->logger[e->n_loggers++] = part_make(&e->context, TN_LOGGER, v, NULL, keys);
    }
}

/* ---- baselines ------------------------------------------------------------------------------------------------ */
static int plan_baseline(experiment *e, baseline_use *b, where at)
{
    const tn_spec *in[8];
    tn_spec out = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
    b->table = b->part->desc->table;
    for (int i = 0; i < b->n_in; i++) in[i] = &b->in[i]->spec, b->in[i]->read = b->in[i]->read_plain = 1;
    host_clear(&e->host);
    if (part_open(&e->context, b->part)
        || b->table->plan(e->context.api, &e->host, b->part->config, b->part->self, (uint32_t)b->n_in, in, &out)) {
        diag_error(e->messages, at, "baseline '%s' (%s): %s", b->name, b->part->type, e->host.error);
        return -1;
    }
    b->out.spec = out;
    int asked;
    b->metric = read_metrics(e, &b->n_metrics, &b->out, b->in[b->n_in - 1], &asked);
    return 0;
}

static void read_baselines(experiment *e)
{
    static const char *const keys[] = { "type", "name", "inputs", "target", NULL };
    int n;
    config_value **tables = tables_of(e, "baseline", &n);
    e->baseline = arena_new(&e->memory, sizeof *e->baseline * (size_t)(n + 1));
    for (int i = 0; i < n; i++) {
        baseline_use *b = &e->baseline[e->n_baselines];
        config_value *t = tables[i];
        b->part = part_make(&e->context, TN_BASELINE, t, NULL, keys);
        b->name = config_text(t, "name", b->part->type ? b->part->type : "baseline", e->messages);
        int count, ok = b->part->desc != NULL;
        const char **names = config_texts(&e->memory, t, "inputs", &count, e->messages);
        if (!count && e->graph->n_nodes && e->graph->node[0]->in_node[0] && e->graph->node[0]->in_node[0]->source) {
            names = arena_new(&e->memory, sizeof *names);
            names[0] = e->graph->node[0]->in_node[0]->name, count = 1; /* what the first layer reads */
        }
        for (int k = 0; k < count && k < 7; k++) {
            field *f = data_field(e->data, names[k]);
            if (!f) diag_error(e->messages, t->at, "baseline '%s': there is no field '%s'", b->name, names[k]), ok = 0;
            else b->in[b->n_in++] = graph_find(e->graph, names[k], NULL);
        }
        const field *first = e->graph->n_targets ? e->graph->head[0].target : NULL;
        const char *target = config_text(t, "target", first ? first->name : "", e->messages);
        if (!data_field(e->data, target)) {
            if (config_get(t, "target")) diag_error(e->messages, t->at, "baseline '%s': there is no field '%s'", b->name, target);
            ok = 0;
        } else b->in[b->n_in++] = graph_find(e->graph, target, NULL);
        for (int k = 0; k < b->n_in && ok; k++) /* words, classes and shapes that only the data will tell */
            if ((b->in[k]->spec.means == TN_IDS && !b->in[k]->spec.classes) || field_of_slot(e, b->in[k])->wrong) ok = 0;
        if (ok && !plan_baseline(e, b, t->at)) e->n_baselines++;
    }
}

/* ---- the whole ------------------------------------------------------------------------------------------------ */
static const char *const root_keys[] = { "schema", "name", "seed", "extends", "remove", "set", "backend", "dataset", "field",
    "initialize", "layer", "loss", "optimizer", "group", "schedule", "gradient", "regularizer", "metric", "baseline", "stop",
    "training", "evaluation", "checkpoint", "logger", "published", "plugins" };

static void read_top(experiment *e)
{
    diag *d = e->messages;
    config_value *r = e->root;
    if (config_int(r, "schema", 1, 0, 1000000, d) != 1)
        diag_error(d, config_get(r, "schema")->at, "schema: this program reads schema 1");
    e->seed = (uint64_t)config_int(r, "seed", 1, 0, INT64_MAX, d);
    const char *slash = strrchr(e->path, '/'), *base = slash ? slash + 1 : e->path;
    char *stem = arena_text(&e->memory, base), *dot = strrchr(stem, '.');
    if (dot) *dot = 0;
    e->name = config_text(r, "name", stem, d);
    if (strchr(e->name, '/') || e->name[0] == '.' || !e->name[0])
        diag_error(d, r->at, "name: '%s' cannot be the name of a folder", e->name);
    config_value *backend = config_get(r, "backend");
    if (!backend) backend = config_parse_value(&e->memory, "cpu", r->at, d);
    e->backend = part_make(&e->context, TN_BACKEND, backend, NULL, NULL);
    for (int i = 0; i < 2; i++) { /* extends, remove and set are gone: config_merge.c took them */
        static const char *const others[] = { "plugins", "backend" };
        config_value *v = config_get(r, others[i]);
        if (v) v->used = 1;
    }
    if (config_get(r, "plugins"))
        diag_error(d, config_get(r, "plugins")->key_at,
                   "plugins: a file cannot name folders to load code from; use --plugin-path or TENON_PLUGIN_PATH");
}

/* Data that come in lanes have an order of their own. */
static void check_lanes(experiment *e)
{
    config_value *t = config_get(e->root, "training"), *v;
    e->graph->carries = data_has_lanes(e->data);
    if (!e->graph->carries) return;
    if ((v = config_get(t, "shuffle")) && e->shuffle)
        diag_error(e->messages, v->at, "shuffle: '%s' goes on from batch to batch, so its order is fixed; leave `shuffle` out",
                   e->data->dataset->type);
    if ((v = config_get(t, "length_buckets")) && e->length_buckets > 1)
        diag_error(e->messages, v->at, "length_buckets: '%s' goes on from batch to batch, so its order is fixed",
                   e->data->dataset->type);
    e->shuffle = 0;
}

/* Before the data is read, sizes of fields are stand-ins, and what a part refuses with one it may take with another: so all is planned
 * with two of them, the second wide and divided by much, and what fails with both is a mistake. */
static graph *plan_model(experiment *e)
{
    part_context *c = &e->context;
    diag *messages = c->messages;
    graph *wide = NULL;
    if (!e->data->epoch) {
        c->messages = diag_new(), c->stand_in = 5040;
        wide = graph_new(c, e->data, e->root, e->seed, NULL);
        diag_free(c->messages);
        c->messages = messages, c->stand_in = 0;
    }
    graph *g = graph_new(c, e->data, e->root, e->seed, wide);
    graph_free(wide);
    return g;
}

/* Everything behind the data: wired anew when the data's sizes are known. */
static void read_model(experiment *e)
{
    int asked, complete = 1;
    e->n_loggers = e->n_baselines = 0;
    graph_free(e->graph);
    e->graph = plan_model(e);
    config_value *init = config_get(e->root, "initialize");
    if (init) {
        init->used = 1;
        part_make(&e->context, TN_INITIALIZER, init, NULL, NULL);
    }
    read_optimizer(e);
    for (int i = 0; i + 1 < e->n_groups; i++) check_patterns(e, e->group[i].table, e->group[i].pattern, e->group[i].n_patterns);
    read_schedule(e);
    read_regularizers(e);
    e->metric = read_metrics(e, &e->n_metrics, NULL, NULL, &asked);
    for (int i = 0; i < e->graph->n_nodes; i++) complete &= !e->graph->node[i]->unknown;
    complete &= asked == e->n_metrics;
    read_training(e);
    check_lanes(e);
    read_evaluation(e);
    read_checkpoint(e);
    read_stops(e, complete);
    read_loggers(e);
    read_baselines(e);
    published_read(&e->published, e->root, elsewhere, e->messages);
}

experiment *experiment_load(const char *path, const overrides *o)
{
    experiment *e = memory_new(sizeof *e);
    e->path = arena_text(&e->memory, path);
    e->messages = diag_new();
    e->host.words = words_of, e->host.to = e;
    int n = 0, dirs = 0;
    while (o->data_dirs && o->data_dirs[dirs]) dirs++;
    const char **all = arena_new(&e->memory, sizeof *all * (size_t)(dirs + 3));
    for (; n < dirs; n++) all[n] = o->data_dirs[n];
    if (getenv("TENON_DATA") && getenv("TENON_DATA")[0]) all[n++] = getenv("TENON_DATA");
    const char *slash = strrchr(e->path, '/'); /* last the file's own folder, so that a resumed run finds it too */
    all[n++] = slash ? arena_print(&e->memory, "%.*s", (int)(slash - e->path) + (slash == e->path), e->path) : ".";
    e->context = (part_context){ &e->memory, registry_new(&e->memory, o->plugin_path, registry_isa()), e->messages, all,
                                 size_of_field, names_of_fields, e, &e->host, &host_api, elsewhere, NULL };
    e->root = config_load(&e->memory, path, o->set, o->n_sets, e->messages);
    if (!e->root) return e;
    e->root->used = 1;
    read_top(e);
    e->data = data_plan(&e->context, e->root, e->seed);
    read_model(e);
    config_value *fields[] = { config_get(e->root, "dataset"), config_get(e->root, "field") };
    for (int i = 0; i < 2; i++)
        if (fields[i]) fields[i]->used = 1;
    config_unused(e->root, "the top level", root_keys, (int)(sizeof root_keys / sizeof *root_keys), elsewhere, e->messages);
    return e;
}

int experiment_read_data(experiment *e, void (*progress)(void *, const char *, int64_t, int64_t), void *to)
{
    for (int s = 0; data_has_lanes(e->data) && s < SPLITS; s++)
        e->data->lanes[s] = s == SPLIT_TRAIN ? e->batch_size : e->evaluation_batch;
    int rc = data_read(e->data, progress, to);
    if (rc) return rc;
    read_model(e);
    return diag_errors(e->messages) ? TN_EINVAL : 0;
}

int experiment_read_vocabularies(experiment *e, const char *folder)
{
    int rc = data_load_vocabularies(e->data, folder);
    if (rc) return rc;
    read_model(e);
    return diag_errors(e->messages) ? TN_EINVAL : 0;
}

int experiment_start(experiment *e, int threads, int learns)
{
    tn_be be = { NULL, NULL };
    host_clear(&e->host);
    int rc = part_open(&e->context, e->backend);
    if (rc) return rc;
    const tn_backend *b = e->backend->desc->table;
    if ((rc = b->start(e->backend->self, threads, &be)))
        return host_fail(&e->host, rc, "the backend '%s' cannot start", e->backend->type);
    e->graph->learns = learns;
    if ((rc = graph_allocate(e->graph, be))) return rc;
    e->ahead = ahead_new(e->graph, threads);
    return 0;
}

void experiment_free(experiment *e)
{
    if (!e) return;
    ahead_free(e->ahead);
    metrics_free(e);
    if (e->graph && e->graph->be.ops) {
        tn_be be = e->graph->be;
        graph_free(e->graph);
        ((const tn_backend *)e->backend->desc->table)->stop(e->backend->self, &be);
    }
    if (e->data) data_free(e->data);
    part_close_all(&e->context);
    diag_free(e->messages);
    arena memory = e->memory;
    memory_free(e);
    arena_free(&memory);
}
