/* What lines are told apart by beside pipeline and step: the slice of time in which the run
 * began (--bucket), and the values of up to two fields (--by). */
#ifndef FUNNEL_GROUP_H
#define FUNNEL_GROUP_H

#include "common/fields.h"
#include "common/strmap.h"

enum { GROUP_MAX_FIELDS = 2, GROUP_MAX_VALUES = 10000 };

/* A value of a field as it was met. */
struct group_value {
    enum cell_kind kind;
    struct text plain; /* empty: missing */
    struct text json;  /* "null": missing */
};

struct grouping { /* start with all zero */
    int64_t bucket_ns; /* length of a slice; 0: none */
    size_t field_count;
    struct named_field fields[GROUP_MAX_FIELDS];

    /* private */
    struct strmap numbers; /* of values, by their JSON */
    struct group_value *values;
    size_t value_count, value_cap;
    struct cell cell;
    struct text key;
};

/* Where something belongs. */
struct group {
    int64_t bucket; /* beginning of the slice; XRAY_MISSING: the run has no start, or no slices */
    size_t values[GROUP_MAX_FIELDS];
};

/* --by and --bucket; other text ends the program. */
void grouping_add_field(struct grouping *g, const char *name);
void grouping_set_bucket(struct grouping *g, const char *length);

/* Are runs grouped by values that only a scan or a trace has; are traces needed, for fields
 * that exist only where all steps of the run are known? */
bool grouping_needs_values(const struct grouping *g);
bool grouping_needs_traces(const struct grouping *g);
/* Does a step's group depend on the step, or on its run alone? */
bool grouping_of_steps(const struct grouping *g);

/* The group of a run, as far as the run tells, and then of one of its steps. */
void group_of_run(struct grouping *g, const struct record *record, struct group *out);
void group_of_step(struct grouping *g, const struct record *record, struct group *inout);

bool group_equal(const struct group *a, const struct group *b);
/* By time, then by the values' bytes. */
int group_compare(const struct grouping *g, const struct group *a, const struct group *b);

const struct group_value *group_value(const struct grouping *g, const struct group *group, size_t field);
/* The value as a cell; and for people, with a dash for what is missing. */
void group_cell(const struct grouping *g, const struct group *group, size_t field, struct cell *out);
void group_put(struct text *t, const struct grouping *g, const struct group *group, size_t field);
/* The slice's beginning, as far as its length makes a difference. */
void group_put_bucket(struct text *t, const struct grouping *g, const struct group *group);

void grouping_free(struct grouping *g);

#endif
