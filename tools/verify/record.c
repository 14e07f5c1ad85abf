/* record.c -- see record.h. The record holds hashes of the experiment and of its data, so that nobody mistakes figures of
 * an older file for those of this one.                                                                           */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "../../host/file.h"
#include "../../host/run_dir.h"
#include "record.h"

void record_digest(experiment *e, char hex[65])
{
    SHA2_CTX c;
    SHA256Init(&c);
    for (int i = 0; i < e->root->n; i++) {
        const config_value *v = e->root->item[i];
        if (!strcmp(v->key, "published") || !strcmp(v->key, "seed")) continue;
        const char *text = arena_print(&e->memory, "%s = %s\n", v->key, config_print(&e->memory, v));
        SHA256Update(&c, (const uint8_t *)text, strlen(text));
    }
    SHA256End(&c, hex);
}

/* ---- a finished run ------------------------------------------------------------------------------------------- */
static json_t *read_json(const char *folder, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return json_load_file(path, 0, NULL);
}

static double seconds_of(const char *folder)
{
    double training, test;
    run_dir_times(folder, &training, &test);
    return isnan(training) ? 0 : training;
}

void record_run(record *r, int i, const published *p, const double *value, const char *folder)
{
    for (int k = 0; k < p->n; k++) r->value[k][i] = value[k];
    r->seconds[i] = seconds_of(folder);
}

void record_sum(record *r, const published *p)
{
    double has[MOST_SEEDS];
    for (int k = 0; k < p->n; k++) {
        int n = 0;
        for (int i = 0; i < r->seeds; i++)
            if (!isnan(r->value[k][i])) has[n++] = r->value[k][i];
        r->over[k] = spread_of(has, n);
    }
}

/* ---- the file -------------------------------------------------------------------------------------------------- */
static const char *record_path(experiment *e, int make_folder)
{
    const char *slash = strrchr(e->path, '/'), *base = slash ? slash + 1 : e->path, *dot = strrchr(base, '.');
    const char *folder = arena_print(&e->memory, "%.*srecorded", (int)(base - e->path), e->path);
    if (make_folder) (void)mkdir(folder, 0777);
    return arena_print(&e->memory, "%s/%.*s.json", folder, dot ? (int)(dot - base) : (int)strlen(base), base);
}

static void put_text(void *to, const char *name, const char *text) { json_object_set_new(to, name, json_string(text)); }

static json_t *number(double x) { return isnan(x) ? json_null() : json_real(x); }

/* {"seed": 1, "value": the first figure, "figures": {the further ones by name}, "seconds": 2.5} */
static json_t *run_of(const record *r, const published *p, int i)
{
    json_t *run = json_pack("{s:I, s:o}", "seed", (json_int_t)r->first_seed + i, "value", number(r->value[0][i])), *further = json_object();
    for (int k = 1; k < p->n; k++) json_object_set_new(further, p->figure[k].metric, number(r->value[k][i]));
    if (p->n > 1) json_object_set(run, "figures", further);
    json_decref(further);
    json_object_set_new(run, "seconds", json_real(r->seconds[i]));
    return run;
}

int record_write(const record *r, experiment *e, const char *folder, char *error, size_t size)
{
    char digest[65];
    json_t *j = json_object(), *files = json_object(), *runs = json_array(), *lock = read_json(folder, "lock.json");
    record_digest(e, digest);
    run_dir_data_files(e, put_text, files);
    for (int i = 0; i < r->seeds; i++) json_array_append_new(runs, run_of(r, &e->published, i));
    json_object_set_new(j, "metric", json_string(e->published.figure[0].metric));
    json_object_set_new(j, "runs", runs);
    json_object_set_new(j, "experiment_sha256", json_string(digest));
    json_object_set_new(j, "data_sha256", files);
    for (const char *const *k = (const char *const[]){ "host", "isa", "processor", "threads", NULL }; *k; k++)
        if (json_object_get(lock, *k)) json_object_set(j, *k, json_object_get(lock, *k));
    char *text = json_dumps(j, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(10));
    int rc = -1;
    const char *path = record_path(e, 1);
    if (!text) snprintf(error, size, "cannot write %s: no memory", path);
    else rc = file_join(path, (file_piece[]){ { text, strlen(text) }, { "\n", 1 } }, 2, error, size);
    free(text);
    json_decref(lock);
    json_decref(j);
    return rc;
}

/* Data files that the record has and that were not met yet, and the last one met that has another hash. */
typedef struct comparison { arena *memory; json_t *left; const char *changed; } comparison;

static void compare_data(void *to, const char *name, const char *hex)
{
    comparison *c = to;
    json_t *recorded = json_object_get(c->left, name);
    if (!json_is_string(recorded) || strcmp(json_string_value(recorded), hex)) c->changed = arena_text(c->memory, name);
    json_object_del(c->left, name);
}

/* A figure of a run, which is the record's own metric or one of its further ones. NULL: it was not recorded. */
static json_t *figure_of(json_t *j, json_t *run, const char *metric)
{
    const char *own = json_string_value(json_object_get(j, "metric"));
    json_t *v = json_object_get(own && !strcmp(own, metric) ? run : json_object_get(run, "figures"),
                                own && !strcmp(own, metric) ? "value" : metric);
    return json_is_number(v) || json_is_null(v) ? v : NULL;
}

/* Each seed once. */
static void read_runs(record *r, const published *p, json_t *j)
{
    char has[MOST_SEEDS + 1] = { 0 };
    json_t *run, *runs = json_object_get(j, "runs");
    size_t at;
    json_array_foreach(runs, at, run) {
        json_int_t seed = json_integer_value(json_object_get(run, "seed")) - (json_int_t)r->first_seed + 1;
        if (seed < 1 || seed > MOST_SEEDS || has[seed]) continue;
        has[seed] = 1;
        for (int k = 0; k < p->n; k++) {
            json_t *v = figure_of(j, run, p->figure[k].metric);
            if (!v && (!r->lacks[k] || seed < r->lacks[k])) r->lacks[k] = (int)seed;
            r->value[k][r->seeds] = json_is_number(v) ? json_number_value(v) : NAN;
        }
        r->seconds[r->seeds++] = json_number_value(json_object_get(run, "seconds"));
    }
    for (int seed = p->seeds; seed; seed--)
        if (!has[seed]) r->missing = seed;
    record_sum(r, p);
}

static void compare(record *r, experiment *e, json_t *j)
{
    comparison c = { &e->memory, json_object_get(j, "data_sha256"), NULL };
    char digest[65];
    const char *kept = json_string_value(json_object_get(j, "experiment_sha256")), *name;
    json_t *ignored;
    record_digest(e, digest);
    run_dir_data_files(e, compare_data, &c);
    r->unseen = arena_new(&e->memory, sizeof *r->unseen * (json_object_size(c.left) + 1));
    json_object_foreach(c.left, name, ignored) {
        r->unseen[r->n_unseen++] = arena_text(&e->memory, name);
    }
    if (!kept || strcmp(kept, digest)) r->stale = "the experiment has changed";
    else if (c.changed) r->stale = arena_print(&e->memory, "the data file %s has changed", c.changed);
}

int record_read(record *r, experiment *e, char *error, size_t size)
{
    const char *path = record_path(e, 0);
    json_error_t why;
    json_t *j = json_load_file(path, 0, &why);
    memset(r, 0, sizeof *r);
    r->first_seed = e->seed;
    if (j) read_runs(r, &e->published, j);
    if (r->seeds) compare(r, e, j);
    else snprintf(error, size, "no record in %s: %s", path, j ? "it has no runs" : why.text);
    json_decref(j);
    return r->seeds ? 0 : -1;
}
