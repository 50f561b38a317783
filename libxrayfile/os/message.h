/* Saying something to whoever runs the process. Only where the application asked for it (on_error: log). */
#ifndef XF_OS_MESSAGE_H
#define XF_OS_MESSAGE_H

/* One line to standard error, in one write; what it quotes is escaped. Never blocks longer than that write. */
void xf_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
