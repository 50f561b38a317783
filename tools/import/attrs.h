/* Attributes of spans, in all their forms, as one list; and what they mean (otlp_map.def). */
#ifndef IMPORT_ATTRS_H
#define IMPORT_ATTRS_H

#include "import/import.h"

enum attr_how {
    HOW_UNKNOWN,
    HOW_STEP,
    HOW_JSON,
    HOW_RUN,
    HOW_PARAM,
    HOW_TYPE,
    HOW_TALK,
    HOW_DOCS,
    HOW_RERANK_IN,
    HOW_RERANK_OUT,
    HOW_REASONS,
    HOW_STATUS,
    HOW_MIME,
};

struct span_attr {
    xray_str key;
    xray_value value;
    uint32_t node;  /* of the value, for places and tags; 0: it was put together here */
    uint8_t how;    /* enum attr_how */
    uint8_t target; /* enum field_target */
    uint16_t rank;  /* the lower one wins; UINT16_MAX: not in the table */
};

struct span_attrs { /* all zero at first */
    struct span_attr *list;
    size_t count, cap;
};

void span_attrs_free(struct span_attrs *a);

/* Reads [{"key":..,"value":{"stringValue":..}}] or {"key":value}; flattened lists
 * ("llm.input_messages.0.message.role") are put together, their wrappers taken off. With `map` the table is
 * looked up. Replaces what was there. */
void span_attrs_read(struct import *im, struct span_attrs *a, uint32_t node, bool map);

const struct span_attr *span_attrs_find(const struct span_attrs *a, const char *key);

/* All of them into a map. */
void span_attrs_put(const struct span_attrs *a, struct json_map *out);

/* Adds one; with `map` it is looked up. */
void attrs_append(struct span_attrs *a, xray_str key, uint32_t node, xray_value value, bool map);

/* relist.c: puts flattened lists together. */
void relist_join(struct import *im, struct span_attrs *a);

/* The type that a word says; it lives as long as the document. */
xray_str span_attrs_type(struct import *im, xray_str word);

#endif
