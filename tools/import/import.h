/* What all readers of foreign shapes share: the document at hand, the writer, the
 * counts, and how a value of the document becomes a field of a run or step. */
#ifndef IMPORT_IMPORT_H
#define IMPORT_IMPORT_H

#include "common/text.h"
#include "import/fields.h"
#include "import/jsonstream.h"
#include "import/runtable.h"

enum import_shape { FROM_AUTO, FROM_XRAY, FROM_RUN_JSON, FROM_EVENTS, FROM_OTLP, FROM_MESSAGES };

struct import_counts {
    uint64_t runs, steps, candidates;
    uint64_t skipped; /* lines, documents and records that were not taken */
    uint64_t other;   /* log records and metrics in OTLP files */
};

/* Text that lives until the next document. */
struct arena {
    struct arena_block *blocks;
};

/* A JSON object that grows member by member. */
struct json_map {
    struct text text;
    uint32_t count;
    bool pairs; /* as {"$map":[[key,value],...]}, so that a key like "$bin" is a key like any other */
};

struct import {
    xray_writer *writer; /* NULL: nothing is written */
    enum import_shape from;
    bool strict; /* the first fault ends it */
    bool print_ids;
    bool stop;
    const char *pipeline; /* for shapes that have none; NULL: name of the file */

    const char *file;
    unsigned file_number;
    char stem[208]; /* its name without folders and suffix */
    const struct json_stream *stream;
    const struct json_tape *tape; /* of the document at hand; another one for JSON in strings */
    struct import_counts counts;
    struct run_table runs;

    struct arena arena;
    xray_buffer packed;    /* scratch */
    struct json_map attrs; /* of the run or step being read */
    bool own;              /* the document is our own NDJSON: exact, no guessing */
    bool json_in_strings;  /* this source writes structured values as text */
};

/* ---- from documents to a store ---- */

/* Begin and finish stand around any number of streams; finish ends the runs that are still open. */
void import_begin(struct import *im);
void import_stream(struct import *im, int fd, size_t max_value);
void import_finish(struct import *im);
void import_done(struct import *im);

/* ---- faults ---- */

/* Prints "FILE:LINE:COLUMN: what" for a place in the document and counts it as skipped. */
void import_fault(struct import *im, uint32_t node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void import_fault_at(struct import *im, uint64_t line, uint64_t column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- values ---- */

static inline enum node_type import_type(const struct import *im, uint32_t node)
{
    return (enum node_type)im->tape->nodes[node].type;
}

/* A member that is there and not null. */
static inline bool import_has(const struct import *im, uint32_t node)
{
    return node != 0 && import_type(im, node) != JSON_NULL;
}

static inline bool import_is_object(const struct import *im, uint32_t node)
{
    return node != 0 && import_type(im, node) == JSON_OBJECT;
}

static inline bool import_is_array(const struct import *im, uint32_t node)
{
    return node != 0 && import_type(im, node) == JSON_ARRAY;
}

static inline bool import_str_is(xray_str s, const char *text)
{
    return s.len == strlen(text) && (s.len == 0 || memcmp(s.ptr, text, s.len) == 0);
}

/* Bytes that live until the next document. */
char *arena_take(struct arena *a, size_t len);
void arena_reset(struct arena *a);
void arena_free(struct arena *a);

/* A string or key without its escapes; a node that is no string gives its JSON text. Lives as long as the
 * document. */
xray_str import_text(struct import *im, uint32_t node);

/* The same for a member that may be missing or null: then, or if it must be a string and is none, "none". */
xray_str import_text_of(struct import *im, uint32_t node);
xray_str import_string(struct import *im, uint32_t node);

/* The value of a node: scalars as such, containers and odd numbers as JSON text. */
xray_value import_value(struct import *im, uint32_t node);

/* Numbers, also when written as text. */
bool import_double(struct import *im, uint32_t node, double *out);
bool import_int(struct import *im, uint32_t node, int64_t *out);

/* What to do after the library refused `value` with `status`. It may be that a key comes twice: then *value
 * becomes a text that it takes, and true says to try again. Else says why in a fault. In a dry run, where
 * every call is refused, checks the value. */
bool import_settle(struct import *im, int status, uint32_t node, xray_value *value);

/* Appends a value as MessagePack, duplicate keys and all. False after a fault. */
bool import_pack(struct import *im, uint32_t node, xray_value value, xray_buffer *out);

/* Moves JSON text to where it lives as long as the document. */
xray_value import_keep_json(struct import *im, struct text *t);

void json_map_add(struct json_map *m, xray_str key, xray_value value);
/* The object; it lives until the map changes. */
xray_value json_map_value(struct json_map *m);
void json_map_reset(struct json_map *m);
void json_map_free(struct json_map *m);

/* JSON that stands in a text: true if `text` is one object or array, read into `tape`
 * (which must stay as long as it is used). */
bool import_inner(struct json_tape *tape, xray_str text);

/* ---- runs and steps being filled ---- */

struct scope {
    bool is_step;
    uint64_t handle; /* xray_run or xray_step; 0: nothing is written */
    bool again;      /* it was seen before: attrs are added to, not replaced */
};

/* Places a value. False: the field does not take this; nothing was set. */
bool scope_put(struct import *im, const struct scope *sc, enum field_target target, uint32_t node,
               xray_value value);
void scope_int(const struct scope *sc, xray_int_field field, int64_t value);

/* A candidate; evidence as a whole that the library refuses is settled, or left out after a fault. */
void import_candidate(struct import *im, const struct scope *sc, xray_candidate *c, uint32_t node);

/* A decision (its `body` is set here) and a note, of a run or step. */
void import_decide(struct import *im, const struct scope *sc, xray_decision *d, uint32_t node,
                   xray_value body);
void import_note(struct import *im, const struct scope *sc, xray_str name, uint32_t node, xray_value body,
                 int64_t after, int64_t time_ns);

/* Places all of `f` that scope_put knows; what does not fit and what has no target goes into im->attrs. */
void scope_put_fields(struct import *im, const struct scope *sc, const struct fields *f);
/* The same for tokens in an object of their own. */
void scope_put_usage(struct import *im, const struct scope *sc, uint32_t object);

/* One entry / the members of an object / what has been gathered of im->attrs. */
void attrs_add(struct import *im, xray_str key, xray_value value);
void attrs_add_member(struct import *im, uint32_t key);
void attrs_add_object(struct import *im, uint32_t object);
void attrs_put(struct import *im, const struct scope *sc);
void attrs_put_map(struct import *im, const struct scope *sc, struct json_map *m);

/* The outcome that status, success, error and end time tell; what is not understood stays for attrs. */
xray_outcome import_outcome(struct import *im, const struct fields *f);

#endif
