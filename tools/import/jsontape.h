/* One JSON value, checked to the letter of RFC 8259 and indexed: a flat list of
 * nodes in the order of the text, each with the index of what comes after it, so
 * that skipping a member costs nothing. Payload is handed on as the text it is.
 *
 * NaN, Infinity and -Infinity are let through (Python writes them) but remembered.
 * Duplicate keys are not looked for here. */
#ifndef IMPORT_JSONTAPE_H
#define IMPORT_JSONTAPE_H

#include "xrayfile.h"

#define JSON_DEPTH_MAX 96 /* of containers; the objects of spec 13 take up to three for one of the value */

enum node_type {
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,       /* a number without fraction and exponent */
    JSON_REAL,      /* any other number */
    JSON_NONFINITE, /* NaN, Infinity, -Infinity */
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT, /* its nodes are key, value, key, value, ... */
};

struct json_node {
    uint32_t off;  /* of its first byte */
    uint32_t len;  /* bytes of its text, with quotes or brackets; 0: it goes on beyond the text */
    uint32_t next; /* index of the node behind it and all that is in it */
    uint8_t type;  /* enum node_type */
    bool escaped;  /* string: it has escapes */
};

struct json_tape { /* all zero at first; json_tape_free in the end */
    const char *text;
    struct json_node *nodes;
    size_t count;
    size_t cap;
    size_t end;                     /* offset behind the value */
    size_t nonfinite;               /* offset of the first NaN or Infinity, or SIZE_MAX */
    uint32_t stack[JSON_DEPTH_MAX]; /* containers that were open where the text stopped */
    size_t depth;
    size_t fault;     /* JSON_BAD: where */
    const char *what; /* and what */
};

enum json_result { JSON_DONE, JSON_MORE, JSON_BAD };

/* Reads the value that text[0] begins (no white space before it). JSON_MORE: it goes on beyond
 * `len`, which with `whole` is an error. `text` must stay as long as the tape is used, and
 * text[len] must be readable and no digit. */
enum json_result json_tape_read(struct json_tape *tape, const char *text, size_t len, bool whole);
void json_tape_free(struct json_tape *tape);

static inline const struct json_node *json_at(const struct json_tape *tape, uint32_t i)
{
    return &tape->nodes[i];
}

static inline xray_str json_text(const struct json_tape *tape, uint32_t i)
{
    return xray_strn(tape->text + tape->nodes[i].off, tape->nodes[i].len);
}

static inline bool json_is_white(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Iteration over a container: for (i = json_first(..); i != json_end(..); i = json_at(..)->next). */
static inline uint32_t json_first(uint32_t container)
{
    return container + 1;
}

static inline uint32_t json_end(const struct json_tape *tape, uint32_t container)
{
    return tape->nodes[container].next;
}

/* A string without its escapes, written to `out`, which has room for its `len` bytes.
 * Returns the length. The text is known to be well formed. */
size_t json_unescape(char *out, const char *quoted, size_t len);

#endif
