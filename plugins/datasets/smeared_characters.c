/* smeared_characters.c -- texts of a made-up alphabet as noisy frames, each character smeared over several of them: what a
 * reader of handwriting or speech gets, for ctc. */
#include "generator.h"

typedef struct { generator made; int64_t alphabet, shortest, longest, smear, gap, features; double noise; } config;
static const tn_option options[] = {
    TN_INT(config, alphabet, 10, 2, 1000, "different characters"),
    TN_INT(config, shortest, 3, 0, 10000, "characters of the shortest text"),
    TN_INT(config, longest, 10, 1, 10000, "characters of the longest text"),
    TN_INT(config, smear, 4, 1, 100, "a character lasts 1 to this many frames"),
    TN_INT(config, gap, 2, 1, 100, "0 to this many frames of noise alone follow it; at least 1 before the same character again"),
    TN_INT(config, features, 12, 1, 1000, "numbers in a frame"),
    TN_REAL(config, noise, 0.5, 0, 100, "deviation of the noise in each number; those of a character's shape have deviation 1"),
    GENERATOR_OPTIONS(config) };

static int check(const tn_api *api, tn_host *host, const void *config_)
{
    const config *c = config_;
    if (c->shortest <= c->longest) return TN_OK;
    return tn_fail(api, host, TN_EINVAL, "smeared_characters: shortest (%lld) is above longest (%lld)", (long long)c->shortest,
                   (long long)c->longest);
}

/* Most frames of a text. */
static int64_t most_frames(const config *c) { return c->longest * (c->smear + c->gap); }

static int open_characters(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    const config *c = config_;
    return maker_open(api, host, config_, self, sizeof(float) * (size_t)(most_frames(c) * c->features) + sizeof(int32_t) * (size_t)c->longest);
}

static int column(void *self, uint32_t i, tn_column *out)
{
    const config *c = ((const maker *)self)->config;
    if (i > 1) return TN_END;
    *out = i ? (tn_column){ sizeof *out, TN_I32, 1, 1, "text", c->alphabet }
             : (tn_column){ sizeof *out, TN_F32, 1, (uint32_t)c->features, "frames", 0 };
    return TN_OK;
}

/* The shape of a character: the same in every split. */
static double shape(const config *c, tn_rng rng, int32_t id, int64_t feature)
{
    tn_rng own = { c->made.data_seed ? (uint64_t)c->made.data_seed : rng.key, 0 };
    return tn_random_normal(tn_random_fork(own, 1000), (uint64_t)(id * c->features + feature));
}

/* One frame: the shape of a character, or nothing where id < 0, and noise. */
static void put_frame(const config *c, tn_rng rng, int32_t id, draws *d, float *frame)
{
    for (int64_t j = 0; j < c->features; j++)
        frame[j] = (float)((id < 0 ? 0 : shape(c, rng, id, j)) + c->noise * tn_random_normal(d->rng, (uint64_t)1 << 40 | d->n++));
}

static int read_example(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    const maker *m = self;
    const config *c = m->config;
    draws d = draws_of(m, &c->made, split, index, rng);
    float *frames = m->room;
    int32_t *text = (int32_t *)(void *)(frames + most_frames(c) * c->features);
    int64_t length = draw_int(&d, c->shortest, c->longest), n = 0;
    (void)lanes;
    for (int64_t k = 0; k < length; k++) {
        text[k] = (int32_t)draw_int(&d, 0, c->alphabet - 1);
        int64_t gap = k ? draw_int(&d, text[k] == text[k - 1], c->gap) : 0, lasts = draw_int(&d, 1, c->smear);
        for (int64_t t = 0; t < gap + lasts; t++) put_frame(c, rng, t < gap ? -1 : text[k], &d, frames + n++ * c->features);
    }
    tn_value x = { sizeof x, TN_F32, 1, (uint32_t)c->features, n, n, NULL, frames, NULL };
    tn_value y = { sizeof y, TN_I32, 1, 1, length, length, NULL, text, NULL };
    int rc = sink->put(sink->to, 0, &x);
    return rc ? rc : sink->put(sink->to, 1, &y);
}

GENERATOR_FUNCTIONS(config)
static const tn_dataset table = { .size = sizeof table, .column = column, .load = load, .count = count, .read = read_example,
                                  .renew = renew };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_DATASET, .table = &table, .name = "smeared_characters",
    .brief = "texts as noisy frames, each character over several of them",
    .doc = "Columns `frames` (`features` numbers a step) and `text` (ids 0 to alphabet - 1). A text has `shortest` to `longest`\n"
           "characters, equally likely. Each character has a shape of standard normal numbers, the same in all splits, and lasts 1\n"
           "to `smear` frames; before the next there are 0 to `gap` frames of nothing, and at least one where the same character\n"
           "follows. Every number has normal noise on it. Nothing says where a character begins: that is what `ctc` is for.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(maker), .check = check, .open = open_characters,
    .close = maker_close };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("smeared_characters", "1.0", "The Tenon authors", "MIT", "", parts)
