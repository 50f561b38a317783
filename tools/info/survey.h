/* What the headers of a store's segments add up to, and what its few loss blocks say. */
#ifndef INFO_SURVEY_H
#define INFO_SURVEY_H

#include "info/sheet.h"

enum { SURVEY_KINDS = 6, SURVEY_SECTIONS = 7 }; /* of blocks; of an index */

/* By enum of the trace file specification, 4.5; 0 stands for unknown kinds. */
const char *survey_kind_name(int kind);

struct loss { /* all rows of one cause and one what */
    struct text cause, what;
    uint64_t count;
    int64_t from_ns, to_ns; /* XRAY_MISSING */
};

struct origin { /* one process that wrote */
    uint8_t id[16];
    xray_segment_info info; /* of its first segment */
    uint64_t segments, size, open, crashed;
};

struct survey { /* start with all zero */
    uint64_t segments, sealed, crashed;
    uint64_t size, torn, damaged, blocks, lost;
    uint64_t raw[SURVEY_KINDS], stored[SURVEY_KINDS], block_count[SURVEY_KINDS];
    uint64_t rows[SURVEY_KINDS], rows2[SURVEY_KINDS];
    int64_t time_min_ns, time_max_ns; /* XRAY_MISSING */
    int64_t version_min, version_max;
    struct origin *origins;
    size_t origin_count, origin_cap;
    struct loss *losses;
    size_t loss_count, loss_cap;
    /* indexes */
    uint64_t indexed, behind, unusable; /* whole; cover less than the segment; there, but no good */
    /* values of runs and steps, if they were asked for */
    bool has_values;
    uint64_t values_whole;  /* bytes as MessagePack, with what they refer to */
    uint64_t values_stored; /* of these, bytes that stand in the rows themselves */
    uint64_t index_size, index_covered, index_sections[SURVEY_SECTIONS];
};

/* Reads no body but those of loss blocks. False if that failed, which was said. */
bool survey_take(struct survey *s, xray_store *store);
/* Reads every value of runs and steps: values_whole, values_stored. False if that failed, which was said. */
bool survey_take_values(struct survey *s, xray_store *store);
void survey_free(struct survey *s);

/* Bytes per segment and kind, largest first. */
void survey_print_sizes(xray_store *store, enum sheet_format format);

void survey_print(const struct survey *s);
void survey_print_json(const struct survey *s);

#endif
