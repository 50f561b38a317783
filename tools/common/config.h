/* The file of options that XRAY_CONFIG names. */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include "common/clitable.h"

/* Puts its options behind argv[0], unless --no-config is among the arguments. One option per line; a line that does
 * not begin with - is the argument of the option before it; empty lines and those that begin with # do not count.
 * Options that this tool does not have are passed over, for the file is for all tools. The memory stays
 * until the program ends. */
void config_insert(const struct cli_table *table, int *argc, char ***argv);

#endif
