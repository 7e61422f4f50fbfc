/* csv_record: one record of a CSV or TSV text (RFC 4180) as fields. */
#ifndef READ_CSV_RECORD_H
#define READ_CSV_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define CSV_FIELDS_MAX 16384

struct csv_record {
    struct buf text;       /* the fields, each with a NUL behind it */
    const char **fields;   /* n of them, into text */
    int n, cap;
};

/* The length of the first record with its end, 0 when its end is not there. Ends inside quotes do not count. */
size_t csv_record_length(const uint8_t *p, size_t n);
/* Splits p[0..n), one record with or without its end. False: more than CSV_FIELDS_MAX fields. */
bool csv_record_split(struct csv_record *r, const uint8_t *p, size_t n, char separator);
/* Tab, semicolon or comma: the one that the line has most of. */
char csv_separator(const uint8_t *p, size_t n);
void csv_record_release(struct csv_record *r);

#endif
