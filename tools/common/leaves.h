/* The texts inside a MessagePack value: strings, keys of maps, and numbers as their JSON text. */
#ifndef COMMON_LEAVES_H
#define COMMON_LEAVES_H

#include "common/text.h"

/* The text of an item that is a string or a number; `scratch` holds a number's. False
 * for others. Numbers are left out unless asked for. */
bool leaf_text(const xray_mp_item *item, bool numbers, struct text *scratch, xray_str *text);

/* Goes through a resolved value. `path` says where the text stands: ".messages[3].content";
 * a key has the path of its member. Return false to stop. */
typedef bool (*leaf_visit)(void *ctx, xray_str path, xray_str text);
void leaves_walk(const uint8_t *data, size_t len, bool numbers, leaf_visit visit, void *ctx);

#endif
