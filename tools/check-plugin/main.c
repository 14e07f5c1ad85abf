/* main.c -- tenon-check-plugin FILE.so: proves a plug-in against its contract. Every check runs in a child process with limits
 * on time and memory, so that a plug-in that crashes or never ends is one line of the report.                       */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "checks.h"

enum { DRAWS = 4, TEXT = 800 };
static int passed, failed;

static void report(const char *name, const char *details, const char *bad)
{
    if (bad) failed++, printf("  FAULT  %s%s: %s\n", name, details, bad);
    else passed++;
    fflush(stdout);
}

/* Runs checks (up to a NULL name) and reports them. 0, or not where one used up its time or memory: the others of this
 * part would as well, a minute each. */
static int run_checks(const check *c, const subject *s, const char *details)
{
    for (int died = 0; c->name; c++) {
        report(c->name, details, in_child(c->run, s, &died));
        if (died != CHILD_SPENT) continue;
        printf("  the remaining checks of it are left out\n");
        return -1;
    }
    return 0;
}

/* ---- options ------------------------------------------------------------------------------------------------------------------ */
static const char *append(arena *a, const char *list, const char *key, const char *value) { return arena_print(a, "%s%s%s = %s", list, *list ? ", " : "", key, value); }

/* Options as TOML: draw 0 is the default, with sizes made small; others are drawn from the ranges and their ends. */
static const char *draw_options(arena *a, const tn_desc *d, int draw, uint64_t seed)
{
    const char *list = "", *row = (const char *)d->options;
    for (uint32_t i = 0; i < d->n_options; i++, row += d->option_size) {
        const tn_option *o = (const tn_option *)(const void *)row;
        uint64_t r = mixed(seed + (uint64_t)draw, i);
        if (o->type == TN_O_INT) {
            int64_t low = (int64_t)o->min, high = o->max > 9 ? (low > 9 ? low + 3 : 9) : (int64_t)o->max;
            int64_t v = draw ? low + (int64_t)(r % (uint64_t)(high - low + 1)) : o->def_i > 9 ? 5 : o->def_i;
            if (!draw && (v < low || v > high)) v = low > 5 ? low : 5;
            list = append(a, list, o->name, arena_print(a, "%lld", (long long)v));
        } else if (o->type == TN_O_REAL && draw) {
            double low = o->min < -10 ? o->def_r - 1 : o->min, high = o->max > 10 ? o->def_r + 1 : o->max;
            if (low < o->min) low = o->min;
            double v = r % 5 == 0 && !(o->flags & TN_O_OPEN_MIN) ? low : r % 5 == 1 && !(o->flags & TN_O_OPEN_MAX) ? high
                     : low + (high - low) * (0.05 + 0.9 * (double)(r >> 40) / 16777216.0);
            list = append(a, list, o->name, arena_print(a, "%.6f", v));
        } else if (o->type == TN_O_REAL && (o->flags & TN_O_REQUIRED)) {
            list = append(a, list, o->name, arena_print(a, "%.6f", (o->min > -1e9 ? o->min : 0) / 2 + (o->max < 1e9 ? o->max : 1) / 2));
        } else if (o->type == TN_O_BOOL && draw) list = append(a, list, o->name, r & 1 ? "true" : "false");
        else if (o->type == TN_O_ENUM && draw) {
            int n = 0;
            while (o->choices[n]) n++;
            list = append(a, list, o->name, arena_print(a, "'%s'", o->choices[r % (uint64_t)n]));
        } else if (o->type == TN_O_STR && (o->flags & TN_O_REQUIRED)) list = append(a, list, o->name, "'x'");
    }
    return list;
}

/* ---- layers and losses ----------------------------------------------------------------------------------------------------------- */
static const char *show_offers(arena *a, const offer *o, int n)
{
    static const char *const rows[] = { "", "one row an example", "steps", "steps within steps", "steps of another layout" };
    const char *text = "";
    for (int i = 0; i < n; i++)
        text = arena_print(a, "%s%s%s %s", text, i ? " and " : "", o[i].classes ? "ids," : arena_print(a, "%d wide,", (int)o[i].width), rows[o[i].layout]);
    return text;
}

static const char *try_open(const subject *s)
{
    probe p;
    return probe_open(&p, s->path, s->kind, s->name, s->options, s->offer, s->n) ? fault("%s", p.host.error) : NULL;
}

/* Every combination of inputs that the part takes, with several options. */
static void check_layer(arena *a, subject s, const tn_desc *d)
{
    const tn_layer *t = s.kind == TN_LOSS ? ((const tn_loss *)d->table)->layer : d->table;
    uint32_t required = 0;
    const char *row = (const char *)t->ports;
    for (uint32_t i = 0; row && i < t->n_ports; i++, row += t->port_size) required += !((const tn_port *)(const void *)row)->optional;
    int tried = 0;
    const char *last = "no inputs suit it";
    for (uint32_t inputs = t->min_in; inputs <= t->max_in && inputs <= 3; inputs++) {
        int n;
        const offer (*list)[MOST_INPUTS] = offers_of(s.kind, inputs + required, &n);
        for (int k = 0; k < n; k++)
            for (int draw = 0; draw < (d->n_options ? DRAWS : 1); draw++) {
                memcpy(s.offer, list[k], sizeof s.offer);
                s.n = (int)(inputs + required), s.options = draw_options(a, d, draw, s.seed);
                int died;
                const char *refused = in_child(try_open, &s, &died);
                if (refused) {
                    if (died) report("plan", "", refused), tried++;
                    if (died == CHILD_SPENT) return;
                    else last = arena_text(a, refused);
                    continue;
                }
                tried++;
                const char *details = arena_print(a, " (%s; %s)", show_offers(a, s.offer, s.n), *s.options ? s.options : "no options");
                if (run_checks(layer_checks, &s, details) || (!draw && run_checks(contract_checks, &s, details))) return;
            }
        if (s.kind == TN_LOSS) break;
    }
    if (!tried) report("plan", "", fault("it refuses every input that was offered; the last time: %s", last));
}

/* ---- a file ------------------------------------------------------------------------------------------------------------------------ */
static const char *open_file(const subject *s)
{
    char error[TEXT];
    arena a = { NULL };
    static const char *const nowhere[] = { NULL };
    process_before(s->path);
    if (!registry_open(registry_new(&a, nowhere, registry_isa()), s->path, error, sizeof error)) return fault("%s", error);
    return process_after();
}

int main(int argc, char **argv)
{
    const char *path = NULL;
    uint64_t seed = 1;
    child_seconds(getenv("CHECK_PLUGIN_SECONDS"));
    for (int i = 1; i < argc; i++)
        if (!strncmp(argv[i], "--seed=", 7)) seed = strtoull(argv[i] + 7, NULL, 10);
        else if (argv[i][0] != '-' && !path) path = argv[i];
        else {
            fprintf(stderr, "usage: tenon check-plugin FILE.so [--seed=N]\n");
            return 2;
        }
    if (!path || access(path, R_OK)) {
        fprintf(stderr, path ? "tenon: cannot read '%s': %s\n" : "usage: tenon check-plugin FILE.so [--seed=N]%s%s\n", path ? path : "", path ? strerror(errno) : "");
        return 2;
    }
    arena memory = { NULL };
    char own[4096];
    ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
    if (!getenv("TENON_PLUGIN_PATH") && n > 0) { /* started by hand: the parts that it needs lie beside it */
        own[n] = 0;
        *strrchr(own, '/') = 0;
        setenv("TENON_PLUGIN_PATH", arena_print(&memory, "%s/plugins:%s/../lib/tenon/plugins", own, own), 1);
    }
    char error[TEXT], *full = realpath(path, NULL);
    subject s = { .path = full, .name = "", .options = "", .seed = seed };
    printf("checking %s, seed %llu\n", path, (unsigned long long)seed);
    const char *bad = in_child(open_file, &s, NULL), *symbols = exported_symbols(full);
    report("the file", "", bad);
    report("exported symbols", "", symbols ? fault("it exports %s beside tn_plugin_entry; build with -fvisibility=hidden", symbols) : NULL);
    static const char *const nowhere[] = { NULL };
    const tn_plugin *file = bad ? NULL : registry_open(registry_new(&memory, nowhere, registry_isa()), full, error, sizeof error);
    for (int i = 0; file && file->parts[i]; i++) {
        const tn_desc *d = file->parts[i];
        s.kind = d->kind, s.name = d->name;
        printf("%s %s: %s\n", kind_name(d->kind), d->name, d->brief);
        if (d->kind == TN_LAYER || d->kind == TN_LOSS) check_layer(&memory, s, d);
        else
            for (int draw = 0; draw < (d->n_options ? DRAWS : 1); draw++) {
                s.options = draw_options(&memory, d, draw, seed);
                if (run_checks(other_checks, &s, arena_print(&memory, " (%s)", *s.options ? s.options : "no options"))) break;
            }
    }
    const char *slash = strrchr(path, '/');
    printf("check-plugin %s: %d passed, %d failed\n", slash ? slash + 1 : path, passed, failed);
    free(full);
    arena_free(&memory);
    return failed != 0;
}
