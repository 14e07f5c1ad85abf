/* messages.c -- what `tenon fetch` tells people, and whether they told it to stop. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include "fetch.h"

static volatile sig_atomic_t signalled;

static void on_signal(int number)
{
    (void)number;
    signalled = 1;
}

int interrupted(void) { return signalled; }

/* Names from servers and archives stand in messages: no terminal is driven by them. */
static void say(const char *prefix, const char *format, va_list args)
{
    char text[2400];
    vsnprintf(text, sizeof text, format, args);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127) *c = '?';
    fprintf(stderr, "%s%s\n", prefix, text);
}

int problem(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("tenon fetch: ", format, args);
    va_end(args);
    return EXIT_FAILED;
}

void tell(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("", format, args);
    va_end(args);
}

void watch_signals(void)
{
    struct sigaction stop = { .sa_handler = on_signal }, ignore = { .sa_handler = SIG_IGN };
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGXFSZ, &ignore, NULL);     /* a file that may not become larger is an error of write()              */
}
