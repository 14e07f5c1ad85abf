/* vocabulary.h -- words and their ids: an interner that keeps words in the order of first sight, and the vocabularies
 * made from it.                                                                                               */
#ifndef VOCABULARY_H
#define VOCABULARY_H
#include "data.h"

typedef struct interner {
    char *bytes; size_t n_bytes, room;     /* every word, NUL-terminated, one after the other                   */
    size_t *at; int32_t n, most;           /* where word i begins                                               */
    int32_t *table; size_t slots;          /* open addressing: index + 1, 0 free                                */
} interner;

int32_t interner_add(interner *, const char *word, size_t n);      /* its number, new or known                  */
int32_t interner_find(const interner *, const char *word, size_t n); /* -1: not there                           */
const char *interner_word(const interner *, int32_t i);
void interner_free(interner *);

/* What a vocabulary is made by. count[i], first[i]: how often word i of the interner stands in the training split, and
 * where first.                                                                                                 */
typedef struct vocabulary_rules {
    int64_t size, min_count;
    const char *unknown;
    const char **always;
    int n_always;
} vocabulary_rules;
/* Text: unknown word first, then the words of `always`, then by count, ties by first sight. id_of[i] of word i. */
vocabulary *vocabulary_of_words(arena *, const interner *, const int64_t *count, const int64_t *first,
                                const vocabulary_rules *, int32_t *id_of);
/* Labels: sorted, as numbers if all are; only those with count > 0. id_of[i] is -1 for the others.              */
vocabulary *vocabulary_of_labels(arena *, const interner *, const int64_t *count, int32_t *id_of);
/* From a list of words, in order. */
vocabulary *vocabulary_of_list(arena *, const char *const *word, int64_t n, int64_t unknown);
void vocabulary_free(vocabulary *);      /* its index; the words are the arena's. Fields may share one: twice is fine */
int32_t vocabulary_id(const vocabulary *, const char *word, size_t n); /* unknown, or -1 where it has none       */
#endif
