/* experiment.h -- one experiment file, read whole: every table that is not data or graph, and the parts it names.
 *
 * experiment_load reads and checks everything that needs no data; experiment_read_data reads the data and wires the
 * graph again with the sizes that the data have. Both put every mistake into `messages`.                        */
#ifndef EXPERIMENT_H
#define EXPERIMENT_H
#include "../include/tenon/metric_rows.h"
#include "ahead.h"
#include "published.h"

typedef struct score { const char *name; double value; int higher_is_better; } score;   /* "validation.accuracy" */

/* A metric on an output and a target: the model's, or a baseline's. */
typedef struct metric_use {
    const char *name;                      /* the user's, or the type                                          */
    tn_part *part; const tn_metric *table;
    node *from; slot *input, *target;      /* from: NULL for a baseline's output                               */
    uint32_t sums; double *sum;
    int training; double *train_sum;       /* the training batches of an epoch are counted, too                */
    int own;                               /* feed = "own": layers that feed themselves read what they said     */
    field *undo;                           /* space = "original": the target, whose transforms are undone first; or NULL */
    const tn_metric_rows *rows;            /* NULL: sums are enough                                            */
    float *kept; int64_t n_kept, room, width; /* what it keeps of each row of the split: [n_kept x width]       */
} metric_use;
typedef struct stop_use {
    const char *name, *monitor;
    const char *together;                  /* those of equal name stop only when all of them say so; or NULL   */
    tn_part *part; config_value *table;
} stop_use;
typedef struct baseline_use {
    const char *name;
    tn_part *part; const tn_baseline *table;
    slot *in[8]; int n_in;                 /* fields; the target is the last                                   */
    slot out;
    metric_use *metric; int n_metrics;
} baseline_use;
/* Parameters that are treated alike. */
typedef struct group {
    config_value *table;                   /* NULL: the rest                                                   */
    const char **pattern; int n_patterns;  /* of layer names, as fnmatch                                       */
    tn_part *optimizer;
    double rate, decay;                    /* learning rate; weight decay                                      */
    int frozen;
} group;
typedef struct penalty { tn_part *part; const char **pattern; int n_patterns; } penalty;

typedef struct experiment {
    arena memory;
    tn_host host;
    diag *messages;
    part_context context;
    const char *path, *name;
    config_value *root;
    uint64_t seed;
    struct data *data;
    struct graph *graph;
    ahead *ahead;                          /* builds the batches of training and evaluation                    */
    tn_part *backend;

    group *group; int n_groups;            /* group[n_groups - 1] takes the parameters that no other names     */
    tn_part *schedule; int64_t warmup;
    const char *schedule_monitor;          /* what a schedule may look at; NULL: nothing                         */
    double clip_norm, clip_value;          /* 0: none                                                          */
    penalty *regularizer; int n_regularizers;
    metric_use *metric; int n_metrics;
    stop_use *stop; int n_stops;
    tn_part **logger; int n_loggers;
    baseline_use *baseline; int n_baselines;

    int64_t epochs, batch_size, max_steps, evaluation_batch;
    int64_t length_buckets;                /* batches that are sorted by length together; 1: none               */
    int shuffle, keep_best;
    enum { AVERAGE_NONE, AVERAGE_EXPONENTIAL, AVERAGE_MEAN } average; /* of the weights, which is evaluated and kept  */
    double average_decay; int64_t average_start; /* the first epoch whose weights count, from 1                      */
    int64_t checkpoint_steps, checkpoint_keep;
    const char *monitor;                   /* decides which weights are best; NULL: none                         */
    int monitor_higher, schedule_higher;   /* whether more of what is looked at is better                        */
    published published;                   /* what it is to reach                                              */
} experiment;

/* What a command line adds to a file. */
typedef struct overrides {
    const char *const *set; int n_sets;
    const char *const *data_dirs;          /* NULL-terminated; before TENON_DATA                               */
    const char *const *plugin_path;
} overrides;

/* Never NULL; look at diag_errors(e->messages). */
experiment *experiment_load(const char *path, const overrides *);
/* 0, or < 0: a message in e->host.error or errors in e->messages. */
int  experiment_read_data(experiment *, void (*progress)(void *, const char *, int64_t, int64_t), void *to);
/* With vocabularies from a run directory instead of data (predict). */
int  experiment_read_vocabularies(experiment *, const char *folder);
/* Opens the backend and allocates the graph. learns: with gradients. */
int  experiment_start(experiment *, int threads, int learns);
void experiment_free(experiment *);
int  group_of(const experiment *, const parameter *);      /* index                                            */
int  layer_matches(const char *parameter_name, const char *const *pattern, int n);

/* ---- evaluate.c ---- */
/* Runs a split with the current weights: <split>.loss and every metric's results. scores: [*n], in the arena. */
int  evaluate_split(experiment *, int split, score **scores, int *n);
/* The names that evaluate_split would give, for monitors; for the training split, those of train_scores. */
score *score_names(experiment *, int split, int *n);
const score *score_find(const score *, int n, const char *name);
int  score_higher(experiment *, const char *name);        /* is a higher value better?                          */
/* Metrics with `training`: the bound batch into train_sum; at an epoch's begin; results after train.loss.        */
int  train_metrics_update(experiment *);
void train_metrics_clear(experiment *);
score *train_scores(experiment *, double loss, int *n);
/* Tables that metrics have to tell of the split evaluated last, into FOLDER/metrics. */
int  evaluate_tables(experiment *, const char *folder, int split);
void metrics_free(experiment *);
void evaluate_baselines(experiment *, score **scores, int *n); /* one that fails has none, and a warning says why        */
#endif
