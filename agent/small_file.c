#include "agent/small_file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

bool small_file_text(const char *path, char *out, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    *out = '\0';
    if (fd < 0)
        return false;
    for (ssize_t k; n + 1 < cap && (k = read(fd, out + n, cap - 1 - n)) > 0;)
        n += (size_t)k;
    close(fd);
    while (n && strchr(" \t\n", out[n - 1]))
        n--;
    out[n] = '\0';
    return n > 0;
}

bool small_file_uint(const char *path, uint64_t *out)
{
    char text[64];
    int64_t v;
    if (!small_file_text(path, text, sizeof text) || !text_int(text, &v) || v < 0)
        return false;
    *out = (uint64_t)v;
    return true;
}

double small_file_number(const char *path)
{
    char text[64];
    double v;
    return small_file_text(path, text, sizeof text) && text_double(text, &v) ? v : NAN;
}
