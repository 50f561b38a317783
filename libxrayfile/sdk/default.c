/* The process's own writer: opened when it is first asked for, closed when the process exits.
 *
 *            xray_default                 xray_configure, xray_reset_config
 *   UNOPENED ------------> OPEN or OFF -------------------------------------> UNOPENED
 *
 * OFF: disabled, or it could not be opened. In a forked child the writer goes on by itself (xrayfile.h, section 3). */
#include "sdk/default.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/fail.h"
#include "config/config.h"
#include "os/message.h"

enum state { UNOPENED, OPEN, OFF };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows; the atomics are read without it */
static atomic_int state;
static _Atomic(xray_writer *) writer;
static xray_config *config; /* NULL: to be loaded */
static atomic_bool strict;
static xray_error failure;  /* why it is OFF; status 0: it is disabled */
static pthread_once_t hooks_once = PTHREAD_ONCE_INIT;

/* Bounded by `close_timeout`: a hanging disk must not hang an exit. What could not be written by then is lost. */
static void close_writer(void)
{
    xray_writer *w = atomic_exchange(&writer, NULL);
    const char *timeout = config != NULL ? xf_config_text(config, XF_CLOSE_TIMEOUT) : "2";

    atomic_store(&state, UNOPENED);
    if (w != NULL)
        xray_writer_close(w, (int)(xf_setting_ns(timeout) / 1000000), NULL);
}

/* Whoever holds the lock now is a thread that may be stuck for good; then the segment stays unsealed, which is no damage. */
static void at_exit(void)
{
    if (pthread_mutex_trylock(&lock) != 0)
        return;
    close_writer();
    atomic_store(&state, OFF);
    pthread_mutex_unlock(&lock);
}

/* The lock may be held by a thread that the child does not have. What it guards is changed by single stores, so
 * it is whole. Taking the lock before the fork instead would put it in an order with the writers' own locks. */
static void in_child(void)
{
    pthread_mutex_init(&lock, NULL);
}

static void install_hooks(void)
{
    pthread_atfork(NULL, NULL, in_child);
    atexit(at_exit);
}

/* With the lock held. */
static bool load_config(void)
{
    xray_config *c;

    if (config != NULL)
        return true;
    c = xray_config_new();
    if (c == NULL || xray_config_load(c, NULL) < 0) {
        xray_config_free(c);
        return false;
    }
    atomic_store(&strict, xf_setting_bool(xf_config_text(c, XF_STRICT)));
    config = c;
    return true;
}

/* The one line that `on_error: log` asks for. */
static void log_failure(void)
{
    if (config != NULL && strcmp(xf_config_text(config, XF_ON_ERROR), "log") == 0)
        xf_message("xrayfile: no trace is written: %s", failure.message);
}

static void open_locked(void)
{
    xray_writer *w = NULL;

    failure.status = XRAY_OK;
    if (!load_config())
        xf_fail_memory(&failure);
    else
        xray_writer_open_config(&w, config, &failure);
    if (failure.status < 0)
        log_failure();
    atomic_store(&writer, w);
    atomic_store(&state, w != NULL ? OPEN : OFF);
}

xray_writer *xray_default(void)
{
    if (atomic_load_explicit(&state, memory_order_acquire) == UNOPENED) {
        pthread_once(&hooks_once, install_hooks);
        pthread_mutex_lock(&lock);
        if (atomic_load(&state) == UNOPENED)
            open_locked();
        pthread_mutex_unlock(&lock);
    }
    return atomic_load_explicit(&writer, memory_order_acquire);
}

int xray_default_status(xray_error *err)
{
    int r = XRAY_OK;

    if (xray_default() != NULL)
        return XRAY_OK;
    pthread_mutex_lock(&lock);
    if (failure.status < 0) {
        r = failure.status;
        if (err != NULL)
            *err = failure;
    }
    pthread_mutex_unlock(&lock);
    return r;
}

/* Takes over `c`, which may be NULL. */
static void use(xray_config *c)
{
    xray_config *old;

    pthread_mutex_lock(&lock);
    close_writer();
    old = config;
    config = c;
    atomic_store(&strict, c != NULL && xf_setting_bool(xf_config_text(c, XF_STRICT)));
    pthread_mutex_unlock(&lock);
    xray_config_free(old);
}

int xray_configure(const xray_config *c, xray_error *err)
{
    xray_config *copy = c != NULL ? xf_config_copy(c) : NULL;

    if (c == NULL)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "no configuration; xray_reset_config() goes back to what there was");
    if (copy == NULL)
        return xf_fail_memory(err);
    use(copy);
    return XRAY_OK;
}

void xray_reset_config(void)
{
    use(NULL);
}

xray_config *xray_get_config(void)
{
    xray_config *copy = NULL;

    pthread_mutex_lock(&lock);
    if (load_config())
        copy = xf_config_copy(config);
    pthread_mutex_unlock(&lock);
    return copy;
}

bool xf_default_is_strict(void)
{
    (void)xray_default();
    return atomic_load_explicit(&strict, memory_order_relaxed);
}
