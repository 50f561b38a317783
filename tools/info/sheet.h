/* A small table of what is known: as aligned text, CSV or one JSON object per line. All rows are kept. */
#ifndef INFO_SHEET_H
#define INFO_SHEET_H

#include "common/text.h"

enum sheet_format { SHEET_TEXT, SHEET_NDJSON, SHEET_CSV };

enum sheet_kind { SHEET_WORD, SHEET_COUNT, SHEET_SIZE, SHEET_RATIO };

enum { SHEET_COLUMNS = 12 };

struct sheet_column {
    const char *name; /* of the member, and the title */
    enum sheet_kind kind;
};

struct sheet_cell {
    bool there;
    struct text word;
    uint64_t n;
    double ratio;
};

struct sheet { /* start with all zero but kind, columns and column_count */
    const char *kind; /* of the JSON objects */
    const struct sheet_column *columns;
    int column_count;
    struct sheet_cell (*rows)[SHEET_COLUMNS];
    size_t count, cap;
};

void sheet_add(struct sheet *s); /* a row; its cells are missing until they are set */
void sheet_word(struct sheet *s, int column, xray_str word);
void sheet_number(struct sheet *s, int column, uint64_t n);
void sheet_ratio(struct sheet *s, int column, double ratio); /* not finite: missing */

/* Descending by the number in `column`, then by the first word. */
void sheet_sort(struct sheet *s, int column);
void sheet_print(const struct sheet *s, enum sheet_format format);
void sheet_free(struct sheet *s);

#endif
