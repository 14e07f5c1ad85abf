/* tokens.h -- the tokens of a line, where they stand in it, and the spans that their tags mark: for JSON. Places count characters
 * (code points) from 0; the end of one is that of its last character and one.                                   */
#ifndef TOKENS_H
#define TOKENS_H
#include "answers.h"

/* The n tokens of the line at hand under a name, and "offsets", where one of its columns gives one for each row of a field. */
void tokens_put(answers *, const field *along, int64_t n, const char *name);
/* "spans", with a comma before it: where all of the tags mark spans (B-LOC, O ...). After tokens_put. */
void spans_put(answers *, const vocabulary *tags, const char *const *tag, int64_t n);
#endif
