/* bits_per_character.c -- the mean loss of a row in bits. */
#define METRIC_NAME "bits_per_character"
#include "likelihood.h"

static double figure(double mean) { return mean / 0.69314718055994530942; }

LIKELIHOOD("mean loss of a row in bits",
           "bits = -(1/n) sum of log2 p(target) over the n rows of the whole split; where a row is a character,\n"
           "bits per character, the logarithm of perplexity to base 2. The output may be logits,\n"
           "probabilities or their logarithms.\n\n"
           "Source: Graves, *Generating Sequences With Recurrent Neural Networks* (2013), section 3.\n")
