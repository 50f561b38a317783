/* xrayfile.h - decision traces in files: the one public header of libxrayfile.
 *
 * A trace is a run of steps; a step has candidates in and out, and for each of
 * them a verdict with its reasons; decisions, inputs, outputs, reasoning, cost, time.
 * The format is specified in format-spec/trace-file.md ("spec" below).
 *
 * Sections: 1 basics  2 values  3 writing  4 reading  5 text  6 queries  7 other languages
 * 8 checking and repairing  9 configuration, the process's own writer, current run and step
 *
 * Conventions. Functions that can fail return 0 (or a documented positive
 * answer) or a negative enum xray_status; their last parameter, where they have
 * one, is an xray_error to be filled on failure only, and may be NULL. Outputs
 * stay untouched on failure. close/free functions take NULL. Nothing here
 * prints (but XRAY_ON_ERROR_LOG), exits, or touches signals. Times are nanoseconds since 1970-01-01
 * UTC, durations nanoseconds, cost nano-units (1e-9) of the application's
 * currency. XRAY_MISSING stands for an integer that is not there. */
#ifndef XRAYFILE_H
#define XRAYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define XRAY_API __attribute__((visibility("default")))
#else
#define XRAY_API
#endif

/* ---- 1 basics ------------------------------------------------------------ */

#define XRAY_VERSION "0.1.0"
#define XRAY_FORMAT_VERSION 1

typedef enum xray_status {
    XRAY_OK = 0,
    XRAY_EMISUSE = -1,      /* the call breaks this header's contract */
    XRAY_ENOMEM = -2,       /* out of memory */
    XRAY_EIO = -3,          /* the operating system said no; sys_errno says why */
    XRAY_ECORRUPT = -4,     /* bytes contradict the spec */
    XRAY_ETRUNCATED = -5,   /* bytes stop early */
    XRAY_EUNSUPPORTED = -6, /* written for a newer reader */
    XRAY_ELIMIT = -7,       /* over a limit of the spec, section 11, or of an option */
    XRAY_ENOTFOUND = -8,    /* no such thing */
    XRAY_ESYNTAX = -9,      /* text (JSON, an id, a time) is not well formed */
    XRAY_ECLOSED = -10,     /* the writer, run or step has ended; the call was counted, not recorded */
} xray_status;

typedef struct xray_error {
    int status;        /* enum xray_status */
    int sys_errno;     /* errno, or 0 */
    uint64_t pos;      /* byte position in the file or text the message speaks of, or UINT64_MAX */
    char message[256]; /* one line, English, no newline; may hold escaped foreign text */
} xray_error;

/* A short name for a status ("corrupt"), for logs. Static storage. */
XRAY_API const char *xray_status_name(int status);

/* The library's version, "0.1.0", and the version of the ABI, which changes
 * when a caller must be compiled anew. */
XRAY_API const char *xray_version(void);
XRAY_API int xray_abi_version(void);

/* Bytes of text; not NUL-terminated, may hold NUL. A NULL ptr with len 0 is
 * "none" wherever a text is optional. */
typedef struct xray_str {
    const char *ptr;
    size_t len;
} xray_str;

static inline xray_str xray_strn(const char *ptr, size_t len)
{
    xray_str s;
    s.ptr = ptr;
    s.len = len;
    return s;
}

static inline xray_str xray_s(const char *text) /* NULL gives "none" */
{
    return xray_strn(text, text != NULL ? strlen(text) : 0);
}

#define XRAY_MISSING INT64_MIN

/* Status of a run or step (spec 7.3). RUNNING: no end recorded. */
typedef enum xray_outcome {
    XRAY_RUNNING = 0,
    XRAY_SUCCESS = 1,
    XRAY_FAILURE = 2,
    XRAY_PARTIAL = 3,
    XRAY_ENDED = 4, /* given to xray_run_end and xray_step_end: FAILURE if an error was set, else SUCCESS */
} xray_outcome;

typedef enum xray_verdict {
    XRAY_ACCEPT = 1,
    XRAY_REJECT = 2,
    XRAY_DEFER = 3,
    XRAY_MODIFY = 4,
} xray_verdict;

typedef enum xray_by { XRAY_BY_UNSAID, XRAY_BY_AGENT, XRAY_BY_RULE, XRAY_BY_VERIFIER, XRAY_BY_HUMAN } xray_by;

typedef enum xray_provenance { XRAY_PROV_UNSAID, XRAY_OBSERVED, XRAY_INFERRED } xray_provenance;

/* Names as the spec writes them ("success", "reject", "rule", ...), or NULL
 * for a number that has none. xray_outcome_parse also takes the aliases
 * completed, ok, failed, error, in any case; it returns -1 for other text. */
XRAY_API const char *xray_outcome_name(int outcome);
XRAY_API const char *xray_verdict_name(int verdict);
XRAY_API const char *xray_by_name(int by);
XRAY_API const char *xray_provenance_name(int provenance);
XRAY_API int xray_outcome_parse(xray_str text);
XRAY_API int xray_verdict_parse(xray_str text); /* also accepted/rejected/...; -1 */
XRAY_API int xray_by_parse(xray_str text);
XRAY_API int xray_provenance_parse(xray_str text);

#define XRAY_FLAG_TRUNCATED 1u /* a name or value was cut to a limit */
#define XRAY_FLAG_IMPLICIT 2u  /* begun by the library, not by the application */
#define XRAY_FLAG_SAMPLED 4u   /* not every candidate was recorded */
#define XRAY_FLAG_MALFORMED 8u /* a value was no JSON or MessagePack, and is kept as text or bytes */

/* A growing byte buffer that callers of the reading functions own and reuse.
 * Start with all zero; release with xray_buffer_free, after which it is all
 * zero again. */
typedef struct xray_buffer {
    uint8_t *data;
    size_t len;
    size_t cap;
    bool failed; /* an allocation failed; appending does nothing from then on */
} xray_buffer;

XRAY_API void xray_buffer_free(xray_buffer *buf);

/* ---- 2 values ------------------------------------------------------------ */

struct json_object; /* json-c's, for those who use it; its header is not needed here */

enum xray_value_kind {
    XRAY_VALUE_NIL,
    XRAY_VALUE_BOOL,
    XRAY_VALUE_INT,
    XRAY_VALUE_UINT,
    XRAY_VALUE_DOUBLE,
    XRAY_VALUE_TEXT,    /* UTF-8; other bytes are kept as spec 6.3, ext 6 */
    XRAY_VALUE_BIN,
    XRAY_VALUE_JSON,    /* JSON text (RFC 8259), one value, strict */
    XRAY_VALUE_MSGPACK, /* one MessagePack value; checked and made canonical */
    XRAY_VALUE_TREE,    /* a json-c object */
};

/* What an application hands over: written inline, borrowed for the call. */
typedef struct xray_value {
    enum xray_value_kind kind;
    union {
        bool boolean;
        int64_t i;
        uint64_t u;
        double d;
        xray_str bytes;
        struct json_object *tree;
    } as;
} xray_value;

/* Constructors. Each is one line at the place of use:
 *     xray_step_set(st, XRAY_INPUT, xray_json("{\"q\":\"case\"}")); */
static inline xray_value xray_nil(void)
{
    xray_value v;
    memset(&v, 0, sizeof v);
    return v;
}

static inline xray_value xray_bool(bool b)
{
    xray_value v = xray_nil();
    v.kind = XRAY_VALUE_BOOL;
    v.as.boolean = b;
    return v;
}

static inline xray_value xray_int(int64_t i)
{
    xray_value v = xray_nil();
    v.kind = XRAY_VALUE_INT;
    v.as.i = i;
    return v;
}

static inline xray_value xray_uint(uint64_t u)
{
    xray_value v = xray_nil();
    v.kind = XRAY_VALUE_UINT;
    v.as.u = u;
    return v;
}

static inline xray_value xray_double(double d)
{
    xray_value v = xray_nil();
    v.kind = XRAY_VALUE_DOUBLE;
    v.as.d = d;
    return v;
}

static inline xray_value xray_bytes_value(enum xray_value_kind kind, const void *ptr, size_t len)
{
    xray_value v = xray_nil();
    v.kind = kind;
    v.as.bytes = xray_strn((const char *)ptr, len);
    return v;
}

static inline xray_value xray_text(const char *text)
{
    return xray_bytes_value(XRAY_VALUE_TEXT, text, text != NULL ? strlen(text) : 0);
}

static inline xray_value xray_textn(const char *ptr, size_t len)
{
    return xray_bytes_value(XRAY_VALUE_TEXT, ptr, len);
}

static inline xray_value xray_bin(const void *ptr, size_t len)
{
    return xray_bytes_value(XRAY_VALUE_BIN, ptr, len);
}

static inline xray_value xray_json(const char *text)
{
    return xray_bytes_value(XRAY_VALUE_JSON, text, text != NULL ? strlen(text) : 0);
}

static inline xray_value xray_jsonn(const char *ptr, size_t len)
{
    return xray_bytes_value(XRAY_VALUE_JSON, ptr, len);
}

static inline xray_value xray_msgpack(const void *ptr, size_t len)
{
    return xray_bytes_value(XRAY_VALUE_MSGPACK, ptr, len);
}

static inline xray_value xray_tree(struct json_object *tree)
{
    xray_value v = xray_nil();
    v.kind = XRAY_VALUE_TREE;
    v.as.tree = tree;
    return v;
}

/* One named attribute. A list is written inline:
 *     xray_step_reject(st, xray_s("B07X"), xray_s("price_too_high"),
 *                      XRAY_ATTRS(xray_kv("price", xray_double(129.0)),
 *                                 xray_kv("limit", xray_int(100)))); */
typedef struct xray_attr {
    xray_str key;
    xray_value value;
} xray_attr;

static inline xray_attr xray_kv(const char *key, xray_value value)
{
    xray_attr a;
    a.key = xray_s(key);
    a.value = value;
    return a;
}

#define XRAY_ATTRS(...)                                                                            \
    ((const xray_attr[]){__VA_ARGS__}), (sizeof((const xray_attr[]){__VA_ARGS__}) / sizeof(xray_attr))
#define XRAY_NO_ATTRS NULL, 0

/* Appends `value` to *out as canonical MessagePack (spec 1.2, 6.3). JSON: strict
 * RFC 8259 (UTF-8 checked, no duplicate keys, no lone surrogates, depth at
 * most 32), and NaN, Infinity and -Infinity are taken only with `lax`; the
 * objects of spec 13 ({"$bin":...} and so on) become what they stand for.
 * Returns 0, XRAY_ESYNTAX (err->pos: offset in the JSON text), XRAY_ECORRUPT
 * (MessagePack), XRAY_ELIMIT, XRAY_ENOMEM. *out is as before on failure. */
XRAY_API int xray_value_pack(xray_value value, bool lax, xray_buffer *out, xray_error *err);

/* ---- 3 writing ----------------------------------------------------------- */

/* A writer makes one segment at a time in a store directory. Calls append to
 * memory; a thread of the writer's own makes blocks of it and writes them.
 *
 *     xray_writer_open                            xray_writer_close
 *   (none) --------> OPEN ------ rotation ------> OPEN ------> (gone)
 *                     |  the disk is full, broken, taken away ^
 *                     v                                       |
 *                   WAITING: keeps what fits memory_bytes, tries again
 *                     |  (20 ms, then longer, at most 1 s)
 *                     '--> OPEN, in the same segment or a new one
 *
 * Beyond memory_bytes records are dropped by rule: candidates, decisions and
 * notes first, then values of fields, runs and steps last. Drops are counted
 * and stand in the file as loss records (spec 9.1); the counts in, out and
 * by reason of a step stay exact. accepted = written + dropped, after a flush.
 *
 * Runs and steps are handles, not pointers: using one after its end, after the
 * writer's close, or a zero handle, does nothing but count (XRAY_ECLOSED).
 *
 * Threads: any thread may call with any handle at any time, also while another
 * closes the writer; calls on the same handle exclude each other for as long as
 * one takes. A call allocates, locks or wakes the writer's thread only where a
 * run or step begins or ends, or a chunk of its memory (1 to 32 KiB) is full. It never
 * waits for the disk, unless it was asked to (XRAY_FLUSH_STEP). A call from within another one of the same thread (a
 * signal handler, an allocator that traces) is dropped and counted as refused.
 * The writer's thread blocks all signals; no handler is installed, and nothing runs at
 * exit: what was not flushed then is lost, so close or flush.
 *
 * fork: handles of the parent's are dead in the child (XRAY_ECLOSED); a writer of the
 * parent's begins anew there, with a segment of its own, at the next
 * xray_run_begin, flush or sync. What the parent had not flushed is the parent's to write. The same holds of a child that
 * clone() made without fork's handlers (Linux 4.14). A child of vfork() has the parent's memory: its calls are the parent's.
 *
 * Values are copied as given; JSON and MessagePack are checked by the writer's thread,
 * and if malformed kept as text or bytes, flagged (XRAY_FLAG_MALFORMED) and counted.
 *
 * The application is never stopped by a failure to trace: every call that
 * records returns a status that may be ignored; XRAY_ENOMEM: over the cap, dropped. */
typedef struct xray_writer xray_writer;
typedef uint64_t xray_run;  /* 0 = none */
typedef uint64_t xray_step; /* 0 = none */

/* For reproducible files (spec, property of tests and golden vectors): ids are
 * derived from `id`, the clock starts at time_ns and each reading adds tick_ns,
 * and nothing of the machine is recorded. */
typedef struct xray_fixed {
    uint8_t id[16];
    int64_t time_ns;
    int64_t tick_ns;
} xray_fixed;

typedef struct xray_writer_options { /* all zero = defaults */
    const char *app;          /* name of the application, for the hello record; NULL: none */
    int level;                /* zstd level 1..19; 0: 6 */
    uint64_t segment_bytes;   /* begin a new segment beyond this size; 0: 1 GiB */
    const xray_fixed *fixed;  /* NULL: random ids, real clocks */
    bool no_host;             /* leave host, pid and boot id out of the hello record */
    unsigned flush_interval_ms; /* what was recorded is flushed at the latest after this; 0: 1000 */
    size_t memory_bytes;      /* cap on what waits in memory to be written; 0: 64 MiB, at least 256 KiB */
    unsigned segment_age_s;   /* begin a new segment when this one is so old; 0: never */
    /* What must not be recorded: "name, /pattern/flags, ...". A value under one of these names (keys of maps at any
     * depth, evidence, and the fields input output reasoning filters params error tags metadata attrs project session
     * user version ext_id; case does not count) is replaced as a whole, and so is a text in which one of the patterns
     * (PCRE2, flags imsx) matches, by a mark that says how long it was (spec 6.3); names and ids by "(redacted)". The whole text: a
     * pattern that meets half of a secret must not leave the other half. */
    const char *redact;
    size_t text_limit;        /* longer texts in values are cut, and flagged XRAY_FLAG_TRUNCATED; 0: never */
    size_t value_limit;       /* longer values (encoded) are left out, likewise flagged; 0: 16 MiB, which is the most */
    bool summary;             /* no candidates and no values but error, tags and sampling: only the spine, with exact counts and
                               * reasons, decisions and notes */
    /* Of the candidates only this share is kept, below 1; 0 and 1: all; negative: none. Which, the item's id, the run's
     * id and the seed decide, so an item that is kept is kept in all steps of its run. What is kept has its weight, 1 / sample_rate;
     * counts and reasons are exact. */
    double sample_rate;
    uint64_t sample_seed;
    /* Besides the interval: RUN as soon as a run has ended, SYNC then to stable storage; nobody waits for it. STEP: the calls that
     * end a step or run return when it is in the file, so that it survives the death of the process (spec 2.5 has the figures).
     * Such a call that cannot say so, because the disk refuses, answers not within flush_interval_ms, or lost records
     * while the step was open, returns a negative status; where it does not answer, later calls do not wait until it does. */
    enum xray_flush_when { XRAY_FLUSH_INTERVAL = 0, XRAY_FLUSH_RUN, XRAY_FLUSH_SYNC, XRAY_FLUSH_STEP } flush;
    /* What to do when the disk fails, besides counting. LOG: one line to standard error, the first time. RAISE: the calls that
     * record, and end, return the status of the failure until writing works again. */
    enum xray_on_error { XRAY_ON_ERROR_SILENT = 0, XRAY_ON_ERROR_LOG, XRAY_ON_ERROR_RAISE } on_error;
    bool sync;                /* no thread: every call writes what it has to on its own (for converters and tests) */
    /* Whether a segment of 64 KiB to 64 MiB gets its index (section 4) when it is sealed, on a thread of its own. DEFAULT: unless
     * `sync` or `fixed`, where it is made within the call. Failing to make it is no failure of the writer. */
    enum xray_index_when { XRAY_INDEX_DEFAULT = 0, XRAY_INDEX_AT_SEAL, XRAY_INDEX_LATER } index;
    const char *project;      /* of every run that names none; NULL: none */
} xray_writer_options;

/* A writer with `sync` or `fixed` has no thread: a call applies what it records before it
 * returns, tells of malformed values (XRAY_ESYNTAX, XRAY_ECORRUPT, XRAY_ELIMIT) instead of
 * keeping them, and after a disk error counts and records nothing.
 *
 * Opens a writer on the store directory `dir`, which is created (mode 0700) if
 * it is not there. The segment's file is created at once (mode 0600).
 * Returns 0, XRAY_EIO (also: no thread), XRAY_ENOMEM, XRAY_EMISUSE (level, redact). The caller owns *out. */
XRAY_API int xray_writer_open(xray_writer **out, const char *dir, const xray_writer_options *options,
                              xray_error *err);

/* Durability reached by what was recorded before the call (spec, README):
 * flush: survives the death of the process; sync: survives power loss;
 * close: sealed. Each waits at most timeout_ms (negative: as long as it takes)
 * and returns the level reached, one of these, or a negative status: while the disk
 * refuses, that is XRAY_EIO at once, and what is in memory is still tried again.
 * A sync that failed is told once; its segment is never synced again, because the kernel
 * would then say "yes" to pages it has lost, and sync goes on with a new segment
 * (stats: sync_failures). A writer without a thread does not keep to timeout_ms. */
enum xray_level { XRAY_ACCEPTED = 0, XRAY_FLUSHED = 1, XRAY_SYNCED = 2, XRAY_SEALED = 3 };
XRAY_API int xray_writer_flush(xray_writer *w, int timeout_ms, xray_error *err);
XRAY_API int xray_writer_sync(xray_writer *w, int timeout_ms, xray_error *err);

/* Ends what is open as it stands (such runs show as abandoned), seals the segment, releases the writer,
 * whatever it returns; within the time, the index is made as well. XRAY_ACCEPTED: the time was over; the writer's thread is left with the rest,
 * and releases it when it is done. Must not overlap with other calls on the writer itself; calls on its
 * runs and steps may go on, and become no-ops. */
XRAY_API int xray_writer_close(xray_writer *w, int timeout_ms, xray_error *err);

typedef struct xray_writer_stats {
    uint64_t accepted;      /* records accepted: runs, steps, candidates, decisions, notes; as far as the
                             * writer's thread has come, all of them after a flush */
    uint64_t written;       /* of these, written */
    uint64_t dropped;       /* of these, lost; the causes are in the file */
    uint64_t refused;       /* calls on ended handles, or from within another call, in this process since the open */
    uint64_t raw_bytes;     /* bytes of block bodies before compression */
    uint64_t stored_bytes;  /* bytes of the segments */
    uint64_t segments;
    uint64_t part_bytes;    /* bytes of parts stored */
    uint64_t deduped_bytes; /* bytes of parts not stored again */
    uint64_t dropped_values; /* fields of runs and steps that there was no memory for; not among `dropped` */
    uint64_t sync_failures; /* segments of which nobody knows whether they would survive power loss */
    uint64_t malformed;     /* JSON and MessagePack that was not, kept as text or bytes */
} xray_writer_stats;

XRAY_API void xray_writer_get_stats(xray_writer *w, xray_writer_stats *out);

/* Records a loss that the application knows of, e.g. its own sampling (spec 9.1).
 * from_ns and to_ns may be XRAY_MISSING. */
XRAY_API int xray_writer_report_loss(xray_writer *w, const char *cause, const char *what, uint64_t count,
                                     int64_t from_ns, int64_t to_ns);

enum xray_clock { XRAY_CLOCK_NOW = 0, XRAY_CLOCK_NONE = 1 };

typedef struct xray_run_options { /* all zero = defaults */
    const uint8_t *id;     /* 16 bytes; NULL: random */
    xray_str ext_id;       /* the application's own id; with no `id` the run's id is derived from it: a
                            * UUID or 32 hex digits are the id itself, other text is hashed (XXH3-128) */
    xray_str version;
    xray_str project;
    xray_str session;
    xray_str user;
    const uint8_t *parent_run; /* 16 bytes or NULL */
    enum xray_clock clock; /* NOW: start and end are read from the clock; NONE: only xray_run_set_int gives times */
    bool resume;           /* the run was begun before, maybe by this writer: join it */
} xray_run_options;

typedef struct xray_step_options { /* all zero = defaults */
    xray_str ext_id;
    xray_str parent_ext;   /* ext_id of the parent where its handle is not at hand (spec 7.4) */
    int64_t number;        /* step number, > 0; 0: the next one of the run */
    int64_t parent_number; /* step number of the parent; 0: none, or that of xray_step_begin_in */
    enum xray_clock clock;
} xray_step_options;

/* Begins a run of `pipeline`. Never fails visibly: returns 0 if the writer is
 * NULL or has failed. Names beyond the limits of spec 11 are cut and flagged. */
XRAY_API xray_run xray_run_begin(xray_writer *w, xray_str pipeline, const xray_run_options *options);

/* Begins a step of a run, or inside another step. `type` is open text, e.g. one of
 * llm search retrieval filter rank select transform generate logic tool agent
 * embed evaluate custom; may be "none". */
XRAY_API xray_step xray_step_begin(xray_run run, xray_str name, xray_str type,
                                   const xray_step_options *options);
XRAY_API xray_step xray_step_begin_in(xray_step parent, xray_str name, xray_str type,
                                      const xray_step_options *options);

/* Ends it. Open steps of a run that ends stay as they are (no end recorded)
 * and their handles die with it. */
XRAY_API int xray_step_end(xray_step step, xray_outcome outcome);
XRAY_API int xray_run_end(xray_run run, xray_outcome outcome);

/* The 16 bytes of a run's id; the number of a step (1, 2, ...), 0 for a dead handle. */
XRAY_API int xray_run_id(xray_run run, uint8_t out[16]);
XRAY_API int64_t xray_step_number(xray_step step);

/* Fields that hold a value. R: of runs, S: of steps. Setting again replaces. */
typedef enum xray_field {
    XRAY_INPUT,       /* RS */
    XRAY_OUTPUT,      /* RS */
    XRAY_REASONING,   /*  S text, usually */
    XRAY_FILTERS,     /*  S filters applied */
    XRAY_PARAMS,      /*  S model parameters */
    XRAY_SAMPLING,    /*  S map {mode, seen, kept, method, seed} */
    XRAY_ERROR,       /* RS text "Type: message", or map {type, message, stack} */
    XRAY_TAGS,        /* RS map */
    XRAY_METADATA,    /* RS map */
    XRAY_ATTRS_FIELD, /* RS map of what fits nowhere else */
    XRAY_PIPELINE,    /* R  text, as all that follow */
    XRAY_PIPELINE_VERSION, /* R */
    XRAY_PROJECT,     /* R  */
    XRAY_SESSION,     /* R  */
    XRAY_USER,        /* R  */
    XRAY_NAME,        /*  S */
    XRAY_TYPE,        /*  S */
    XRAY_MODEL,       /*  S */
    XRAY_PROVIDER,    /*  S */
    XRAY_EXT_ID,      /* RS */
    XRAY_PARENT_EXT,  /*  S */
} xray_field;

/* Fields that hold an integer. XRAY_MISSING unsets. */
typedef enum xray_int_field {
    XRAY_START,            /* RS ns since 1970 */
    XRAY_END,              /* RS ns since 1970 */
    XRAY_DURATION,         /* RS ns */
    XRAY_COST,             /* RS nano-units */
    XRAY_FLAGS,            /* RS XRAY_FLAG_* , or-ed to what is there */
    XRAY_CANDIDATES_IN,    /*  S exact; overrides what is counted from the events */
    XRAY_CANDIDATES_OUT,   /*  S */
    XRAY_CANDIDATES_KEPT,  /*  S events recorded, where fewer than happened */
    XRAY_SEQUENCE,         /*  S the source's own sequence number */
    XRAY_TOKENS_IN,        /*  S all input tokens, cache included */
    XRAY_TOKENS_OUT,       /*  S all output tokens, reasoning included */
    XRAY_TOKENS_CACHE_READ,
    XRAY_TOKENS_CACHE_WRITE,
    XRAY_TOKENS_REASONING,
    XRAY_TOKENS_TOTAL,     /*  S only if it is not in + out */
} xray_int_field;

/* Sets a field. Returns 0, XRAY_ECLOSED, XRAY_EMISUSE (the field is not of a run /
 * of a step, or the value not of its kind), or what xray_value_pack returns. The
 * value is borrowed for the call. The lax JSON of xray_value_pack is used. */
XRAY_API int xray_run_set(xray_run run, xray_field field, xray_value value);
XRAY_API int xray_step_set(xray_step step, xray_field field, xray_value value);
XRAY_API int xray_run_set_int(xray_run run, xray_int_field field, int64_t value);
XRAY_API int xray_step_set_int(xray_step step, xray_int_field field, int64_t value);

/* What a call of a model used. Begin with XRAY_USAGE_INIT: numbers that stay XRAY_MISSING and texts that stay none are not
 * set. Input includes what came from or went to a cache, output includes reasoning. */
typedef struct xray_usage {
    xray_str model, provider;
    int64_t input, output;           /* tokens, as all but the last */
    int64_t cache_read, cache_write; /* of the input */
    int64_t reasoning;               /* of the output */
    int64_t total;                   /* only if it is not input + output */
    int64_t cost;                    /* nano-units, as the application reports it */
} xray_usage;

#define XRAY_USAGE_INIT                                                                            \
    {                                                                                              \
        {0, 0}, {0, 0}, XRAY_MISSING, XRAY_MISSING, XRAY_MISSING, XRAY_MISSING, XRAY_MISSING,      \
            XRAY_MISSING, XRAY_MISSING                                                             \
    }

XRAY_API int xray_step_usage(xray_step step, const xray_usage *usage);

/* Adds one entry to a map field (tags, metadata, attrs, filters, params). A key set twice keeps the last value. */
XRAY_API int xray_run_add(xray_run run, xray_field field, xray_str key, xray_value value);
XRAY_API int xray_step_add(xray_step step, xray_field field, xray_str key, xray_value value);

/* Candidates. Counts in and out and the histogram of reasons follow by
 * themselves: every event counts as in; accept and modify as out. None of
 * these calls allocates once the step's buffer has grown. */
typedef struct xray_reason {
    xray_str code;    /* few distinct ones; prose goes to evidence */
    xray_str rule;    /* rule id, or none */
    xray_str version; /* rule version, or none */
    xray_str params;  /* hash of the rule's parameters, or none */
} xray_reason;

#define XRAY_HAS_SCORE 1u
#define XRAY_HAS_THRESHOLD 2u
#define XRAY_HAS_RANK_IN 4u
#define XRAY_HAS_RANK_OUT 8u
#define XRAY_HAS_WEIGHT 16u
#define XRAY_HAS_TIME 32u
#define XRAY_HAS_EVIDENCE 64u /* evidence_value instead of the list */

typedef struct xray_candidate {
    xray_str item; /* the candidate's id */
    xray_verdict verdict;
    unsigned fields; /* XRAY_HAS_*: which of the following are there */
    const xray_reason *reasons;
    size_t reason_count;
    double score;
    double threshold;
    int64_t rank_in;
    int64_t rank_out;
    double weight; /* how many events this one stands for, where sampled */
    int64_t time_ns;
    xray_by by;
    xray_provenance provenance;
    const xray_attr *evidence;
    size_t evidence_count;
    xray_value evidence_value; /* a map, with XRAY_HAS_EVIDENCE */
} xray_candidate;

XRAY_API int xray_step_accept(xray_step step, xray_str item);
XRAY_API int xray_step_reject(xray_step step, xray_str item, xray_str reason, const xray_attr *evidence,
                              size_t evidence_count);
XRAY_API int xray_step_defer(xray_step step, xray_str item, xray_str reason, const xray_attr *evidence,
                             size_t evidence_count);
XRAY_API int xray_step_modify(xray_step step, xray_str item, xray_str reason, const xray_attr *evidence,
                              size_t evidence_count);
XRAY_API int xray_step_candidate(xray_step step, const xray_candidate *candidate);

/* Tracing that is switched off is a zero handle, and costs a comparison: these calls look at it in the
 * caller's own code. The functions are there all the same, for other languages (XRAY_NO_INLINE: for C, too). */
#if defined(__GNUC__) && !defined(__cplusplus) && !defined(XRAY_NO_INLINE)
#define XRAY_INLINE extern inline __attribute__((gnu_inline, always_inline))
extern int xray_live_accept(xray_step step, xray_str item) __asm__("xray_step_accept");
extern int xray_live_reject(xray_step step, xray_str item, xray_str reason, const xray_attr *evidence,
                              size_t evidence_count) __asm__("xray_step_reject");
extern int xray_live_candidate(xray_step step, const xray_candidate *candidate) __asm__("xray_step_candidate");

XRAY_INLINE int xray_step_accept(xray_step step, xray_str item)
{
    return step != 0 ? xray_live_accept(step, item) : XRAY_ECLOSED;
}

XRAY_INLINE int xray_step_reject(xray_step step, xray_str item, xray_str reason, const xray_attr *evidence,
                                 size_t evidence_count)
{
    return step != 0 ? xray_live_reject(step, item, reason, evidence, evidence_count) : XRAY_ECLOSED;
}

XRAY_INLINE int xray_step_candidate(xray_step step, const xray_candidate *candidate)
{
    return step != 0 ? xray_live_candidate(step, candidate) : XRAY_ECLOSED;
}
#endif

/* Sets the exact count of one rejection reason, where the application counted
 * without recording each event. Overrides what events counted. */
XRAY_API int xray_step_set_reason_count(xray_step step, xray_str code, int64_t count);

/* A whole list at once, of which not all are kept as events. Counts in and out and the histogram of reasons are those of the whole
 * list; what is kept has its weight, the number of candidates it stands for, and the step's field `sampling` says
 * how it was chosen, from which seed (spec 7.4). xray_writer_options.sample_rate does not apply. */
typedef enum xray_capture {
    XRAY_CAPTURE_ALL,
    XRAY_CAPTURE_SUMMARY, /* none */
    XRAY_CAPTURE_SAMPLED, /* sample_size of them (0: 50), each with the same chance */
    XRAY_CAPTURE_SMART,   /* all of at most 50; else what was accepted or modified, the first 3 of each reason, and of the
                           * rest sample_size (0: 20) */
} xray_capture;

/* Returns 0, XRAY_ECLOSED, XRAY_EMISUSE (a mode or verdict that does not exist: nothing is recorded), XRAY_ENOMEM. */
XRAY_API int xray_step_set_candidates(xray_step step, const xray_candidate *list, size_t count, xray_capture mode,
                                      size_t sample_size, uint64_t seed);

typedef struct xray_alternative {
    xray_str id;
    double score; /* NAN: none */
    xray_str why_not;
} xray_alternative;

typedef struct xray_decision {
    xray_str name;
    const xray_str *selected; /* none selected is an outcome like any other */
    size_t selected_count;
    const xray_alternative *alternatives;
    size_t alternative_count;
    xray_str reason;
    double score;      /* NAN: none; note that 0 is a score */
    double confidence; /* NAN: none */
    xray_by by;
    const xray_value *body; /* instead of all above but the name: the map of spec 8.6 */
    int64_t after;   /* candidates recorded before it; XRAY_MISSING: as counted so far */
    int64_t time_ns; /* XRAY_MISSING: none; 0: now */
} xray_decision;

#define XRAY_DECISION_INIT                                                                         \
    {                                                                                              \
        .score = (0.0 / 0.0), .confidence = (0.0 / 0.0), .after = XRAY_MISSING                     \
    }

XRAY_API int xray_step_decide(xray_step step, const xray_decision *decision);
XRAY_API int xray_run_decide(xray_run run, const xray_decision *decision);

/* Any other timed event. body: a map; time_ns and after as in xray_decision. */
XRAY_API int xray_step_note(xray_step step, xray_str name, xray_value body, int64_t after, int64_t time_ns);
XRAY_API int xray_run_note(xray_run run, xray_str name, xray_value body, int64_t after, int64_t time_ns);

/* ---- 4 reading ----------------------------------------------------------- */

/* A store shows one or more segments, or directories of them, as one trace.
 *
 * Threads:  a store and what is opened from it belong to one thread at a time;
 *           different stores share nothing. A store may have threads of its own, which
 *           decode blocks ahead of what is asked for (options.threads); what is returned,
 *           and in which order, does not depend on how many. They block all signals.
 * Lifetime: scans and traces borrow their store: close them first.
 * Damage:   what cannot be read is skipped and reported (xray_store_problem),
 *           everything else is returned (spec 4.7). A torn tail is not damage. */
typedef struct xray_store xray_store;

/* Whether the indexes beside segments are used (format-spec/index-file.md). What is read is the same. */
enum xray_index_mode {
    XRAY_INDEX_AUTO = 0, /* those that can be trusted */
    XRAY_INDEX_NEVER,
    XRAY_INDEX_REQUIRE,  /* a segment without one that can be used is an error: XRAY_ENOTFOUND */
};

/* What the catalogue of a directory says of a segment (format-spec/catalogue.md): of all runs that have a row in it, whatever other segments
 * say of them. Lives during the call. */
typedef struct xray_segment_facts {
    uint64_t runs;
    int64_t start_min_ns, start_max_ns; /* when they began; XRAY_MISSING: none of them says */
    const xray_str *pipelines, *versions;
    const xray_str *statuses; /* by name; of one that did not end running and abandoned, of one that ended without any ended and running */
    size_t pipeline_count, version_count, status_count;
    const xray_str *step_names, *step_types; /* all that there are, if it says so */
    size_t step_name_count, step_type_count;
    bool step_names_known, step_types_known;
    const void *index; /* for xray_query_test_segment */
    uint32_t row;
} xray_segment_facts;

/* What a store is opened for. Where a directory has a catalogue, segments that cannot matter are left out: they are not among the
 * segments of the store, nor their runs among its runs. Runs that cannot be meant may then be known in part. */
typedef struct xray_store_scope {
    const xray_str *ids; /* runs, each as xray_store_find_run takes it; the answer of that is the same */
    size_t id_count;
    /* Can a run of such a segment matter? Asked only if there are no ids. NULL: yes. */
    bool (*wants)(void *ctx, const xray_segment_facts *facts);
    void *ctx;
} xray_store_scope;

typedef struct xray_store_options { /* all zero = defaults */
    size_t cache_bytes; /* decoded blocks kept; 0: 48 MiB, less (at least 8) where there are very many runs */
    uint32_t max_raw;   /* larger blocks are skipped; 0: 64 MiB (spec 11) */
    enum xray_index_mode index;
    unsigned threads;   /* that read blocks, the caller's included; 1: no others; 0: as many as there are
                         * processors, up to 8, where the store is large enough to be worth it */
    const xray_store_scope *scope; /* until xray_store_open returns; NULL: everything */
} xray_store_options;

/* Opens `paths`: segment files, directories, or "-" for standard input (which
 * is copied to an unlinked temporary file). A directory without segments is an empty store.
 * Returns 0 (some segments may be unreadable: see problems), XRAY_EIO, XRAY_ENOTFOUND (a path
 * is not there), XRAY_ECORRUPT (none of the files is a segment), XRAY_EUNSUPPORTED, XRAY_ENOMEM. */
XRAY_API int xray_store_open(xray_store **out, const char *const *paths, size_t path_count,
                             const xray_store_options *options, xray_error *err);
XRAY_API void xray_store_close(xray_store *s);

/* Looks for blocks and segments that were committed since. Returns 1 if there
 * are any, 0 if not, or a negative status. Scans and traces open now do not see them. */
XRAY_API int xray_store_refresh(xray_store *s, xray_error *err);

typedef struct xray_segment_info {
    const char *path; /* all strings live as long as the store */
    uint8_t id[16];
    uint8_t writer_id[16];
    int64_t created_ns; /* XRAY_MISSING */
    uint64_t size;      /* bytes of the file when last looked at */
    uint64_t valid_len; /* bytes up to the end of the last whole block */
    uint64_t torn_bytes;    /* after that */
    uint64_t skipped_bytes; /* damaged, in the middle */
    bool sealed;
    bool writer_dead; /* not sealed, written on this machine by a process that is gone */
    uint64_t lost;      /* records the writer had to drop */
    uint64_t blocks;
    uint64_t raw_bytes[6];    /* by block kind, spec 4.5; [0] unknown kinds */
    uint64_t stored_bytes[6]; /* headers included */
    uint64_t block_count[6];
    uint64_t rows[6];  /* parts, candidates, step rows, losses by kind */
    uint64_t rows2[6]; /* values, decisions + notes, run rows */
    int64_t version;   /* of the format (spec 3.2) that the writer wrote */
    int64_t time_min_ns, time_max_ns; /* recorded times, by the headers; XRAY_MISSING: none */
    xray_str app, host, boot; /* of the writer: its name, its machine, that machine's boot id; len 0: not known */
    int64_t pid;              /* of the writer; XRAY_MISSING */
    bool indexed;             /* an index of it is in use */
} xray_segment_info;

XRAY_API size_t xray_store_segment_count(const xray_store *s);
XRAY_API int xray_store_segment(const xray_store *s, size_t i, xray_segment_info *out);

/* Problems met so far, in the order met: unreadable files, damaged blocks,
 * rows that contradict the spec. Returns XRAY_ENOTFOUND for i >= count. */
typedef struct xray_problem {
    const char *path;
    int64_t block; /* ordinal, or -1 */
    uint64_t pos;
    int status;
    const char *message;
} xray_problem;

XRAY_API size_t xray_store_problem_count(const xray_store *s);
XRAY_API int xray_store_problem(const xray_store *s, size_t i, xray_problem *out);

typedef struct xray_read_stats {
    uint64_t blocks_total, blocks_read; /* bodies decompressed; a block read twice counts twice */
    uint64_t bytes_total, bytes_read;   /* bytes of the files; headers and bodies read from them */
    uint64_t raw_bytes;                 /* decompressed */
    uint64_t kind_read[6];              /* bodies by kind */
    uint64_t index_bytes;               /* of bytes_read: of indexes */
    uint64_t runs_asked, runs_skipped;  /* runs that an index was asked about; of these, could not match */
    uint64_t runs_summed;               /* runs whose steps were taken as sums */
    uint64_t segments_skipped;          /* left out, as options.scope allows */
    uint64_t blocks_skipped;            /* not read by a search: an index says that nothing in them matches */
} xray_read_stats;

XRAY_API void xray_store_get_stats(const xray_store *s, xray_read_stats *out);

/* In how many blocks of each kind (spec 4.5) one of these texts may stand, as far as indexes tell; case of ASCII letters is ignored. XRAY_ENOMEM. */
XRAY_API int xray_store_may_hold(xray_store *s, const xray_str *texts, size_t count, uint64_t blocks[6], xray_error *err);

/* A stored value, not yet resolved. data == NULL: there is none. Borrowed from
 * the record it stands in. */
typedef struct xray_ref {
    const uint8_t *data;
    size_t len;
    uint32_t segment;
} xray_ref;

/* Appends the value to *out as MessagePack with every reference resolved (spec 6).
 * Parts that are missing become ext 3. Returns 0, XRAY_ECORRUPT (not a value) or XRAY_ELIMIT (too large or too deep), which are
 * among the problems of the store then, XRAY_EIO, XRAY_ENOMEM. */
XRAY_API int xray_ref_resolve(xray_store *s, xray_ref ref, xray_buffer *out, xray_error *err);

/* Appends the value to *out as JSON of spec 13. */
XRAY_API int xray_ref_json(xray_store *s, xray_ref ref, xray_buffer *out, xray_error *err);

typedef struct xray_reason_count {
    xray_str code;
    uint64_t count;
} xray_reason_count;

/* Records as readers see them. Strings and refs live until the next call on
 * the scan, or as long as the trace. Integers that are missing are XRAY_MISSING. */
typedef struct xray_run_record {
    uint8_t id[16];
    uint64_t seq;
    uint32_t segment; /* index of the segment of its first row */
    bool ended;       /* false: running or abandoned */
    bool abandoned;   /* not ended, and its last segment is sealed or its writer dead */
    xray_outcome outcome;
    xray_str ext_id;  /* as text, UUID and hex forms written out; none: len 0 */
    xray_str pipeline, version, project, session, user, error_type;
    bool has_parent_run;
    uint8_t parent_run[16];
    int64_t start_ns, end_ns, duration_ns; /* end: given, or start + duration */
    int64_t cost;
    uint32_t flags;
    xray_ref error, tags, metadata, input, output, attrs;
} xray_run_record;

typedef struct xray_step_record {
    uint8_t run_id[16];
    xray_str pipeline, version; /* of the run, as known to the block; scans only need these */
    uint32_t segment;  /* of its first row */
    uint8_t writer_id[16];
    int64_t raw_number; /* as the writer numbered it */
    int64_t number;     /* trace: 1, 2, 3, ... in the run (spec 7.2); scan: raw_number */
    int64_t parent;     /* number of the parent; 0: none. scan: the writer's number */
    bool orphan;        /* trace: it names a parent that is not in the run, or is part of a cycle */
    bool ended, abandoned;
    xray_outcome outcome;
    xray_str ext_id, parent_ext, name, type, model, provider, error_type;
    int64_t sequence;
    int64_t start_ns, end_ns, duration_ns;
    int64_t candidates_in, candidates_out, candidates_kept;
    const xray_reason_count *reasons;
    size_t reason_count;
    int64_t tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_reasoning, tokens_total;
    int64_t cost;
    uint32_t flags;
    xray_ref error, input, output, reasoning, filters, params, sampling, tags, metadata, attrs;
} xray_step_record;

typedef struct xray_loss_record {
    uint32_t segment;
    xray_str cause, what;
    uint64_t count;
    int64_t from_ns, to_ns;
} xray_loss_record;

/* A scan goes once through the store and yields every run and step joined
 * (spec 7.2), in the order in which they became complete; those without an end
 * come last. It reads spine (and loss) blocks only, and keeps what is open in memory. */
typedef struct xray_scan xray_scan;
typedef struct xray_scan_record {
    enum { XRAY_SCAN_RUN = 1, XRAY_SCAN_STEP = 2, XRAY_SCAN_LOSS = 4 } kind;
    const xray_run_record *run;
    const xray_step_record *step;
    const xray_loss_record *loss;
} xray_scan_record;

XRAY_API int xray_scan_open(xray_scan **out, xray_store *s, unsigned kinds, xray_error *err);
/* Returns 1 and fills *rec, 0 at the end, or a negative status. */
XRAY_API int xray_scan_next(xray_scan *sc, xray_scan_record *rec, xray_error *err);
XRAY_API void xray_scan_close(xray_scan *sc);

/* What need not be filled in of step records: what is left out costs nothing, and may be unset. To be called before the first
 * xray_scan_next. A set of these. */
#define XRAY_STEP_VALUES 1u  /* all refs: error to attrs */
#define XRAY_STEP_IDS 2u     /* ext_id, parent_ext */
#define XRAY_STEP_REASONS 4u /* reasons, reason_count */
XRAY_API void xray_scan_without(xray_scan *sc, unsigned parts);
/* Nobody will come back to what the scan reads: no block is kept. Before the first xray_scan_next as well. */
XRAY_API void xray_scan_once(xray_scan *sc);

/* Yields only what stands in the spine blocks that have rows of these runs (by index): all steps of
 * them, and some of others. To be called before the first xray_scan_next. XRAY_ENOMEM. */
XRAY_API int xray_scan_only(xray_scan *sc, const size_t *runs, size_t count, xray_error *err);

/* The runs of a store, numbered from 0 in the order of spec 7.2. The first call finds them in one pass over the spine, or in the
 * indexes; they are kept until the store is refreshed or closed, about 130 bytes for each. */

/* How many there are. XRAY_ENOMEM. */
XRAY_API int xray_store_run_count(xray_store *s, size_t *count, xray_error *err);

/* Fills *out, but for the refs. ext_id lives until the next call of this function for the store, other strings until the store is
 * refreshed or closed. XRAY_ENOTFOUND: `index` is not below the count; XRAY_ENOMEM: only where it is the first call. */
XRAY_API int xray_store_run(xray_store *s, size_t index, xray_run_record *out, xray_error *err);

/* The index of the run with this id, in constant time. 1, 0 if there is none, or XRAY_ENOMEM. */
XRAY_API int xray_store_run_index(xray_store *s, const uint8_t id[16], size_t *index, xray_error *err);

/* How many hexadecimal digits, from the first on, tell the ids of all runs apart: 1 to 32. XRAY_ENOMEM. */
XRAY_API int xray_store_run_digits(xray_store *s, int *digits, xray_error *err);

/* All records at once, which live, with their strings, until the store is refreshed or closed. They take 0.4 KB for each run
 * beside the above: for small stores. XRAY_ENOMEM. */
XRAY_API int xray_store_runs(xray_store *s, const xray_run_record **out, size_t *count, xray_error *err);

/* What the steps of one name and type, of several runs, add up to. XRAY_MISSING: no step has it. Borrowed for the call. */
typedef struct xray_step_sum {
    xray_str name, type;
    uint64_t steps;
    uint64_t runs, runs_in, runs_out; /* that have such a step; with a count in; out */
    uint64_t emptied; /* ended runs without a candidate left, which were the first time without one at this step */
    int64_t ended, failures; /* steps with an end, with status failure; XRAY_MISSING: the index does not say */
    int64_t candidates_in, candidates_out;
    int64_t both_in, both_out; /* over the steps that have both */
    int64_t cost, numbers;     /* numbers: of their step numbers as the writer gave them */
    const xray_reason_count *reasons;
    size_t reason_count;
    const int64_t *durations; /* ascending, at least 0 */
    size_t duration_count;
} xray_step_sum;

/* Offers the groups of runs whose sums the indexes of the segments have (format-spec/index-file.md, 3.5), with the indexes of the
 * runs: of one pipeline and version each, every run at most once. If `choose` says so, `take` gets the sums, one
 * per name and type, and returns 0 to go on. They are those that a scan would add up to. Runs that are not offered, or not
 * chosen, are left to the caller. Returns 0, what `take` returned, or XRAY_ENOMEM. */
typedef struct xray_sum_visitor {
    bool (*choose)(void *ctx, const size_t *runs, size_t count);
    int (*take)(void *ctx, const size_t *runs, size_t count, const xray_step_sum *sum);
    bool statuses; /* only groups of which all sums have ended and failures */
} xray_sum_visitor;

XRAY_API int xray_store_sums(xray_store *s, const xray_sum_visitor *visitor, void *ctx, xray_error *err);

/* Finds runs by id: a prefix (4 characters or more) of the 32 hex digits (dashes are skipped), or of the ext_id. Stores the
 * index of the only match in *index. Returns how many matched (1: *index set; the first 16 indexes go to
 * `matches` if it is not NULL), or a negative status. */
XRAY_API int xray_store_find_run(xray_store *s, xray_str id, size_t *index, size_t matches[16], xray_error *err);

/* A trace is one run with all its steps, joined, numbered, with parents resolved. */
typedef struct xray_trace xray_trace;
XRAY_API int xray_trace_open(xray_trace **out, xray_store *s, size_t run_index, xray_error *err);
XRAY_API void xray_trace_close(xray_trace *t);
XRAY_API const xray_run_record *xray_trace_run(const xray_trace *t);
XRAY_API const xray_step_record *xray_trace_steps(const xray_trace *t, size_t *count);

/* Events of one step (its number in the trace), or of the run itself (number 0): all candidates, then decisions, then notes. */
typedef struct xray_event_record {
    enum { XRAY_EVENT_CANDIDATE = 1, XRAY_EVENT_DECISION = 2, XRAY_EVENT_NOTE = 4 } kind;
    /* candidates */
    xray_str item;
    int verdict;
    unsigned fields; /* XRAY_HAS_* */
    const xray_reason *reasons;
    size_t reason_count;
    double score, threshold, weight;
    int64_t rank_in, rank_out;
    int by, provenance;
    size_t evidence_count; /* list; with XRAY_HAS_EVIDENCE see evidence */
    const xray_str *evidence_keys;
    const xray_ref *evidence_values;
    xray_ref evidence;
    /* decisions and notes */
    xray_str name;
    int64_t after;
    xray_ref body;
    /* all */
    int64_t time_ns; /* XRAY_MISSING */
} xray_event_record;

typedef struct xray_events xray_events;
XRAY_API int xray_events_open(xray_events **out, xray_trace *t, int64_t step_number, unsigned kinds,
                              xray_error *err);
XRAY_API int xray_events_next(xray_events *e, xray_event_record *rec, xray_error *err);
XRAY_API void xray_events_close(xray_events *e);

/* Every record of one candidate in the whole store. Only blocks that name the item are decoded; others are
 * decompressed and asked for it (what is wrong in the rest of these is not noticed). Order: segments by spec 7.2,
 * then blocks and candidates as they stand. `item` is exact, and is copied. One thread, and the store must stay open.
 * Open: 0, XRAY_ENOMEM. Next: 1 and *out, whose texts and refs live until the next call; 0 at the end; a status.
 * Blocks that cannot be read are problems of the store, and are skipped. */
typedef struct xray_items xray_items;
typedef struct xray_item_record {
    uint8_t run_id[16];
    uint8_t writer_id[16]; /* with raw_step: xray_step_record has both */
    int64_t raw_step;      /* as the writer numbered it; XRAY_MISSING: of the run itself */
    uint32_t segment;
    xray_event_record event;
} xray_item_record;

XRAY_API int xray_items_open(xray_items **out, xray_store *s, xray_str item, xray_error *err);
XRAY_API int xray_items_next(xray_items *it, xray_item_record *out, xray_error *err);
XRAY_API void xray_items_close(xray_items *it);

/* How many threads work for this store, the caller's included (options.threads); the first call may start them. */
XRAY_API unsigned xray_store_threads(xray_store *s);

/* Text search support: visits every text of the store's payload at most once (spec 6), on all threads of the
 * store. What to look for is up to a visitor. Its functions are called from several threads at the same time,
 * but with each context from one thread only: the first context is used in the caller's thread, by xray_hits_test
 * as well, and must live as long as the hits. With fewer contexts than xray_store_threads says, everything is
 * done in the caller's thread; there, and with one context, payload is visited in the order of the file. */
typedef struct xray_visitor {
    /* A value's MessagePack bytes, references not resolved: 1 if it matches, 0 if not, negative: stop. */
    int (*visit)(void *ctx, const uint8_t *data, size_t len);
    /* May be NULL. A cheap test of any bytes: the offset from which on something stands that could be (a part of) a
     * match; `len` if there is none. Texts stand in values as they are, so that one needle that every match
     * holds will do. Values in which nothing is found are not visited and do not match; blocks in which nothing
     * is found are not even decoded, so that what contradicts the spec inside of them goes unnoticed. */
    size_t (*find)(void *ctx, const uint8_t *data, size_t len);
    /* A text that is not stored as it reads, or is shared by many: a candidate's id, a reason, a name. */
    bool (*text)(void *ctx, xray_str text);
    bool events;  /* find out whose candidates, decisions and notes match, too */
    bool not_hex; /* with `find`: nothing that consists of the digits 0-9, a-f and of dashes can hold a match */
    /* Every match holds one of these, or the same but for the case of ASCII letters: what an index knows not to hold any is not read, and what
     * became wrong in there goes unnoticed. None: everything is read. Borrowed until xray_hits_build returns. */
    const xray_str *needles;
    size_t needle_count;
    void *const *contexts; /* at least one */
    size_t context_count;
} xray_visitor;

/* xray_hits_build returns 0, 1 if a visit stopped it (*out then knows what was visited before), XRAY_ENOMEM.
 * xray_hits_test tells in O(size of the ref) whether a stored value contains something that matched, in place or by
 * reference; values that stand in place are visited in there, where a negative number counts as 0. Of a
 * map merged from several rows (spec 7.2) it tells whether one of these rows matches, which a later one may have
 * overruled.
 * xray_hits_test_run_events and xray_hits_test_events tell whether events of a run, or of one of its steps (raw_number;
 * XRAY_MISSING: of the run itself), could match: false is certain, true is not. True for all where the
 * visitor did not ask for events, or was stopped, or memory is out. The first call of these searches the events, on all threads of the
 * store, which must still be open. */
typedef struct xray_hits xray_hits;
XRAY_API int xray_hits_build(xray_hits **out, xray_store *s, const xray_visitor *visitor, xray_error *err);
XRAY_API bool xray_hits_test_run_events(xray_hits *h, const uint8_t run_id[16]);
XRAY_API bool xray_hits_test_events(xray_hits *h, const uint8_t run_id[16], int64_t raw_step);
XRAY_API bool xray_hits_test(const xray_hits *h, xray_ref ref);

/* What is known of each run's own texts and those of its steps: names, ids, reasons and values, not those of events. Fills out[i] for each run of
 * the list. POSSIBLE: something was found, which a later row may have overruled. XRAY_ENOMEM. */
enum { XRAY_HITS_NONE = 0, XRAY_HITS_POSSIBLE, XRAY_HITS_SURE };
XRAY_API int xray_hits_runs(const xray_hits *h, xray_store *s, uint8_t *out, xray_error *err);
XRAY_API void xray_hits_free(xray_hits *h);

/* The index of the segment in the file `path`, which is SEGMENT.idx beside it (format-spec/index-file.md).
 * Build replaces it as a whole (XRAY_ECORRUPT: the segment is damaged, and is not indexed; XRAY_ENOTFOUND: it has no block
 * yet; XRAY_EUNSUPPORTED: the file holds several segments). Check makes it again and compares: XRAY_ENOTFOUND: there is none;
 * XRAY_ECORRUPT: it is not to be trusted, or says something else than the segment (err says what). Drop removes it: 1, or 0 if
 * there was none. Look tells what it covers and how large it is, with the statuses of check. All take memory in proportion to the
 * number of runs and items; beside these XRAY_EIO, XRAY_ENOMEM. */
typedef struct xray_index_options { /* all zero = defaults */
    unsigned item_bits; /* per item id and candidates block, 1 to 16: an id that is not in a block is taken for one that
                         * is with probability 2^-bits; 0: 2 to 8, as many as 2.5 % of the block pays for */
    uint32_t gram_span; /* bytes of neighbouring blocks, decompressed, that share a set of grams: a search reads that much for
                         * a match; 0: 1.5 MiB of payload, 6 MiB of others */
    bool no_grams;      /* leave out what finds texts: a smaller index, and a search reads every block */
} xray_index_options;

typedef struct xray_index_info {
    uint64_t size;         /* bytes of the index */
    uint64_t covered;      /* bytes of the segment that it speaks of */
    uint64_t segment_size; /* bytes of the segment's file */
    uint64_t blocks;
    uint64_t section_size[7]; /* by kind (index-file.md, 3): 1 blocks 2 runs 3 items 4 steps 5 sums 6 grams */
} xray_index_info;

XRAY_API int xray_index_build(const char *path, const xray_index_options *options, xray_error *err);
XRAY_API int xray_index_check(const char *path, xray_error *err);
XRAY_API int xray_index_drop(const char *path, xray_error *err);
XRAY_API int xray_index_look(const char *path, xray_index_info *out, xray_error *err);

/* The catalogue of a directory of segments, which is catalogue.idx in it (format-spec/catalogue.md). Build makes it from the
 * indexes that are there and replaces it as a whole: 1, or 0 if it says that already; XRAY_ENOTFOUND: there is no segment with a whole index. Check makes it again and compares:
 * XRAY_ENOTFOUND: there is none; XRAY_ECORRUPT: it is not to be trusted, or says something else than the indexes. Drop removes it: 1, or 0 if there was
 * none. `out` may be NULL. All take memory in proportion to the number of runs; beside
 * these XRAY_ELIMIT, XRAY_EIO, XRAY_ENOMEM. */
typedef struct xray_catalogue_info {
    uint64_t size;     /* bytes */
    uint64_t segments; /* listed */
    uint64_t runs;     /* of them, each once */
} xray_catalogue_info;

XRAY_API int xray_catalogue_build(const char *directory, xray_catalogue_info *out, xray_error *err);
XRAY_API int xray_catalogue_check(const char *directory, xray_catalogue_info *out, xray_error *err);
XRAY_API int xray_catalogue_drop(const char *directory, xray_error *err);

/* ---- 5 text -------------------------------------------------------------- */

/* Appends one MessagePack value as JSON of spec 13. Safe for any bytes. */
XRAY_API int xray_msgpack_json(const uint8_t *data, size_t len, xray_buffer *out, xray_error *err);

/* Appends text as a JSON string, quotes included, escaped as spec 13 says. */
XRAY_API int xray_json_string(xray_str text, xray_buffer *out);

/* Appends a double in the shortest form that reads back the same (spec 13). */
XRAY_API int xray_json_double(double d, xray_buffer *out);

/* Records as NDJSON lines of spec 13, newline included. */
XRAY_API int xray_run_json(xray_store *s, const xray_run_record *run, xray_buffer *out, xray_error *err);
XRAY_API int xray_step_json(xray_store *s, const xray_step_record *step, xray_buffer *out, xray_error *err);
XRAY_API int xray_event_json(xray_store *s, const uint8_t run_id[16], int64_t step_number,
                             const xray_event_record *event, xray_buffer *out, xray_error *err);
XRAY_API int xray_loss_json(const xray_loss_record *loss, xray_buffer *out);

/* A cursor over MessagePack from outside: bounded, allocates nothing (spec 11). */
typedef struct xray_mp {
    const uint8_t *at;
    size_t left;
    bool bad; /* sticky: the bytes are not MessagePack, or stop early */
} xray_mp;

typedef struct xray_mp_item {
    enum {
        XRAY_MP_NIL,
        XRAY_MP_BOOL,
        XRAY_MP_INT,  /* negative, or fits int64 */
        XRAY_MP_UINT, /* above INT64_MAX */
        XRAY_MP_FLOAT,
        XRAY_MP_STR,
        XRAY_MP_BIN,
        XRAY_MP_EXT,
        XRAY_MP_ARRAY, /* count elements follow */
        XRAY_MP_MAP,   /* count pairs follow */
    } type;
    bool boolean;
    int64_t i;
    uint64_t u;
    double d;
    xray_str bytes;   /* str, bin, ext: borrowed */
    int8_t ext_type;
    uint32_t count;   /* array, map: never more than the bytes left could hold */
} xray_mp_item;

static inline xray_mp xray_mp_over(const void *data, size_t len)
{
    xray_mp c;
    c.at = (const uint8_t *)data;
    c.left = len;
    c.bad = false;
    return c;
}

/* Takes the next item (of a container: its header). False at the end or if bad. */
XRAY_API bool xray_mp_next(xray_mp *c, xray_mp_item *item);
/* Skips one whole value, iteratively, depth at most 68 (a value of
 * spec 11 in a block's body). False if bad. */
XRAY_API bool xray_mp_skip(xray_mp *c);

/* ---- 6 queries ----------------------------------------------------------- */

/* A parsed expression of format-spec/query-language.md ("ql" below). Immutable
 * once parsed, but evaluated by one thread at a time (it owns scratch memory). */
typedef struct xray_query xray_query;

enum xray_unit { XRAY_UNIT_AUTO = 0, XRAY_UNIT_RUN, XRAY_UNIT_STEP, XRAY_UNIT_CAND };

typedef struct xray_query_options { /* all zero = defaults */
    enum xray_unit unit;      /* what a hit is; AUTO: ql 1.3 */
    int64_t now_ns;           /* what "2h ago" counts from; 0: the clock */
    uint32_t match_limit;     /* PCRE2 match limit; 0: 100,000 */
} xray_query_options;

/* Where a query is wrong. Lines and columns count from 1, columns in characters. */
typedef struct xray_query_error {
    int status;
    int line, column;
    size_t offset;     /* byte in the text */
    size_t len;        /* bytes to underline, at least 1 */
    char message[256];
    char hint[256];    /* what to write instead, or empty */
} xray_query_error;

/* Returns 0, XRAY_ESYNTAX (ql 5; *error is filled), XRAY_ELIMIT, XRAY_EIO (a file of `in @file`), XRAY_ENOMEM. */
XRAY_API int xray_query_parse(xray_query **out, xray_str text, const xray_query_options *options,
                              xray_query_error *error);
XRAY_API void xray_query_free(xray_query *q);

XRAY_API enum xray_unit xray_query_unit(const xray_query *q);

/* What evaluating can need besides what stands in every record: or of these. */
#define XRAY_NEEDS_STEPS 1u   /* the steps of the run: not for queries on run fields alone */
#define XRAY_NEEDS_PAYLOAD 2u /* values */
#define XRAY_NEEDS_EVENTS 4u  /* candidates */
#define XRAY_NEEDS_IDS 8u     /* of the spine: ids of steps as applications gave them */
#define XRAY_NEEDS_REASONS 16u /* of the spine: histograms of reasons */
XRAY_API unsigned xray_query_needs(const xray_query *q);

/* Does every hit need a candidate of one id in its run: a `cand.id = "..."` that must hold, alone or in any{}? Then true, and *item is
 * the id, which lives as long as the query: other runs than those of xray_items need not be opened. */
XRAY_API bool xray_query_item(const xray_query *q, xray_str *item);

/* Appends the canonical form (ql 6). */
XRAY_API int xray_query_canonical(const xray_query *q, xray_buffer *out);

/* What can be said from the run's record alone (its refs may be unset): 0 no step or candidate of it, nor it, matches; 1 the
 * run matches (unit run), or every step does; 2 it must be opened. */
XRAY_API int xray_query_test_run(xray_query *q, const xray_run_record *run);

/* What can be said of a step from its record in a scan, of which `number` and `parent` are not those of an opened run, and that of its
 * run, which may be NULL: not known. 0 neither it nor a candidate of it matches; 1 it matches (unit run: the run does; unit candidate: all of
 * its candidates do); 2 the run must be opened. */
XRAY_API int xray_query_test_step(xray_query *q, const xray_run_record *run, const xray_step_record *step);

/* The same as xray_query_test_run, and where that is 2, with what the index of the run's segment says of its steps: 0 if none of them can match.
 * `run_index` is that of xray_store_run. XRAY_ENOMEM, XRAY_ENOTFOUND. */
XRAY_API int xray_query_test_indexed(xray_query *q, xray_store *s, size_t run_index, xray_error *err);

/* What the catalogue says of a whole segment: 0 if no run with a row in it, no step and no candidate of such a run can match; else 2. */
XRAY_API int xray_query_test_segment(xray_query *q, const xray_segment_facts *segment);

/* For each condition that must hold (the query itself, or what its `and` joins) calls `visit` with its canonical form and how many
 * runs it rules out alone before any is opened. Stops when `visit` returns something else than 0, and returns it. */
XRAY_API int xray_query_explain(xray_query *q, xray_store *s, int (*visit)(void *ctx, xray_str condition, uint64_t runs),
                                void *ctx, xray_error *err);

/* Tests an opened trace, one of its steps (index in xray_trace_steps), one candidate of it. Returns 1, 0, or a
 * negative status (XRAY_ELIMIT: a pattern was too expensive; the rest can go on). */
XRAY_API int xray_query_match_run(xray_query *q, xray_store *s, xray_trace *t, xray_error *err);
XRAY_API int xray_query_match_step(xray_query *q, xray_store *s, xray_trace *t, size_t step, xray_error *err);
XRAY_API int xray_query_match_event(xray_query *q, xray_store *s, xray_trace *t, size_t step,
                                    const xray_event_record *event, xray_error *err);

/* ---- 7 other languages --------------------------------------------------- */

/* The calls of sections 3, 4 and 6 in the form that a foreign function interface
 * can reach at once: arguments are integers, doubles and (pointer, length) pairs;
 * no struct goes by value, nothing is called back. Texts are UTF-8, (NULL, 0) is
 * none. Contracts are those of the calls they stand for. libxrayfile/python uses
 * nothing else. */

/* How the bytes of a value argument are to be read. Same numbers as in xray_value_kind. */
#define XRAY_AS_TEXT 5
#define XRAY_AS_JSON 7 /* lax: NaN and Infinity are taken */
#define XRAY_AS_MSGPACK 8

/* Would this JSON be taken as a value (xray_value_pack, lax)? Returns what that returns. */
XRAY_API int xray_json_check(const char *json, size_t json_len, xray_error *err);

/* xray_writer_open with its options as a JSON object: app, level, segment_bytes, segment_age_s, flush_interval_ms,
 * memory_bytes, redact, project, sample_rate, sync, no_host as in xray_writer_options; flush: interval, run, sync or step; id (32 hex
 * digits), time_ns and tick_ns together make xray_fixed. Other keys are left alone, so that newer callers work with this
 * library. Returns also XRAY_ESYNTAX, and XRAY_EMISUSE for a value of the wrong type. */
XRAY_API int xray_writer_open_json(xray_writer **out, const char *dir, const char *json, size_t json_len,
                                   xray_error *err);

#define XRAY_PLAIN_RESUME 1u   /* run: xray_run_options.resume */
#define XRAY_PLAIN_NO_CLOCK 2u /* run, step: XRAY_CLOCK_NONE */

/* `id` (16 bytes or NULL) and `parent_run` likewise. */
XRAY_API xray_run xray_run_begin_plain(xray_writer *w, const char *pipeline, size_t pipeline_len,
                                       const char *version, size_t version_len, const char *ext_id,
                                       size_t ext_id_len, const uint8_t *id, const uint8_t *parent_run,
                                       unsigned flags);

/* In `parent` if it is not 0, else in `run`. */
XRAY_API xray_step xray_step_begin_plain(xray_run run, xray_step parent, const char *name, size_t name_len,
                                         const char *type, size_t type_len, const char *ext_id, size_t ext_id_len,
                                         unsigned flags);

/* xray_run_set, xray_step_set, xray_run_add, xray_step_add. `as` is XRAY_AS_*. */
XRAY_API int xray_run_set_bytes(xray_run run, int field, int as, const void *data, size_t len);
XRAY_API int xray_step_set_bytes(xray_step step, int field, int as, const void *data, size_t len);
XRAY_API int xray_run_add_bytes(xray_run run, int field, const char *key, size_t key_len, int as, const void *data,
                                size_t len);
XRAY_API int xray_step_add_bytes(xray_step step, int field, const char *key, size_t key_len, int as,
                                 const void *data, size_t len);

/* One candidate with at most one reason; `evidence` is a JSON object, or none. */
XRAY_API int xray_step_candidate_plain(xray_step step, const char *item, size_t item_len, int verdict,
                                       const char *reason, size_t reason_len, const char *evidence,
                                       size_t evidence_len);

/* xray_step_set_reason_count. */
XRAY_API int xray_step_count_reason(xray_step step, const char *code, size_t code_len, int64_t count);

/* A decision with its map (spec 8.6) as JSON; a note likewise. The time is now, `after` as counted so far. */
XRAY_API int xray_step_decide_json(xray_step step, const char *name, size_t name_len, const char *json,
                                   size_t json_len);
XRAY_API int xray_run_decide_json(xray_run run, const char *name, size_t name_len, const char *json, size_t json_len);
XRAY_API int xray_step_note_json(xray_step step, const char *name, size_t name_len, const char *json,
                                 size_t json_len);
XRAY_API int xray_run_note_json(xray_run run, const char *name, size_t name_len, const char *json, size_t json_len);

/* Many candidates in one call, by columns. A list of texts is one blob with the
 * end offset of each text in it; the first begins at 0. A pointer that is NULL is
 * a column that is not there. All memory is borrowed for the call. */
typedef struct xray_column { /* the evidence of all candidates under one key */
    const char *key;
    size_t key_len;
    const double *doubles;  /* NaN: none. Exactly one of these three is given */
    const int64_t *ints;    /* XRAY_MISSING: none */
    const char *texts;      /* never none; an empty one is a text */
    const uint32_t *text_ends;
} xray_column;

typedef struct xray_batch { /* all zero, then what there is */
    size_t size;  /* sizeof(xray_batch) of the caller: fields are only ever added */
    size_t count;
    const char *items;
    const uint32_t *item_ends;
    const uint8_t *verdicts; /* xray_verdict of each; NULL: all are accepted */
    const uint16_t *reasons; /* of each 0: none, i: code i - 1 */
    const char *codes;
    const uint32_t *code_ends;
    size_t code_count;
    const double *scores;     /* NaN: none */
    const double *thresholds; /* NaN: none */
    const int64_t *ranks_in;  /* XRAY_MISSING: none */
    const int64_t *ranks_out;
    const xray_column *columns; /* evidence by key, or */
    size_t column_count;        /* at most 64 */
    const char *evidence;       /* evidence by candidate: a JSON object, or empty for none */
    const uint32_t *evidence_ends;
    const double *weights; /* how many events each stands for, where sampled; NaN: none */
    const char *rules;     /* rule id of each code, empty for none */
    const uint32_t *rule_ends;
    const char *versions;  /* rule version of each code, likewise */
    const uint32_t *version_ends;
    const uint8_t *by;     /* xray_by of each candidate */
} xray_batch;

/* Records them in their order, each as xray_step_candidate does. The batch is checked first: XRAY_EMISUSE
 * (ends that fall, an unknown verdict or `by`, a reason that is not in the list, evidence in both forms, too many columns) says
 * that nothing was recorded. Evidence that is not JSON takes its own candidate only, which is recorded
 * without it. Returns how many were recorded, or a negative status. */
XRAY_API int64_t xray_step_candidates(xray_step step, const xray_batch *batch, xray_error *err);

/* A selection reads a store and yields the lines of `xray-cat -j` one by one. One thread at a time. */
typedef struct xray_select xray_select;

typedef struct xray_select_options { /* all zero = defaults */
    const char *where; /* an expression of section 6; NULL: everything */
    size_t where_len;
    int unit;          /* enum xray_unit. AUTO: each run that matches, whole: its run line, then every step with its
                        * events. RUN, STEP, CAND: lines of this kind alone, and only what the expression holds for */
    uint64_t limit;    /* at most so many runs (AUTO) or lines; 0: all */
    bool reverse;      /* newest run first */
} xray_select_options;

/* Opens the store of `paths` and the expression. Returns what xray_store_open returns; XRAY_ESYNTAX with the
 * place (err->pos: byte in the expression) and the hint in the message; XRAY_EMISUSE (unit). */
XRAY_API int xray_select_open(xray_select **out, const char *const *paths, size_t path_count,
                              const xray_select_options *options, xray_error *err);

/* Returns 1 and lends the next line: JSON of spec 13 without the newline, NUL-terminated for convenience, valid
 * until the next call. 0 at the end. A negative status tells of one run or record that could not be
 * read: what comes after it can still be asked for. */
XRAY_API int xray_select_next(xray_select *s, const char **line, size_t *len, xray_error *err);

/* What was damaged in the store so far, as xray_store_problem_count, xray_store_problem. The store is lent. */
XRAY_API xray_store *xray_select_store(xray_select *s);

XRAY_API void xray_select_close(xray_select *s);
/* ---- 8 checking and repairing -------------------------------------------- */

/* Checking a file against the whole specification (spec 14). DEEP reads every block: checksums, frames,
 * MessagePack, references, rows against headers, counts against candidates, the content digest.
 * QUICK reads headers and the seal: order, chain, numbering, lengths; of bodies it says nothing. */
enum xray_depth { XRAY_DEEP = 0, XRAY_QUICK = 1 };

enum xray_finding_kind {
    XRAY_FINDING_DAMAGE = 1, /* bytes that contradict the spec, or are gone */
    XRAY_FINDING_NOTE = 2,   /* worth knowing; nothing is lost */
    XRAY_FINDING_NEWER = 3,  /* written for a newer reader: not checked */
};

/* Strings live until the callback returns. */
typedef struct xray_finding {
    enum xray_finding_kind kind;
    const char *path;
    int64_t block;       /* ordinal, or -1 */
    uint64_t pos;        /* byte in the file, or UINT64_MAX */
    const char *message; /* one line: what was expected and found, what is lost or safe */
} xray_finding;

enum xray_segment_state {
    XRAY_STATE_SEALED = 0,   /* known to be complete */
    XRAY_STATE_OPEN = 1,     /* its writer is alive, on this machine */
    XRAY_STATE_CRASHED = 2,  /* its writer is gone, on this machine */
    XRAY_STATE_UNSEALED = 3, /* open or crashed: its writer is not of this machine, or unknown */
    XRAY_STATE_NEWER = 4,    /* not checked to its end: needs a newer reader */
    XRAY_STATE_EMPTY = 5,    /* its writer died before it had a hello (spec 2.2); in directories only */
};

/* What a segment was found to be, once it was checked. */
typedef struct xray_verified_segment {
    const char *path;
    uint8_t id[16];
    uint64_t pos, len; /* bytes in the file, up to the end of the last whole block */
    enum xray_segment_state state;
    uint64_t blocks, torn_bytes;
    uint64_t run_rows, step_rows, candidates; /* of headers */
    uint64_t damages, notes;                  /* findings of this segment */
    bool content_checked;                     /* its content digest was compared, and is right */
} xray_verified_segment;

typedef struct xray_verify_options { /* all zero = defaults */
    enum xray_depth depth;
    void *ctx;                                                     /* for the two calls, each of which may be NULL */
    void (*finding)(void *ctx, const xray_finding *finding);       /* as they are met, in file order */
    void (*segment)(void *ctx, const xray_verified_segment *seg); /* after the findings of a segment */
} xray_verify_options;

typedef struct xray_verify_result { /* sums; start with all zero, may be used for several calls */
    uint64_t files, segments, sealed, blocks;
    uint64_t bytes;                  /* of the files */
    uint64_t torn_bytes;
    uint64_t damages, notes, newer;  /* findings */
} xray_verify_result;

/* Checks one segment file, "-" (standard input), or every *.xray of a directory, and adds to *result. DEEP also makes the
 * index beside a sound segment again and compares. Memory is bounded: one block, at most 150 MiB besides, and what
 * xray_index_check takes. Nothing is written.
 * Returns 0 whatever was found, or XRAY_ENOTFOUND, XRAY_EIO, XRAY_ECORRUPT (no segment at all, nor the
 * rest of one), XRAY_ENOMEM. A file of a directory that cannot be read is a finding. */
XRAY_API int xray_verify(const char *path, const xray_verify_options *options, xray_verify_result *result,
                         xray_error *err);

/* Writes what is good of a damaged, torn or unsealed file to a new file, which is sealed and passes xray_verify
 * (spec 15). IN is only read; OUT appears whole (written beside, synced, renamed) or not at all. */
enum xray_repair_mode {
    XRAY_REPAIR_SALVAGE = 0, /* every good block */
    XRAY_REPAIR_PREFIX = 1,  /* what is before the first damage */
    XRAY_REPAIR_TAIL = 2,    /* only a torn tail is cut; damage before it is an error */
};

enum xray_repair_kind {
    XRAY_REPAIR_FOUND = 1, /* damage, as xray_verify reports it */
    XRAY_REPAIR_KEPT = 2,  /* a block, unchanged but for its place */
    XRAY_REPAIR_LOST = 3,  /* a block, or bytes */
    XRAY_REPAIR_ADDED = 4, /* a block that stands for what is lost, or the seal */
};

typedef struct xray_repair_event {
    enum xray_repair_kind kind;
    int64_t block;       /* ordinal, or -1 */
    uint64_t pos;        /* byte in IN, or UINT64_MAX */
    const char *message; /* one line; lives until the callback returns */
} xray_repair_event;

typedef struct xray_repair_options { /* all zero = defaults */
    enum xray_repair_mode mode;
    bool dry_run; /* write nothing; `out` may be NULL */
    bool force;   /* replace OUT if it is there */
    void *ctx;
    void (*event)(void *ctx, const xray_repair_event *event); /* in file order; may be NULL */
} xray_repair_options;

typedef struct xray_repair_result {
    uint64_t segments, kept, lost; /* blocks; of what has no header each gap counts what is missing by number */
    uint64_t lost_records;         /* as the loss rows of OUT say */
    uint64_t dropped_bytes;        /* of IN, that are not in OUT: damaged, torn, or of no segment */
    uint64_t out_bytes;
    bool lossy;                    /* something of IN is not in OUT */
    bool unchanged;                /* IN was sealed and intact: OUT is a copy */
} xray_repair_result;

/* Returns 0 (result->lossy says whether something is gone), XRAY_EMISUSE (IN and OUT are one file, or a directory),
 * XRAY_EIO (sys_errno EEXIST: OUT is there), XRAY_ECORRUPT (no segment; or damage where the mode allows none),
 * XRAY_EUNSUPPORTED (needs a newer reader), XRAY_ENOMEM. */
XRAY_API int xray_repair(const char *in, const char *out, const xray_repair_options *options,
                         xray_repair_result *result, xray_error *err);

/* ---- 9 configuration, the process's own writer, current run and step ------ */

/* A configuration: a text for each key, and where it came from. What is set from code wins over the
 * environment, that over a file, that over the defaults, in whatever order they are read. README, "Configuring", lists the keys.
 *
 * Nothing here fails because of what a file or a variable holds: a bad value leaves what was there, and is
 * a warning. Keys that only had a meaning with a server are taken, ignored, and told in one warning for all.
 *
 * Threads: one at a time. */
typedef struct xray_config xray_config;

/* The defaults. NULL: memory is out. */
XRAY_API xray_config *xray_config_new(void);
XRAY_API void xray_config_free(xray_config *config);

/* Reads the environment, and the file that $XRAY_CONFIG names (empty: none) or else the first
 * xray.config.yaml found in `start` (NULL: the current directory) and the directories above it. A file found that
 * way is read only if nobody but the user or root can have written it. No file is no fault.
 * Returns 0, or XRAY_ENOMEM. */
XRAY_API int xray_config_load(xray_config *config, const char *start);

/* Reads the `sdk:` section of one YAML file: scalars, taken as texts, in which ${NAME} and ${NAME:-otherwise} stand
 * for variables; `redact` may be a list. A `dir` that is relative counts from the file's directory. No aliases. At most 64 KiB.
 * Returns 0, XRAY_ENOTFOUND (no such file), or XRAY_ENOMEM. */
XRAY_API int xray_config_load_file(xray_config *config, const char *path);
XRAY_API int xray_config_load_env(xray_config *config);

/* Sets a key (or an alias of it) from code; NULL: what it was without this. XRAY_EMISUSE (no such key, or a value it does not take) or XRAY_ENOMEM. */
XRAY_API int xray_config_set(xray_config *config, const char *key, const char *value, xray_error *err);

/* The text of a key, and where it came from ("default", "code", "XRAY_DIR", "/etc/app/xray.config.yaml:3"). NULL: no such
 * key, or no value. Borrowed until the key is set again. */
XRAY_API const char *xray_config_get(const xray_config *config, const char *key);
XRAY_API const char *xray_config_origin(const xray_config *config, const char *key);

/* The i-th thing that was wrong, one line, safe for a terminal; NULL after the last. Borrowed until the next change. */
XRAY_API const char *xray_config_warning(const xray_config *config, size_t i);

/* Opens a writer as the configuration says. *out is NULL, and 0 returned, if it says enabled: false: everything
 * that takes a writer takes NULL and does nothing. Returns what xray_writer_open returns, and XRAY_EMISUSE for a bad pattern in `redact`. */
XRAY_API int xray_writer_open_config(xray_writer **out, const xray_config *config, xray_error *err);

/* The process's own writer, opened when it is first asked for as the configuration in force says: the one
 * of xray_configure, or else what xray_config_load finds. NULL if that says enabled: false or if it cannot be opened, for which
 * xray_default_status has the reason (0: it is open, or disabled). It is closed at exit, within `close_timeout`; a
 * forked child goes on with a segment of its own. Any thread; do not close it. */
XRAY_API xray_writer *xray_default(void);
XRAY_API int xray_default_status(xray_error *err);

/* Sets, copies, forgets the configuration in force. Setting and forgetting close the writer, whose handles die;
 * the next xray_default opens it anew. XRAY_EMISUSE (no configuration), XRAY_ENOMEM. The copy is the caller's, and NULL if memory is out. */
XRAY_API int xray_configure(const xray_config *config, xray_error *err);
XRAY_API xray_config *xray_get_config(void);
XRAY_API void xray_reset_config(void);

/* What the calling thread is doing: the run and step that were entered or attached last. 0: none. */
XRAY_API xray_run xray_current_run(void);
XRAY_API xray_step xray_current_step(void);

/* Makes a run, and a step of it or 0, current in this thread, until xray_detach with the mark that was returned; what
 * was attached in between goes with it. To go on in another thread, hand it the current run and step and attach them there.
 * xray_detach: XRAY_EMISUSE if the mark is not of this thread, or gone already. */
XRAY_API int xray_attach(xray_run run, xray_step step);
XRAY_API int xray_detach(int mark);

/* A run or step that is current while it is open. Entered in one thread and left there.
 *
 *     static int filter(const struct list *in)
 *     {
 *         XRAY_STEP_SCOPE(st, "filter_price", "filter");
 *
 *         if (in == NULL) {
 *             xray_step_set(st, XRAY_ERROR, xray_text("InputError: no list"));
 *             return -1;           // the step ends here: failure, for an error was set
 *         }
 *         xray_step_accept(st, xray_s("B0BOT1"));
 *         return 0;                // and here: success
 *     }
 */
typedef struct xray_scope {
    xray_run run;
    xray_step step;       /* 0: the scope of a run */
    int status;           /* 0, or why nothing is recorded */
    xray_outcome outcome; /* recorded by xray_scope_leave; XRAY_ENDED unless it is changed */
    int mark;             /* the rest is private */
    bool ends_run;
    bool left;
} xray_scope;

/* Begins a run and makes it current. */
XRAY_API xray_scope xray_run_enter(xray_writer *w, xray_str pipeline, const xray_run_options *options);

/* Begins a step in the current step, or else in the current run, and makes it current. Where there is neither, a run of the default
 * writer with the name of the step is begun, flagged XRAY_FLAG_IMPLICIT, and ended with it; if the configuration says
 * strict: true, nothing is recorded, and status is XRAY_EMISUSE. */
XRAY_API xray_scope xray_step_enter(xray_str name, xray_str type, const xray_step_options *options);

/* Ends it, and makes current what was before. Twice is once. Returns what xray_run_end or xray_step_end returned, or scope->status. */
XRAY_API int xray_scope_leave(xray_scope *scope);

#if defined(__GNUC__) && !defined(__cplusplus)
static inline void xray_scope_cleanup(xray_scope *scope)
{
    (void)xray_scope_leave(scope);
}

/* Declare `name`, an xray_run or xray_step that ends when the block is left, on whatever path. */
#define XRAY_RUN_SCOPE(name, writer, pipeline, options)                                            \
    __attribute__((cleanup(xray_scope_cleanup))) xray_scope name##_scope =                         \
        xray_run_enter((writer), xray_s(pipeline), (options));                                     \
    __attribute__((unused)) const xray_run name = name##_scope.run
#define XRAY_STEP_SCOPE(name, step_name, type)                                                     \
    __attribute__((cleanup(xray_scope_cleanup))) xray_scope name##_scope =                         \
        xray_step_enter(xray_s(step_name), xray_s(type), NULL);                                    \
    __attribute__((unused)) const xray_step name = name##_scope.step
/* The outcome of such a run or step, where it is neither success nor told by an error. */
#define XRAY_SCOPE_OUTCOME(name, value) ((void)(name##_scope.outcome = (value)))
#endif

#ifdef __cplusplus
}
#endif
#endif
