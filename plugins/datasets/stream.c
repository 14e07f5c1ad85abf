/* stream.c -- one long text of words or characters, cut into lanes that are read side by side: row l of every batch goes on
 * where row l of the batch before ended. Of N steps, lane l of B has steps floor(l N / B) to floor((l + 1) N / B) - 1.  */
#include "text_folder.h"

typedef struct {
    const char *path[TEXT_SPLITS], *line_end;
    int32_t unit, encoding;
    int64_t steps, evaluation_steps;
    double validation_share, test_share;
} config;
#define SPLIT_PATH(i, name) { name, "file of the " name " split, or folder of its files", TN_O_PATH, 0, offsetof(config, path) + (i) * sizeof(char *), \
                              0, 0, 0, NULL, 0, 4096, NULL, NULL }
#define SHARE(field, name) { name, "share of `train` that is cut from its end instead of a file of its own", TN_O_REAL, \
                             TN_O_OPEN_MAX, TN_AT_(config, field, double), 0, 0, 0, NULL, 0, 1, NULL, NULL }
enum { WORDS, CHARACTERS };
static const char *const units[] = { "words", "characters", NULL };
static const tn_option options[] = {
    SPLIT_PATH(0, "train"), SPLIT_PATH(1, "validation"), SPLIT_PATH(2, "test"),
    TN_ENUM(config, unit, WORDS, units, "what a step is: a word between spaces, or a character"),
    TN_STR(config, line_end, NULL, "the word that stands for the end of each line; not given: of words it is a space, of "
                                   "characters the character that it is"),
    TN_INT(config, steps, 35, 1, 1000000, "steps that a lane has in one batch (35 as PyTorch's word_language_model)"),
    TN_INT(config, evaluation_steps, 0, 0, 1000000, "the same for validation and test; 0: as `steps`"),
    SHARE(validation_share, "share.validation"), SHARE(test_share, "share.test"),
    TN_ENUM(config, encoding, ENCODING_UTF8, text_encodings, "how the files are written") };

typedef struct {                           /* the files of a path, their steps one after the other                  */
    char *bytes; size_t room;
    places end;                            /* where each step ends in bytes                                          */
    places line;                           /* the first step of each line                                            */
    file_list files; places file;          /* the first line of each file                                            */
} text;
typedef struct {
    const config *c; const tn_api *api; tn_host *host;
    text of[TEXT_SPLITS];
    int64_t lanes[TEXT_SPLITS];            /* as count was last asked                                                */
    int64_t *end; int64_t end_room;        /* of the steps of one example                                            */
} stream;

static int open_stream(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    stream *s = self;
    const config *c = s->c = config_;
    s->api = api, s->host = host;
    if (c->validation_share + c->test_share >= 1)
        return tn_fail(api, host, TN_EINVAL, "share: validation and test take %g of the file; nothing is left to train on",
                       c->validation_share + c->test_share);
    const double share[TEXT_SPLITS] = { 0, c->validation_share, c->test_share };
    for (int i = 1; i < TEXT_SPLITS; i++)
        if (share[i] > 0 && c->path[i])
            return tn_fail(api, host, TN_EINVAL, "share: `%s` is a file of its own already", text_splits[i]);
    return TN_OK;
}

static void close_stream(void *self)
{
    stream *s = self;
    for (int i = 0; i < TEXT_SPLITS; i++) free(s->of[i].bytes), free(s->of[i].end.v), free(s->of[i].line.v), free(s->of[i].file.v), file_list_free(&s->of[i].files);
    free(s->end);
    memset(s->of, 0, sizeof s->of);
    s->end = NULL, s->end_room = 0;
}

static int column(void *self, uint32_t i, tn_column *c)
{
    if (i) return TN_END;
    *c = (tn_column){ sizeof *c, TN_TEXT, 1, 1, units[((stream *)self)->c->unit], 0 };
    return TN_OK;
}

/* ---- cutting a file into steps ------------------------------------------------------------------------------ */
static int is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Appends a step of n bytes. 0: no memory. */
static int add_step(text *t, const char *step, size_t n)
{
    size_t have = t->end.n ? t->end.v[t->end.n - 1] : 0;
    if (have + n > t->room) {
        size_t room = 2 * (have + n) + 65536;
        char *more = realloc(t->bytes, room);
        if (!more) return 0;
        t->bytes = more, t->room = room;
    }
    if (n) memcpy(t->bytes + have, step, n);
    return places_add(&t->end, have + n);
}

static int add_words(text *t, const char *p, const char *end)
{
    while (p < end) {
        while (p < end && is_blank(*p)) p++;
        const char *word = p;
        while (p < end && !is_blank(*p)) p++;
        if (p > word && !add_step(t, word, (size_t)(p - word))) return 0;
    }
    return 1;
}

static int add_characters(text *t, const char *p, const char *end)
{
    for (int64_t k; p < end; p += k) {
        tn_utf8_at(p, end - p, &k);
        if (!add_step(t, p, (size_t)k)) return 0;
    }
    return 1;
}

static int cut_lines(stream *s, text *t, const char *p, size_t n)
{
    const char *const last = p + n;
    int words = s->c->unit == WORDS, done = 1;
    while (p < last && done) {
        const char *stop = memchr(p, '\n', (size_t)(last - p)), *end = stop ? stop : last, *next = stop ? stop + 1 : last;
        if (!words && !s->c->line_end) end = next;
        else if (!words && end > p && end[-1] == '\r') end--;
        done = places_add(&t->line, (size_t)t->end.n) && (words ? add_words(t, p, end) : add_characters(t, p, end));
        if (done && stop && s->c->line_end) done = add_step(t, s->c->line_end, strlen(s->c->line_end));
        p = next;
    }
    return done ? TN_OK : s->api->fail(s->host, TN_ENOMEM, "no memory for the steps of a text");
}

/* ---- splits -------------------------------------------------------------------------------------------------- */
/* The file that a split is taken from: its own, or that of `train`; -1: there is none. */
static int source_of(const config *c, int split)
{
    if (split < 0) return -1;
    if (c->path[split]) return split;
    return c->path[0] && (split == 1 ? c->validation_share : split == 2 ? c->test_share : 0) > 0 ? 0 : -1;
}

static const text *text_of(const stream *s, int split)
{
    int i = source_of(s->c, split);
    return &s->of[i < 0 ? 0 : i];
}

/* Steps *from .. *upto - 1 of its file are the split's: train, validation and test follow one another. */
static void range_of(const stream *s, int split, int64_t *from, int64_t *upto)
{
    const config *c = s->c;
    int64_t n = text_of(s, split)->end.n;
    *from = 0, *upto = n;
    if (split && c->path[split]) return;
    int64_t test = (int64_t)((double)n * (1 - c->test_share) + 0.5);
    int64_t validation = (int64_t)((double)n * (1 - c->test_share - c->validation_share) + 0.5);
    *from = split == 0 ? 0 : split == 1 ? validation : test;
    *upto = split == 0 ? validation : split == 1 ? test : n;
}

/* The names of a path's files, once. */
static int list_of(stream *s, int i)
{
    return s->of[i].files.n ? TN_OK : list_texts(s->api, s->host, s->c->path[i], 0, &s->of[i].files);
}

static int load(void *self, const char *split)
{
    stream *s = self;
    int i = source_of(s->c, text_split(split));
    if (i < 0) return TN_END;
    text *t = &s->of[i];
    if (t->end.n) return TN_OK;
    int rc = list_of(s, i);
    for (uint32_t k = 0; k < t->files.n && !rc; k++) {
        size_t n;
        char *file = text_read(s->api, s->host, t->files.path[k], s->c->encoding, &n);
        if (!file) return TN_EIO;
        rc = places_add(&t->file, (size_t)t->line.n) ? cut_lines(s, t, file, n)
                                                     : s->api->fail(s->host, TN_ENOMEM, "no memory for the names of files");
        free(file);
    }
    if (!rc && !t->files.n) rc = tn_fail(s->api, s->host, TN_EINVAL, "%s: there is no file in the folder", s->c->path[i]);
    if (!rc && !t->end.n) rc = tn_fail(s->api, s->host, TN_EINVAL, "%s: %s empty", s->c->path[i], t->files.n > 1 ? "all files are" : "the file is");
    return rc;
}

static int64_t steps_of(const stream *s, int split)
{
    return split && s->c->evaluation_steps ? s->c->evaluation_steps : s->c->steps;
}

static int64_t count(void *self, const char *split, int64_t lanes)
{
    stream *s = self;
    int k = text_split(split);
    int64_t from, upto;
    if (source_of(s->c, k) < 0) return 0;
    range_of(s, k, &from, &upto);
    s->lanes[k] = lanes;
    if (upto - from < lanes) {
        tn_fail(s->api, s->host, TN_EINVAL, "%s: the %s split has %lld steps, too few for %lld lanes (batch_size)",
                s->c->path[source_of(s->c, k)], split, (long long)(upto - from), (long long)lanes);
        return 0;
    }
    int64_t longest = (upto - from + lanes - 1) / lanes, steps = steps_of(s, k);
    return (longest + steps - 1) / steps * lanes;
}

/* Steps *from .. *upto - 1 of the file: example `index` is part index / lanes of lane index % lanes. */
static void example_of(const stream *s, int split, int64_t lanes, int64_t index, int64_t *from, int64_t *upto)
{
    int64_t first, last, lane = index % lanes, steps = steps_of(s, split), n;
    range_of(s, split, &first, &last);
    n = last - first;
    int64_t end = first + (lane + 1) * n / lanes;
    *from = first + lane * n / lanes + index / lanes * steps;
    *upto = *from + steps;
    if (*from > end) *from = end;
    if (*upto > end) *upto = end;
}

static int read_steps(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    stream *s = self;
    int k = text_split(split);
    const text *t = text_of(s, k);
    int64_t from, upto;
    (void)rng;
    example_of(s, k, lanes, index, &from, &upto);
    if (upto - from > s->end_room) {
        int64_t *more = realloc(s->end, sizeof *more * (size_t)(upto - from)); /* NOLINT(clang-analyzer-optin.portability.UnixAPI): more than end_room */
        if (!more) return s->api->fail(s->host, TN_ENOMEM, "no memory for the steps of a text");
        s->end = more, s->end_room = upto - from;
    }
    size_t begin = from ? t->end.v[from - 1] : 0;
    for (int64_t i = from; i < upto; i++) s->end[i - from] = (int64_t)(t->end.v[i] - begin);
    tn_value v = { sizeof v, TN_TEXT, 1, 1, upto - from, upto - from, NULL, t->bytes + begin, s->end };
    return sink->put(sink->to, 0, &v);
}

static int place(void *self, const char *split, int64_t index, char *out, size_t size)
{
    stream *s = self;
    int k = text_split(split);
    const text *t = text_of(s, k);
    const places *line = &t->line;
    int64_t from, upto, low = 0, high = line->n;
    uint32_t file = 0;
    example_of(s, k, s->lanes[k] ? s->lanes[k] : 1, index, &from, &upto);
    while (high - low > 1) { /* the last line that begins at `from` or before */
        int64_t middle = (low + high) / 2;
        if ((int64_t)line->v[middle] <= from) low = middle;
        else high = middle;
    }
    while (file + 1 < t->files.n && (int64_t)t->file.v[file + 1] <= low) file++;
    snprintf(out, size, "%s:%lld", t->files.path[file], (long long)(low - (int64_t)t->file.v[file]) + 1);
    return TN_OK;
}

/* ---- lines of text, and text again --------------------------------------------------------------------------- */
static int put_steps(stream *s, const text *t, const tn_sink *sink)
{
    int64_t *end = malloc(sizeof *end * (size_t)(t->end.n + 1));
    if (!end) return s->api->fail(s->host, TN_ENOMEM, "no memory for the steps of a text");
    for (int64_t i = 0; i < t->end.n; i++) end[i] = (int64_t)t->end.v[i];
    tn_value v = { sizeof v, TN_TEXT, 1, 1, t->end.n, t->end.n, NULL, t->bytes ? t->bytes : "", end };
    int rc = sink->put(sink->to, 0, &v);
    free(end);
    return rc;
}

/* The steps of a line without its end; of an empty one the end of the line before it, where that is a step. */
static int line_steps(void *self, uint32_t i, const char *p, int64_t n, const tn_sink *sink)
{
    stream *s = self;
    int words = s->c->unit == WORDS, rc = TN_ENOMEM;
    const char *end = s->c->line_end ? s->c->line_end : words ? NULL : "\n";
    text t;
    (void)i;
    memset(&t, 0, sizeof t);
    int done = words ? add_words(&t, p, p + n) : add_characters(&t, p, p + n);
    if (done && !t.end.n && end) done = add_step(&t, end, strlen(end));
    if (done) rc = put_steps(s, &t, sink);
    else s->api->fail(s->host, rc, "no memory for the steps of a line");
    free(t.bytes), free(t.end.v);
    return rc;
}

/* Words with a space between them, characters without; a line end is the end of a line. */
static int steps_text(void *self, uint32_t i, const tn_value *v, const tn_sink *sink)
{
    stream *s = self;
    const char *leaf = v->leaf, *stop = s->c->line_end;
    int words = s->c->unit == WORDS, begun = 0;
    char *out = malloc((size_t)(v->leaves ? v->end[v->leaves - 1] : 0) + 2 * (size_t)v->leaves + 1), *at = out;
    (void)i;
    if (!out) return s->api->fail(s->host, TN_ENOMEM, "no memory for a text");
    for (int64_t k = 0, from = 0; k < v->leaves; from = v->end[k++]) {
        size_t n = (size_t)(v->end[k] - from);
        int ends = stop && n == strlen(stop) && !memcmp(leaf + from, stop, n);
        if (words && begun && !ends) *at++ = ' ';
        if (ends) *at++ = '\n';
        else memcpy(at, leaf + from, n), at += n;
        begun = !ends;
    }
    int rc = put_text(sink, 0, out, (size_t)(at - out));
    free(out);
    return rc;
}

static int file_of(void *self, uint32_t i, const char **path)
{
    stream *s = self;
    for (int k = 0; k < TEXT_SPLITS; k++) {
        const file_list *l = &s->of[k].files;
        if (!s->c->path[k]) continue;
        int rc = list_of(s, k);
        if (rc) return rc;
        if (i < l->n) {
            *path = l->path[i];
            return TN_OK;
        }
        i -= l->n;
    }
    return TN_END;
}

static const tn_dataset table = { sizeof table, TN_D_LANES, column, load, count, read_steps, place, file_of, NULL, line_steps, NULL,
                                  steps_text };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "stream", "one long text in lanes, for language models",
    "One column, `words` or `characters` as `unit` says, cut into steps already. The text of a split is one stream of "
    "N steps. With B examples in a batch it is cut into B lanes: lane `l` has steps `floor(l N / B)` to `floor((l + "
    "1) N / B) - 1`, and each batch takes the next `steps` of every lane. Every step is read once in an epoch; in the "
    "last batch some lanes may have fewer steps than others, or none. A layer with `carry_state = true` goes on in "
    "each lane where it stopped; states are zero at the start of every epoch and of every split. The order is fixed: "
    "`shuffle` and random splits are errors. Validation and test have `[evaluation] batch_size` lanes and "
    "`evaluation_steps`.\n\n"
    "What is to be predicted is a field with `shift`: it goes on from batch to batch and from a lane's end to the "
    "next lane, so that only the last step of the stream has no successor.\n\n"
    "    [dataset]\n"
    "    type = \"stream\"\n"
    "    train = \"ptb/ptb.train.txt\"\n"
    "    line_end = \"<eos>\"\n"
    "    steps = 20\n"
    "    [[field]]\n"
    "    name = \"words\"\n"
    "    [[field]]\n"
    "    name = \"next\"\n"
    "    from = \"words\"\n"
    "    shift = 1\n\n"
    "`share = { validation = 0.05, test = 0.05 }` cuts one file by position: the middle part and the end. A path may be a folder: "
    "then all files in it and in its folders are read one after the other, in the order of their names; names that begin with a dot "
    "and symbolic links are left out.\n\n"
    "`tenon predict` writes on from each line of text, which is cut as the file is; states are zero at its beginning. An empty "
    "line begins with the end of a line: `line_end`, or of characters a line break. In what is written both are line breaks.",
    TN_OPTIONS(options), sizeof(config), sizeof(stream), NULL, open_stream, close_stream, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("stream", "1.0.0", "Tenon", "MIT", "", parts)
