/* config_test.c -- experiment files: TOML with its places, inheritance, --set, options of every type, and the text
 * of every message. Runs in the folder that holds tests/config; its argument is the folder of the test's parts. */
#include "../host/config.h"
#include "../host/host.h"
#include "../host/part.h"
#include "../host/toml_bridge.h"
#include "expect.h"
#include <math.h>
#include <stdlib.h>

/* What diag_print writes; to be freed. */
static char *messages_of(diag *d)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    diag_print(d, f);
    fclose(f);
    return text;
}

static char *read_all(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text = calloc(1, 1 << 16);
    if (f) {
        size_t n = fread(text, 1, (1 << 16) - 1, f);
        text[n] = 0;
        fclose(f);
    }
    return text;
}

/* ---- TOML ----------------------------------------------------------------------------------------------- */

/* Texts that are not experiment files, with the one line that is said about each. */
static const char *const broken[][2] = {
    { "a = 1\nb = 2\na = 3\n", "x:3:1: 'a' is set a second time\n" },
    { "a = { b = 1, b = 2 }\n", "x:1:14: 'b' is set a second time\n" },
    { "[a]\n[b]\n[a]\n", "x:3:1: 'a' is set a second time\n" },
    { "a = 1\n[[a]]\n", "x:2:1: [[a]] adds to something that was written in another way above\n" },
    { "units\n", "x:1:6: expected `key = value`\n" },
    { "units: 5\n", "x:1:6: expected `key = value`\n" },
    { "units =\n", "x:1:8: a value is missing\n" },
    { "type = lstm\n", "x:1:8: lstm is not a value; a string stands in quotes: \"lstm\"\n" },
    { "type = lstm # c\n", "x:1:8: lstm is not a value; a string stands in quotes: \"lstm\"\n" },
    { "a = [1, none]\n", "x:1:9: none is not a value; a string stands in quotes: \"none\"\n" },
    { "a = True\n", "x:1:5: True is not a value; a string stands in quotes: \"True\"\n" },
    { "a = \"x\nb = 1\n", "x:1:7: a string is not closed on its line\n" },
    { "a = 'x\nb = 1\n", "x:1:7: a string is not closed on its line\n" },
    { "a = \"\"\"x\nb = 1\n", "x:2:7: a string is not closed\n" },
    { "a = [1, 2\n", "x:1:11: an array is not closed: a ']' is missing\n" },
    { "a = [1, 2\nb = 3\n", "x:2:1: an array is not closed with ']', or a comma is missing\n" },
    { "a = [1,\n  2,\nb = 2\n", "x:3:1: expected a value, found `b =`: an array above is not closed with ']'\n" },
    { "a = { b = 1\n", "x:1:12: an inline table { } ends on the line where it begins\n" },
    { "a = 5 units\n", "x:1:7: something follows the value; a string stands in quotes, one key on each line\n" },
    { "[layer\n", "x:1:7: a table's name ends with ']'\n" },
    { "a = 1979-05-27\n", "x:1:5: a date; Tenon has no option of that type\n" },
    { "a = 1979-05-27T07:32:00Z\n", "x:1:5: a date; Tenon has no option of that type\n" },
    { "a = [07:32:00]\n", "x:1:6: a time; Tenon has no option of that type\n" },
    { "a = 1\nb = \"\xff\"\n", "x:2:6: byte 0xff is not valid UTF-8; save the file as UTF-8\n" },
    { "# \xc3\xa4\xc3\nb = 1\n", "x:1:4: byte 0xc3 is not valid UTF-8; save the file as UTF-8\n" },
    { "a = \"\xed\xa0\x80\"\n", "x:1:6: byte 0xed is not valid UTF-8; save the file as UTF-8\n" },
    { "a = \"\xc0\x80\"\n", "x:1:6: byte 0xc0 is not valid UTF-8; save the file as UTF-8\n" },
    { "a = \"\\u0000\"\n", "x:1:5: a string holds a NUL character\n" },
    { "a = \"\\q\"\n", "x:1:7: unknown escape sequence '\\q'\n" },
    { "a = 99999999999999999999\n", "x:1:25: '99999999999999999999' is not representable in 64 bits\n" },
};

static void test_broken(void)
{
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        arena a = { 0 };
        diag *d = diag_new();
        config_value *v = toml_parse(&a, broken[i][0], strlen(broken[i][0]), "x", d);
        char *said = messages_of(d);
        expect(v == NULL, "a tree came out of: %s", broken[i][0]);
        expect_text(broken[i][0], said, broken[i][1]);
        free(said);
        diag_free(d);
        arena_free(&a);
    }
}

/* n times `unit`, behind `before`: nothing may crash, whatever is said. */
static void hostile(const char *before, const char *unit, size_t n, const char *said_part)
{
    size_t head = strlen(before), step = strlen(unit);
    char *text = malloc(head + n * step + 1);
    memcpy(text, before, head);
    for (size_t i = 0; i < n; i++)
        memcpy(text + head + i * step, unit, step);
    arena a = { 0 };
    diag *d = diag_new();
    config_value *v = toml_parse(&a, text, head + n * step, "x", d);
    char *said = messages_of(d);
    expect(said_part ? !v && strstr(said, said_part) != NULL : v != NULL, "%zu times %s: %.200s", n, unit, said);
    free(said);
    diag_free(d);
    arena_free(&a);
    free(text);
}

static void test_hostile(void)
{
    hostile("a = ", "[", 1 << 20, "nested more than 64 deep");
    hostile("", "[", 1 << 20, "nested more than 64 deep");
    hostile("a = ", "{ a = ", 100000, "nested more than 64 deep");
    hostile("a", ".a", 100000, "a key has more than 32 dots");
    hostile("[a", ".a", 100000, "a key has more than 32 dots");
    hostile("a = ", "\"", 1 << 20, "x:1:");
    hostile("", "#\n", 1 << 20, NULL);
    hostile("", "[[x]]\n", 50000, NULL);
    hostile("a = [", "1.5,\n", 100000, "not closed");
    hostile("", "\xff", 1 << 20, "0xff is not valid UTF-8");
    hostile("a = '''", "\n'", 1 << 18, "string is not closed");
    const char nul[] = "a = 1\0b = 2\n";
    arena a = { 0 };
    diag *d = diag_new();
    config_value *v = toml_parse(&a, nul, sizeof nul - 1, "x", d);
    char *said = messages_of(d);
    expect(!v, "a file with a NUL byte was read");
    expect_text("NUL", said, "x:1:6: a NUL byte; this is not a text file\n");
    free(said);
    diag_free(d);
    arena_free(&a);
}

/* Bytes of the base file, each changed in turn: whatever comes out, nothing breaks. */
static void test_damaged(void)
{
    char *text = read_all("tests/config/base.toml");
    static const char with[] = "[]{}\"'=.,\\\n#\x80";
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        char kept = text[i];
        for (size_t j = 0; j < sizeof with; j += 1 + i % 3) {
            arena a = { 0 };
            diag *d = diag_new();
            text[i] = with[j];
            config_value *v = toml_parse(&a, text, n, "x", d);
            expect((v != NULL) == (diag_errors(d) == 0), "byte %zu as 0x%02x: a tree and errors, or neither", i,
                   (unsigned char)with[j]);
            diag_free(d);
            arena_free(&a);
        }
        text[i] = kept;
    }
    free(text);
}

static void test_places(void)
{
    static const char text[] = "z = 1\n\nb.c = 'x'\n[t]\n  k = [1, 2.5]\n[[e]]\nq = { y = 1, x = true }\n[[e]]\n";
    arena a = { 0 };
    diag *d = diag_new();
    config_value *r = toml_parse(&a, text, sizeof text - 1, "x", d);
    expect(r && r->n == 4, "four keys at the top");
    const char *order = "zbte";
    for (int i = 0; r && i < 4; i++)
        expect(r->item[i]->key[0] == order[i], "key %d is %s", i, r->item[i]->key);
    config_value *k = config_get(config_get(r, "t"), "k"), *e = config_get(r, "e");
    expect(k->key_at.line == 5 && k->key_at.column == 3 && k->at.column == 7, "k at %d:%d, its value at column %d",
           k->key_at.line, k->key_at.column, k->at.column);
    expect(k->item[1]->at.column == 11 && k->item[1]->type == CONFIG_REAL && k->item[1]->real == 2.5 && !k->entries, "k[1]");
    expect(k->item[0]->type == CONFIG_INT && k->item[0]->integer == 1 && k->item[0]->real == 1.0, "k[0]");
    expect(e->entries && e->n == 2 && e->item[1]->at.line == 8 && e->item[0]->at.line == 6, "entries of e");
    config_value *q = config_get(e->item[0], "q");
    expect(!strcmp(q->item[0]->key, "y") && q->item[1]->integer == 1 && q->item[1]->type == CONFIG_BOOL, "order within q");
    expect(!strcmp(config_get(r, "b")->item[0]->text, "x"), "b.c");
    diag_free(d);
    arena_free(&a);
}

/* ---- inheritance ---------------------------------------------------------------------------------------- */

static int same(const config_value *x, const config_value *y)
{
    if (x->type != y->type || x->n != y->n || x->integer != y->integer)
        return 0;
    if (x->type == CONFIG_STRING && strcmp(x->text, y->text))
        return 0;
    if (x->type == CONFIG_REAL && memcmp(&x->real, &y->real, sizeof x->real))
        return 0;
    for (int i = 0; i < x->n; i++) {
        const config_value *other = x->type == CONFIG_TABLE ? config_get(y, x->item[i]->key) : y->item[i];
        if (!other || !same(x->item[i], other))
            return 0;
    }
    return 1;
}

/* Loads a file and compares the merged document and all messages with FILE.expected. The document must load to
 * the same tree.                                                                                             */
static void load_case(const char *name, const char *const *sets, int n_sets, const char *expected_name)
{
    char path[128], expected_path[128];
    snprintf(path, sizeof path, "tests/config/%s.toml", name);
    snprintf(expected_path, sizeof expected_path, "tests/config/%s.expected", expected_name);
    arena a = { 0 };
    diag *d = diag_new(), *again = diag_new();
    config_value *r = config_load(&a, path, sets, n_sets, d);
    char *said = messages_of(d), *expected = read_all(expected_path);
    const char *document = r ? config_document(&a, r, r->at.file) : "no tree\n";
    const char *found = arena_print(&a, "%s-- messages\n%s", document, said);
    expect_text(name, found, expected);
    config_value *back = r ? toml_parse(&a, document, strlen(document), "again", again) : NULL;
    expect(!r || (back && same(r, back) && same(back, r)), "%s: the document gives another tree:\n%s", name, document);
    free(said);
    free(expected);
    diag_free(d);
    diag_free(again);
    arena_free(&a);
}

static void test_load(void)
{
    static const char *const sets[] = {
        "layer.encoder.units=256", "name=two", "optimizer.type=sgd", "dataset.columns=[\"a\"]", "layer.encodr.units=3",
        "gradient.clip_norm=5", "gradient={clip_norm=5}", "x", "=5", "a.=3", "seed=", "seed=\"", "dataset.train=a/b-c.tsv",
        "layer.'output'.units=3", "name=hello world", "name=1\nx=2", "seed=[1", "layer.output=3", "optimizr.type=5",
        "dataset.since=2020-01-01", "seed=True", "stop.early_stopping.patience = 7", "optimizer.learning_rate=-1e-4",
        "name=gr\xfc\xdf", "remove=[\"layer.output\"]", "extends=child.toml", "set.name=three" };
    load_case("base", NULL, 0, "base");
    load_case("base", sets, sizeof sets / sizeof *sets, "sets");
    load_case("child", NULL, 0, "child");
    load_case("grandchild", NULL, 0, "grandchild");
    load_case("wrong", NULL, 0, "wrong");
    load_case("alone", NULL, 0, "alone");
    load_case("circle_a", NULL, 0, "circle_a");
    load_case("lost", NULL, 0, "lost");
    load_case("empty", NULL, 0, "empty");
    load_case("strange", NULL, 0, "strange");
    load_case("not_there", NULL, 0, "not_there");
}

/* ---- options -------------------------------------------------------------------------------------------- */

static int64_t size_of(void *to, const char *field)
{
    (void)to;
    return !strcmp(field, "tags") ? 9 : !strcmp(field, "words") ? 0 : !strcmp(field, "big") ? 100000 : -1;
}

static const char *const *field_names(void *to, int *n)
{
    static const char *const names[] = { "tags", "words", "big" };
    (void)to;
    *n = 3;
    return names;
}

/* The places that a message of the registry names depend on where the test was built. */
static void cut_places(char *text)
{
    for (char *c = text; (c = strstr(c, " (looked in "));) {
        char *end = strchr(c, ')');
        if (!end)
            return;
        memmove(c, end + 1, strlen(end + 1) + 1);
    }
}

/* Makes every [[layer]] of a file; gives all options of all of them, then the messages, as one text. */
static void options_case(const char *name, const char *parts)
{
    static const char *const keys[] = { "name", "type", "initial_state", NULL };
    const char *places[] = { parts, NULL };
    static const char *const dirs[] = { "tests/nowhere", "tests", NULL };
    char path[128], *text = NULL;
    size_t n = 0;
    arena a = { 0 };
    tn_host host = { .log = NULL };
    const tn_api api = { .size = sizeof api, .fail = api_fail, .ext = api_ext };
    diag *d = diag_new();
    part_context c = { .memory = &a, .plugins = registry_new(&a, places, 0), .messages = d, .data_dirs = dirs,
                       .size_of = size_of, .field_names = field_names, .host = &host, .api = &api };
    snprintf(path, sizeof path, "tests/config/%s.toml", name);
    config_value *layers = config_get(config_load(&a, path, NULL, 0, d), "layer");
    FILE *f = open_memstream(&text, &n);
    for (int i = 0; layers && i < layers->n; i++) {
        tn_part *p = part_make(&c, TN_LAYER, layers->item[i], NULL, keys);
        expect(p != NULL && p->name != NULL, "%s: part %d", name, i);
        for (uint32_t k = 0; p->desc && !diag_errors(d) && k < p->desc->n_options; k++)
            fprintf(f, "%s.%s = %s\n", p->name, p->desc->options[k].name, options_print(&a, &p->desc->options[k], p->config));
        for (int k = 0; k < layers->item[i]->n; k++)
            expect(layers->item[i]->item[k]->used, "%s: %s was not looked at", name, layers->item[i]->item[k]->key);
    }
    fprintf(f, "-- messages\n");
    diag_print(d, f);
    fclose(f);
    cut_places(text);
    snprintf(path, sizeof path, "tests/config/%s.expected", name);
    char *expected = read_all(path);
    expect_text(name, text, expected);
    free(expected);
    free(text);
    diag_free(d);
    arena_free(&a);
}

/* Opening: the inner parts with it, and the reason when it fails. */
static void test_open(const char *parts)
{
    const char *places[] = { parts, NULL };
    arena a = { 0 };
    tn_host host = { .log = NULL };
    const tn_api api = { .size = sizeof api, .fail = api_fail, .ext = api_ext };
    diag *d = diag_new();
    part_context c = { .memory = &a, .plugins = registry_new(&a, places, 0), .messages = d, .host = &host, .api = &api };
    where at = { "x", 1, 1 };
    config_value *v = config_parse_value(&a, "{ type = 'everything', inner = { type = 'strict', units = 13 } }", at, d);
    tn_part *p = part_make(&c, TN_LAYER, v, NULL, NULL);
    expect(p->desc && !diag_errors(d), "the part is made");
    expect(part_open(&c, p) == TN_EIO && !p->self, "an inner part that does not open");
    expect_text("why", host.error, "13 units do not open");
    part_close(p);
    host_clear(&host);
    v = config_parse_value(&a, "everything", at, d);
    p = part_make(&c, TN_LAYER, v, NULL, NULL);
    expect(part_open(&c, p) == 0 && p->self, "a part by its name opens: %s", host.error);
    expect(!strcmp(p->name, "everything") && !p->table, "its name is its type");
    part_close(p);
    expect(!p->self, "closed");
    diag_free(d);
    arena_free(&a);
}

/* ---- the rest ------------------------------------------------------------------------------------------- */

static void test_typed(void)
{
    static const char text[] = "i = 5\nr = 0.5\ns = 'x'\nb = true\nl = ['p', 'q']\nbad = [1]\nepoks = 2\nseed = 1\nzzz = 1\n";
    static const char *const allowed[] = { "epochs", "batch_size" };
    static const char *const elsewhere[][2] = { { "seed", "above the first table" }, { NULL, NULL } };
    arena a = { 0 };
    diag *d = diag_new();
    int n;
    config_value *t = toml_parse(&a, text, sizeof text - 1, "x", d);
    t->key = "training";
    expect(config_int(t, "i", 1, 0, 9, d) == 5 && config_int(t, "none", 7, 0, 9, d) == 7, "config_int");
    expect(config_real(t, "r", 1, 0, 1, d) == 0.5 && config_real(t, "i", 1, 0, 9, d) == 5.0, "config_real");
    expect(!strcmp(config_text(t, "s", "", d), "x") && config_bool(t, "b", 0, d) == 1, "config_text, config_bool");
    const char **list = config_texts(&a, t, "l", &n, d);
    expect(n == 2 && !strcmp(list[1], "q"), "config_texts of an array");
    list = config_texts(&a, t, "s", &n, d);
    expect(n == 1 && !strcmp(list[0], "x"), "config_texts of a string");
    expect(!config_texts(&a, t, "none", &n, d) && n == 0, "config_texts of nothing");
    expect(diag_errors(d) == 0, "no errors so far");
    config_int(t, "i", 1, 6, 9, d);
    config_int(t, "r", 1, 6, 9, d);
    config_int(t, "i", 1, 6, INT64_MAX, d);
    config_real(t, "r", 1, 1, INFINITY, d);
    config_real(t, "s", 1, 1, 2, d);
    config_text(t, "i", "", d);
    config_bool(t, "i", 0, d);
    config_texts(&a, t, "bad", &n, d);
    config_unused(t, "training", allowed, 2, elsewhere, d);
    char *said = messages_of(d);
    expect_text("typed reading", said,
        "x:1:5: [training]: i: 5 is outside [6, 9]\n"
        "x:1:5: [training]: i: 5 is less than 6, the least allowed\n"
        "x:1:5: [training]: i: expected a string, got an integer: 5\n"
        "x:1:5: [training]: i: expected true or false, got an integer: 5\n"
        "x:2:5: [training]: r: expected an integer, got a real number: 0.5\n"
        "x:2:5: [training]: r: 0.5 is less than 1, the least allowed\n"
        "x:3:5: [training]: s: expected a number, got a string: \"x\"\n"
        "x:6:8: [training]: bad: expected a string, got an integer: 1\n"
        "x:7:1: [training]: epoks: no such key; did you mean 'epochs'?\n"
        "x:8:1: [training]: seed: does not stand here; it belongs above the first table\n"
        "x:9:1: [training]: zzz: no such key; there are epochs, batch_size\n");
    free(said);
    diag_free(d);
    arena_free(&a);
}

static void test_nearest(void)
{
    static const char *const names[] = { "units", "layers", "learning_rate", "epochs", "lstm", "dropout", "l2", "width" };
    static const char *const pairs[][2] = {
        { "unit", "units" }, { "untis", "units" }, { "Units", "units" }, { "lsmt", "lstm" }, { "lsm", "lstm" },
        { "lr", "learning_rate" }, { "rate", "learning_rate" }, { "num_layers", "layers" }, { "max_epochs", "epochs" },
        { "droput", "dropout" }, { "l1", "l2" }, { "with", "width" }, { "x", NULL }, { "hidden", NULL }, { "gru", NULL },
        { "", NULL }, { "learning_rates", "learning_rate" }, { "stop", NULL } };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const char *found = nearest_name(pairs[i][0], names, 8);
        expect(found == pairs[i][1] || (found && pairs[i][1] && !strcmp(found, pairs[i][1])), "nearest to '%s': %s, expected %s",
               pairs[i][0], found ? found : "none", pairs[i][1] ? pairs[i][1] : "none");
    }
    char *vast = calloc(1, 100001);
    memset(vast, 'a', 100000);
    expect(!nearest_name(vast, names, 8), "a name of 100000 letters");
    free(vast);
}

static void test_diag(void)
{
    diag *d = diag_new();
    diag_file(d, "main");
    diag_error(d, (where){ "b", 1, 1 }, "first file with a message");
    diag_error(d, (where){ "main", 2, 1 }, "main");
    diag_error(d, (where){ "a", 3, 1 }, "%d", 3);
    diag_error(d, (where){ "a", 1, 9 }, "nine\nand a second line");
    diag_warning(d, (where){ "a", 1, 2 }, "two");
    diag_error(d, (where){ "a", 3, 1 }, "%d", 3);
    diag_error(d, (where){ "--set 1", 0, 0 }, "set");
    diag_error(d, (where){ NULL, 0, 0 }, "nowhere");
    char *said = messages_of(d);
    expect(diag_errors(d) == 7, "%d errors", diag_errors(d));
    expect_text("order", said,
                "main:2:1: main\nb:1:1: first file with a message\na:1:2: warning: two\na:1:9: nine and a second line\n"
                "a:3:1: 3\n--set 1: set\nnowhere\n");
    free(said);
    diag_warning(d, (where){ "a", 1, 2 }, "two");
    diag_warning(d, (where){ "a", 1, 1 }, "one");
    said = messages_of(d);
    expect_text("what was shown is not shown again", said, "a:1:1: warning: one\n");
    free(said);
    diag_free(d);
}

static void test_memory(void)
{
    arena a = { 0 };
    for (size_t n = 0; n < 300000; n += 1 + n / 3) {
        unsigned char *p = arena_new(&a, n);
        int zero = ((uintptr_t)p & 15) == 0;
        for (size_t i = 0; i < n; i++)
            zero &= p[i] == 0;
        memset(p, 255, n);
        expect(zero, "%zu bytes of an arena: zero and aligned", n);
    }
    char *p = memory_new(10), *q = memory_new(0);
    expect(((uintptr_t)p & 63) == 0 && q, "memory_new aligns, and gives a pointer for nothing");
    memset(p, 1, 10);
    p = memory_grow(p, 10, 1000);
    expect(p[9] == 1 && p[10] == 0 && p[999] == 0, "memory_grow keeps and zeroes");
    expect(!memory_new(SIZE_MAX - 3) && !arena_new(&a, SIZE_MAX - 3), "too much is refused");
    memory_free(p);
    memory_free(q);
    arena_free(&a);
}

int main(int argc, char **argv)
{
    const char *parts = argc > 1 ? argv[1] : "build/tests/config";
    test_memory();
    test_diag();
    test_nearest();
    test_broken();
    test_hostile();
    test_damaged();
    test_places();
    test_typed();
    test_load();
    options_case("options", parts);
    options_case("five", parts);
    options_case("types", parts);
    test_open(parts);
    return expect_end("config");
}
