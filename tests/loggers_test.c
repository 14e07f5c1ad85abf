/* loggers_test.c -- metrics.csv and metrics.jsonl: what is written, what a resume keeps, and a disk that is full.
 *
 *     loggers_test PLUGINS FOLDER */
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "test_host.h"

static test_host h;
static const char *folder;

static const char *path_of(const char *file) { return arena_print(&h.memory, "%s/%s", folder, file); }

static const char *content(const char *file)
{
    char *text = arena_new(&h.memory, 1 << 16);
    FILE *f = fopen(path_of(file), "r");
    size_t n = f ? fread(text, 1, (1 << 16) - 1, f) : 0;
    text[n] = 0;
    if (f) fclose(f);
    return text;
}

static tn_part *begin(const char *type, int64_t resume_step, int *rc)
{
    tn_part *p = test_part_of(&h, TN_LOGGER, type);
    *rc = ((const tn_logger *)p->desc->table)->begin(p->self, folder, resume_step);
    return p;
}

static int row(tn_part *p, int64_t epoch, int64_t step, double loss, double accuracy)
{
    tn_scalar v[] = { { "train.loss", loss }, { "validation.f1.New, \"York\".recall", accuracy } };
    return ((const tn_logger *)p->desc->table)->row(p->self, epoch, step, 2, v);
}

static void end(tn_part *p)
{
    ((const tn_logger *)p->desc->table)->end(p->self);
    part_close(p);
}

/* The text after three rows; then a resume from the middle of a file whose last line is cut short. */
static void test_rows_of(const char *type, const char *file, const char *heading, const char *const line[4])
{
    int rc;
    FILE *f;
    tn_part *p = begin(type, -1, &rc);
    expect(!rc, "%s: %s", type, h.host.error);
    rc = row(p, 1, 10, 0.1, 1);
    expect(!rc, "%s: %s", type, h.host.error);
    expect_text("on disk while it is open", content(file), arena_print(&h.memory, "%s%s", heading, line[0]));
    row(p, 2, 20, 1.0 / 3, NAN);
    row(p, 3, 30, 1e-300, 0.5);
    end(p);
    expect_text(type, content(file), arena_print(&h.memory, "%s%s%s%s", heading, line[0], line[1], line[2]));
    f = fopen(path_of(file), "a");
    fwrite(line[3], 1, 7, f);
    fclose(f);
    p = begin(type, 30, &rc);
    expect_text("a line that was cut short", content(file),
                arena_print(&h.memory, "%s%s%s%s", heading, line[0], line[1], line[2]));
    end(p);
    p = begin(type, 19, &rc);
    expect_text("a resume from step 19", content(file), arena_print(&h.memory, "%s%s", heading, line[0]));
    row(p, 2, 20, 1.0 / 3, NAN);
    end(p);
    expect_text("and on", content(file), arena_print(&h.memory, "%s%s%s", heading, line[0], line[1]));
    p = begin(type, -1, &rc);
    end(p);
    expect_text("a new run", content(file), "");
}

/* No room in the middle of a row: it fails by name, the rows before stay whole, and it goes on once there is room. */
static void test_full(const char *type, const char *file)
{
    int rc;
    struct rlimit before, tight;
    tn_part *p = begin(type, -1, &rc);
    row(p, 1, 10, 0.1, 1);
    const char *kept = content(file);
    getrlimit(RLIMIT_FSIZE, &before);
    tight = before;
    tight.rlim_cur = strlen(kept) + 5;
    setrlimit(RLIMIT_FSIZE, &tight);
    host_clear(&h.host);
    rc = row(p, 2, 20, 0.2, 0.5);
    setrlimit(RLIMIT_FSIZE, &before);
    expect(rc < 0 && strstr(h.host.error, file) && strstr(h.host.error, "the lines so far are kept"),
           "%s: %d, '%s'", type, rc, h.host.error);
    expect_text("after a full disk", content(file), kept);
    rc = row(p, 2, 20, 0.2, 0.5);
    expect(!rc && strlen(content(file)) > strlen(kept), "%s: does not go on", type);
    end(p);
    expect(!unlink(path_of(file)) && !symlink("/dev/full", path_of(file)), "cannot make a link");
    p = begin(type, -1, &rc);
    expect(rc || row(p, 1, 10, 0.1, 1) < 0, "%s: writes to /dev/full", type);
    end(p);
    unlink(path_of(file));
}

int main(int argc, char **argv)
{
    static const char *const csv[4] = { "1,10,0.1,1\n", "2,20,0.3333333333333333,nan\n",
                                        "3,30,1e-300,0.5\n", "4,40,0.2,1\n" };
    static const char *const json[4] = {
        "{\"epoch\":1,\"step\":10,\"train.loss\":0.1,\"validation.f1.New, \\\"York\\\".recall\":1}\n",
        "{\"epoch\":2,\"step\":20,\"train.loss\":0.3333333333333333,\"validation.f1.New, \\\"York\\\".recall\":null}\n",
        "{\"epoch\":3,\"step\":30,\"train.loss\":1e-300,\"validation.f1.New, \\\"York\\\".recall\":0.5}\n",
        "{\"epoch\":4,\"step\":40}\n" };
    if (argc < 3 || test_open(&h, argv[1], registry_isa(), 1)) return 2;
    folder = arena_print(&h.memory, "%s/loggers", argv[2]);
    mkdir(folder, 0777);
    signal(SIGXFSZ, SIG_IGN);
    test_rows_of("csv", "metrics.csv", "epoch,step,train.loss,\"validation.f1.New, \"\"York\"\".recall\"\n",
                 csv);
    test_rows_of("jsonl", "metrics.jsonl", "", json);
    test_full("csv", "metrics.csv");
    test_full("jsonl", "metrics.jsonl");
    test_close(&h);
    return expect_end("loggers");
}
