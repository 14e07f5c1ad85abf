/* motif.c -- DNA with a motif in it, and without: the class is whether it is there. */
#include "generator.h"

typedef struct { generator made; int64_t shortest, longest; const char *motif; } config;
static const tn_option options[] = {
    TN_INT(config, shortest, 50, 1, 1000000, "least bases of a sequence"),
    TN_INT(config, longest, 50, 1, 1000000, "most bases of a sequence"),
    TN_STR(config, motif, "TATAAT", "bases A, C, G, T, or N for any of them; the default is the Pribnow box"),
    GENERATOR_OPTIONS(config) };

static int check(const tn_api *api, tn_host *host, const void *config_)
{
    const config *c = config_;
    size_t n = strlen(c->motif), bases = 0;
    for (const char *b = c->motif; *b; b++) bases += *b != 'N';
    if (bases < 4 || strspn(c->motif, "ACGTN") != n)
        return tn_fail(api, host, TN_EINVAL, "motif: '%s' is not four or more of the letters A, C, G, T, with N for any", c->motif);
    if (c->longest < c->shortest || c->shortest < (int64_t)n)
        return tn_fail(api, host, TN_EINVAL, "shortest = %lld: must be no more than longest = %lld and no less than the %zu bases of "
                       "the motif", (long long)c->shortest, (long long)c->longest, n);
    return TN_OK;
}

static int open_motif(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    return maker_open(api, host, config_, self, (size_t)((const config *)config_)->longest);
}

static int column(void *self, uint32_t i, tn_column *out)
{
    (void)self;
    if (i > 1) return TN_END;
    *out = (tn_column){ sizeof *out, TN_TEXT, 0, 1, i ? "label" : "sequence", 0, 0 };
    return TN_OK;
}

/* Whether the motif begins at text. */
static int begins(const char *motif, const char *text)
{
    for (; *motif; motif++, text++)
        if (*motif != 'N' && *motif != *text) return 0;
    return 1;
}

/* Where the motif begins first; -1: nowhere. */
static int64_t find(const char *motif, const char *text, int64_t n)
{
    for (int64_t at = 0; at + (int64_t)strlen(motif) <= n; at++)
        if (begins(motif, text + at)) return at;
    return -1;
}

/* Where the motif stands by chance, one of its bases is drawn again, until it stands nowhere. */
static void drive_out(const char *motif, char *text, int64_t n, draws *d)
{
    int64_t m = (int64_t)strlen(motif);
    for (int64_t at; (at = find(motif, text, n)) >= 0; ) text[at + draw_int(d, 0, m - 1)] = "ACGT"[draw_int(d, 0, 3)];
}

static int read_example(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    const maker *m = self;
    const config *c = m->config;
    draws d = draws_of(m, &c->made, split, index, rng);
    char *text = m->room;
    int64_t n = draw_int(&d, c->shortest, c->longest), has = index & 1;
    (void)lanes;
    for (int64_t t = 0; t < n; t++) text[t] = "ACGT"[draw_int(&d, 0, 3)];
    if (!has) drive_out(c->motif, text, n, &d);
    else {
        int64_t at = draw_int(&d, 0, n - (int64_t)strlen(c->motif));
        for (const char *b = c->motif; *b; b++, at++)
            if (*b != 'N') text[at] = *b;
    }
    int rc = put_made_text(sink, 0, text, n);
    return rc ? rc : put_made_text(sink, 1, has ? "motif" : "none", has ? 5 : 4);
}

GENERATOR_FUNCTIONS(config)
static const tn_dataset table = { .size = sizeof table, .column = column, .load = load, .count = count, .read = read_example,
                                  .renew = renew };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "motif", "DNA with a motif in it, and without",
    "Columns `sequence` (a text of A, C, G, T, for the transform `characters`) and `label`, `motif` or `none`. Every "
    "second example has the motif, at a place that is drawn evenly. Bases are equally likely; where the motif stands "
    "by chance in one of the other examples, bases of it are drawn again until it does not.",
    TN_OPTIONS(options), sizeof(config), sizeof(maker), check, open_motif, maker_close, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("motif", "1.0.0", "Tenon", "MIT", "", parts)
