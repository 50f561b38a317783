/* The groups of xray-stat as a table, as Markdown, as rows, for Prometheus. */
#ifndef STAT_PRINT_H
#define STAT_PRINT_H

#include "common/rows.h"
#include "stat/count.h"

enum { PRINT_MAX = 32 };

struct printing {
    struct counting *counting;
    enum measure shows[PRINT_MAX];
    size_t show_count;
    bool spark;
    bool sorts, descending;
    enum measure sort;
    uint64_t top;  /* UINT64_MAX: all */
    int id_digits;

    struct rows_tool rows_tool; /* private: made by print_rows_tool */
    struct field_own own[PRINT_MAX + GROUPS_MAX_FIELDS + 2];
    struct text list;
};

/* For rows_begin, which is to be called after the columns are known; sets rows->list where no --fields was given. */
const struct rows_tool *print_rows_tool(struct printing *p, struct rows *rows);

/* Prints them; returns how many lines there were. */
size_t print_groups(struct printing *p, struct rows *rows);

/* In the text exposition format 0.0.4 of Prometheus (stat/prom.c). `lines` are in the order of output. */
void prom_print(const struct printing *p, struct group *const *lines, size_t count);

#endif
