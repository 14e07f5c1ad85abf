/* open_data.h -- an experiment from text, with its data read: for tests of data sets, fields and transforms. */
#ifndef OPEN_DATA_H
#define OPEN_DATA_H
#include <stdlib.h>
#include "../host/experiment.h"
#include "expect.h"

static const char *plugins, *folder;       /* where plug-ins are found; where files may be written              */
static const char top[] = "schema = 1\nname = 'data'\nseed = 7\n";

static void write_file(const char *name, const char *text)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    if (!f) return;
    fputs(text, f);
    fclose(f);
}

/* Loads an experiment and reads its data, if it can. */
__attribute__((unused)) static experiment *load_data(const char *middle, const char *end, const char *data_dir)
{
    char path[1000], *text = malloc(strlen(middle) + strlen(end) + sizeof top);
    if (!text) return NULL;
    sprintf(text, "%s%s%s", top, middle, end);
    write_file("data.toml", text);
    free(text);
    snprintf(path, sizeof path, "%s/data.toml", folder);
    static const char *paths[2], *dirs[2]; /* parts that are made later are looked for there, too */
    paths[0] = plugins, dirs[0] = data_dir;
    overrides o = { NULL, 0, dirs, paths };
    experiment *e = experiment_load(path, &o);
    if (!diag_errors(e->messages)) (void)experiment_read_data(e, NULL, NULL);
    return e;
}

/* The same; NULL, and a failure, where there is a mistake. */
__attribute__((unused)) static experiment *open_data(const char *middle, const char *end, const char *data_dir)
{
    experiment *e = load_data(middle, end, data_dir);
    if (!diag_errors(e->messages) && !e->host.error[0]) return e;
    diag_print(e->messages, stdout);
    expect(0, "%s\n%s", middle, e->host.error);
    experiment_free(e);
    return NULL;
}

__attribute__((unused)) static const char *word_at(const field *f, int split, int64_t i) { return f->words->word[f->split[split].id[i]]; }

/* The file must be refused, with a message that has `says` in it. */
__attribute__((unused)) static void refuse(const char *middle, const char *end, const char *dir, const char *says)
{
    char path[1000], *text = malloc(strlen(middle) + strlen(end) + 200);
    if (!text) return;
    sprintf(text, "%s%s%s", top, middle, end);
    write_file("refused.toml", text);
    free(text);
    snprintf(path, sizeof path, "%s/refused.toml", folder);
    const char *paths[] = { plugins, NULL }, *dirs[] = { dir, NULL };
    overrides o = { NULL, 0, dirs, paths };
    experiment *e = experiment_load(path, &o);
    int refused = diag_errors(e->messages) || experiment_read_data(e, NULL, NULL) || diag_errors(e->messages);
    char got[4096] = "";
    FILE *f = fmemopen(got, sizeof got - 1, "w");
    if (f) {
        diag_print(e->messages, f);
        fprintf(f, "%s", e->host.error);
        fclose(f);
    }
    expect(refused, "no mistake was found; expected: %s\n%s", says, middle);
    if (refused) expect(strstr(got, says) != NULL, "\n    found    %s\n    expected %s", got, says);
    experiment_free(e);
}
#endif
