/* record.h -- what the runs of an experiment gave, and the file that keeps it: recorded/NAME.json beside the experiment. */
#ifndef RECORD_H
#define RECORD_H
#include "../../host/experiment.h"
#include "../../host/spread.h"

enum { MOST_SEEDS = 1000 };
typedef struct record {
    int seeds;
    double value[MOST_SEEDS], seconds[MOST_SEEDS]; /* the published metric, training time, of seed i + 1        */
    spread over;                           /* the values                                                        */
    const char *stale;                     /* why it does not belong to the files as they are; NULL: it does    */
    int missing;                           /* the first seed that is asked for and was not run; 0: none         */
    const char **unseen; int n_unseen;     /* data files that were run and are not here to be compared           */
} record;

/* The experiment without [published] and seed, as 64 hexadecimal digits. */
void record_digest(experiment *, char hex[65]);
/* Value of `metric` and seconds of a finished run; 0, or < 0 with a message. */
int  record_run(record *, int seed, const char *folder, const char *metric, char *error, size_t size);
/* Writes the record of an experiment that was run in `folder` (any seed's run: for processor and threads). */
int  record_write(const record *, experiment *, const char *metric, const char *folder, char *error, size_t size);
/* Reads it and compares experiment and data files, where they are here, with those that were run. seeds: as many are asked
 * for, from 1. < 0: there is none. */
int  record_read(record *, experiment *, const char *metric, int seeds, char *error, size_t size);
#endif
