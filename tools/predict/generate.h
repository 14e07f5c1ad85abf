/* generate.h -- text written by a language model, word by word: each is drawn from what the network says of the next one. */
#ifndef GENERATE_H
#define GENERATE_H
#include "../shared/answers.h"
#include "draw.h"

typedef struct writer {
    draw_rules rules;
    int64_t length; uint64_t seed;         /* words to write; of the drawing                                     */
    int scores;                            /* nothing is written: how probable is the line itself?               */
    experiment *e;
    answers *a;
    const head *h;
    field *text; int number;               /* what the network reads and goes on with; its number                */
    int steps;                             /* states carry all that matters: a word is one step                  */
    store *stores;                         /* [fields]                                                           */
    batch *b;
    int32_t *id; int64_t n, room;          /* the text so far                                                    */
    draw_room drawing;
} writer;

/* Whether the experiment is a language model: lanes of a text, whose next step is what it learns. 1: it is; 0: it is something
 * else; < 0: it is one that cannot write, with the message in the host's error. */
int  writer_plan(writer *, experiment *);
/* With weights. 0, or < 0 with the message in the host's error. */
int  writer_open(writer *, answers *);
/* Goes on from a line of text, the `number`-th from 1, or scores it: one result. */
int  writer_line(writer *, const char *line, int64_t number);
void writer_close(writer *);
#endif
