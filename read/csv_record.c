/* csv_record: see csv_record.h. A quote opens a quoted field only at its beginning. */
#include "read/csv_record.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Whether a field begins here is not known before the separator is: every one of the three counts. */
size_t csv_record_length(const uint8_t *p, size_t n)
{
    bool quoted = false, begins = true;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '"' && (quoted || begins))
            quoted = !quoted;
        else if (p[i] == '\n' && !quoted)
            return i + 1;
        begins = p[i] == ',' || p[i] == '\t' || p[i] == ';' || (begins && p[i] == '"' && quoted);
    }
    return 0;
}

char csv_separator(const uint8_t *p, size_t n)
{
    static const char candidates[] = ",\t;";
    size_t best = 0, count[3] = {0};
    for (size_t i = 0; i < n && p[i] != '\n'; i++)
        for (size_t k = 0; k < 3; k++)
            count[k] += p[i] == (uint8_t)candidates[k];
    for (size_t k = 1; k < 3; k++)
        if (count[k] > count[best])
            best = k;
    return candidates[best];
}

static bool add_field(struct csv_record *r, size_t at)
{
    if (r->n == CSV_FIELDS_MAX)
        return false;
    if (r->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 16;
        r->fields = mem_resize(r->fields, (size_t)r->cap, sizeof *r->fields);
    }
    r->fields[r->n++] = (const char *)r->text.data + at;
    return true;
}

bool csv_record_split(struct csv_record *r, const uint8_t *p, size_t n, char separator)
{
    while (n && (p[n - 1] == '\n' || p[n - 1] == '\r'))
        n--;
    buf_clear(&r->text);
    buf_reserve(&r->text, n + 2); /* text never grows beyond what it is cut from: fields may point into it */
    r->n = 0;
    size_t i = 0;
    for (bool more = true; more;) {
        size_t at = r->text.len;
        bool quoted = i < n && p[i] == '"';
        for (i += quoted; i < n; i++) {
            if (quoted && p[i] == '"' && i + 1 < n && p[i + 1] == '"')
                i++;
            else if (quoted && p[i] == '"') {
                quoted = false;
                continue;
            } else if (!quoted && p[i] == (uint8_t)separator)
                break;
            buf_putc(&r->text, p[i] ? p[i] : ' ');
        }
        buf_putc(&r->text, '\0');
        if (!add_field(r, at))
            return false;
        more = i++ < n;
    }
    return true;
}

void csv_record_release(struct csv_record *r)
{
    buf_release(&r->text);
    free(r->fields);
}
