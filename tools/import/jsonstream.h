/* A file of JSON as a sequence of documents: lines of NDJSON, objects one behind the other however they
 * are laid out, joined by commas or not. Any size of file passes through one buffer.
 *
 * A value larger than the limit is cut into pieces along the outermost array that has whole
 * elements: {"a":1,"spans":[s1,s2,s3]} becomes {"a":1,"spans":[s1,s2]} and
 * {"a":1,"spans":[s3]}. What reads documents joins by id, so it need not know. An element that is itself
 * over the limit, with no array in it to cut at, is reported and left out. */
#ifndef IMPORT_JSONSTREAM_H
#define IMPORT_JSONSTREAM_H

#include "import/jsontape.h"

struct json_stream {
    struct json_tape tape; /* of the document that json_stream_next gave */
    uint64_t serial;       /* number of the value in the file; pieces of one share it */
    bool piece;            /* the document is a piece of a value, not the last one */
    bool continued;        /* pieces of the value came before */
    size_t cut_from;       /* offset of the array that goes on from the piece before, or SIZE_MAX */
    size_t cut_to;         /* of the one that goes on in the next */

    /* Where a fault is (JSON_STREAM_FAULT). */
    uint64_t fault_line, fault_column;
    const char *fault;

    /* The rest is the stream's own. */
    int fd;
    bool ended;    /* the file has been read to its end */
    int sys_errno; /* reading failed */
    char *data;    /* data[start..len) is not yet consumed */
    size_t start, len, cap;
    size_t limit;     /* of a value's text */
    size_t chunk;     /* of a piece after the first */
    size_t cut_level; /* of the array the value was cut at last */
    uint64_t line;    /* of data[start], or behind the head of a piece of what follows the head */
    uint64_t column;  /* likewise, from 0 */
    size_t head;      /* data[start..start + head) repeats what was consumed before */
    size_t consumed;  /* bytes of the document given last */
    uint64_t doc_line, doc_column; /* the same two of the document being read */
    size_t doc_head;
    bool after_value; /* a comma may follow */
    bool after_comma; /* a value must follow */
    char *cut;        /* text of the piece given last */
    size_t cut_cap;
};

enum json_stream_result {
    JSON_STREAM_END,
    JSON_STREAM_VALUE,
    JSON_STREAM_FAULT, /* text that is no JSON, or too large: skipped, ask for the next */
    JSON_STREAM_ERROR, /* read(2) failed: sys_errno */
};

/* `limit`: bytes of one value, 1 KiB to 1 GiB. The descriptor stays the caller's. */
void json_stream_open(struct json_stream *s, int fd, size_t limit);
void json_stream_close(struct json_stream *s);

/* The next document: s->tape. It lives until the next call. */
enum json_stream_result json_stream_next(struct json_stream *s);

/* Line and column (from 1, in bytes) of an offset in the document given last. */
void json_stream_place(const struct json_stream *s, size_t off, uint64_t *line, uint64_t *column);

#endif
