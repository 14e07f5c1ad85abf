/* layout.h -- builds what tenon.h describes: layouts from lengths, pairs for attention, indices of equal ids.
 * Everything is built into an arena of one batch, which is emptied (not freed) for the next, so that a steady step
 * allocates nothing.                                                                                          */
#ifndef LAYOUT_H
#define LAYOUT_H
#include "../include/tenon/tenon.h"
#include "memory.h"

/* The root: one row an example. */
void layout_root(tn_layout *, int32_t rows, scratch *);
/* A child of `over` from the length of each of its rows. like != NULL: ties keep that layout's order (tn_grow.like). */
void layout_build(tn_layout *, int32_t id, const tn_layout *over, const int32_t *length_of_row, const tn_layout *like, scratch *);
/* Rows of a against the steps of b; b's parent is an ancestor of a (or a's own parent). */
void pairs_build(tn_pairs *, const tn_layout *a, const tn_layout *b, scratch *);
/* Equal ids among n rows; ids lie in [0, classes). slot_of: [classes], all -1 on entry and on return. */
void index_build(tn_index *, const int32_t *id, int32_t n, int32_t *slot_of, scratch *);
#endif
