/* Current run and step, scopes, implicit runs, and the process's own writer. */
#include "config/config.h"
#include "support/check.h"
#include "support/trace.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* A fresh directory that the default writer will write to, with no file or variable in the way. */
static const char *use_default(const char *key, const char *value)
{
    const char *dir = trace_dir();
    xray_config *c = xray_config_new();

    setenv("XRAY_CONFIG", "", 1);
    CHECK_EQ(xray_config_set(c, "dir", dir, NULL), 0);
    if (key != NULL)
        CHECK_EQ(xray_config_set(c, key, value, NULL), 0);
    CHECK_EQ(xray_configure(c, NULL), 0);
    xray_config_free(c);
    return dir;
}

static char *text_of(const char *dir)
{
    xray_reset_config(); /* closes */
    return trace_text(dir, NULL);
}

/* How many lines of the kind hold the part. */
static void check_lines(const char *text, const char *part, size_t want)
{
    check_context("%s in %.150s", part, text);
    CHECK_EQ(trace_count(text, part), want);
    check_context(NULL);
}

static void test_nesting(void)
{
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    xray_scope run, outer, inner, next;
    char *text;

    CHECK(xray_current_run() == 0 && xray_current_step() == 0);
    run = xray_run_enter(w, xray_s("p"), NULL);
    CHECK(xray_current_run() == run.run && run.run != 0 && xray_current_step() == 0);
    outer = xray_step_enter(xray_s("outer"), xray_s("agent"), NULL);
    inner = xray_step_enter(xray_s("inner"), xray_s("tool"), NULL);
    CHECK(xray_current_run() == run.run && xray_current_step() == inner.step);
    CHECK_EQ(xray_scope_leave(&inner), 0);
    CHECK_EQ(xray_scope_leave(&inner), XRAY_ECLOSED);
    CHECK(xray_current_step() == outer.step);
    outer.outcome = XRAY_PARTIAL;
    CHECK_EQ(xray_scope_leave(&outer), 0);
    next = xray_step_enter(xray_s("next"), xray_s("rank"), NULL);
    CHECK_EQ(xray_scope_leave(&next), 0);
    CHECK_EQ(xray_scope_leave(&run), 0);
    CHECK(xray_current_run() == 0);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    text = trace_text(dir, NULL);
    check_lines(text, "\"step\":2,\"parent\":1,\"name\":\"inner\",\"type\":\"tool\",\"status\":\"success\"", 1);
    check_lines(text, "\"name\":\"outer\",\"type\":\"agent\",\"status\":\"partial\"", 1);
    check_lines(text, "\"step\":3,\"name\":\"next\"", 1); /* no parent */
    check_lines(text, "\"kind\":\"run\"", 1);
    free(text);
}

static int leave_early(bool fail)
{
    XRAY_STEP_SCOPE(st, "work", "filter");

    xray_step_accept(st, xray_s("a"));
    if (fail) {
        xray_step_set(st, XRAY_ERROR, xray_text("InputError: nothing there"));
        return -1;
    }
    return 0;
}

static void in_blocks(xray_writer *w)
{
    XRAY_RUN_SCOPE(run, w, "blocks", NULL);

    CHECK_EQ(leave_early(false), 0);
    CHECK_EQ(leave_early(true), -1);
    {
        XRAY_STEP_SCOPE(st, "said", "rank");

        XRAY_SCOPE_OUTCOME(st, XRAY_PARTIAL);
    }
    CHECK(xray_current_run() == run);
}

static void test_cleanup(void)
{
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    char *text;

    in_blocks(w);
    CHECK(xray_current_run() == 0 && xray_current_step() == 0);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    text = trace_text(dir, NULL);
    check_lines(text, "\"name\":\"work\",\"type\":\"filter\",\"status\":\"success\"", 1);
    check_lines(text, "\"name\":\"work\",\"type\":\"filter\",\"status\":\"failure\"", 1);
    check_lines(text, "\"name\":\"said\",\"type\":\"rank\",\"status\":\"partial\"", 1);
    check_lines(text, "\"kind\":\"run\"", 1);
    check_lines(text, "\"pipeline\":\"blocks\",\"status\":\"success\"", 1);
    free(text);
}

struct handed {
    xray_run run;
    xray_step step;
    int wrong; /* the harness counts in one thread only */
};

static void *in_thread(void *arg)
{
    struct handed *h = arg;
    xray_scope s;
    int mark;

    h->wrong += xray_current_run() != 0 || xray_current_step() != 0;
    h->wrong += xray_detach(0) != XRAY_EMISUSE;
    mark = xray_attach(h->run, h->step);
    s = xray_step_enter(xray_s("elsewhere"), xray_s("tool"), NULL);
    h->wrong += xray_current_run() != h->run || xray_current_step() != s.step;
    h->wrong += xray_scope_leave(&s) != 0;
    (void)xray_attach(h->run, 0); /* forgotten; goes with what is around it */
    h->wrong += xray_detach(mark) != 0;
    h->wrong += xray_current_run() != 0;
    h->wrong += xray_detach(mark) != XRAY_EMISUSE;
    return NULL;
}

static void test_threads(void)
{
    const char *dir = trace_dir();
    xray_writer_options o = {0};
    xray_writer *w;
    xray_scope run, step;
    struct handed h[4];
    pthread_t threads[4];
    char *text;

    CHECK_EQ(xray_writer_open(&w, dir, &o, NULL), 0);
    run = xray_run_enter(w, xray_s("p"), NULL);
    step = xray_step_enter(xray_s("here"), xray_s("agent"), NULL);
    for (int i = 0; i < 4; i++) {
        h[i] = (struct handed){.run = xray_current_run(), .step = xray_current_step()};
        CHECK_EQ(pthread_create(&threads[i], NULL, in_thread, &h[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        CHECK_EQ(h[i].wrong, 0);
    }
    CHECK_EQ(xray_scope_leave(&step), 0);
    CHECK_EQ(xray_scope_leave(&run), 0);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    text = trace_text(dir, NULL);
    check_lines(text, "\"parent\":1,\"name\":\"elsewhere\"", 4);
    free(text);
}

/* Deeper than there are frames: nothing is lost, and all the way back it is right again. */
static void test_deep(void)
{
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    xray_scope run = xray_run_enter(w, xray_s("p"), NULL), steps[100];
    char *text;

    for (int i = 0; i < 100; i++)
        steps[i] = xray_step_enter(xray_s("s"), xray_s("agent"), NULL);
    for (int i = 99; i >= 0; i--) {
        CHECK_EQ(xray_scope_leave(&steps[i]), 0);
        if (i > 0 && i <= 62)
            CHECK(xray_current_step() == steps[i - 1].step);
    }
    CHECK(xray_current_run() == run.run && xray_current_step() == 0);
    CHECK_EQ(xray_scope_leave(&run), 0);
    CHECK(xray_current_run() == 0);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    text = trace_text(dir, NULL);
    check_lines(text, "\"name\":\"s\",\"type\":\"agent\",\"status\":\"success\"", 100);
    free(text);
}

static void test_implicit(void)
{
    const char *dir = use_default(NULL, NULL);
    xray_scope s = xray_step_enter(xray_s("alone"), xray_s("llm"), NULL), inner;
    char *text;

    CHECK_EQ(s.status, 0);
    CHECK(s.run != 0 && xray_current_run() == s.run);
    inner = xray_step_enter(xray_s("inner"), xray_s("tool"), NULL); /* belongs to it, and has no run of its own */
    CHECK_EQ(xray_scope_leave(&inner), 0);
    xray_step_set(s.step, XRAY_ERROR, xray_text("Timeout: 3 s"));
    CHECK_EQ(xray_scope_leave(&s), 0);
    CHECK(xray_current_run() == 0);
    text = text_of(dir);
    if (!CHECK(text != NULL))
        return;
    check_lines(text, "\"kind\":\"run\"", 1);
    check_lines(text, "\"pipeline\":\"alone\",\"status\":\"failure\"", 1);
    check_lines(text, "\"name\":\"alone\",\"type\":\"llm\",\"status\":\"failure\"", 1);
    check_lines(text, "\"parent\":1,\"name\":\"inner\"", 1);
    CHECK(strstr(text, "\"flags\":2") != NULL);
    free(text);
}

static void test_strict(void)
{
    const char *dir = use_default("strict", "true");
    xray_scope s = xray_step_enter(xray_s("alone"), xray_s("llm"), NULL);
    char *text;

    CHECK_EQ(s.status, XRAY_EMISUSE);
    CHECK_EQ(s.step, 0);
    CHECK_EQ(xray_scope_leave(&s), XRAY_EMISUSE);
    text = text_of(dir);
    CHECK_STR(text, "");
    free(text);
}

static void test_disabled(void)
{
    const char *dir = use_default("enabled", "false");
    xray_scope run = xray_run_enter(xray_default(), xray_s("p"), NULL), step;
    xray_error err = {0};

    CHECK(xray_default() == NULL);
    CHECK_EQ(xray_default_status(&err), 0);
    CHECK_EQ(run.status, XRAY_ECLOSED);
    step = xray_step_enter(xray_s("s"), xray_s("llm"), NULL);
    CHECK_EQ(step.run, 0); /* a run that is not recorded is no reason for an implicit one */
    xray_scope_leave(&step);
    xray_scope_leave(&run);
    CHECK(access(dir, F_OK) != 0 || trace_segment(dir) == NULL);
    xray_reset_config();
}

static void test_project(void)
{
    const char *dir = use_default("project", "shop");
    xray_scope run = xray_run_enter(xray_default(), xray_s("p"), NULL);
    char *text;

    xray_scope_leave(&run);
    xray_reset_config();
    text = text_of(dir);
    CHECK(strstr(text, "\"project\":\"shop\"") != NULL);
    free(text);
}

static void test_cannot_open(void)
{
    xray_config *c = xray_config_new(), *back;
    xray_error err = {0};

    CHECK_EQ(xray_config_set(c, "dir", "/dev/null/x", NULL), 0);
    CHECK_EQ(xray_configure(c, &err), 0);
    CHECK(xray_default() == NULL);
    CHECK_STATUS(xray_default_status(&err), XRAY_EIO, &err);
    CHECK(strstr(err.message, "/dev/null/x") != NULL);
    back = xray_get_config();
    CHECK_STR(xray_config_get(back, "dir"), "/dev/null/x");
    xray_config_free(back);
    CHECK_STATUS(xray_configure(NULL, &err), XRAY_EMISUSE, &err);
    xray_config_free(c);
    xray_reset_config();
}

/* A file that may not grow: what is said about it depends on `on_error` alone. The run goes on. */
static int in_full_child(const char *on_error, int out)
{
    const struct rlimit none = {0, 0};
    xray_writer *w;
    xray_config *c = xray_config_new();
    xray_run run;
    int r;

    xray_config_set(c, "dir", trace_dir(), NULL);
    xray_config_set(c, "on_error", on_error, NULL);
    if (xray_writer_open_config(&w, c, NULL) < 0)
        return 90;
    xray_config_free(c);
    dup2(out, STDERR_FILENO);
    setrlimit(RLIMIT_FSIZE, &none);
    run = xray_run_begin(w, xray_s("p"), NULL);
    xray_writer_flush(w, -1, NULL);
    xray_writer_flush(w, -1, NULL);
    r = xray_run_set(run, XRAY_INPUT, xray_int(1));
    xray_writer_close(w, -1, NULL);
    return r == XRAY_EIO ? 1 : r == XRAY_OK ? 0 : 91;
}

static void test_on_error(void)
{
    static const char *const words[] = {"silent", "log", "raise"};

    for (int i = 0; i < 3; i++) {
        char said[600] = "";
        int pipe_fds[2], status = -1;
        pid_t pid;

        (void)check_dir(); /* is the parent's to remove */
        CHECK_EQ(pipe(pipe_fds), 0);
        pid = fork();
        if (pid == 0)
            _exit(in_full_child(words[i], pipe_fds[1]));
        close(pipe_fds[1]);
        CHECK(read(pipe_fds[0], said, sizeof said - 1) >= 0);
        close(pipe_fds[0]);
        CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
        check_context("%s said: %s", words[i], said);
        CHECK_EQ(WEXITSTATUS(status), i == 2);
        CHECK_EQ(strncmp(said, "xrayfile: records are lost: ", 28) == 0, i == 1);
        CHECK(i == 1 ? strchr(said, '\n') == said + strlen(said) - 1 : said[0] == '\0'); /* one line */
    }
}

/* What the last call of a process leaves: a sealed segment. A child of it writes elsewhere. */
static void in_child(const char *dir)
{
    xray_scope s = xray_step_enter(xray_s("mine"), xray_s("llm"), NULL);

    (void)dir;
    xray_scope_leave(&s);
    exit(0); /* not _exit: the hook has to run */
}

static void test_exit(void)
{
    const char *dir = use_default(NULL, NULL);
    xray_store *store;
    size_t len;
    char *bytes;
    int status;
    pid_t pid = fork();

    if (pid == 0)
        in_child(dir);
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
    CHECK_EQ(xray_store_open(&store, &dir, 1, NULL, NULL), 0);
    xray_store_close(store);
    bytes = check_read_file(trace_segment(dir), &len);
    CHECK(bytes != NULL && len > 120);
    free(bytes);
    bytes = text_of(dir);
    check_lines(bytes, "\"name\":\"mine\"", 1);
    free(bytes);
}

#if defined(__SANITIZE_ADDRESS__)
#define CHECKS_LEAKS true
#elif defined(__has_feature)
#define CHECKS_LEAKS __has_feature(address_sanitizer)
#else
#define CHECKS_LEAKS false
#endif

/* The parent's writer is open when it forks: what the child records goes to a segment of the child's, once. */
static void test_fork(void)
{
#if defined(__SANITIZE_THREAD__)
    check_skip("ThreadSanitizer takes no threads after a fork");
    return;
#endif
    const char *dir = use_default(NULL, NULL);
    xray_scope run = xray_run_enter(xray_default(), xray_s("parents"), NULL), step;
    int status = -1;
    char *text;
    pid_t pid = fork();

    if (pid == 0) {
        xray_scope mine = xray_run_enter(xray_default(), xray_s("childs"), NULL);

        step = xray_step_enter(xray_s("in_child"), xray_s("tool"), NULL);
        xray_scope_leave(&step);
        xray_scope_leave(&mine);
        /* What the parent's writer held is left alone in the child, which a checker of leaks would see at exit. */
        if (!CHECKS_LEAKS)
            exit(0);
        xray_writer_flush(xray_default(), -1, NULL);
        _exit(0);
    }
    step = xray_step_enter(xray_s("in_parent"), xray_s("tool"), NULL);
    CHECK_EQ(xray_scope_leave(&step), 0);
    CHECK_EQ(xray_scope_leave(&run), 0);
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
    text = text_of(dir);
    if (!CHECK(text != NULL))
        return;
    check_lines(text, "\"kind\":\"run\"", 2);
    check_lines(text, "\"pipeline\":\"parents\",\"status\":\"success\"", 1);
    check_lines(text, "\"pipeline\":\"childs\",\"status\":\"success\"", 1);
    check_lines(text, "\"name\":\"in_child\",\"type\":\"tool\",\"status\":\"success\"", 1);
    check_lines(text, "\"name\":\"in_parent\",\"type\":\"tool\",\"status\":\"success\"", 1);
    free(text);
}

CHECK_MAIN(test_nesting, test_cleanup, test_threads, test_deep, test_implicit, test_strict, test_disabled,
           test_project, test_cannot_open, test_on_error, test_exit, test_fork)
