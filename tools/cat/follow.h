/* Printing what is completed, once or on and on (--cursor-file, --follow). */
#ifndef CAT_FOLLOW_H
#define CAT_FOLLOW_H

#include "cat/print.h"

/* Prints what is complete and was not printed before; with --follow goes on until a signal comes, which
 * ends the program. */
void follow(struct printer *p);

#endif
