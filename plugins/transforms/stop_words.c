/* stop_words.c -- leaves out words that say little: those of a list, those that the user names, or both. */
#include "pipe.h"

typedef struct { int32_t list; tn_list words; } config;
static const char *const lists[] = { "none", "english", NULL };
static const tn_option options[] = {
    TN_ENUM(config, list, 1, lists, "words that are left out by themselves"),
    TN_STRS(config, words, "[]", "further words to leave out") };

/* Articles, pronouns, prepositions, conjunctions and auxiliary verbs; no negations, for they turn a meaning. */
static const char *const english[] = {
    "a", "about", "above", "after", "again", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "because",
    "been", "before", "being", "below", "between", "both", "but", "by", "can", "could", "did", "do", "does", "doing", "down",
    "during", "each", "for", "from", "further", "had", "has", "have", "having", "he", "her", "here", "hers", "herself", "him",
    "himself", "his", "how", "i", "if", "in", "into", "is", "it", "its", "itself", "me", "my", "myself", "of", "off", "on",
    "once", "or", "other", "our", "ours", "ourselves", "out", "over", "own", "same", "she", "should", "so", "some", "such",
    "than", "that", "the", "their", "theirs", "them", "themselves", "then", "there", "these", "they", "this", "those",
    "through", "to", "under", "until", "up", "was", "we", "were", "what", "when", "where", "which", "while", "who", "whom",
    "whose", "why", "will", "with", "would", "you", "your", "yours", "yourself", "yourselves" };
enum { ENGLISH = sizeof english / sizeof *english };

typedef struct { pipe_out out; const char **word; size_t n; } stop_words;

static int by_bytes(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static int open_stop(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    stop_words *s = self;
    const config *c = config_;
    pipe_open(&s->out, api, host);
    s->word = malloc(sizeof *s->word * (ENGLISH + (size_t)c->words.n));
    if (!s->word) return tn_fail(api, host, TN_ENOMEM, "no memory for %lld stop words", (long long)c->words.n);
    for (int i = 0; c->list && i < ENGLISH; i++) s->word[s->n++] = english[i];
    for (int64_t i = 0; i < c->words.n; i++) s->word[s->n++] = ((const char *const *)c->words.v)[i];
    qsort(s->word, s->n, sizeof *s->word, by_bytes);
    return TN_OK;
}

static void close_stop(void *self)
{
    stop_words *s = self;
    pipe_close(&s->out);
    free(s->word);
    s->word = NULL, s->n = 0;
}

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, const tn_column *in, tn_column *out)
{
    (void)config_, (void)self;
    if (in->dtype != TN_TEXT || in->depth != 1)
        return tn_fail(api, host, TN_EINVAL, "takes a text cut into words; put it behind words");
    *out = *in;
    return TN_OK;
}

static int is_stop_word(const stop_words *s, const char *text, int64_t n)
{
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t at = (low + high) / 2;
        int order = strncmp(text, s->word[at], (size_t)n);
        if (!order && s->word[at][n]) order = -1;
        if (!order) return 1;
        if (order < 0) high = at;
        else low = at + 1;
    }
    return 0;
}

static int apply(void *self, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    stop_words *s = self;
    (void)rng;
    pipe_begin(&s->out);
    for (int64_t i = 0; i < in->leaves; i++) {
        int64_t n;
        const char *text = value_leaf(in, i, &n);
        if (is_stop_word(s, text, n)) continue;
        pipe_put(&s->out, text, n);
        pipe_leaf(&s->out);
    }
    return pipe_send(&s->out, 1, s->out.leaves, NULL, sink);
}

static const tn_transform table = { sizeof table, 0, plan, apply };
static const tn_desc desc = {
    sizeof desc, TN_TRANSFORM, &table, "stop_words", "leaves out words that say little",
    "A word is compared as it stands, so put `lowercase` before. The English list holds articles, pronouns, prepositions, "
    "conjunctions and auxiliary verbs; negations stay, because they turn a meaning round.",
    TN_OPTIONS(options), sizeof(config), sizeof(stop_words), NULL, open_stop, close_stop, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("stop_words", "1.0.0", "Tenon", "MIT", "", parts)
