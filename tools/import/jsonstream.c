/* See jsonstream.h. */
#include "import/jsonstream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/text.h"

#define FIRST_CAP ((size_t)256 << 10)
#define PIECE_LEN ((size_t)1 << 20) /* of a piece after the first: bounds what its reader needs */
#define KEEP_MAX ((size_t)16 << 10) /* larger members are not repeated in the pieces that follow */

void json_stream_open(struct json_stream *s, int fd, size_t limit)
{
    *s = (struct json_stream){ .fd = fd, .limit = limit, .line = 1 };
    s->chunk = limit < PIECE_LEN ? limit : PIECE_LEN;
    s->data = memory_grow(NULL, &s->cap, FIRST_CAP, 1);
    s->data[0] = '\0';
}

void json_stream_close(struct json_stream *s)
{
    json_tape_free(&s->tape);
    free(s->data);
    free(s->cut);
    *s = (struct json_stream){ 0 };
}

/* ---- the buffer ---- */

/* Moves line and column over text. */
static void advance(uint64_t *line, uint64_t *column, const char *text, size_t len)
{
    const char *at = text, *end = text + len, *newline;

    while (at < end && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        (*line)++;
        *column = 0;
        at = newline + 1;
    }
    *column += (uint64_t)(end - at);
}

static void consume(struct json_stream *s, size_t len)
{
    const size_t head = len < s->head ? len : s->head;

    advance(&s->line, &s->column, s->data + s->start + head, len - head);
    s->start += len;
    s->head -= head;
}

/* One byte behind the text is kept for a NUL, which stops every scan. */
static void make_room(struct json_stream *s, size_t more)
{
    if (s->start > 0 && (s->start > s->cap / 2 || s->cap - s->len <= more)) {
        memmove(s->data, s->data + s->start, s->len - s->start);
        s->len -= s->start;
        s->start = 0;
    }
    if (s->cap - s->len <= more) {
        size_t cap = s->cap;

        while (cap - s->len <= more)
            cap *= 2;
        s->data = memory_grow(s->data, &s->cap, cap, 1);
    }
}

/* Reads on; false at the end of the file or on an error. Never beyond the limit at once, so that what
 * is too large does not depend on how much a read happens to give. */
static bool read_more(struct json_stream *s)
{
    const size_t have = s->len - s->start;
    size_t most = have < s->limit ? s->limit - have : FIRST_CAP / 4;
    ssize_t n;

    if (s->ended)
        return false;
    make_room(s, FIRST_CAP / 4);
    if (most > s->cap - s->len - 1)
        most = s->cap - s->len - 1;
    do
        n = read(s->fd, s->data + s->len, most);
    while (n < 0 && errno == EINTR);
    if (n <= 0) {
        s->ended = true;
        s->sys_errno = n < 0 ? errno : 0;
        return false;
    }
    s->len += (size_t)n;
    s->data[s->len] = '\0';
    return true;
}

/* Reads the tape and notes where its text stands in the file. */
static enum json_result read_tape(struct json_stream *s, const char *text, size_t len, bool whole)
{
    s->doc_line = s->line;
    s->doc_column = s->column;
    s->doc_head = s->head;
    return json_tape_read(&s->tape, text, len, whole);
}

void json_stream_place(const struct json_stream *s, size_t off, uint64_t *line, uint64_t *column)
{
    *line = s->doc_line;
    *column = s->doc_column;
    if (off > s->doc_head)
        advance(line, column, s->tape.text + s->doc_head, off - s->doc_head);
    ++*column;
}

static enum json_stream_result fault_at(struct json_stream *s, size_t off, const char *what)
{
    json_stream_place(s, off, &s->fault_line, &s->fault_column);
    s->fault = what;
    return JSON_STREAM_FAULT;
}

/* ---- between values ---- */

static const char byte_order_mark[] = "\xef\xbb\xbf";

/* Moves to the first byte of the next value; false: there is none. A comma between two values is as good
 * as white space, and so is the separator of RFC 7464. */
static bool find_value(struct json_stream *s)
{
    for (;;) {
        size_t at = s->start;

        while (at < s->len && (json_is_white(s->data[at]) || s->data[at] == '\x1e' ||
                               (s->data[at] == ',' && s->after_value))) {
            if (s->data[at] == ',') {
                s->after_value = false;
                s->after_comma = true;
            }
            at++;
        }
        consume(s, at - s->start);
        if (s->line == 1 && s->column == 0 && s->len - s->start < 3 && read_more(s))
            continue;
        if (s->line == 1 && s->column == 0 && s->len - s->start >= 3 &&
            memcmp(s->data + s->start, byte_order_mark, 3) == 0) {
            s->start += 3;
            continue;
        }
        if (s->start < s->len)
            return true;
        if (!read_more(s))
            return false;
    }
}

/* After a fault: to the next line that begins with a bracket. The line of the value itself does not
 * count, the lines behind it do: a line of NDJSON that is cut short costs itself only. */
static void resynchronise(struct json_stream *s)
{
    s->after_value = s->after_comma = false;
    for (;;) {
        const char *newline = memchr(s->data + s->start, '\n', s->len - s->start);
        const size_t at = newline != NULL ? (size_t)(newline - s->data) + 1 : s->len;

        if (newline != NULL && at == s->len && read_more(s))
            continue;
        consume(s, at - s->start);
        s->head = 0;
        if (s->start < s->len && (s->data[s->start] == '{' || s->data[s->start] == '['))
            return;
        if (s->start == s->len && !read_more(s))
            return;
    }
}

/* ---- cutting a large value ---- */

struct cut_point {
    size_t level; /* of the array, in tape.stack */
    size_t end;   /* offset behind its last element that is given away */
    size_t rest;  /* offset of the element that comes next */
};

/* The outermost open array with whole elements. */
static bool find_cut(const struct json_tape *tape, struct cut_point *cut)
{
    for (size_t level = 0; level < tape->depth; level++) {
        const uint32_t array = tape->stack[level];
        uint32_t before = 0, i = json_first(array);

        if (tape->nodes[array].type != JSON_ARRAY)
            continue;
        for (; i < tape->count && tape->nodes[i].len > 0; i = tape->nodes[i].next)
            if (tape->nodes[i].next < tape->count)
                before = i;
        if (before == 0)
            continue;
        cut->level = level;
        cut->end = tape->nodes[before].off + tape->nodes[before].len;
        cut->rest = tape->nodes[tape->nodes[before].next].off;
        return true;
    }
    return false;
}

/* What opens the containers down to `level` again, with the small members that came before. */
static void put_head(const struct json_tape *tape, size_t level, struct text *head)
{
    for (size_t k = 0; k <= level; k++) {
        const uint32_t container = tape->stack[k];
        const uint32_t inner = k + 1 < tape->depth ? tape->stack[k + 1] : (uint32_t)tape->count;

        if (tape->nodes[container].type == JSON_ARRAY) {
            text_puts(head, "[");
            continue;
        }
        text_puts(head, "{");
        for (uint32_t key = json_first(container); key < inner && key + 1 < tape->count;) {
            const struct json_node *v = &tape->nodes[key + 1];

            if (key + 1 == inner || v->len == 0) { /* the member that is being cut */
                text_put(head, tape->text + tape->nodes[key].off, tape->nodes[key].len);
                text_puts(head, ":");
                break;
            }
            if (v->len <= KEEP_MAX) {
                text_put(head, tape->text + tape->nodes[key].off, v->off + v->len - tape->nodes[key].off);
                text_puts(head, ",");
            }
            key = v->next;
        }
    }
}

/* The buffer begins anew with `head`, then what stands from offset `rest` on. */
static void replace_front(struct json_stream *s, const struct text *head, size_t rest)
{
    const size_t old_head = s->head;

    if (rest > old_head)
        advance(&s->line, &s->column, s->data + s->start + old_head, rest - old_head);
    s->start += rest;
    if (s->start < head->len) {
        const size_t left = s->len - s->start;

        if (s->cap - left <= head->len + 1)
            s->data = memory_grow(s->data, &s->cap, left + head->len + 2, 1);
        memmove(s->data + head->len, s->data + s->start, left);
        s->start = head->len;
        s->len = head->len + left;
        s->data[s->len] = '\0';
    }
    s->start -= head->len;
    memcpy(s->data + s->start, head->data, head->len);
    s->head = head->len;
}

/* Gives the text before the cut, closed, as a document. The buffer is changed by the next call. */
static enum json_stream_result give_piece(struct json_stream *s, const struct cut_point *cut)
{
    struct text head = { 0 };
    char closers[JSON_DEPTH_MAX];
    size_t n = 0;

    for (size_t k = cut->level + 1; k-- > 0;)
        closers[n++] = s->tape.nodes[s->tape.stack[k]].type == JSON_ARRAY ? ']' : '}';
    if (s->cut_cap < cut->end + n + 1)
        s->cut = memory_grow(s->cut, &s->cut_cap, cut->end + n + 1, 1);
    memcpy(s->cut, s->data + s->start, cut->end);
    memcpy(s->cut + cut->end, closers, n);
    s->cut[cut->end + n] = '\0';
    put_head(&s->tape, cut->level, &head);
    s->cut_to = s->tape.nodes[s->tape.stack[cut->level]].off;
    s->cut_level = cut->level;
    read_tape(s, s->cut, cut->end + n, true); /* it was read before: this cannot fail */
    replace_front(s, &head, cut->rest);
    text_free(&head);
    s->piece = true;
    s->consumed = 0;
    return JSON_STREAM_VALUE;
}

/* ---- leaving out what is too large ---- */

/* Where a scan for the end of a value stands. */
struct skipper {
    size_t depth;
    bool in_string, escape, begun;
};

/* Takes one byte; true: the value ended before it (*again) or with it. */
static bool skip_byte(struct skipper *k, char c, bool *again)
{
    *again = false;
    if (k->in_string) {
        k->in_string = k->escape || c != '"';
        k->escape = !k->escape && c == '\\';
        return !k->in_string && k->depth == 0;
    }
    if (k->depth == 0 && k->begun && (c == ',' || c == '}' || c == ']' || json_is_white(c)))
        return *again = true; /* a number or a word ends with what follows it */
    k->begun = true;
    if (c == '"')
        k->in_string = true;
    else if (c == '{' || c == '[')
        k->depth++;
    else if ((c == '}' || c == ']') && k->depth > 0)
        return --k->depth == 0;
    return false;
}

/* Takes data[start + from .. start + to) out of the buffer. */
static void take_out(struct json_stream *s, size_t from, size_t to)
{
    char *at = s->data + s->start + from;

    advance(&s->line, &s->column, at, to - from);
    memmove(at, s->data + s->start + to, s->len - s->start - to);
    s->len -= to - from;
    s->data[s->len] = '\0';
}

/* Reads over the value that begins at offset `from` without keeping it; what is before it stays.
 * Afterwards data[start + from] is what follows it. */
static void drop_value(struct json_stream *s, size_t from)
{
    struct skipper k = { 0 };

    for (;;) {
        for (size_t at = from; s->start + at < s->len; at++) {
            bool again;

            if (skip_byte(&k, s->data[s->start + at], &again)) {
                take_out(s, from, at + !again);
                return;
            }
        }
        take_out(s, from, s->len - s->start);
        if (!read_more(s))
            return;
    }
}

/* Takes out white space and one comma that stand at offset `from`. */
static void drop_comma(struct json_stream *s, size_t from)
{
    for (;;) {
        const size_t at = s->start + from;
        bool comma;

        if (at == s->len && read_more(s))
            continue;
        if (at == s->len || !(json_is_white(s->data[at]) || s->data[at] == ','))
            return;
        comma = s->data[at] == ',';
        take_out(s, from, from + 1);
        if (comma)
            return;
    }
}

/* The outermost open array; SIZE_MAX: there is none with an element. */
static size_t outermost_array(const struct json_tape *tape)
{
    for (size_t level = 0; level < tape->depth; level++)
        if (tape->nodes[tape->stack[level]].type == JSON_ARRAY)
            return tape->count > tape->stack[level] + 1u ? level : SIZE_MAX;
    return SIZE_MAX;
}

/* The value is over the limit and has no array to cut at: leaves out the current element of the
 * outermost array, or the whole value. */
static enum json_stream_result give_up(struct json_stream *s)
{
    struct text head = { 0 };
    const size_t level = outermost_array(&s->tape);
    size_t from = 0;

    if (level != SIZE_MAX) {
        from = s->tape.nodes[json_first(s->tape.stack[level])].off;
        put_head(&s->tape, level, &head);
    }
    fault_at(s, from, "a value larger than --max-value with no array in it to cut at; left out");
    replace_front(s, &head, from);
    drop_value(s, head.len);
    if (head.len > 0) {
        drop_comma(s, head.len);
        s->continued = true;
    } else {
        s->head = 0;
        s->continued = false;
        s->after_value = true;
    }
    text_free(&head);
    return JSON_STREAM_FAULT;
}

/* ---- the next document ---- */

static enum json_stream_result syntax_fault(struct json_stream *s)
{
    const size_t start = s->head;

    fault_at(s, s->tape.fault, s->tape.what);
    if (start > 0) { /* what has been given of this value stays given; go on where the fault is */
        consume(s, s->tape.fault > s->head ? s->tape.fault : s->head);
        s->continued = false;
    }
    resynchronise(s);
    return JSON_STREAM_FAULT;
}

/* Moves to the next value, unless the buffer begins with the rest of the one before. */
static enum json_stream_result begin_value(struct json_stream *s)
{
    const bool dangling = s->after_comma;

    s->cut_from = s->cut_to = SIZE_MAX;
    if (s->piece) {
        s->piece = false;
        s->continued = true;
        s->cut_from = s->head - 1; /* the head ends with its bracket */
        return JSON_STREAM_VALUE;
    }
    consume(s, s->consumed);
    s->consumed = 0;
    if (s->head > 0) { /* behind an element that was left out */
        s->cut_from = s->head - 1;
        return JSON_STREAM_VALUE;
    }
    s->continued = false;
    if (find_value(s)) {
        s->after_comma = false;
        s->serial++;
        return JSON_STREAM_VALUE;
    }
    if (s->sys_errno != 0)
        return JSON_STREAM_ERROR;
    if (!s->after_comma || dangling)
        return JSON_STREAM_END;
    s->fault_line = s->line;
    s->fault_column = s->column + 1;
    s->fault = "a value was expected after ','";
    return JSON_STREAM_FAULT;
}

/* An element that ends just where the text does: it can be cut off once the next one has begun. */
static bool ends_at_element(const struct json_tape *tape)
{
    const size_t level = outermost_array(tape);

    return level != SIZE_MAX && tape->nodes[json_first(tape->stack[level])].len > 0;
}

enum json_stream_result json_stream_next(struct json_stream *s)
{
    enum json_stream_result begun = begin_value(s);
    size_t want = 0;

    if (begun != JSON_STREAM_VALUE)
        return begun;
    for (;;) {
        struct cut_point cut;
        size_t have = s->len - s->start;

        /* Doubling what is there before reading it all again keeps the work linear. */
        while (have < want && read_more(s))
            have = s->len - s->start;
        switch (read_tape(s, s->data + s->start, have, s->ended)) {
        case JSON_DONE:
            s->consumed = s->tape.end;
            s->after_value = true;
            return JSON_STREAM_VALUE;
        case JSON_BAD:
            return syntax_fault(s);
        case JSON_MORE:
            break;
        }
        /* Once cut, a value is cut early in the same array, but elements of it stay whole while they can. */
        if (have >= (s->continued ? s->chunk : s->limit) && find_cut(&s->tape, &cut) &&
            (have >= s->limit || cut.level <= s->cut_level))
            return give_piece(s, &cut);
        if (have >= s->limit && !ends_at_element(&s->tape))
            return give_up(s);
        want = have * 2 < s->limit ? have * 2 : have + FIRST_CAP / 4;
    }
}
