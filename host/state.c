/* state.c -- a trainer to and from a checkpoint: parameters, their average, optimizer slots, carried states, counters,
 * history. Random numbers need no saving: they are functions of (seed, part, step, element).                     */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "buffers.h"
#include "checkpoint.h"
#include "train.h"

/* ---- a list of tensors that grows ---------------------------------------------------------------------------- */
typedef struct list { checkpoint_tensor *t; int n; arena *memory; } list;

static void add_tensor(list *l, const char *name, uint32_t dtype, int ndim, const int64_t *dim, void *values)
{
    if ((l->n & (l->n - 1)) == 0) { /* room for the next power of two */
        checkpoint_tensor *more = arena_new(l->memory, sizeof *more * (size_t)(l->n ? 2 * l->n : 1));
        if (l->n) memcpy(more, l->t, sizeof *more * (size_t)l->n);
        l->t = more;
    }
    checkpoint_tensor *t = &l->t[l->n++];
    memset(t, 0, sizeof *t);
    t->name = name, t->dtype = dtype, t->ndim = ndim, t->data = values;
    for (int i = 0; i < ndim; i++) t->dim[i] = dim[i];
}

static void add_parameter(list *l, const parameter *w, const char *prefix, float *flat)
{
    int64_t dim[4];
    for (uint32_t i = 0; i < w->p.ndim && i < 4; i++) dim[i] = w->p.dim[i];
    const char *name = prefix ? arena_print(l->memory, "%s.%s", prefix, w->name) : w->name;
    add_tensor(l, name, TN_F32, (int)w->p.ndim, dim, flat + w->offset);
}

/* The tensors of a run that go into every checkpoint; if t is given, with optimizer state, the average of the weights,
 * carried states and what the metrics have counted of the epoch. */
static list tensors_of(experiment *e, arena *memory, const trainer *t)
{
    list l = { NULL, 0, memory };
    graph *g = e->graph;
    for (int i = 0; i < g->n_parameters; i++) add_parameter(&l, g->parameter[i], NULL, g->value);
    for (int k = 0; t && k < t->update.slots; k++)
        for (int i = 0; i < g->n_parameters; i++)
            if (!g->parameter[i]->frozen)
                add_parameter(&l, g->parameter[i], arena_print(memory, "optimizer.%d", k), t->update.slot[k]);
    for (int i = 0; t && t->update.average && i < g->n_parameters; i++)
        add_parameter(&l, g->parameter[i], "average", t->update.average);
    for (int i = 0; t && i < g->n_nodes; i++)
        for (int k = 0; k < g->node[i]->count[G_STATE]; k++) {
            slot *s = &g->node[i]->state[k];
            int64_t dim[2] = { e->batch_size, s->spec.width };
            if (state_carries(g->node[i], k))
                add_tensor(&l, arena_print(memory, "state.%s.%s", g->node[i]->name, s->name), TN_F32, 2, dim, s->value.data);
        }
    for (int i = 0; t && i < e->n_metrics; i++) {
        const metric_use *m = &e->metric[i];
        int64_t dim[1] = { m->sums };
        if (m->training) add_tensor(&l, arena_print(memory, "trainer.metric.%s", m->name), TN_F64, 1, dim, m->train_sum);
    }
    return l;
}

/* ---- what parts have learned that the host cannot know (tn_desc.save) ------------------------------------------ */
typedef struct bytes { unsigned char *p; size_t n, at; } bytes;

static int put_bytes(void *to, const void *p, size_t n)
{
    bytes *b = to;
    b->p = memory_grow(b->p, b->n, b->n + n);
    memcpy(b->p + b->n, p, n);
    b->n += n;
    return 0;
}

static int get_bytes(void *from, void *p, size_t n)
{
    bytes *b = from;
    if (b->n - b->at < n) return TN_EIO;
    memcpy(p, b->p + b->at, n);
    b->at += n;
    return 0;
}

static int add_learned(list *l, experiment *e)
{
    for (int i = 0; i < e->graph->n_nodes; i++) {
        node *n = e->graph->node[i];
        if (!n->part->desc->save) continue;
        bytes b = { NULL, 0, 0 };
        int rc = n->part->desc->save(n->part->self, put_bytes, &b);
        if (rc) return host_fail(&e->host, rc, "'%s' cannot save what it has learned", n->name);
        int64_t dim[1] = { (int64_t)b.n };
        void *copy = arena_new(l->memory, b.n + 1);
        if (b.n) memcpy(copy, b.p, b.n);
        memory_free(b.p);
        add_tensor(l, arena_print(l->memory, "part.%s", n->name), TN_U8, 1, dim, copy);
    }
    return 0;
}

static int load_learned(experiment *e, const checkpoint *c)
{
    for (int i = 0; i < e->graph->n_nodes; i++) {
        node *n = e->graph->node[i];
        char name[300];
        snprintf(name, sizeof name, "part.%s", n->name);
        const checkpoint_tensor *t = checkpoint_find(c, name);
        if (!n->part->desc->load || !t) continue;
        bytes b = { t->data, (size_t)t->dim[0], 0 };
        int rc = n->part->desc->load(n->part->self, get_bytes, &b);
        if (rc) return host_fail(&e->host, rc, "'%s' cannot load what it had learned", n->name);
    }
    return 0;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */
enum { I_STEP, I_EPOCH, I_EPOCH_STEP, I_EVALUATED, I_BEST_STEP, I_EPOCH_EXAMPLES, I_HISTORY, I_COUNT };
enum { F_EPOCH_LOSS, F_BEST, F_RATE, F_SECONDS, F_COUNT };

static int write_checkpoint(experiment *e, const char *path, const list *l, const checkpoint_text *text, int n_texts)
{
    char error[800];
    if (checkpoint_write(path, l->t, l->n, text, n_texts, error, sizeof error)) return host_fail(&e->host, TN_EIO, "%s", error);
    return 0;
}

/* Removes all but the newest `keep` checkpoints; those that cannot be removed stay. */
static void prune(const char *folder, int64_t keep)
{
    struct dirent **names;
    char path[4200];
    snprintf(path, sizeof path, "%s/checkpoints", folder);
    int n = scandir(path, &names, NULL, alphasort);
    int64_t steps = 0;
    for (int i = n - 1; i >= 0; i--) {
        if (!strncmp(names[i]->d_name, "step-", 5) && strstr(names[i]->d_name, ".safetensors") && ++steps > keep) {
            snprintf(path, sizeof path, "%s/checkpoints/%s", folder, names[i]->d_name);
            unlink(path);
        }
        free(names[i]);
    }
    if (n >= 0) free(names);
}

int trainer_save(trainer *t)
{
    experiment *e = t->e;
    arena memory = { NULL };
    list l = tensors_of(e, &memory, t);
    int rc = add_learned(&l, e);
    int64_t counters[I_COUNT] = { t->step, t->epoch, t->epoch_step, t->evaluated, t->best_step, t->epoch_examples, t->n_history };
    /* seconds are outside the promise of equal bits, so they are not written here */
    double numbers[F_COUNT] = { t->epoch_loss, t->best, t->rate, 0 };
    int64_t dim[2] = { I_COUNT, 0 };
    add_tensor(&l, "trainer.counters", TN_I64, 1, dim, counters);
    dim[0] = F_COUNT;
    add_tensor(&l, "trainer.numbers", TN_F64, 1, dim, numbers);
    dim[0] = t->n_history, dim[1] = t->n_names;
    add_tensor(&l, "trainer.history", TN_F64, 2, dim, t->history ? t->history : (void *)numbers);
    const char *names = "";
    for (int i = 0; i < t->n_names; i++) names = arena_print(&memory, "%s%s\n", names, t->name[i]);
    checkpoint_text text[] = { { "tenon.kind", "checkpoint" }, { "tenon.scores", names } };
    char path[4200];
    snprintf(path, sizeof path, "%s/checkpoints/step-%08lld.safetensors", t->folder, (long long)t->step);
    if (!rc) rc = write_checkpoint(e, path, &l, text, 2);
    arena_free(&memory);
    if (!rc) prune(t->folder, e->checkpoint_keep);
    return rc;
}

int trainer_save_best(trainer *t)
{
    arena memory = { NULL };
    list l = tensors_of(t->e, &memory, NULL);
    int rc = add_learned(&l, t->e);
    char path[4200], step[32];
    snprintf(path, sizeof path, "%s/checkpoints/best.safetensors", t->folder);
    snprintf(step, sizeof step, "%lld", (long long)t->step);
    checkpoint_text text[] = { { "tenon.kind", "weights" }, { "tenon.step", step } };
    if (!rc) rc = write_checkpoint(t->e, path, &l, text, 2);
    arena_free(&memory);
    return rc;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */
static int fill_tensors(experiment *e, const checkpoint *c, list *l, const char *path)
{
    for (int i = 0; i < l->n; i++) {
        checkpoint_tensor *want = &l->t[i];
        const checkpoint_tensor *t = checkpoint_find(c, want->name);
        if (!t) return host_fail(&e->host, TN_EINVAL, "%s has no tensor '%s'", path, want->name);
        int64_t n = 1;
        int same = t->dtype == want->dtype && t->ndim == want->ndim;
        for (int d = 0; d < want->ndim; d++) n *= want->dim[d], same &= same && t->dim[d] == want->dim[d];
        if (!same)
            return host_fail(&e->host, TN_EINVAL, "%s: '%s' has another shape than the experiment gives it", path, want->name);
        memcpy(want->data, t->data, (size_t)n * (want->dtype == TN_U8 ? 1 : want->dtype == TN_F64 ? 8 : 4));
    }
    return load_learned(e, c);
}

static void read_history(trainer *t, const checkpoint *c, const int64_t *counters)
{
    const checkpoint_tensor *h = checkpoint_find(c, "trainer.history");
    const char *names = checkpoint_value(c, "tenon.scores");
    if (!h || !names || h->ndim != 2) return;
    int n = 0;
    for (const char *s = names; *s; s++) n += *s == '\n';
    if (h->dim[1] != n || h->dim[0] != counters[I_HISTORY]) return;
    char *copy = arena_text(&t->e->memory, names);
    t->name = arena_new(&t->e->memory, sizeof *t->name * (size_t)(n + 1));
    t->n_names = n, t->n_history = (int)h->dim[0];
    for (int i = 0; i < n; i++) {
        t->name[i] = copy;
        copy = strchr(copy, '\n');
        *copy++ = 0;
    }
    if (!n) t->name = NULL;
    size_t size = sizeof *t->history * (size_t)(h->dim[0] * h->dim[1]);
    memory_free(t->history);
    t->history = memory_new(size);
    memcpy(t->history, h->data, size);
}

static int restore_from(trainer *t, const checkpoint *c, const char *path)
{
    experiment *e = t->e;
    const checkpoint_tensor *i = checkpoint_find(c, "trainer.counters"), *f = checkpoint_find(c, "trainer.numbers");
    if (!i || !f || i->dtype != TN_I64 || i->dim[0] < I_COUNT || f->dtype != TN_F64 || f->dim[0] < F_COUNT)
        return host_fail(&e->host, TN_EINVAL, "%s is no checkpoint of a run", path);
    int64_t counters[I_COUNT];
    double numbers[F_COUNT];
    memcpy(counters, i->data, sizeof counters);
    memcpy(numbers, f->data, sizeof numbers);
    arena memory = { NULL };
    list l = tensors_of(e, &memory, t);
    int rc = fill_tensors(e, c, &l, path);
    arena_free(&memory);
    if (rc) return rc;
    t->step = counters[I_STEP], t->epoch = counters[I_EPOCH], t->epoch_step = counters[I_EPOCH_STEP];
    t->evaluated = (int)counters[I_EVALUATED], t->best_step = counters[I_BEST_STEP], t->epoch_examples = counters[I_EPOCH_EXAMPLES];
    t->epoch_loss = numbers[F_EPOCH_LOSS], t->best = numbers[F_BEST], t->rate = numbers[F_RATE];
    read_history(t, c, counters);
    return graph_pack(e->graph);
}

/* Checkpoints of a run, newest first; the caller frees each and the list. */
static int list_checkpoints(const char *folder, struct dirent ***names)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/checkpoints", folder);
    int n = scandir(path, names, NULL, versionsort), kept = 0;
    for (int i = n - 1; i >= 0; i--) /* versionsort is oldest first, past 99,999,999 steps too */
        if (strncmp((*names)[i]->d_name, "step-", 5) || strlen((*names)[i]->d_name) < 17
            || strcmp((*names)[i]->d_name + strlen((*names)[i]->d_name) - 12, ".safetensors")) {
            free((*names)[i]);
            (*names)[i] = NULL;
        }
    for (int i = 0; i < n; i++)
        if ((*names)[i]) (*names)[kept++] = (*names)[i];
    for (int i = 0; i < kept / 2; i++) {
        struct dirent *d = (*names)[i];
        (*names)[i] = (*names)[kept - 1 - i], (*names)[kept - 1 - i] = d;
    }
    if (n >= 0 && !kept) free(*names);
    return kept;
}

/* The newest whole checkpoint; damaged ones are announced and passed over. */
static checkpoint *newest(experiment *e, const char *folder, char *path, size_t size)
{
    struct dirent **names;
    int n = list_checkpoints(folder, &names);
    checkpoint *c = NULL;
    char error[900];
    error[0] = 0;
    for (int i = 0; i < n; i++) {
        if (!c) {
            snprintf(path, size, "%s/checkpoints/%s", folder, names[i]->d_name);
            c = checkpoint_read(path, error, sizeof error);
            if (!c) {
                const char *text = arena_print(&e->memory, "%s; going back to the checkpoint before it", error);
                api_log(&e->host, TN_LOG_WARNING, text);
            }
        }
        free(names[i]);
    }
    if (n > 0) free(names);
    if (!c) host_fail(&e->host, TN_EIO, "there is no whole checkpoint in %s/checkpoints", folder);
    return c;
}

int trainer_restore(trainer *t)
{
    char path[4200];
    struct dirent **names;
    int n = list_checkpoints(t->folder, &names);
    if (n <= 0) return TN_END;
    while (n > 0) free(names[--n]);
    free(names);
    checkpoint *c = newest(t->e, t->folder, path, sizeof path);
    if (!c) return TN_EIO;
    int rc = restore_from(t, c, path);
    checkpoint_free(c);
    if (!rc) prune(t->folder, t->e->checkpoint_keep); /* a kill may have come between writing one and this */
    return rc;
}

/* Of a checkpoint that has the average of the weights, that: the best weights are one already. */
static void prefer_average(const experiment *e, const checkpoint *c, list *l)
{
    for (int i = 0; e->average && i < l->n; i++) {
        const char *name = arena_print(l->memory, "average.%s", l->t[i].name);
        if (checkpoint_find(c, name)) l->t[i].name = name;
    }
}

int weights_restore(experiment *e, const char *folder, int best)
{
    char path[4200], error[900];
    checkpoint *c = NULL;
    snprintf(path, sizeof path, "%s/checkpoints/best.safetensors", folder);
    if (best && !access(path, F_OK)) {
        c = checkpoint_read(path, error, sizeof error);
        if (!c) {
            const char *text = arena_print(&e->memory, "%s; using the newest checkpoint", error);
            api_log(&e->host, TN_LOG_WARNING, text);
        }
    }
    if (!c) c = newest(e, folder, path, sizeof path);
    if (!c) return TN_EIO;
    arena memory = { NULL };
    list l = tensors_of(e, &memory, NULL);
    prefer_average(e, c, &l);
    int rc = fill_tensors(e, c, &l, path);
    arena_free(&memory);
    checkpoint_free(c);
    return rc ? rc : graph_pack(e->graph);
}
