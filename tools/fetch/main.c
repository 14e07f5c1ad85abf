/* main.c -- `tenon fetch`: public data sets, as experiments name their files, into the folder that experiments read.
 *
 *     tenon fetch                          what there is: size, terms, home page, and whether it is there
 *     tenon fetch NAME... [--data-dir D]   downloads each into D/NAME (D: else $TENON_DATA)
 *     --catalogue FILE                     sets of one's own (docs/data.md)
 *
 * A set appears in its place whole, or not at all; whatever ends it before that (Ctrl-C, kill, a full disk) leaves D/NAME.part,
 * from which the next call goes on. What is there already is checked against its SHA-256, and never written over.    */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../../host/command_line.h"
#include "../../host/file.h"
#include "fetch.h"

/* ---- what is there ---------------------------------------------------------------------------------------------------- */
typedef enum { MISSING, BEGUN, PARTLY, OTHER, THERE } state;

/* The place of a file of a set in a folder; "." is the folder itself. */
static const char *place_of(arena *a, const char *folder, const data_file *f)
{
    return strcmp(f->path, ".") ? arena_print(a, "%s/%s", folder, f->path) : folder;
}

/* Whether a file is what the catalogue pins. deep: by its SHA-256; else by its size. hex: what it has, "" not computed.
 * 0 or an exit code. */
static int look(const data_file *f, const char *path, int deep, state *to, char hex[65])
{
    struct stat s;
    char error[600];
    int64_t bytes;
    int is_tree = f->how == MAKE_ARCHIVE || f->how == MAKE_FOLDER;
    hex[0] = 0;
    *to = MISSING;
    if (stat(path, &s)) return 0;
    *to = OTHER;
    if (f->how == MAKE_FOLDER ? !S_ISDIR(s.st_mode) : !S_ISREG(s.st_mode)) return 0;
    if (is_tree || f->bytes < 0 || s.st_size == f->bytes) *to = THERE;
    if (!deep || !f->sha256) return 0;
    int code = is_tree ? contents_of(f, path, hex, &bytes) : file_sha256(path, hex, error, sizeof error) ? problem("%s", error) : 0;
    *to = code || strcmp(hex, f->sha256) ? OTHER : THERE;
    return code == EXIT_FAILED && f->how == MAKE_ARCHIVE ? 0 : code; /* what can't be read is another file          */
}

/* All files of a set, quickly: by name and size. */
static state look_at_set(arena *a, const data_set *s, const char *dir)
{
    char hex[65];
    int found[THERE + 1] = { 0 };
    for (int i = 0; i < s->n_files; i++) {
        state one;
        look(&s->files[i], place_of(a, arena_print(a, "%s/%s", dir, s->name), &s->files[i]), 0, &one, hex);
        found[one]++;
    }
    if (found[OTHER] || found[THERE]) return found[OTHER] ? OTHER : found[THERE] == s->n_files ? THERE : PARTLY;
    return access(arena_print(a, "%s/%s.part", dir, s->name), F_OK) ? MISSING : BEGUN;
}

/* ---- the list --------------------------------------------------------------------------------------------------------- */
static void print_json(json_t *j)
{
    char *text = json_dumps(j, JSON_PRESERVE_ORDER);
    if (text) printf("%s\n", text);
    free(text);
    json_decref(j);
}

static void list_sets(const command_env *env, const catalogue *c, const char *dir, int json)
{
    static const char *const words[] = { "-", "begun", "in part", "other files", "there" };
    for (int i = 0; i < c->n; i++) {
        const data_set *s = &c->set[i];
        const char *is = dir ? words[look_at_set(env->memory, s, dir)] : "-";
        int is_exact;
        double size = (double)download_size(s, &is_exact) / 1e6;
        if (json) {
            print_json(json_pack("{s:s, s:s, s:s, s:b, s:I, s:s, s:s}", "name", s->name, "title", s->title, "state", is, "by_hand",
                                 s->by_hand != NULL, "bytes_at_most", (json_int_t)download_size(s, &is_exact), "terms", s->terms,
                                 "home", s->home));
            continue;
        }
        char text[40] = "by hand";
        if (!s->by_hand) snprintf(text, sizeof text, "%s%.*f MB", is_exact ? "" : "< ", size < 10, size);
        printf("%-18s %-12s %9s  %s\n%44s%s\n%44s%s\n", s->name, is, text, s->title, "", s->terms, "", s->home);
    }
    if (!dir) fprintf(stderr, "whether they are there is shown with --data-dir D or TENON_DATA\n");
}

/* ---- one set ---------------------------------------------------------------------------------------------------------- */
typedef struct job {
    const command_env *env;
    const data_set *s;
    const char *place, *work, *made;       /* D/NAME, D/NAME.part, D/NAME.part/made                              */
    int tries, quiet, missing;             /* missing: how many of its files are not in their place              */
} job;

/* What is in its place already: each file is the pinned one or is not there. */
static int check_place(job *j)
{
    char hex[65];
    for (int i = 0; i < j->s->n_files; i++) {
        const data_file *f = &j->s->files[i];
        const char *path = place_of(j->env->memory, j->place, f);
        state is;
        int code = look(f, path, 1, &is, hex);
        if (code) return code;
        if (is == MISSING) j->missing++;
        if (is != OTHER) continue;
        const char *why = *hex ? arena_print(j->env->memory, " (SHA-256 %s, pinned %s)", hex, f->sha256) : "";
        problem("%s is there, but is not the pinned one%s: nothing is written over; move it away to have it fetched", path, why);
        return EXIT_INPUT;
    }
    return 0;
}

static int by_hand(const job *j)
{
    problem("%s is not fetched: %s", j->s->name, j->s->by_hand);
    tell("  terms  %s", j->s->terms);
    tell("  home   %s", j->s->home);
    for (int i = 0; i < j->s->n_files; i++) tell("  put    %s/%s", j->place, j->s->files[i].path);
    tell("`tenon fetch %s` then checks them", j->s->name);
    return EXIT_INPUT;
}

static void show_terms(const data_set *s)
{
    tell("%s: %s", s->name, s->title);
    tell("  terms  %s", s->terms);
    tell("  home   %s", s->home);
}

static int download_all(const job *j)
{
    int code = 0;
    for (int i = 0; i < j->s->n_downloads && !code; i++) code = download_file(&j->s->downloads[i], j->work, j->tries, j->quiet);
    return code;
}

/* A second name, so that what follows may fail; moved where the file system has no second names. */
static int copy_file(const char *from, const char *to)
{
    if (make_folders(to, 0)) return EXIT_FAILED;
    return link(from, to) && rename(from, to) ? problem("%s: can't be made: %s", to, strerror(errno)) : 0;
}

/* A file made of an unpinned download must be the pinned one. Where the archive itself was pinned, its contents are certain,
 * and other bytes are those of another way to write them down: the user is told. */
static int check_made(const data_file *f, const char *path)
{
    char hex[65];
    state is;
    int code = look(f, path, 1, &is, hex);
    if (code || is == THERE) return code;
    if (is == OTHER && f->from->sha256 && f->how != MAKE_COPY) {
        tell("warning: %s was made of the pinned %s, but its SHA-256 is %s and not %s: results may differ from published ones",
             f->path, f->from->file, hex, f->sha256);
        return 0;
    }
    if (!*hex) return problem("%s: what was made of %s is not as the catalogue states", f->path, f->from->file);
    return problem("%s: what was made of %s is not the pinned one: SHA-256 %s, and it must be %s", f->path, f->from->file, hex,
                   f->sha256);
}

/* Makes all files of the set in made/. Whatever is wrong with a download that nothing pins shows here: it is not used again. */
static int make_files(const job *j)
{
    arena *a = j->env->memory;
    int code = remove_tree(j->made);
    if (!code) code = make_folders(j->made, 1);
    for (int i = 0; i < j->s->n_files && !code; i++) {
        const data_file *f = &j->s->files[i];
        const char *from = arena_print(a, "%s/%s", j->work, f->from->file), *to = place_of(a, j->made, f);
        if (!j->quiet && f->how != MAKE_COPY) tell("%s: making %s of %s", j->s->name, f->path, f->from->file);
        code = f->how == MAKE_COPY ? copy_file(from, to) : unpack(f, from, to);
        if (!code) code = check_made(f, to);
        if (code && code != EXIT_INTERRUPTED && !f->from->sha256) unlink(from);
    }
    return code;
}

/* made/ becomes D/NAME; where that is there, the files that it lacks go to their places. */
static int put_in_place(const job *j)
{
    arena *a = j->env->memory;
    if (access(j->place, F_OK)) {
        if (rename(j->made, j->place)) return problem("%s: can't be put in place: %s", j->place, strerror(errno));
    } else
        for (int i = 0; i < j->s->n_files; i++) {
            const char *to = place_of(a, j->place, &j->s->files[i]);
            if (!access(to, F_OK)) continue;
            if (make_folders(to, 0)) return EXIT_FAILED;
            if (rename(place_of(a, j->made, &j->s->files[i]), to))
                return problem("%s: can't be put in place: %s", to, strerror(errno));
        }
    return sync_folder_of(j->place);
}

/* All steps, with D/NAME.part locked against a second call. */
static int fetch_locked(job *j)
{
    int code = download_all(j);
    if (!code) code = make_files(j);
    if (!code) code = put_in_place(j);
    if (!code) code = remove_tree(j->work);
    return code;
}

static int fetch_set(job *j, const char **word)
{
    *word = "failed";
    int code = check_place(j);
    if (!code && !j->missing) *word = "there";
    if (code || !j->missing) return code;
    if (j->s->by_hand) {
        *word = "by hand";
        return by_hand(j);
    }
    show_terms(j->s);
    if (make_folders(j->work, 1)) return EXIT_FAILED;
    int lock = open(arena_print(j->env->memory, "%s/lock", j->work), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB)) {
        int is_busy = lock >= 0 && errno == EWOULDBLOCK;
        code = problem("%s: %s", j->work, is_busy ? "another `tenon fetch` is at work there" : strerror(errno));
        if (lock >= 0) close(lock);
        return code;
    }
    code = fetch_locked(j);
    close(lock);
    if (code == EXIT_DONE) *word = "fetched";
    if (code == EXIT_INTERRUPTED) {
        *word = "interrupted";
        tell("%s: interrupted; what is here stays in %s, and the next call goes on from there", j->s->name, j->work);
    }
    return code;
}

/* ---- the command -------------------------------------------------------------------------------------------------------- */
static int find_sets(const command_env *env, const catalogue *c, const arguments *a, const data_set **to)
{
    const char **names = arena_new(env->memory, sizeof *names * (size_t)(c->n + 1));
    int code = 0;
    for (int i = 0; i < c->n; i++) names[i] = c->set[i].name;
    for (int i = 0; i < a->n_rest; i++) {
        to[i] = catalogue_find(c, a->rest[i]);
        if (to[i]) continue;
        const char *near = nearest_name(a->rest[i], names, c->n);
        problem("no data set '%s'%s%s%s; `tenon fetch` lists them", a->rest[i], near ? "; did you mean '" : "", near ? near : "",
                near ? "'?" : "");
        code = EXIT_INPUT;
    }
    return code;
}

static int fetch_named(const command_env *env, const catalogue *c, const arguments *a, const char *dir, int tries)
{
    arena *m = env->memory;
    const data_set **set = arena_new(m, sizeof *set * (size_t)a->n_rest);
    int worst = find_sets(env, c, a, set);
    if (worst) return worst;
    if (!dir) {
        problem("where to? --data-dir D, or the folder that experiments read in TENON_DATA");
        return EXIT_INPUT;
    }
    for (int i = 0; i < a->n_rest && worst != EXIT_INTERRUPTED; i++) {
        const char *work = arena_print(m, "%s/%s.part", dir, set[i]->name), *word;
        job j = { env, set[i], arena_print(m, "%s/%s", dir, set[i]->name), work, arena_print(m, "%s/made", work), tries,
                  a->quiet, 0 };
        int code = fetch_set(&j, &word);
        if (a->json) print_json(json_pack("{s:s, s:s, s:s}", "name", set[i]->name, "state", word, "folder", j.place));
        else printf("%-18s %-12s %s\n", set[i]->name, word, j.place);
        fflush(stdout);
        if (code > worst) worst = code;
    }
    return worst;
}

static int fetch(int argc, char **argv, const command_env *env)
{
    static const char *const allowed[] = { "data-dir", "catalogue", "tries", "json", "quiet", NULL };
    arguments a;
    int64_t tries;
    catalogue c;
    int code = arguments_read(&a, argc, argv, env, allowed);
    if (!code) code = arguments_number(a.tries, "tries", 1, 1000, 4, &tries);
    if (code) return code;
    if (a.n_data_dirs > 1) {
        problem("--data-dir: one folder is enough");
        return EXIT_INPUT;
    }
    diag *d = diag_new();
    catalogue_read(env->memory, a.catalogue, &c, d);
    diag_print(d, stderr);
    code = diag_errors(d) ? EXIT_INPUT : EXIT_DONE;
    diag_free(d);
    if (code) return code;
    const char *dir = a.n_data_dirs ? a.data_dirs[0] : getenv("TENON_DATA");
    if (dir && !*dir) dir = NULL;
    if (a.n_rest) return fetch_named(env, &c, &a, dir, (int)tries);
    list_sets(env, &c, dir, a.json);
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    watch_signals();
    return program_main("fetch", "[NAME...] [--data-dir D] [--catalogue FILE] [--tries N] [--json] [--quiet]", argc, argv, fetch);
}
