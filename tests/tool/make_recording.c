/* make_recording OUT CHUNKS EVENTS [--unfinished|--compact]: writes a recording and says what is in it, one
 * JSON object per message: {"topic","sequence","log_time","publish_time","data"} with the payload in
 * hexadecimal. For tests of readers. */
#include "tests/unit/proto/recording_fixture.h"

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    const char *how = argc > 4 ? argv[4] : "";
    int chunks = (int)strtol(argv[2], NULL, 10), events = (int)strtol(argv[3], NULL, 10);
    fixture_recording(argv[1], chunks, events, strcmp(how, "--unfinished") != 0);
    if (strcmp(how, "--compact") == 0 && rec_compact(argv[1], NULL) < 0)
        return 1;
    struct buf b = {0};
    for (uint64_t i = 1; i <= (uint64_t)chunks * (uint64_t)events; i++) {
        int64_t t = FIXTURE_T0 + (int64_t)i * FIXTURE_STEP;
        fixture_body(&b, i);
        printf("{\"topic\":\"/%s\",\"sequence\":%llu,\"log_time\":%lld,\"publish_time\":%lld,\"data\":\"",
               event_name(fixture_kind(i)), (unsigned long long)i, (long long)t, (long long)t - 500);
        for (size_t k = 0; k < b.len; k++)
            printf("%02x", b.data[k]);
        puts("\"}");
    }
    buf_release(&b);
    return 0;
}
