/* reber_grammar.h -- strings of the Reber grammar (Reber 1967, "Implicit learning of artificial grammars"): a walk over six
 * nodes, with two ways out of each but the last that are equally likely.
 *
 *   B 0    0: T 1, P 2    1: S 1, X 3    2: T 2, V 4    3: X 2, S 5    4: P 3, V 5    5: E                          */
#ifndef REBER_GRAMMAR_H
#define REBER_GRAMMAR_H
#include "generator.h"

typedef struct { generator made; int64_t longest; } config;
static const tn_option options[] = {
    TN_INT(config, longest, 100, 20, 100000, "strings that would be longer are drawn again"), GENERATOR_OPTIONS(config) };

enum { SYMBOLS = 7 };
static const char symbols[] = "BTPSXVE";   /* in the order of the numbers of a row                               */
enum { TEXT, LEGAL, SYMBOL, NEXT, COLUMNS };
static const char *const columns[] = { "symbols", "legal", "symbol", "next" };
static const struct { const char *symbol; int next[2]; } nodes[] = {
    { "TP", { 1, 2 } }, { "SX", { 1, 3 } }, { "TV", { 2, 4 } }, { "XS", { 2, 5 } }, { "PV", { 3, 5 } } };

typedef struct string { char *text; float *legal, *row; int64_t n, most; } string; /* legal, row: [n x SYMBOLS]      */

static int open_reber(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    size_t most = (size_t)((const config *)config_)->longest;
    return maker_open(api, host, config_, self, most * (2 * SYMBOLS * sizeof(float) + 1));
}

static int column(void *self, uint32_t i, tn_column *out)
{
    (void)self;
    if (i >= COLUMNS) return TN_END;
    *out = i ? (tn_column){ sizeof *out, TN_F32, 1, SYMBOLS, columns[i], 0, 0 }
             : (tn_column){ sizeof *out, TN_TEXT, 0, 1, columns[i], 0, 0 };
    return TN_OK;
}

/* Appends a symbol, behind which those of `follow` are legal. 0: the string is too long. */
static int add_symbol(string *s, char symbol, const char *follow)
{
    if (s->n == s->most) return 0;
    for (int i = 0; i < SYMBOLS; i++) s->legal[s->n * SYMBOLS + i] = strchr(follow, symbols[i]) ? 1 : 0;
    s->text[s->n++] = symbol;
    return 1;
}

/* B ... E; `after`: what may follow E. 0: too long. */
static int walk(string *s, draws *d, const char *after)
{
    int node = 0, fits = add_symbol(s, 'B', nodes[0].symbol);
    while (fits && node < 5) {
        int64_t way = draw_int(d, 0, 1);
        char symbol = nodes[node].symbol[way];
        node = nodes[node].next[way];
        fits = add_symbol(s, symbol, node < 5 ? nodes[node].symbol : "E");
    }
    return fits && add_symbol(s, 'E', after);
}

static string empty_string(const maker *m)
{
    int64_t most = ((const config *)m->config)->longest;
    float *legal = (float *)m->room, *row = legal + most * SYMBOLS;
    string s = { (char *)(row + most * SYMBOLS), legal, row, 0, most };
    return s;
}

static int put_rows(const string *s, uint32_t column, const float *row, const tn_sink *sink)
{
    tn_value v = { sizeof v, TN_F32, 1, SYMBOLS, s->n, s->n, NULL, row, NULL };
    return sink->put(sink->to, column, &v);
}

/* Each symbol `later` places on as a row with a one; zeros where there is none. */
static int put_one_hot(string *s, uint32_t column, int64_t later, const tn_sink *sink)
{
    memset(s->row, 0, sizeof *s->row * (size_t)(s->n * SYMBOLS));
    for (int64_t t = 0; t + later < s->n; t++) s->row[t * SYMBOLS + (strchr(symbols, s->text[t + later]) - symbols)] = 1;
    return put_rows(s, column, s->row, sink);
}

static int put_string(string *s, const tn_sink *sink)
{
    int rc = put_made_text(sink, TEXT, s->text, s->n);
    if (!rc) rc = put_rows(s, LEGAL, s->legal, sink);
    if (!rc) rc = put_one_hot(s, SYMBOL, 0, sink);
    return rc ? rc : put_one_hot(s, NEXT, 1, sink);
}

GENERATOR_FUNCTIONS(config)
#define REBER_COLUMNS "Columns `symbols` (a text of one letter a symbol, for the transform `characters`), and for each symbol seven " \
    "numbers, for B T P S X V E: `symbol` (1 for the one that it is), `next` (1 for the one that follows; none behind the last) and " \
    "`legal` (1 for those that may follow). A field of the text with `shift = 1` has the symbol that does follow. "
#endif
