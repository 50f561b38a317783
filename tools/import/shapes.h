/* The readers of foreign shapes. Each takes a node of the document at hand. */
#ifndef IMPORT_SHAPES_H
#define IMPORT_SHAPES_H

#include "import/begin.h"

/* shape.c: finds out what the document is and hands it on. */
void shape_document(struct import *im);

/* own.c: a line of our own NDJSON. */
void own_line(struct import *im, uint32_t node);
void own_finish(struct open_run *run); /* before a run ends */

/* run_json.c: runs with their steps. */
void run_json_document(struct import *im, uint32_t node); /* {"run":..,"steps":..}, {"run":..}, {"step":..} */
void run_json_run(struct import *im, uint32_t node);
void run_json_step(struct import *im, uint32_t node);
void run_json_event(struct import *im, uint32_t node);    /* one that forms a tree with others */
void run_json_envelope(struct import *im, uint32_t node); /* {"type":"step_complete","data":{..}} */

/* event_json.c: what happens to candidates in a step; decisions; notes. Returns how many events there are. */
uint32_t event_json_list(struct import *im, const struct scope *sc, uint32_t array, uint32_t skip);
void event_json_decision(struct import *im, const struct scope *sc, uint32_t node);

/* otlp.c: spans. */
void otlp_document(struct import *im, uint32_t node);
void otlp_span(struct import *im, uint32_t node);

/* talk.c: conversations. */
bool talk_is_list(struct import *im, uint32_t node); /* an array of objects with a role */
void talk_list(struct import *im, uint32_t node);
void talk_document(struct import *im, uint32_t node);
uint32_t talk_messages(struct import *im, uint32_t node); /* the messages of a document, or 0 */

/* langfuse.c */
void langfuse_document(struct import *im, uint32_t node);
void langfuse_observation(struct import *im, uint32_t node);

#endif
