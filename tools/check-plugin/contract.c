/* contract.c -- checks of what a layer is promised only now and then: a state that is carried over, an input given once
 * for each distinct row, a backend without the operations that may be missing, decoding. They run with the options as
 * they are by default: a carried state in a layer that is told to run backwards has no such meaning.                */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "checks.h"

static const int64_t all_examples[] = { 0, 1, 2, 3, 4, 5, 6, 7 };

static const char *begin(probe *p, const subject *s)
{
    if (probe_open(p, s->path, s->kind, s->name, s->options, s->offer, s->n))
        return fault("cannot be opened a second time: %s", p->host.error);
    probe_bind(p, all_examples, EXAMPLES);
    return NULL;
}
static const char *why(const probe *p, const char *phase)
{
    return fault("%s failed: %s", phase, p->host.error[0] ? p->host.error : "it gave no message");
}

/* Copies of all results, to be compared with those of a later forward. */
typedef struct results { float *v[32]; int64_t n[32]; } results;
static results take(probe *p)
{
    results r = { { NULL }, { 0 } };
    tensor list[32];
    int n = probe_results(p, list, 32);
    for (int k = 0; k < n; k++) {
        const tn_tensor *t = &list[k].s->value;
        if (!t->data) continue;
        r.n[k] = tensor_elements(t);
        r.v[k] = memory_new(4 * (size_t)(r.n[k] + 1));
        memcpy(r.v[k], t->data, 4 * (size_t)r.n[k]);
    }
    return r;
}
static const char *same(probe *p, const results *r, const char *how)
{
    tensor list[32];
    int n = probe_results(p, list, 32);
    for (int k = 0; k < n; k++)
        for (int64_t i = 0; list[k].s->value.data && i < r->n[k]; i++)
            if (memcmp(&r->v[k][i], (float *)list[k].s->value.data + i, 4))
                return fault("%s, element %lld, is %.9g, and %.9g %s", list[k].what, (long long)i, (double)r->v[k][i],
                             (double)((float *)list[k].s->value.data)[i], how);
    return NULL;
}

/* ---- an input once for each distinct row ----------------------------------------------------------------- */
enum { KEYS = 3 };
static int32_t key_of(const probe *p, const tn_layout *l, int32_t r) { return (int32_t)(row_key(p, l, r) % KEYS); }

/* Rows of input 0 become KEYS different ones: in full, or as distinct rows with an index. */
static void repeat_rows(probe *p, int indexed)
{
    slot *s = p->node->in_slot[0];
    tn_tensor *t = &s->value;
    int32_t slot_of[KEYS] = { -1, -1, -1 }, *id = memory_new(sizeof *id * (size_t)(t->rows + 1));
    tn_index *x = memory_new(sizeof *x);
    for (int32_t r = 0; r < t->rows; r++) id[r] = key_of(p, t->lay, r);
    index_build(x, id, (int32_t)t->rows, slot_of, &p->batch.memory);
    int64_t rows = indexed ? x->distinct : t->rows;
    if (indexed) {
        size_t bytes = 4 * (size_t)(rows * t->width);
        t->data = guard_alloc(&p->be, bytes), s->grad.data = guard_alloc(&p->be, bytes);
        memset(s->grad.data, 0, bytes);
        t->index = s->grad.index = x;
    }
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < t->width; j++)
            ((float *)t->data)[r * t->width + j] = made_up((uint64_t)(indexed ? x->key[r] : id[r]), (uint64_t)j);
}

static const char *check_indexed(const subject *s)
{
    probe p;
    const char *bad = begin(&p, s);
    if (bad) return bad;
    if (s->kind != TN_LAYER || !(p.node->layer->flags & TN_L_INDEXED) || !p.node->count[G_IN]
        || p.node->in_slot[0]->spec.dtype != TN_F32 || !p.node->in_slot[0]->value.lay) return NULL;
    repeat_rows(&p, 0);
    if (probe_forward(&p)) return why(&p, "forward");
    results plain = take(&p);
    repeat_rows(&p, 1);
    if (probe_forward(&p)) return why(&p, "forward, on an input by index,");
    if ((bad = same(&p, &plain, "when its input is given once for each distinct row (tn_tensor.index)")))
        return bad;
    if (probe_backward(&p, 0)) return why(&p, "backward, on an input by index,");
    return guard_check();
}

/* ---- forward alone ---------------------------------------------------------------------------------------------- */
/* Ids in the tables that a part keeps, in the order in which they came. */
typedef struct tables { int32_t key[KEYS], row[KEYS], n; } tables;

/* Input 0 as the host gives it where tables are kept: the rows of ids that these lack, and for each row of the batch that
 * of the tables. */
static void keep_rows(probe *p, tables *t)
{
    tn_tensor *x = &p->node->in_slot[0]->value;
    int32_t before = t->n, *of = memory_new(sizeof *of * (size_t)(x->rows + 1));
    for (int32_t r = 0; r < x->rows; r++) {
        int32_t id = key_of(p, x->lay, r);
        if (t->row[id] < 0) t->row[id] = t->n, t->key[t->n++] = id;
        of[r] = t->row[id];
    }
    tn_index *index = memory_new(sizeof *index);
    *index = (tn_index){ sizeof *index, t->n - before, (int32_t)x->rows, 0, t->key + before, of, NULL, NULL, index };
    x->index = index;
    x->data = guard_alloc(&p->be, sizeof(float) * (size_t)(index->distinct * x->width));
    for (int64_t u = 0; u < index->distinct; u++)
        for (int64_t j = 0; j < x->width; j++)
            ((float *)x->data)[u * x->width + j] = made_up((uint64_t)index->key[u], (uint64_t)j);
    for (int k = 0; k < p->node->n_kept; k++)
        p->node->at_kept[k] = &p->node->kept[k].value, p->node->kept[k].value.rows = t->n;
}

/* Forward with tables: of one example, which leaves them partly filled, then of all, then of all once more. */
static const char *check_tables(probe *p)
{
    static const int64_t one[] = { 4 };
    node *n = p->node;
    tables t = { { 0 }, { -1, -1, -1 }, 0 };
    repeat_rows(p, 0);
    if (probe_forward(p)) return why(p, "forward, with TN_C_ALONE,");
    results plain = take(p);
    for (int k = 0; k < n->n_kept; k++) {
        kept_table *w = &n->kept[k];
        float *v = guard_alloc(&p->be, sizeof *v * (size_t)(KEYS * w->width));
        for (int64_t i = 0; i < KEYS * w->width; i++) v[i] = NAN;
        w->value = (tn_tensor){ sizeof w->value, TN_F32, v, 0, w->width, w->width, NULL, NULL, NULL };
    }
    for (int call = 0; call < 3; call++) {
        if (call) probe_bind(p, all_examples, EXAMPLES);
        else probe_bind(p, one, 1);
        int64_t known = t.n;
        float *was[MAX_KEPT];
        for (int k = 0; k < n->n_kept; k++) {
            size_t bytes = sizeof(float) * (size_t)(known * n->kept[k].width);
            was[k] = memory_new(bytes + 1);
            memcpy(was[k], n->kept[k].value.data, bytes);
        }
        keep_rows(p, &t);
        if (probe_forward(p)) return why(p, "forward, with a table that it keeps,");
        for (int k = 0; k < n->n_kept; k++)
            if (memcmp(was[k], n->kept[k].value.data, sizeof(float) * (size_t)(known * n->kept[k].width)))
                return "changed rows of a table (tn_call.kept) that were there already; new ones come behind them";
        const char *bad = call ? same(p, &plain, "with the tables that it keeps (tn_call.kept)") : NULL;
        if (bad) return bad;
    }
    return guard_check();
}

static const char *check_alone(const subject *s)
{
    probe p;
    const char *bad = begin(&p, s);
    if (bad) return bad;
    if (probe_forward(&p)) return why(&p, "forward");
    results plain = take(&p);
    p.alone = 1;
    if (probe_forward(&p)) return why(&p, "forward, with TN_C_ALONE,");
    bad = same(&p, &plain, "when no backward follows (TN_C_ALONE)");
    if (bad || (bad = guard_check()) || !p.node->n_kept) return bad;
    for (int k = 0; k < p.node->n_kept; k++)
        if (p.node->kept[k].input) return NULL; /* the probe repeats rows of its first input alone */
    if (!(p.node->layer->flags & TN_L_INDEXED)) return "keeps a table of rows by id, but does not say TN_L_INDEXED";
    return p.node->in_slot[0]->spec.dtype == TN_F32 && p.node->in_slot[0]->value.lay ? check_tables(&p) : NULL;
}

/* ---- an output once for each id -------------------------------------------------------------------------- */
/* The index of an output may hold fewer ids than its input's, and in this order of its own. */
static const char *check_index_of(const subject *s)
{
    probe p;
    const char *bad = begin(&p, s);
    tn_tensor *y = bad ? NULL : &p.node->out[0].value;
    uint32_t input = bad ? 0 : p.node->out[0].spec.index_of & ~(uint32_t)TN_INDEX_ALONE;
    if (!input) return bad;
    if ((int)input > s->n || p.node->in_slot[input - 1]->spec.means != TN_IDS)
        return fault("says that its rows come by the index of input %u, which is no input of ids", input);
    const tn_index *all = p.node->in_slot[input - 1]->value.index;
    const int32_t *id = p.node->in_slot[input - 1]->value.data;
    p.alone = 1;
    if (probe_forward(&p)) return why(&p, "forward");
    results plain = take(&p);
    int32_t *key = guard_alloc(&p.be, sizeof *key * (size_t)all->distinct), n = 0;
    for (int32_t u = all->distinct; u-- > 0; )
        if (u != 1) key[n++] = all->key[u];
    tn_index few = { sizeof few, n, all->rows, 0, key, all->of, NULL, NULL, &few };
    y->index = &few;
    y->data = guard_alloc(&p.be, sizeof(float) * (size_t)(n * y->width));
    if (probe_forward(&p)) return why(&p, "forward, with an output by index,");
    for (int32_t u = 0; u < n; u++)
        for (int32_t r = 0; r < all->rows; r++)
            if (id[r] == key[u] && memcmp(plain.v[0] + r * y->width, (float *)y->data + u * y->width,
                                          sizeof(float) * (size_t)y->width))
                return fault("row %d of an output by index (tn_tensor.index) is not that of the id %d; "
                             "it has out[0]->index->distinct rows, of the ids key[]", u, key[u]);
    return guard_check();
}

/* ---- a backend without `product` ------------------------------------------------------------------------- */
static const char *check_bare(const subject *s)
{
    probe p;
    const char *bad = begin(&p, s);
    if (bad) return bad;
    const tn_impl *any = NULL;
    for (const tn_impl *const *i = p.node->layer->impls; *i; i++) if (!strcmp((*i)->backend, "*")) any = *i;
    if (!any) return NULL;
    tn_ops bare = *p.be.ops;
    bare.product = NULL, bare.native = NULL;
    p.graph->be.ops = &bare, p.node->impl = any;
    if (probe_forward(&p)) return why(&p, "forward, on a backend without `product`,");
    double sum = probe_sum(&p);
    if (!isfinite(sum))
        return "on a backend without `product` something is left unwritten; ask TN_HAS(ops, product)";
    return probe_backward(&p, 0) ? why(&p, "backward, on a backend without `product`,") : guard_check();
}

/* ---- a state that is carried over ------------------------------------------------------------------------ */
/* The steps of the fields along TEXT are cut to those from begin[e] + from[e], count[e] of them. */
static void cut_steps(probe *p, store *saved, int half)
{
    for (int i = 0; i < p->data.n_fields; i++) {
        field *f = p->data.field[i];
        if (f->layout != L_TEXT) continue;
        store *s = &f->split[0], whole = saved[i];
        int64_t at = 0, width = f->width;
        *s = whole;
        s->begin = memory_new(sizeof *s->begin * (EXAMPLES + 1));
        if (whole.id) s->id = memory_new(sizeof *s->id * (size_t)(whole.leaves + 1));
        if (whole.real) s->real = memory_new(sizeof *s->real * (size_t)(whole.leaves * width + 1));
        for (int e = 0; e < EXAMPLES; e++) {
            int64_t n = whole.begin[e + 1] - whole.begin[e], first = half ? n / 2 : 0;
            int64_t count = half ? n - n / 2 : n / 2, from = whole.begin[e] + first;
            s->begin[e] = at;
            if (whole.id) memcpy(s->id + at, whole.id + from, 4 * (size_t)count);
            if (whole.real) memcpy(s->real + at * width, whole.real + from * width, 4 * (size_t)(count * width));
            at += count;
        }
        s->begin[EXAMPLES] = at, s->leaves = at;
    }
}

static int can_carry(const probe *p, const subject *s)
{
    const node *n = p->node;
    if (s->kind != TN_LAYER || (n->layer->flags & TN_L_REVERSE) || !n->count[G_STATE] || n->out[0].spec.layout != L_TEXT)
        return 0;
    for (int i = 0; i < s->n; i++) if (s->offer[i].layout != L_TEXT) return 0;
    for (int k = 0; k < n->count[G_STATE]; k++)
        if ((n->state[k].flags & TN_S_NO_CARRY) || n->state[k].spec.layout != L_ROOT || !n->state_slot[k])
            return 0;
    return 1;
}

/* The output's rows in the whole: by example and step, of which `half` begins where the first half ended. */
static const char *outputs_differ(probe *p, const float *whole, const tn_layout *of, int half)
{
    const tn_tensor *t = &p->node->out[0].value;
    const tn_layout *l = t->lay;
    for (int32_t r = 0; r < l->rows; r++) {
        int32_t s = of->place[l->root[r]], n = of->length[s], row = of->first[l->step[r] + (half ? n / 2 : 0)] + s;
        if (memcmp(whole + row * t->width, (float *)t->data + r * t->width, sizeof(float) * (size_t)t->width))
            return "two batches with the state carried over do not give the outputs of one long batch";
    }
    return NULL;
}

static const char *check_carry(const subject *s)
{
    probe p;
    store saved[64];
    float *state[MAX_STATE];
    const char *bad = begin(&p, s);
    if (bad || !can_carry(&p, s)) return bad;
    node *n = p.node;
    if (probe_forward(&p)) return why(&p, "forward");
    results whole = take(&p);
    static batch of; /* the next one must not take its memory */
    of = p.batch;
    memset(&p.batch, 0, sizeof p.batch);
    int outs = 0;
    for (int i = 0; i < n->count[G_OUT]; i++) outs += n->out[i].spec.dtype == TN_F32;
    for (int i = 0; i < p.data.n_fields; i++) saved[i] = p.data.field[i]->split[0];
    for (int half = 0; half < 2; half++) {
        cut_steps(&p, saved, half);
        probe_bind(&p, all_examples, EXAMPLES);
        for (int k = 0; half && k < n->count[G_STATE]; k++)
            memcpy(n->state_slot[k]->value.data, state[k], 4 * (size_t)tensor_elements(&n->state_slot[k]->value));
        if (probe_forward(&p)) return why(&p, "forward");
        for (int k = 0; k < n->count[G_STATE]; k++) {
            const tn_tensor *t = &n->next[k].value;
            size_t bytes = 4 * (size_t)tensor_elements(t);
            state[k] = memory_new(bytes);
            memcpy(state[k], t->data, bytes);
            if (half && memcmp(t->data, whole.v[outs + k], bytes))
                return fault("two batches with the state carried over do not end where one long batch ends: .%s differs",
                             n->next[k].name);
        }
        if ((bad = outputs_differ(&p, whole.v[0], &of.layout[L_TEXT], half))) return bad;
    }
    return NULL;
}

/* ---- decoding -------------------------------------------------------------------------------------------- */
typedef struct paths { int32_t rows, last; double score; int64_t n; uint64_t hash; const char *bad; } paths;
static int on_path(void *to, int32_t row, double points, const int32_t *ids, int64_t n)
{
    paths *x = to;
    if (row < 0 || row >= x->rows) x->bad = fault("decode gives a path for row %d of %d", row, x->rows);
    else if (!isfinite(points)) x->bad = fault("decode gives the score %g", points);
    else if (row == x->last && points > x->score) x->bad = "decode gives a better path after a worse one";
    x->last = row, x->score = points, x->n++;
    for (int64_t i = 0; i < n; i++) x->hash = mixed(x->hash, (uint64_t)ids[i]);
    return 0;
}

static const char *check_decode(const subject *s)
{
    probe p;
    uint64_t hash = 0;
    const char *bad = begin(&p, s);
    if (bad || !TN_HAS(p.node->layer, decode)) return bad;
    for (int twice = 0; twice < 2; twice++) {
        const tn_layout *l = p.node->in_slot[0]->value.lay;
        paths x = { l && l->over ? l->over->rows : EXAMPLES, -1, 0, 0, 1, NULL };
        if (probe_forward(&p)) return why(&p, "forward");
        if (p.node->layer->decode(p.part->self, &p.node->call, on_path, &x)) return why(&p, "decode");
        if (x.bad) return x.bad;
        if (!x.n) return "decode gives no path";
        if (twice && x.hash != hash) return "decode gives other paths the second time";
        hash = x.hash;
    }
    return guard_check();
}

/* ---- a layer that feeds itself --------------------------------------------------------------------------- */
/* It writes all of its rows where it hears itself, and decodes where nobody knows what it should say. */
static const char *check_feeds(const subject *s)
{
    probe p;
    tensor list[32];
    const char *bad = begin(&p, s);
    if (bad || !(p.node->layer->flags & TN_L_FEEDS)) return bad;
    if (!TN_HAS(p.node->layer, decode)) return "says TN_L_FEEDS, but does not decode";
    p.own = 1;
    if (probe_forward(&p)) return why(&p, "forward, with TN_C_OWN,");
    int n = probe_results(&p, list, 32);
    for (int k = 0; k < n; k++)
        for (int64_t i = 0; i < tensor_elements(&list[k].s->value); i++)
            if (!isfinite(((float *)list[k].s->value.data)[i])) return fault("leaves %s unwritten, with TN_C_OWN", list[k].what);
    static const int64_t without_target[] = { 2, 7 };
    probe_bind(&p, without_target, 2);
    tn_tensor *target = &p.node->in_slot[0]->value;
    target->data = NULL, target->index = NULL, p.own = 0, p.alone = 1;
    paths x = { 2, -1, 0, 0, 1, NULL };
    if (target->lay->id == L_TARGET && (probe_forward(&p) || p.node->layer->decode(p.part->self, &p.node->call, on_path, &x)))
        return why(&p, "a phase, where the first input has no rows,");
    return x.bad ? x.bad : guard_check();
}

/* ---- probabilities of a loss ----------------------------------------------------------------------------- */
static const char *check_predict(const subject *s)
{
    probe p;
    const char *bad = begin(&p, s);
    if (bad || s->kind != TN_LOSS || !TN_HAS(p.node->loss, predict) || s->n < 2 || !s->offer[1].classes)
        return bad;
    int64_t classes = s->offer[1].classes, rows = p.node->in_slot[0]->value.rows;
    float *v = guard_alloc(&p.be, sizeof *v * (size_t)(rows * classes));
    for (int64_t i = 0; i < rows * classes; i++) v[i] = NAN;
    if (probe_forward(&p)) return why(&p, "forward");
    p.node->at_in[1] = NULL;
    if (p.node->loss->predict(p.part->self, &p.node->call, classes, v)) return why(&p, "predict");
    for (int64_t r = 0; r < rows; r++) {
        double sum = 0;
        for (int64_t k = 0; k < classes; k++) {
            double x = (double)v[r * classes + k];
            if (!(x >= 0 && x <= 1 + 1e-5))
                return fault("predict gives class %lld of row %lld the probability %g", (long long)k, (long long)r, x);
            sum += x;
        }
        if (fabs(sum - 1) > 1e-4)
            return fault("predict gives row %lld probabilities that sum to %g", (long long)r, sum);
    }
    return guard_check();
}

/* ---- layouts that the part makes ------------------------------------------------------------------------- */
static const char *check_lengths(const subject *s)
{
    probe p;
    const char *bad = begin(&p, s);
    for (int k = 0; !bad && k < p.node->n_grow; k++) {
        const tn_grow *w = &p.node->grow[k].grow;
        for (int32_t other = 0; other < 7; other++)
            for (int32_t i = 0, last = 0; i < 40; i++) {
                int32_t from[8];
                for (uint32_t j = 0; j < w->n_from; j++)
                    from[j] = w->like && p.node->grow[k].from[j] != w->like ? other : i;
                int32_t n = w->length(p.part->self, from), again = w->length(p.part->self, from);
                if (n < 0 || n != again)
                    return fault("the length of its layout %s is %d, and %d when asked again", w->name, n, again);
                if (w->like && n < last)
                    return fault("the length of its layout %s falls from %d to %d where that of `like` grows to %d",
                                 w->name, last, n, i);
                last = n;
            }
    }
    return bad;
}

const check contract_checks[] = {
    { "an input by index", check_indexed }, { "forward alone", check_alone }, { "an output by index", check_index_of }, { "a backend without product", check_bare },
    { "a state carried over", check_carry }, { "decoding", check_decode }, { "a layer that feeds itself", check_feeds },
    { "probabilities", check_predict }, { "lengths of its layouts", check_lengths }, { NULL, NULL } };
