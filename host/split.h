/* split.h -- how the examples of a data set become splits: files of their own, or shares of the training file. */
#ifndef SPLIT_H
#define SPLIT_H
#include "data.h"

struct data_split {
    double share[SPLITS];                  /* of the training source: validation, test; 0: not taken from it      */
    uint64_t seed;
    int64_t folds, fold;                   /* 0: none; which is tested on, from 0                                  */
    const char *by;                        /* examples with the same text in this column stay together; or NULL   */
    int64_t limit[SPLITS];                 /* at most so many examples; 0: all                                     */
    int source[SPLITS];                    /* which source a split comes from                                     */
    int64_t *pick[SPLITS], n[SPLITS];      /* examples of the source, ascending                                   */
};

struct data_split *split_plan(data *, config_value *dataset);
/* Decides which of n examples of a source go into which split. 0, or < 0 with a message. */
int  split_divide(data *, int source, int64_t n);
void split_free(struct data_split *);
#endif
