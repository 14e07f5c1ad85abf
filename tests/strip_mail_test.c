/* strip_mail_test.c -- the transform strip_mail on articles, each against what its rules leave. */
#include "../plugins/transforms/strip_mail.c"
#include "expect.h"

static int hear(tn_host *host, int code, const char *message)
{
    (void)host;
    expect(0, "fail: %s", message);
    return code;
}
static const tn_api api = { .size = sizeof api, .fail = hear };

static char got[1000];
static int keep(void *to, uint32_t column, const tn_value *v)
{
    (void)to, (void)column;
    int64_t from = 0;
    got[0] = 0;
    for (int64_t i = 0; i < v->leaves; from = v->end[i++]) /* leaves with a bar between them */
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%.*s", i ? "|" : "", (int)(v->end[i] - from),
                 (const char *)v->leaf + from);
    return TN_OK;
}

static void expect_left(int header, int quotes, const char *text, const char *left)
{
    config c = { header, quotes };
    strip s = { 0 };
    tn_sink sink = { sizeof sink, 0, NULL, keep };
    int64_t end = (int64_t)strlen(text);
    tn_value v = { sizeof v, TN_TEXT, 0, 1, 1, 1, NULL, text, &end };
    open_strip(&api, NULL, &c, &s);
    expect(apply(&s, &v, (tn_rng){ 0, 0 }, &sink) == TN_OK, "apply");
    expect_text("what is left", got, left);
    close_strip(&s);
}

int main(void)
{
    static const char article[] =
        "From: a@b\nSubject: sail\n\nIn article <1@x> c@d writes:\n> Which sail?\n| none\nThe green one.\n\nHe said: no\nBye\n";
    expect_left(1, 1, article, "The green one.\n\nBye\n");
    expect_left(1, 0, article, "In article <1@x> c@d writes:\n> Which sail?\n| none\nThe green one.\n\nHe said: no\nBye\n");
    expect_left(0, 1, article, "From: a@b\nSubject: sail\n\nThe green one.\n\nBye\n");
    expect_left(0, 0, article, article);
    expect_left(1, 1, "no header at all\nsecond line", "no header at all\nsecond line");
    expect_left(1, 1, "From: x\r\n\r\n>quoted\r\nown\r\n", "own\r\n");
    expect_left(1, 1, "From: x\n\n", "");
    expect_left(1, 1, "", "");
    expect_left(1, 1, "\n a > b stays, so does a | b\n", " a > b stays, so does a | b\n");
    expect_left(1, 1, "\nQuoted from the paper\nend", "end");

    config c = { 1, 1 };
    strip s = { 0 };
    tn_sink sink = { sizeof sink, 0, NULL, keep };
    int64_t ends[2] = { 7, 14 };
    tn_value two = { sizeof two, TN_TEXT, 1, 1, 2, 2, NULL, "A: b\n\ncX: y\n\nz", ends };
    open_strip(&api, NULL, &c, &s);
    expect(apply(&s, &two, (tn_rng){ 0, 0 }, &sink) == TN_OK, "apply");
    expect_text("two leaves", got, "c|z");
    close_strip(&s);
    return expect_end("strip_mail");
}
