/* checkpoint_test.c -- what is written is what is read; what is damaged in any way is refused with a message; a write
 * that fails leaves the old file. With the argument `make FILE` it only writes a file, for tests/checkpoint_read.py. */
#include "../host/checkpoint.h"
#include "../host/file.h"
#include "../include/tenon/tenon.h"
#include "expect.h"
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char error[1024], path[4096];
static uint64_t seed = 1;

static uint32_t draw(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33);
}

static uint8_t bytes[3] = { 1, 2, 255 };
static float weight[6] = { 0, 1, -2.5f, 3e38f, 1e-45f, -0.0f };
static double slot[2] = { 3.141592653589793, -1e-308 };
static int64_t step[1] = { INT64_C(-9007199254740993) };
static int32_t ids[4] = { -1, 0, 7, 2147483647 };

static checkpoint_tensor tensors[] = {
    { "flags", TN_U8, 1, { 3 }, bytes }, { "layer.encoder.weight_ih", TN_F32, 2, { 2, 3 }, weight },
    { "slot \"0\" \xc3\xa9", TN_F64, 1, { 2 }, slot }, { "step", TN_I64, 0, { 0 }, step },
    { "ids", TN_I32, 4, { 1, 2, 1, 2 }, ids }, { "nothing", TN_F32, 2, { 0, 5 }, NULL },
};
enum { N = sizeof tensors / sizeof *tensors };
static const checkpoint_text texts[] = {
    { "config", "a = 1\n# \"tenon_checksum\":\"00000000000000000000000000000000\" \\ \xe4\xb8\xad\n" }, { "epoch", "3" },
};

static void write_file(const char *name, const void *p, size_t n)
{
    FILE *f = fopen(name, "wb");
    expect(f && fwrite(p, 1, n, f) == n, "can't write %s", name);
    if (f) fclose(f);
}

static size_t read_file(const char *name, char *p, size_t most)
{
    FILE *f = fopen(name, "rb");
    size_t n = f ? fread(p, 1, most, f) : 0;
    if (f) fclose(f);
    return n;
}

static void round_trip(void)
{
    expect(!checkpoint_write(path, tensors, N, texts, 2, error, sizeof error), "write: %s", error);
    checkpoint *c = checkpoint_read(path, error, sizeof error);
    expect(c != NULL, "read: %s", error);
    if (!c) return;
    expect(c->n == N, "%d tensors, expected %d", c->n, N);
    for (int i = 0; i < N; i++) {
        const checkpoint_tensor *t = checkpoint_find(c, tensors[i].name), *o = &tensors[i];
        size_t n = 1;
        for (int d = 0; d < o->ndim; d++) n *= (size_t)o->dim[d];
        n *= o->dtype == TN_U8 ? 1 : o->dtype == TN_F32 || o->dtype == TN_I32 ? 4 : 8;
        expect(t && t->dtype == o->dtype && t->ndim == o->ndim && !memcmp(t->dim, o->dim, sizeof o->dim), "shape of %s", o->name);
        expect(t && (!n || !memcmp(t->data, o->data, n)), "data of %s", o->name);
        expect(t && (uintptr_t)t->data % 64 == 0, "alignment of %s", o->name);
    }
    expect_text("config", checkpoint_value(c, "config"), texts[0].value);
    expect_text("epoch", checkpoint_value(c, "epoch"), "3");
    expect(!checkpoint_value(c, "none") && !checkpoint_find(c, "none"), "what is not there");
    checkpoint_free(c);
    char whole[4096];
    size_t n = read_file(path, whole, sizeof whole), head = 0;
    for (int i = 0; i < 8; i++) head |= (size_t)(unsigned char)whole[i] << (8 * i);
    expect((8 + head) % 64 == 0 && 8 + head + 16 + 8 + 24 + 16 + 3 == n, "header of %zu bytes in %zu", head, n);
    char tmp[4200];
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    expect(access(tmp, F_OK) != 0, "%s was left behind", tmp);
    checkpoint_text twice[] = { { "a", "1" }, { "a", "2" } }, wrong[] = { { "a", "\xff" } };
    expect(checkpoint_write(path, tensors, 1, twice, 2, error, sizeof error) < 0, "one key twice was written");
    expect(checkpoint_write(path, tensors, 1, wrong, 1, error, sizeof error) < 0, "bad UTF-8 was written");
    checkpoint_tensor same[] = { tensors[0], tensors[0] };
    expect(checkpoint_write(path, same, 2, texts, 2, error, sizeof error) < 0, "one tensor twice was written");
}

/* A file made of a header text and data. */
static void refuse_header(const char *header, size_t data, const char *says)
{
    static char file[4096];
    char hostile[4200];
    size_t n = strlen(header);
    snprintf(hostile, sizeof hostile, "%s.hostile", path);
    memset(file, 0, sizeof file);
    for (int i = 0; i < 8; i++) file[i] = (char)(n >> (8 * i) & 255);
    memcpy(file + 8, header, n);
    write_file(hostile, file, 8 + n + data);
    checkpoint *c = checkpoint_read(hostile, error, sizeof error);
    expect(says ? !c && strstr(error, says) && strstr(error, hostile) == error : c != NULL, "%s\n    says     %s\n    expected %s",
           header, c ? "(read)" : error, says ? says : "(read)");
    checkpoint_free(c);
    unlink(hostile);
}

static void hostile_headers(void)
{
#define T(place) "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":" place "}}"
    refuse_header(T("[0,8]"), 8, NULL);
    refuse_header("{}", 0, NULL);
    refuse_header("{\"__metadata__\":{}}  ", 0, NULL);
    refuse_header("", 4, "no JSON");
    refuse_header("[]", 0, "is no JSON object");
    refuse_header(T("[0,8]"), 7, "is cut short: tensor 'a' ends at byte 8 of the data, the file has 7");
    refuse_header(T("[0,8]"), 9, "has 9 bytes of data, its header speaks of 8");
    refuse_header(T("[0,4]"), 8, "takes 8 bytes");
    refuse_header(T("[-8,0]"), 8, "takes 8 bytes");
    refuse_header(T("[8,0]"), 8, "takes 8 bytes");
    refuse_header(T("[4,12]"), 12, "begin at byte 4, expected 0: they leave a hole");
    refuse_header(T("[9223372036854775800,9223372036854775807]"), 8, "takes 8 bytes");
    refuse_header(T("[0,18446744073709551624]"), 8, "no JSON");
    refuse_header(T("[0]"), 8, "two data_offsets");
    refuse_header(T("[0,8.0]"), 8, "two data_offsets");
    refuse_header(T("{}"), 8, "two data_offsets");
#define S(type, shape) "{\"a\":{\"dtype\":" type ",\"shape\":" shape ",\"data_offsets\":[0,8]}}"
    refuse_header(S("\"F32\"", "[4611686018427387904,4]"), 8, "larger than a file can be");
    refuse_header(S("\"F32\"", "[4294967296,4294967296,2]"), 8, "larger than a file can be");
    refuse_header(S("\"F32\"", "[-2]"), 8, "no size");
    refuse_header(S("\"F32\"", "[1,1,1,1,2]"), 8, "5 dimensions");
    refuse_header(S("\"F32\"", "2"), 8, "needs dtype, shape");
    refuse_header(S("\"F64\"", "[2]"), 8, "takes 16 bytes");
    refuse_header(S("\"F99\"", "[2]"), 8, "type F99");
    refuse_header(S("7", "[2]"), 8, "needs dtype");
    refuse_header("{\"a\":7}", 0, "needs dtype");
    refuse_header("{\"a\xff\":7}", 0, "no JSON");
    refuse_header("{\"__metadata__\":{\"a\":7}}", 0, "metadata 'a' is no string");
    refuse_header("{\"__metadata__\":[]}", 0, "metadata is no JSON object");
    refuse_header("{\"__metadata__\":{\"tenon_format\":\"1\"}}", 0, "its checksum is missing");
    refuse_header("{\"__metadata__\":{\"tenon_checksum\":\"12\"}}", 0, "its checksum is 12");
    refuse_header("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                  "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}", 3, "they overlap");
    refuse_header("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                  "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2, "no JSON");
    checkpoint *c = checkpoint_read("/nonexistent/x", error, sizeof error);
    expect(!c && strstr(error, "No such file"), "no file: %s", error);
    c = checkpoint_read("/", error, sizeof error);
    expect(!c, "a folder was read");
}

/* Random damage to a good file: each changed byte, each length, a few thousand mixtures. */
static void mutations(void)
{
    static char good[4096], bad[8192];
    char name[4200];
    size_t n = read_file(path, good, sizeof good);
    int read = 0, told = 0;
    snprintf(name, sizeof name, "%s.bad", path);
    for (int i = 0; i < 6000; i++) {
        size_t length = n;
        memcpy(bad, good, n);
        int kind = i % 6, times = kind == 5 ? 1 + (int)(draw() % 8) : 1;
        for (int k = 0; k < times; k++) {
            size_t at = draw() % (uint32_t)length;
            if (kind == 0) bad[at] = (char)(bad[at] ^ (1 << draw() % 8));
            else if (kind == 1) length = at;
            else if (kind == 2) bad[at] = "0123456789{}[]\",:-e "[draw() % 20];
            else if (kind == 3) memmove(bad + at + 1, bad + at, length - at), length++;
            else if (kind == 4) memmove(bad + at, bad + at + 1, length - at - 1), length--;
            else bad[at] = (char)draw();
            if (length == 0) break;
        }
        if (length == n && !memcmp(bad, good, n)) continue;
        write_file(name, bad, length);
        checkpoint *c = checkpoint_read(name, error, sizeof error);
        if (c) read++;
        else if (strstr(error, name) == error && strlen(error) > strlen(name) + 2) told++;
        else expect(0, "mutation %d: message is '%s'", i, error);
        checkpoint_free(c);
    }
    expect(!read, "%d damaged files were read as good, %d were refused", read, told);
    unlink(name);
}

/* Replaces the file while writing is made to fail: the old one stays. */
static void full_disk(void)
{
    char old[4096], now[4096], tmp[4200];
    size_t n = read_file(path, old, sizeof old);
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    if (!access("/dev/full", W_OK)) {                    /* a write that finds no space                        */
        expect(!symlink("/dev/full", tmp), "symlink");
        expect(checkpoint_write(path, tensors, 2, texts, 1, error, sizeof error) < 0, "written to a full disk");
        expect(strstr(error, "No space left") && strstr(error, "unchanged") && strstr(error, path) == error, "%s", error);
        expect(read_file(path, now, sizeof now) == n && !memcmp(old, now, n), "the old file has changed");
    }
    struct rlimit limit, small = { 100, 100 };           /* a write that ends in the middle                    */
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &limit);
        small.rlim_max = limit.rlim_max;
        setrlimit(RLIMIT_FSIZE, &small);
        int bad = checkpoint_write(path, tensors, 2, texts, 1, error, sizeof error);
        _exit(bad < 0 && strstr(error, "File too large") ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    expect(status == 0, "a short write was not told");
    expect(read_file(path, now, sizeof now) == n && !memcmp(old, now, n), "the old file has changed");
    expect(access(tmp, F_OK) != 0, "%s was left behind", tmp);
    expect(checkpoint_write("/nonexistent/x", tensors, 1, texts, 1, error, sizeof error) < 0
           && strstr(error, "can't be created"), "no folder: %s", error);
}

/* SIGKILL at random moments of writing in a loop: there is always one whole file, of one writing or the other. */
static void killed(void)
{
    static float big[2][300000];
    checkpoint_tensor t[] = { { "big", TN_F32, 1, { 300000 }, NULL } };
    for (int i = 0; i < 300000; i++) big[0][i] = 1, big[1][i] = 2;
    t[0].data = big[0];
    expect(!checkpoint_write(path, t, 1, NULL, 0, error, sizeof error), "write: %s", error);
    for (int i = 0; i < 20; i++) {
        fflush(stdout);
        pid_t child = fork();
        if (!child)
            for (int k = 0;; k++) {
                t[0].data = big[k & 1];
                checkpoint_write(path, t, 1, NULL, 0, error, sizeof error);
            }
        usleep(draw() % 20000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        checkpoint *c = checkpoint_read(path, error, sizeof error);
        const float *v = c ? checkpoint_find(c, "big")->data : NULL;
        int whole = v != NULL;
        for (int k = 1; v && k < 300000; k++) whole &= v[k] == v[0];
        expect(whole, "after kill %d: %s", i, c ? "two writings are mixed" : error);
        checkpoint_free(c);
    }
}

static void small_files(void)
{
    char hex[65], now[16];
    expect(!file_replace(path, "abc", 3, error, sizeof error), "%s", error);
    expect(!file_sha256(path, hex, error, sizeof error), "%s", error);    /* FIPS 180-2, B.1                  */
    expect_text("sha256 of abc", hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(!file_replace(path, "", 0, error, sizeof error) && !read_file(path, now, 16), "an empty file: %s", error);
    expect(!file_sha256(path, hex, error, sizeof error), "%s", error);
    expect_text("sha256 of nothing", hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(file_sha256("/nonexistent/x", hex, error, sizeof error) < 0, "sha256 of nothing at all");
    expect_text("message", error, "/nonexistent/x: can't be read: No such file or directory");
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "make"))
        return checkpoint_write(argv[2], tensors, N, texts, 2, error, sizeof error) != 0;
    if (argc != 2) return 2;
    snprintf(path, sizeof path, "%s/checkpoint_test.safetensors", argv[1]);
    round_trip();
    hostile_headers();
    mutations();
    full_disk();
    killed();
    small_files();
    unlink(path);
    return expect_end("checkpoint");
}
