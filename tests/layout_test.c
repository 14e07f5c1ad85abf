/* layout_test.c -- layouts, pairs and indices against the worked example of tenon.h and against brute force. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../host/layout.h"

static int passed, failed;

static void check(int ok, const char *what)
{
    if (ok) passed++;
    else failed++, printf("FAILED: %s\n", what);
}

static void same(const char *what, const int32_t *got, const int32_t *want, int n)
{
    int ok = 1;
    for (int i = 0; i < n; i++) ok &= got[i] == want[i];
    if (!ok) {
        printf("%s: got", what);
        for (int i = 0; i < n; i++) printf(" %d", got[i]);
        printf(", expected");
        for (int i = 0; i < n; i++) printf(" %d", want[i]);
        printf("\n");
    }
    check(ok, what);
}
#define SAME(what, got, ...) same(what, got, (const int32_t[]){ __VA_ARGS__ }, (int)(sizeof((int[]){ __VA_ARGS__ }) / sizeof(int)))

/* Examples A, B, C with 2, 0 and 3 words; characters of the five words 1 2 0 1 2; targets of 1, 2, 1 steps. */
static void worked_example(void)
{
    scratch s = { 0 };
    tn_layout root, text, chars, target;
    tn_pairs p;
    layout_root(&root, 3, &s);
    layout_build(&text, 2, &root, (const int32_t[]){ 2, 0, 3 }, NULL, &s);
    SAME("text length", text.length, 3, 2, 0);
    SAME("text live", text.live, 2, 2, 1, 0);
    SAME("text first", text.first, 0, 2, 4, 5);
    SAME("text order", text.order, 2, 0, 1);
    SAME("text place", text.place, 1, 2, 0);
    SAME("text up", text.up, 2, 0, 2, 0, 2);
    SAME("text step", text.step, 0, 0, 1, 1, 2);
    layout_build(&chars, 3, &text, (const int32_t[]){ 1, 2, 0, 1, 2 }, NULL, &s);
    SAME("chars length", chars.length, 2, 2, 1, 1, 0);
    SAME("chars live", chars.live, 4, 2, 0);
    SAME("chars order", chars.order, 1, 4, 0, 3, 2);
    SAME("chars place", chars.place, 2, 0, 4, 3, 1);
    SAME("chars up", chars.up, 1, 4, 0, 3, 1, 4);
    SAME("chars root", chars.root, 0, 2, 2, 0, 0, 2);
    layout_build(&target, 4, &root, (const int32_t[]){ 1, 2, 1 }, NULL, &s);
    SAME("target order", target.order, 1, 0, 2);
    pairs_build(&p, &target, &text, &s);
    SAME("pairs seq", p.seq, 2, 1, 0, 2);
    SAME("pairs begin", p.begin, 0, 1, 2, 4);
    SAME("pairs row", p.row, 2, 1, 0, 3);
    check(p.total == 5 && p.first[1] == 0 && p.first[2] == 2 && p.first[3] == 5 && p.first[4] == 5, "pairs first");
    scratch_free(&s);
}

/* What any layout must satisfy, from its lengths alone. */
static void invariants(const tn_layout *l, const int32_t *length_of_row, const char *what)
{
    int64_t rows = 0;
    int ok = l->live[l->steps] == 0 && l->first[l->steps] == l->rows && l->sequences == l->over->rows;
    for (int32_t r = 0; r < l->sequences; r++) {
        int32_t s = l->place[r];
        rows += length_of_row[r];
        ok &= l->order[s] == r && l->length[s] == length_of_row[r];
        if (s) ok &= l->length[s - 1] > l->length[s] || (l->length[s - 1] == l->length[s] && l->order[s - 1] < l->order[s]);
        for (int32_t t = 0; t < length_of_row[r]; t++) {
            int32_t row = l->first[t] + s;
            ok &= s < l->live[t] && l->up[row] == r && l->step[row] == t && l->root[row] == l->over->root[r];
        }
    }
    check(ok && rows == l->rows, what);
}

static void random_layouts(void)
{
    scratch s = { 0 };
    srand(1);
    for (int round = 0; round < 200; round++) {
        int32_t lengths[64], inner[2000];
        tn_layout root, a, b, like;
        scratch_reset(&s);
        layout_root(&root, rand() % 20, &s);
        for (int32_t r = 0; r < root.rows; r++) lengths[r] = rand() % 3 ? rand() % 9 : 0;
        layout_build(&a, 2, &root, lengths, NULL, &s);
        invariants(&a, lengths, "random layout");
        for (int32_t r = 0; r < a.rows; r++) inner[r] = rand() % 4;
        layout_build(&b, 3, &a, inner, NULL, &s);
        invariants(&b, inner, "random nested layout");
        for (int32_t r = 0; r < root.rows; r++) lengths[r] = lengths[r] > 2 ? (lengths[r] - 1) / 2 : 0; /* monotone */
        layout_build(&like, 4, &root, lengths, &a, &s);
        int ok = 1;
        for (int32_t q = 0; q < root.rows; q++) ok &= like.order[q] == a.order[q];
        check(ok, "a monotone layout `like` another keeps its order");
    }
    scratch_free(&s);
}

static void random_indices(void)
{
    scratch s = { 0 };
    enum { CLASSES = 30000 };
    int32_t *slot_of = malloc(sizeof *slot_of * CLASSES), id[500];
    for (int i = 0; i < CLASSES; i++) slot_of[i] = -1;
    for (int round = 0; round < 100; round++) {
        tn_index x;
        int32_t n = rand() % 500, classes = round % 2 ? CLASSES : 7, seen = 0;
        for (int32_t r = 0; r < n; r++) id[r] = rand() % classes;
        scratch_reset(&s);
        index_build(&x, id, n, slot_of, &s);
        int ok = x.rows == n && x.begin[x.distinct] == n;
        for (int32_t u = 0; u < x.distinct; u++) {
            ok &= !u || x.key[u] > x.key[u - 1];
            for (int32_t i = x.begin[u]; i < x.begin[u + 1]; i++, seen++)
                ok &= id[x.row[i]] == x.key[u] && x.of[x.row[i]] == u && (i == x.begin[u] || x.row[i] > x.row[i - 1]);
        }
        for (int i = 0; i < CLASSES; i++) ok &= slot_of[i] == -1;
        check(ok && seen == n, "index of random ids");
    }
    free(slot_of);
    scratch_free(&s);
}

int main(void)
{
    worked_example();
    random_layouts();
    random_indices();
    printf("layout: %d passed, %d failed\n", passed, failed);
    return failed != 0;
}
