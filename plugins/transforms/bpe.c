/* bpe.c -- subwords by byte pair encoding, learned from the training split (Sennrich, Haddow and Birch 2016, "Neural machine
 * translation of rare words with subword units"): words begin as characters, the last one with its end `</w>`; again and
 * again the pair of neighbours that is most frequent becomes one symbol. Of pairs that are as frequent as each other the one
 * that comes last in the order of bytes is taken, as by the authors' program subword-nmt.                           */
#include "pipe.h"

typedef struct { int64_t merges, min_count; const char *separator; } config;
static const tn_option options[] = {
    TN_INT(config, merges, 10000, 0, 10000000, "most pairs that are made one symbol"),
    TN_INT(config, min_count, 2, 1, 1000000000, "a pair that is less frequent is not (2 as subword-nmt)"),
    TN_STR(config, separator, "@@", "what marks a subword that another one of the same word follows") };

/* Texts by number, and numbers by 64-bit key: open addressing, value + 1, 0 free. */
typedef struct { char **text; int32_t n, room; int32_t *slot; size_t slots; } names;
typedef struct { uint64_t *key; int64_t *value; size_t n, slots; } numbers;
typedef struct { int32_t *symbol; int32_t n; int64_t count; } word; /* how often it stands in the training split         */

typedef struct {
    const config *c;
    pipe_out out;
    names symbols, words;                  /* words: only while learning                                             */
    word *of; int64_t words_room;          /* [words.n]                                                              */
    int32_t (*merge)[2]; int64_t n_merges; /* pairs in the order in which they were joined                           */
    numbers rank;                          /* pair -> its place in merge                                             */
    int32_t *now; int64_t now_room;        /* symbols of the word at hand                                            */
} bpe;

static int no_memory(bpe *b) { return b->out.api->fail(b->out.host, TN_ENOMEM, "no memory for subwords"); }

/* ---- tables ------------------------------------------------------------------------------------------------------ */
static uint64_t mixed(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static size_t name_slot(const names *t, const char *text, size_t n)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)text[i]) * 1099511628211u;
    size_t i = (size_t)mixed(h) & (t->slots - 1);
    for (; t->slot[i]; i = (i + 1) & (t->slots - 1)) {
        const char *have = t->text[t->slot[i] - 1];
        if (!strncmp(have, text, n) && !have[n]) break;
    }
    return i;
}

/* Its number; with `add` a new one if need be. -1: none, or no memory. */
static int32_t name_of(names *t, const char *text, size_t n, int add)
{
    if (add && (size_t)t->n * 2 >= t->slots) {
        size_t slots = t->slots ? 2 * t->slots : 1024;
        int32_t *slot = calloc(slots, sizeof *slot);
        if (!slot) return -1;
        free(t->slot);
        t->slot = slot, t->slots = slots;
        for (int32_t i = 0; i < t->n; i++) t->slot[name_slot(t, t->text[i], strlen(t->text[i]))] = i + 1;
    }
    if (!t->slots) return -1;
    size_t i = name_slot(t, text, n);
    if (t->slot[i] || !add) return t->slot[i] - 1;
    if (t->n == t->room) {
        int32_t room = 2 * t->room + 256;
        char **more = realloc(t->text, sizeof *more * (size_t)room);
        if (!more) return -1;
        t->text = more, t->room = room;
    }
    if (!(t->text[t->n] = strndup(text, n))) return -1;
    t->slot[i] = ++t->n;
    return t->n - 1;
}

static void free_names(names *t)
{
    for (int32_t i = 0; i < t->n; i++) free(t->text[i]);
    free(t->text), free(t->slot);
    memset(t, 0, sizeof *t);
}

static uint64_t pair_key(int32_t a, int32_t b) { return ((uint64_t)(uint32_t)a << 32 | (uint32_t)b) + 1; }

/* The value of a key, made 0 where there was none; NULL: no memory. */
static int64_t *number_at(numbers *t, uint64_t key)
{
    if (t->n * 2 >= t->slots) {
        numbers more = { NULL, NULL, 0, t->slots ? 2 * t->slots : 4096 };
        more.key = calloc(more.slots, sizeof *more.key), more.value = calloc(more.slots, sizeof *more.value);
        if (!more.key || !more.value) {
            free(more.key), free(more.value);
            return NULL;
        }
        for (size_t i = 0; i < t->slots; i++)
            if (t->key[i]) *number_at(&more, t->key[i]) = t->value[i];
        free(t->key), free(t->value);
        *t = more;
    }
    size_t i = (size_t)mixed(key) & (t->slots - 1);
    while (t->key[i] && t->key[i] != key) i = (i + 1) & (t->slots - 1);
    if (!t->key[i]) t->key[i] = key, t->n++;
    return &t->value[i];
}

static int64_t rank_of(const bpe *b, int32_t x, int32_t y)
{
    const numbers *t = &b->rank;
    if (!t->slots || x < 0 || y < 0) return -1;
    uint64_t key = pair_key(x, y);
    size_t i = (size_t)mixed(key) & (t->slots - 1);
    while (t->key[i] && t->key[i] != key) i = (i + 1) & (t->slots - 1);
    return t->key[i] ? t->value[i] : -1;
}

static void free_numbers(numbers *t)
{
    free(t->key), free(t->value);
    memset(t, 0, sizeof *t);
}

/* ---- learning ---------------------------------------------------------------------------------------------------- */
/* The characters of a word into now[], -1 for those that are not known. Gives how many; -1: no memory. */
static int64_t cut(bpe *b, const char *text, int64_t n, int add)
{
    int64_t symbols = 0;
    if (n > b->now_room) {
        int32_t *more = realloc(b->now, sizeof *more * (size_t)(2 * n + 64));
        if (!more) return -1;
        b->now = more, b->now_room = 2 * n + 64;
    }
    for (int64_t k; n > 0; text += k, n -= k) {
        char symbol[16];
        tn_utf8_at(text, n, &k);
        memcpy(symbol, text, (size_t)k);
        if (k == n) memcpy(symbol + k, "</w>", 4);
        int32_t id = name_of(&b->symbols, symbol, (size_t)(k == n ? k + 4 : k), add);
        if (id < 0 && add) return -1;
        b->now[symbols++] = id;
    }
    return symbols;
}

static int learn(void *self, const tn_value *in)
{
    bpe *b = self;
    for (int64_t i = 0; i < in->leaves; i++) {
        int64_t n;
        const char *text = value_leaf(in, i, &n);
        int32_t known = b->words.n, id = name_of(&b->words, text, (size_t)n, 1);
        if (id < 0) return no_memory(b);
        if (id == known) {
            if (id == b->words_room) {
                word *more = realloc(b->of, sizeof *more * (size_t)(2 * b->words_room + 256));
                if (!more) return no_memory(b);
                b->of = more, b->words_room = 2 * b->words_room + 256;
            }
            b->of[id] = (word){ NULL, 0, 0 };
            int64_t symbols = cut(b, text, n, 1);
            int32_t *copy = symbols < 0 ? NULL : malloc(sizeof *copy * (size_t)(symbols + 1));
            if (!copy) return no_memory(b);
            if (symbols) memcpy(copy, b->now, sizeof *copy * (size_t)symbols);
            b->of[id].symbol = copy, b->of[id].n = (int32_t)symbols;
        }
        b->of[id].count++;
    }
    return TN_OK;
}

/* Adds a word's pairs to the counts, `times` each. */
static int count_pairs(numbers *count, const word *w, int64_t times)
{
    for (int32_t i = 0; i + 1 < w->n; i++) {
        int64_t *n = number_at(count, pair_key(w->symbol[i], w->symbol[i + 1]));
        if (!n) return 0;
        *n += times;
    }
    return 1;
}

static int comes_later(const names *s, uint64_t a, uint64_t b)
{
    a--, b--;
    int order = strcmp(s->text[a >> 32], s->text[b >> 32]);
    return order ? order > 0 : strcmp(s->text[a & 0xffffffffu], s->text[b & 0xffffffffu]) > 0;
}

static uint64_t most_frequent(const bpe *b, const numbers *count)
{
    uint64_t best = 0;
    int64_t most = b->c->min_count;
    for (size_t i = 0; i < count->slots; i++) {
        if (!count->key[i] || count->value[i] < most) continue;
        if (best && count->value[i] == most && !comes_later(&b->symbols, count->key[i], best)) continue;
        best = count->key[i], most = count->value[i];
    }
    return best;
}

/* Neighbours x y become z, from the left. Gives how many there are then. */
static int32_t join(int32_t *symbol, int32_t n, int32_t x, int32_t y, int32_t z)
{
    int32_t m = 0;
    for (int32_t i = 0; i < n; i++)
        if (i + 1 < n && symbol[i] == x && symbol[i + 1] == y) symbol[m++] = z, i++;
        else symbol[m++] = symbol[i];
    return m;
}

static int has_pair(const word *w, int32_t x, int32_t y)
{
    for (int32_t i = 0; i + 1 < w->n; i++)
        if (w->symbol[i] == x && w->symbol[i + 1] == y) return 1;
    return 0;
}

/* The symbol that x y becomes, which from now on is known; -1: no memory. */
static int32_t add_merge(bpe *b, int32_t x, int32_t y)
{
    const char *left = b->symbols.text[x], *right = b->symbols.text[y];
    size_t n = strlen(left), m = strlen(right);
    char *both = malloc(n + m + 1);
    int32_t (*more)[2] = both ? realloc(b->merge, sizeof *more * (size_t)(b->n_merges + 1)) : NULL;
    int64_t *rank = more ? number_at(&b->rank, pair_key(x, y)) : NULL;
    int32_t z = -1;
    if (more) b->merge = more;
    if (rank) {
        memcpy(both, left, n), memcpy(both + n, right, m);
        z = name_of(&b->symbols, both, n + m, 1);
        *rank = b->n_merges;
        more[b->n_merges][0] = x, more[b->n_merges++][1] = y;
    }
    free(both);
    return z;
}

static void forget_words(bpe *b)
{
    for (int64_t i = 0; i < b->words.n && b->of; i++) free(b->of[i].symbol);
    free(b->of);
    b->of = NULL, b->words_room = 0;
    free_names(&b->words);
}

static int finish(void *self)
{
    bpe *b = self;
    numbers count = { NULL, NULL, 0, 0 };
    int done = 1;
    for (int64_t i = 0; i < b->words.n && done; i++) done = count_pairs(&count, &b->of[i], b->of[i].count);
    while (done && b->n_merges < b->c->merges) {
        uint64_t key = most_frequent(b, &count);
        if (!key) break;
        int32_t x = (int32_t)((key - 1) >> 32), y = (int32_t)((key - 1) & 0xffffffffu), z = add_merge(b, x, y);
        done = z >= 0;
        for (int64_t i = 0; i < b->words.n && done; i++) {
            word *w = &b->of[i];
            if (!has_pair(w, x, y)) continue;
            done = count_pairs(&count, w, -w->count);
            w->n = join(w->symbol, w->n, x, y, z);
            done = done && count_pairs(&count, w, w->count);
        }
    }
    free_numbers(&count);
    forget_words(b);
    return done ? TN_OK : no_memory(b);
}

/* ---- using it ---------------------------------------------------------------------------------------------------- */
static int open_bpe(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    bpe *b = self;
    b->c = config_;
    pipe_open(&b->out, api, host);
    return TN_OK;
}

static void close_bpe(void *self)
{
    bpe *b = self;
    forget_words(b);
    free_names(&b->symbols);
    free_numbers(&b->rank);
    free(b->merge), free(b->now);
    b->merge = NULL, b->now = NULL, b->n_merges = b->now_room = 0;
    pipe_close(&b->out);
}

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, const tn_column *in, tn_column *out)
{
    (void)config_, (void)self;
    if (in->dtype != TN_TEXT || in->depth != 1)
        return tn_fail(api, host, TN_EINVAL, "takes a text cut into words; put it behind words");
    *out = *in;
    return TN_OK;
}

/* Joins the pair that was learned first, again and again. where[i]: the byte at which symbol i ends. */
static int put_word(bpe *b, const char *text, int64_t bytes)
{
    int64_t n = cut(b, text, bytes, 0), from = 0;
    if (n < 0) return no_memory(b);
    for (;;) {
        int64_t best = -1;
        for (int64_t i = 0; i + 1 < n; i++) {
            int64_t r = rank_of(b, b->now[i], b->now[i + 1]);
            if (r >= 0 && (best < 0 || r < best)) best = r;
        }
        if (best < 0) break;
        int32_t x = b->merge[best][0], y = b->merge[best][1];
        size_t left = strlen(b->symbols.text[x]), right = strlen(b->symbols.text[y]);
        char *both = malloc(left + right + 1);
        if (!both) return no_memory(b);
        memcpy(both, b->symbols.text[x], left), memcpy(both + left, b->symbols.text[y], right);
        int32_t z = name_of(&b->symbols, both, left + right, 0);
        free(both);
        n = join(b->now, (int32_t)n, x, y, z);
    }
    for (int64_t i = 0, size; i < n; i++, from += size) { /* a symbol that is not known is one character */
        if (b->now[i] < 0) tn_utf8_at(text + from, bytes - from, &size);
        else size = (int64_t)strlen(b->symbols.text[b->now[i]]) - (i + 1 == n ? 4 : 0);
        pipe_put(&b->out, text + from, size);
        if (i + 1 < n) pipe_put(&b->out, b->c->separator, (int64_t)strlen(b->c->separator));
        pipe_leaf(&b->out);
    }
    return TN_OK;
}

static int apply(void *self, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    bpe *b = self;
    (void)rng;
    pipe_begin(&b->out);
    for (int64_t i = 0; i < in->leaves; i++) {
        int64_t n;
        const char *text = value_leaf(in, i, &n);
        int rc = put_word(b, text, n);
        if (rc) return rc;
    }
    return pipe_send(&b->out, 1, b->out.leaves, NULL, sink);
}

/* Symbols, then pairs of their numbers. */
static int save(void *self, int (*put)(void *to, const void *, size_t), void *to)
{
    bpe *b = self;
    int64_t n[2] = { b->symbols.n, b->n_merges };
    int rc = put(to, n, sizeof n);
    for (int32_t i = 0; i < b->symbols.n && !rc; i++) {
        int64_t bytes = (int64_t)strlen(b->symbols.text[i]);
        rc = put(to, &bytes, sizeof bytes);
        if (!rc) rc = put(to, b->symbols.text[i], (size_t)bytes);
    }
    return rc || !b->n_merges ? rc : put(to, b->merge, sizeof *b->merge * (size_t)b->n_merges);
}

static int load(void *self, int (*get)(void *from, void *, size_t), void *from)
{
    bpe *b = self;
    int64_t n[2], bytes;
    int32_t pair[2];
    char text[4096];
    int rc = get(from, n, sizeof n);
    free_names(&b->symbols);
    free_numbers(&b->rank);
    b->n_merges = 0;
    for (int64_t i = 0; i < n[0] && !rc; i++) {
        if ((rc = get(from, &bytes, sizeof bytes))) break;
        if (bytes < 0 || bytes >= (int64_t)sizeof text) return TN_EIO;
        rc = get(from, text, (size_t)bytes);
        if (!rc && name_of(&b->symbols, text, (size_t)bytes, 1) != i) return TN_EIO;
    }
    for (int64_t i = 0; !rc && i < n[1]; i++) {
        if ((rc = get(from, pair, sizeof pair))) break;
        if (pair[0] < 0 || pair[0] >= b->symbols.n || pair[1] < 0 || pair[1] >= b->symbols.n) return TN_EIO;
        if (add_merge(b, pair[0], pair[1]) < 0) return TN_ENOMEM;
    }
    return rc;
}

static const tn_transform table = { sizeof table, 0, plan, apply, learn, finish, NULL };
static const tn_desc desc = {
    sizeof desc, TN_TRANSFORM, &table, "bpe", "subwords by byte pair encoding",
    "Learned from the words of the training split, or of all splits with `fit = \"all\"`: words begin as characters, "
    "and again and again the most frequent pair of neighbours becomes one symbol, until `merges` are made or no pair "
    "occurs `min_count` times. Of equally frequent pairs the last in the order of bytes is taken. A new word is "
    "joined by the same pairs, the first learned first; its subwords become steps, all but the last with `separator`: "
    "`low@@ er`. Characters that training never showed stay single. Sennrich, Haddow and Birch 2016, \"Neural machine "
    "translation of rare words with subword units\", and their program subword-nmt.\n\n"
    "    transforms = [\"words\", { type = \"bpe\", merges = 8000 }]",
    TN_OPTIONS(options), sizeof(config), sizeof(bpe), NULL, open_bpe, close_bpe, save, load, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("bpe", "1.0.0", "Tenon", "MIT", "", parts)
