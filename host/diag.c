/* diag.c -- collects messages about the user's input and prints them in the order of the files; and the search
 * for the name that was probably meant.                                                                      */
#include "diag.h"
#include "memory.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct message {
    int file, line, column;                  /* file: its number in diag.files                               */
    int order;                               /* when it came: ties keep that order                           */
    int shown;                               /* an earlier diag_print had it                                 */
    char *text;                              /* the whole line                                               */
} message;

struct diag {
    message *list;
    int n, room, errors;
    char **files;
    int n_files, files_room;
};

static char *copied(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = memory_new(n);
    return copy ? memcpy(copy, text, n) : NULL;
}

diag *diag_new(void)
{
    return memory_new(sizeof(diag));
}

void diag_free(diag *d)
{
    if (!d)
        return;
    for (int i = 0; i < d->n; i++)
        memory_free(d->list[i].text);
    for (int i = 0; i < d->n_files; i++)
        memory_free(d->files[i]);
    memory_free(d->list);
    memory_free(d->files);
    memory_free(d);
}

/* The number of a file, a new one at its first use. */
static int file_number(diag *d, const char *file)
{
    for (int i = 0; i < d->n_files; i++)
        if (!strcmp(d->files[i], file))
            return i;
    if (d->n_files == d->files_room) {
        int room = d->files_room ? 2 * d->files_room : 8;
        d->files = memory_grow(d->files, (size_t)d->n_files * sizeof *d->files, (size_t)room * sizeof *d->files);
        d->files_room = room;
    }
    d->files[d->n_files] = copied(file);
    return d->n_files++;
}

/* "file:line:column: [warning: ]text", as much of it as is known. */
static char *line_of(where at, const char *mark, const char *format, va_list args)
{
    char place[64] = "";
    if (at.line > 0)
        snprintf(place, sizeof place, ":%d:%d", at.line, at.column);
    va_list again;
    va_copy(again, args);
    int head = snprintf(NULL, 0, "%s%s%s%s", at.file ? at.file : "", place, at.file ? ": " : "", mark);
    int body = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (head < 0 || body < 0)
        return NULL;
    char *text = memory_new((size_t)head + (size_t)body + 1);
    if (!text)
        return NULL;
    snprintf(text, (size_t)head + 1, "%s%s%s%s", at.file ? at.file : "", place, at.file ? ": " : "", mark);
    vsnprintf(text + head, (size_t)body + 1, format, args);
    for (char *c = text; *c; c++)            /* one message is one line, and no terminal is driven by it     */
        if ((unsigned char)*c < 32 || *c == 127)
            *c = ' ';
    return text;
}

static void add(diag *d, where at, const char *mark, const char *format, va_list args)
{
    if (d->n == d->room) {
        int room = d->room ? 2 * d->room : 16;
        d->list = memory_grow(d->list, (size_t)d->n * sizeof *d->list, (size_t)room * sizeof *d->list);
        d->room = room;
    }
    message *m = &d->list[d->n];
    m->text = line_of(at, mark, format, args);
    if (!m->text)
        return;
    m->file = file_number(d, at.file ? at.file : "");
    m->line = at.line;
    m->column = at.column;
    m->shown = 0;
    m->order = d->n++;
}

void diag_error(diag *d, where at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(d, at, "", format, args);
    va_end(args);
    d->errors++;
}

void diag_warning(diag *d, where at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(d, at, "warning: ", format, args);
    va_end(args);
}

void diag_file(diag *d, const char *file)
{
    file_number(d, file);
}

int diag_errors(const diag *d)
{
    return d->errors;
}

static int earlier(const void *a, const void *b)
{
    const message *x = a, *y = b;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Whether an equal line stands among the first n. Equal lines have equal places, so they are close together. */
static int repeated(const message *list, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        if (list[i].file != list[n].file || list[i].line != list[n].line || list[i].column != list[n].column)
            return 0;
        if (!strcmp(list[i].text, list[n].text))
            return 1;
    }
    return 0;
}

/* An experiment is wired a second time when its data are read, so what was shown before may have come again. */
void diag_print(diag *d, FILE *to)
{
    message *sorted = memory_new((size_t)d->n * sizeof *sorted);
    if (!sorted)
        return;
    if (d->n)
        memcpy(sorted, d->list, (size_t)d->n * sizeof *sorted);
    qsort(sorted, (size_t)d->n, sizeof *sorted, earlier);
    for (int i = 0; i < d->n; i++)
        if (!sorted[i].shown && !repeated(sorted, i))
            fprintf(to, "%s\n", sorted[i].text);
    for (int i = 0; i < d->n; i++)
        d->list[i].shown = 1;
    memory_free(sorted);
}

/* ---- names ---------------------------------------------------------------------------------------------- */

enum { LONGEST = 64 };                       /* longer names are not compared                                */

static int same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* How many letters must be inserted, deleted, replaced or exchanged with their neighbour to make b of a
 * (optimal string alignment).
 *     d[i][j] = min(d[i-1][j] + 1, d[i][j-1] + 1, d[i-1][j-1] + (a[i] != b[j]), d[i-2][j-2] + 1 if exchanged) */
static int distance(const char *a, const char *b)
{
    int n = (int)strlen(a), m = (int)strlen(b);
    int d[LONGEST + 1][LONGEST + 1];
    for (int i = 0; i <= n; i++)
        d[i][0] = i;
    for (int j = 0; j <= m; j++)
        d[0][j] = j;
    for (int i = 1; i <= n; i++)
        for (int j = 1; j <= m; j++) {
            int least = d[i - 1][j - 1] + !same_letter(a[i - 1], b[j - 1]);
            if (d[i - 1][j] + 1 < least)
                least = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < least)
                least = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1])
                && d[i - 2][j - 2] + 1 < least)
                least = d[i - 2][j - 2] + 1;
            d[i][j] = least;
        }
    return d[n][m];
}

/* Whether `name` is made of the first letters of the words of `full`: lr of learning_rate. */
static int initials(const char *name, const char *full)
{
    size_t i = 0, words = 0;
    for (const char *c = full; *c; c++)
        if (c == full || c[-1] == '_') {
            if (!name[i] || !same_letter(name[i], *c))
                return 0;
            i++;
            words++;
        }
    return words > 1 && !name[i];
}

/* Whether `part`, four letters or more, is a whole number of words of `full`: rate of learning_rate. */
static int words_of(const char *part, const char *full)
{
    size_t n = strlen(part);
    if (n < 4)
        return 0;
    for (const char *c = full; *c; c++)
        if ((c == full || c[-1] == '_') && !strncasecmp(c, part, n) && (c[n] == 0 || c[n] == '_'))
            return 1;
    return 0;
}

/* By initials, then by letters: at most one in three may differ (one in a short name, and never all), then by words. */
const char *nearest_name(const char *name, const char *const *names, int n)
{
    const char *best = NULL;
    int length = (int)strlen(name), fewest = LONGEST;
    if (length > LONGEST)
        return NULL;
    for (int i = 0; i < n; i++)
        if (initials(name, names[i]))
            return names[i];
    for (int i = 0; i < n; i++) {
        int other = (int)strlen(names[i]), longer = other > length ? other : length;
        int most = longer / 3 > 1 ? longer / 3 : 1;
        if (other > LONGEST || abs(other - length) > most)
            continue;
        int d = distance(name, names[i]);
        if (d <= most && d < fewest && d < length && d < other) {
            best = names[i];
            fewest = d;
        }
    }
    for (int i = 0; i < n && !best; i++)
        if (words_of(name, names[i]) || words_of(names[i], name))
            best = names[i];
    return best;
}
