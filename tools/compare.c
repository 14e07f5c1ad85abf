/* compare.c -- `tenon compare RUN...`: finished runs side by side. Runs that differ by seed alone make one row, with mean and
 * spread of each score; below, the settings in which the rows differ.                                            */
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../host/command_line.h"
#include "../host/run_dir.h"
#include "../host/spread.h"

/* A leaf of a configuration: "layer.encoder.units" and its value as TOML. */
typedef struct setting { const char *key, *value; } setting;
typedef struct settings { setting *s; int n, room; } settings;

typedef struct run {
    const char *folder, *name;
    settings settings;                     /* without seed and name                                              */
    json_t *results, *scores;              /* results.json, and its scores                                       */
    double parameters, training_seconds, test_seconds;
    int row;
} run;


/* ---- reading ---------------------------------------------------------------------------------------------------- */
static void add_setting(arena *a, settings *to, const char *key, const config_value *v)
{
    if (to->n == to->room) {
        setting *more = arena_new(a, sizeof *more * (size_t)(to->room = 2 * to->room + 32));
        if (to->n) memcpy(more, to->s, sizeof *more * (size_t)to->n);
        to->s = more;
    }
    to->s[to->n++] = (setting){ key, config_print(a, v) };
}

static void flatten(arena *a, settings *to, const char *prefix, const config_value *v)
{
    for (int i = 0; i < v->n; i++) {
        const config_value *x = v->item[i];
        const char *name = x->key ? x->key : config_entry_name(x), *key = arena_print(a, "%s%s%s", prefix, *prefix ? "." : "", name ? name : "?");
        if (!*prefix && (!strcmp(key, "seed") || !strcmp(key, "name") || !strcmp(key, "published"))) continue;
        if (x->type == CONFIG_TABLE || x->entries) flatten(a, to, key, x);
        else add_setting(a, to, key, x);
    }
}

static int by_key(const void *a, const void *b) { return strcmp(((const setting *)a)->key, ((const setting *)b)->key); }

static int read_settings(const command_env *env, run *r, diag *d)
{
    config_value *root = config_load(env->memory, arena_print(env->memory, "%s/config.toml", r->folder), NULL, 0, d);
    if (!root || diag_errors(d)) return -1;
    r->name = config_text(root, "name", r->folder, d);
    flatten(env->memory, &r->settings, "", root);
    if (r->settings.n) qsort(r->settings.s, (size_t)r->settings.n, sizeof *r->settings.s, by_key);
    return 0;
}

static int read_run(const command_env *env, run *r)
{
    diag *d = diag_new();
    char path[PATH_MAX];
    int rc = read_settings(env, r, d);
    if (rc) {
        diag_print(d, stderr);
        fprintf(stderr, "tenon compare: %s is no run\n", r->folder);
    }
    diag_free(d);
    if (rc) return EXIT_INPUT;
    snprintf(path, sizeof path, "%s/results.json", r->folder);
    r->results = json_load_file(path, 0, NULL);
    r->scores = json_object_get(r->results, "scores");
    if (!json_is_object(r->scores)) {
        fprintf(stderr, "tenon compare: %s is not finished: `tenon resume %s` goes on with it\n", r->folder, r->folder);
        return EXIT_INPUT;
    }
    r->parameters = (double)json_integer_value(json_object_get(r->results, "parameters"));
    run_dir_times(r->folder, &r->training_seconds, &r->test_seconds);
    return EXIT_DONE;
}

/* ---- rows ------------------------------------------------------------------------------------------------------------ */
static int same_settings(const settings *a, const settings *b)
{
    if (a->n != b->n) return 0;
    for (int i = 0; i < a->n; i++)
        if (strcmp(a->s[i].key, b->s[i].key) || strcmp(a->s[i].value, b->s[i].value)) return 0;
    return 1;
}

/* Numbers the rows in the order in which they were named; how many there are. */
static int make_rows(run *r, int n)
{
    int rows = 0;
    for (int i = 0; i < n; i++) {
        int k = 0;
        while (k < i && (strcmp(r[k].name, r[i].name) || !same_settings(&r[k].settings, &r[i].settings))) k++;
        r[i].row = k < i ? r[k].row : rows++;
    }
    return rows;
}

static const run *first_of(const run *r, int row)
{
    while (r->row != row) r++;
    return r;
}

/* Of those runs of a row that have it. of: a score's name, or NULL and the place of a number in run. */
static spread sum_up(const run *r, int n, int row, const char *of, size_t place)
{
    double *x = memory_new(sizeof *x * (size_t)(n + 1));
    int k = 0;
    for (int i = 0; i < n; i++) {
        if (r[i].row != row) continue;
        memcpy(&x[k], (const char *)&r[i] + place, sizeof *x);
        if (of) x[k] = json_is_real(json_object_get(r[i].scores, of)) ? json_real_value(json_object_get(r[i].scores, of)) : NAN;
        if (!isnan(x[k])) k++;
    }
    spread s = spread_of(x, k);
    memory_free(x);
    return s;
}

/* Every score that some run has, in the order of the first; NULL-terminated. */
static const char **score_columns(const command_env *env, const run *r, int n)
{
    size_t most = 1;
    for (int i = 0; i < n; i++) most += json_object_size(r[i].scores);
    const char **all = arena_new(env->memory, sizeof *all * most), *name;
    int k = 0;
    json_t *value;
    for (int i = 0; i < n; i++)
        json_object_foreach(r[i].scores, name, value) {
            int at = 0;
            while (at < k && strcmp(all[at], name)) at++;
            if (at == k) all[k++] = name;
        }
    return all;
}

/* ---- printing ------------------------------------------------------------------------------------------------------------ */
static void print_cell(spread s, int width)
{
    char text[60];
    if (!s.n) snprintf(text, sizeof text, "-");
    else if (s.n > 1) snprintf(text, sizeof text, "%.4g +- %.2g", s.mean, s.deviation);
    else snprintf(text, sizeof text, "%.6g", s.mean);
    printf("  %*s", width, text);
}

static int column_width(const char *name) { return strlen(name) > 20 ? (int)strlen(name) : 20; }

static void print_table(const run *r, int n, int rows, const char **names)
{
    printf("%-24s %5s  %12s  %20s  %20s", "experiment", "runs", "parameters", "training, seconds", "test, seconds");
    for (int k = 0; names[k]; k++) printf("  %*s", column_width(names[k]), names[k]);
    printf("\n");
    for (int row = 0; row < rows; row++) {
        const run *first = first_of(r, row);
        int runs = 0;
        for (int i = 0; i < n; i++) runs += r[i].row == row;
        printf("%-24s %5d  %12.0f", first->name, runs, first->parameters);
        print_cell(sum_up(r, n, row, NULL, offsetof(run, training_seconds)), 20);
        print_cell(sum_up(r, n, row, NULL, offsetof(run, test_seconds)), 20);
        for (int k = 0; names[k]; k++) print_cell(sum_up(r, n, row, names[k], offsetof(run, test_seconds)), column_width(names[k]));
        printf("\n");
    }
}

static const char *value_of(const settings *s, const char *key)
{
    setting wanted = { key, NULL };
    const setting *found = s->n ? bsearch(&wanted, s->s, (size_t)s->n, sizeof *s->s, by_key) : NULL;
    return found ? found->value : "-";
}

/* Each setting that is not the same in all rows, once. */
static void print_differences(const run *r, int rows)
{
    for (int row = 0; row < rows; row++) {
        const settings *mine = &first_of(r, row)->settings;
        for (int i = 0; i < mine->n; i++) {
            const char *key = mine->s[i].key;
            int shown = 0, differs = 0;
            for (int k = 0; k < rows; k++) {
                const char *value = value_of(&first_of(r, k)->settings, key);
                if (k < row && strcmp(value, "-")) shown = 1;
                differs |= strcmp(value, mine->s[i].value) != 0;
            }
            if (shown || !differs) continue;
            printf("%s:", key);
            for (int k = 0; k < rows; k++) printf("  %s %s", first_of(r, k)->name, value_of(&first_of(r, k)->settings, key));
            printf("\n");
        }
    }
}

static void print_json(const run *r, int n, int rows, const char **names)
{
    for (int row = 0; row < rows; row++) {
        json_t *j = json_object(), *scores = json_object(), *folders = json_array();
        for (int i = 0; i < n; i++)
            if (r[i].row == row) json_array_append_new(folders, json_string(r[i].folder));
        json_object_set_new(j, "experiment", json_string(first_of(r, row)->name));
        json_object_set_new(j, "runs", folders);
        json_object_set_new(j, "parameters", json_integer((json_int_t)first_of(r, row)->parameters));
        json_object_set_new(j, "training_seconds", json_real(sum_up(r, n, row, NULL, offsetof(run, training_seconds)).mean));
        json_object_set_new(j, "test_seconds", json_real(sum_up(r, n, row, NULL, offsetof(run, test_seconds)).mean));
        for (int k = 0; names[k]; k++) {
            spread s = sum_up(r, n, row, names[k], offsetof(run, test_seconds));
            if (s.n) json_object_set_new(scores, names[k], json_pack("{s:f, s:f}", "mean", s.mean, "deviation", s.deviation));
        }
        json_object_set_new(j, "scores", scores);
        char *text = json_dumps(j, JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(10));
        if (text) printf("%s\n", text);
        free(text);
        json_decref(j);
    }
}

static void print_runs(const command_env *env, run *r, int n, int json)
{
    int rows = make_rows(r, n);
    const char **names = score_columns(env, r, n);
    if (json) {
        print_json(r, n, rows, names);
        return;
    }
    print_table(r, n, rows, names);
    if (rows > 1) printf("\n");
    print_differences(r, rows);
}

/* ---- the command ----------------------------------------------------------------------------------------------------- */
static int compare(int argc, char **argv, const command_env *env)
{
    static const char *const allowed[] = { "json", NULL };
    arguments a;
    int code = arguments_read(&a, argc, argv, env, allowed);
    if (code) return code;
    run *r = arena_new(env->memory, sizeof *r * (size_t)a.n_rest);
    for (int i = 0; i < a.n_rest && !code; i++) {
        r[i].folder = a.rest[i];
        code = read_run(env, &r[i]);
    }
    if (!code) print_runs(env, r, a.n_rest, a.json);
    for (int i = 0; i < a.n_rest; i++) json_decref(r[i].results);
    return code;
}

int main(int argc, char **argv) { return program_main("compare", "RUN [RUN...] [--json]", argc, argv, compare); }
