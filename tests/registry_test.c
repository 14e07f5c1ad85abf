/* registry_test.c -- finding plug-ins, and refusing those that do not fit with a message that says why. */
#include "../host/accept.h"
#include "../host/host.h"
#include "../host/registry.h"
#include "expect.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

static char error[4096];
static const char *root;
static arena memory;

/* The text with each "@" replaced by the folder of the test. */
static const char *at_root(const char *text)
{
    static char out[2][4096];
    static int turn;
    char *to = out[turn ^= 1];
    size_t n = 0;
    for (; *text && n < sizeof out[0] - 1; text++)
        if (*text == '@') n += (size_t)snprintf(to + n, sizeof out[0] - n, "%s", root);
        else to[n++] = *text;
    to[n] = 0;
    return to;
}

/* registry_find refuses `name` and says exactly `message`. */
static void refused(registry *r, const char *name, const char *message)
{
    const plugin_file *f = registry_find(r, TN_LAYER, at_root(name), error, sizeof error);
    expect(!f, "layer '%s' was accepted", name);
    if (!f) expect_text(name, error, at_root(message));
}

static void write_file(const char *path, const char *text, size_t n)
{
    FILE *f = fopen(path, "wb");
    expect(f && fwrite(text, 1, n, f) == n, "can't write %s", path);
    if (f) fclose(f);
}

static void finding(const char *const *paths)
{
    registry *r = registry_new(&memory, paths, 0);
    const plugin_file *f = registry_find(r, TN_LAYER, "good", error, sizeof error);
    expect(f != NULL, "good: %s", error);
    if (!f) return;
    expect_text("path", f->path, at_root("@/one/layers/good.so"));
    expect_text("hides", f->hides, at_root("@/two/layers/good.so"));
    expect_text("version", f->plugin->version, "0.3");
    expect(registry_find(r, TN_LAYER, "good", error, sizeof error) == f, "the second answer is another one");
    expect(registry_count(r) == 1 && registry_opened(r, 0)->desc == f->desc && !registry_opened(r, 1), "opened files");
    f = registry_find(r, TN_LAYER, at_root("@/two/layers/good.so"), error, sizeof error);
    expect(f && !strcmp(f->plugin->version, "0.4") && !f->hides, "by file: %s", error);
    f = registry_find(r, TN_LAYER, at_root("@/two/layers/good.so:good"), error, sizeof error);
    expect(f && !strcmp(f->desc->name, "good"), "by file and part: %s", error);
    refused(r, "@/two/layers/good.so:bad", "@/two/layers/good.so: holds layer 'good' but no layer 'bad'");
    f = registry_find(r, TN_LOSS, at_root("@/two/layers/good.so"), error, sizeof error);
    expect_text("another kind", f ? "found" : error, at_root("@/two/layers/good.so: holds layer 'good' but no loss"));
    f = registry_find(r, TN_LOSS, "good", error, sizeof error);
    expect_text("another kind by name", f ? "found" : error,
                at_root("no loss 'good' (looked in @/one/losses, @/two/losses); there is a part 'good' of kind layer"));
    refused(r, "other", "@/one/layers/other.so: holds layer 'good' but no layer 'other'");
    refused(r, "godo", "no layer 'godo' (looked in @/one/layers, @/two/layers); did you mean 'good'?");
    refused(r, "qqqqqqqqq", "no layer 'qqqqqqqqq' (looked in @/one/layers, @/two/layers)");
    refused(r, "good.v3", "no layer 'good.v3' (looked in @/one/layers, @/two/layers)");
    refused(r, "@/none.so", "@/none.so: can't be read: No such file or directory");
    registry *wide = registry_new(&memory, paths, 4);
    f = registry_find(wide, TN_LAYER, "good", error, sizeof error);
    expect_text("variant", f ? f->path : error, at_root("@/one/layers/good.v3.so"));
    expect_text("path of a variant", registry_path(wide, TN_LAYER, "good"), at_root("@/one/layers/good.v3.so"));
    f = registry_find(wide, TN_LAYER, at_root("@/one/layers/good.so"), error, sizeof error);
    expect_text("variant of a file", f ? f->path : error, at_root("@/one/layers/good.v3.so"));
    int n = 0;
    const char *const *names = registry_names(wide, TN_LAYER, &n);
    for (int i = 1; i < n; i++) expect(strcmp(names[i - 1], names[i]) < 0, "%s before %s", names[i - 1], names[i]);
    expect(n > 15, "%d names", n);
    const char *again = arena_print(&memory, "%s/../one", paths[0]), *const twice[] = { paths[0], again, NULL };
    f = registry_find(registry_new(&memory, twice, 0), TN_LAYER, "good", error, sizeof error);
    expect(f && !f->hides, "a place given twice hides itself: %s", f ? f->hides : error);
    const char *const nowhere[] = { NULL };
    expect(!registry_find(registry_new(&memory, nowhere, 0), TN_LAYER, "good", error, sizeof error), "found nowhere");
    expect_text("nowhere", error, "no layer 'good' (no place to look in was given)");
}

/* Files that are no shared object of this machine. */
static void not_plugins(registry *r)
{
    char elf[64] = "\177ELF\2\1\1", path[4096];
    write_file(at_root("@/one/layers/text.so"), "this is a text\n", 15);
    refused(r, "text", "@/one/layers/text.so: is no shared object: a plug-in is built with `cc -shared -fPIC`");
    write_file(at_root("@/one/layers/empty.so"), "", 0);
    refused(r, "empty", "@/one/layers/empty.so: is no shared object but an empty file: a plug-in is built with `cc -shared -fPIC`");
    write_file(at_root("@/one/layers/short.so"), elf, 20);
    refused(r, "short", "@/one/layers/short.so: is cut short: 20 bytes");
    mkdir(at_root("@/one/layers/folder.so"), 0777);
    refused(r, "folder", "@/one/layers/folder.so: is a folder, expected a shared object");
    mkfifo(at_root("@/one/layers/fifo.so"), 0666);
    refused(r, "fifo", "@/one/layers/fifo.so: is no regular file, expected a shared object");
    elf[16] = 3, elf[18] = 21;                          /* ET_DYN, EM_PPC64                                   */
    write_file(at_root("@/one/layers/ppc.so"), elf, 64);
#if defined(__x86_64__)
    refused(r, "ppc", "@/one/layers/ppc.so: is built for ppc64, expected x86-64");
    elf[18] = 62, elf[16] = 1;
    write_file(at_root("@/one/layers/object.so"), elf, 64);
    refused(r, "object", "@/one/layers/object.so: is an object file, expected a shared object: build it with `cc -shared -fPIC`");
#endif
    /* every length of a good file: a message, never a crash */
    snprintf(path, sizeof path, "%s", at_root("@/one/layers/good.so"));
    FILE *f = fopen(path, "rb");
    static char whole[1 << 20];
    size_t n = f ? fread(whole, 1, sizeof whole, f) : 0;
    if (f) fclose(f);
    for (size_t cut = 64; cut < n; cut += n / 40) {
        snprintf(path, sizeof path, "%s/one/layers/cut%zu.so", root, cut);
        write_file(path, whole, cut);
        const tn_plugin *p = registry_open(r, path, error, sizeof error);
        expect(p || strstr(error, path) == error, "cut at %zu: %s", cut, error);   /* only debug data may be missing */
        unlink(path);
    }
    if (geteuid()) {
        write_file(at_root("@/one/layers/secret.so"), whole, n);
        chmod(at_root("@/one/layers/secret.so"), 0);
        refused(r, "secret", "@/one/layers/secret.so: can't be read: Permission denied");
        unlink(at_root("@/one/layers/secret.so"));
    }
}

/* Shared objects whose record or tables do not fit. */
static void misfits(registry *r)
{
#define OURS " (plug-in test 0.3 with ABI 1.0, host " TENON_VERSION " with ABI 1.0)"
    refused(r, "no_entry", "@/one/layers/no_entry.so: exports no tn_plugin_entry(), so it is no Tenon plug-in: "
            "TN_PLUGIN(...) must stand in its source");
    refused(r, "no_record", "@/one/layers/no_record.so: tn_plugin_entry() gave no record");
    refused(r, "magic", "@/one/layers/magic.so: its record begins with 12345678, expected 314e4554: not a Tenon plug-in");
    refused(r, "major", "@/one/layers/major.so: made for ABI major 2, this host has 1: build it against this host's "
            "tenon.h (host " TENON_VERSION ")");
    refused(r, "minor", "@/one/layers/minor.so: wants ABI 1.7, this host has 1.0: it needs a newer host (plug-in test "
            "0.3 with ABI 1.7, host " TENON_VERSION " with ABI 1.0)");
    refused(r, "sizes", "@/one/layers/sizes.so: has pointers of 4 bytes, expected 8; has a tn_spec of 64 bytes, expected "
            "56; has a tn_tile of 48 bytes, expected 56; has option rows of 40 bytes, expected at least 88" OURS);
    refused(r, "small_table", "@/one/layers/small_table.so: layer 'small_table': its tn_layer has 16 bytes, expected at "
            "least 64" OURS);
    refused(r, "no_plan", "@/one/layers/no_plan.so: layer 'no_plan': tn_layer.plan is missing" OURS);
    refused(r, "no_forward", "@/one/layers/no_forward.so: layer 'no_forward': tn_impl.forward is missing" OURS);
    refused(r, "default", "@/one/layers/default.so: layer 'default': default 0 of option 'units' is outside [1, 65536]" OURS);
    refused(r, "open", "@/one/layers/open.so: layer 'open': default 1 of option 'rate' is outside [0, 1)" OURS);
    refused(r, "no_help", "@/one/layers/no_help.so: layer 'no_help': option 'rate' has no help text" OURS);
    refused(r, "twice", "@/one/layers/twice.so: layer 'twice': option 'units' stands in the table twice (rows 1 and 2)" OURS);
    refused(r, "outside", "@/one/layers/outside.so: layer 'outside': option 'rate' ends at byte 32 of a config struct of "
            "24 bytes" OURS);
    refused(r, "same_bytes", "@/one/layers/same_bytes.so: layer 'same_bytes': options 'units' and 'rate' lie on the same "
            "bytes of the config struct" OURS);
    refused(r, "option_name", "@/one/layers/option_name.so: layer 'option_name': option name 'Rate' is not of the form "
            "[a-z][a-z0-9_]*" OURS);
    refused(r, "option_type", "@/one/layers/option_type.so: layer 'option_type': option 'rate' has type 77, this host "
            "knows 1 to 11" OURS);
    refused(r, "choice", "@/one/layers/choice.so: layer 'choice': default 2 of option 'mode' is no index of its 2 choices" OURS);
    expect(!registry_find(r, TN_LAYER, "undefined", error, sizeof error) && strstr(error, "somewhere_else")
           && strstr(error, "through tables alone"), "undefined symbol: %s", error);
    for (size_t size = 1; size < 300; size += 7) {      /* a short buffer is filled and ended, never passed   */
        memset(error, '#', sizeof error);
        registry_open(r, at_root("@/one/layers/sizes.so"), error, size);
        expect(strlen(error) < size && error[size] == '#', "message buffer of %zu bytes", size);
    }
}

/* An object that changes the floating-point mode as it is loaded: undone, and told. */
static void float_mode(registry *r)
{
#if defined(__x86_64__)
    unsigned before = _mm_getcsr() & ~0x3fu;
    const plugin_file *f = registry_find(r, TN_LAYER, "float_mode", error, sizeof error);
    expect(f && f->warning && strstr(f->warning, "-ffast-math"), "float_mode: %s", f ? "no warning" : error);
    expect((_mm_getcsr() & ~0x3fu) == before, "mxcsr is %x, was %x", _mm_getcsr(), before);
    f = registry_find(r, TN_LAYER, "good", error, sizeof error);
    expect(f && !f->warning, "good has a warning");
#else
    (void)r;
#endif
}

static void processor(void)
{
    unsetenv("TENON_ISA");
    int best = registry_isa();
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
    __builtin_cpu_init();
    int expected = __builtin_cpu_supports("x86-64-v4") ? 4 : __builtin_cpu_supports("x86-64-v3") ? 3 : 0;
    expect(best == expected, "isa %d, the compiler's own check says %d", best, expected);
#endif
    setenv("TENON_ISA", "plain", 1);
    expect(registry_isa() == 0, "TENON_ISA=plain gave %d", registry_isa());
    setenv("TENON_ISA", "v3", 1);
    expect(registry_isa() == (best < 3 ? best : 3), "TENON_ISA=v3 gave %d", registry_isa());
    unsetenv("TENON_ISA");
}

static void messages(void)
{
    tn_host host = { .error = "" };
    expect(host_fail(&host, TN_ESHAPE, "width %d", 3) == TN_ESHAPE, "code of host_fail");
    api_fail(&host, TN_EINVAL, "later");
    expect_text("the first message wins", host.error, "width 3");
    host_clear(&host);
    expect_text("cleared", host.error, "");
    api_fail(&host, TN_EINVAL, NULL);
    expect_text("no message", host.error, "a part failed without saying why");
    api_log(&host, TN_LOG_INFO, "nobody listens");
    expect(!api_word(&host, 1, 0) && !api_ext(&host, "x"), "words and extensions of an empty host");
}

int main(int argc, char **argv)
{
    if (argc < 2) return 2;
    root = argv[1];
    for (uint32_t k = 1; k < TN_KINDS; k++)
        expect(kind_of(kind_name(k)) == k && kind_of(kind_folder(k)) == k, "kind %u", k);
    expect(!kind_name(0) && !kind_name(TN_KINDS) && !kind_of("layr"), "no kind");
    const char *one = arena_text(&memory, at_root("@/one")), *two = arena_text(&memory, at_root("@/two"));
    const char *const paths[] = { one, two, NULL };
    registry *r = registry_new(&memory, paths, 0);
    finding(paths);
    not_plugins(r);
    misfits(r);
    float_mode(r);
    processor();
    messages();
    arena_free(&memory);
    return expect_end("registry");
}
