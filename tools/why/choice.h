/* What the decisions of one step say: who was selected, and who else was considered. */
#ifndef WHY_CHOICE_H
#define WHY_CHOICE_H

#include "common/text.h"

/* Those beyond are not told apart from others. */
enum { CHOICE_MAX = 256 };

struct alternative {
    struct text id;
    bool has_score;
    double score;
    struct text why_not;
};

struct choice { /* start with all zero; release with choice_free */
    size_t decisions; /* 0: the step has none, and the rest is empty */
    struct text name, reason; /* of the last one */
    bool has_score;           /* of what the last one selected */
    double score;
    struct text selected[CHOICE_MAX];
    size_t selected_count;
    struct alternative alternatives[CHOICE_MAX];
    size_t alternative_count;
};

/* False if reading failed, which was said. */
bool choice_read(struct choice *c, xray_store *store, xray_trace *trace, int64_t step);

/* Elements of the arrays, or NULL. */
const struct text *choice_selected(const struct choice *c, xray_str id);
const struct alternative *choice_alternative(const struct choice *c, xray_str id);

void choice_free(struct choice *c);

#endif
