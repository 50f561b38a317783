/* Who was chosen in a step, beside the best who were not. */
#ifndef WHY_DECISION_H
#define WHY_DECISION_H

#include "common/where.h"

/* Prints the steps that `where` wants, if it tells steps apart; else the last step with a decision, or without any the last
 * one that took some candidates and rejected others. As text, or as JSON objects of kind "decision". False: there is none,
 * or reading failed, which was said. */
bool decision_show(xray_store *store, xray_trace *trace, struct where *where, bool json, int id_digits);

/* "run ID  PIPELINE  STATUS  TIME", styled, and a newline. */
void decision_put_run(struct text *t, const xray_run_record *run, int id_digits);

#endif
