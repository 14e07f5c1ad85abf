/* ahead.h -- batches one after the other, each built by a thread of its own while the step of the one before it runs.
 *
 * What a batch holds is a function of the list and its number, so it makes no difference who builds it. The thread sleeps
 * while it has nothing to do; with one thread asked for there is none, and each batch is built when it is taken.      */
#ifndef AHEAD_H
#define AHEAD_H
#include "graph.h"

/* Examples in batches of `size`; the last one may have fewer. */
typedef struct batch_list {
    int split;
    const int64_t *example; int64_t count; /* [count], unchanged until ahead_end; NULL: in the order of the file     */
    int64_t size;
    int replaces; tn_rng rng;              /* as in batch                                                            */
} batch_list;

typedef struct ahead ahead;
/* For a graph with its parameters allocated. threads: those that the user asked for. */
ahead  *ahead_new(graph *, int threads);
/* The batches to take from now on. */
void    ahead_begin(ahead *, const batch_list *);
int64_t ahead_batches(const ahead *);
/* Raises the graph's reserved_* to the largest of the batches, and the room to build them in. */
int     ahead_measure(ahead *);
/* Batch k, which stays until the next one is taken; begins to build the one after it. 0, or < 0 with the message in the
 * host's error: of this batch, whenever it was built. */
int     ahead_take(ahead *, int64_t k, const batch **);
/* Nothing is being built any more, and the list is not looked at again. */
void    ahead_end(ahead *);
void    ahead_free(ahead *);
#endif
