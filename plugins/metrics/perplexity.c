/* perplexity.c -- how many equally likely words a language model hesitates between. */
#define METRIC_NAME "perplexity"
#include "likelihood.h"

static double figure(double mean) { return exp(mean); }

LIKELIHOOD("exp of the mean loss a word",
           "perplexity = exp(-(1/n) sum of ln p(target)) over the n rows of the whole split: from the sum over\n"
           "tokens, whatever the reduction of the loss and the sizes of batches. The output may be logits,\n"
           "probabilities or their logarithms; a probability of 0 gives infinity. Every row counts, an end of\n"
           "sentence too, unless it is the class `ignore`.\n\n"
           "Source: Jelinek, Mercer, Bahl, Baker, *Perplexity, a Measure of the Difficulty of Speech\n"
           "Recognition Tasks* (1977).\n")
