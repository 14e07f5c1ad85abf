/* registry.c -- from a kind and a name to a loaded part: where to look, which of the compiled variants to take, and
 * the message when nothing is there. Nothing is scanned and nothing is cached on disk: the one file that was asked
 * for is opened. What is inside it is accept.c's to judge.                                                  */
#include "registry.h"
#include "accept.h"
#include "diag.h"
#include "host.h"
#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

typedef struct opened {                    /* one file in this process                                       */
    struct opened *next;
    plugin_file file;                      /* desc: the part first asked for; NULL until then                */
} opened;
typedef struct found {                     /* one answer of registry_find                                    */
    struct found *next;
    uint32_t kind;
    const char *name;
    plugin_file file;
} found;
struct registry {
    arena *memory;
    const char *const *paths;
    int isa;
    opened *opened;                        /* in order of opening                                            */
    found *found;
};

/* ---- kinds ---------------------------------------------------------------------------------------------- */

static const char *const kinds[TN_KINDS][2] = {
    [TN_LAYER] = { "layer", "layers" }, [TN_ACTIVATION] = { "activation", "activations" },
    [TN_LOSS] = { "loss", "losses" }, [TN_OPTIMIZER] = { "optimizer", "optimizers" },
    [TN_SCHEDULE] = { "schedule", "schedules" }, [TN_DATASET] = { "dataset", "datasets" },
    [TN_TRANSFORM] = { "transform", "transforms" }, [TN_METRIC] = { "metric", "metrics" },
    [TN_INITIALIZER] = { "initializer", "initializers" }, [TN_REGULARIZER] = { "regularizer", "regularizers" },
    [TN_STOP] = { "stop", "stops" }, [TN_LOGGER] = { "logger", "loggers" }, [TN_BACKEND] = { "backend", "backends" },
    [TN_BASELINE] = { "baseline", "baselines" }, [TN_COMMUNICATOR] = { "communicator", "communicators" },
};

const char *kind_name(uint32_t kind)
{
    return kind && kind < TN_KINDS ? kinds[kind][0] : NULL;
}

const char *kind_folder(uint32_t kind)
{
    return kind && kind < TN_KINDS ? kinds[kind][1] : NULL;
}

uint32_t kind_of(const char *name)
{
    for (uint32_t k = 1; k < TN_KINDS; k++)
        if (!strcmp(kinds[k][0], name) || !strcmp(kinds[k][1], name)) return k;
    return 0;
}

/* ---- processor ------------------------------------------------------------------------------------------ */

#if defined(__x86_64__)
/* 4 or 3 where processor and system have every feature of x86-64-v4 or -v3 (System V psABI), else 0. */
static int processor_isa(void)
{
    uint32_t a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
    const uint32_t v3_c = 1u << 12 | 1u << 22 | 1u << 27 | 1u << 28 | 1u << 29; /* fma movbe osxsave avx f16c  */
    if ((c & v3_c) != v3_c) return 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));                      /* what the system saves: xmm, ymm */
    if ((low & 6) != 6) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    uint32_t b7 = b;
    const uint32_t v3_b = 1u << 3 | 1u << 5 | 1u << 8;                       /* bmi1 avx2 bmi2                 */
    if ((b7 & v3_b) != v3_b) return 0;
    if (!__get_cpuid(0x80000001u, &a, &b, &c, &d) || !(c & 1u << 5)) return 0; /* lzcnt                        */
    const uint32_t v4_b = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31; /* avx512 f dq cd bw vl        */
    return (b7 & v4_b) == v4_b && (low & 0xe6) == 0xe6 ? 4 : 3;
}
#else
static int processor_isa(void)
{
    return 0;
}
#endif

/* What TENON_ISA asks for, as far as the processor can run it. Another value is for the command line to refuse. */
int registry_isa(void)
{
    int best = processor_isa(), wanted = best;
    const char *text = getenv("TENON_ISA");
    if (text && !strcmp(text, "plain")) wanted = 0;
    else if (text && !strcmp(text, "v3")) wanted = 3;
    else if (text && !strcmp(text, "v4")) wanted = 4;
    return wanted < best ? wanted : best;
}

/* ---- the floating-point mode ---------------------------------------------------------------------------- */

/* A shared object that was linked with -ffast-math sets flush-to-zero as it is loaded, for the whole thread. */
typedef struct float_mode { uint64_t vector, x87; } float_mode;

#if defined(__x86_64__)
static float_mode mode_get(void)
{
    uint32_t mxcsr;
    uint16_t word;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    __asm__ volatile("fnstcw %0" : "=m"(word));
    return (float_mode){ mxcsr & ~0x3fu, word };                             /* without the sticky flags       */
}

static void mode_set(float_mode m)
{
    uint32_t mxcsr = (uint32_t)m.vector;
    uint16_t word = (uint16_t)m.x87;
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
    __asm__ volatile("fldcw %0" : : "m"(word));
}
#elif defined(__aarch64__)
static float_mode mode_get(void)
{
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return (float_mode){ fpcr, 0 };
}

static void mode_set(float_mode m)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(m.vector));
}
#else
static float_mode mode_get(void)
{
    return (float_mode){ 0, 0 };
}

static void mode_set(float_mode m)
{
    (void)m;
}
#endif

/* ---- opening a file ------------------------------------------------------------------------------------- */

#if defined(__x86_64__)
enum { OWN_MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { OWN_MACHINE = EM_AARCH64 };
#else
enum { OWN_MACHINE = EM_NONE };
#endif

static const char *machine_name(unsigned machine)
{
    switch (machine) {
    case EM_X86_64: return "x86-64";
    case EM_386: return "32-bit x86";
    case EM_AARCH64: return "aarch64";
    case EM_ARM: return "32-bit ARM";
    case EM_RISCV: return "RISC-V";
    case EM_PPC64: return "ppc64";
    case EM_S390: return "s390";
    default: return "another machine";
    }
}

/* The ELF header as far as it tells a shared object for this machine from anything else. A file that is shorter than
 * its own tables say would kill the process as it is mapped, so that is looked at too. */
static int check_elf(const char *path, int fd, off_t bytes, char *error, size_t size)
{
    Elf64_Ehdr e;
    ssize_t n = pread(fd, &e, sizeof e, 0);
    if (n < 0) {
        snprintf(error, size, "%s: can't be read: %s", path, strerror(errno));
        return TN_EIO;
    }
    if (n < SELFMAG || memcmp(e.e_ident, ELFMAG, SELFMAG)) {
        snprintf(error, size, "%s: is no shared object%s: a plug-in is built with `cc -shared -fPIC`", path,
                 n == 0 ? " but an empty file" : "");
        return TN_EINVAL;
    }
    if (n < (ssize_t)sizeof e) {
        snprintf(error, size, "%s: is cut short: %zd bytes", path, n);
        return TN_EINVAL;
    }
    if (e.e_ident[EI_CLASS] != ELFCLASS64 || (OWN_MACHINE != EM_NONE && e.e_machine != OWN_MACHINE)) {
        snprintf(error, size, "%s: is built for %s, expected %s", path, machine_name(e.e_machine),
                 machine_name(OWN_MACHINE));
        return TN_EINVAL;
    }
    if (e.e_type != ET_DYN) {
        snprintf(error, size, "%s: is %s, expected a shared object: build it with `cc -shared -fPIC`", path,
                 e.e_type == ET_REL ? "an object file" : e.e_type == ET_EXEC ? "a program" : "another kind of ELF file");
        return TN_EINVAL;
    }
    uint64_t all = (uint64_t)bytes, end = e.e_phoff + (uint64_t)e.e_phnum * e.e_phentsize;
    int whole = e.e_phentsize == sizeof(Elf64_Phdr) && e.e_phoff <= all && end <= all;
    for (unsigned i = 0; whole && i < e.e_phnum; i++) {
        Elf64_Phdr h;
        whole = pread(fd, &h, sizeof h, (off_t)(e.e_phoff + i * sizeof h)) == (ssize_t)sizeof h
             && (h.p_type != PT_LOAD || (h.p_offset <= all && h.p_filesz <= all - h.p_offset));
    }
    if (!whole) {
        snprintf(error, size, "%s: is cut short: %lld bytes, fewer than its own tables say", path, (long long)bytes);
        return TN_EINVAL;
    }
    return TN_OK;
}

static int check_file(const char *path, char *error, size_t size)
{
    struct stat s;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), bad = TN_OK;
    if (fd < 0) {
        snprintf(error, size, "%s: can't be read: %s", path, strerror(errno));
        return TN_EIO;
    }
    if (fstat(fd, &s) || !S_ISREG(s.st_mode)) {
        snprintf(error, size, "%s: is %s, expected a shared object", path,
                 S_ISDIR(s.st_mode) ? "a folder" : "no regular file");
        bad = TN_EIO;
    } else bad = check_elf(path, fd, s.st_size, error, size);
    close(fd);
    return bad;
}

/* dlopen's own words, without the path that it repeats, and a hint for the two usual mistakes. */
static void explain_dlerror(const char *path, char *error, size_t size)
{
    const char *why = dlerror(), *hint = "";
    size_t n = strlen(path);
    if (!why) why = "unknown reason";
    if (!strncmp(why, path, n) && why[n] == ':') why += n + 1 + (why[n + 1] == ' ');
    if (strstr(why, "undefined symbol"))
        hint = " (a plug-in calls the host through tables alone; link the libraries it needs)";
    else if (strstr(why, "cannot open shared object")) hint = " (a library that it needs is not installed)";
    snprintf(error, size, "%s: can't be loaded: %s%s", path, why, hint);
}

/* Loads a checked file and gives its record; the thread's floating-point mode is what it was. */
static const tn_plugin *load(registry *r, const char *path, const char **warning, char *error, size_t size)
{
    /* a path without a slash would be searched for among the system's libraries */
    const char *file = strchr(path, '/') ? path : arena_print(r->memory, "./%s", path);
    float_mode before = mode_get();
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    float_mode after = mode_get();
    if (before.vector != after.vector || before.x87 != after.x87) {
        mode_set(before);
        *warning = arena_print(r->memory, "%s: loading it changed the processor's floating-point mode (%llx to %llx), "
                               "which was undone; it was linked with -ffast-math or -Ofast: build it without", path,
                               (unsigned long long)before.vector, (unsigned long long)after.vector);
    }
    if (!handle) {
        explain_dlerror(file, error, size);
        return NULL;
    }
    const tn_plugin *(*entry)(void) = NULL;
    void *symbol = dlsym(handle, "tn_plugin_entry");
    memcpy(&entry, &symbol, sizeof entry);
    if (!entry) {
        snprintf(error, size, "%s: exports no tn_plugin_entry(), so it is no Tenon plug-in: TN_PLUGIN(...) must stand "
                 "in its source", path);
        return NULL;
    }
    const tn_plugin *plugin = entry();
    return accept_plugin(plugin, path, error, size) ? NULL : plugin;
}

/* The file of that path, opened now or before; NULL with a message. */
static opened *open_file(registry *r, const char *path, char *error, size_t size)
{
    opened **at = &r->opened;
    for (; *at; at = &(*at)->next)
        if (!strcmp((*at)->file.path, path)) return *at;
    const char *warning = NULL;
    const tn_plugin *plugin = NULL;
    if (!check_file(path, error, size)) plugin = load(r, path, &warning, error, size);
    if (!plugin) return NULL;
    opened *o = arena_new(r->memory, sizeof *o);
    o->file = (plugin_file){ NULL, plugin, arena_text(r->memory, path), NULL, warning };
    return *at = o;
}

const tn_plugin *registry_open(registry *r, const char *path, char *error, size_t size)
{
    opened *o = open_file(r, path, error, size);
    return o ? o->file.plugin : NULL;
}

/* ---- finding -------------------------------------------------------------------------------------------- */

registry *registry_new(arena *memory, const char *const *paths, int isa)
{
    registry *r = arena_new(memory, sizeof *r);
    r->memory = memory;
    r->paths = paths;
    r->isa = isa;
    return r;
}

/* The variant of `stem`.so that this processor runs best, or `stem`.so itself. */
static const char *best_variant(registry *r, const char *stem)
{
    for (int isa = 4; isa >= 3; isa--) {
        if (isa > r->isa) continue;
        const char *path = arena_print(r->memory, "%s.v%d.so", stem, isa);
        if (!access(path, F_OK)) return path;
    }
    return arena_print(r->memory, "%s.so", stem);
}

/* Place i's file of that name without its ".so", or NULL. */
static const char *stem_in(registry *r, int i, uint32_t kind, const char *name)
{
    const char *stem = arena_print(r->memory, "%s/%s/%s", r->paths[i], kind_folder(kind), name);
    return access(arena_print(r->memory, "%s.so", stem), F_OK) ? NULL : stem;
}

/* One file by two names, as where a place is given twice. */
static int same_file(const char *a, const char *b)
{
    struct stat x, y;
    return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static const char *find_stem(registry *r, uint32_t kind, const char *name, int *place)
{
    if (!accept_name(name)) return NULL;                /* "lstm.v3" and "../x" are no names                  */
    for (*place = 0; r->paths[*place]; ++*place) {
        const char *stem = stem_in(r, *place, kind, name);
        if (stem) return stem;
    }
    return NULL;
}

const char *registry_path(registry *r, uint32_t kind, const char *name)
{
    int place;
    const char *stem = kind_name(kind) ? find_stem(r, kind, name, &place) : NULL;
    return stem ? best_variant(r, stem) : NULL;
}

/* "no layer 'lstn' (looked in /a/layers, /b/layers); did you mean 'lstm'?" */
static void tell_missing(registry *r, uint32_t kind, const char *name, char *error, size_t size)
{
    size_t used = (size_t)snprintf(error, size, "no %s '%s' (", kind_name(kind), name);
    for (int i = 0; r->paths[i] && used < size; i++)
        used += (size_t)snprintf(error + used, size - used, "%s%s/%s", i ? ", " : "looked in ", r->paths[i],
                                 kind_folder(kind));
    const char *end = r->paths[0] ? ")" : "no place to look in was given)";
    if (used < size) used += (size_t)snprintf(error + used, size - used, "%s", end);
    int n = 0, place;
    const char *const *names = registry_names(r, kind, &n), *near = nearest_name(name, names, n);
    if (used < size && near) used += (size_t)snprintf(error + used, size - used, "; did you mean '%s'?", near);
    for (uint32_t k = 1; !near && k < TN_KINDS; k++)
        if (k != kind && used < size && find_stem(r, k, name, &place)) {
            snprintf(error + used, size - used, "; there is a part '%s' of kind %s", name, kind_name(k));
            break;
        }
}

/* The part of that kind and name in a record. name NULL: the only one of that kind. */
static const tn_desc *part_in(const tn_plugin *plugin, uint32_t kind, const char *name, int *of_kind)
{
    const tn_desc *only = NULL;
    *of_kind = 0;
    for (int i = 0; plugin->parts[i]; i++) {
        const tn_desc *d = plugin->parts[i];
        if (d->kind != kind) continue;
        if (name && !strcmp(d->name, name)) return d;
        only = d;
        ++*of_kind;
    }
    return !name && *of_kind == 1 ? only : NULL;
}

/* "holds layer 'gru', loss 'mse' but no layer 'lstm'" */
static void tell_holds(const plugin_file *f, uint32_t kind, const char *name, int of_kind, char *error, size_t size)
{
    size_t used = (size_t)snprintf(error, size, "%s: holds ", f->path);
    for (int i = 0; f->plugin->parts[i] && used < size; i++) {
        const tn_desc *d = f->plugin->parts[i];
        used += (size_t)snprintf(error + used, size - used, "%s%s '%s'", i ? ", " : "", kind_name(d->kind), d->name);
    }
    if (used >= size) return;
    if (name) snprintf(error + used, size - used, " but no %s '%s'", kind_name(kind), name);
    else if (!of_kind) snprintf(error + used, size - used, " but no %s", kind_name(kind));
    else snprintf(error + used, size - used, "; say which %s is meant: '%s:NAME'", kind_name(kind), f->path);
}

/* Opens the part of that name in `path`; name NULL as in part_in. */
static const plugin_file *find_in(registry *r, const char *path, const char *hides, uint32_t kind, const char *key,
                                  const char *name, char *error, size_t size)
{
    opened *o = open_file(r, path, error, size);
    if (!o) return NULL;
    int of_kind;
    const tn_desc *d = part_in(o->file.plugin, kind, name, &of_kind);
    if (!d) {
        tell_holds(&o->file, kind, name, of_kind, error, size);
        return NULL;
    }
    if (!o->file.desc) o->file.desc = d, o->file.hides = hides;
    found *f = arena_new(r->memory, sizeof *f);
    *f = (found){ r->found, kind, arena_text(r->memory, key),
                  { d, o->file.plugin, o->file.path, hides, o->file.warning } };
    r->found = f;
    return &f->file;
}

/* "./my_gate.so" or "./gates.so:my_gate" */
static const plugin_file *find_file(registry *r, uint32_t kind, const char *name, char *error, size_t size)
{
    char *path = arena_text(r->memory, name), *colon = strrchr(path, ':'), *part = NULL;
    if (colon && accept_name(colon + 1)) *colon = 0, part = colon + 1;
    size_t n = strlen(path);
    const char *file = path;
    if (n > 3 && !strcmp(path + n - 3, ".so") && !access(path, F_OK)) {
        char *stem = arena_text(r->memory, path);
        stem[n - 3] = 0;
        file = best_variant(r, stem);
    }
    return find_in(r, file, NULL, kind, name, part, error, size);
}

const plugin_file *registry_find(registry *r, uint32_t kind, const char *name, char *error, size_t size)
{
    if (size) *error = 0;
    if (!kind_name(kind)) {
        snprintf(error, size, "no kind of part has number %u", kind);
        return NULL;
    }
    for (found *f = r->found; f; f = f->next)
        if (f->kind == kind && !strcmp(f->name, name)) return &f->file;
    if (strchr(name, '/')) return find_file(r, kind, name, error, size);
    int place;
    const char *stem = find_stem(r, kind, name, &place), *hides = NULL;
    if (!stem) {
        tell_missing(r, kind, name, error, size);
        return NULL;
    }
    for (int i = place + 1; r->paths[i] && !hides; i++) {
        const char *other = stem_in(r, i, kind, name);
        if (!other) continue;
        other = arena_print(r->memory, "%s.so", other);
        if (!same_file(arena_print(r->memory, "%s.so", stem), other)) hides = other;
    }
    return find_in(r, best_variant(r, stem), hides, kind, name, name, error, size);
}

int registry_count(const registry *r)
{
    int n = 0;
    for (const opened *o = r->opened; o; o = o->next) n++;
    return n;
}

const plugin_file *registry_opened(const registry *r, int i)
{
    const opened *o = r->opened;
    while (o && i-- > 0) o = o->next;
    return o ? &o->file : NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Appends the part names among a folder's files to a growing array of pointers. */
static void names_in(registry *r, const char *folder, const char ***names, int *n, int *room)
{
    DIR *d = opendir(folder);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));) {
        size_t length = strlen(e->d_name);
        if (length < 4 || strcmp(e->d_name + length - 3, ".so")) continue;
        char *name = arena_text(r->memory, e->d_name);
        name[length - 3] = 0;
        if (!accept_name(name)) continue;               /* variants have a dot in their name                  */
        if (*n == *room) {
            const char **more = arena_new(r->memory, sizeof *more * (size_t)(*room * 2 + 16));
            if (*n) memcpy(more, *names, sizeof *more * (size_t)*n);
            *names = more;
            *room = *room * 2 + 16;
        }
        (*names)[(*n)++] = name;
    }
    closedir(d);
}

const char *const *registry_names(registry *r, uint32_t kind, int *n)
{
    const char **names = NULL;
    int all = 0, room = 0;
    for (int i = 0; kind_name(kind) && r->paths[i]; i++)
        names_in(r, arena_print(r->memory, "%s/%s", r->paths[i], kind_folder(kind)), &names, &all, &room);
    if (all) qsort(names, (size_t)all, sizeof *names, by_text);
    *n = 0;
    for (int i = 0; i < all; i++)
        if (!i || strcmp(names[i], names[*n - 1])) names[(*n)++] = names[i];
    return names;
}
