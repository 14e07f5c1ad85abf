/* stems.c -- words without their endings, by the Snowball stemmers of libstemmer. */
#include <libstemmer.h>
#include "pipe.h"

typedef struct { const char *language; } config;
static const tn_option options[] = {
    TN_STR(config, language, "english", "a language of Snowball by its English name or its code; porter is the original of 1980") };

typedef struct { struct sb_stemmer *stemmer; pipe_out out; } stems;

static int open_stems(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    stems *s = self;
    const char *language = ((const config *)config_)->language;
    pipe_open(&s->out, api, host);
    s->stemmer = sb_stemmer_new(language, "UTF_8");
    if (s->stemmer) return TN_OK;
    char all[400] = "";
    for (const char **name = sb_stemmer_list(); *name && strlen(all) + strlen(*name) + 3 < sizeof all; name++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", all[0] ? ", " : "", *name);
    return tn_fail(api, host, TN_EINVAL, "language: '%s' is none of %s", language, all);
}

static void close_stems(void *self)
{
    stems *s = self;
    sb_stemmer_delete(s->stemmer);
    s->stemmer = NULL;
    pipe_close(&s->out);
}

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, const tn_column *in, tn_column *out)
{
    (void)config_, (void)self;
    if (in->dtype != TN_TEXT || in->depth != 1)
        return tn_fail(api, host, TN_EINVAL, "takes a text cut into words; put it behind words");
    *out = *in;
    return TN_OK;
}

static int apply(void *self, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    stems *s = self;
    (void)rng;
    pipe_begin(&s->out);
    for (int64_t i = 0; i < in->leaves; i++) {
        int64_t bytes;
        const char *text = value_leaf(in, i, &bytes);
        const sb_symbol *stem = sb_stemmer_stem(s->stemmer, (const sb_symbol *)text, (int)bytes);
        if (!stem) return s->out.api->fail(s->out.host, TN_ENOMEM, "no memory for a stem");
        pipe_put(&s->out, (const char *)stem, sb_stemmer_length(s->stemmer));
        pipe_leaf(&s->out);
    }
    return pipe_send(&s->out, 1, in->leaves, NULL, sink);
}

static const tn_transform table = { sizeof table, 0, plan, apply, NULL, NULL, NULL };
static const tn_desc desc = {
    sizeof desc, TN_TRANSFORM, &table, "stems", "words without their endings",
    "`connection`, `connected` and `connecting` become `connect`. The stemmers know small letters alone: put "
    "`lowercase` before. Porter 1980, \"An algorithm for suffix stripping\", and the Snowball stemmers at "
    "snowballstem.org.",
    TN_OPTIONS(options), sizeof(config), sizeof(stems), NULL, open_stems, close_stems, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("stems", "1.0.0", "Tenon", "MIT", "", parts)
