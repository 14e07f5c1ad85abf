/* deb822_test.c FOLDER -- the data set deb822 on a small index: custom by custom, each value against what the file says. */
#include "../plugins/datasets/deb822.c"
#include "expect.h"

static char said[600];
static int hear(tn_host *host, int code, const char *message)
{
    (void)host;
    snprintf(said, sizeof said, "%s", message);
    return code;
}
static const tn_api api = { .size = sizeof api, .fail = hear };

static const char index_text[] =
    "Package: alpha\nVersion: 1\nSection: games\nDescription: a game\n with a second line\n .\n and a third\n\n"
    "Package: libalpha1\nSource: alpha (1.0-2)\nSection: non-free/libs\nDescription-en: the library\n\n\n"
    "Package: nothing\nSection: games\n\n"
    "package: beta\r\nSECTION: games\r\ndescription:   spaces around   \r\n\r\n"
    "Package: gamma\nTag: x,\n y\nSection: odd\nDescription: last, without an empty line";

static char got[MOST][200];
static int keep(void *to, uint32_t column, const tn_value *v)
{
    (void)to;
    snprintf(got[column], sizeof got[column], "%.*s", (int)v->end[0], (const char *)v->leaf);
    return TN_OK;
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    if (!f) return;
    fputs(text, f);
    fclose(f);
}

static void expect_example(deb822 *d, int64_t i, const char *const *want, const char *where)
{
    tn_sink sink = { sizeof sink, 0, NULL, keep };
    char at[300];
    expect(read_example(d, "train", 1, i, (tn_rng){ 0, 0 }, &sink) == TN_OK, "example %d: %s", (int)i, said);
    for (int k = 0; k < d->n; k++) expect_text(d->column[k], got[k], want[k]);
    place(d, "train", i, at, sizeof at);
    expect_text("place", strrchr(at, ':'), where);
}

int main(int argc, char **argv)
{
    static const char *const columns[] = { "Package", "Source", "Section", "Description" }, *const names[] = { "Section" };
    char path[1000], bad[1000];
    snprintf(path, sizeof path, "%s/deb822.txt", argc > 1 ? argv[1] : ".");
    snprintf(bad, sizeof bad, "%s/deb822-bad.txt", argc > 1 ? argv[1] : ".");
    write_file(path, index_text);
    write_file(bad, "Package: a\n\nPackage: b\nno name here\n");
    config c = { .train = path, .rare = "Section", .other = "other", .columns = { columns, 4 }, .names = { names, 1 },
                 .min_count = 2 };
    deb822 d = { 0 };
    expect(check(&api, NULL, &c) == TN_OK, "check: %s", said);
    expect(open_files(&api, NULL, &c, &d) == TN_OK, "open: %s", said);
    tn_column column_2;
    expect(column(&d, 4, &column_2) == TN_END, "there are four columns");
    expect(column(&d, 2, &column_2) == TN_OK && !strcmp(column_2.name, "Section"), "the third column is Section");
    expect(load(&d, "train") == TN_OK, "load: %s", said);
    expect(load(&d, "test") == TN_END, "no test file was named");
    expect(count(&d, "train", 1) == 4, "%d examples, expected 4", (int)count(&d, "train", 1));
    expect_example(&d, 0, (const char *[]){ "alpha", "alpha", "games", "a game\nwith a second line\n\nand a third" }, ":1");
    expect_example(&d, 1, (const char *[]){ "libalpha1", "alpha", "other", "the library" }, ":9");
    expect_example(&d, 2, (const char *[]){ "beta", "beta", "games", "spaces around" }, ":18");
    expect_example(&d, 3, (const char *[]){ "gamma", "gamma", "other", "last, without an empty line" }, ":22");
    close_files(&d);

    c.min_count = 0, c.names.n = 0;                /* values as they stand                                        */
    d = (deb822){ 0 };
    open_files(&api, NULL, &c, &d);
    expect(load(&d, "train") == TN_OK, "load: %s", said);
    expect_example(&d, 1, (const char *[]){ "libalpha1", "alpha", "non-free/libs", "the library" }, ":9");
    close_files(&d);

    static const char *const about[] = { "Source", "Description" };
    c.columns = (tn_list){ about, 2 };             /* Source falls back on Package even where that is no column   */
    d = (deb822){ 0 };
    open_files(&api, NULL, &c, &d);
    expect(load(&d, "train") == TN_OK, "load: %s", said);
    expect_example(&d, 0, (const char *[]){ "alpha", "a game\nwith a second line\n\nand a third" }, ":1");
    close_files(&d);

    c.train = bad, d = (deb822){ 0 };
    open_files(&api, NULL, &c, &d);
    expect(load(&d, "train") == TN_EINVAL, "a line without a name is refused");
    expect_text("message", strrchr(said, '/') ? strrchr(said, '/') : said, "/deb822-bad.txt:4: expected `Name: value`");
    close_files(&d);
    static const char *const both[] = { "Package", "Description" };
    const char *latin = "Package: a\nDescription: na\xefve fa\xe7" "ade\n", *wide = "\xef\xbb\xbfPackage: a\nDescription: naïve façade\n";
    c.columns = (tn_list){ both, 2 }, c.train = bad;
    write_file(bad, latin);
    d = (deb822){ 0 };
    open_files(&api, NULL, &c, &d);
    expect(load(&d, "train") < 0 && strstr(said, "deb822-bad.txt:2: not valid UTF-8"), "latin-1 read as UTF-8: %s", said);
    close_files(&d);
    for (c.encoding = ENCODING_UTF8; c.encoding <= ENCODING_LATIN1; c.encoding++) {
        write_file(bad, c.encoding == ENCODING_LATIN1 ? latin : wide);
        d = (deb822){ 0 };
        open_files(&api, NULL, &c, &d);
        expect(load(&d, "train") == TN_OK, "%s: %s", text_encodings[c.encoding], said);
        expect_example(&d, 0, (const char *[]){ "a", "naïve façade" }, ":1");
        close_files(&d);
    }
    c.train = "/no/such/file", d = (deb822){ 0 };
    open_files(&api, NULL, &c, &d);
    expect(load(&d, "train") == TN_EIO, "a missing file is an error: %s", said);
    close_files(&d);
    return expect_end("deb822");
}
