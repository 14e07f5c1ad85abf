/* spelling.c -- how each word is spelt, as words of their own: capitals, digits, signs, prefixes, suffixes, patterns. */
#include <utf8proc.h>
#include "pipe.h"

enum { LOWER = 1, UPPER = 2, LETTER = 4, DIGIT = 8, SIGN = 16 };   /* kinds of characters, and sets of them       */
typedef struct { int64_t affix; } config;
static const tn_option options[] = {
    TN_INT(config, affix, 5, 0, 20, "longest prefix and suffix, in characters; the shortest has 2") };

typedef struct { const config *c; pipe_out out; int32_t *inner; int64_t room; } spelling;

static int open_spelling(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    spelling *x = self;
    x->c = config_;
    pipe_open(&x->out, api, host);
    return TN_OK;
}

static void close_spelling(void *self)
{
    spelling *x = self;
    pipe_close(&x->out);
    free(x->inner);
    x->inner = NULL, x->room = 0;
}

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, const tn_column *in, tn_column *out)
{
    (void)config_, (void)self;
    if (in->dtype != TN_TEXT || in->depth != 1) return tn_fail(api, host, TN_EINVAL, "takes a text cut into words");
    *out = *in;
    out->depth = 2;
    return TN_OK;
}

static int kind_of(int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LL: return LETTER | LOWER;
    case UTF8PROC_CATEGORY_LU: case UTF8PROC_CATEGORY_LT: return LETTER | UPPER;
    case UTF8PROC_CATEGORY_LM: case UTF8PROC_CATEGORY_LO: return LETTER;
    case UTF8PROC_CATEGORY_ND: case UTF8PROC_CATEGORY_NL: case UTF8PROC_CATEGORY_NO: return DIGIT;
    default: return SIGN;
    }
}

static void put_text(spelling *x, const char *text) { pipe_put(&x->out, text, (int64_t)strlen(text)); }

/* "prefix=wo" and "suffix=rd", of 2 characters and more, of words that are longer. */
static void put_affixes(spelling *x, const char *word, int64_t n)
{
    int64_t begin = 0, end = n, k;
    for (int64_t length = 1; length <= x->c->affix && begin < n; length++) {
        tn_utf8_at(word + begin, n - begin, &k);
        begin += k;
        do end--; while (end > 0 && ((unsigned char)word[end] & 0xc0) == 0x80);
        if (begin >= n) return;
        if (length < 2) continue;
        put_text(x, "prefix="), pipe_put(&x->out, word, begin), pipe_leaf(&x->out);
        put_text(x, "suffix="), pipe_put(&x->out, word + end, n - end), pipe_leaf(&x->out);
    }
}

/* "shape=Aaa00-", a letter for the kind of each character; short: "form=Aa0-", runs as one. */
static void put_shape(spelling *x, const char *word, int64_t n, int brief)
{
    int last = 0;
    put_text(x, brief ? "form=" : "shape=");
    for (int64_t at = 0, k; at < n; at += k) {
        int32_t c = tn_utf8_at(word + at, n - at, &k);
        int kind = kind_of(c);
        const char *as = kind & UPPER ? "A" : kind & LETTER ? "a" : kind & DIGIT ? "0" : NULL;
        if (!brief || kind != last || kind == SIGN) as ? pipe_put(&x->out, as, 1) : pipe_put(&x->out, word + at, k);
        last = kind;
    }
    pipe_leaf(&x->out);
}

static void put_word(spelling *x, const char *word, int64_t n)
{
    static const char *const names[] = { "initial_capital", "all_capitals", "all_small", "inner_capital", "letters_and_digits",
                                         "sign", "letters_only", "no_letter", "apostrophe_s" };
    int first = 0, inner = 0;
    for (int64_t at = 0, k; at < n; at += k) {
        int kind = kind_of(tn_utf8_at(word + at, n - at, &k));
        if (at) inner |= kind;
        else first = kind;
    }
    int all = first | inner, cased = all & (LOWER | UPPER);
    int has[] = { first & UPPER, cased == UPPER, cased == LOWER, inner & UPPER, (all & LETTER) && (all & DIGIT), all & SIGN,
                  n && !(all & ~(LETTER | LOWER | UPPER)), !(all & LETTER), n > 1 && !memcmp(word + n - 2, "'s", 2) };
    for (int i = 0; i < 9; i++)
        if (has[i]) put_text(x, names[i]), pipe_leaf(&x->out);
    put_affixes(x, word, n);
    put_shape(x, word, n, 0);
    put_shape(x, word, n, 1);
}

static int apply(void *self, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    spelling *x = self;
    (void)rng;
    if (in->n > x->room) {
        int32_t *more = realloc(x->inner, sizeof *more * 2 * (size_t)in->n);
        if (!more) return tn_fail(x->out.api, x->out.host, TN_ENOMEM, "no memory for a text");
        x->inner = more, x->room = 2 * in->n;
    }
    pipe_begin(&x->out);
    for (int64_t i = 0; i < in->n; i++) {
        int64_t n, before = x->out.leaves;
        const char *word = value_leaf(in, i, &n);
        put_word(x, word, n);
        x->inner[i] = (int32_t)(x->out.leaves - before);
    }
    return pipe_send(&x->out, 2, in->n, x->inner, sink);
}

static const tn_transform table = { sizeof table, 0, plan, apply };
static const tn_desc desc = {
    sizeof desc, TN_TRANSFORM, &table, "spelling", "how each word is spelt, as features",
    "Each word gets as steps of its own what holds of its spelling: `initial_capital`, `all_capitals`, `all_small`, "
    "`inner_capital`, `letters_and_digits`, `sign` (a character that is neither), `letters_only`, `no_letter`, `apostrophe_s`; "
    "`prefix=` and `suffix=` of 2 to `affix` characters, where the word is longer; `shape=`, each character as A, a, 0 or itself, "
    "and `form=`, the same with runs as one: `B2B-News` has `shape=A0A-Aaaa` and `form=A0A-Aa`. The field lies `within` that of "
    "the words; it reads them as they are written, so put nothing that lowers them before it.\n\n"
    "Source: the spelling features of Huang, Xu, Yu, *Bidirectional LSTM-CRF Models for Sequence Tagging* (2015), section 4.2.1.",
    TN_OPTIONS(options), sizeof(config), sizeof(spelling), NULL, open_spelling, close_spelling, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("spelling", "1.0.0", "Tenon", "MIT", "", parts)
