/* place.h -- where the user wrote a value, for a part whose options hold data of their own (`inline`), so that its messages
 * name the line of the experiment file. A part asks for the table by api->ext(host, TN_PLACE).                        */
#ifndef TENON_PLACE_H
#define TENON_PLACE_H
#include <tenon/tenon.h>

#define TN_PLACE "tenon.place/1"
/* `value` is the address of an option in the part's config struct, or of an entry of its list. */
typedef struct tn_place {
    uint32_t size, rsv_;
    /* "file:line", or "--set 2" of the command line, and the line, 0 where there is none. TN_END: nobody wrote it, so it is
     * a default [any]                                                                                              */
    int (*of)(tn_host *, const void *value, char *text, size_t size, int32_t *line);
    /* As api->fail; what is said in check and open then stands at that value and not at the part [main]              */
    int (*fail)(tn_host *, const void *value, int code, const char *message);
} tn_place;
#endif
