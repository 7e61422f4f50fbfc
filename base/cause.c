#include "base/cause.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/buf.h"

static void cause_format(char **cause, const char *fmt, va_list ap)
{
    if (!cause)
        return;
    struct buf b = {0};
    buf_vprintf(&b, fmt, ap);
    free(*cause);
    *cause = buf_take(&b);
}

int cause_set(char **cause, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    cause_format(cause, fmt, ap);
    va_end(ap);
    return -1;
}

void *cause_null(char **cause, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    cause_format(cause, fmt, ap);
    va_end(ap);
    return 0;
}
