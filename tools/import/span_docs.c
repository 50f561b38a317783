/* What retrievers and rerankers say of documents, as candidates (span.h). A document that a
 * reranker was given and did not give back was rejected: nobody said so, so it is marked as inferred. */
#include "import/span.h"

#include <stdio.h>

#include "common/text.h"

static struct json_tape tapes[2]; /* of the list at hand and of the one it is compared with */

/* The tape of a list that is JSON, or JSON in a text. */
static bool open_list(const struct span_attr *a, struct json_tape *tape)
{
    return a != NULL && (a->value.kind == XRAY_VALUE_JSON || a->value.kind == XRAY_VALUE_TEXT) &&
           import_inner(tape, a->value.as.bytes) && tape->nodes[0].type == JSON_ARRAY;
}

/* The id of a document, or its content where it has none, by which it is known. */
static uint32_t identity(const struct json_tape *tape, uint32_t doc)
{
    static const char *const keys[] = { "document.id", "id", "document.content", "content" };

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const uint32_t node = fields_find(tape, doc, keys[i]);

        if (node != 0 && json_at(tape, node)->type != JSON_NULL)
            return node;
    }
    return 0;
}

static bool is_in(const struct json_tape *list, const struct json_tape *tape, uint32_t doc)
{
    const uint32_t id = identity(tape, doc);
    const xray_str text = id != 0 ? json_text(tape, id) : xray_strn(NULL, 0);

    for (uint32_t i = json_first(0); i != json_end(list, 0) && id != 0; i = json_at(list, i)->next) {
        const uint32_t other = identity(list, i);
        const xray_str b = other != 0 ? json_text(list, other) : xray_strn(NULL, 0);

        if (other != 0 && b.len == text.len && memcmp(b.ptr, text.ptr, b.len) == 0)
            return true;
    }
    return false;
}

static bool is_key(xray_str key, const char *name)
{
    const size_t n = strlen(name);

    if (key.len > 9 && memcmp(key.ptr, "document.", 9) == 0)
        key = xray_strn(key.ptr + 9, key.len - 9);
    return key.len == n && memcmp(key.ptr, name, n) == 0;
}

static void put_document(struct import *im, const struct scope *sc, uint32_t doc, size_t place, bool accepted)
{
    xray_candidate c = { .verdict = accepted ? XRAY_ACCEPT : XRAY_REJECT,
                         .provenance = accepted ? XRAY_OBSERVED : XRAY_INFERRED };
    static const xray_reason not_in_output = { .code = { "not_in_output", 13 } };
    const uint32_t id = identity(im->tape, doc);
    struct json_map m = { 0 };
    char made_up[32];
    struct text t = { 0 };

    for (uint32_t key = json_first(doc); key != json_end(im->tape, doc);
         key = json_at(im->tape, key + 1)->next) {
        const xray_str name = import_text(im, key);

        if (key + 1 == id && is_key(name, "id"))
            continue;
        if (is_key(name, "score") && import_double(im, key + 1, &c.score))
            c.fields |= XRAY_HAS_SCORE;
        else
            json_map_add(&m, name, import_value(im, key + 1));
    }
    text_printf(&t, "document %zu", place + 1);
    snprintf(made_up, sizeof made_up, "%s", t.data);
    text_free(&t);
    c.item = id != 0 && is_key(import_text(im, id - 1), "id") ? import_text(im, id) : xray_s(made_up);
    c.reasons = &not_in_output;
    c.reason_count = !accepted;
    if (accepted) {
        c.rank_out = (int64_t)place + 1;
        c.fields |= XRAY_HAS_RANK_OUT;
    } else {
        c.rank_in = (int64_t)place + 1;
        c.fields |= XRAY_HAS_RANK_IN;
    }
    if (m.count > 0) {
        c.fields |= XRAY_HAS_EVIDENCE;
        c.evidence_value = json_map_value(&m);
    }
    import_candidate(im, sc, &c, doc);
    im->counts.candidates++;
    json_map_free(&m);
}

/* All documents of a list, or those that are not in `but`. */
static void put_list(struct import *im, const struct scope *sc, const struct json_tape *list,
                     const struct json_tape *but)
{
    const struct json_tape *outer = im->tape;
    size_t place = 0;

    im->tape = list;
    for (uint32_t i = json_first(0); i != json_end(list, 0); i = json_at(list, i)->next, place++)
        if (import_type(im, i) == JSON_OBJECT && (but == NULL || !is_in(but, list, i)))
            put_document(im, sc, i, place, but == NULL);
    im->tape = outer;
}

void span_docs_put(struct import *im, const struct scope *sc, const struct span_attr *found,
                   const struct span_attr *reranker_in, const struct span_attr *reranker_out)
{
    if (open_list(found, &tapes[0]))
        put_list(im, sc, &tapes[0], NULL);
    if (!open_list(reranker_out, &tapes[0]))
        return;
    put_list(im, sc, &tapes[0], NULL);
    if (open_list(reranker_in, &tapes[1]))
        put_list(im, sc, &tapes[1], &tapes[0]);
}
