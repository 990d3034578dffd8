#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>

static struct err
make(enum err_kind kind, int64_t after_ms, const char *code, const char *format, va_list args)
{
    struct err e = {.kind = kind, .code = code, .after_ms = after_ms};
    (void)vsnprintf(e.text, sizeof e.text, format, args);
    return e;
}

struct err
err_make(enum err_kind kind, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct err e = make(kind, 0, code, format, args);
    va_end(args);
    return e;
}

struct err
err_retry(int64_t after_ms, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct err e = make(ERR_RETRY, after_ms, code, format, args);
    va_end(args);
    return e;
}
