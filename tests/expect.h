/* expect.h -- counting what holds and what does not. A test program ends in `return expect_end("SUBJECT")`. */
#ifndef EXPECT_H
#define EXPECT_H
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int expect_passed, expect_failed;

/* Counts; prints the message where it does not hold. */
__attribute__((format(printf, 2, 3)))
static inline void expect(int holds, const char *format, ...)
{
    va_list args;
    if (holds) {
        expect_passed++;
        return;
    }
    expect_failed++;
    va_start(args, format);
    printf("FAILED: ");
    vprintf(format, args);
    printf("\n");
    va_end(args);
}

/* Two texts are equal. */
static inline void expect_text(const char *what, const char *found, const char *expected)
{
    expect(found && !strcmp(found, expected), "%s\n    found    %s\n    expected %s", what, found ? found : "(null)", expected);
}

static inline int expect_end(const char *subject)
{
    printf("%s: %d passed, %d failed\n", subject, expect_passed, expect_failed);
    return expect_failed != 0;
}
#endif
