/* skeleton.c -- a step of a text pipeline: every digit becomes one and the same, so that 1984 and 2024 are one word.
 * A transform gets the value of one example (a text, or texts in steps) and gives another; it must not depend on other
 * examples. To make it yours: change `rewrite`; where the number of steps changes, plan() and `out.n` change with it. */
#include <stdlib.h>
#include <string.h>
#include <tenon/tenon.h>

typedef struct config { const char *digit; } config;
typedef struct self { const tn_api *api; tn_host *host; char digit; char *text; size_t room; } self;

static const tn_option options[] = {
    TN_STR(config, digit, "0", "what every digit becomes, one character"),
};

/* n bytes of UTF-8; as many go out as came in. */
static void rewrite(const self *s, const char *from, int64_t n, char *to)
{
    for (int64_t i = 0; i < n; i++) to[i] = from[i] >= '0' && from[i] <= '9' ? s->digit : from[i];
}

/* ---- values ------------------------------------------------------------------------------------------------- */

/* Rules that the table of options can't say. */
static int check(const tn_api *api, tn_host *host, const void *options_)
{
    const config *c = options_;
    if (strlen(c->digit) != 1) return tn_fail(api, host, TN_EINVAL, "digit = \"%s\": one character is needed", c->digit);
    return TN_OK;
}

static int open_(const tn_api *api, tn_host *host, const void *options_, void *self_)
{
    const config *c = options_;
    self *s = self_;
    s->api = api, s->host = host, s->digit = c->digit[0];
    return TN_OK;
}

static void close_(void *self_)
{
    self *s = self_;
    free(s->text);
    s->text = NULL;
}

/* What goes out has the type and the depth of what comes in. */
static int plan(const tn_api *api, tn_host *host, const void *options_, void *self_, const tn_column *in, tn_column *out)
{
    (void)options_, (void)self_;
    if (in->dtype != TN_TEXT) return tn_fail(api, host, TN_ESHAPE, "column '%s' is not text", in->name);
    out->dtype = in->dtype, out->depth = in->depth, out->width = in->width, out->classes = 0;
    return TN_OK;
}

static int apply(void *self_, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    self *s = self_;
    (void)rng;
    int64_t bytes = in->leaves ? in->end[in->leaves - 1] : 0;
    if ((size_t)bytes + 1 > s->room) {
        char *more = realloc(s->text, (size_t)bytes + 1);
        if (!more) return s->api->fail(s->host, TN_ENOMEM, "not enough memory for a text");
        s->text = more, s->room = (size_t)bytes + 1;
    }
    rewrite(s, in->leaf, bytes, s->text);
    tn_value out = *in;                    /* same steps, same ends, other bytes                               */
    out.size = sizeof out, out.leaf = s->text;
    return sink->put(sink->to, 0, &out);
}

static const tn_transform transform = { .size = sizeof transform, .plan = plan, .apply = apply };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_TRANSFORM, .table = &transform, .name = "skeleton",
    .brief = "makes all digits one",
    .doc = "With digit = \"0\", `1984` becomes `0000`.\n",
    .options = options, .n_options = sizeof options / sizeof *options, .option_size = sizeof *options,
    .config_size = sizeof(config), .self_size = sizeof(self),
    .check = check, .open = open_, .close = close_,
};
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("skeleton", "0.1", "", "", "", parts)
