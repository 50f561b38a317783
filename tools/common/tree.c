/* See tree.h. Iterative: a trace may nest as deep as it has steps. */
#include "common/tree.h"

#include <stdlib.h>

#include "common/text.h"

enum { NONE = 0 }; /* links hold index + 1 */

struct links {
    size_t *parent;
    size_t *first_child;
    size_t *next_sibling;
};

/* Steps of a trace are numbered 1, 2, 3, ... */
static size_t parent_of(const xray_step_record *steps, size_t count, size_t i)
{
    const int64_t parent = steps[i].parent;

    if (steps[i].orphan || parent < 1 || (uint64_t)parent > count || (size_t)parent == i + 1)
        return NONE;
    return (size_t)parent;
}

static struct links link_steps(const xray_step_record *steps, size_t count)
{
    struct links l = {
        .parent = memory_new(count, sizeof(size_t)),
        .first_child = memory_new(count, sizeof(size_t)),
        .next_sibling = memory_new(count, sizeof(size_t)),
    };

    /* From the last one, so that the lists of children are in order. */
    for (size_t i = count; i-- > 0;) {
        const size_t parent = parent_of(steps, count, i);

        l.parent[i] = parent;
        if (parent != NONE) {
            l.next_sibling[i] = l.first_child[parent - 1];
            l.first_child[parent - 1] = i + 1;
        }
    }
    return l;
}

/* Appends a root and all that hangs from it; returns the new number of lines. */
static size_t add_subtree(const struct links *l, size_t root, bool orphaned, struct tree_line *lines,
                          size_t line_count)
{
    size_t at = root;
    unsigned depth = 0;

    for (;;) {
        lines[line_count++] = (struct tree_line){.step = at, .depth = depth, .orphaned = orphaned};
        if (l->first_child[at] != NONE) {
            at = l->first_child[at] - 1;
            depth++;
            continue;
        }
        while (at != root && l->next_sibling[at] == NONE) {
            at = l->parent[at] - 1;
            depth--;
        }
        if (at == root)
            return line_count;
        at = l->next_sibling[at] - 1;
    }
}

/* What no root leads to goes round in a circle: listed flat. */
static void add_circles(size_t count, struct tree_line *lines, size_t line_count)
{
    bool *listed = memory_new(count, sizeof *listed);

    for (size_t i = 0; i < line_count; i++)
        listed[lines[i].step] = true;
    for (size_t i = 0; i < count; i++) {
        if (!listed[i])
            lines[line_count++] = (struct tree_line){.step = i, .orphaned = true};
    }
    free(listed);
}

void tree_order(const xray_step_record *steps, size_t count, struct tree_line *lines)
{
    const struct links l = link_steps(steps, count);
    size_t line_count = 0;

    for (int orphaned = 0; orphaned <= 1; orphaned++) {
        for (size_t i = 0; i < count; i++) {
            if (l.parent[i] == NONE && steps[i].orphan == (orphaned == 1))
                line_count = add_subtree(&l, i, orphaned == 1, lines, line_count);
        }
    }
    if (line_count < count)
        add_circles(count, lines, line_count);
    free(l.parent);
    free(l.first_child);
    free(l.next_sibling);
}
