/* sst_trees.c -- the trees of the Stanford Sentiment Treebank, one a line: "(3 (2 It) (4 (2 's) (4 good)))", a label 0 to 4 on
 * every phrase.                                                                                                    */
#include "text_file.h"

typedef struct { const char *path[TEXT_SPLITS]; int32_t phrases, evaluation_phrases, classes, encoding; } config;
#define SPLIT_PATH(i, name) { name, "file of the " name " split", TN_O_PATH, 0, offsetof(config, path) + (i) * sizeof(char *), \
                              0, 0, 0, NULL, 0, 4096, NULL, NULL }
static const char *const parts_of[] = { "sentences", "all", NULL };
enum { FINE, BINARY };
static const char *const classes[] = { "fine", "binary", NULL };
static const tn_option options[] = {
    SPLIT_PATH(0, "train"), SPLIT_PATH(1, "validation"), SPLIT_PATH(2, "test"),
    TN_ENUM(config, phrases, 0, parts_of, "examples of the training split: whole sentences, or all phrases in them"),
    TN_ENUM(config, evaluation_phrases, 0, parts_of, "the same of validation and test"),
    TN_ENUM(config, classes, FINE, classes, "labels 0 to 4, or negative (0, 1) and positive (3, 4), the neutral ones left out"),
    TN_ENUM(config, encoding, ENCODING_UTF8, text_encodings, "how the files are written") };

/* A phrase: its words, NUL-terminated and with spaces between them, are bytes of the words of its sentence. */
typedef struct { size_t from, upto; int64_t line; char label; } phrase;
typedef struct { char *words; size_t bytes; phrase *of; int64_t n, room; int loaded; } file;
typedef struct { const config *c; const tn_api *api; tn_host *host; file of[TEXT_SPLITS]; } trees;

static int open_trees(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    trees *t = self;
    t->c = config_, t->api = api, t->host = host;
    return TN_OK;
}

static void close_trees(void *self)
{
    trees *t = self;
    for (int i = 0; i < TEXT_SPLITS; i++) free(t->of[i].words), free(t->of[i].of);
    memset(t->of, 0, sizeof t->of);
}

static int column(void *self, uint32_t i, tn_column *c)
{
    (void)self;
    if (i > 1) return TN_END;
    *c = (tn_column){ sizeof *c, TN_TEXT, 0, 1, i ? "text" : "label", 0, 0 };
    return TN_OK;
}

/* ---- reading a line ---------------------------------------------------------------------------------------------- */
enum { DEEPEST = 4096 };
typedef struct { trees *t; file *f; const char *path; int64_t line; int all; int64_t open[DEEPEST]; int depth; } parser;

static int bad_tree(const parser *p, const char *why)
{
    return tn_fail(p->t->api, p->t->host, TN_EINVAL, "%s:%lld: %s; a tree is written (LABEL WORD) or (LABEL (...) (...))", p->path,
                   (long long)p->line, why);
}

static int open_phrase(parser *p, char label)
{
    file *f = p->f;
    if (label < '0' || label > '4') return bad_tree(p, "a label that is not 0 to 4");
    if (p->depth == DEEPEST) return bad_tree(p, "a tree that is too deep");
    if (f->n == f->room) {
        int64_t room = 2 * f->room + 4096;
        phrase *more = realloc(f->of, sizeof *more * (size_t)room);
        if (!more) return p->t->api->fail(p->t->host, TN_ENOMEM, "no memory for the phrases of a file");
        f->of = more, f->room = room;
    }
    p->open[p->depth++] = f->n;
    f->of[f->n++] = (phrase){ f->bytes, f->bytes, p->line, label };
    return TN_OK;
}

/* Phrases that are no examples go: parts of a sentence where sentences are asked for, neutral ones of two classes. */
static void keep_examples(const parser *p, int64_t first)
{
    file *f = p->f;
    int64_t n = first;
    for (int64_t i = first; i < f->n; i++)
        if ((p->all || i == first) && !(p->t->c->classes == BINARY && f->of[i].label == '2')) f->of[n++] = f->of[i];
    f->n = n;
}

static int read_tree(parser *p, const char *s, const char *end)
{
    file *f = p->f;
    int64_t first = f->n;
    int rc = 0, whole = 0;
    while (s < end && !rc) {
        if (*s == ' ' || *s == '\r' || *s == '\t') s++;
        else if (whole) return bad_tree(p, "more than one tree on a line");
        else if (*s == '(') {
            if (end - s < 3 || (s[2] != ' ' && s[2] != '(')) return bad_tree(p, "no label behind '('");
            rc = open_phrase(p, s[1]);
            s += 2;
        } else if (!p->depth) return bad_tree(p, "no '(' at the beginning");
        else if (*s == ')') {
            phrase *x = &f->of[p->open[--p->depth]];
            x->upto = f->bytes ? f->bytes - 1 : 0; /* without the space behind the last word */
            if (x->upto <= x->from) return bad_tree(p, "a phrase without words");
            whole = p->depth == 0;
            s++;
        } else {
            while (s < end && *s != ' ' && *s != ')' && *s != '(') f->words[f->bytes++] = *s++;
            f->words[f->bytes++] = ' ';
        }
    }
    if (!rc && p->depth) return bad_tree(p, "a '(' that is never closed");
    if (!rc) keep_examples(p, first);
    return rc;
}

static int load(void *self, const char *split)
{
    trees *t = self;
    int i = text_split(split), rc = 0;
    if (i < 0 || !t->c->path[i]) return TN_END;
    file *f = &t->of[i];
    if (f->loaded) return TN_OK;
    size_t n;
    char *text = text_read(t->api, t->host, t->c->path[i], t->c->encoding, &n);
    if (!text) return TN_EIO;
    f->words = malloc(n + 2); /* a word and its space are shorter than "(2 word)" */
    parser *p = calloc(1, sizeof *p);
    if (!f->words || !p) rc = t->api->fail(t->host, TN_ENOMEM, "no memory for the words of a file");
    else *p = (parser){ .t = t, .f = f, .path = t->c->path[i], .all = i ? t->c->evaluation_phrases : t->c->phrases };
    for (size_t at = 0; at < n && !rc; ) {
        const char *stop = memchr(text + at, '\n', n - at), *end = stop ? stop : text + n;
        p->line++, p->depth = 0;
        rc = read_tree(p, text + at, end);
        at = (size_t)(end - text) + 1;
    }
    free(text), free(p);
    if (!rc && !f->n) rc = tn_fail(t->api, t->host, TN_EINVAL, "%s: the file has no examples", t->c->path[i]);
    f->loaded = !rc;
    return rc;
}

static int64_t count(void *self, const char *split, int64_t lanes)
{
    trees *t = self;
    int i = text_split(split);
    (void)lanes;
    return i < 0 ? 0 : t->of[i].n;
}

static int read_phrase(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    trees *t = self;
    const file *f = &t->of[text_split(split)];
    const phrase *x = &f->of[index];
    (void)lanes, (void)rng;
    int rc = t->c->classes == BINARY ? put_text(sink, 0, x->label < '2' ? "negative" : "positive", 8) : put_text(sink, 0, &x->label, 1);
    return rc ? rc : put_text(sink, 1, f->words + x->from, x->upto - x->from);
}

static int place(void *self, const char *split, int64_t index, char *text, size_t size)
{
    trees *t = self;
    int i = text_split(split);
    snprintf(text, size, "%s:%lld", t->c->path[i], (long long)t->of[i].of[index].line);
    return TN_OK;
}

static int file_of(void *self, uint32_t i, const char **path)
{
    trees *t = self;
    for (int k = 0; k < TEXT_SPLITS; k++)
        if (t->c->path[k] && !i--) {
            *path = t->c->path[k];
            return TN_OK;
        }
    return TN_END;
}

static const tn_dataset table = { sizeof table, 0, column, load, count, read_phrase, place, file_of, NULL };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "sst_trees", "trees of the Stanford Sentiment Treebank",
    "Columns `label` and `text` (words with spaces between them). A sentence is the example of its whole tree; with "
    "`phrases = \"all\"` every phrase in it, down to the single words, is one with its own label: 318,582 in the "
    "training split. Phrases that occur more than once are not joined. `classes = \"binary\"` leaves out what is "
    "labelled 2. A tree that is not closed, or has a label other than 0 to 4, is an error. Socher et al. 2013, "
    "\"Recursive deep models for semantic compositionality over a sentiment treebank\".",
    TN_OPTIONS(options), sizeof(config), sizeof(trees), NULL, open_trees, close_trees, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("sst_trees", "1.0.0", "Tenon", "MIT", "", parts)
