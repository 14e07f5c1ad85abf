/* main.c -- `tenon new KIND NAME`: a plug-in to start from, in a folder NAME. The skeletons are plug-ins of their
 * own (skeletons/), which the tests build and check as they stand; here they are taken into the program as text,
 * and the word "skeleton" becomes the new part's name.                                                      */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../../host/accept.h"
#include "../../host/file.h"
#include "../../host/program.h"
#include "../../host/registry.h"

#define TEXT_OF(symbol, file)                                                                            \
    extern const char symbol[];                                                                          \
    __asm__(".section .rodata\n.global " #symbol "\n" #symbol ":\n.incbin \"tools/new/skeletons/" file "\"\n.byte 0\n.previous")
TEXT_OF(skeleton_layer, "layer.c");
TEXT_OF(skeleton_activation, "activation.c");
TEXT_OF(skeleton_loss, "loss.c");
TEXT_OF(skeleton_optimizer, "optimizer.c");
TEXT_OF(skeleton_metric, "metric.c");
TEXT_OF(skeleton_transform, "transform.c");
TEXT_OF(skeleton_makefile, "Makefile.in");

/* isas: what a part of that kind is compiled for besides plain; only kinds that compute gain by it. */
static const struct { uint32_t kind; const char *text, *isas; } skeletons[] = {
    { TN_LAYER, skeleton_layer, "v3 v4" }, { TN_ACTIVATION, skeleton_activation, "v3 v4" },
    { TN_LOSS, skeleton_loss, "v3 v4" }, { TN_OPTIMIZER, skeleton_optimizer, "v3 v4" },
    { TN_METRIC, skeleton_metric, "" }, { TN_TRANSFORM, skeleton_transform, "" },
};
enum { SKELETONS = sizeof skeletons / sizeof *skeletons };

/* The text with each `word` replaced. */
static const char *replaced(arena *memory, const char *text, const char *word, const char *by)
{
    size_t n = 0, times = 0, length = strlen(word), longer = strlen(by);
    for (const char *at = text; (at = strstr(at, word)); at += length) times++;
    char *to = arena_new(memory, strlen(text) + times * longer + 1);
    for (const char *at; (at = strstr(text, word)); text = at + length) {
        memcpy(to + n, text, (size_t)(at - text));
        n += (size_t)(at - text);
        memcpy(to + n, by, longer);
        n += longer;
    }
    memcpy(to + n, text, strlen(text) + 1);
    return to;
}

static int write_text(arena *memory, const char *folder, const char *name, const char *text)
{
    char error[1024];
    if (!file_replace(arena_print(memory, "%s/%s", folder, name), text, strlen(text), error, sizeof error)) return EXIT_DONE;
    fprintf(stderr, "tenon new: %s\n", error);
    return EXIT_FAILED;
}

static int write_all(const command_env *env, int which, const char *name)
{
    arena *m = env->memory;
    char header[PATH_MAX];
    const char *folder = kind_folder(skeletons[which].kind);
    const char *beside = arena_print(m, "%s/../include", env->folder); /* installed so; the build has a link there */
    if (!realpath(beside, header)) snprintf(header, sizeof header, "%s", beside);
    const char *make = replaced(m, skeleton_makefile, "skeleton", name);
    make = replaced(m, make, "@ISAS@", skeletons[which].isas);
    make = replaced(m, make, "@FOLDER@", folder);
    make = replaced(m, make, "@INCLUDE@", replaced(m, header, "$", "$$"));
    make = replaced(m, make, "@TENON@", replaced(m, arena_print(m, "%s/tenon", env->folder), "$", "$$"));
    int code = write_text(m, name, arena_print(m, "%s.c", name), replaced(m, skeletons[which].text, "skeleton", name));
    if (!code) code = write_text(m, name, "Makefile", make);
    if (code) return code;
    printf("made %s/%s.c and %s/Makefile; next:\n\n", name, name, name);
    printf("    make -C %s check                             # builds and proves it\n", name);
    printf("    tenon train FILE --plugin-path %s            # an experiment file with type = \"%s\"\n\n", name, name);
    return EXIT_DONE;
}

static int new_part(int argc, char **argv, const command_env *env)
{
    const char *all = "";
    int which = 0;
    for (int i = 0; i < SKELETONS; i++) all = arena_print(env->memory, "%s%s%s", all, i ? ", " : "", kind_name(skeletons[i].kind));
    if (argc != 3) {
        usage_error(env);
        fprintf(stderr, "KIND is one of %s\n", all);
        return EXIT_INPUT;
    }
    uint32_t kind = kind_of(argv[1]);
    const char *name = argv[2];
    while (which < SKELETONS && skeletons[which].kind != kind) which++;
    if (which == SKELETONS)
        fprintf(stderr, "tenon new: there is no skeleton for '%s'; KIND is one of %s\n", argv[1], all);
    else if (!accept_name(name))
        fprintf(stderr, "tenon new: '%s' can't be a part's name: small letters, digits and _, a letter first\n", name);
    else if (mkdir(name, 0777) && errno == EEXIST)
        fprintf(stderr, "tenon new: '%s' exists already; nothing was written\n", name);
    else if (access(name, W_OK))
        fprintf(stderr, "tenon new: the folder '%s' can't be made: %s\n", name, strerror(errno));
    else {
        const char *hidden = registry_path(registry_new(env->memory, env->plugin_path, 0), kind, name);
        if (hidden) fprintf(stderr, "warning: a %s '%s' exists (%s); yours will hide it\n", kind_name(kind), name, hidden);
        return write_all(env, which, name);
    }
    return EXIT_INPUT;
}

int main(int argc, char **argv) { return program_main("new", "KIND NAME", argc, argv, new_part); }
