/* datasets.c -- the checks of data sets: each column once and as it was described, examples the same in any order and when
 * asked again, no split that nobody named; for those that read files: one that is not there, an empty one, and small ones
 * in the forms that data have, most of which are wrong for it. It must read them or say why not.                    */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../../host/fields.h"
#include "checks.h"

enum { MOST_COLUMNS = 64, MOST_EXAMPLES = 12 };
static const char nowhere[] = "/nonexistent/there-is-no-such-file";
static const char *const contents[] = {
    "", "\n", "ham hello there\nspam buy now\n\nham\nspam  two  words \n", "label,text,value\na,\"x, y\",1.5\nb,z,2\na,,3\n",
    "label\ttext\nham\thello\nspam\tbuy \"now\n", "EU B-ORG\nrejects O\n\n-DOCSTART- O\n\nPeter B-PER\nBlackburn I-PER\n",
    "{\"text\": \"hello\", \"label\": \"a\", \"numbers\": [1, 2.5]}\n{\"text\": \"\", \"label\": \"b\"}\n",
    "(3 (2 It) (4 (4 works) (2 .)))\n(0 (1 no) (2 !))\n",
    "Package: a\nSection: games\nDescription: short\n long\n .\n\nPackage: b\nSection: libs\n",
    "date,OT,HUFL\n2016-07-01,1.5,2\n2016-07-02,2.5,3\n2016-07-03,3.5,4\n2016-07-04,1,2\n2016-07-05,1,1\n2016-07-06,2,2\n2016-07-07,1,3\n",
    "no end of line", "caf\xc3\xa9 \xff\xfe broken \xe2\x82\n", "a b\r\nc d\r\n", "((((((((", "{\"text\": [[[", "\"open quote\n" };
enum { CONTENTS = sizeof contents / sizeof *contents };

/* ---- one example ------------------------------------------------------------------------------------------- */
typedef struct example {
    const tn_column *column; int columns;
    const char *wanted;                    /* NULL: all of them, as the header has it, but some may not be readable  */
    char which[MOST_COLUMNS];              /* what `wanted` points to                                            */
    int puts[MOST_COLUMNS]; uint64_t hash;
    held kept;                             /* the last value of a line                                           */
    const char *bad;
} example;

static int put(void *to, uint32_t column, const tn_value *v)
{
    example *e = to;
    if (column >= (uint32_t)e->columns) e->bad = "puts a column that it does not have";
    else if (e->puts[column]++) e->bad = "puts a column twice";
    else e->bad = value_fault(v, &e->column[column], 1);
    if (e->bad) return TN_EINVAL;
    if (!e->wanted || e->wanted[column]) e->hash += mixed(hash_value(v), column); /* in any order */
    return TN_OK;
}

/* *refused: it said why it does not read the example. */
static const char *read_example(probe *p, example *e, const char *split, int64_t lanes, int64_t i, int *refused)
{
    const tn_dataset *t = p->part->desc->table;
    tn_sink sink = { sizeof sink, 0, e, put, e->wanted };
    memset(e->puts, 0, sizeof e->puts);
    e->hash = 0, e->bad = NULL;
    host_clear(&p->host);
    int rc = t->read(p->part->self, split, lanes, i, (tn_rng){ 3, (uint64_t)i }, &sink);
    *refused = rc != 0;
    if (e->bad) return e->bad;
    if (rc) return p->host.error[0] ? NULL : "cannot read an example, and does not say why";
    for (int k = 0; k < e->columns; k++)
        if (!e->puts[k] && e->wanted && e->wanted[k]) return fault("did not put the column '%s'", e->column[k].name);
    return NULL;
}

/* ---- a split ------------------------------------------------------------------------------------------------- */
static int64_t pick(int64_t k, int64_t count) { return k < MOST_EXAMPLES / 2 ? k : count - 1 - (k - MOST_EXAMPLES / 2); }

static const char *check_examples(probe *p, example *e, const char *split, int64_t lanes, int64_t count)
{
    uint64_t first[MOST_EXAMPLES] = { 0 };
    int refused[MOST_EXAMPLES], again;
    const char *bad;
    int64_t n = count < MOST_EXAMPLES ? count : MOST_EXAMPLES;
    e->wanted = NULL;
    if (n && (bad = read_example(p, e, split, lanes, 0, &again))) return bad;
    memset(e->which, 1, sizeof e->which);
    e->wanted = e->which;
    for (int64_t k = 0; k < n; k++) {
        if ((bad = read_example(p, e, split, lanes, count < MOST_EXAMPLES ? k : pick(k, count), &refused[k]))) return bad;
        first[k] = e->hash;
    }
    for (int64_t k = n; k-- > 0; ) {
        if ((bad = read_example(p, e, split, lanes, count < MOST_EXAMPLES ? k : pick(k, count), &again))) return bad;
        if (again != refused[k] || (!again && e->hash != first[k]))
            return fault("gives another example %lld of %s when others are asked for before it", (long long)k, split);
    }
    for (int wanted = 0; wanted < e->columns && n && !refused[0]; wanted++) {
        memset(e->which, 0, sizeof e->which);
        e->which[wanted] = 1;
        bad = read_example(p, e, split, lanes, 0, &again);
        if (bad || again) return bad ? bad : fault("cannot read an example where only '%s' is wanted", e->column[wanted].name);
    }
    return NULL;
}

static const char *check_place(probe *p, const char *split)
{
    const tn_dataset *t = p->part->desc->table;
    char *text = guard_alloc(NULL, 64);
    memset(text, 'x', 64);
    if (!TN_HAS(t, place) || t->place(p->part->self, split, 0, text, 64)) return NULL;
    return memchr(text, 0, 64) ? NULL : "place leaves its text without an end";
}

/* *there: it has the split. */
static const char *check_split(probe *p, example *e, const char *split, int *there)
{
    const tn_dataset *t = p->part->desc->table;
    host_clear(&p->host);
    int rc = t->load(p->part->self, split);
    *there = !rc;
    if (rc == TN_END) return NULL;
    if (rc) return p->host.error[0] ? NULL : fault("cannot load %s, and does not say why", split);
    const char *bad = NULL;
    for (int64_t lanes = 1; lanes <= (t->flags & TN_D_LANES ? 3 : 1) && !bad; lanes += 2) {
        int64_t count = t->count(p->part->self, split, lanes);
        if (count >= 0) bad = check_examples(p, e, split, lanes, count);
        else if (!p->host.error[0]) bad = fault("has %lld examples in %s, and does not say why", (long long)count, split);
        if (!bad && count > 0) bad = check_place(p, split);
    }
    return bad;
}

/* ---- columns ------------------------------------------------------------------------------------------------- */
static const char *read_columns(probe *p, tn_column *c, int *n)
{
    const tn_dataset *t = p->part->desc->table;
    for (*n = 0; ; ++*n) {
        tn_column got;
        memset(&got, 0, sizeof got);
        got.size = sizeof got;
        host_clear(&p->host);
        int rc = t->column(p->part->self, (uint32_t)*n, &got);
        if (rc == TN_END) return NULL;
        if (rc) return p->host.error[0] ? "" : "cannot tell its columns, and does not say why";
        if (*n == MOST_COLUMNS) return "";                 /* enough of them */
        if (!got.name || !*got.name) return fault("column %d has no name", *n);
        if ((got.dtype != TN_TEXT && got.dtype != TN_F32 && got.dtype != TN_I32) || got.depth > 2)
            return fault("column '%s' is of type %u and depth %u, which there is not", got.name, got.dtype, got.depth);
        for (int i = 0; i < *n; i++)
            if (!strcmp(c[i].name, got.name)) return fault("has two columns '%s'", got.name);
        c[*n] = got;
        c[*n].name = arena_text(&p->memory, got.name);
    }
}

static const char *check_columns(probe *p, tn_column *c, int *n)
{
    static tn_column again[MOST_COLUMNS];
    int m;
    const char *bad = read_columns(p, c, n);
    if (bad || (bad = read_columns(p, again, &m))) return bad;
    if (*n != m) return fault("has %d columns, and %d the second time", *n, m);
    for (int i = 0; i < m; i++)
        if (strcmp(c[i].name, again[i].name) || c[i].dtype != again[i].dtype || c[i].depth != again[i].depth
            || c[i].width != again[i].width || c[i].classes != again[i].classes || c[i].steps != again[i].steps)
            return fault("describes column '%s' otherwise the second time", c[i].name);
    return NULL;
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */
static int put_kept(void *to, uint32_t column, const tn_value *v)
{
    example *e = to;
    int rc = put(to, column, v);
    return rc ? rc : put_held(&e->kept, column, v);
}

/* The steps that a line has just given as text, which must give them again. */
static const char *check_text(probe *p, example *e, uint32_t column)
{
    static const tn_column text_column = { sizeof text_column, TN_TEXT, 0, 1, "text", 0, 0 };
    const tn_dataset *t = p->part->desc->table;
    example text = { .column = &text_column, .columns = 1 };
    tn_sink sink = { sizeof sink, 0, &text, put_kept, NULL };
    uint64_t hash = e->hash;
    host_clear(&p->host);
    int rc = t->text(p->part->self, column, &e->kept.value, &sink);
    const char *bad = text.bad ? fault("%s (the text of steps)", text.bad) : rc && !p->host.error[0] ? "refuses steps without a message"
                    : !rc && !text.puts[0] ? "puts no text of steps" : NULL;
    if (!bad && !rc) {
        memset(e->puts, 0, sizeof e->puts);
        e->hash = 0;
        sink.to = e;
        rc = t->line(p->part->self, column, text.kept.value.leaf, text.kept.value.end[0], &sink);
        if (rc || e->hash != hash) bad = fault("writes steps of a line as '%.60s', which is read otherwise", (const char *)text.kept.value.leaf);
    }
    held_free(&text.kept);
    return bad;
}

static const char *check_lines(probe *p, example *e)
{
    static const char *const lines[] = { "", "a", "hello there", "1.5 2", "B-PER O" };
    const tn_dataset *t = p->part->desc->table;
    for (int k = 0; TN_HAS(t, line) && k < e->columns * 5; k++) {
        tn_sink sink = { sizeof sink, 0, e, put_kept, NULL };
        size_t n = strlen(lines[k % 5]);
        char *text = at_end(lines[k % 5], n + 1);
        memset(e->puts, 0, sizeof e->puts);
        e->bad = NULL, e->hash = 0;
        host_clear(&p->host);
        int rc = t->line(p->part->self, (uint32_t)(k / 5), text, (int64_t)n, &sink);
        if (e->bad) return fault("%s (of a line)", e->bad);
        if (rc && !p->host.error[0]) return "refuses a line without a message";
        const char *bad = !rc && n && TN_HAS(t, text) ? check_text(p, e, (uint32_t)(k / 5)) : NULL;
        if (bad) return bad;
    }
    held_free(&e->kept);
    return NULL;
}

/* Texts line by line, as predict has them, with the names of a few columns: examples are of these alone and of one shape. */
static const char *feed_text(probe *p, const tn_dataset *t, const char *text, uint32_t n, const char *const *name)
{
    tn_column column[3] = { { .size = sizeof *column } };
    example e = { .column = column, .columns = (int)n };
    tn_sink sink = { sizeof sink, 0, &e, put_kept, NULL };
    for (uint32_t k = 0; k < n; k++) column[k] = (tn_column){ sizeof *column, TN_F32, 1, 1, name[k], 0, 0 };
    int rc = TN_END, first = 1;
    for (const char *at = text, *end; *at && (rc == TN_OK || rc == TN_END) && !e.bad; at = *end ? end + 1 : end, first = 0) {
        end = at + strcspn(at, "\n");
        char *line = at_end(at, (size_t)(end - at) + 1);
        line[end - at] = 0;
        memset(e.puts, 0, sizeof e.puts);
        host_clear(&p->host);
        rc = t->feed(p->part->self, line, end - at, n, name, &sink);
        for (uint32_t k = 0; !rc && !e.bad && k < n; k++)
            if (!e.puts[k]) e.bad = fault("gives an example without '%s'", name[k]);
        if (rc == TN_EUNSUPPORTED && !first && !p->host.error[0]) e.bad = "knows the form of the first line, but not of a later one";
        if (!e.bad && rc && rc != TN_END && rc != TN_EUNSUPPORTED && !p->host.error[0]) e.bad = "refuses a line without a message";
    }
    host_clear(&p->host);
    rc = t->feed(p->part->self, NULL, 0, n, name, &sink);
    if (!e.bad && rc && rc != TN_END && !p->host.error[0]) e.bad = "refuses the end of a text without a message";
    held_free(&e.kept);
    return e.bad ? fault("%s (of a text line by line: '%.30s')", e.bad, text) : NULL;
}

static const char *check_feed(probe *p)
{
    static const char *const name[] = { "OT", "HUFL", "nowhere" };
    const tn_dataset *t = p->part->desc->table;
    const char *bad = NULL;
    for (int i = 0; TN_HAS(t, feed) && i < CONTENTS && !bad; i++)
        for (uint32_t n = 0; n <= 3 && !bad; n++) bad = feed_text(p, t, contents[i], n, name);
    return bad;
}

static const char *check_files(const probe *p)
{
    const tn_dataset *t = p->part->desc->table;
    const char *path;
    for (uint32_t i = 0; TN_HAS(t, file); i++) {
        path = NULL;
        if (t->file(p->part->self, i, &path)) break;
        if (!path) return fault("file %u has no name", i);
        if (i > 100000) return "names files without end";
    }
    return NULL;
}

/* With these options: opened, described, its splits read. */
static const char *check_with(const subject *s, const char *options)
{
    static const char *const splits[] = { "train", "validation", "test" };
    static probe p;
    static tn_column column[MOST_COLUMNS];
    static example e;
    int there, n;
    guard_reset();
    if (probe_part(&p, s->path, s->kind, s->name, options)) return NULL;
    process_before(s->path);
    if (part_open(&p.context, p.part)) return p.host.error[0] ? NULL : "cannot be opened, and does not say why";
    const char *bad = check_columns(&p, column, &n);
    if (bad) return *bad ? bad : NULL;
    e = (example){ .column = column, .columns = n };
    if ((bad = check_lines(&p, &e)) || (bad = check_feed(&p))) return bad;
    for (int i = 0; i < 3 && !bad; i++) bad = check_split(&p, &e, splits[i], &there);
    if (!bad) bad = check_files(&p);
    if (!bad) bad = guard_check();
    part_close(p.part);
    return bad ? bad : process_after();
}

const char *check_dataset(const subject *s)
{
    arena a = { NULL };
    char error[900];
    if (s->kind != TN_DATASET) return NULL;
    const char *name = arena_print(&a, "%s:%s", s->path, s->name);
    const plugin_file *f = registry_find(probe_registry(&a), s->kind, name, error, sizeof error);
    if (!f) return fault("%s", error);
    const char *options = file_options(&a, f->desc, s->options, nowhere), *bad;
    if ((bad = check_with(s, s->options))) return bad;
    if (options && (bad = check_with(s, options))) return fault("%s (its files do not exist)", bad);
    for (int i = 0; i < CONTENTS && options; i++) {
        size_t n = strlen(contents[i]);
        int fd = memfd_create("data", 0);
        if (fd < 0) break;
        if (write(fd, contents[i], n) == (ssize_t)n) {
            options = file_options(&a, f->desc, s->options, arena_print(&a, "/proc/self/fd/%d", fd));
            if ((bad = check_with(s, options))) return fault("%s (its files are: '%.30s')", bad, contents[i]);
        }
        close(fd);
    }
    return NULL;
}
