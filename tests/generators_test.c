/* generators_test.c PLUGINS FOLDER -- data sets that make their examples up: each example against its published law, by rules
 * that are written here a second time, and the same examples read in any order.                                    */
#include <math.h>
#include "open_data.h"

enum { MOST = 4096 };
/* One example: its numbers, of which the last may be ids, and its texts. */
typedef struct { double *numbers; int64_t n, ids; char text[3][MOST]; int texts; } seen;

static int take(void *to, uint32_t column, const tn_value *v)
{
    seen *s = to;
    if (v->dtype == TN_TEXT && column < 3) {
        snprintf(s->text[column], MOST, "%.*s", (int)v->end[0], (const char *)v->leaf);
        s->texts++;
    } else if (v->dtype == TN_F32)
        for (int64_t i = 0; i < v->leaves * v->width && s->n < 8 * MOST; i++)
            s->numbers[s->n++] = (double)((const float *)v->leaf)[i];
    else if (v->dtype == TN_I32)
        for (int64_t i = 0; i < v->leaves && s->n < 8 * MOST; i++, s->ids++) s->numbers[s->n++] = ((const int32_t *)v->leaf)[i];
    return 0;
}

typedef struct { experiment *e; const tn_dataset *t; void *self; seen now; } source;

/* A data set with these options; its table is asked directly. */
static int open_source(source *s, const char *options)
{
    char path[1000], text[2000];
    const char *paths[] = { plugins, NULL }, *dirs[] = { folder, NULL };
    overrides o = { NULL, 0, dirs, paths };
    snprintf(text, sizeof text, "%s[dataset]\n%s\n[[field]]\nname = 'x'\ncolumn = 'none'\n", top, options);
    write_file("generator.toml", text);
    snprintf(path, sizeof path, "%s/generator.toml", folder);
    s->e = experiment_load(path, &o);
    s->t = s->e->data->dataset->desc ? s->e->data->dataset->desc->table : NULL;
    s->self = s->e->data->dataset->self;
    s->now.numbers = memory_new(sizeof(double) * 8 * MOST);
    expect(s->t && s->self, "%s: cannot be opened", options);
    return s->t && s->self;
}

static void close_source(source *s)
{
    memory_free(s->now.numbers);
    experiment_free(s->e);
}

static const seen *example(source *s, const char *split, int64_t i)
{
    tn_sink sink = { sizeof sink, 0, &s->now, take, NULL };
    s->now.n = s->now.ids = 0, s->now.texts = 0;
    expect(!s->t->read(s->self, split, 1, i, (tn_rng){ 7, (uint64_t)i }, &sink), "example %lld: %s", (long long)i, s->e->host.error);
    return &s->now;
}

static uint64_t hash_of(const seen *x)
{
    uint64_t h = 14695981039346656037u;
    for (int64_t i = 0; i < x->n; i++) {
        uint64_t bits;
        memcpy(&bits, &x->numbers[i], 8);
        h = (h ^ bits) * 1099511628211u;
    }
    for (int k = 0; k < 2 && x->texts; k++)
        for (const char *c = x->text[k]; *c; c++) h = (h ^ (unsigned char)*c) * 1099511628211u;
    return h;
}

/* The same bits forwards and backwards; other ones in another split and from another seed. */
static void check_order(const char *options)
{
    source s;
    uint64_t forwards[40];
    int again = 0, other = 0;
    if (!open_source(&s, options)) return;
    for (int i = 0; i < 40; i++) forwards[i] = hash_of(example(&s, "train", i));
    for (int i = 40; i-- > 0; ) again += hash_of(example(&s, "train", i)) == forwards[i];
    for (int i = 0; i < 40; i++) other += hash_of(example(&s, "test", i)) == forwards[i];
    expect(again == 40, "%s: %d of 40 examples are the same backwards", options, again);
    expect(other < 20, "%s: %d of 40 examples of the test split are those of the training split", options, other);
    expect(s.t->count(s.self, "train", 1) == 10000 && s.t->count(s.self, "test", 1) == 2560, "%s: other numbers of examples", options);
    close_source(&s);
    char more[500];
    source seeded;
    snprintf(more, sizeof more, "%s\ndata_seed = 99\nvalidation = 0", options);
    if (!open_source(&seeded, more)) return;
    for (int i = other = 0; i < 40; i++) other += hash_of(example(&seeded, "train", i)) == forwards[i];
    expect(other < 20, "%s: %d of 40 examples do not depend on the seed", options, other);
    expect(seeded.t->load(seeded.self, "validation") == TN_END, "%s: a split of no examples is there", options);
    close_source(&seeded);
}

/* ---- marked pairs ------------------------------------------------------------------------------------------------ */
static void check_pairs(const char *type, int length, int is_sum)
{
    char options[200];
    source s;
    int wrong = 0, first_marked = 0, shortest = 1 << 30, longest = 0, tens[10] = { 0 };
    double sum = 0, squares = 0, n_all = 0, low = is_sum ? -1 : 0;
    snprintf(options, sizeof options, "type = '%s'\nlength = %d", type, length);
    if (!open_source(&s, options)) return;
    for (int i = 0; i < 4000; i++) {
        const seen *x = example(&s, "train", i);
        int n = (int)((x->n - 1) / 2), marks = 0, at[8] = { 0 };
        for (int t = 0; t < n; t++) {
            double v = x->numbers[2 * t], mark = x->numbers[2 * t + 1];
            wrong += v < low || v > 1;
            if (t && t < n - 1) wrong += mark != 0 && mark != 1;
            if (mark == 1 && marks < 8) at[marks++] = t;
            sum += v, squares += v * v, n_all++;
        }
        wrong += x->numbers[1] != -1 || x->numbers[2 * n - 1] != -1;
        double a, b; /* a first pair that is marked shows no mark: its number is neutral, 0 or 1 */
        if (marks == 1) a = is_sum ? 0 : 1, b = x->numbers[2 * at[0]], first_marked++, wrong += x->numbers[0] != a;
        else a = x->numbers[2 * at[0]], b = x->numbers[2 * at[1]];
        wrong += marks < 1 || marks > 2 || at[0] > 9 + (marks == 1) * length || at[marks - 1] > (length / 2 - 2 > 9 ? length / 2 - 2 : 9);
        double target = is_sum ? 0.5 + (a + b) / 4 : a * b;
        wrong += fabs(target - x->numbers[x->n - 1]) > 1e-6;
        if (n < shortest) shortest = n;
        if (n > longest) longest = n;
        if (marks == 2 && at[0] < 10) tens[at[0]]++;
    }
    double mean = sum / n_all, variance = squares / n_all - mean * mean, width = 1 - low;
    expect(!wrong, "%s, T = %d: %d breaches of the law", type, length, wrong);
    expect(shortest >= length && longest <= length + length / 10, "%s: %d to %d pairs", type, shortest, longest);
    expect(length < 50 || (shortest == length && longest == length + length / 10), "%s: only %d to %d pairs", type, shortest, longest);
    expect(fabs(mean - (low + 1) / 2) < 0.02 && fabs(variance - width * width / 12) < 0.02, "%s: mean %g, variance %g", type, mean,
           variance);
    if (length >= 100) /* the first of ten is marked in 1/10 of all, or as the second mark */
        expect(first_marked > 400 && first_marked < 560, "%s: the first pair is marked in %d of 4000", type, first_marked);
    expect(length < 100 || tens[5] > 200, "%s: the sixth pair is the first mark in %d of 4000", type, tens[5]);
    close_source(&s);
}

/* ---- the order of symbols ------------------------------------------------------------------------------------------ */
static void check_temporal_order(int marks)
{
    static const char *const names[2] = { "QRSU", "QRSUVABC" };
    static const int from[2][3] = { { 10, 50, 0 }, { 10, 33, 66 } };
    char options[100];
    source s;
    int wrong = 0, of[8] = { 0 }, classes = 1 << marks, others[4] = { 0 };
    snprintf(options, sizeof options, "type = 'temporal_order'\nmarks = %d", marks);
    if (!open_source(&s, options)) return;
    for (int i = 0; i < 4000; i++) {
        const seen *x = example(&s, "train", i);
        int n = (int)strlen(x->text[0]), k = 0, order = 0;
        wrong += n < 100 || n > 110 || x->text[0][0] != 'E' || x->text[0][n - 1] != 'B';
        for (int t = 1; t < n - 1; t++) {
            char c = x->text[0][t];
            if (c == 'X' || c == 'Y') {
                wrong += k >= marks || t < from[marks - 2][k] || t > from[marks - 2][k] + 10;
                order = 2 * order + (c == 'Y'), k++;
            } else if (strchr("abcd", c)) others[c - 'a']++;
            else wrong++;
        }
        wrong += k != marks || order >= classes || strlen(x->text[1]) != 1 || x->text[1][0] != names[marks - 2][order];
        of[order & 7]++;
    }
    expect(!wrong, "temporal order, %d marks: %d breaches of the law", marks, wrong);
    for (int c = 0; c < classes; c++)
        expect(abs(of[c] - 4000 / classes) < 4 * (int)sqrt(4000.0 / classes), "temporal order: class %d has %d of 4000", c, of[c]);
    double all = others[0] + others[1] + others[2] + others[3];
    for (int c = 0; c < 4; c++) expect(fabs(others[c] / all - 0.25) < 0.005, "temporal order: '%c' is %g of all", 'a' + c, others[c] / all);
    close_source(&s);
}

/* ---- the Reber grammar: a recogniser of its own -------------------------------------------------------------------------- */
/* What is left behind the last symbol before E, from node 2 or 3 on; NULL: no walk goes this way. Node 2 loops on T and leaves
 * by V to node 4, which goes on by P to node 3 or ends by V; node 3 goes back by X to node 2 or ends by S.           */
static const char *at_node_3(const char *s);
static const char *at_node_2(const char *s)
{
    while (*s == 'T') s++;
    if (*s != 'V') return NULL;
    s++;
    return *s == 'V' ? s + 1 : *s == 'P' ? at_node_3(s + 1) : NULL;
}
static const char *at_node_3(const char *s) { return *s == 'S' ? s + 1 : *s == 'X' ? at_node_2(s + 1) : NULL; }

/* Behind a whole string B ... E; NULL: there is none. */
static const char *behind_reber(const char *s)
{
    if (*s++ != 'B') return NULL;
    if (*s == 'T') {
        for (s++; *s == 'S'; s++) { }
        s = *s == 'X' ? at_node_3(s + 1) : NULL;
    } else s = *s == 'P' ? at_node_2(s + 1) : NULL;
    return s && *s == 'E' ? s + 1 : NULL;
}

static int is_string(const char *s, int embedded)
{
    if (!embedded) {
        const char *end = behind_reber(s);
        return end && !*end;
    }
    if (s[0] != 'B' || (s[1] != 'T' && s[1] != 'P')) return 0;
    const char *end = behind_reber(s + 2);
    return end && end[0] == s[1] && end[1] == 'E' && !end[2];
}

/* Whether some string begins with these n symbols: with the shortest way to the end from each node behind them, and, embedded,
 * with what then closes the string.                                                                                */
static int can_begin(const char *start, int n, int embedded)
{
    static const char *const ways[] = { "", "E", "SE", "VE", "XSE", "VVE", "TXSE", "BTXSE" }, *const closes[] = { "", "E", "TE", "PE" };
    char s[MOST];
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        for (int k = 0; k < (embedded ? 4 : 1); k++) {
            snprintf(s, sizeof s, "%.*s%s%s", n, start, ways[i], closes[k]);
            if (is_string(s, embedded)) return 1;
        }
    return 0;
}

static void check_reber(int embedded)
{
    static const char order[] = "BTPSXVE";
    source s;
    int refused = 0, wrong = 0, p_first = 0, longest = 0, shortest = MOST;
    double length = 0;
    if (!open_source(&s, embedded ? "type = 'embedded_reber'" : "type = 'reber'")) return;
    for (int i = 0; i < 3000; i++) {
        const seen *x = example(&s, "train", i);
        const char *text = x->text[0];
        int n = (int)strlen(text);
        refused += !is_string(text, embedded);
        p_first += text[1] == 'P';
        length += n;
        if (n > longest) longest = n;
        if (n < shortest) shortest = n;
        for (int t = 0; t < n && i < 300; t++) /* legal: just what can go on to a string of the grammar */
            for (int k = 0; k < 7; k++) {
                char start[MOST];
                snprintf(start, sizeof start, "%.*s%c", t + 1, text, order[k]);
                wrong += (x->numbers[7 * t + k] != 0) != (t < n - 1 && can_begin(start, t + 2, embedded));
                wrong += x->numbers[7 * (n + t) + k] != (text[t] == order[k]);
                wrong += x->numbers[7 * (2 * n + t) + k] != (text[t + 1] == order[k]);
            }
        wrong += x->n != 21 * n;
    }
    expect(!refused, "%s: the recogniser refuses %d of 3000 strings", embedded ? "embedded_reber" : "reber", refused);
    expect(!wrong, "%s: %d numbers of symbols and their successors differ", embedded ? "embedded_reber" : "reber", wrong);
    expect(abs(p_first - 1500) < 120, "%s: P is second in %d of 3000", embedded ? "embedded_reber" : "reber", p_first);
    expect(shortest == (embedded ? 9 : 5) && longest > (embedded ? 24 : 20) && longest <= 100, "lengths %d to %d", shortest, longest);
    /* With L the mean of symbols that node i still gives:  L1 = 1 + (L1 + L3) / 2, L2 = 1 + (L2 + L4) / 2, L3 = 1 + L2 / 2,
     * L4 = 1 + L3 / 2, so L2 = 2 + L4, L4 = 1 + L3 / 2, L3 = 1 + L2 / 2: L3 = 10 / 3, L4 = 8 / 3, L2 = 14 / 3, L1 = 16 / 3;
     * a string has B, 1 + (L1 + L2) / 2 and E: 8.                                                                   */
    expect(fabs(length / 3000 - (embedded ? 12 : 8)) < 0.3, "the mean length is %g", length / 3000);
    close_source(&s);
}

/* ---- copy, sums, motifs --------------------------------------------------------------------------------------------- */
static void check_copy(void)
{
    source s;
    int wrong = 0, of[26] = { 0 };
    if (!open_source(&s, "type = 'copy'\nlength = 5\ndelay = 13\nsymbols = 4")) return;
    for (int i = 0; i < 2000; i++) {
        const seen *x = example(&s, "validation", i);
        char in[64], out[64];
        snprintf(in, sizeof in, "%.5s____________:_____", x->text[0]);
        snprintf(out, sizeof out, "__________________%.5s", x->text[0]);
        wrong += strcmp(in, x->text[0]) || strcmp(out, x->text[1]);
        for (int t = 0; t < 5; t++) wrong += x->text[0][t] < 'a' || x->text[0][t] > 'd';
        for (int t = 0; t < 5 && !wrong; t++) of[x->text[0][t] - 'a']++;
    }
    expect(!wrong, "copy: %d breaches of the law", wrong);
    for (int c = 0; c < 4; c++) expect(abs(of[c] - 2500) < 180, "copy: '%c' comes %d times of 10000", 'a' + c, of[c]);
    close_source(&s);
}

/* A question typed as people write it is read as the data set gives it. */
static int typed_otherwise(source *s, const char *question, const char *given)
{
    seen typed = { .texts = 0 };
    tn_sink sink = { sizeof sink, 0, &typed, take, NULL };
    return s->t->line(s->self, 0, question, (int64_t)strlen(question), &sink) || strcmp(typed.text[0], given) != 0;
}

static void check_addition(int reverse, int pad)
{
    char options[200];
    source s;
    int wrong = 0, ones = 0, both = 0, typed = 0;
    static char split_of[1000][1000];         /* 1 + split of a pair                                              */
    static const char *const splits[] = { "train", "test" };
    memset(split_of, 0, sizeof split_of);
    snprintf(options, sizeof options, "type = 'string_addition'\nreverse = %s\npad = %s", reverse ? "true" : "false", pad ? "true" : "false");
    if (!open_source(&s, options)) return;
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 3000; i++) {
            const seen *x = example(&s, splits[k], i);
            char question[64], want[64], answer[64];
            size_t n = strlen(x->text[0]);
            for (size_t t = 0; t < n; t++) question[t] = x->text[0][reverse ? n - 1 - t : t];
            question[n] = 0;
            int a, b;
            wrong += sscanf(question, "%d+%d", &a, &b) != 2 || a > 999 || b > 999;
            if (wrong) break;
            snprintf(want, sizeof want, "%d+%d", a, b);
            typed += typed_otherwise(&s, want, x->text[0]);
            snprintf(answer, sizeof answer, "%d", a + b);
            wrong += strncmp(want, question, strlen(want)) || strspn(question + strlen(want), " ") != n - strlen(want)
                  || n != (pad ? 7 : strlen(want));
            n = strlen(x->text[1]);
            wrong += strncmp(answer, x->text[1], strlen(answer)) || n != (pad ? 4 : strlen(answer));
            int low = a < b ? a : b, high = a < b ? b : a;
            both += split_of[low][high] && split_of[low][high] != k + 1;
            split_of[low][high] = (char)(k + 1);
            ones += a < 10;
        }
    expect(!wrong, "string_addition: %d breaches of the law", wrong);
    expect(!typed, "string_addition: %d typed questions are read otherwise", typed);
    expect(typed_otherwise(&s, "1000+1000", ""), "string_addition: a question longer than any is read");
    expect(!both, "string_addition: %d pairs are in two splits", both);
    /* 1/3 have one digit, 1/30 two of which the first is 0, 1/300 three of which two are */
    expect(abs(ones - 2220) < 160, "string_addition: %d of 6000 numbers are below 10", ones);
    close_source(&s);
}

/* 5,000 of the 5,050 questions that two digits give: none twice, in either order, in any split; and answers that are right. */
static void check_distinct(void)
{
    static const char *const splits[] = { "train", "validation", "test" };
    static const int64_t count[] = { 4000, 500, 500 };
    static char seen_pair[100][100];
    source s;
    int again = 0, wrong = 0, low_digits[2] = { 0, 0 };
    memset(seen_pair, 0, sizeof seen_pair);
    if (!open_source(&s, "type = 'string_addition'\ndigits = 2\nreverse = false\npad = false\ndistinct = true\ntrain = 4000\nvalidation = 500\ntest = 500")) return;
    for (int k = 0; k < 3; k++)
        for (int64_t i = 0; i < count[k]; i++) {
            const seen *x = example(&s, splits[k], i);
            int a, b, sum;
            wrong += sscanf(x->text[0], "%d+%d", &a, &b) != 2 || sscanf(x->text[1], "%d", &sum) != 1 || sum != a + b;
            if (wrong) break;
            again += seen_pair[a < b ? a : b][a < b ? b : a]++;
            if (k != 1) low_digits[k / 2] += a < 10 && b < 10;
        }
    expect(!wrong && !again, "string_addition: %d distinct questions come again, %d are wrong", again, wrong);
    /* all 55 questions of one digit are there, as often among the first as among the last: 44 and 5.5 of them */
    expect(low_digits[0] > 25 && low_digits[1] > 0, "string_addition: distinct questions are not in any order: %d, %d of one digit",
           low_digits[0], low_digits[1]);
    close_source(&s);
}

/* A story retold: places of people and things by name, from its sentences alone. 0: a sentence says what cannot be. */
typedef struct { char name[8][16], place[8][16], before[8][16], holder[8][16]; int n; } retold;
static int known(retold *r, const char *name)
{
    int i = 0;
    while (i < r->n && strcmp(r->name[i], name)) i++;
    if (i == r->n) {
        r->n++;
        snprintf(r->name[i], 16, "%s", name);
        r->place[i][0] = r->before[i][0] = r->holder[i][0] = 0;
    }
    return i;
}
static void arrive(retold *r, int i, const char *at)
{
    char place[16] = { 0 };
    for (int k = 0; k < 15 && at[k]; k++) place[k] = at[k]; /* it may be another one's place                           */
    if (!strcmp(r->place[i], place)) return;
    memcpy(r->before[i], r->place[i], 16);
    memcpy(r->place[i], place, 16);
}
static int retell(retold *r, const char *story, int *sentences)
{
    char who[16], verb[16], word[16], last[16];
    int used;
    r->n = 0;
    for (*sentences = 0; sscanf(story, "%15s %15s%n", who, verb, &used) == 2; ++*sentences) {
        for (story += used, last[0] = 0; sscanf(story, "%15s%n", word, &used) == 1; memcpy(last, word, 16)) {
            story += used;
            if (!strcmp(word, ".")) break;
        }
        int i = known(r, who);
        if (!strcmp(verb, "went") || !strcmp(verb, "walked") || !strcmp(verb, "ran")) {
            if (!strcmp(r->place[i], last)) return 0;
            arrive(r, i, last);
            for (int k = 0; k < r->n; k++)
                if (!strcmp(r->holder[k], who)) arrive(r, k, last);
        } else if (!strcmp(verb, "took") || !strcmp(verb, "picked")) {
            int k = known(r, last);
            if (!r->place[i][0] || r->holder[k][0] || (r->place[k][0] && strcmp(r->place[k], r->place[i]))) return 0;
            snprintf(r->holder[k], 16, "%s", who);
            arrive(r, k, r->place[i]);
        } else if (!strcmp(verb, "put") || !strcmp(verb, "left")) {
            int k = known(r, last);
            if (strcmp(r->holder[k], who)) return 0;
            r->holder[k][0] = 0;
        } else return 0;
    }
    return 1;
}

static void check_facts(const char *task, const char *format, int shortest, int longest)
{
    char options[100], name[16], place[16];
    source s;
    int wrong = 0, least = 1000, most = 0, yes = 0;
    snprintf(options, sizeof options, "type = 'supporting_facts'\ntask = '%s'", task);
    if (!open_source(&s, options)) return;
    for (int i = 0; i < 2000; i++) {
        const seen *x = example(&s, "train", i);
        static retold r;
        int n, told = retell(&r, x->text[0], &n), got = sscanf(x->text[1], format, name, place);
        if (!told || got < 1) {
            wrong++;
            continue;
        }
        int k = known(&r, name);
        const char *want = !strcmp(task, "three") ? r.before[k] : !strcmp(task, "yes_no") ? strcmp(r.place[k], place) ? "no" : "yes" : r.place[k];
        wrong += !want[0] || strcmp(want, x->text[2]) || (!strcmp(task, "three") && strcmp(r.place[k], place));
        yes += !strcmp(x->text[2], "yes");
        if (n < least) least = n;
        if (n > most) most = n;
    }
    expect(!wrong, "supporting_facts, %s: %d of 2000 answers or stories are wrong", task, wrong);
    expect(least == shortest && most == longest, "supporting_facts, %s: %d to %d sentences", task, least, most);
    if (!strcmp(task, "yes_no")) expect(abs(yes - 1167) < 100, "supporting_facts: %d of 2000 are yes", yes); /* 1/2 + 1/12 */
    close_source(&s);
}

static void check_motif(void)
{
    source s;
    int wrong = 0, has = 0, of[4] = { 0 }, places[3] = { 0 };
    if (!open_source(&s, "type = 'motif'\nmotif = 'GNATC'\nshortest = 30\nlongest = 60")) return;
    for (int i = 0; i < 3000; i++) {
        const seen *x = example(&s, "test", i);
        const char *t = x->text[0];
        int n = (int)strlen(t), at = -1;
        wrong += n < 30 || n > 60 || (int)strspn(t, "ACGT") != n;
        for (int k = 0; k + 5 <= n; k++)
            if (t[k] == 'G' && t[k + 2] == 'A' && t[k + 3] == 'T' && t[k + 4] == 'C') at = k;
        wrong += strcmp(x->text[1], at >= 0 ? "motif" : "none") != 0;
        has += at >= 0;
        if (at >= 0) places[3 * at / (n - 4)]++;
        for (int k = 0; k < n && at < 0; k++) of[t[k] == 'A' ? 0 : t[k] == 'C' ? 1 : t[k] == 'G' ? 2 : 3]++;
    }
    double all = of[0] + of[1] + of[2] + of[3];
    expect(!wrong, "motif: %d breaches of the law", wrong);
    expect(has == 1500, "motif: %d of 3000 have it", has);
    for (int k = 0; k < 3; k++) expect(abs(places[k] - 500) < 90, "motif: %d of 1500 lie in third %d", places[k], k + 1);
    for (int k = 0; k < 4; k++) expect(fabs(of[k] / all - 0.25) < 0.01, "motif: '%c' is %g of all bases", "ACGT"[k], of[k] / all);
    close_source(&s);
}

/* ---- smeared characters ---------------------------------------------------------------------------------------------- */
enum { FEATURES = 12, ALPHABET = 10, SMEAR = 4, GAP = 2 };
typedef struct {
    double shape[ALPHABET][FEATURES];
    int known[ALPHABET], of[ALPHABET], lasts[SMEAR + 1], gap[2][GAP + 2], length[16]; /* gap[1]: before the same character  */
} smeared;

static int same_frame(const double *a, const double *b)
{
    for (int j = 0; j < FEATURES; j++)
        if (a[j] != b[j]) return 0;
    return 1;
}
static int is_empty(const double *frame)
{
    static const double zeros[FEATURES];
    return same_frame(frame, zeros);
}

/* Reads an example without noise: each character's frames are its shape, the others are zeros; counts how long what lasts.
 * 0: it is not of that form.                                                                                       */
static int read_smeared(smeared *m, const seen *x)
{
    int64_t n = (x->n - x->ids) / FEATURES, t = 0;
    const double *id = x->numbers + x->n - x->ids;
    for (int64_t k = 0; k < x->ids; k++) {
        int c = (int)id[k], gap = 0, lasts = 0;
        if (c < 0 || c >= ALPHABET) return 0;
        while (t < n && is_empty(x->numbers + t * FEATURES)) t++, gap++;
        if (t < n && !m->known[c]++) memcpy(m->shape[c], x->numbers + t * FEATURES, sizeof m->shape[c]);
        /* the same character may not follow at once, so what goes on belongs to this one */
        while (t < n && same_frame(x->numbers + t * FEATURES, m->shape[c])) t++, lasts++;
        if (lasts < 1 || lasts > SMEAR || gap > (k ? GAP : 0) || (k && id[k] == id[k - 1] && !gap)) return 0;
        if (k) m->gap[id[k] == id[k - 1]][gap]++;
        m->of[c]++, m->lasts[lasts]++;
    }
    if (x->ids > 15) return 0;
    m->length[x->ids]++;
    return t == n;
}

/* n counts of which each is expected equally often: chi squared has the mean n - 1 and the deviation sqrt(2 (n - 1)). */
static void expect_equal(const char *what, const int *count, int n)
{
    double all = 0, chi = 0;
    for (int i = 0; i < n; i++) all += count[i];
    for (int i = 0; i < n; i++) chi += pow(count[i] - all / n, 2) / (all / n);
    expect(all > 0 && chi < n - 1 + 5 * sqrt(2.0 * (n - 1)), "smeared_characters: %s: chi squared is %g of %d counts", what, chi, n);
}

static void check_smeared_law(void)
{
    static smeared m;
    static const char *const splits[] = { "train", "validation", "test" };
    source s;
    int wrong = 0;
    double sum = 0, squares = 0;
    memset(&m, 0, sizeof m);
    if (!open_source(&s, "type = 'smeared_characters'\nnoise = 0")) return;
    for (int k = 0; k < 3; k++) /* one table of shapes: those of the first split must be those of the others */
        for (int i = 0; i < 1000; i++) wrong += !read_smeared(&m, example(&s, splits[k], i));
    expect(!wrong, "smeared_characters: %d of 3000 examples are not shapes with gaps", wrong);
    expect_equal("characters", m.of, ALPHABET);
    expect_equal("frames of a character", m.lasts + 1, SMEAR);
    expect_equal("gaps", m.gap[0], GAP + 1);
    expect_equal("gaps before the same character", m.gap[1] + 1, GAP);
    expect_equal("lengths", m.length + 3, 8);
    for (int c = 0; c < ALPHABET; c++)
        for (int j = 0; j < FEATURES; j++) sum += m.shape[c][j], squares += m.shape[c][j] * m.shape[c][j];
    double n = ALPHABET * FEATURES, mean = sum / n; /* the deviations of mean and variance are 1 / sqrt(n), sqrt(2 / n) */
    expect(fabs(mean) < 4 / sqrt(n) && fabs(squares / n - mean * mean - 1) < 4 * sqrt(2 / n),
           "smeared_characters: shapes of mean %g, variance %g", mean, squares / n - mean * mean);
    close_source(&s);
}

/* Noise: what an example has beside the same one without noise is normal, of the deviation asked for, number by number. */
static void check_smeared_noise(double noise)
{
    char options[100];
    source s, plain;
    double sum = 0, squares = 0, fourth = 0, beside = 0, n = 0;
    int other = 0;
    snprintf(options, sizeof options, "type = 'smeared_characters'\nnoise = %g", noise);
    if (!open_source(&s, options) || !open_source(&plain, "type = 'smeared_characters'\nnoise = 0")) return;
    for (int i = 0; i < 200; i++) {
        const seen *x = example(&s, "train", i), *y = example(&plain, "train", i);
        int64_t numbers = x->n - x->ids;
        if (x->n != y->n || memcmp(x->numbers + numbers, y->numbers + numbers, sizeof(double) * (size_t)x->ids)) {
            other++;
            continue;
        }
        double before = 0;
        for (int64_t j = 0; j < numbers; j++) {
            double d = (x->numbers[j] - y->numbers[j]) / noise;
            sum += d, squares += d * d, fourth += d * d * d * d, beside += d * before, n++;
            before = d;
        }
    }
    expect(!other, "smeared_characters: noise changes the text or the frames of %d examples", other);
    double limit = 4 / sqrt(n); /* deviations: 1, sqrt(2), sqrt(96) and 1, each over sqrt(n) */
    expect(fabs(sum / n) < limit && fabs(squares / n - 1) < sqrt(2) * limit && fabs(fourth / n - 3) < sqrt(96) * limit
           && fabs(beside / n) < limit, "smeared_characters: noise %g: mean %g, square %g, fourth power %g, neighbours %g", noise,
           sum / n, squares / n, fourth / n, beside / n);
    close_source(&s);
    close_source(&plain);
}

/* The shapes depend on the seed, and data_seed = 7 is the experiment's 7. */
static void check_smeared_seed(void)
{
    static smeared m[3];
    static const char *const options[] = { "type = 'smeared_characters'\nnoise = 0", "type = 'smeared_characters'\nnoise = 0\ndata_seed = 7",
                                           "type = 'smeared_characters'\nnoise = 0\ndata_seed = 8" };
    int equal[3] = { 0 };
    memset(m, 0, sizeof m);
    for (int k = 0; k < 3; k++) {
        source s;
        if (!open_source(&s, options[k])) return;
        for (int i = 0; i < 100; i++) (void)read_smeared(&m[k], example(&s, "train", i));
        for (int c = 0; c < ALPHABET; c++) equal[k] += m[k].known[c] && same_frame(m[k].shape[c], m[0].shape[c]);
        close_source(&s);
    }
    expect(equal[1] == ALPHABET && equal[2] == 0, "smeared_characters: of %d shapes %d are those of the same seed, %d those of another",
           ALPHABET, equal[1], equal[2]);
}

static void check_mistakes(void)
{
    static const char fields[] = "[[field]]\nname = 'sequence'\ntransforms = ['characters']\n[[field]]\nname = 'label'\nkind = 'category'\n";
    static const char end[] = "[[layer]]\ntype = 'embedding'\ninputs = 'sequence'\nwidth = 2\n[[layer]]\ntype = 'mean'\n"
        "[[layer]]\nname = 'output'\ntype = 'dense'\nunits = 'label'\n[[loss]]\ntype = 'cross_entropy'\ntarget = 'label'\n"
        "[optimizer]\ntype = 'sgd'\n";
    char middle[1000];
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'motif'\nmotif = 'TAX'\n%s", fields);
    refuse(middle, end, folder, "motif: 'TAX' is not four or more of the letters A, C, G, T");
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'motif'\nshortest = 3\n%s", fields);
    refuse(middle, end, folder, "shortest = 3: must be no more than longest = 50 and no less than the 6 bases");
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'smeared_characters'\nshortest = 5\nlongest = 4\n%s", fields);
    refuse(middle, end, folder, "smeared_characters: shortest (5) is above longest (4)");
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'motif'\ntrain = 0\n%s", fields);
    refuse(middle, end, folder, "train");
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'string_addition'\ndigits = 1\ntrain = 1000000\ntest = 1\n"
             "[[field]]\nname = 'sequence'\ncolumn = 'question'\ntransforms = ['characters']\n"
             "[[field]]\nname = 'label'\ncolumn = 'answer'\nkind = 'category'\n");
    refuse(middle, end, folder, "numbers of 1 digits leave no question to the");
}

int main(int argc, char **argv)
{
    static const char *const all[] = { "adding", "multiplication", "temporal_order", "reber", "embedded_reber", "copy",
                                       "string_addition", "motif", "smeared_characters", "supporting_facts" };
    plugins = argc > 1 ? argv[1] : "build/plugins", folder = argc > 2 ? argv[2] : ".";
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char options[100];
        snprintf(options, sizeof options, "type = '%s'", all[i]);
        check_order(options);
    }
    check_pairs("adding", 100, 1);
    check_pairs("adding", 12, 1);
    check_pairs("adding", 500, 1);
    check_pairs("multiplication", 100, 0);
    check_temporal_order(2);
    check_temporal_order(3);
    check_reber(0);
    check_reber(1);
    check_copy();
    check_addition(1, 1);
    check_addition(0, 0);
    check_distinct();
    check_facts("one", "where is %15s ?", 2, 10);
    check_facts("two", "where is the %15s ?", 4, 14);
    check_facts("three", "where was the %15s before the %15s ?", 8, 24);
    check_facts("yes_no", "is %15s in the %15s ?", 2, 10);
    check_motif();
    check_smeared_law();
    check_smeared_noise(0.5);
    check_smeared_noise(3);
    check_smeared_seed();
    check_mistakes();
    return expect_end("generators");
}
