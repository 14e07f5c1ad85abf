/* buffers.h -- shared by buffers.c, batch.c and run.c: which memory a slot has. */
#ifndef BUFFERS_H
#define BUFFERS_H
#include "graph.h"
slot   *node_slots(node *, int group);
slot   *parameter_slot(const node *, int i);                       /* of parameter i, which may be another node's */
int32_t slot_layout(const node *, int group, const slot *);       /* whose rows it has; TN_FIXED: its own count  */
int64_t slot_elements(const graph *, const node *, int group, const slot *, const int64_t *rows, const int64_t *pairs);
int     slot_needs(const node *, int group, int k, int *gradient); /* a buffer of its own for the value; for the gradient */
int     slot_hold(graph *, void **buffer, size_t *have, size_t bytes); /* a buffer of at least that size           */
int     state_carries(const node *, int k);
#endif
