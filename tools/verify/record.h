/* record.h -- what the runs of an experiment gave, and the file that keeps it: recorded/NAME.json beside the experiment. */
#ifndef RECORD_H
#define RECORD_H
#include "../../host/experiment.h"
#include "../../host/spread.h"

typedef struct record {
    int seeds;                             /* runs that it has                                                   */
    double seconds[MOST_SEEDS];            /* training time of run i                                              */
    double value[MOST_FIGURES][MOST_SEEDS];/* of figure k of [published] and run i; NaN: the run has none          */
    spread over[MOST_FIGURES];             /* those that have one                                                 */
    const char *stale;                     /* why it does not belong to the files as they are; NULL: it does       */
    uint64_t first_seed;                   /* of the experiment; seeds are counted from there, from 1              */
    int missing;                           /* the first seed that is asked for and was not run; 0: none           */
    int lacks[MOST_FIGURES];               /* the first seed whose run was recorded without that figure; 0: none    */
    const char **unseen; int n_unseen;     /* data files that were run and are not here to be compared             */
} record;

/* The experiment without [published] and seed, as 64 hexadecimal digits. */
void record_digest(experiment *, char hex[65]);
/* Takes a run's figures, value[k] of figure k and its training time, as run i. */
void record_run(record *, int i, const published *, const double *value, const char *folder);
/* Sums up over the runs. */
void record_sum(record *, const published *);
/* Writes the record of an experiment that was run in `folder` (any seed's run: for processor and threads). */
int  record_write(const record *, experiment *, const char *folder, char *error, size_t size);
/* Reads it and compares experiment and data files, where they are here, with those that were run. < 0: there is none. */
int  record_read(record *, experiment *, char *error, size_t size);
#endif
