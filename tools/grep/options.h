/* The options of xray-grep and what its help and manual page say. */
#ifndef GREP_OPTIONS_H
#define GREP_OPTIONS_H

#include "common/cli.h"

enum {
    KEY_IN = CLI_LONG,
    KEY_COUNT_RUNS,
    KEY_LIST_RUNS,
    KEY_MAX_RUNS,
    KEY_ANCESTORS,
    KEY_CHILDREN,
    KEY_UNIT,
    KEY_SORT,
    KEY_TOP,
    KEY_MAX_COLUMNS,
};

extern const struct cli_tool grep_tool;

#endif
