/* run_dir.c -- makes, describes and recognises run directories. See run_dir.h for what lies where. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "file.h"
#include "run_dir.h"

#define FAIL(...) fail(error, size, __VA_ARGS__)
__attribute__((format(printf, 3, 4))) static int fail(char *error, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, size, format, args);
    va_end(args);
    return -1;
}

/* ---- making one ------------------------------------------------------------------------------------------------ */
static int make_inside(const char *folder, const char *name, char *error, size_t size)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return mkdir(path, 0777) && errno != EEXIST ? FAIL("cannot make '%s': %s", path, strerror(errno)) : 0;
}

const char *run_dir_create(arena *a, const char *asked, const char *name, char *error, size_t size)
{
    const char *folder = NULL;
    if (asked) {
        if (mkdir(asked, 0777)) {
            if (errno == EEXIST)
                FAIL("'%s' exists already; a run never writes into another one's folder (to go on with it: tenon resume)",
                     asked);
            else
                FAIL("cannot make '%s': %s", asked, strerror(errno));
            return NULL;
        }
        folder = asked;
    } else {
        if (mkdir("runs", 0777) && errno != EEXIST) return FAIL("cannot make 'runs': %s", strerror(errno)), NULL;
        for (int i = 1; i < 100000 && !folder; i++) {
            const char *path = arena_print(a, "runs/%s-%03d", name, i);
            if (!mkdir(path, 0777)) folder = path;
            else if (errno != EEXIST) return FAIL("cannot make '%s': %s", path, strerror(errno)), NULL;
        }
    }
    if (!folder) return FAIL("there are 99999 runs of '%s' already", name), NULL;
    if (make_inside(folder, "checkpoints", error, size) || make_inside(folder, "vocabularies", error, size)) return NULL;
    return folder;
}

int run_dir_hold(const char *folder, char *error, size_t size)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/lock", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return FAIL("cannot open '%s': %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        close(fd);
        return FAIL("another process is writing to '%s'", folder);
    }
    return fd;
}

/* ---- lock.json: what the result depends on ----------------------------------------------------------------------- */
static json_t *hashes_of_plugins(experiment *e)
{
    json_t *all = json_object();
    for (int i = 0; i < registry_count(e->context.plugins); i++) {
        const plugin_file *f = registry_opened(e->context.plugins, i);
        char hex[65], error[600];
        if (!f->desc || file_sha256(f->path, hex, error, sizeof error)) continue;
        const char *name = arena_print(&e->memory, "%s/%s", kind_name(f->desc->kind), f->desc->name);
        json_object_set_new(all, name, json_pack("{s:s, s:s, s:s}", "file", f->path, "version", f->plugin->version, "sha256", hex));
    }
    return all;
}

/* A data file by its path inside the deepest data folder that holds it, so that the lock still fits where the data lie
 * elsewhere; absolute where none does. */
static const char *data_name(experiment *e, const char *path)
{
    char whole[PATH_MAX], folder[PATH_MAX];
    size_t deepest = 0;
    if (!realpath(path, whole)) return path;
    for (int i = 0; e->context.data_dirs[i]; i++) {
        size_t n = realpath(e->context.data_dirs[i], folder) ? strlen(folder) : 0;
        if (n > deepest && !strncmp(whole, folder, n) && whole[n] == '/') deepest = n;
    }
    return arena_text(&e->memory, whole + (deepest ? deepest + 1 : 0));
}

void run_dir_data_files(experiment *e, void (*put)(void *to, const char *name, const char *sha256), void *to)
{
    const tn_dataset *d = e->data->dataset->desc->table;
    const char *path;
    for (uint32_t i = 0; TN_HAS(d, file) && !d->file(e->data->dataset->self, i, &path); i++) {
        char hex[65], error[600];
        if (!file_sha256(path, hex, error, sizeof error)) put(to, data_name(e, path), hex);
    }
}

static void put_text(void *to, const char *name, const char *text) { json_object_set_new(to, name, json_string(text)); }

static json_t *hashes_of_data(experiment *e)
{
    json_t *all = json_object();
    run_dir_data_files(e, put_text, all);
    return all;
}

static json_t *hashes_of_vocabularies(experiment *e)
{
    json_t *all = json_object();
    for (int i = 0; i < e->data->n_fields; i++) {
        field *f = e->data->field[i];
        if (f->words) json_object_set_new(all, f->name, json_sprintf("%016llx", (unsigned long long)f->words->hash));
    }
    return all;
}

/* The processor's name, for people. */
static const char *processor(char *text, size_t size)
{
    FILE *f = fopen("/proc/cpuinfo", "r");
    snprintf(text, size, "unknown");
    char line[300];
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "model name", 10) && strchr(line, ':')) {
            snprintf(text, size, "%s", strchr(line, ':') + 2);
            text[strcspn(text, "\n")] = 0;
            break;
        }
    if (f) fclose(f);
    return text;
}

static json_t *data_dirs(const experiment *e)
{
    json_t *all = json_array();
    char path[PATH_MAX];
    for (int i = 0; e->context.data_dirs[i]; i++)
        json_array_append_new(all, json_string(realpath(e->context.data_dirs[i], path) ? path : e->context.data_dirs[i]));
    return all;
}

static json_t *lock_of(experiment *e, int threads)
{
    char name[200];
    json_t *lock = json_object();
    json_object_set_new(lock, "host", json_string(TENON_VERSION));
    json_object_set_new(lock, "abi", json_sprintf("%d.%d", TN_ABI_MAJOR, TENON_ABI_MINOR));
    json_object_set_new(lock, "seed", json_integer((json_int_t)e->seed));
    json_object_set_new(lock, "isa", json_integer(registry_isa()));
    json_object_set_new(lock, "processor", json_string(processor(name, sizeof name)));
    json_object_set_new(lock, "threads", json_integer(threads));
    json_object_set_new(lock, "data_dirs", data_dirs(e));
    json_object_set_new(lock, "plugins", hashes_of_plugins(e));
    json_object_set_new(lock, "data", hashes_of_data(e));
    json_object_set_new(lock, "vocabularies", hashes_of_vocabularies(e));
    return lock;
}

static int write_json(const char *folder, const char *name, json_t *j, char *error, size_t size)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *text = json_dumps(j, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(17));
    json_decref(j);
    if (!text) return FAIL("cannot write '%s': no memory", path);
    int rc = file_replace(path, text, strlen(text), error, size);
    free(text);
    return rc;
}

/* config.toml comes last: it is what makes the folder a run, so a run that was killed before is none. */
int run_dir_describe(const char *folder, experiment *e, int threads, char *error, size_t size)
{
    char path[PATH_MAX];
    if (write_json(folder, "lock.json", lock_of(e, threads), error, size)) return -1;
    snprintf(path, sizeof path, "%s/vocabularies", folder);
    host_clear(&e->host);
    if (data_save_vocabularies(e->data, path)) return FAIL("%s", e->host.error);
    snprintf(path, sizeof path, "%s/config.toml", folder);
    const char *config = config_document(&e->memory, e->root, e->root->at.file);
    return file_replace(path, config, strlen(config), error, size);
}

/* ---- recognising one ----------------------------------------------------------------------------------------------- */
static json_t *read_lock(const char *folder)
{
    char path[PATH_MAX];
    json_error_t ignored;
    snprintf(path, sizeof path, "%s/lock.json", folder);
    return json_load_file(path, 0, &ignored);
}

const char **run_dir_data(arena *a, const char *folder)
{
    json_t *lock = read_lock(folder), *dirs = lock ? json_object_get(lock, "data_dirs") : NULL;
    size_t n = dirs ? json_array_size(dirs) : 0;
    const char **all = arena_new(a, sizeof *all * (n + 1));
    for (size_t i = 0; i < n; i++) {
        const char *s = json_string_value(json_array_get(dirs, i));
        all[i] = arena_text(a, s ? s : ".");
    }
    if (lock) json_decref(lock);
    return all;
}

/* "sha256" of an entry that is a string or an object with that key. */
static const char *hash_in(json_t *v)
{
    return json_string_value(json_is_object(v) ? json_object_get(v, "sha256") : v);
}

/* Whether some entry has that hash: a file that only moved. */
static int holds_hash(json_t *all, const char *hash)
{
    const char *key;
    json_t *v;
    json_object_foreach(all, key, v)
        if (hash_in(v) && hash && !strcmp(hash_in(v), hash)) return 1;
    return 0;
}

/* One line for each entry of `was` that `is` lacks or has with another hash. */
static void compare(const char *what, json_t *was, json_t *is, char *error, size_t size)
{
    const char *key;
    json_t *v;
    if (!was) return;
    json_object_foreach(was, key, v) {
        const char *a = hash_in(v), *b = hash_in(json_object_get(is, key));
        size_t at = strlen(error);
        if (!b && holds_hash(is, a)) continue;
        if (!b) snprintf(error + at, size - at, "  %s '%s' is not there any more\n", what, key);
        else if (a && strcmp(a, b)) snprintf(error + at, size - at, "  %s '%s' changed since the run began\n", what, key);
    }
}

static const char *isa_name(json_int_t isa) { return isa == 4 ? "v4" : isa == 3 ? "v3" : "plain"; }

int run_dir_compare(const char *folder, experiment *e, char *error, size_t size)
{
    error[0] = 0;
    json_t *was = read_lock(folder);
    if (!was) return FAIL("  lock.json is missing or damaged\n");
    json_t *is = lock_of(e, 0);
    json_int_t isa = json_integer_value(json_object_get(was, "isa")), ours = registry_isa();
    if (isa != ours) /* other files for every plug-in that computes: one line says it all */
        snprintf(error, size, "  the run was made with the %s plug-ins, these are %s; TENON_ISA=%s takes the same where the "
                 "processor can\n", isa_name(isa), isa_name(ours), isa_name(isa));
    else compare("plug-in", json_object_get(was, "plugins"), json_object_get(is, "plugins"), error, size);
    compare("data file", json_object_get(was, "data"), json_object_get(is, "data"), error, size);
    compare("vocabulary", json_object_get(was, "vocabularies"), json_object_get(is, "vocabularies"), error, size);
    const char *a = json_string_value(json_object_get(was, "host")), *b = json_string_value(json_object_get(is, "host"));
    if (a && b && strcmp(a, b)) {
        size_t at = strlen(error);
        snprintf(error + at, size - at, "  the run was made by tenon %s, this is %s\n", a, b);
    }
    json_decref(was);
    json_decref(is);
    return error[0] ? -1 : 0;
}

/* ---- the end --------------------------------------------------------------------------------------------------------- */
static int write_results(const char *folder, const run_end *r, char *error, size_t size)
{
    json_t *j = json_object(), *scores = json_object();
    json_object_set_new(j, "stopped", json_string(r->why));
    json_object_set_new(j, "step", json_integer(r->step));
    json_object_set_new(j, "best_step", json_integer(r->best_step));
    json_object_set_new(j, "parameters", json_integer(r->parameters));
    for (int i = 0; i < r->n_scores; i++) {
        json_t *value = json_real(r->scores[i].value); /* NULL where it is not finite, which JSON cannot say */
        json_object_set_new(scores, r->scores[i].name, value ? value : json_null());
    }
    json_object_set_new(j, "scores", scores);
    return write_json(folder, "results.json", j, error, size);
}

static int write_timing(const char *folder, const run_end *r, char *error, size_t size)
{
    char path[PATH_MAX], text[300];
    snprintf(path, sizeof path, "%s/timing.csv", folder);
    int n = snprintf(text, sizeof text, "step,training_seconds,test_seconds,threads\n%lld,%.6f,%.6f,%d\n", (long long)r->step,
                     r->training_seconds, r->test_seconds, r->threads);
    return file_replace(path, text, (size_t)n, error, size);
}

/* results.json comes last: it is what tells that the run is done. */
int run_dir_end(const char *folder, const run_end *r, char *error, size_t size)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/stopped.txt", folder);
    unlink(path); /* an error of an earlier process is over */
    return write_timing(folder, r, error, size) || write_results(folder, r, error, size) ? -1 : 0;
}

void run_dir_times(const char *folder, double *training, double *test)
{
    char path[PATH_MAX], line[300] = "", *at = line;
    snprintf(path, sizeof path, "%s/timing.csv", folder);
    FILE *f = fopen(path, "r");
    int whole = f && fgets(line, sizeof line, f) && fgets(line, sizeof line, f); /* names, then numbers */
    if (f) fclose(f);
    (void)strtoll(at, &at, 10);                                                    /* the step          */
    *training = whole && *at == ',' ? strtod(at + 1, &at) : NAN;
    *test = whole && *at == ',' ? strtod(at + 1, &at) : NAN;
}

int run_dir_stopped(const char *folder, const char *why)
{
    char path[PATH_MAX], error[600];
    snprintf(path, sizeof path, "%s/stopped.txt", folder);
    return file_replace(path, why, strlen(why), error, sizeof error);
}
