/* batches.c -- `tenon batches FILE FOLDER`: writes what a network is fed, so that another program can be fed the same.
 *
 *   data.json                     seed, batch size, epochs, fields (kind, depth, width, classes), parameters
 *   config.toml                   the experiment, merged
 *   order.npy                     [epochs x examples] the training examples in the order of each epoch's batches
 *   SPLIT.FIELD.id.npy            ids of all examples of a split, one after the other (.real.npy: numbers)
 *   SPLIT.FIELD.begin.npy         [examples + 1] where each begins; absent where a field is one value an example
 *   SPLIT.FIELD.inner.npy         of a sequence of sequences: where each step begins
 *   first.PARAMETER.npy           its values before the first step
 *
 * A batch is batch_size examples of `order` in turn; the last one of an epoch may be smaller.                   */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "../host/command_line.h"
#include "../host/train.h"

static int cannot_write(const char *path)
{
    fprintf(stderr, "tenon batches: cannot write '%s': %s\n", path, strerror(errno));
    return EXIT_FAILED;
}

/* rows x width elements as a .npy file, format 1.0; width 0: an array of one dimension. */
static int write_npy(const char *path, const char *type, size_t element, int64_t rows, int64_t width, const void *elements)
{
    char header[128], shape[64];
    if (width) snprintf(shape, sizeof shape, "%lld, %lld", (long long)rows, (long long)width);
    else snprintf(shape, sizeof shape, "%lld,", (long long)rows);
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10); /* 0x76: the 118 bytes that follow */
    int n = snprintf(header + 10, sizeof header - 10, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", type, shape);
    header[10 + n] = ' ', header[127] = '\n';
    size_t count = (size_t)(rows * (width ? width : 1));
    FILE *f = fopen(path, "wb");
    if (!f) return cannot_write(path);
    int bad = fwrite(header, 1, sizeof header, f) != sizeof header || fwrite(elements, element, count, f) != count;
    return bad | fclose(f) ? cannot_write(path) : 0;
}

/* One field of one split. */
static int write_store(arena *a, const char *folder, int split, const field *f)
{
    const store *s = &f->split[split];
    const char *stem = arena_print(a, "%s/%s.%s", folder, split_names[split], f->name);
    int rc = 0;
    if (s->begin) rc = write_npy(arena_print(a, "%s.begin.npy", stem), "<i8", 8, s->examples + 1, 0, s->begin);
    if (!rc && s->inner) rc = write_npy(arena_print(a, "%s.inner.npy", stem), "<i8", 8, s->begin[s->examples] + 1, 0, s->inner);
    if (!rc && s->id) rc = write_npy(arena_print(a, "%s.id.npy", stem), "<i4", 4, s->leaves, 0, s->id);
    if (!rc && s->real) rc = write_npy(arena_print(a, "%s.real.npy", stem), "<f4", 4, s->leaves, f->width, s->real);
    return rc;
}

static int write_data(experiment *e, const char *folder)
{
    for (int split = 0; split < SPLITS; split++)
        for (int i = 0; i < e->data->n_fields && e->data->count[split] > 0; i++) {
            int rc = write_store(&e->memory, folder, split, e->data->field[i]);
            if (rc) return rc;
        }
    return 0;
}

static int write_order(experiment *e, const char *folder)
{
    int64_t n = e->data->count[SPLIT_TRAIN];
    int64_t *order = memory_new(sizeof *order * (size_t)(n * e->epochs + 1));
    for (int64_t k = 0; k < e->epochs; k++) epoch_order(e, k + 1, order + k * n);
    int rc = write_npy(arena_print(&e->memory, "%s/order.npy", folder), "<i8", 8, e->epochs, n, order);
    memory_free(order);
    return rc;
}

static int write_parameters(experiment *e, const char *folder)
{
    graph *g = e->graph;
    for (int i = 0; i < g->n_parameters; i++) {
        const parameter *w = g->parameter[i];
        const char *path = arena_print(&e->memory, "%s/first.%s.npy", folder, w->name);
        int rc = write_npy(path, "<f4", 4, w->rows, w->width, g->value + w->offset);
        if (rc) return rc;
    }
    return 0;
}

static json_t *field_json(const experiment *e, const field *f)
{
    static const char *const kinds[] = { "", "text", "category", "tags", "numbers" };
    json_t *j = json_pack("{s:s, s:s, s:i, s:i, s:i}", "name", f->name, "kind", kinds[f->kind], "depth", (int)f->depth,
                          "width", (int)f->width, "classes", (int)f->spec.classes);
    for (int s = 0; s < SPLITS; s++)
        if (e->data->count[s] > 0) json_object_set_new(j, split_names[s], json_integer((json_int_t)f->split[s].leaves));
    return j;
}

static int write_description(experiment *e, const char *folder)
{
    graph *g = e->graph;
    json_t *fields = json_array(), *parameters = json_array(), *counts = json_object();
    for (int i = 0; i < e->data->n_fields; i++) json_array_append_new(fields, field_json(e, e->data->field[i]));
    for (int i = 0; i < g->n_parameters; i++) {
        const parameter *w = g->parameter[i];
        json_array_append_new(parameters, json_pack("{s:s, s:I, s:I, s:i, s:i, s:I, s:I, s:s}", "name", w->name,
            "rows", (json_int_t)w->rows, "width", (json_int_t)w->width, "dimensions", (int)w->p.ndim,
            "blocks", (int)(w->p.blocks ? w->p.blocks : 1), "fan_in", (json_int_t)w->p.fan_in,
            "fan_out", (json_int_t)w->p.fan_out, "init", w->p.init ? w->p.init : ""));
    }
    for (int s = 0; s < SPLITS; s++)
        if (e->data->count[s] > 0) json_object_set_new(counts, split_names[s], json_integer((json_int_t)e->data->count[s]));
    json_t *all = json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "name", e->name, "seed", (json_int_t)e->seed,
        "batch_size", (json_int_t)e->batch_size, "epochs", (json_int_t)e->epochs, "values", (json_int_t)g->values,
        "examples", counts, "fields", fields, "parameters", parameters);
    const char *path = arena_print(&e->memory, "%s/data.json", folder);
    int bad = !all || json_dump_file(all, path, JSON_INDENT(1));
    json_decref(all);
    if (bad) return cannot_write(path);
    path = arena_print(&e->memory, "%s/config.toml", folder);
    FILE *f = fopen(path, "w");
    if (!f) return cannot_write(path);
    bad = fputs(config_document(&e->memory, e->root, e->root->at.file), f) < 0;
    return bad | fclose(f) ? cannot_write(path) : 0;
}

static int write_all(experiment *e, const char *folder)
{
    if (mkdir(folder, 0777) && errno != EEXIST) {
        fprintf(stderr, "tenon batches: cannot make '%s': %s\n", folder, strerror(errno));
        return EXIT_INPUT;
    }
    if (experiment_start(e, 1, 0) || graph_initialize(e->graph, config_get(e->root, "initialize"))) return failed(e);
    int renewed = e->epochs > 1 ? data_renew(e->data, 2) : 0;
    if (renewed > 0) {
        fprintf(stderr, "tenon batches: the training examples are others in every epoch, and those of one are written; "
                        "give --set training.epochs=1\n");
        return EXIT_INPUT;
    }
    if (renewed) return failed(e);
    int rc = write_data(e, folder);
    if (!rc) rc = write_order(e, folder);
    if (!rc) rc = write_parameters(e, folder);
    return rc ? rc : write_description(e, folder);
}

static int batches(int argc, char **argv, const command_env *env)
{
    static const char *const allowed[] = { "set", "data-dir", NULL };
    arguments a;
    int code = arguments_read(&a, argc, argv, env, allowed);
    if (code) return code;
    if (!a.second) return usage_error(env);
    experiment *e = open_experiment(a.file, &a, env, &code);
    if (!e) return code;
    code = read_data(e, 0);
    if (!code) code = write_all(e, a.second);
    experiment_free(e);
    return code;
}

int main(int argc, char **argv)
{
    return program_main("batches", "FILE FOLDER [--set K=V] [--data-dir D]   writes what the network is fed", argc, argv, batches);
}
