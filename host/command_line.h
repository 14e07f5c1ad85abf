/* command_line.h -- what the commands share: arguments, loading an experiment or a run, messages to stderr. */
#ifndef COMMAND_LINE_H
#define COMMAND_LINE_H
#include "experiment.h"
#include "program.h"

typedef struct arguments {
    const char **rest; int n_rest;         /* arguments that are no options                                     */
    const char *file, *second;             /* the first and the second of them; NULL                            */
    const char **set; int n_sets;
    const char **data_dirs; int n_data_dirs;
    const char *run, *split, *format, *predictions, *backend, *seeds, *threads, *batch_size;
    const char *length, *temperature, *top_k, *top_p, *seed; /* of a text that is written                            */
    const char *catalogue, *tries;         /* of a download                                                     */
    int json, quiet, no_data, record, recorded, score;
} arguments;

/* allowed: option names without dashes, NULL-terminated. 0, or EXIT_INPUT after a message. How many words that are no options
 * there may be is read from the command's usage. */
int  arguments_read(arguments *, int argc, char **argv, const command_env *, const char *const *allowed);
int  arguments_number(const char *text, const char *name, int64_t min, int64_t max, int64_t otherwise, int64_t *out);
int  arguments_real(const char *text, const char *name, double min, double max, double otherwise, double *out);
int  thread_count(const arguments *, int *threads);        /* --threads, else all processors this process may use */
/* The experiment, its mistakes printed; NULL with *code set where it cannot go on. */
experiment *open_experiment(const char *path, const arguments *, const command_env *, int *code);
/* Reads its data; 0 or an exit code after a message. */
int  read_data(experiment *, int quiet);
/* The experiment of a run directory with data dirs as recorded. */
experiment *open_run(const char *folder, const arguments *, const command_env *, int *code);
int  failed(const experiment *);           /* prints host.error or messages; EXIT_FAILED or EXIT_INPUT            */
/* In JSON one object, {"run": folder, "test.loss": 0.5, ...}; run: NULL, or where it is said. */
void print_scores(const char *run, const score *, int n, int json);

int command_train(int argc, char **argv, const command_env *);      /* command_train.c                          */
int command_resume(int argc, char **argv, const command_env *);
#endif
