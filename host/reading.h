/* reading.h -- what data.c, which reads data sets, and line.c, which reads lines of text, share: a value into the examples of a
 * field, and the place for messages.                                                                            */
#ifndef READING_H
#define READING_H
#include "fields.h"

/* One field while it is read: examples of one source in the order of the source. */
typedef struct builder {
    int64_t examples, steps, leaves;
    int64_t *begin, *inner;
    int32_t *id;
    float *real;
    size_t begin_room, inner_room, id_room, real_room;
} builder;
typedef struct reading {
    data *d;
    builder *of;                           /* [fields]                                                            */
    interner *words;                       /* [fields] of those that own a vocabulary                             */
    held *column; int n_columns;           /* of the example at hand                                              */
    char *has, *wanted;                    /* [columns] of the example at hand; of those that fields read          */
    held room[2], joined;
    const char *source; int64_t index;
    int fixed;                             /* vocabularies exist already: words get their ids at once             */
} reading;

reading reading_start(data *);
void reading_free(reading *);
/* A message with the field and the place of the example at hand, which who reads a line of text has to name; TN_EINVAL. */
int  reading_failed(reading *, const field *, const char *what);
/* A text's first byte that is not UTF-8, as a message; NULL: there is none. */
const char *reading_fault(arena *, const tn_value *);
/* One more example of a field, from a value that all its transforms are done to. */
int  reading_put(reading *, field *, const tn_value *);
/* The store of a field for some examples of a source, in their order. */
void reading_store(store *, const field *, const builder *, const int64_t *pick, int64_t n);
#endif
