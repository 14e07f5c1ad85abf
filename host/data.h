/* data.h -- fields: from a data set's columns through transforms and vocabulary to numbers in memory.
 *
 * data_plan needs only the file: it gives every field its kind, its layout and its spec, so that the graph can be
 * checked without data. data_read reads the splits, builds vocabularies from the training split, and gives each
 * field of each split a store.                                                                               */
#ifndef DATA_H
#define DATA_H
#include "host.h"
#include "part.h"

enum { SPLIT_TRAIN, SPLIT_VALIDATION, SPLIT_TEST, SPLITS };
extern const char *const split_names[SPLITS];       /* "train", "validation", "test"                         */

typedef enum { FIELD_TEXT = 1, FIELD_CATEGORY, FIELD_TAGS, FIELD_NUMBERS } field_kind;

/* One field of one split: the examples one after the other. depth 0: one leaf an example. depth 1: steps
 * begin[e] .. begin[e + 1] of example e are leaves. depth 2: those steps hold leaves inner[step] .. inner[step + 1]. */
typedef struct store {
    int64_t examples, leaves;
    int64_t *begin;                        /* depth >= 1: [examples + 1]                                     */
    int64_t *inner;                        /* depth 2: [begin[examples] + 1]                                 */
    int32_t *id;                           /* [leaves] ids; NULL where numbers                               */
    float   *real;                         /* [leaves * width] numbers; NULL where ids                       */
} store;

typedef struct vocabulary {
    const char **word; int64_t n;          /* id -> spelling; text fields: id 0 is the unknown word          */
    int64_t unknown;                       /* its id, or -1: every word of another split must be known       */
    uint64_t hash;                         /* of all words in order, for the lock                            */
    struct vocabulary_index *index;
} vocabulary;

typedef struct field {
    const char *name;
    config_value *table;
    field_kind kind;
    int wrong;                             /* a mistake in it was told: what reads it is not looked at       */
    const char *column; int column_index, n_columns;
    const char **columns; int *columns_at; /* n_columns of numbers beside each other; 0: one                      */
    const char **column_name;              /* the same as the user wrote them, without the window                 */
    int row, shift; int64_t steps;         /* shape = "row": the steps of an example, always so many, are one row  */
    int64_t column_steps;                  /* as many steps every example of the column has; 0: it differs          */
    int column_numbers;                    /* the column has numbers, or texts that are cut already; not one text    */
    struct field *from, *along, *within;   /* whose vocabulary, layout, parent layout it shares              */
    tn_part **transform; int n_transforms;
    char *fit_all;                         /* [transforms] it learns from all splits, not from training alone     */
    uint32_t depth, width;                 /* after the transforms                                           */
    int32_t layout;                        /* of its rows: TN_ROOT, or an id from 2 on                       */
    vocabulary *words;                     /* NULL for numbers, and before data_read                         */
    int64_t vocabulary_limit, min_count;   /* from the file; 0: none                                         */
    double replace_rate; char *singleton;  /* [words] seen once in training: replaced by `unknown` at that rate   */
    double word_dropout;                   /* every word is, at that one (Bowman et al. 2016)                      */
    int64_t all_steps;                     /* as many has every sequence of training; 0: it differs, or is not known   */
    int64_t assumed_steps;                 /* as many an example has that gives the field no value (predict)           */
    tn_spec spec;                          /* classes: 0 until data_read, or the limit where one is given     */
    store split[SPLITS];
} field;

typedef struct data {
    part_context *context;
    tn_part *dataset;
    field **field; int n_fields;
    int n_layouts;                         /* layouts that fields define, the root included (ids 1 ..)       */
    int32_t layout_parent[64];             /* by id                                                          */
    const field *layout_of[64];            /* by id: the field whose lengths define it; NULL for the root    */
    int64_t count[SPLITS];                 /* examples; -1: no such split                                    */
    int64_t lanes[SPLITS];                 /* of a data set of lanes: examples in each batch; else 0          */
    int64_t epoch;                         /* whose training examples are there; 0 before data_read          */
    uint64_t seed;                         /* of the experiment                                              */
    struct data_split *split;              /* how a single source is divided; data.c's own                   */
} data;

/* From [dataset] and [[field]] of the root table. Mistakes go to diag; never NULL. */
data *data_plan(part_context *, config_value *root, uint64_t seed);
/* Reads everything. 0, or < 0 with the message in the host's error. progress may be NULL. */
int   data_read(data *, void (*progress)(void *to, const char *split, int64_t done, int64_t all), void *to);
/* The training examples of an epoch, from 1, where the data set has others in each. 1: they are others now; 0: they are the
 * same; < 0 as data_read.                                                                                         */
int   data_renew(data *, int64_t epoch);
field *data_field(const data *, const char *name);   /* NULL: none                                           */
int   data_has_lanes(const data *);        /* batch row i goes on where row i of the batch before ended      */
/* Reads one example given as text for each column (predict): stores of one example for the input fields; fields whose
 * column is absent get no store. column, text: n pairs.                                                     */
int   data_read_line(data *, const char *const *column, const char *const *text, int n, store *of_field);
/* The next line of a text in the form of the data set's own files (NULL: it is over), whose examples are read as by
 * data_read_line. 0: an example; TN_END: none yet; TN_EUNSUPPORTED: the text has no such form; else < 0 with a message.     */
int   data_feeds(const data *);            /* the data set knows such a form                                        */
int   data_feed(data *, const char *line, const char *const *column, int n, store *of_field);
/* Steps of a text field as a line would have them, as far as the data set can tell; memory_free. NULL after a message.      */
char *data_write_line(data *, const field *, const int32_t *id, int64_t n);
/* Numbers of a field, rows x its width, back to what they were before its transforms; and through them again. */
int   data_can_undo(const data *, const field *, const char **why_not);
int   data_undo(data *, field *, int64_t rows, float *x);
int   data_redo(data *, field *, int64_t rows, float *x);
/* The steps of a line, as it has them before anything but the cut is done to them: `wanted` texts for the rows of the
 * field `along`. 0; or TN_END: no field of that column has them.                                                    */
int   data_line_tokens(data *, const char *column, const char *text, const field *along, int64_t wanted,
                       void (*each)(void *to, const char *token, size_t n), void *to);
/* "file:line" of example e of a split, for messages. */
void  data_place(const data *, int split, int64_t e, char *text, size_t size);
/* vocabulary_file.c: vocabularies to and from a run directory, one file each. */
int   data_save_vocabularies(const data *, const char *folder);
int   data_load_vocabularies(data *, const char *folder);   /* instead of data_read, for predict             */
void  store_free(store *);
void  data_free(data *);
#endif
