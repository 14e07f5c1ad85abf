/* json.h -- texts and numbers as JSON has them, put into a line that its caller builds. */
#ifndef JSON_H
#define JSON_H
#include <stdio.h>

void json_text(FILE *, const char *);      /* in quotation marks; UTF-8 as it is                                   */
void json_number(FILE *, double);          /* every bit of a float; null where it is not finite                    */
#endif
