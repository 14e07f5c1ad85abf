/* transforms.c -- the checks of transforms: on texts and numbers of every depth that the part takes, made by hand and at
 * random, each right before a page that may not be read. What comes out must be as planned, and the same whenever, wherever
 * and after whatever it is asked for; also from what save wrote of a transform that learns.                        */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "../../include/tenon/utf8.h"
#include "checks.h"

enum { RANDOM_TEXTS = 24, MOST_VALUES = 64, LONG = 3000 };

static const tn_column shapes[] = {
    { sizeof(tn_column), TN_TEXT, 0, 1, "text", 0, 0 }, { sizeof(tn_column), TN_TEXT, 1, 1, "steps", 0, 0 },
    { sizeof(tn_column), TN_TEXT, 2, 1, "steps of steps", 0, 0 }, { sizeof(tn_column), TN_F32, 0, 1, "a number", 0, 0 },
    { sizeof(tn_column), TN_F32, 0, 3, "numbers", 0, 0 }, { sizeof(tn_column), TN_F32, 1, 3, "steps of numbers", 0, 0 },
    { sizeof(tn_column), TN_I32, 1, 1, "ids", 5, 0 } };
static const char *const texts[] = {
    "", "a", "\xe6\x88\x91", " ", "\n\t \r\n", "12.5", "-3", "1e3 7", "B-PER I-PER O B-LOC", "O O", "The cats sat; 3.14 and 1,000!",
    "don't  stop -- it's U.S.A.", "e\xcc\x81\xcc\xa7 \xef\xac\x81 \xc3\x84\xc3\x9f",
    "\xe6\x88\x91\xe7\x88\xb1\xe5\x8c\x97\xe4\xba\xac",
    "\xf0\x9f\x98\x80 \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb", "<p>5 &lt; 6 &amp;&#8364; <br/>ok</p> <", "a_b/c\\d|e=f@@ g@@",
    "From: a@b.c\nSubject: Re: x\n\n> quoted\nbody\n-- \nsigned", "&", "<", "\"", "the the the the" };
/* Cut short, a continuation alone, an overlong form, a surrogate, a byte that no text has. */
static const char *const broken[] = { "ab\xe2\x82", "\x80", "a\xc0\xafz", "\xed\xa0\x80", "\xff word \xfe", "\xf0\x9f\x98",
                                      "caf\xc3" };
enum { TEXTS = sizeof texts / sizeof *texts, BROKEN = sizeof broken / sizeof *broken, SHAPES = sizeof shapes / sizeof *shapes };

/* ---- values ---------------------------------------------------------------------------------------------- */
typedef struct made { tn_value v; size_t bytes; uint64_t hash; int left_out; } made;

void *at_end(const void *p, size_t n)
{
    size_t rounded = (n + 63) & ~(size_t)63;
    char *to = (char *)guard_alloc(NULL, rounded) + (rounded - n);
    return n ? memcpy(to, p, n) : to;
}

static uint64_t hash_bytes(uint64_t h, const void *p, size_t n)
{
    const unsigned char *b = p;
    for (size_t i = 0; i < n; i++) h = (h ^ b[i]) * 1099511628211u;
    return h;
}

uint64_t hash_value(const tn_value *v)
{
    size_t bytes = v->dtype == TN_TEXT ? (size_t)(v->leaves ? v->end[v->leaves - 1] : 0) : 4 * (size_t)(v->leaves * v->width);
    uint64_t h = hash_bytes(7, &v->n, sizeof v->n);
    h = hash_bytes(h, v->leaf, bytes);
    if (v->dtype == TN_TEXT) h = hash_bytes(h, v->end, sizeof *v->end * (size_t)v->leaves);
    return v->depth == 2 ? hash_bytes(h, v->inner, sizeof *v->inner * (size_t)v->n) : h;
}

static size_t put_character(char *to, uint32_t c)
{
    if (c < 0x80) return to[0] = (char)c, 1;
    if (c < 0x800) return to[0] = (char)(0xc0 | c >> 6), to[1] = (char)(0x80 | (c & 63)), 2;
    return to[0] = (char)(0xe0 | c >> 12), to[1] = (char)(0x80 | (c >> 6 & 63)), to[2] = (char)(0x80 | (c & 63)), 3;
}

/* Letters, signs, digits, spaces, accents and Chinese. */
static size_t random_text(char *to, uint64_t seed)
{
    static const struct { uint32_t from, n; } range[] = { { 'a', 26 }, { ' ', 95 }, { ' ', 1 }, { 0xa1, 0x1d0 }, { 0x300, 0x50 },
                                                          { 0x4e00, 0x3000 }, { '0', 10 }, { 0x2010, 0x30 } };
    size_t n = 0;
    for (uint64_t k = mixed(seed, 1) % 40; k > 0; k--) {
        uint64_t r = mixed(seed, k + 2);
        n += put_character(to + n, range[r & 7].from + (uint32_t)((r >> 8) % range[r & 7].n));
    }
    return n;
}

/* A text as it is, its words, or the characters of its words. */
static made text_value(const char *text, size_t n, uint32_t depth)
{
    made m = { { sizeof m.v, TN_TEXT, depth, 1, 1, 1, NULL, NULL, NULL }, n, 0, 0 };
    int64_t *end = memory_new(sizeof *end * (n + 2)), bytes = 0;
    int32_t *inner = memory_new(sizeof *inner * (n + 2));
    char *leaf = memory_new(n + 1);
    m.v.n = m.v.leaves = 0;
    for (size_t i = 0; depth && i <= n; i++) {
        int last = i == n, ends = last || text[i] == ' ', after = !last && ((unsigned char)text[i + 1] & 0xc0) != 0x80;
        if (last && !n) break;
        if (!ends) leaf[bytes++] = text[i];
        if (depth == 2 && !ends && (i + 1 == n || after)) end[m.v.leaves++] = bytes, inner[m.v.n]++;
        if (ends && depth == 1) end[m.v.leaves++] = bytes;
        if (ends) m.v.n++;
    }
    if (!depth) end[0] = (int64_t)n, m.v.n = m.v.leaves = 1, memcpy(leaf, text, n), bytes = (int64_t)n;
    m.v.leaf = at_end(leaf, (size_t)bytes), m.bytes = (size_t)bytes;
    m.v.end = at_end(end, sizeof *end * (size_t)m.v.leaves);
    if (depth == 2) m.v.inner = at_end(inner, sizeof *inner * (size_t)m.v.n);
    memory_free(end), memory_free(inner), memory_free(leaf);
    m.hash = hash_value(&m.v);
    return m;
}

static made number_value(const tn_column *c, int k)
{
    int64_t steps = c->depth ? k % 6 : 1, n = steps * c->width;
    union { float x; int32_t id; } *leaf = memory_new(sizeof *leaf * (size_t)(n + 1));
    for (int64_t i = 0; i < n; i++)
        if (c->dtype == TN_I32) leaf[i].id = (int32_t)((k + i) % c->classes);
        else leaf[i].x = i % c->width == 2 ? 4.0f : 100 * made_up((uint64_t)k, (uint64_t)i); /* a column that never changes, too */
    tn_value v = { sizeof v, c->dtype, c->depth, c->width, steps, steps, NULL, at_end(leaf, 4 * (size_t)n), NULL };
    made m = { v, 4 * (size_t)n, 0, 0 };
    memory_free(leaf);
    m.hash = hash_value(&m.v);
    return m;
}

static int make_values(const tn_column *c, uint64_t seed, made *m)
{
    char text[LONG + 1];
    int n = 0;
    if (c->dtype != TN_TEXT) {
        for (; n < 20; n++) m[n] = number_value(c, n);
        return n;
    }
    for (int i = 0; i < TEXTS; i++) m[n++] = text_value(texts[i], strlen(texts[i]), c->depth);
    for (int i = 0; i < RANDOM_TEXTS; i++) m[n++] = text_value(text, random_text(text, mixed(seed, (uint64_t)i)), c->depth);
    memset(text, 'x', LONG);
    m[n++] = text_value(text, LONG, c->depth);
    for (int i = 2; i < LONG; i += 5) text[i] = ' ';
    m[n++] = text_value(text, LONG, c->depth);
    return n;
}

/* ---- what comes out -------------------------------------------------------------------------------------- */
typedef struct answer {
    const tn_column *planned;
    int any_text;                          /* the text that went in was none, so the one that comes out need not be   */
    int puts, rc; uint64_t hash;
    const char *bad;
    float *number; int64_t numbers;        /* a copy, where `keeps`                                                   */
    int keeps;
} answer;

static const char *wrong_shape(const tn_value *v, const tn_column *c)
{
    if (v->leaves < 0 || (v->leaves && !v->leaf) || (v->leaves && v->dtype == TN_TEXT && !v->end)
        || (v->n && v->depth == 2 && !v->inner))
        return "gives a value that lacks its leaves, its ends or its inner steps";
    if (v->dtype != c->dtype || v->depth != c->depth || v->width != (c->width ? c->width : 1))
        return "gives values of another type, depth or width than its plan says";
    if (v->n < 0 || v->leaves < 0 || (v->depth == 0 && v->n != 1) || (v->depth < 2 && v->leaves != v->n))
        return "gives a value whose steps (n) and leaves do not fit each other";
    int64_t sum = 0;
    for (int64_t i = 0; v->depth == 2 && i < v->n; i++)
        if (v->inner[i] < 0) return "gives a step with a negative number of steps in it";
        else sum += v->inner[i];
    if (v->depth == 2 && sum != v->leaves) return "gives steps of steps whose numbers (inner) do not add up to the leaves";
    if (c->steps && v->depth == 1 && v->n != c->steps) return "gives another number of steps than its plan says";
    return NULL;
}

static const char *wrong_leaves(const tn_value *v, const tn_column *c, int any_text)
{
    for (int64_t i = 0, from = 0; v->dtype == TN_TEXT && i < v->leaves; from = v->end[i++]) {
        if (v->end[i] < from) return "gives texts that end before they begin";
        size_t n = (size_t)(v->end[i] - from);
        if (!any_text && tn_utf8_fault((const char *)v->leaf + from, n) < n)
            return "gives a text that is not UTF-8, of one that is";
    }
    for (int64_t i = 0; v->dtype != TN_TEXT && i < v->leaves * v->width; i++)
        if (v->dtype == TN_F32 ? !isfinite(((const float *)v->leaf)[i])
            : c->classes && (((const int32_t *)v->leaf)[i] < 0 || ((const int32_t *)v->leaf)[i] >= c->classes))
            return v->dtype == TN_F32 ? "gives a number that is not finite" : "gives an id that is none of its classes";
    return NULL;
}

const char *value_fault(const tn_value *v, const tn_column *c, int any_text)
{
    const char *bad = wrong_shape(v, c);
    return bad ? bad : wrong_leaves(v, c, any_text);
}

static int put_answer(void *to, uint32_t column, const tn_value *v)
{
    answer *a = to;
    if (column) a->bad = "puts another column than 0";
    if (!a->bad) a->bad = value_fault(v, a->planned, a->any_text);
    a->puts++;
    if (a->bad) return TN_EINVAL;
    a->hash = hash_value(v);
    if (a->keeps && v->dtype == TN_F32) {
        a->numbers = v->leaves * v->width;
        a->number = memory_new(sizeof(float) * (size_t)(a->numbers + 1));
        if (a->numbers) memcpy(a->number, v->leaf, sizeof(float) * (size_t)a->numbers);
    }
    return TN_OK;
}

/* One value through the transform. NULL, or the fault; a refusal with a message is none. */
static const char *ask(probe *p, const made *m, uint64_t number, answer *a)
{
    tn_sink sink = { sizeof sink, 0, a, put_answer, NULL };
    const tn_transform *t = p->part->desc->table;
    host_clear(&p->host);
    a->rc = t->apply(p->part->self, &m->v, (tn_rng){ 7, number }, &sink);
    if (a->bad) return a->bad;
    if (a->rc) return a->hash = 1, p->host.error[0] ? NULL : "refuses a value without a message; api->fail() must be told why";
    return a->puts == 1 ? NULL : "says TN_OK, but did not put its value once";
}

/* ---- an instance ------------------------------------------------------------------------------------------- */
typedef struct bytes { char *at; size_t n, used; } bytes;
static int put_bytes(void *to, const void *p, size_t n)
{
    bytes *b = to;
    b->at = memory_grow(b->at, b->n, b->n + n);
    if (n) memcpy(b->at + b->n, p, n);
    b->n += n;
    return TN_OK;
}
static int get_bytes(void *from, void *p, size_t n)
{
    bytes *b = from;
    if (n > b->n - b->used) return TN_EIO;
    if (n) memcpy(p, b->at + b->used, n);
    b->used += n;
    return TN_OK;
}

/* Opened and planned for a column. NULL; "": it refuses, and says why in p->host.error. */
static const char *instance(probe *p, const subject *s, const tn_column *in, tn_column *out)
{
    if (probe_part(p, s->path, s->kind, s->name, s->options)) return "";
    if (part_open(&p->context, p->part)) return p->host.error[0] ? "" : "cannot be opened, and does not say why";
    const tn_transform *t = p->part->desc->table;
    memset(out, 0, sizeof *out);
    host_clear(&p->host);
    if (t->plan(&host_api, &p->host, p->part->config, p->part->self, in, out))
        return p->host.error[0] ? "" : fault("refuses a column (%s) without a message; api->fail() must be told why", in->name);
    if ((out->dtype != TN_TEXT && out->dtype != TN_F32 && out->dtype != TN_I32) || out->depth > 2)
        return fault("plans a column of type %u and depth %u, which there is not", out->dtype, out->depth);
    return NULL;
}

/* What it learns from all values that it does not refuse. *learned: how many. */
static const char *learn(probe *p, made *m, int n, int *learned)
{
    const tn_transform *t = p->part->desc->table;
    *learned = 0;
    for (int i = 0; i < n; i++) {
        host_clear(&p->host);
        if (m[i].left_out) continue;
        if (!t->learn(p->part->self, &m[i].v)) ++*learned;
        else if (!p->host.error[0]) return "refuses to learn from a value without a message";
        else m[i].left_out = 1;
    }
    host_clear(&p->host);
    if (!*learned || !t->finish(p->part->self)) return NULL;
    *learned = 0;
    return p->host.error[0] ? NULL : "cannot finish learning, and does not say why";
}

/* ---- the same answers ---------------------------------------------------------------------------------------- */
typedef struct errand {
    probe *p;
    const made *m; int n, backwards;
    const tn_column *out;
    uint64_t hash[MOST_VALUES];
    const char *bad;
} errand;

static void *run_errand(void *to)
{
    errand *e = to;
    for (int k = 0; k < e->n && !e->bad; k++) {
        int i = e->backwards ? e->n - 1 - k : k;
        answer a = { .planned = e->out };
        e->bad = ask(e->p, &e->m[i], (uint64_t)i, &a);
        e->hash[i] = a.hash;
    }
    return NULL;
}

static const char *compare(const errand *a, const errand *b, const char *how)
{
    if (b->bad) return b->bad;
    for (int i = 0; i < a->n; i++)
        if (a->hash[i] != b->hash[i]) {
            const tn_value *v = &a->m[i].v;
            int64_t n = v->dtype == TN_TEXT && v->leaves ? v->end[v->leaves - 1] : 0;
            return fault("gives another value for the same one %s%s%.*s%s", how, n ? ": '" : "", (int)(n < 60 ? n : 60),
                         n ? (const char *)v->leaf : "", n ? "'" : "");
        }
    return NULL;
}

static const char *undone(probe *p, const made *m, int n, const tn_column *out)
{
    const tn_transform *t = p->part->desc->table;
    for (int i = 0; i < n && TN_HAS(t, undo) && out->dtype == TN_F32; i++) {
        answer a = { .planned = out, .keeps = 1 };
        if (m[i].v.dtype != TN_F32 || ask(p, &m[i], (uint64_t)i, &a) || a.rc || a.numbers != m[i].v.leaves * m[i].v.width) continue;
        if (t->undo(p->part->self, m[i].v.leaves, m[i].v.width, a.number)) return "undo failed on what apply gave";
        for (int64_t k = 0; k < a.numbers; k++) {
            float was = ((const float *)m[i].v.leaf)[k];
            if (!(fabsf(a.number[k] - was) <= 1e-3f * (1 + fabsf(was))))
                return fault("undo makes %g of what was %g", (double)a.number[k], (double)was);
        }
    }
    return NULL;
}

/* Instances of their own on two threads at once; one of them goes through the values backwards. */
static const char *beside(const subject *s, const tn_column *in, const tn_column *out, const bytes *saved, const errand *first)
{
    static probe p[2];
    static errand e[2];
    tn_column again;
    pthread_t thread[2];
    for (int k = 0; k < 2; k++) {
        const char *bad = instance(&p[k], s, in, &again);
        bytes from = *saved;
        if (bad || memcmp(&again.dtype, &out->dtype, sizeof again - offsetof(tn_column, dtype)))
            return "plans otherwise the second time";
        if (saved->at && p[k].part->desc->load(p[k].part->self, get_bytes, &from)) return "load refuses what save wrote";
        e[k] = (errand){ .p = &p[k], .m = first->m, .n = first->n, .backwards = k, .out = out };
    }
    for (int k = 0; k < 2; k++)
        if (pthread_create(&thread[k], NULL, run_errand, &e[k])) return "cannot start a thread";
    for (int k = 0; k < 2; k++) pthread_join(thread[k], NULL);
    const char *bad = compare(first, &e[0], saved->at ? "after load" : "in an instance of its own, beside another");
    return bad ? bad : compare(first, &e[1], "when others come before it; it must not depend on other examples");
}

/* ---- a column ------------------------------------------------------------------------------------------------ */
static const char *check_values(const subject *s, const tn_column *in, probe *p, made *m, int n, const tn_column *out)
{
    static errand first, again;
    const tn_transform *t = p->part->desc->table;
    bytes saved = { NULL, 0, 0 };
    const char *bad;
    first = (errand){ .p = p, .m = m, .n = n, .out = out }, again = first;
    run_errand(&first), run_errand(&again);
    if (first.bad) return first.bad;
    if ((bad = compare(&first, &again, "the second time"))) return bad;
    if (TN_HAS(t, learn) && p->part->desc->save(p->part->self, put_bytes, &saved)) return "save failed";
    if ((bad = beside(s, in, out, &saved, &first)) || (bad = undone(p, m, n, out))) return bad;
    for (int i = 0; i < n; i++)
        if (hash_value(&m[i].v) != m[i].hash) return "changed the value that it was given";
    for (int i = 0; i < BROKEN && in->dtype == TN_TEXT; i++) { /* which the host lets nobody see */
        made b = text_value(broken[i], strlen(broken[i]), in->depth);
        answer a = { .planned = out, .any_text = 1 };
        if ((bad = ask(p, &b, 0, &a))) return fault("%s (of a text that is not UTF-8)", bad);
    }
    return guard_check();
}

/* "": the part does not take such columns. */
static const char *check_column(const subject *s, const tn_column *in)
{
    static probe p, fresh;
    static made m[MOST_VALUES];
    tn_column out;
    int n = make_values(in, s->seed, m), learned;
    const char *bad = instance(&p, s, in, &out);
    if (bad) return bad;
    const tn_transform *t = p.part->desc->table;
    if (TN_HAS(t, learn)) {
        if (!TN_HAS(t, finish) || !p.part->desc->save || !p.part->desc->load)
            return "learns, but lacks one of finish, save and load";
        if ((bad = learn(&p, m, n, &learned)) || (bad = instance(&fresh, s, in, &out))) return bad;
        int kept = 0; /* the host ends a run where a value is refused, so only the others count */
        for (int i = 0; i < n; i++)
            if (!m[i].left_out) m[kept++] = m[i];
        if ((bad = learn(&fresh, m, n = kept, &learned))) return bad;
        if (!learned) return "";
        return check_values(s, in, &fresh, m, n, &out);
    }
    return check_values(s, in, &p, m, n, &out);
}

const char *check_transform(const subject *s)
{
    int takes = 0;
    static probe once;
    if (s->kind != TN_TRANSFORM || probe_part(&once, s->path, s->kind, s->name, s->options)) return NULL;
    if (part_open(&once.context, once.part)) return once.host.error[0] ? NULL : "cannot be opened, and does not say why";
    process_before(s->path);
    for (int i = 0; i < SHAPES; i++) {
        guard_reset();
        const char *bad = check_column(s, &shapes[i]);
        if (bad && *bad) return fault("%s (on %s)", bad, shapes[i].name);
        takes += !bad;
    }
    return takes ? process_after() : "refuses every column that was offered: texts and numbers, with steps and without";
}
