/* The sandbox of tools (tools/common/sandbox.h): what still works in it, and what does not. Each in a process of
 * its own, for there is no way back. */
#include "common/sandbox.h"
#include "support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[1100];

/* Runs `act` in a child, in the sandbox or not. Its answer: 0, or errno. -1: there is no sandbox here. */
static int try(int (*act)(void), bool inside)
{
    const pid_t child = fork();
    const char *why = NULL;
    int status = 0;

    if (child == 0) {
        if (inside && !sandbox_enter(&why))
            _exit(255);
        _exit(act() & 0x7f);
    }
    waitpid(child, &status, 0);
    if (!WIFEXITED(status))
        return 1000 + status;
    return WEXITSTATUS(status) == 255 ? -1 : WEXITSTATUS(status);
}

static int answer(long r)
{
    return r >= 0 ? 0 : errno;
}

static int read_file(void) { return answer(open("/etc/passwd", O_RDONLY | O_CLOEXEC)); }
static int list(void) { return answer(open("/", O_RDONLY | O_DIRECTORY)); }
static int open_to_write(void) { return answer(open(path, O_WRONLY)); }
static int open_to_change(void) { return answer(open(path, O_RDWR)); }
static int create(void) { return answer(open(path, O_RDONLY | O_CREAT, 0600)); }
static int truncate_by_open(void) { return answer(open(path, O_RDONLY | O_TRUNC)); }
static int truncate_file(void) { return answer(truncate(path, 0)); }
static int temporary(void) { return answer(open("/tmp", O_TMPFILE | O_RDWR, 0600)); }
static int remove_file(void) { return answer(unlink(path)); }
static int rename_file(void) { return answer(rename(path, "/tmp/elsewhere")); }
static int change_mode(void) { return answer(chmod(path, 0777)); }
static int connect_out(void) { return answer(socket(AF_INET, SOCK_STREAM, 0)); }
static int local_socket(void) { return answer(socket(AF_UNIX, SOCK_STREAM, 0)); }
static int trace_parent(void) { return answer(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL)); }
static int signal_parent(void) { return answer(kill(getppid(), 0)); }
static int raise_limit(void) { return answer(setrlimit(RLIMIT_FSIZE, &(struct rlimit){1, 1})); }

static int execute(void)
{
    char *const args[] = {(char *)"/bin/true", NULL};

    execve(args[0], args, NULL);
    return errno;
}

static int make_process(void)
{
    const pid_t child = fork();

    if (child == 0)
        _exit(0);
    return answer(child);
}

static int make_code(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p != MAP_FAILED ? 0 : errno;
}

static void *do_nothing(void *p)
{
    return p;
}

static int make_thread(void)
{
    pthread_t thread;
    int r = pthread_create(&thread, NULL, do_nothing, NULL);

    return r != 0 ? r : pthread_join(thread, NULL);
}

static int use_memory(void)
{
    char *p = malloc((size_t)64 << 20);

    if (p == NULL)
        return ENOMEM;
    memset(p, 1, (size_t)64 << 20);
    free(p);
    return 0;
}

static void test_what_works(void)
{
    int (*const acts[])(void) = {read_file, list, make_thread, use_memory};

    if (try(read_file, true) == -1) {
        check_skip("no seccomp here");
        return;
    }
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        check_context("act %zu", i);
        CHECK_EQ(try(acts[i], true), 0);
    }
}

static void test_what_does_not(void)
{
    /* `alone`: works without the sandbox, which shows that the sandbox is what stops it. */
    static const struct {
        int (*act)(void);
        bool alone;
    } acts[] = {
        {open_to_write, true},  {open_to_change, true}, {create, true},        {truncate_by_open, true},
        {truncate_file, true},  {change_mode, true},    {connect_out, true},   {local_socket, true},
        {signal_parent, true},  {make_process, true},   {make_code, true},     {raise_limit, true},
        {temporary, false},     {trace_parent, false},  {execute, false},      {rename_file, false},
        {remove_file, false},
    };
    FILE *f;

    snprintf(path, sizeof path, "%s/file", check_dir());
    f = fopen(path, "w");
    if (!CHECK(f != NULL && fclose(f) == 0) || try(read_file, true) == -1)
        return;
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        check_context("act %zu", i);
        CHECK_EQ(try(acts[i].act, true), EPERM);
        if (acts[i].alone)
            CHECK_EQ(try(acts[i].act, false), 0);
    }
    CHECK_EQ(access(path, F_OK), 0);
}

CHECK_MAIN(test_what_works, test_what_does_not)
