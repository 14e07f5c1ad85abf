/* run_dir.h -- a run is a directory that explains itself:
 *
 *   config.toml        the experiment as it ran, every value with its source; loads again as it is
 *   lock.json          what the result depends on: hashes of plug-ins, data files and vocabularies, seed, versions
 *   vocabularies/      so that predict needs no data
 *   metrics.*          written by the loggers
 *   checkpoints/       step-NNNNNNNN.safetensors (at least the last two), best.safetensors
 *   results.json       final scores and why it stopped; there once the run is done
 *   stopped.txt        why it ended early, if an error ended it
 *   lock               held by the process that writes the run
 *   timing.csv         times, which are outside the promise of equal bits
 *
 * Functions return 0 or < 0 with a message.                                                                    */
#ifndef RUN_DIR_H
#define RUN_DIR_H
#include "experiment.h"

#define RUN_EPOCHS_DONE "all epochs are done" /* `stopped` of results.json where no rule stopped the run        */

/* `asked`, which must not exist, or runs/NAME-001 with the next free number. The path, or NULL. */
const char *run_dir_create(arena *, const char *asked, const char *name, char *error, size_t size);
/* One process at a time writes a run: holds the run's lock file until the process ends. < 0: another one does. */
int run_dir_hold(const char *folder, char *error, size_t size);
/* config.toml, lock.json, vocabularies. */
int run_dir_describe(const char *folder, experiment *, int threads, char *error, size_t size);
/* 0: the run may go on. Else < 0, and one line for each thing that differs from lock.json. */
int run_dir_compare(const char *folder, experiment *, char *error, size_t size);
/* Each data file that can be read, by its path inside the data folder, with its SHA-256. */
void run_dir_data_files(experiment *, void (*put)(void *to, const char *name, const char *sha256), void *to);
/* Data folders that the run was started with, NULL-terminated. */
const char **run_dir_data(arena *, const char *folder);
/* How a run ended. */
typedef struct run_end {
    const char *why;
    int64_t step, best_step, parameters;
    const score *scores; int n_scores;
    double training_seconds, test_seconds; /* of this process; of one evaluation of the test split, 0 without one  */
    int threads;
} run_end;
/* results.json and timing.csv. */
int run_dir_end(const char *folder, const run_end *, char *error, size_t size);
/* The seconds of timing.csv; NAN where there is none. */
void run_dir_times(const char *folder, double *training, double *test);
int run_dir_stopped(const char *folder, const char *why);
#endif
