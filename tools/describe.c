/* describe.c -- `tenon describe KIND/NAME`: what a part is, and its options as its own table has them. The same
 * table fills and checks the options of an experiment file, so this page can't be out of date.              */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../host/command_line.h"
#include "../host/graph.h"

typedef struct page { arena *memory; const plugin_file *file; const tn_desc *desc; } page;

/* ---- keys that the host reads beside a part's options ------------------------------------------------------ */

static const char *const reductions[] = { REDUCTION_NAMES, NULL };
static const tn_option of_losses[] = {
    { "input", "the layer whose rows it reads; not given: the only one that nobody reads",
      TN_O_STR, 0, 0, 0, 0, 0, NULL, 0, 1e6, NULL, NULL },
    { "target", "the field that it compares with; none where the loss has one input",
      TN_O_STR, 0, 0, 0, 0, 0, NULL, 0, 1e6, NULL, NULL },
    { "weight", "factor of this loss in the sum of all", TN_O_REAL, 0, 0, 0, 0, 1, NULL, -MOST_WEIGHT, MOST_WEIGHT, NULL, NULL },
    { "reduction", "what the sum over its rows is divided by", TN_O_ENUM, 0, 0, 0, 0, 0, NULL, 0, 0, reductions, NULL },
};

/* What host/run.c computes in sum_loss and graph_loss. */
static const char doc_of_losses[] =
    "A loss gives a number l for each row, which is a step, a sequence or an example. A row counts for c, which is 1 unless the\n"
    "loss says otherwise (class weights, classes that are ignored). With B examples in the batch\n\n"
    "    mean                     L = sum of l / sum of c             of all rows of the batch alike\n"
    "    sum                      L = sum of l\n"
    "    sum_steps_mean_batch     L = sum of l / B                    an example with more steps counts for more\n"
    "    mean_steps_mean_batch    L = sum over examples of (sum of its l / sum of its c) / B\n\n"
    "and the loss of the network is the sum of `weight` L over all [[loss]]. That of a split that is evaluated comes by the same\n"
    "formulas from the sums over all of it; `train.loss` is the mean over the batches of an epoch, each by its examples, with\n"
    "what regularizers add.\n";

/* Rows of an option table. */
typedef struct rows { const void *first; uint32_t n; size_t size; } rows;

static rows options_of(const tn_desc *d) { return (rows){ d->options, d->n_options, d->option_size }; }

/* Those of a part's kind; none where the README shows the few that there are. */
static rows host_keys(const tn_desc *d)
{
    return d->kind == TN_LOSS ? (rows){ of_losses, sizeof of_losses / sizeof *of_losses, sizeof *of_losses } : (rows){ NULL, 0, 0 };
}

/* Row i; a row of a plug-in may be longer than this host's, never shorter. */
static const tn_option *row_of(const rows *r, uint32_t i)
{
    return (const tn_option *)(const void *)((const char *)r->first + (size_t)i * r->size);
}

/* ---- an option in words --------------------------------------------------------------------------------- */

/* The shortest text that reads back as the same number. */
static const char *number(arena *a, double v)
{
    const char *text = "";
    for (int digits = 1; digits <= 17; digits++) {
        text = arena_print(a, "%.*g", digits, v);
        if (strtod(text, NULL) == v) break;
    }
    if (fabs(v) >= 1e15 || v != floor(v)) return text;
    return arena_print(a, "%.0f", v);
}

static const char *type_text(arena *a, const tn_option *o)
{
    const char *kind = o->type == TN_O_PART || o->type == TN_O_PARTS ? kind_name(o->part_kind) : "";
    const char *choices = "";
    switch (o->type) {
    case TN_O_BOOL: return "true or false";
    case TN_O_INT: return o->flags & TN_O_SIZE ? "integer or a field's name" : "integer";
    case TN_O_REAL: return "number";
    case TN_O_STR: return "text";
    case TN_O_PATH: return "file";
    case TN_O_PART: return kind;
    case TN_O_INTS: return "list of integers";
    case TN_O_REALS: return "list of numbers";
    case TN_O_STRS: return "list of texts";
    case TN_O_PARTS: return arena_print(a, "list of %s", kind_folder(o->part_kind));
    default: break;
    }
    for (int i = 0; o->choices[i]; i++) choices = arena_print(a, "%s%s\"%s\"", choices, i ? ", " : "", o->choices[i]);
    return choices;
}

/* "[1, 65536]", "(0, 1]", "at least 1"; "" where any value will do. */
static const char *range_text(arena *a, const tn_option *o)
{
    const char *things = "";
    double low = -1e15, high = 1e15;
    switch (o->type) {
    case TN_O_INT: case TN_O_REAL: if (o->min == 0 && o->max == 0) return ""; break;
    case TN_O_STR: case TN_O_PATH: low = 0, high = o->type == TN_O_PATH ? 4096 : 1e6, things = " characters"; break;
    case TN_O_INTS: case TN_O_REALS: case TN_O_STRS: case TN_O_PARTS: low = 0, high = 1e6, things = " entries"; break;
    default: return "";
    }
    if (*things && o->max <= 0) return "";
    int above = o->min > low, below = o->max < high;
    int open_min = o->flags & TN_O_OPEN_MIN, open_max = o->flags & TN_O_OPEN_MAX;
    if (above && below)
        return arena_print(a, "%c%s, %s%c%s", open_min ? '(' : '[', number(a, o->min), number(a, o->max),
                           open_max ? ')' : ']', things);
    if (above) return arena_print(a, "%s %s%s", open_min ? "above" : "at least", number(a, o->min), things);
    if (below && *things) return arena_print(a, "at most %s%s", number(a, o->max), things);
    if (below) return arena_print(a, "%s %s", open_max ? "below" : "at most", number(a, o->max));
    return "";
}

/* The default of a part, which is TOML: its name, without the quotes that may stand around it, or a table or list. */
static const char *default_part(arena *a, const char *text)
{
    size_t n = strlen(text);
    int quoted = n > 1 && (*text == '"' || *text == '\'') && text[n - 1] == *text;
    return quoted ? arena_print(a, "%.*s", (int)n - 2, text + 1) : text;
}

/* The default as it would stand in a file; "required"; "" where there is none. */
static const char *default_text(arena *a, const tn_option *o)
{
    if (o->flags & TN_O_REQUIRED) return "required";
    switch (o->type) {
    case TN_O_BOOL: return o->def_i ? "true" : "false";
    case TN_O_INT: return arena_print(a, "%lld", (long long)o->def_i);
    case TN_O_REAL: return number(a, o->def_r);
    case TN_O_ENUM: return arena_print(a, "\"%s\"", o->choices[o->def_i]);
    case TN_O_STR: case TN_O_PATH: return o->def_s ? arena_print(a, "\"%s\"", o->def_s) : "";
    default: break;
    }
    if (!o->def_s) return "";
    return *o->def_s == '[' || *o->def_s == '{' ? o->def_s : arena_print(a, "\"%s\"", default_part(a, o->def_s));
}

/* Help, unit and what the flags say, as one sentence. */
static const char *help_text(arena *a, const tn_option *o)
{
    const char *text = o->help;
    if (o->unit) text = arena_print(a, "%s, in %s", text, o->unit);
    if (o->flags & TN_O_RUNTIME) text = arena_print(a, "%s; does not change results", text);
    if (o->flags & TN_O_DEPRECATED) text = arena_print(a, "%s; deprecated", text);
    return text;
}

/* Inputs and ports of a layer or a loss, in words; "" for other kinds. */
static const char *inputs_text(arena *a, const tn_desc *d)
{
    const tn_layer *l = NULL;
    if (d->kind == TN_LAYER) l = d->table;
    if (d->kind == TN_LOSS) l = ((const tn_loss *)d->table)->layer;
    if (!l) return "";
    const char *text = l->min_in == l->max_in ? arena_print(a, "%u", l->min_in)
                     : l->max_in > 1000 ? arena_print(a, "%u or more", l->min_in)
                     : arena_print(a, "%u to %u", l->min_in, l->max_in);
    for (uint32_t i = 0; i < l->n_ports; i++) {
        const tn_port *p = (const tn_port *)(const void *)((const char *)l->ports + (size_t)i * l->port_size);
        text = arena_print(a, "%s, %s%s", text, p->name, p->optional ? " (optional)" : "");
    }
    return text;
}

static int given(const char *text) { return text && *text; }

/* ---- the four formats ----------------------------------------------------------------------------------- */

static void print_rows(arena *a, rows r)
{
    size_t widest = 0;
    for (uint32_t i = 0; i < r.n; i++)
        if (strlen(row_of(&r, i)->name) > widest) widest = strlen(row_of(&r, i)->name);
    for (uint32_t i = 0; i < r.n; i++) {
        const tn_option *o = row_of(&r, i);
        const char *range = range_text(a, o), *standard = default_text(a, o);
        printf("  %-*s  %s%s%s", (int)widest, o->name, type_text(a, o), *range ? ", " : "", range);
        if (*standard) printf("%s%s", o->flags & TN_O_REQUIRED ? ", " : ", default ", standard);
        printf("\n  %-*s      %s\n", (int)widest, "", help_text(a, o));
    }
}

static void print_text(const page *p)
{
    const tn_desc *d = p->desc;
    const tn_plugin *l = p->file->plugin;
    printf("%s %s: %s\n\n", kind_name(d->kind), d->name, d->brief);
    printf("file     %s\n", p->file->path);
    if (p->file->hides) printf("hides    %s\n", p->file->hides);
    if (p->file->warning) printf("warning  %s\n", p->file->warning);
    printf("plug-in  %s %s", l->name, l->version);
    if (given(l->author)) printf(", by %s", l->author);
    if (given(l->license)) printf(", %s", l->license);
    if (given(l->url)) printf(", %s", l->url);
    printf("\n");
    if (*inputs_text(p->memory, d)) printf("inputs   %s\n", inputs_text(p->memory, d));
    printf(d->n_options ? "\noptions\n" : "\nno options\n");
    print_rows(p->memory, options_of(d));
    if (given(d->doc)) printf("\n%s%s", d->doc, d->doc[strlen(d->doc) - 1] == '\n' ? "" : "\n");
    if (!host_keys(d).n) return;
    printf("\nkeys of every [[%s]]\n", kind_name(d->kind));
    print_rows(p->memory, host_keys(d));
    printf("\n%s", doc_of_losses);
}

/* A cell of a Markdown table: a bar would end it. */
static void print_cell(const char *text)
{
    for (; *text; text++) {
        if (*text == '|') putchar('\\');
        putchar(*text == '\n' ? ' ' : *text);
    }
}

static void print_table(arena *a, rows r, const char *of)
{
    if (r.n) printf("| %s | type | range | default | |\n| --- | --- | --- | --- | --- |\n", of);
    for (uint32_t i = 0; i < r.n; i++) {
        const tn_option *o = row_of(&r, i);
        const char *standard = default_text(a, o);
        const char *quote = *standard && !(o->flags & TN_O_REQUIRED) ? "`" : "";
        printf("| `%s` | ", o->name);
        print_cell(type_text(a, o));
        printf(" | %s | %s", range_text(a, o), quote);
        print_cell(standard);
        printf("%s | ", quote);
        print_cell(help_text(a, o));
        printf(" |\n");
    }
    if (r.n) printf("\n");
}

static void print_markdown(const page *p)
{
    const tn_desc *d = p->desc;
    printf("## %s `%s`\n\n%s\n\n", kind_name(d->kind), d->name, d->brief);
    if (*inputs_text(p->memory, d)) printf("Inputs: %s.\n\n", inputs_text(p->memory, d));
    print_table(p->memory, options_of(d), "option");
    if (given(d->doc)) printf("%s%s", d->doc, d->doc[strlen(d->doc) - 1] == '\n' ? "" : "\n");
    if (!host_keys(d).n) return;
    printf("\n");
    print_table(p->memory, host_keys(d), arena_print(p->memory, "key of every [[%s]]", kind_name(d->kind)));
    printf("%s", doc_of_losses);
}

/* Text in a manual page: a backslash and a dot or quote at the start of a line mean something to roff. */
static void print_roff(const char *text)
{
    for (int start = 1; *text; text++) {
        if (start && (*text == '.' || *text == '\'')) printf("\\&");
        if (*text == '\\') printf("\\e");
        else if (*text == '-') printf("\\-");
        else putchar(*text);
        start = *text == '\n';
    }
}

static void print_entries(arena *a, rows r)
{
    for (uint32_t i = 0; i < r.n; i++) {
        const tn_option *o = row_of(&r, i);
        const char *range = range_text(a, o), *standard = default_text(a, o);
        printf(".TP\n.B %s\n", o->name);
        print_roff(type_text(a, o));
        if (*range) printf(", "), print_roff(range);
        if (*standard) printf(o->flags & TN_O_REQUIRED ? ", " : ", default "), print_roff(standard);
        printf(".\n.br\n");
        print_roff(help_text(a, o));
        printf(".\n");
    }
}

static void print_section(const char *title, const char *text)
{
    printf(".SH %s\n.nf\n", title);
    print_roff(text);
    printf("\n.fi\n");
}

static void print_man(const page *p)
{
    const tn_desc *d = p->desc;
    printf(".TH TENON\\-%s\\-%s 7 \"\" \"tenon %s\"\n", kind_name(d->kind), d->name, TENON_VERSION);
    printf(".SH NAME\n%s %s \\- ", kind_name(d->kind), d->name);
    print_roff(d->brief);
    printf("\n.SH FILE\n");
    print_roff(p->file->path);
    printf("\n");
    if (d->n_options) printf(".SH OPTIONS\n");
    print_entries(p->memory, options_of(d));
    if (given(d->doc)) print_section("DESCRIPTION", d->doc);
    if (!host_keys(d).n) return;
    printf(".SH KEYS OF EVERY [[%s]]\n", kind_name(d->kind));
    print_entries(p->memory, host_keys(d));
    print_section("LOSS AND REDUCTION", doc_of_losses);
}

/* An option with its values as numbers, for programs. */
static json_t *json_option(arena *a, const tn_option *o)
{
    static const char *const types[] = { "", "bool", "int", "real", "string", "enum", "path", "part", "ints", "reals",
                                         "strings", "parts" };
    int part = o->type == TN_O_PART || o->type == TN_O_PARTS;
    json_t *j = json_pack("{s:s, s:s, s:s, s:s?, s:b}", "name", o->name, "type", types[o->type], "help", o->help,
                          "unit", o->unit, "required", (o->flags & TN_O_REQUIRED) != 0);
    json_t *value = json_null();
    if (o->type == TN_O_BOOL) value = json_boolean(o->def_i != 0);
    else if (o->type == TN_O_INT) value = json_integer(o->def_i);
    else if (o->type == TN_O_REAL) value = json_real(o->def_r);
    else if (o->type == TN_O_ENUM && !(o->flags & TN_O_REQUIRED)) value = json_string(o->choices[o->def_i]);
    else if (o->def_s) value = json_string(part ? default_part(a, o->def_s) : o->def_s);
    if (!(o->flags & TN_O_REQUIRED)) json_object_set(j, "default", value);
    json_decref(value);
    if (part) json_object_set_new(j, "kind", json_string(kind_name(o->part_kind)));
    if (*range_text(a, o)) {
        json_object_set_new(j, "min", json_real(o->min));
        json_object_set_new(j, "max", json_real(o->max));
        json_object_set_new(j, "min_open", json_boolean((o->flags & TN_O_OPEN_MIN) != 0));
        json_object_set_new(j, "max_open", json_boolean((o->flags & TN_O_OPEN_MAX) != 0));
    }
    if (o->flags & TN_O_SIZE) json_object_set_new(j, "takes_field", json_true());
    if (o->flags & TN_O_RUNTIME) json_object_set_new(j, "runtime", json_true());
    if (o->flags & TN_O_DEPRECATED) json_object_set_new(j, "deprecated", json_true());
    if (o->type == TN_O_ENUM) {
        json_t *choices = json_array();
        for (int i = 0; o->choices[i]; i++) json_array_append_new(choices, json_string(o->choices[i]));
        json_object_set_new(j, "choices", choices);
    }
    return j;
}

static json_t *json_rows(arena *a, rows r)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < r.n; i++) json_array_append_new(list, json_option(a, row_of(&r, i)));
    return list;
}

static void print_json(const page *p)
{
    const tn_desc *d = p->desc;
    const tn_plugin *l = p->file->plugin;
    json_t *plugin = json_pack("{s:s, s:s, s:s?, s:s?, s:s?}", "name", l->name, "version", l->version, "author",
                               l->author, "license", l->license, "url", l->url);
    json_t *j = json_pack("{s:s, s:s, s:s, s:s?, s:s, s:s?, s:o, s:o}", "kind", kind_name(d->kind), "name", d->name,
                          "brief", d->brief, "doc", d->doc, "file", p->file->path, "hides", p->file->hides,
                          "plugin", plugin, "options", json_rows(p->memory, options_of(d)));
    if (j && host_keys(d).n) {
        json_object_set_new(j, "keys", json_rows(p->memory, host_keys(d)));
        json_object_set_new(j, "keys_doc", json_string(doc_of_losses));
    }
    if (!j) fprintf(stderr, "tenon describe: %s holds text that is not UTF-8\n", p->file->path);
    else json_dumpf(j, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17)), printf("\n");
    json_decref(j);
}

/* ---- finding the part ----------------------------------------------------------------------------------- */

/* "layer/lstm", "lstm" where only one kind has it, "layer/./my_gate.so". NULL after a message. */
static const plugin_file *find_part(const command_env *env, const char *asked)
{
    registry *r = registry_new(env->memory, env->plugin_path, registry_isa());
    char *kind = arena_text(env->memory, asked), *name = strchr(kind, '/'), error[4096];
    const plugin_file *f = NULL;
    if (name) {
        *name++ = 0;
        uint32_t k = kind_of(kind);
        if (k && (f = registry_find(r, k, name, error, sizeof error))) return f;
        if (k) fprintf(stderr, "tenon describe: %s\n", error);
        else {
            const char *kinds[TN_KINDS];
            for (uint32_t i = 1; i < TN_KINDS; i++) kinds[i - 1] = kind_name(i);
            const char *near = nearest_name(kind, kinds, TN_KINDS - 1);
            fprintf(stderr, "tenon describe: no kind of part is called '%s'%s%s%s; `tenon list` shows all\n", kind,
                    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        }
        return NULL;
    }
    uint32_t of = 0;
    const char *all = "";
    for (uint32_t k = 1; k < TN_KINDS; k++)
        if (registry_path(r, k, asked)) {
            all = arena_print(env->memory, "%s%s%s/%s", all, of ? " or " : "", kind_name(k), asked);
            of = of ? TN_KINDS : k;
        }
    if (of == TN_KINDS) fprintf(stderr, "tenon describe: say which: %s\n", all);
    else if (!of) fprintf(stderr, "tenon describe: no part is called '%s'; `tenon list` shows all\n", asked);
    else if (!(f = registry_find(r, of, asked, error, sizeof error))) fprintf(stderr, "tenon describe: %s\n", error);
    return f;
}

static int describe(int argc, char **argv, const command_env *env)
{
    static const char *const allowed[] = { "format", NULL }, *const formats[] = { "text", "markdown", "man", "json" };
    static void (*const print[])(const page *) = { print_text, print_markdown, print_man, print_json };
    arguments a;
    int code = arguments_read(&a, argc, argv, env, allowed), format = 0;
    if (code) return code;
    if (a.second) {
        fprintf(stderr, "tenon describe: one argument too many: '%s'\n", a.second);
        return usage_error(env);
    }
    while (a.format && format < 4 && strcmp(a.format, formats[format])) format++;
    if (format == 4) {
        const char *near = nearest_name(a.format, formats, 4);
        fprintf(stderr, "tenon describe: --format: '%s' is not one of text, markdown, man, json%s%s%s\n", a.format,
                near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        return EXIT_INPUT;
    }
    const plugin_file *f = find_part(env, a.file);
    if (!f) return EXIT_INPUT;
    page p = { env->memory, f, f->desc };
    print[format](&p);
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    return program_main("describe", "KIND/NAME [--format text|markdown|man|json]", argc, argv, describe);
}
