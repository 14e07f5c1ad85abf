/* transforms_test.c PLUGINS FOLDER -- transforms on texts whose result is known by hand: what stands before, between and behind
 * words, their stems, words of a text without spaces; and what each refuses.                                       */
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

int main(int argc, char **argv)
{
    plugins = argc > 1 ? argv[1] : "build/plugins", folder = argc > 2 ? argv[2] : ".";
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
