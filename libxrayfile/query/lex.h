/* Taking tokens off a query's text. What a letter begins depends on where it stands
 * (ql 2.2: a word on the right of a comparison is text), so the parser says what
 * it expects, and there is no stream of tokens. */
#ifndef XF_QUERY_LEX_H
#define XF_QUERY_LEX_H

#include "query/source.h"
#include "query/value.h"

struct xf_lex {
    struct xf_query_source *source;
    const char *text; /* of the source */
    size_t len;
    size_t at;
};

/* Over spaces, newlines and comments. */
void xf_lex_space(struct xf_lex *l);

/* The byte at `at` + ahead, or 0 at the end (a NUL in the text is refused before). */
static inline char xf_lex_peek(const struct xf_lex *l, size_t ahead)
{
    return l->at < l->len && ahead < l->len - l->at ? l->text[l->at + ahead] : '\0';
}

bool xf_lex_is_name_start(char c);
bool xf_lex_is_name(char c);
bool xf_lex_is_word(char c); /* of a bare word, ql 2.2 */

/* Length of the name / bare word that stands here; 0: none. */
size_t xf_lex_name(const struct xf_lex *l);
size_t xf_lex_word(const struct xf_lex *l);

/* True if exactly this name stands here. */
bool xf_lex_at_name(const struct xf_lex *l, const char *name);
/* Takes it. */
bool xf_lex_take_name(struct xf_lex *l, const char *name);
/* These characters stand here / are taken. */
bool xf_lex_at(const struct xf_lex *l, const char *characters);
bool xf_lex_take(struct xf_lex *l, const char *characters);

/* Takes "..." or '...'; *out is in the arena. Status. */
int xf_lex_string(struct xf_lex *l, xray_str *out);

/* Takes /.../flags. */
int xf_lex_pattern(struct xf_lex *l, xray_str *pattern, xray_str *flags);

/* Where byte `off` of the decoded string or pattern stands that begins at `start` with its quote or slash. */
size_t xf_lex_origin(const struct xf_lex *l, size_t start, size_t off);

/* Takes a number, duration, size or percentage. */
int xf_lex_number(struct xf_lex *l, struct xf_val *value, enum xf_type *type);

#endif
