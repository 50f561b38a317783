/* The board for people: tables as text or as Markdown. */
#ifndef FUNNEL_PRINT_H
#define FUNNEL_PRINT_H

#include "funnel/board.h"

struct print_options {
    uint64_t reasons;        /* per line */
    const char *sides[2];    /* what the sides of a comparison are */
    bool whole_runs;         /* all steps of the chosen runs were seen */
    bool bars;
};

void print_text(struct board *b, const struct print_options *options);
void print_markdown(struct board *b, const struct print_options *options);

#endif
