/* Members of the JSON objects that the tools themselves make up. What is missing is left out. */
#ifndef COMMON_JSONLINE_H
#define COMMON_JSONLINE_H

#include "common/text.h"

void json_string(struct text *t, xray_str text);
/* ,"name":"text" */
void json_member(struct text *t, const char *name, xray_str text);
void json_count(struct text *t, const char *name, int64_t n);
void json_rate(struct text *t, const char *name, double rate);
/* Nano-units as an exact decimal number of units, without a name. */
void json_put_cost(struct text *t, int64_t nano);
/* Nano-units as an exact decimal number of units. */
void json_cost(struct text *t, const char *name, int64_t nano);

#endif
