/* run_dir_test.c -- run directories: each gets a number of its own however many processes ask at once, none is ever
 * taken twice, and one process at a time writes to it.                                                      */
#include "../host/run_dir.h"
#include "expect.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char error[2048];
static arena memory;

enum { PROCESSES = 8, EACH = 5 };

static int is_folder(const char *path)
{
    struct stat s;
    return !stat(path, &s) && S_ISDIR(s.st_mode);
}

static void numbers(void)
{
    const char *a = run_dir_create(&memory, NULL, "first", error, sizeof error);
    expect_text("the first run", a, "runs/first-001");
    expect(is_folder("runs/first-001/checkpoints") && is_folder("runs/first-001/vocabularies"), "folders inside");
    expect_text("the second run", run_dir_create(&memory, NULL, "first", error, sizeof error), "runs/first-002");
    expect_text("another name", run_dir_create(&memory, NULL, "other", error, sizeof error), "runs/other-001");
    expect_text("asked for", run_dir_create(&memory, "mine", "first", error, sizeof error), "mine");
    expect(!run_dir_create(&memory, "mine", "first", error, sizeof error), "an existing folder was taken");
    expect(strstr(error, "'mine' exists already") && strstr(error, "tenon resume"), "message: %s", error);
    expect(!run_dir_create(&memory, "runs/first-001", "first", error, sizeof error), "an existing run was taken");
    expect(!run_dir_create(&memory, "no/such/place", "first", error, sizeof error) && strstr(error, "no/such/place")
           && strstr(error, "No such file"), "message: %s", error);
    expect(!mkdir("runs/first-004", 0777), "mkdir");
    expect_text("the next free number", run_dir_create(&memory, NULL, "first", error, sizeof error), "runs/first-003");
    expect_text("a taken number is passed over", run_dir_create(&memory, NULL, "first", error, sizeof error), "runs/first-005");
}

/* Many processes at once: every path is handed out once. */
static void at_once(void)
{
    int ends[2];
    expect(!pipe(ends), "pipe");
    fflush(stdout);
    for (int i = 0; i < PROCESSES; i++)
        if (!fork()) {
            for (int k = 0; k < EACH; k++) {
                const char *path = run_dir_create(&memory, NULL, "race", error, sizeof error);
                int32_t number = path ? atoi(path + strlen("runs/race-")) : -1;
                if (write(ends[1], &number, sizeof number) != sizeof number) _exit(1);
            }
            _exit(0);
        }
    close(ends[1]);
    int taken[PROCESSES * EACH + 1] = { 0 };
    int32_t number;
    while (read(ends[0], &number, sizeof number) == sizeof number) {
        expect(number >= 1 && number <= PROCESSES * EACH, "number %d", number);
        if (number >= 1 && number <= PROCESSES * EACH) expect(!taken[number]++, "runs/race-%03d was handed out twice", number);
    }
    while (wait(NULL) > 0) { }
    close(ends[0]);
    for (int i = 1; i <= PROCESSES * EACH; i++) expect(taken[i], "number %d was left out", i);
}

/* The lock goes with the process, also with one that is killed. */
static void one_writer(void)
{
    int fd = run_dir_hold("mine", error, sizeof error);
    expect(fd >= 0, "hold: %s", error);
    int second = run_dir_hold("mine", error, sizeof error);
    expect(second < 0 && strstr(error, "another process is writing to 'mine'"), "held twice: %s", error);
    close(fd);
    int ends[2];
    expect(!pipe(ends), "pipe");
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        char ready = run_dir_hold("mine", error, sizeof error) >= 0;
        if (write(ends[1], &ready, 1) != 1) _exit(1);
        for (;;) pause();
    }
    char ready = 0;
    expect(read(ends[0], &ready, 1) == 1 && ready, "the child could not hold it");
    expect(run_dir_hold("mine", error, sizeof error) < 0, "held by two processes");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    fd = run_dir_hold("mine", error, sizeof error);
    expect(fd >= 0, "after the other was killed: %s", error);
    close(fd);
    expect(run_dir_hold("none", error, sizeof error) < 0 && strstr(error, "none"), "no such run: %s", error);
}

static void last_words(void)
{
    char text[64] = "";
    expect(!run_dir_stopped("mine", "the loss is nan at step 7"), "stopped.txt");
    FILE *f = fopen("mine/stopped.txt", "r");
    if (f) {
        size_t n = fread(text, 1, sizeof text - 1, f);
        text[n] = 0;
        fclose(f);
    }
    expect(!strncmp(text, "the loss is nan at step 7", 25), "stopped.txt holds '%s'", text);
    const char **dirs = run_dir_data(&memory, "mine");
    expect(dirs && !dirs[0], "data folders of a run without lock.json");
}

int main(int argc, char **argv)
{
    if (argc != 2 || chdir(argv[1])) return 2;
    numbers();
    at_once();
    one_writer();
    last_words();
    arena_free(&memory);
    return expect_end("run_dir");
}
