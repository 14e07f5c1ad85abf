/* class_names.h -- how a class is called in results and tables. */
#ifndef CLASS_NAMES_H
#define CLASS_NAMES_H
#include <stdio.h>
#include <string.h>
#include <tenon/tenon.h>

/* Its spelling, or "class_3" where there is none. */
static inline const char *class_name(const tn_api *api, tn_host *host, int32_t vocabulary, int64_t id, char *text, size_t size)
{
    const char *word = vocabulary ? api->word(host, vocabulary, id) : NULL;
    if (word) snprintf(text, size, "%s", word);
    else snprintf(text, size, "class_%lld", (long long)id);
    return text;
}

/* A cell of a CSV file: in quotes where it must be. */
static inline const char *csv_cell(const char *from, char *text, size_t size)
{
    size_t n = 0;
    int quote = from[strcspn(from, ",\"\n\r")] != 0;
    if (quote && size > 3) text[n++] = '"';
    for (; *from && n + 4 < size; from++) {
        if (*from == '"') text[n++] = '"';
        text[n++] = *from;
    }
    if (quote && n + 1 < size) text[n++] = '"';
    text[n] = 0;
    return text;
}
#endif
