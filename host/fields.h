/* fields.h -- what fields.c, which plans fields and runs their transforms, shift.c and data.c, which fill them, share. */
#ifndef FIELDS_H
#define FIELDS_H
#include "data.h"
#include "vocabulary.h"

/* A value that owns its memory, grown as needed: what a transform or a data set puts. */
typedef struct held {
    tn_value value;
    char *leaf; size_t leaf_room;
    int64_t *end; size_t end_room;
    int32_t *inner; size_t inner_room;
} held;
int  held_copy(held *, const tn_value *);
void held_free(held *);
int  put_held(void *to, uint32_t column, const tn_value *);  /* tn_sink.put: one value                         */

/* A text of n bytes as a number, spaces around it passed over. 0: it is none, or not finite as a float. seen: its beginning, for
 * messages.                                                                                                     */
int  number_of_text(const char *text, int64_t n, char seen[64], float *x);

typedef struct field_rules { vocabulary_rules words; int fit_all; } field_rules;

/* Plans [[field]] of the root table into d->field: kinds, columns, transforms, layouts. */
void fields_plan(data *, config_value *root);
field_rules fields_rules(const data *, const field *);
/* Runs the first n transforms of a field on a column's value. The result lives in `room` until the next call. */
int  field_apply(data *, field *, int n, const tn_value *in, tn_rng, held room[2], const tn_value **out);
/* The value of several columns of numbers beside each other, in h. 0, or < 0 with the message in the host's error. */
int  field_join(data *, const field *, const held *column, const char *has, held *h);
/* Fills the fields made `from` others, when all others are read and have their vocabularies (shift.c).          */
void fields_shift(data *);
void fields_shift_split(data *, int split);
/* A shape that only the data can tell, from a run directory. */
void fields_set_shape(data *, field *, uint32_t depth, uint32_t width, int64_t steps);
/* Looks for a field's column again, now that the data is there. 1: found. 0: told diag.                         */
int  fields_find_column(data *, field *, tn_column *);
#endif
