/* See pager.h. */
#include "common/pager.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cli.h"

static pid_t pager;

static const char *pager_command(void)
{
    const char *command = getenv("XRAY_PAGER");

    if (command == NULL)
        command = getenv("PAGER");
    return command != NULL ? command : "less";
}

bool pager_is_wanted(void)
{
    const char *command = pager_command();
    const char *term = getenv("TERM");

    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term != NULL && strcmp(term, "dumb") != 0 &&
           command[0] != '\0' && strcmp(command, "cat") != 0;
}

/* Is the first word of the command a program? The shell that runs it would tell too late. */
static bool is_there(const char *command)
{
    const size_t len = strcspn(command, " \t");
    const char *path = getenv("PATH");
    char file[1024];

    if (len == 0 || strpbrk(command, "'\"$`\\;&|()<>=*?") != NULL)
        return true; /* the shell's business */
    if (memchr(command, '/', len) != NULL) {
        snprintf(file, sizeof file, "%.*s", (int)len, command);
        return access(file, X_OK) == 0;
    }
    while (path != NULL && *path != '\0') {
        const size_t directory = strcspn(path, ":");

        snprintf(file, sizeof file, "%.*s/%.*s", (int)directory, path, (int)len, command);
        if (access(file, X_OK) == 0)
            return true;
        path += directory + (path[directory] == ':');
    }
    return false;
}

/* Ctrl-C is meant for the pager, too; we end, but not before it gives the terminal back. */
static void on_interrupt(int signal_number)
{
    close(STDOUT_FILENO);
    while (waitpid(pager, NULL, 0) < 0 && errno == EINTR) {
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static _Noreturn void be_pager(const char *command, int from)
{
    dup2(from, STDIN_FILENO);
    close(from);
    setenv("LESS", "FRX", 0);
    setenv("LV", "-c", 0);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

void pager_start(void)
{
    const char *command = pager_command();
    int ends[2];

    if (!is_there(command)) {
        fprintf(stderr, "%s: warning: the pager '%s' is not there\n", cli_name(), command);
        return;
    }
    if (pipe(ends) != 0)
        return;
    pager = fork();
    if (pager == 0) {
        close(ends[1]);
        be_pager(command, ends[0]);
    }
    close(ends[0]);
    if (pager > 0) {
        dup2(ends[1], STDOUT_FILENO);
        signal(SIGINT, on_interrupt);
        signal(SIGTERM, on_interrupt);
        atexit(pager_finish);
    }
    close(ends[1]);
}

void pager_finish(void)
{
    if (pager <= 0)
        return;
    close(STDOUT_FILENO);
    while (waitpid(pager, NULL, 0) < 0 && errno == EINTR) {
    }
    pager = 0;
}
