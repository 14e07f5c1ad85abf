/* main.c -- tenon-check-plugin FILE.so: proves a plug-in against its contract. Every check runs in a child process with limits
 * on time and memory, so that a plug-in that crashes or never ends is one line of the report.                       */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../host/command_line.h"
#include "checks.h"

enum { DRAWS = 4, TEXT = 800, MOST_ENDS = 96, MOST_OFFERED = 3 }; /* offers_of knows up to three inputs */
static int n_passed, n_failed;

static void report(const char *name, const char *details, const char *bad)
{
    if (bad) n_failed++, printf("  FAULT  %s%s: %s\n", name, details, bad);
    else n_passed++;
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

/* ---- layers and losses ----------------------------------------------------------------------------------- */
static const char *show_offers(arena *a, const offer *o, int n)
{
    static const char *const rows[] = { "", "one row an example", "steps", "steps within steps", "steps of another layout" };
    static const char *const means[] = { "", " logits,", " probabilities,", " log probabilities,", " ids," };
    const char *text = "";
    for (int i = 0; i < n; i++)
        text = arena_print(a, "%s%s%s%s %s", text, i ? " and " : "",
                           o[i].classes ? "" : arena_print(a, "%d wide,", (int)o[i].width),
                           means[o[i].means] + (o[i].classes != 0), rows[o[i].layout]);
    return text;
}

static const char no_message[] = "refuses them without a message; api->fail() must be told why";
static const char *try_open(const subject *s)
{
    probe p;
    if (!probe_open(&p, s->path, s->kind, s->name, s->options, s->offer, s->n)) return NULL;
    return p.host.error[0] ? fault("%s", p.host.error) : no_message;
}

/* Whether the part takes these inputs with these options. 1; 0: it says why not; -1: it fails at that; -2: enough. */
static int takes(arena *a, const subject *s, const char *details, const char **refusal)
{
    int died;
    const char *refused = in_child(try_open, s, &died);
    *refusal = refused ? arena_text(a, refused) : NULL;
    if (!died && (!refused || strcmp(refused, no_message))) return !refused;
    report("plan", details, refused);
    return died == CHILD_SPENT ? -2 : -1;
}

typedef struct taken { offer offer[64][MOST_INPUTS]; int inputs[64], n, failed; const char *refusal; } taken;

/* These inputs with several options. < 0: enough. */
static int check_offer(arena *a, subject *s, const tn_desc *d, taken *x)
{
    int known = 0;
    for (int draw = 0; draw < (d->n_options ? DRAWS : 1); draw++) {
        s->options = draw_options(a, d, draw, s->seed);
        const char *shown = *s->options ? s->options : "no options", *refusal;
        const char *details = arena_print(a, " (%s; %s)", show_offers(a, s->offer, s->n), shown);
        int yes = takes(a, s, details, &refusal);
        if (refusal) x->refusal = refusal;
        x->failed |= yes < 0;
        if (yes < -1) return -1;
        if (yes <= 0) continue;
        if (!known && x->n < 64) memcpy(x->offer[x->n], s->offer, sizeof s->offer), x->inputs[x->n++] = s->n, known = 1;
        if (run_checks(layer_checks, s, details) || run_checks(null_checks, s, details)) return -1;
        if (!draw && (run_checks(again_checks, s, details) || run_checks(contract_checks, s, details)))
            return -1;
    }
    return 0;
}

/* Each option in turn at the ends of its range, on the inputs in turn that the part takes. */
static void check_ends(arena *a, subject s, const tn_desc *d, const taken *x)
{
    static const check ends[] = { { "an option at an end of its range", check_quickly }, { NULL, NULL } };
    option_end end[MOST_ENDS];
    int n = option_ends(a, probe_registry(a), d, end, MOST_ENDS);
    s.quick = 1;
    for (int i = 0; i < n; i++) {
        int yes = 0;
        const char *refusal = NULL, *details = NULL;
        for (int k = 0; k < x->n && !yes; k++) {
            int at = (i + k) % x->n;
            memcpy(s.offer, x->offer[at], sizeof s.offer);
            s.n = x->inputs[at], s.options = end[i].options;
            details = arena_print(a, " (%s; %s)", show_offers(a, s.offer, s.n), end[i].changed);
            yes = takes(a, &s, details, &refusal);
        }
        if (yes < -1) return;
        if (!yes) printf("  refused: %s: %s\n", end[i].changed, refusal);
        if (yes > 0 && run_checks(ends, &s, details)) return;
    }
}

/* Every combination of inputs that the part takes, with several options. */
static void check_layer(arena *a, subject s, const tn_desc *d)
{
    const tn_layer *t = s.kind == TN_LOSS ? ((const tn_loss *)d->table)->layer : d->table;
    uint32_t required = 0, ports = 0;
    const char *row = (const char *)t->ports;
    for (; row && ports < t->n_ports; ports++, row += t->port_size) {
        const tn_port *port = (const tn_port *)(const void *)row;
        if (!port->optional) required = ports + 1; /* inputs come in the order of the ports */
    }
    taken x = { .refusal = "no inputs suit it" };
    for (uint32_t inputs = t->min_in; inputs <= t->max_in && inputs <= MOST_OFFERED; inputs++) {
        for (uint32_t named = required; named <= (s.kind == TN_LOSS ? required : ports) && inputs + named <= MOST_OFFERED; named++) {
            int n;
            const offer (*list)[MOST_INPUTS] = offers_of(s.kind, inputs + named, &n);
            for (int k = 0; k < n; k++) {
                memcpy(s.offer, list[k], sizeof s.offer);
                s.n = (int)(inputs + named);
                if (check_offer(a, &s, d, &x) < 0) return;
            }
        }
        if (s.kind == TN_LOSS) break;
    }
    if (!x.n && !x.failed) report("plan", "", fault("it refuses every input that was offered; the last time: %s", x.refusal));
    if (x.n) check_ends(a, s, d, &x);
}

/* A part of another kind, with several options, and each option in turn at the ends of its range. */
static void check_other(arena *a, subject s, const tn_desc *d)
{
    option_end end[MOST_ENDS];
    int n = option_ends(a, probe_registry(a), d, end, MOST_ENDS), draws = d->n_options ? DRAWS : 1;
    for (int i = 0; i < draws + n; i++) {
        s.options = i < draws ? draw_options(a, d, i, s.seed) : end[i - draws].options;
        const char *shown = i < draws ? s.options : end[i - draws].changed;
        if (run_checks(other_checks, &s, arena_print(a, " (%s)", *shown ? shown : "no options"))) return;
    }
}

/* ---- a file ---------------------------------------------------------------------------------------------- */
static const char *open_file(const subject *s)
{
    char error[TEXT];
    arena a = { NULL };
    static const char *const nowhere[] = { NULL };
    process_before(s->path);
    if (!registry_open(registry_new(&a, nowhere, registry_isa()), s->path, error, sizeof error))
        return fault("%s", error);
    return process_after();
}

static int check_plugin(int argc, char **argv, const command_env *env)
{
    static const char *const allowed[] = { "seed", NULL };
    arguments a;
    int64_t seed;
    int code = arguments_read(&a, argc, argv, env, allowed);
    if (code || (code = arguments_number(a.seed, "seed", 0, INT64_MAX, 1, &seed))) return code;
    const char *path = a.file;
    child_seconds(getenv("CHECK_PLUGIN_SECONDS"));
    if (access(path, R_OK)) {
        fprintf(stderr, "tenon: cannot read '%s': %s\n", path, strerror(errno));
        return EXIT_INPUT;
    }
    memory_on_failure(NULL); /* a child that runs out of memory says so itself */
    probe_places(env->plugin_path);
    char error[TEXT], *full = realpath(path, NULL);
    subject s = { .path = full, .name = "", .options = "", .seed = (uint64_t)seed };
    printf("checking %s, seed %lld\n", path, (long long)seed);
    const char *bad = in_child(open_file, &s, NULL), *symbols = exported_symbols(full);
    report("the file", "", bad);
    report("exported symbols", "",
           symbols ? fault("it exports %s beside tn_plugin_entry; build with -fvisibility=hidden", symbols) : NULL);
    static const char *const nowhere[] = { NULL };
    registry *plugins = bad ? NULL : registry_new(env->memory, nowhere, registry_isa());
    const tn_plugin *file = bad ? NULL : registry_open(plugins, full, error, sizeof error);
    for (int i = 0; file && file->parts[i]; i++) {
        const tn_desc *d = file->parts[i];
        s.kind = d->kind, s.name = d->name;
        printf("%s %s: %s\n", kind_name(d->kind), d->name, d->brief);
        if (d->kind == TN_LAYER || d->kind == TN_LOSS) check_layer(env->memory, s, d);
        else check_other(env->memory, s, d);
    }
    const char *slash = strrchr(path, '/');
    printf("check-plugin %s: %d passed, %d failed\n", slash ? slash + 1 : path, n_passed, n_failed);
    free(full);
    return n_failed != 0;
}

int main(int argc, char **argv)
{
    return program_main("check-plugin", "FILE.so [--seed N]", argc, argv, check_plugin);
}
