/* Every magic, size, offset and limit of the trace file, each with its section
 * in format-spec/trace-file.md. */
#ifndef XF_FORMAT_LAYOUT_H
#define XF_FORMAT_LAYOUT_H

#include <stdint.h>

/* 3.1 the hello frame */
#define XF_HELLO_HEAD 10 /* bytes before the record */
#define XF_HELLO_TAIL 4  /* checksum after it */
#define XF_HELLO_MIN 256
#define XF_HELLO_MAX 65535

/* 4.1 block header */
#define XF_HEADER_LEN 120
#define XF_HEADER_REST 112 /* what the skippable frame's length says */
#define XF_SKIP_MAGIC 0x184D2A58u
#define XF_BLOCK_MAGIC 0x31425258u /* "XRB1" */
#define XF_FLAG_CRITICAL 1u

enum xf_header_offset {
    XF_H_MAGIC = 0,
    XF_H_LENGTH = 4,
    XF_H_BLOCK_MAGIC = 8,
    XF_H_KIND = 12,
    XF_H_FLAGS = 13,
    XF_H_ZERO = 14,
    XF_H_SEGMENT = 16,
    XF_H_ORDINAL = 32,
    XF_H_POS = 40,
    XF_H_STORED_LEN = 48,
    XF_H_RAW_LEN = 52,
    XF_H_ROWS = 56,
    XF_H_ROWS2 = 60,
    XF_H_FIRST = 64,
    XF_H_FIRST2 = 72,
    XF_H_TIME_MIN = 80,
    XF_H_TIME_MAX = 88,
    XF_H_PREV = 96,
    XF_H_BODY = 104,
    XF_H_CHECK = 112,
};

/* 4.5 kinds */
enum xf_kind {
    XF_PAYLOAD = 1,
    XF_CANDIDATES = 2,
    XF_SPINE = 3,
    XF_LOSS = 4,
    XF_SEAL = 5,
};

/* 6.3 ext types inside values */
enum xf_ext {
    XF_EXT_PART = 1,
    XF_EXT_VALUE = 2,
    XF_EXT_MISSING = 3,
    XF_EXT_NUMBER = 4,
    XF_EXT_FOREIGN = 5,
    XF_EXT_TEXT = 6,
    XF_EXT_RESERVED = 31, /* the last of ours */
};

enum xf_missing { XF_NOT_CAPTURED = 1, XF_REDACTED = 2, XF_LOST = 3 };

/* 6.4, 6.5 what the writer does with values */
#define XF_PART_MIN 128
#define XF_INLINE_MAX 64

/* 7.3, 7.4 columns by number; names in format/columns.h */
enum xf_run_column {
    XF_RUN_RUN,
    XF_RUN_SEQ,
    XF_RUN_STATE,
    XF_RUN_EXT_ID,
    XF_RUN_PROJECT,
    XF_RUN_SESSION,
    XF_RUN_USER,
    XF_RUN_PARENT_RUN,
    XF_RUN_START,
    XF_RUN_DUR,
    XF_RUN_END,
    XF_RUN_STATUS,
    XF_RUN_ERROR_TYPE,
    XF_RUN_COST,
    XF_RUN_FLAGS,
    XF_RUN_ERROR,
    XF_RUN_TAGS,
    XF_RUN_METADATA,
    XF_RUN_INPUT,
    XF_RUN_OUTPUT,
    XF_RUN_ATTRS,
    XF_RUN_PIPELINE,
    XF_RUN_VERSION,
    XF_RUN_COLUMNS,
};

enum xf_step_column {
    XF_STEP_RUN,
    XF_STEP_STEP,
    XF_STEP_STATE,
    XF_STEP_EXT_ID,
    XF_STEP_PARENT,
    XF_STEP_PARENT_EXT,
    XF_STEP_SEQUENCE,
    XF_STEP_NAME,
    XF_STEP_TYPE,
    XF_STEP_START,
    XF_STEP_DUR,
    XF_STEP_END,
    XF_STEP_STATUS,
    XF_STEP_IN,
    XF_STEP_OUT,
    XF_STEP_KEPT,
    XF_STEP_REASONS,
    XF_STEP_ERROR_TYPE,
    XF_STEP_MODEL,
    XF_STEP_PROVIDER,
    XF_STEP_TOK_IN,
    XF_STEP_TOK_OUT,
    XF_STEP_TOK_CACHE_READ,
    XF_STEP_TOK_CACHE_WRITE,
    XF_STEP_TOK_REASONING,
    XF_STEP_TOK_TOTAL,
    XF_STEP_COST,
    XF_STEP_FLAGS,
    XF_STEP_ERROR,
    XF_STEP_INPUT,
    XF_STEP_OUTPUT,
    XF_STEP_REASONING,
    XF_STEP_FILTERS,
    XF_STEP_PARAMS,
    XF_STEP_SAMPLING,
    XF_STEP_TAGS,
    XF_STEP_METADATA,
    XF_STEP_ATTRS,
    XF_STEP_COLUMNS,
};

enum xf_state { XF_STATE_BEGIN = 1, XF_STATE_END = 2 };

/* 10 tables of row records */
enum xf_table { XF_TABLE_RUNS = 1, XF_TABLE_STEPS, XF_TABLE_CANDS, XF_TABLE_DECISIONS, XF_TABLE_NOTES };

/* 11 limits */
#define XF_BLOCK_MAX (64u << 20)
#define XF_ROWS_MAX (1u << 20)
#define XF_CANDIDATES_MAX (1u << 18)
#define XF_VALUE_MAX (64u << 20)
#define XF_NAME_MAX 200
#define XF_VERSION_MAX 50
#define XF_ITEM_MAX 1024
#define XF_REASONS_MAX 256
#define XF_SEGMENTS_MAX (1u << 20)

_Static_assert(XF_H_CHECK + 8 == XF_HEADER_LEN, "4.1");
_Static_assert(XF_HEADER_LEN == XF_HEADER_REST + 8, "4.1");

#endif
