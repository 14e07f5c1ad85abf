/* answers.h -- what a network says of examples: labels with probabilities, values, a label for each step of a sequence, or a
 * sequence that it writes; of the first loss, one line an example.                                             */
#ifndef ANSWERS_H
#define ANSWERS_H
#include <stdio.h>
#include "../../host/experiment.h"

typedef struct answers {
    experiment *e;
    FILE *out;
    int json;
    int split; int64_t first;              /* JSON names the place of each example of a split; -1: lines of text   */
    float *probability; size_t bytes;      /* of the rows of a batch; grown as needed                              */
    int32_t *path, path_row; size_t path_bytes; /* of the rows of a batch: the best paths, where the loss decodes   */
    double *score; int32_t scores;         /* of the examples of a batch: what the decoder says of its best path   */
    const char *place;                                     /* of what is not of a split: for JSON; or NULL           */
    const char *const *column, *const *line; int columns; /* the line at hand, for the tokens of its tags; 0: none  */
    int64_t (*place_of)[2], places, place_room;            /* characters of the line from which to which each token of
                                                              it goes, -1: it is not there; 0: none are known        */
} answers;

/* One line for each example of the bound batch, in its order; the graph has run forward. 0, or < 0 with the message in the
 * host's error. */
int  answers_put(answers *);
/* Probabilities of all rows of a head, [rows x classes], until the next call; NULL where it gives plain values. */
const float *answers_probabilities(answers *, const head *, int64_t rows, int64_t classes);
void answers_free(answers *);
#endif
