/* Conversations: lists of {"role":..,"content":..}, alone or in a document that says whose they are. One run
 * each; every turn of an agent is a step whose input is {"messages":[all before it]} and whose output is its
 * message; answers of tools are steps below the turn that asked. Each message is packed once and the same
 * bytes used wherever it stands, so the writer keeps it once. What comes behind the last turn is kept as
 * notes. */
#include "import/shapes.h"

#include <stdio.h>

#include "common/text.h"

/* Inputs of one run together; beyond it a turn's input is what came since the turn before. */
#define HISTORY_MAX ((uint64_t)256 << 20)
#define CALLS_MAX 64 /* calls of tools that an answer is looked for among */

enum role { ROLE_AGENT, ROLE_TOOL, ROLE_OTHER };

struct call {
    xray_str id, name;
    int64_t step; /* number of the turn that asked */
    uint32_t node;
};

struct talk {
    struct open_run *run;
    xray_str model;
    bool group;          /* several agents talk: each sees itself as the assistant and the others as users */
    xray_buffer history; /* messages so far, packed one behind the other */
    bool as_text;        /* one holds what packed bytes cannot be handed over with */
    uint32_t count;      /* of them */
    size_t since_off;    /* where those behind the last turn begin */
    uint32_t since_count;
    uint32_t first, since; /* nodes of the first message, and of the first behind the last turn */
    struct text input;
    uint64_t input_bytes;
    struct call calls[CALLS_MAX];
    size_t call_count; /* all; the last CALLS_MAX are there */
    uint32_t tail;     /* first message behind the last step, or 0 */
};

static bool is_one_of(xray_str s, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (import_str_is(s, words[i]))
            return true;
    return false;
}

static enum role role_of(xray_str role)
{
    static const char *const tools[] = { "tool", "function", "ipython" };
    static const char *const others[] = { "user",        "human",       "system", "developer",
                                          "observation", "environment", "" };

    if (is_one_of(role, tools, sizeof tools / sizeof tools[0]))
        return ROLE_TOOL;
    return is_one_of(role, others, sizeof others / sizeof others[0]) ? ROLE_OTHER : ROLE_AGENT;
}

/* ---- calls of tools ---- */

static void remember_calls(struct import *im, struct talk *t, uint32_t list, int64_t step)
{
    if (list == 0 || import_type(im, list) != JSON_ARRAY)
        return;
    for (uint32_t i = json_first(list); i != json_end(im->tape, list); i = json_at(im->tape, i)->next) {
        struct call *c = &t->calls[t->call_count % CALLS_MAX];
        uint32_t function;

        if (!import_is_object(im, i))
            continue;
        function = fields_find(im->tape, i, "function");
        *c =
            (struct call){ .id = import_string(im, fields_find(im->tape, i, "id")), .step = step, .node = i };
        c->name = import_is_object(im, function) ? import_string(im, fields_find(im->tape, function, "name"))
                                                 : import_string(im, function);
        t->call_count++;
    }
}

/* The call that an answer is for, or NULL. The id may stand in a list of one. */
static const struct call *find_call(struct import *im, const struct talk *t, uint32_t id)
{
    xray_str text;

    if (id != 0 && import_type(im, id) == JSON_ARRAY && json_first(id) != json_end(im->tape, id))
        id = json_first(id);
    text = import_string(im, id);
    for (size_t back = 0; back < t->call_count && back < CALLS_MAX && text.len > 0; back++) {
        const struct call *c = &t->calls[(t->call_count - 1 - back) % CALLS_MAX];

        if (c->id.len == text.len && memcmp(c->id.ptr, text.ptr, text.len) == 0)
            return c;
    }
    return NULL;
}

/* ---- steps ---- */

/* Numbers beyond 64 bits and the like are exts of the format's own once packed (spec 6.3), which the
 * application's MessagePack may not hold: such messages are handed over as text. */
static bool has_own_ext(const uint8_t *data, size_t len)
{
    xray_mp c = xray_mp_over(data, len);
    xray_mp_item item;

    while (c.left > 0 && xray_mp_next(&c, &item))
        if (item.type == XRAY_MP_EXT)
            return true;
    return false;
}

/* {"messages":[...]} around what is packed already: a map of one, the header of an array in its longest form,
 * the elements. */
static xray_value packed_input(struct talk *t, bool all, size_t len)
{
    const uint32_t count = all ? t->count : t->count - t->since_count;
    const uint8_t size[4] = { (uint8_t)(count >> 24), (uint8_t)(count >> 16), (uint8_t)(count >> 8),
                              (uint8_t)count };
    const size_t from = all ? 0 : t->since_off;

    text_reset(&t->input);
    text_puts(&t->input, all ? "\x81\xa8messages\xdd" : "\x81\xacnew_messages\xdd");
    text_put(&t->input, (const char *)size, sizeof size);
    text_put(&t->input, (const char *)t->history.data + from, len - from);
    return xray_msgpack(t->input.data, t->input.len);
}

/* The same as JSON: the messages stand one behind the other in the document. `end`: the first that is not
 * taken. */
static xray_value text_input(struct import *im, struct talk *t, bool all, uint32_t end)
{
    const uint32_t from = all ? t->first : t->since;

    text_reset(&t->input);
    text_puts(&t->input, all ? "{\"messages\":[" : "{\"new_messages\":[");
    for (uint32_t i = from; i != 0 && i < end; i = json_at(im->tape, i)->next) {
        const xray_str message = json_text(im->tape, i);

        text_puts(&t->input, i == from ? "" : ",");
        text_put(&t->input, message.ptr, message.len);
    }
    text_puts(&t->input, "]}");
    return xray_jsonn(t->input.data, t->input.len);
}

/* `len`: of the history before the message at `node`. */
static void put_input(struct import *im, struct talk *t, const struct scope *sc, size_t len, uint32_t node)
{
    const bool all = t->input_bytes + len <= HISTORY_MAX;
    const xray_value input = t->as_text ? text_input(im, t, all, node) : packed_input(t, all, len);

    t->input_bytes += t->input.len;
    scope_put(im, sc, T_INPUT, node, input);
}

/* The message itself. */
static void put_output(struct import *im, struct talk *t, const struct scope *sc, size_t from, uint32_t node)
{
    scope_put(im, sc, T_OUTPUT, node,
              t->as_text ? import_value(im, node)
                         : xray_msgpack(t->history.data + from, t->history.len - from));
}

/* Sets what a message says beside its content. */
static xray_outcome put_details(struct import *im, const struct scope *sc, const struct fields *f)
{
    static const enum field_target targets[] = { T_REASONING, T_ERROR, T_START, T_MODEL };
    bool failed = false;

    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        const uint32_t node = f->value[targets[i]];

        if (!import_has(im, node) ||
            (import_type(im, node) == JSON_STRING && json_at(im->tape, node)->len == 2))
            continue;
        scope_put(im, sc, targets[i], node, import_value(im, node));
        failed = failed || targets[i] == T_ERROR;
    }
    return failed ? XRAY_FAILURE : XRAY_SUCCESS;
}

/* `from`: where the packed message begins in the history. */
static void put_turn(struct import *im, struct talk *t, const struct fields *f, size_t from, uint32_t node)
{
    const xray_str name = import_string(im, f->value[T_NAME]);
    const struct step_start start = { .name = name.len > 0 ? name : import_string(im, f->value[T_ROLE]),
                                      .type = xray_s(t->group ? "agent" : "llm") };
    struct step_at_hand step;
    xray_outcome outcome;

    begin_step(im, t->run, &start, &step);
    put_input(im, t, &step.scope, from, node);
    put_output(im, t, &step.scope, from, node);
    if (t->model.len > 0)
        xray_step_set(step.scope.handle, XRAY_MODEL, xray_textn(t->model.ptr, t->model.len));
    outcome = put_details(im, &step.scope, f);
    remember_calls(im, t, f->value[T_CALLS], step.number);
    end_step(im, t->run, &step, outcome);
    t->since_off = t->history.len;
    t->since = json_at(im->tape, node)->next;
}

static void put_answer(struct import *im, struct talk *t, const struct fields *f, size_t from, uint32_t node)
{
    const struct call *call = find_call(im, t, f->value[T_CALL_ID]);
    struct step_start start = { .name = import_string(im, f->value[T_NAME]), .type = xray_s("tool") };
    struct step_at_hand step;

    if (start.name.len == 0)
        start.name = call != NULL && call->name.len > 0 ? call->name : import_string(im, f->value[T_ROLE]);
    start.parent_number = call != NULL ? call->step : 0;
    begin_step(im, t->run, &start, &step);
    if (call != NULL)
        scope_put(im, &step.scope, T_INPUT, call->node, import_value(im, call->node));
    put_output(im, t, &step.scope, from, node);
    end_step(im, t->run, &step, put_details(im, &step.scope, f));
}

static xray_str name_in(struct import *im, uint32_t message)
{
    return import_is_object(im, message) ? import_string(im, fields_find(im->tape, message, "name"))
                                         : xray_strn(NULL, 0);
}

static void put_message(struct import *im, struct talk *t, uint32_t node)
{
    const size_t from = t->history.len;
    struct fields f;
    enum role role;

    if (!import_is_object(im, node)) {
        import_fault(im, node, "a message must be an object");
        return;
    }
    if (!import_pack(im, node, import_value(im, node), &t->history))
        return;
    t->as_text = t->as_text || has_own_ext(t->history.data + from, t->history.len - from);
    if (t->count == 0)
        t->first = t->since = node;
    fields_collect(&f, im->tape, node, SET_MESSAGE);
    role = role_of(import_string(im, f.value[T_ROLE]));
    if (t->group && role == ROLE_OTHER && name_in(im, node).len > 0)
        role = ROLE_AGENT;
    if (role == ROLE_AGENT)
        put_turn(im, t, &f, from, node);
    else if (role == ROLE_TOOL)
        put_answer(im, t, &f, from, node);
    t->count++;
    if (role == ROLE_AGENT)
        t->since_count = t->count;
    if (role != ROLE_OTHER)
        t->tail = 0;
    else if (t->tail == 0)
        t->tail = node;
    fields_done(&f);
}

/* A group chat is one in which assistants have names. */
static bool is_group(struct import *im, uint32_t list)
{
    for (uint32_t i = json_first(list); i != json_end(im->tape, list); i = json_at(im->tape, i)->next)
        if (name_in(im, i).len > 0 &&
            role_of(import_string(im, fields_find(im->tape, i, "role"))) == ROLE_AGENT)
            return true;
    return false;
}

/* Messages that are no step's input: the last word of a user. */
static void put_tail(struct import *im, struct talk *t, uint32_t list)
{
    if (t->tail == 0)
        return;
    for (uint32_t i = t->tail; i != json_end(im->tape, list); i = json_at(im->tape, i)->next) {
        const xray_str role = import_is_object(im, i) ? import_string(im, fields_find(im->tape, i, "role"))
                                                      : xray_strn(NULL, 0);

        if (import_is_object(im, i))
            import_note(im, &(struct scope){ .handle = t->run->handle },
                        role.len > 0 ? role : xray_s("message"), i, import_value(im, i), XRAY_MISSING,
                        XRAY_MISSING);
    }
}

static void put_messages(struct import *im, struct talk *t, uint32_t list)
{
    t->group = is_group(im, list);
    for (uint32_t i = json_first(list); i != json_end(im->tape, list) && !im->stop;
         i = json_at(im->tape, i)->next)
        put_message(im, t, i);
    put_tail(im, t, list);
    xray_buffer_free(&t->history);
    text_free(&t->input);
    runs_end(&im->runs, t->run);
}

/* ---- documents ---- */

bool talk_is_list(struct import *im, uint32_t node)
{
    const uint32_t first = json_first(node);

    return node < im->tape->count && import_type(im, node) == JSON_ARRAY &&
           first != json_end(im->tape, node) && import_is_object(im, first) &&
           import_string(im, fields_find(im->tape, first, "role")).ptr != NULL;
}

uint32_t talk_messages(struct import *im, uint32_t node)
{
    uint32_t list, state;
    struct fields f;

    fields_collect(&f, im->tape, node, SET_TALK);
    list = f.value[T_STEPS];
    state = f.value[T_STATE];
    fields_done(&f);
    if (list == 0 && import_is_object(im, state))
        list = fields_find(im->tape, state, "history");
    return list != 0 && talk_is_list(im, list) ? list : 0;
}

/* A piece of a conversation would be a history with a hole. */
static bool is_cut(struct import *im, uint32_t list)
{
    const size_t off = json_at(im->tape, list)->off;

    if (off != im->stream->cut_from && off != im->stream->cut_to)
        return false;
    import_fault(im, list, "a conversation larger than --max-value");
    return true;
}

void talk_list(struct import *im, uint32_t node)
{
    struct talk t = { 0 };

    if (is_cut(im, node))
        return;
    t.run = begin_run(im, &(struct run_start){ .alone = true });
    t.run->outcome = XRAY_SUCCESS;
    put_messages(im, &t, node);
}

/* "task_id", or "task_id/trial". */
static xray_str name_of(struct import *im, const struct fields *f, const struct fields *task)
{
    const uint32_t id = import_has(im, f->value[T_ID]) ? f->value[T_ID] : task->value[T_ID];
    const xray_str text = import_has(im, id) ? import_text(im, id) : xray_strn(NULL, 0);
    xray_str trial;
    char *both;

    if (text.len == 0 || !import_has(im, f->value[T_TRIAL]))
        return text;
    trial = import_text(im, f->value[T_TRIAL]);
    both = arena_take(&im->arena, text.len + 1 + trial.len);
    memcpy(both, text.ptr, text.len);
    both[text.len] = '/';
    memcpy(both + text.len + 1, trial.ptr, trial.len);
    return xray_strn(both, text.len + 1 + trial.len);
}

/* All members of an object but one, as one entry of attrs. */
static void put_object_but(struct import *im, const char *name, uint32_t object, uint32_t but)
{
    struct json_map m = { 0 };

    for (uint32_t key = json_first(object); key != json_end(im->tape, object);
         key = json_at(im->tape, key + 1)->next)
        if (key + 1 != but)
            json_map_add(&m, import_text(im, key), import_value(im, key + 1));
    if (m.count > 0)
        attrs_add(im, xray_s(name), json_map_value(&m));
    json_map_free(&m);
}

static void take_over(struct fields *f, const struct fields *inner, enum field_target t)
{
    if (f->value[t] != 0)
        return;
    f->value[t] = inner->value[t];
    f->key[t] = inner->key[t];
}

static void put_run(struct import *im, struct talk *t, struct fields *f, uint32_t list)
{
    const struct scope sc = { .handle = t->run->handle };
    const uint32_t state = f->value[T_STATE], task = f->value[T_TASK];
    struct fields inner;
    xray_outcome outcome;

    if (import_is_object(im, state)) {
        fields_collect(&inner, im->tape, state, SET_TALK);
        if (f->value[T_SUCCESS] == 0)
            f->value[T_SUCCESS] = inner.value[T_SUCCESS];
        take_over(f, &inner, T_ERROR);
        fields_done(&inner);
    }
    if (import_is_object(im, task)) {
        fields_collect(&inner, im->tape, task, SET_TALK);
        take_over(f, &inner, T_INPUT);
        fields_done(&inner);
    }
    outcome = import_outcome(im, f);
    f->value[T_MODEL] = 0;
    scope_put_fields(im, &sc, f);
    for (enum field_target k = T_STATUS + 1; k <= T_REWARD;
         k++) /* success and reward say more than the outcome does */
        if (import_has(im, f->value[k]) && f->key[k] != 0)
            attrs_add_member(im, f->key[k]);
    if (state != 0 && import_is_object(im, state))
        put_object_but(im, "state", state, list);
    if (task != 0)
        attrs_add_member(im, f->key[T_TASK]);
    if (f->value[T_STEPS] != 0 && f->value[T_STEPS] != list)
        attrs_add_member(im, f->key[T_STEPS]);
    attrs_put(im, &sc);
    t->run->outcome = outcome == XRAY_RUNNING ? XRAY_SUCCESS : outcome;
}

void talk_document(struct import *im, uint32_t node)
{
    const uint32_t list = talk_messages(im, node);
    struct run_start start = { .alone = true };
    struct talk t = { 0 };
    struct fields f, task = { 0 };

    if (is_cut(im, list))
        return;
    fields_collect(&f, im->tape, node, SET_TALK);
    if (import_is_object(im, f.value[T_TASK]))
        fields_collect(&task, im->tape, f.value[T_TASK], SET_TALK);
    start.id = name_of(im, &f, &task);
    start.pipeline = import_string(im, f.value[T_PIPELINE]);
    if (start.pipeline.len == 0)
        start.pipeline = import_string(im, task.value[T_PIPELINE]);
    t.model = import_string(im, f.value[T_MODEL]);
    if (import_is_object(im, f.value[T_TASK]))
        fields_done(&task);
    t.run = begin_run(im, &start);
    put_run(im, &t, &f, list);
    fields_done(&f);
    put_messages(im, &t, list);
}
