/* published.c -- see published.h. The block names one figure by its own keys, and further ones of the same runs by
 * [[published.figure]], which are joined by `name` where a file extends another.                                      */
#include <string.h>
#include "published.h"

#define COUNT(list) (int)(sizeof(list) / sizeof *(list))

static const char *const accept_keys[] = { "mean_at_least", "mean_at_most", "best_at_least", "best_at_most", "parity_mean",
                                           "parity_error", "seeds" };
enum { ACCEPT_NUMBERS = 6 };

/* What may be demanded of a figure; only the block says how many seeds, for all of its figures. */
static void read_accept(config_value *table, int is_block, published *p, diag *d)
{
    config_value *a = config_get(table, "accept");
    if (!a) return;
    a->used = 1;
    if (a->type != CONFIG_TABLE) {
        diag_error(d, a->at, "accept: expected a table, as in { mean_at_least = 0.9 }, got %s", config_type_name(a->type));
        return;
    }
    for (int i = 0; i < ACCEPT_NUMBERS; i++) config_real(a, accept_keys[i], 0, -1e300, 1e300, d);
    config_value *seeds = config_get(a, "seeds"), *error = config_get(a, "parity_error");
    if (is_block) p->seeds = (int)config_int(a, "seeds", 1, 1, MOST_SEEDS, d);
    else if (seeds) {
        seeds->used = 1;
        diag_error(d, seeds->key_at, "seeds: all figures are of the same runs; it stands in the accept of [published] alone");
    }
    if (error && !config_get(a, "parity_mean"))
        diag_error(d, error->at, "parity_error is the standard error of parity_mean, which is not there");
    const config_value *least = config_get(a, "mean_at_least"), *most = config_get(a, "mean_at_most");
    if (least && most && least->real > most->real)
        diag_error(d, least->at, "mean_at_least = %.15g is more than mean_at_most = %.15g, so no mean is accepted", least->real, most->real);
    config_unused(a, is_block ? "published.accept" : "published.figure.accept", accept_keys, ACCEPT_NUMBERS + is_block, NULL, d);
}

/* The keys that the block has as well as each of [[published.figure]]. */
static void read_figure(config_value *t, int is_block, published *p, diag *d)
{
    const char *metric = config_text(t, "metric", NULL, d);
    const config_value *named = config_get(t, "metric");
    figure f = { metric, named ? named->at : t->at, config_real(t, "value", 0, -1e300, 1e300, d), config_get(t, "value") != NULL,
                 config_get(t, "accept") };
    config_text(t, "basis", NULL, d);
    config_text(t, "source", NULL, d);
    config_text(t, "note", NULL, d);
    read_accept(t, is_block, p, d);
    int demands = 0;
    for (int i = 0; i < ACCEPT_NUMBERS; i++) demands |= config_get(f.accept, accept_keys[i]) != NULL;
    if (!named && (!is_block || f.has_value || demands))
        diag_error(d, t->at, "%s: a metric is missing: which figure is it, as in metric = \"test.accuracy\"?",
                   is_block ? "[published]" : "[[published.figure]]");
    if (!metric) return;
    if (!strncmp(metric, "run.", 4) && strcmp(metric, "run.stopped") != 0 && strcmp(metric, "run.steps") != 0)
        diag_error(d, f.at, "metric: '%s' tells nothing of how a run ended; there are run.stopped and run.steps", metric);
    for (int i = 0; i < p->n; i++)
        if (!strcmp(p->figure[i].metric, metric)) {
            diag_error(d, f.at, "metric: '%s' is published above already, in line %d", metric, p->figure[i].at.line);
            return;
        }
    if (p->n == MOST_FIGURES) diag_error(d, t->at, "more than %d figures are published", MOST_FIGURES);
    else p->figure[p->n++] = f;
}

static void read_further(config_value *list, published *p, const char *const (*elsewhere)[2], diag *d)
{
    static const char *const keys[] = { "metric", "value", "basis", "accept", "source", "note", "name" };
    list->used = 1;
    if (list->type != CONFIG_ARRAY) {
        diag_error(d, list->at, "'figure' may stand several times: write [[published.figure]]");
        return;
    }
    for (int i = 0; i < list->n; i++) {
        config_value *t = list->item[i];
        t->used = 1;
        if (t->type != CONFIG_TABLE) {
            diag_error(d, t->at, "[[published.figure]] must be a table, got %s", config_type_name(t->type));
            continue;
        }
        read_figure(t, 0, p, d);
        config_text(t, "name", NULL, d);
        config_unused(t, "published.figure", keys, COUNT(keys), elsewhere, d);
    }
}

void published_read(published *p, config_value *root, const char *const (*elsewhere)[2], diag *d)
{
    static const char *const keys[] = { "metric", "value", "basis", "accept", "parameters", "source", "note", "figure" };
    config_value *t = config_get(root, "published");
    memset(p, 0, sizeof *p);
    p->seeds = 1;
    if (!t) return;
    t->used = 1;
    if (t->type != CONFIG_TABLE) {
        diag_error(d, t->at, "published: expected a table, [published]; further figures stand under [[published.figure]]");
        return;
    }
    read_figure(t, 1, p, d);
    config_int(t, "parameters", 0, 0, INT64_MAX, d);
    if (config_get(t, "figure")) read_further(config_get(t, "figure"), p, elsewhere, d);
    config_unused(t, "published", keys, COUNT(keys), elsewhere, d);
}
