/* draw.h -- the next word of a text, drawn from the probabilities of all words. */
#ifndef DRAW_H
#define DRAW_H
#include <stddef.h>
#include <stdint.h>

typedef struct draw_rules {
    double temperature;                    /* 0: the most probable word                                          */
    int64_t top_k;                         /* 0: all                                                             */
    double top_p;                          /* 1: all                                                             */
} draw_rules;
typedef struct draw_room { double *weight; int32_t *order; int64_t n; } draw_room; /* grown as needed            */

/* The word for u, evenly drawn from [0, 1). -1: the probabilities are none. */
int64_t draw_word(const draw_rules *, const float *p, int64_t n, double u, draw_room *);
void    draw_free(draw_room *);
#endif
