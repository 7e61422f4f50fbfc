/* The one place where the agent's programs print an error: one line, without control characters, whatever
 * it quotes. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent_cmd.h"
#include "proto/safe_text.h"

int agent_fail(int status, const char *fmt, ...)
{
    char text[1024], safe[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    safe_text(safe, sizeof safe, text, strlen(text), -1);
    fprintf(stderr, "hypertop-agent: %s\n", safe);
    return status;
}
