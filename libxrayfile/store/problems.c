/* What was wrong with the files of a store (problems.h). */
#include "store/problems.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"

/* The last place of the list stands for all that have no place. */
static void count_only(struct xf_problems *p)
{
    p->more++;
    snprintf(p->last_message, sizeof p->last_message, "%" PRIu64 " more problems, which are not listed",
             p->more);
    if (p->count < XF_PROBLEMS_KEPT)
        return;
    p->list[XF_PROBLEMS_KEPT - 1] = (xray_problem){
        .path = "",
        .block = -1,
        .pos = UINT64_MAX,
        .status = XRAY_ELIMIT,
        .message = p->last_message,
    };
}

static bool make_room(struct xf_problems *p)
{
    const size_t cap = p->cap == 0 ? 16 : p->cap * 2;
    xray_problem *list;

    if (p->count < p->cap)
        return true;
    list = xf_resize_array(p->list, cap, sizeof *list);
    if (list == NULL)
        return false;
    p->list = list;
    p->cap = cap;
    return true;
}

void xf_problems_add(struct xf_problems *p, const char *path, int64_t block, uint64_t pos, int status,
                     const char *message)
{
    const char *copy;

    if (p->count == XF_PROBLEMS_KEPT) {
        if (p->more == 0) /* the one whose place it takes */
            p->more = 1;
        count_only(p);
        return;
    }
    copy = xf_arena_copy(&p->text, message, strlen(message) + 1);
    if (copy == NULL || !make_room(p)) {
        count_only(p);
        return;
    }
    p->list[p->count++] =
        (xray_problem){.path = path, .block = block, .pos = pos, .status = status, .message = copy};
}

void xf_problems_done(struct xf_problems *p)
{
    xf_free(p->list);
    xf_arena_done(&p->text);
    *p = (struct xf_problems){0};
}
