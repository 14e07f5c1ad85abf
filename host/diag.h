/* diag.h -- messages about the user's input, collected so that all of them are shown at once, in file order.
 * One message is one line: `file:line:column: what; what is allowed; did you mean 'x'?`                      */
#ifndef DIAG_H
#define DIAG_H
#include <stdio.h>

typedef struct where { const char *file; int line, column; } where; /* file may be "--set 2"; line 0: none   */
typedef struct diag diag;

diag *diag_new(void);
void  diag_free(diag *);
void  diag_error(diag *, where, const char *format, ...) __attribute__((format(printf, 3, 4)));
void  diag_warning(diag *, where, const char *format, ...) __attribute__((format(printf, 3, 4)));
void  diag_file(diag *, const char *file);        /* gives a file its place in the order before it has a message */
int   diag_errors(const diag *);                  /* how many errors so far                                 */
void  diag_print(diag *, FILE *);                 /* what it has not shown yet, sorted by file (in order of */
                                                  /*   first use), line, column; equal lines once           */
/* The nearest of n names to `name`, or NULL when none is near enough to be meant. */
const char *nearest_name(const char *name, const char *const *names, int n);
#endif
