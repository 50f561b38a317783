/* See markdown.h. */
#include "common/markdown.h"

void markdown_literal(struct text *t, const struct text *from)
{
    for (size_t i = 0; i < from->len; i++) {
        const char c = from->data[i];

        if (c == '\033') {
            while (i < from->len && from->data[i] != 'm')
                i++;
        } else if (c == '<' || c == '&') {
            text_puts(t, c == '<' ? "&lt;" : "&amp;");
        } else {
            if (strchr("|\\`*[]", c) != NULL)
                text_puts(t, "\\");
            text_put(t, &c, 1);
        }
    }
}
