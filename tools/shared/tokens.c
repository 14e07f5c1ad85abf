/* tokens.c -- the tokens of a line, where they stand in it, and the spans that their tags mark. */
#include <locale.h>
#include <string.h>
#include <wctype.h>
#include "../../host/json.h"
#include "../../include/tenon/utf8.h"
#include "../../plugins/transforms/tag_scheme.h"
#include "tokens.h"

typedef struct token_list {
    answers *a;
    const char *line, *end, *at; int64_t place; /* of the line: how far it has been read, in bytes and in characters  */
    int64_t n; int offsets;
    locale_t letters;
} token_list;

/* The next character of a text, as a small letter: transforms before the cut may have made letters small. */
static wint_t next_letter(const token_list *x, const char **at, const char *end)
{
    int64_t k;
    wint_t c = (wint_t)tn_utf8_at(*at, end - *at, &k);
    *at += k;
    return x->letters ? towlower_l(c, x->letters) : c;
}

/* The end of a token that begins at a place of the line; NULL: it does not begin there. */
static const char *token_end(const token_list *x, const char *at, const char *token, size_t n)
{
    const char *stop = token + n;
    while (token < stop)
        if (at == x->end || next_letter(x, &at, x->end) != next_letter(x, &token, stop)) return NULL;
    return at;
}

/* The first place from where the one before ended. */
static void find_token(token_list *x, const char *token, size_t n, int64_t found[2])
{
    const char *end = NULL;
    int64_t place = x->place, k;
    found[0] = found[1] = -1;
    for (const char *at = x->at; n && at <= x->end; at += k, place++) {
        if ((end = token_end(x, at, token, n))) {
            found[0] = place;
            for (x->at = at; x->at < end; x->at += k, place++) tn_utf8_at(x->at, end - x->at, &k);
            x->place = found[1] = place;
            return;
        }
        if (at == x->end) return;
        tn_utf8_at(at, x->end - at, &k);
    }
}

static void keep_place(token_list *x, const char *token, size_t n)
{
    answers *a = x->a;
    if (a->places == a->place_room) {
        int64_t room = 2 * a->place_room + 64;
        a->place_of = memory_grow(a->place_of, sizeof *a->place_of * (size_t)a->places, sizeof *a->place_of * (size_t)room);
        a->place_room = room;
    }
    find_token(x, token, n, a->place_of[a->places++]);
}

static void put_place(FILE *f, const int64_t place[2])
{
    if (place[0] < 0) fputs("null", f);
    else fprintf(f, "[%lld, %lld]", (long long)place[0], (long long)place[1]);
}

/* One token as JSON: its text, or the characters of the line where it begins and ends; null where it is not found there. */
static void put_token(void *to, const char *token, size_t n)
{
    token_list *x = to;
    if (x->n++) fputs(", ", x->a->out);
    if (x->offsets) {
        keep_place(x, token, n);
        put_place(x->a->out, x->a->place_of[x->a->places - 1]);
        return;
    }
    char *text = memory_new(n + 1);
    memcpy(text, token, n);
    json_text(x->a->out, text);
    memory_free(text);
}

static void ignore_token(void *to, const char *token, size_t n) { (void)to, (void)token, (void)n; }

void tokens_put(answers *a, const field *along, int64_t n, const char *name)
{
    data *d = a->e->data;
    a->places = 0;
    for (int i = 0; i < a->columns && along; i++) {
        const char *line = a->line[i];
        if (data_line_tokens(d, a->column[i], line, along, n, ignore_token, NULL)) continue;
        locale_t letters = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
        for (int offsets = 0; offsets < 2; offsets++) {
            token_list x = { a, line, line + strlen(line), line, 0, 0, offsets, letters };
            if (offsets) fprintf(a->out, "], \"offsets\": [");
            else fprintf(a->out, "\"%s\": [", name);
            data_line_tokens(d, a->column[i], line, along, n, put_token, &x);
        }
        if (letters) freelocale(letters);
        fprintf(a->out, "], ");
        return;
    }
}

/* ---- spans --------------------------------------------------------------------------------------------------------- */
static int mark_spans(const vocabulary *tags)
{
    span_tag t;
    int inside = 0;
    for (int64_t i = 0; tags && i < tags->n; i++) {
        if (!tag_read(tags->word[i], (int64_t)strlen(tags->word[i]), &t)) return 0;
        inside |= t.role != TAG_OUT;
    }
    return inside;
}

/* Tokens first .. last; the characters from the first one that is found to the end of the last one. */
static void put_span(answers *a, const span_tag *t, int64_t first, int64_t last, int n)
{
    int64_t from = first, upto = last;
    char *label = memory_new((size_t)t->n + 1);
    memcpy(label, t->type, (size_t)t->n);
    fprintf(a->out, "%s{\"label\": ", n ? ", " : "");
    json_text(a->out, label);
    fprintf(a->out, ", \"first\": %lld, \"last\": %lld", (long long)first, (long long)last);
    while (from <= last && from < a->places && a->place_of[from][0] < 0) from++;
    while (upto > from && upto < a->places && a->place_of[upto][0] < 0) upto--;
    if (from <= last && upto < a->places)
        fprintf(a->out, ", \"begin\": %lld, \"end\": %lld", (long long)a->place_of[from][0], (long long)a->place_of[upto][1]);
    fputc('}', a->out);
    memory_free(label);
}

void spans_put(answers *a, const vocabulary *tags, const char *const *tag, int64_t n)
{
    static const span_tag outside = { TAG_OUT, "", 0 };
    span_tag before = outside, open = outside, now;
    int64_t first = -1;
    int spans = 0;
    if (!mark_spans(tags)) return;
    fprintf(a->out, ", \"spans\": [");
    for (int64_t i = 0; i <= n; i++, before = now) {
        if (i == n || !tag_read(tag[i], (int64_t)strlen(tag[i]), &now)) now = outside;
        int begins = span_begins(&before, &now);
        if (first >= 0 && (begins || now.role == TAG_OUT)) put_span(a, &open, first, i - 1, spans++), first = -1;
        if (begins) first = i, open = now;
    }
    fputc(']', a->out);
}
