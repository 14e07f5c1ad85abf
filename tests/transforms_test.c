/* transforms_test.c PLUGINS FOLDER REFERENCES.safetensors -- transforms on texts whose result is known by hand: what stands before,
 * between and behind words, their stems, words of a text without spaces; subwords against subword-nmt, runs of words against
 * scikit-learn, texts of one length against Keras; and what each refuses.                                            */
#include "../host/checkpoint.h"
#include "open_data.h"

static const char model[] =
    "[[layer]]\ntype = 'embedding'\ninputs = 'text'\nwidth = 2\n[[layer]]\ntype = 'mean'\n[[layer]]\nname = 'output'\n"
    "type = 'dense'\nunits = 'label'\n[[loss]]\ntype = 'cross_entropy'\ntarget = 'label'\n[optimizer]\ntype = 'sgd'\n";

static void write_fields(char *to, size_t size, const char *transforms)
{
    snprintf(to, size, "[dataset]\ntype = 'lines'\ntrain = 'texts.txt'\n[[field]]\nname = 'text'\ntransforms = [%s]\n"
             "[[field]]\nname = 'label'\nkind = 'category'\n", transforms);
}

/* Steps of the first text, with a bar between them. */
static void check_steps(const char *transforms, const char *text, const char *want)
{
    char middle[1000], got[1000] = "", lines[1000];
    snprintf(lines, sizeof lines, "A %s\nB other\n", text);
    write_file("texts.txt", lines);
    write_fields(middle, sizeof middle, transforms);
    experiment *e = open_data(middle, model, folder);
    if (!e) return;
    const store *s = &data_field(e->data, "text")->split[0];
    for (int64_t t = s->begin[0]; t < s->begin[1]; t++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", t > s->begin[0] ? "|" : "",
                 word_at(data_field(e->data, "text"), 0, t));
    expect_text(transforms, got, want);
    experiment_free(e);
}

static void check_refused(const char *transforms, const char *says)
{
    char middle[1000];
    write_fields(middle, sizeof middle, transforms);
    refuse(middle, model, folder, says);
}

/* ---- what subword-nmt, scikit-learn and Keras give: texts of tests/reference/transforms.py ------------------------------- */
static const char *reference_text(const checkpoint *f, const char *name, const char *what)
{
    char key[100];
    snprintf(key, sizeof key, "%.60s%s", name, what);
    for (int i = 0; i < f->n_texts; i++)
        if (!strcmp(f->text[i].key, key)) return f->text[i].value;
    expect(0, "the reference lacks %s", key);
    return "";
}

/* The line at *at, which goes on to the next. 0: there is none. */
static int next_line(const char **at, char *line, size_t size)
{
    size_t n = strcspn(*at, "\n");
    if (!**at) return 0;
    snprintf(line, size, "%.*s", (int)n, *at);
    *at += n + ((*at)[n] == '\n');
    return 1;
}

/* A case of three lines: transforms, text, steps. */
static void check_reference_steps(const char *value)
{
    char transforms[300], text[400], steps[2000] = "";
    expect(next_line(&value, transforms, sizeof transforms), "a reference without transforms");
    if (*value == '\n') text[0] = 0, value++;
    else (void)next_line(&value, text, sizeof text);
    (void)next_line(&value, steps, sizeof steps);
    check_steps(transforms, text, steps);
}

/* ---- byte pair encoding ------------------------------------------------------------------------------------------------- */
typedef struct { char bytes[100000]; size_t n, at; } saved;
static int put_saved(void *to, const void *p, size_t n)
{
    saved *s = to;
    if (s->n + n > sizeof s->bytes) return -1;
    memcpy(s->bytes + s->n, p, n), s->n += n;
    return 0;
}
static int get_saved(void *from, void *p, size_t n)
{
    saved *s = from;
    if (s->at + n > s->n) return -1;
    memcpy(p, s->bytes + s->at, n), s->at += n;
    return 0;
}
static int put_steps(void *to, uint32_t column, const tn_value *v)
{
    char *text = to;
    (void)column;
    text[0] = 0;
    for (int64_t i = 0, at = 0; i < v->leaves; at = v->end[i], i++)
        sprintf(text + strlen(text), "%s%.*s", i ? "|" : "", (int)(v->end[i] - at), (const char *)v->leaf + at);
    return 0;
}

static void check_word(tn_part *p, const char *word, const char *want)
{
    char got[500] = "";
    int64_t end = (int64_t)strlen(word);
    tn_value v = { sizeof v, TN_TEXT, 1, 1, 1, 1, NULL, word, &end };
    tn_sink sink = { sizeof sink, 0, got, put_steps, NULL };
    expect(!((const tn_transform *)p->desc->table)->apply(p->self, &v, (tn_rng){ 0, 0 }, &sink), "bpe: '%s' failed", word);
    expect_text(word, got, want);
}

/* The pairs in the order in which they were joined, as a part saves them: two counts, symbols, pairs of their numbers. */
static void check_pairs(const saved *s, const char *want)
{
    static const char *symbol[2000];
    static int64_t bytes[2000];
    char line[100], pair[100];
    int64_t n[2];
    size_t at = sizeof n;
    memcpy(n, s->bytes, sizeof n);
    for (int64_t i = 0; i < n[0] && i < 2000; at += (size_t)bytes[i++]) {
        memcpy(&bytes[i], s->bytes + at, sizeof bytes[i]), at += sizeof bytes[i];
        symbol[i] = s->bytes + at;
    }
    for (int64_t i = 0; i < n[1]; i++, at += 8) {
        int32_t x[2];
        memcpy(x, s->bytes + at, sizeof x);
        snprintf(pair, sizeof pair, "%.*s %.*s", (int)bytes[x[0]], symbol[x[0]], (int)bytes[x[1]], symbol[x[1]]);
        expect_text("a pair of bpe", pair, next_line(&want, line, sizeof line) ? line : "none");
    }
    expect(!*want, "bpe: pairs are missing from %.20s on", want);
}

static void check_words(tn_part *p, const char *words)
{
    char line[300];
    while (next_line(&words, line, sizeof line)) {
        char *steps = strchr(line, ' ');
        *steps++ = 0;
        check_word(p, line, steps);
    }
}

/* Pairs, and the subwords of words that are old and new, once more after saving and loading. */
static void check_bpe(const checkpoint *f, const char *name)
{
    static saved keep;
    char middle[1000], transforms[200], path[1000], line[300];
    const char *text = reference_text(f, "text", "");
    snprintf(path, sizeof path, "%s/texts.txt", folder);
    FILE *to = fopen(path, "w");
    for (int i = 0; to && next_line(&text, line, sizeof line); i++) fprintf(to, "%c %s\n", 'A' + i % 2, line);
    if (to) fclose(to);
    snprintf(transforms, sizeof transforms, "{ type = 'words', at = 'spaces' }, %.100s", reference_text(f, name, ""));
    write_fields(middle, sizeof middle, transforms);
    experiment *e = open_data(middle, model, folder);
    if (!e) return;
    tn_part *p = data_field(e->data, "text")->transform[1];
    keep.n = keep.at = 0;
    expect(!p->desc->save(p->self, put_saved, &keep), "bpe: cannot be saved");
    check_pairs(&keep, reference_text(f, name, "/pairs"));
    check_words(p, reference_text(f, name, "/words"));
    part_close(p); /* from what was saved */
    expect(!part_open(&e->context, p) && !p->desc->load(p->self, get_saved, &keep), "bpe: cannot be loaded");
    check_words(p, reference_text(f, name, "/words"));
    experiment_free(e);
}

static void check_references(const char *file)
{
    char error[400];
    checkpoint *f = checkpoint_read(file, error, sizeof error);
    expect(f != NULL, "%s", error);
    for (int i = 0; f && i < f->n_texts; i++) {
        const char *name = f->text[i].key;
        if (!strncmp(name, "bpe_", 4) && !strchr(name, '/')) check_bpe(f, name);
        if (!strncmp(name, "ngrams_", 7) || !strncmp(name, "pad_", 4)) check_reference_steps(f->text[i].value);
    }
    checkpoint_free(f);
}

int main(int argc, char **argv)
{
    plugins = argc > 1 ? argv[1] : "build/plugins", folder = argc > 2 ? argv[2] : ".";
    check_steps("'strip_html', 'characters'", "&#65;&#233;&#8364;&#128512;&lt;", "A|\xc3\xa9|\xe2\x82\xac|\xf0\x9f\x98\x80|<");
    check_steps("'words', 'bracket'", "a b", "<sos>|a|b|<eos>");
    check_steps("'words', { type = 'bracket', begin = '', end = 'END' }", "a b", "a|b|END");
    check_steps("'words', 'bracket'", "", "<sos>|<eos>");
    check_refused("'bracket', 'words'", "takes a text cut into steps; put it behind words or characters");

    check_steps("'words', 'ngrams'", "a b c", "a|a b|b|b c|c");
    check_steps("'words', { type = 'ngrams', least = 2, most = 3, join = '_' }", "a b c d", "a_b|a_b_c|b_c|b_c_d|c_d");
    check_steps("'characters', { type = 'ngrams', least = 3, most = 3, join = '' }", "abcd", "abc|bcd");
    check_steps("'words', { type = 'ngrams', least = 3, most = 3 }", "a b", "");
    check_refused("'words', { type = 'ngrams', least = 3 }", "least = 3: must be no more than most = 2");

    check_steps("'words', { type = 'truncate', length = 2 }", "a b c", "a|b");
    check_steps("'words', { type = 'truncate', length = 2, keep = 'last' }", "a b c", "b|c");
    check_steps("'words', { type = 'pad', length = 4 }", "a b", "<pad>|<pad>|a|b");
    check_steps("'words', { type = 'pad', length = 4, side = 'right', token = '0' }", "a b", "a|b|0|0");
    check_refused("'bpe'", "takes a text cut into words; put it behind words");
    check_steps("'words', { type = 'bpe', merges = 0, separator = '+' }", "ab c", "a+|b|c");
    check_references(argc > 3 ? argv[3] : "tests/reference/transforms.safetensors");
    char path[1000];
    FILE *f;
    snprintf(path, sizeof path, "%s/transforms/stems.so", plugins);
    if ((f = fopen(path, "rb"))) { /* the words of Porter's paper, and of the vocabularies at snowballstem.org */
        fclose(f);
        check_steps("'words', 'stems'", "connect connected connecting connection connections", "connect|connect|connect|connect|connect");
        check_steps("'words', { type = 'stems', language = 'porter' }", "caresses ponies cats feed agreed", "caress|poni|cat|feed|agre");
        check_steps("'words', { type = 'stems', language = 'german' }", "aufeinander k\xc3\xa4tzchen katers", "aufeinand|katzch|kat");
        check_refused("'words', { type = 'stems', language = 'elvish' }", "language: 'elvish' is none of ");
        check_refused("'stems', 'words'", "takes a text cut into words");
    } else printf("skipped: stems, which is not built\n");
    snprintf(path, sizeof path, "%s/transforms/segment.so", plugins);
    if ((f = fopen(path, "rb"))) { /* I love Beijing's Tiananmen: four words, none of them one character but the first two */
        fclose(f);
        check_steps("'segment'", "\xe6\x88\x91\xe7\x88\xb1\xe5\x8c\x97\xe4\xba\xac\xe5\xa4\xa9\xe5\xae\x89\xe9\x97\xa8\xe3\x80\x82",
                    "\xe6\x88\x91|\xe7\x88\xb1|\xe5\x8c\x97\xe4\xba\xac|\xe5\xa4\xa9\xe5\xae\x89\xe9\x97\xa8|\xe3\x80\x82");
        check_steps("{ type = 'segment', punctuation = false }", "one  two, 3.5!", "one|two|3.5");
        check_steps("'segment'", "one  two, 3.5!", "one|two|,|3.5|!");
        check_refused("'words', 'segment'", "the text has steps already");
    } else printf("skipped: segment, which is not built\n");
    return expect_end("transforms");
}
