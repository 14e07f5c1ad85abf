/* supporting_facts.c -- little stories of who goes where with what, a question and its answer, which one, two or three of the
 * story's sentences tell: after the first tasks of bAbI (Weston et al. 2015), whose sentences these are not. */
#include <stdarg.h>
#include <stdio.h>
#include "generator.h"

enum { ONE, TWO, THREE, YES_NO };
typedef struct { generator made; int64_t shortest, longest; int32_t task; } config;
static const char *const tasks[] = { "one", "two", "three", "yes_no", NULL };
static const tn_option options[] = {
    TN_ENUM(config, task, ONE, tasks, "how many sentences the answer follows from; yes_no: one, and the question names a place"),
    TN_INT(config, shortest, 0, 0, 1000, "fewest sentences of a story; 0: 2 for one and yes_no, 4 for two, 8 for three"),
    TN_INT(config, longest, 0, 0, 1000, "most sentences; 0: 10 for one and yes_no, 14 for two, 24 for three"),
    GENERATOR_OPTIONS(config) };

enum { PEOPLE = 4, PLACES = 6, THINGS = 3, SENTENCE = 64, NOWHERE = -1, HISTORY = 3 };
static const char *const people[] = { "anna", "omar", "lucia", "peter" };
static const char *const places[] = { "kitchen", "garden", "cellar", "office", "attic", "hall" };
static const char *const things[] = { "lamp", "book", "cup" };
static const char *const goings[] = { "went to", "walked to", "ran to" };
static const char *const takings[] = { "took", "picked up" };
static const char *const puttings[] = { "put down", "left" };

/* Where everybody is, and where each thing was: at[k][0] now, at[k][1] before, and so on; NOWHERE: the story has not told. */
typedef struct world { int place[PEOPLE], holder[THINGS], at[THINGS][HISTORY]; char *text; size_t n, room; } world;

static int open_facts(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    static const int64_t fewest[] = { 1, 2, 4, 1 };
    const config *c = config_;
    if (c->shortest && c->longest && c->shortest > c->longest)
        return tn_fail(api, host, TN_EINVAL, "shortest is %lld, more than longest, %lld", (long long)c->shortest, (long long)c->longest);
    if ((c->shortest && c->shortest < fewest[c->task]) || (c->longest && c->longest < fewest[c->task]))
        return tn_fail(api, host, TN_EINVAL, "a story whose answer follows from %s sentences has %lld of them at least",
                       tasks[c->task], (long long)fewest[c->task]);
    return maker_open(api, host, config_, self, 1001 * SENTENCE);
}

static int column(void *self, uint32_t i, tn_column *out)
{
    static const char *const names[] = { "story", "question", "answer" };
    (void)self;
    if (i > 2) return TN_END;
    *out = (tn_column){ sizeof *out, TN_TEXT, 0, 1, names[i], 0, 0 };
    return TN_OK;
}

static void tell(world *w, const char *format, ...)
{
    va_list a;
    va_start(a, format);
    int n = vsnprintf(w->text + w->n, w->room - w->n, format, a);
    va_end(a);
    if (n > 0) w->n += (size_t)n;
}

static const char *one_of(draws *d, const char *const *words, int n) { return words[draw_int(d, 0, n - 1)]; }

/* A thing comes to a place: what was there before moves back. */
static void move_thing(world *w, int k, int place)
{
    if (w->at[k][0] == place) return;
    for (int i = HISTORY - 1; i > 0; i--) w->at[k][i] = w->at[k][i - 1];
    w->at[k][0] = place;
}

static void go(world *w, draws *d, int who)
{
    int to = (int)draw_int(d, 0, PLACES - 2);
    if (w->place[who] != NOWHERE && to >= w->place[who]) to++; /* another place than where they are */
    w->place[who] = to;
    for (int k = 0; k < THINGS; k++)
        if (w->holder[k] == who) move_thing(w, k, to);
    tell(w, "%s %s the %s . ", people[who], one_of(d, goings, 3), places[to]);
}

/* Takes something that is here, or that nobody has told of; or puts something down. 0: there is nothing to do so with. */
static int handle(world *w, draws *d, int who)
{
    int k = (int)draw_int(d, 0, THINGS - 1), here = w->place[who];
    if (here == NOWHERE) return 0;
    if (w->holder[k] == who) {
        w->holder[k] = NOWHERE;
        tell(w, "%s %s the %s . ", people[who], one_of(d, puttings, 2), things[k]);
        return 1;
    }
    if (w->holder[k] != NOWHERE || (w->at[k][0] != NOWHERE && w->at[k][0] != here)) return 0;
    w->holder[k] = who;
    move_thing(w, k, here);
    tell(w, "%s %s the %s . ", people[who], one_of(d, takings, 2), things[k]);
    return 1;
}

static void one_sentence(world *w, draws *d, int task)
{
    int handles = task == TWO || task == THREE;
    for (;;) {
        int who = (int)draw_int(d, 0, PEOPLE - 1);
        if (handles && draw_int(d, 0, 1)) {
            if (handle(w, d, who)) return;
        } else {
            go(w, d, who);
            return;
        }
    }
}

/* Whom or what the question is about: somebody whose place was told, a thing that was taken, or was in two places. -1: none. */
static int subject_of(const world *w, draws *d, int task)
{
    int of[PEOPLE + THINGS], n = 0;
    for (int i = 0; i < PEOPLE && (task == ONE || task == YES_NO); i++)
        if (w->place[i] != NOWHERE) of[n++] = i;
    for (int k = 0; k < THINGS && (task == TWO || task == THREE); k++)
        if (w->at[k][task == THREE] != NOWHERE) of[n++] = k;
    return n ? of[draw_int(d, 0, n - 1)] : -1;
}

static int read_example(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    static const int64_t least[] = { 2, 4, 8, 2 }, most[] = { 10, 14, 24, 10 };
    const maker *m = self;
    const config *c = m->config;
    draws d = draws_of(m, &c->made, split, index, rng);
    int64_t shortest = c->shortest ? c->shortest : least[c->task], longest = c->longest ? c->longest : most[c->task];
    char question[SENTENCE];
    const char *answer;
    world w;
    int who = -1;
    (void)lanes;
    if (shortest > longest) shortest = longest;
    while (who < 0) {
        w = (world){ .text = m->room, .room = 1001 * SENTENCE };
        memset(w.place, NOWHERE, sizeof w.place), memset(w.holder, NOWHERE, sizeof w.holder), memset(w.at, NOWHERE, sizeof w.at);
        for (int64_t n = draw_int(&d, shortest, longest); n > 0; n--) one_sentence(&w, &d, c->task);
        who = subject_of(&w, &d, c->task);
    }
    if (c->task == ONE) snprintf(question, sizeof question, "where is %s ?", people[who]), answer = places[w.place[who]];
    else if (c->task == TWO) snprintf(question, sizeof question, "where is the %s ?", things[who]), answer = places[w.at[who][0]];
    else if (c->task == THREE)
        snprintf(question, sizeof question, "where was the %s before the %s ?", things[who], places[w.at[who][0]]),
            answer = places[w.at[who][1]];
    else {
        int asked = draw_int(&d, 0, 1) ? w.place[who] : (int)draw_int(&d, 0, PLACES - 1);
        snprintf(question, sizeof question, "is %s in the %s ?", people[who], places[asked]);
        answer = asked == w.place[who] ? "yes" : "no";
    }
    int rc = put_made_text(sink, 0, w.text, (int64_t)w.n - 1); /* without the last space */
    if (!rc) rc = put_made_text(sink, 1, question, (int64_t)strlen(question));
    return rc ? rc : put_made_text(sink, 2, answer, (int64_t)strlen(answer));
}

GENERATOR_FUNCTIONS(config)
static const tn_dataset table = { .size = sizeof table, .column = column, .load = load, .count = count, .read = read_example,
                                  .renew = renew };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "supporting_facts", "little stories, a question and its answer",
    "Columns `story`, `question` and `answer`, texts for the transform `words` and a category. Four people go to six places, and "
    "take and leave three things:\n\n"
    "    anna went to the attic . anna took the lamp . peter ran to the hall . anna walked to the cellar .\n\n"
    "`one`: \"where is anna ?\", told by the last sentence on her. `two`: \"where is the lamp ?\", by who took it last and "
    "where they are, or were when they put it down. `three`: \"where was the lamp before the cellar ?\". `yes_no`: \"is anna in "
    "the cellar ?\", as often the place where she is as any of the six. A question is about somebody or something whose place the "
    "story tells; which, and how many sentences the story has, is uniform. Nobody goes where they are already; a thing that was "
    "not told of may be anywhere.\n\n"
    "After tasks 1, 2, 3 and 6 of Weston, Bordes, Chopra, Mikolov, \"Towards AI-complete question answering\" (2015), with "
    "people, places and sentences of its own.",
    TN_OPTIONS(options), sizeof(config), sizeof(maker), NULL, open_facts, maker_close, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("supporting_facts", "1.0.0", "Tenon", "MIT", "", parts)
