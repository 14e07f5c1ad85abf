/* verdict.c -- see verdict.h. Each figure has a verdict of its own; all of them together are reached if none is missed. */
#include <jansson.h>
#include <math.h>
#include <string.h>
#include "verdict.h"

/* ---- one figure --------------------------------------------------------------------------------------------------- */
/* As missed_by(), of `parity_mean` and `parity_error`: another program's mean over its seeds, and the standard error of that.
 * The means must lie within two standard errors of their difference:
 *     |a - b| <= 2 sqrt(deviation^2 / seeds + parity_error^2)                                                        */
static double missed_parity(const figure *f, const spread *s, char *words, size_t size)
{
    const config_value *mean = config_get(f->accept, "parity_mean"), *error = mean ? config_get(f->accept, "parity_error") : NULL;
    words[0] = 0;
    if (!mean) return NAN;
    double theirs = error ? error->real : 0, ours = s->deviation / sqrt(s->n);
    snprintf(words, size, "parity with %.6g +- %.2g", mean->real, theirs);
    return fabs(s->mean - mean->real) - 2 * hypot(ours, theirs);
}

/* What `accept` asks for, in words, and by how much the runs miss it: 0 or less is reached, INFINITY where no run has the figure.
 * NAN: it asks for nothing.                                                                                          */
static double missed_by(const figure *f, const spread *s, char *words, size_t size)
{
    static const char *const key[] = { "mean_at_least", "mean_at_most", "best_at_least", "best_at_most" };
    const double ours[] = { s->mean, s->mean, s->most, s->least };
    double worst = missed_parity(f, s, words, size);
    int asks = words[0] != 0;
    for (int i = 0; i < 4; i++) {
        const config_value *v = config_get(f->accept, key[i]);
        if (!v) continue;
        double miss = i % 2 ? ours[i] - v->real : v->real - ours[i];
        if (!(worst >= miss)) worst = miss;
        size_t n = strlen(words);
        snprintf(words + n, size - n, "%s%s %s %.6g", n ? ", " : "", i < 2 ? "mean" : "best", i % 2 ? "<=" : ">=", v->real);
        asks = 1;
    }
    return asks && !s->n ? INFINITY : worst;
}

static double miss_of(const experiment *e, const record *r, int k)
{
    char words[200];
    return missed_by(&e->published.figure[k], &r->over[k], words, sizeof words);
}

int some_missed(const experiment *e, const record *r)
{
    int n = 0;
    for (int k = 0; k < e->published.n; k++) n += miss_of(e, r, k) > 0;
    return n;
}

int not_whole(const experiment *e, const record *r)
{
    int n = r->stale || r->missing;
    for (int k = 0; k < e->published.n; k++) n += r->lacks[k] != 0;
    return n != 0;
}

static unsigned long long seed_of(const record *r, int n) { return r->first_seed + (unsigned long long)n - 1; }

/* Why nothing can be said, whatever the figures are. 0: something can. */
static int word_fault(const record *r, char *verdict, size_t size)
{
    if (r->stale) snprintf(verdict, size, "stale: %.250s", r->stale);
    else if (r->missing) snprintf(verdict, size, "incomplete: it has no run of seed %llu", seed_of(r, r->missing));
    return r->stale || r->missing;
}

static void word_figure(const record *r, int k, double miss, char *verdict, size_t size)
{
    if (word_fault(r, verdict, size)) return;
    if (r->lacks[k]) snprintf(verdict, size, "incomplete: it has none of seed %llu", seed_of(r, r->lacks[k]));
    else if (isnan(miss)) snprintf(verdict, size, "nothing is asked for");
    else if (isinf(miss)) snprintf(verdict, size, "missed: no run has one");
    else if (miss > 0) snprintf(verdict, size, "missed by %.3g", miss);
    else snprintf(verdict, size, "reached");
}

/* Of several figures. */
static void word_whole(const experiment *e, const record *r, char *verdict, size_t size)
{
    int missed = some_missed(e, r), asked = 0;
    for (int k = 0; k < e->published.n; k++) asked += !isnan(miss_of(e, r, k));
    if (word_fault(r, verdict, size)) return;
    if (not_whole(e, r)) snprintf(verdict, size, "incomplete: it lacks a figure");
    else if (!asked) snprintf(verdict, size, "nothing is asked for");
    else if (missed) snprintf(verdict, size, "missed: %d of %d", missed, asked);
    else snprintf(verdict, size, "reached");
}

/* ---- as a table --------------------------------------------------------------------------------------------------- */
#define COLUMNS "%-28s %-24s %10s  %-30s %-32s %s"

void print_heading(void) { printf(COLUMNS "\n", "experiment", "metric", "published", "accepted", "ours", "verdict"); }

static void print_row(const experiment *e, const record *r, int k)
{
    const figure *f = &e->published.figure[k];
    const spread *s = &r->over[k];
    char words[200], ours[100], some[24] = "", verdict[300], value[40] = "-";
    word_figure(r, k, missed_by(f, s, words, sizeof words), verdict, sizeof verdict);
    if (f->has_value) snprintf(value, sizeof value, "%.6g", f->value);
    if (s->n < r->seeds) snprintf(some, sizeof some, "%d of ", s->n);
    if (!s->n) snprintf(ours, sizeof ours, "- (%s%d seed%s)", some, r->seeds, r->seeds > 1 ? "s" : "");
    else if (r->seeds > 1) snprintf(ours, sizeof ours, "%.6g +- %.2g (%s%d seeds)", s->mean, s->deviation, some, r->seeds);
    else snprintf(ours, sizeof ours, "%.6g (1 seed)", s->mean);
    printf(COLUMNS, e->name, f->metric, value, words[0] ? words : "-", ours, verdict);
}

/* What of the record could not be compared, behind the verdict. */
static void end_row(const record *r)
{
    if (r->n_unseen) {
        printf(" (data not compared: %s", r->unseen[0]);
        if (r->n_unseen > 1) printf(" and %d more", r->n_unseen - 1);
        printf(" not here)");
    }
    putchar('\n');
}

static void print_table(const experiment *e, const record *r)
{
    char verdict[300];
    for (int k = 0; k < e->published.n; k++) {
        print_row(e, r, k);
        if (e->published.n > 1) putchar('\n');
    }
    if (e->published.n > 1) {
        word_whole(e, r, verdict, sizeof verdict);
        printf(COLUMNS, e->name, "all of them", "", "", "", verdict);
    }
    end_row(r);
}

/* ---- as JSON ------------------------------------------------------------------------------------------------------ */
static json_t *number(double x) { return isfinite(x) ? json_real(x) : json_null(); }

/* The keys of one figure, added to j. */
static void put_figure(json_t *j, const experiment *e, const record *r, int k)
{
    const figure *f = &e->published.figure[k];
    const spread *s = &r->over[k];
    char words[200], verdict[300];
    word_figure(r, k, missed_by(f, s, words, sizeof words), verdict, sizeof verdict);
    json_object_set_new(j, "metric", json_string(f->metric));
    json_object_set_new(j, "mean", number(s->mean));
    json_object_set_new(j, "deviation", number(s->deviation));
    json_object_set_new(j, "least", number(s->least));
    json_object_set_new(j, "most", number(s->most));
    json_object_set_new(j, "seeds", json_integer(s->n));
    json_object_set_new(j, "verdict", json_string(verdict));
    if (f->has_value) json_object_set_new(j, "published", json_real(f->value));
    if (words[0]) json_object_set_new(j, "accept", json_string(words));
}

static void print_json(const experiment *e, const record *r)
{
    char verdict[300];
    json_t *j = json_pack("{s:s, s:s}", "experiment", e->name, "file", e->path), *unseen = json_array(), *all = json_array();
    for (int k = 0; e->published.n > 1 && k < e->published.n; k++) {
        json_t *one = json_object();
        put_figure(one, e, r, k);
        json_array_append_new(all, one);
    }
    if (e->published.n > 1) {
        word_whole(e, r, verdict, sizeof verdict);
        json_object_set(j, "figures", all);
        json_object_set_new(j, "seeds", json_integer(r->seeds));
        json_object_set_new(j, "verdict", json_string(verdict));
    } else put_figure(j, e, r, 0);
    for (int i = 0; i < r->n_unseen; i++) json_array_append_new(unseen, json_string(r->unseen[i]));
    json_object_set_new(j, "not_compared", unseen);
    char *text = json_dumps(j, JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(10));
    if (text) printf("%s\n", text);
    free(text);
    json_decref(all);
    json_decref(j);
}

void print_verdict(const experiment *e, const record *r, int json) { (json ? print_json : print_table)(e, r); }
