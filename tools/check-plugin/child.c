/* child.c -- runs a check in a child process with limits on time and memory, and says in words how it ended. What only
 * the child can know at its end (which address, how much memory) its signal handler writes into the pipe.           */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "checks.h"

/* Exit codes that a part which ends the process would hardly choose: a fault was found; there is none; a signal ended
 * it, the pipe says how; likewise, and it took all its time or memory. */
enum { TEXT = 800, FOUND = 76, FINISHED = 77, CRASHED = 78, SPENT = 79 };
/* A few rows need a few MiB. The bound is half of what may be mapped: an array that doubles passes it at the latest
 * when it is refused. */
enum { MAPPED_MIB = 1024, BOUND_MIB = 512 };
static rlim_t seconds = 60;                /* of processor time for one check; CHECK_PLUGIN_SECONDS changes it       */
static int answer = -1;                    /* the child's end of the pipe                                            */

void child_seconds(const char *text)
{
    if (text && strtol(text, NULL, 10) > 0) seconds = (rlim_t)strtol(text, NULL, 10);
}

#define OUTSIDE "it reads or writes outside its rows"

/* The most that this process ever mapped, in MiB; touched or not. Calls nothing that takes a lock. */
static long peak_mib(void)
{
#if defined(SANITIZED) /* which maps far more than it uses; see the resident size in the parent */
    return 0;
#else
    char text[2048];
    int fd = open("/proc/self/status", O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    text[n < 0 ? 0 : n] = 0;
    const char *at = strstr(text, "VmPeak:");
    return at ? strtol(at + 7, NULL, 10) / 1024 : 0;
#endif
}

static const char *without_bound(void)
{
    return fault("asks for memory without bound: more than %d MiB for a few rows", BOUND_MIB);
}
static const char *loops(void)
{
    return fault("did not end within %d seconds of processor time: it loops for ever", (int)seconds);
}

#if defined(SANITIZED) /* no limit on what may be mapped then: the sanitizer watches the resident size */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "hard_rss_limit_mb=768:allocator_may_return_null=1"; }
#endif

static void on_signal(int sig, siginfo_t *info, void *context)
{
    const char *text;
    int code = SPENT;
    (void)context;
    if (peak_mib() > BOUND_MIB) text = without_bound();
    else if (sig == SIGXCPU) text = loops();
    else if (sig == SIGALRM) text = "waits for ever: it neither computes nor ends";
    else if (sig == SIGABRT) text = fault("crashed (%s)", strsignal(sig)), code = CRASHED;
    else text = fault("crashed (%s): %s%s", strsignal(sig), OUTSIDE, guard_place(info->si_addr)), code = CRASHED;
    if (write(answer, text, strlen(text)) < 0) _exit(2);
    _exit(code);
}

static void set_limits(void)
{
    struct rlimit time = { seconds, seconds + 5 };
    setrlimit(RLIMIT_CPU, &time);
#if !defined(SANITIZED) /* which reports a crash by itself */
    static char stack[1 << 16]; /* a stack without end crashes, too, and leaves none for the handler */
    struct rlimit space = { (rlim_t)MAPPED_MIB << 20, (rlim_t)MAPPED_MIB << 20 };
    stack_t own = { .ss_sp = stack, .ss_size = sizeof stack };
    setrlimit(RLIMIT_AS, &space);
    sigaltstack(&own, NULL);
    static const int caught[] = { SIGSEGV, SIGBUS, SIGABRT, SIGXCPU, SIGALRM };
#else
    static const int caught[] = { SIGXCPU, SIGALRM };
#endif
    struct sigaction act = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++) sigaction(caught[i], &act, NULL);
    alarm((unsigned)seconds * 4 + 4);
}

static _Noreturn void child(check_fn *run, const subject *s)
{
    set_limits();
    const char *bad = run(s);
    int spent = peak_mib() > BOUND_MIB;
    if (spent) bad = without_bound();
    if (bad && write(answer, bad, strlen(bad)) < 0) _exit(2);
    _exit(spent ? SPENT : bad ? FOUND : FINISHED);
}

/* How the child ended, where it did not come to the end of the check. */
static const char *ending(int status, const struct rusage *used, const char *said, int *died)
{
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0, late = sig == SIGXCPU || sig == SIGKILL;
    int large = used->ru_maxrss / 1024 > BOUND_MIB;
    *died = large || late || (!sig && WEXITSTATUS(status) == SPENT) ? CHILD_SPENT : CHILD_CRASHED;
    if (*said) return said;
    if (large) return without_bound();
    if (late) return loops();
    if (!sig) return "ended the process (exit)";
    return fault("crashed (%s)%s", strsignal(sig), sig == SIGSEGV || sig == SIGBUS ? ": " OUTSIDE : "");
}

const char *in_child(check_fn *run, const subject *s, int *died)
{
    static char text[TEXT];
    int ends[2], status, none;
    struct rusage used;
    size_t n = 0;
    if (!died) died = &none;
    *died = CHILD_CRASHED;
    if (pipe(ends)) return "cannot make a pipe";
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) return "cannot start a process";
    if (!pid) {
        close(ends[0]);
        answer = ends[1];
        child(run, s);
    }
    close(ends[1]);
    for (ssize_t got; n < TEXT - 1 && ((got = read(ends[0], text + n, TEXT - 1 - n)) > 0 || (got < 0 && errno == EINTR)); )
        if (got > 0) n += (size_t)got;
    close(ends[0]);
    text[n] = 0;
    while (wait4(pid, &status, 0, &used) < 0 && errno == EINTR) { }
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    *died = 0;
    if (code == FINISHED) return NULL;
    return code == FOUND && n ? text : ending(status, &used, text, died);
}
