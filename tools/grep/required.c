/* See required.h. It walks over the pattern as PCRE2 reads it (pcre2pattern(3)) and gives up on everything that it
 * does not know for sure: options inside of the pattern, \Q, conditions, verbs, references. */
#include "grep/required.h"

#include <string.h>

struct walk {
    xray_str pattern;
    size_t at;
    bool fold;
    bool in_group;     /* what stands there need not be in a match */
    struct text run;   /* plain text that stands together */
    size_t last;       /* where the last character of the run begins */
    struct text *best;
};

static int peek(const struct walk *w, size_t ahead)
{
    return w->at + ahead < w->pattern.len ? (unsigned char)w->pattern.ptr[w->at + ahead] : -1;
}

static void end_run(struct walk *w)
{
    if (w->run.len > w->best->len) {
        text_reset(w->best);
        text_put(w->best, w->run.data, w->run.len);
    }
    text_reset(&w->run);
    w->last = 0;
}

/* What is repeated need not be there, or not once: it ends the run, without its last character. */
static void end_before_last(struct walk *w)
{
    w->run.len = w->last;
    end_run(w);
}

/* Bytes behind the first one of a character belong to it. */
static void add_byte(struct walk *w, char c)
{
    const unsigned char byte = (unsigned char)c;

    if (w->in_group)
        return;
    if (w->fold && (byte >= 0x80 || (byte | 0x20) == 'k' || (byte | 0x20) == 's')) {
        end_run(w);
        return;
    }
    if ((byte & 0xc0) != 0x80)
        w->last = w->run.len;
    text_put(&w->run, &c, 1);
}

/* Behind a backslash. False: give up. */
static bool skip_escape(struct walk *w)
{
    const int c = peek(w, 1);

    if (c < 0 || c >= 0x80)
        return false;
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) {
        add_byte(w, (char)c);
        w->at += 2;
        return true;
    }
    if (strchr("dDwWsSbBAzZhHvVRnrtfae", c) == NULL)
        return false;
    end_run(w);
    w->at += 2;
    return true;
}

/* A class, from its bracket on. */
static bool skip_class(struct walk *w)
{
    end_run(w);
    w->at++;
    if (peek(w, 0) == '^')
        w->at++;
    if (peek(w, 0) == ']')
        w->at++;
    for (int c; (c = peek(w, 0)) != ']'; w->at++) {
        if (c < 0)
            return false;
        if (c == '\\') {
            if (peek(w, 1) < 0 || strchr("QE", peek(w, 1)) != NULL)
                return false;
            w->at++;
        } else if (c == '[' && (peek(w, 1) == ':' || peek(w, 1) == '.' || peek(w, 1) == '=')) {
            return false; /* [:alpha:]; there is little to gain */
        }
    }
    w->at++;
    return true;
}

/* A group, whole: whether what is in it must be there depends on what follows. */
static bool skip_group(struct walk *w)
{
    int depth = 0;

    end_run(w);
    w->in_group = true;
    do {
        const int c = peek(w, 0);

        if (c < 0)
            return false;
        if (c == '\\' && !skip_escape(w))
            return false;
        if (c == '[' && !skip_class(w))
            return false;
        if (c == '(') {
            /* (?: (?= (?! (?<= (?<! (?> change nothing for what comes behind. */
            if (peek(w, 1) == '*' || (peek(w, 1) == '?' && (peek(w, 2) < 0 || strchr(":=!<>", peek(w, 2)) == NULL)))
                return false;
            depth++;
        }
        if (c == ')')
            depth--;
        if (c != '\\' && c != '[')
            w->at++;
    } while (depth > 0);
    w->in_group = false;
    return true;
}

/* {2}, {2,}, {2,3}: false for any other brace. */
static bool skip_count(struct walk *w)
{
    size_t n = 1;

    while (peek(w, n) >= '0' && peek(w, n) <= '9')
        n++;
    if (n == 1)
        return false;
    if (peek(w, n) == ',')
        n++;
    while (peek(w, n) >= '0' && peek(w, n) <= '9')
        n++;
    if (peek(w, n) != '}')
        return false;
    w->at += n + 1;
    return true;
}

/* False: give up. */
static bool step(struct walk *w)
{
    const int c = peek(w, 0);

    switch (c) {
    case '\\':
        return skip_escape(w);
    case '[':
        return skip_class(w);
    case '(':
        return skip_group(w);
    case '|':
    case ')':
        return false;
    case '{':
        end_before_last(w);
        return skip_count(w);
    case '?':
    case '*':
    case '+':
        end_before_last(w);
        w->at++;
        return true;
    case '.':
    case '^':
    case '$':
        end_run(w);
        w->at++;
        return true;
    default:
        add_byte(w, (char)c);
        w->at++;
        return true;
    }
}

void required_text(xray_str pattern, bool literal, bool fold, struct text *out)
{
    struct walk w = {.pattern = pattern, .fold = fold, .best = out};
    bool good = true;

    text_reset(out);
    for (; literal && w.at < pattern.len; w.at++)
        add_byte(&w, pattern.ptr[w.at]);
    while (good && w.at < pattern.len)
        good = step(&w);
    end_run(&w);
    if (!good)
        text_reset(out);
    text_free(&w.run);
}
