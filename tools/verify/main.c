/* main.c -- `tenon verify`: trains experiments that have a [published] block, each with as many seeds as it asks for,
 * and says which figures are reached. A miss stays in the table as a miss.
 *
 *     tenon verify [FILE...]              trains; runs that are finished in --run DIR (runs/verify) count, others go on
 *     tenon verify --record [FILE...]     and keeps what came out in recorded/ beside each file
 *     tenon verify --recorded [FILE...]   trains nothing: the records, as far as they belong to the files as they are
 *
 * Without FILE: every file of experiments/published, and of the folders in it, that has such a block. Exit 1: a figure was
 * missed in training, or a record is missing, stale or incomplete. Where data are not here the verdict says that they were not
 * compared with those of the record. */
#include <glob.h>
#include "../../host/command_line.h"
#include "../shared/parameters.h"
#include "../shared/wiring.h"
#include "runs.h"
#include "verdict.h"

/* Counts the parameters against those published, where the data are here that say how many there are. */
static int check_parameters(experiment *e)
{
    if (!config_get(config_get(e->root, "published"), "parameters") || !data_is_there(e)) return EXIT_DONE;
    int code = read_data(e, 1);
    return code ? code : published_parameters(e);
}

static int verify_file(const char *path, const arguments *a, const command_env *env, int was_named)
{
    char error[900];
    int code;
    record *r = arena_new(env->memory, sizeof *r);
    experiment *e = open_experiment(path, a, env, &code);
    if (!e) return code;
    const config_value *block = config_get(e->root, "published");
    if (!was_named && !block) { /* it stands there to be compared with */
        experiment_free(e);
        return EXIT_DONE;
    }
    if (e->published.n) code = check_parameters(e);
    else {
        if (block) fprintf(stderr, "%s:%d:%d: ", block->at.file, block->at.line, block->at.column);
        fprintf(stderr, "tenon verify: %s has no [published] with a metric\n", e->path);
        code = EXIT_INPUT;
    }
    if (code == EXIT_DONE && a->recorded) {
        if (record_read(r, e, error, sizeof error)) {
            fprintf(stderr, "tenon verify: %s\n", error);
            code = EXIT_FAILED;
        } else code = not_whole(e, r) ? EXIT_FAILED : EXIT_DONE;
    } else if (code == EXIT_DONE) {
        code = run_seeds(e, a, env, r);
        if (code != EXIT_DONE) r->seeds = 0;
        else if (some_missed(e, r)) code = EXIT_FAILED;
    }
    if (r->seeds) print_verdict(e, r, a->json);
    experiment_free(e);
    return code;
}

/* All that are published. 0, or why there are none. */
static int find_files(glob_t *found)
{
    int rc = glob("experiments/published/*.toml", 0, NULL, found);
    if (rc) return rc;
    rc = glob("experiments/published/*/*.toml", GLOB_APPEND, NULL, found);
    return rc == GLOB_NOMATCH ? 0 : rc;
}

static int verify(int argc, char **argv, const command_env *env)
{
    static const char *const allowed[] = { "recorded", "record", "run", "threads", "data-dir", "json", "quiet", NULL };
    arguments a;
    glob_t found = { 0 };
    int worst = EXIT_DONE, code = arguments_read(&a, argc, argv, env, allowed);
    if (code) return code;
    if (!a.n_rest && find_files(&found)) {
        fprintf(stderr, "tenon verify: there is no experiments/published here; name the files\n");
        return EXIT_INPUT;
    }
    if (!a.json) print_heading();
    int n = a.n_rest ? a.n_rest : (int)found.gl_pathc;
    for (int i = 0; i < n && worst != EXIT_INTERRUPTED; i++) {
        code = verify_file(a.n_rest ? a.rest[i] : found.gl_pathv[i], &a, env, a.n_rest > 0);
        fflush(stdout);
        if (code > worst) worst = code;
    }
    globfree(&found);
    return worst;
}

int main(int argc, char **argv)
{
    return program_main("verify", "[FILE...] [--recorded | --record] [--run DIR] [--threads N] [--data-dir D] [--json] [--quiet]",
                        argc, argv, verify);
}
