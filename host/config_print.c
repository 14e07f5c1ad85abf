/* config_print.c -- a tree of values as TOML text again: one value inline, or the whole tree as a document that
 * loads to the same tree and says where each value came from.                                                */
#include "config.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- a growing text ------------------------------------------------------------------------------------- */

typedef struct out { char *text; size_t n, room; } out;

static void put(out *o, const char *text, size_t n)
{
    if (o->n + n + 1 > o->room) {
        size_t room = 2 * o->room + n + 256;
        o->text = memory_grow(o->text, o->n, room);
        o->room = o->text ? room : 0;
    }
    if (!o->text)
        return;
    memcpy(o->text + o->n, text, n);
    o->n += n;
}

static void say(out *o, const char *text)
{
    put(o, text, strlen(text));
}

/* The text as one of the arena's; the growing one is gone. */
static char *finish(out *o, arena *a)
{
    char *text = arena_new(a, o->n + 1);
    if (text && o->n)
        memcpy(text, o->text, o->n);
    memory_free(o->text);
    return text;
}

/* ---- values --------------------------------------------------------------------------------------------- */

static void say_string(out *o, const char *text)
{
    static const char plain[] = "\b\t\n\f\r\"\\", letter[] = "btnfr\"\\";
    say(o, "\"");
    for (const char *c = text; *c; c++) {
        const char *known = strchr(plain, *c);
        char code[8];
        if (known)
            snprintf(code, sizeof code, "\\%c", letter[known - plain]);
        else if ((unsigned char)*c < 32 || *c == 127)
            snprintf(code, sizeof code, "\\u%04x", (unsigned)(unsigned char)*c);
        else
            snprintf(code, sizeof code, "%c", *c);
        say(o, code);
    }
    say(o, "\"");
}

static void say_key(out *o, const char *key)
{
    static const char bare[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    if (*key && key[strspn(key, bare)] == 0)
        say(o, key);
    else
        say_string(o, key);
}

/* The shortest of the decimal forms that reads back as the same number, marked as a real one. */
static void say_real(out *o, double v)
{
    char text[40];
    if (isnan(v) || isinf(v)) {
        say(o, isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    say(o, text);
    if (!strpbrk(text, ".e"))
        say(o, ".0");
}

static void say_value(out *o, const config_value *v)
{
    char number[32];
    int table = v->type == CONFIG_TABLE;
    switch (v->type) {
    case CONFIG_STRING:
        say_string(o, v->text);
        break;
    case CONFIG_INT:
        snprintf(number, sizeof number, "%lld", (long long)v->integer);
        say(o, number);
        break;
    case CONFIG_REAL:
        say_real(o, v->real);
        break;
    case CONFIG_BOOL:
        say(o, v->integer ? "true" : "false");
        break;
    case CONFIG_ARRAY:
    case CONFIG_TABLE:
        say(o, table ? "{" : "[");
        for (int i = 0; i < v->n; i++) {
            say(o, i ? ", " : table ? " " : "");
            if (table) {
                say_key(o, v->item[i]->key);
                say(o, " = ");
            }
            say_value(o, v->item[i]);
        }
        say(o, table ? (v->n ? " }" : "}") : "]");
    }
}

char *config_print(arena *a, const config_value *v)
{
    out o = { 0 };
    say_value(&o, v);
    return finish(&o, a);
}

/* ---- the document --------------------------------------------------------------------------------------- */

/* The places that a value was put together from, other than the main file, each once. */
typedef struct sources { where list[8]; int n, more, main; } sources;

static void find_sources(const config_value *v, const char *main_file, sources *s)
{
    if ((v->type == CONFIG_TABLE || v->type == CONFIG_ARRAY) && v->n) {
        for (int i = 0; i < v->n; i++)
            find_sources(v->item[i], main_file, s);
        return;
    }
    if (!v->at.file || !strcmp(v->at.file, main_file)) {
        s->main = 1;
        return;
    }
    for (int i = 0; i < s->n; i++)
        if (!strcmp(s->list[i].file, v->at.file) && s->list[i].line == v->at.line)
            return;
    if (s->n == (int)(sizeof s->list / sizeof *s->list))
        s->more = 1;
    else
        s->list[s->n++] = v->at;
}

/* Whether a table's values come from different files, so that each deserves its line. */
static int mixed(const sources *s)
{
    for (int i = 1; i < s->n; i++)
        if (strcmp(s->list[i].file, s->list[0].file))
            return 1;
    return s->main && s->n;
}

/* "key = value  # base.toml:3"; a table from several files as dotted keys, a line for each. */
static void say_line(out *o, const char *above, const config_value *v, const char *main_file)
{
    sources s = { 0 };
    out path = { 0 };
    find_sources(v, main_file, &s);
    say(&path, above);
    say_key(&path, v->key);
    if (v->type == CONFIG_TABLE && v->n && mixed(&s)) {
        put(&path, ".", 2);
        for (int i = 0; i < v->n; i++)
            say_line(o, path.text, v->item[i], main_file);
    } else {
        put(o, path.text, path.n);
        say(o, " = ");
        say_value(o, v);
        for (int i = 0; i < s.n; i++) {
            char line[32] = "";
            if (s.list[i].line > 0)
                snprintf(line, sizeof line, ":%d", s.list[i].line);
            say(o, i ? ", " : "  # ");
            for (const char *c = s.list[i].file; *c; c++)
                put(o, *c < 32 || *c > 126 ? "?" : c, 1); /* a name need not be UTF-8, the document must */
            say(o, line);
        }
        say(o, s.more ? ", ...\n" : "\n");
    }
    memory_free(path.text);
}

static void say_section(out *o, const char *key, const config_value *table, int entry, const char *main_file)
{
    say(o, o->n ? "\n" : "");
    say(o, entry ? "[[" : "[");
    say_key(o, key);
    say(o, entry ? "]]\n" : "]\n");
    for (int i = 0; i < table->n; i++)
        say_line(o, "", table->item[i], main_file);
}

char *config_document(arena *a, const config_value *root, const char *main_file)
{
    out o = { 0 };
    if (!main_file) main_file = "";        /* no file is called that                                             */
    for (int pass = 0; pass < 2; pass++)     /* what stands above the first table comes first                */
        for (int i = 0; i < root->n; i++) {
            const config_value *v = root->item[i];
            int list = v->type == CONFIG_ARRAY && v->entries && v->n;
            for (int j = 0; list && j < v->n; j++)
                list = v->item[j]->type == CONFIG_TABLE;
            if (pass == 0 && v->type != CONFIG_TABLE && !list)
                say_line(&o, "", v, main_file);
            else if (pass == 1 && v->type == CONFIG_TABLE)
                say_section(&o, v->key, v, 0, main_file);
            for (int j = 0; pass == 1 && list && j < v->n; j++)
                say_section(&o, v->key, v->item[j], 1, main_file);
        }
    return finish(&o, a);
}
