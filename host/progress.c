/* progress.c -- the progress line. Writes to stderr at most every 0.2 s on a terminal, every 30 s elsewhere. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "progress.h"

static struct {
    int64_t epochs, epoch_steps, steps, first_step;
    int quiet, terminal, line;             /* line: a line without an end stands on the terminal                */
    double began, shown, loss;
    int64_t examples, shown_step;          /* since `began`                                                      */
} p;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_begin(int64_t epochs, int64_t epoch_steps, int64_t steps, int64_t step, int quiet)
{
    memset(&p, 0, sizeof p);
    p.epochs = epochs, p.epoch_steps = epoch_steps, p.steps = steps, p.first_step = step, p.quiet = quiet;
    p.terminal = isatty(STDERR_FILENO);
    p.began = p.shown = now();
}

/* "1:23:45" or "2:05" */
static const char *duration(double seconds, char *text, size_t size)
{
    long s = (long)(seconds + 0.5);
    if (s >= 3600) snprintf(text, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else snprintf(text, size, "%ld:%02ld", s / 60, s % 60);
    return text;
}

void progress_step(int64_t epoch, int64_t epoch_step, int64_t step, double loss, double rate, int64_t examples)
{
    p.examples += examples;
    p.loss = p.loss == 0 ? loss : 0.98 * p.loss + 0.02 * loss; /* smoothed, for the eye only */
    if (p.quiet) return;
    double t = now(), seconds = t - p.began;
    if (t - p.shown < (p.terminal ? 0.2 : 30)) return;
    p.shown = t;
    char left[32];
    double per_step = seconds / (double)(step - p.first_step > 0 ? step - p.first_step : 1);
    fprintf(stderr, "%sepoch %lld/%lld  step %lld/%lld  loss %.4f  rate %.3g  %.0f examples/s  %s left%s", p.terminal ? "\r" : "",
            (long long)epoch, (long long)p.epochs, (long long)epoch_step, (long long)p.epoch_steps, p.loss, rate,
            (double)p.examples / (seconds > 0 ? seconds : 1), duration(per_step * (double)(p.steps - step), left, sizeof left),
            p.terminal ? "\033[K" : "\n");
    p.line = p.terminal;
}

void progress_evaluation(int64_t epoch, int64_t step, const score *s, int n)
{
    if (p.quiet) return;
    progress_end();
    fprintf(stderr, "epoch %lld/%lld  step %lld", (long long)epoch, (long long)p.epochs, (long long)step);
    for (int i = 0; i < n && i < 6; i++) fprintf(stderr, "  %s %.4f", s[i].name, s[i].value);
    fprintf(stderr, "\n");
}

void progress_end(void)
{
    if (p.line) fputc('\n', stderr);
    p.line = 0;
}
