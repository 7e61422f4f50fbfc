/* Which addresses are made of which names, which directories are trusted, and who holds the lock. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/endpoint.h"
#include "tests/unit/proto/scratch_dir.h"

static char path[256]; /* scratch */

static const char *in_dir(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static int set_up(void **state)
{
    if (scratch_make() != 0)
        return -1;
    unsetenv("HYPERTOP_HUB");
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("HYPERTOP_DATA_DIR");
    unsetenv("XDG_DATA_HOME");
    return setenv("HYPERTOP_RUNTIME_DIR", in_dir("run"), 1);
}

static int tear_down(void **state)
{
    return scratch_remove();
}

static void expect(const char *hub, const char *name, const char *address)
{
    struct endpoint e;
    char *cause = NULL;
    if (endpoint_resolve(&e, hub, &cause) != 0)
        fail_msg("%s", cause);
    assert_string_equal(e.name, name);
    assert_string_equal(e.address, address);
    endpoint_release(&e);
}

static void refuse(const char *hub, const char *part)
{
    struct endpoint e;
    char *cause = NULL;
    assert_int_equal(endpoint_resolve(&e, hub, &cause), -1);
    if (!strstr(cause, part))
        fail_msg("'%s' is not in '%s'", part, cause);
    assert_null(e.address);
    assert_null(strchr(cause, '\n'));
    free(cause);
}

static void names_become_sockets_in_the_runtime_directory(void **state)
{
    char want[128];
    snprintf(want, sizeof want, "ipc://%s/run/default.sock", dir);
    expect(NULL, "default", want);
    expect("", "default", want);
    snprintf(want, sizeof want, "ipc://%s/run/lab-2.b_c.sock", dir);
    expect("lab-2.b_c", "lab-2.b_c", want);
    setenv("HYPERTOP_HUB", "lab-2.b_c", 1);
    expect(NULL, "lab-2.b_c", want);
    struct stat st;
    assert_int_equal(lstat(in_dir("run"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void addresses_pass(void **state)
{
    char address[128], want[128];
    snprintf(address, sizeof address, "ipc://%s/other/x.sock", dir);
    expect(address, "x", address);
    snprintf(want, sizeof want, "%s/other", dir);
    struct stat st;
    assert_int_equal(lstat(want, &st), 0);
    expect("tcp://node7:5555", "", "tcp://node7:5555");
    expect("tcp://[::1]:5555", "", "tcp://[::1]:5555");
}

static void bad_names_are_refused(void **state)
{
    refuse("a/b", "is not a hub's name");
    refuse(".hidden", "is not a hub's name");
    refuse("über", "is not a hub's name");
    refuse("0123456789012345678901234567890123456789012345678901234567890123", "is not a hub's name");
    refuse("tcp://node7", "write tcp://HOST:PORT");
    refuse("tcp://:5", "write tcp://HOST:PORT");
    refuse("tcp://h:99999", "write tcp://HOST:PORT");
    refuse("ipc:///tmp/ht x/a b", "not a hub's name");
}

static void a_path_too_long_for_a_socket_is_one_clear_error(void **state)
{
    char deep[200], hub[64];
    snprintf(deep, sizeof deep, "%s/%0*d", dir, 50, 7);
    setenv("HYPERTOP_RUNTIME_DIR", deep, 1);
    memset(hub, 'h', sizeof hub);
    hub[40] = '\0';
    refuse(hub, "the system allows 107; set HYPERTOP_RUNTIME_DIR to a shorter path");
    hub[107 - strlen(deep) - strlen("/.sock")] = '\0'; /* exactly 107 bytes */
    struct endpoint e;
    char *cause = NULL;
    assert_int_equal(endpoint_resolve(&e, hub, &cause), 0);
    assert_int_equal(strlen(e.address) - strlen("ipc://"), 107);
    endpoint_release(&e);
}

static void a_symlink_is_refused_as_runtime_directory(void **state)
{
    char real[128];
    snprintf(real, sizeof real, "%s/real", dir);
    assert_int_equal(mkdir(real, 0700), 0);
    assert_int_equal(symlink(real, in_dir("run")), 0);
    refuse("default", "is a symbolic link");
}

static void a_file_is_refused_as_runtime_directory(void **state)
{
    int fd = open(in_dir("run"), O_CREAT | O_WRONLY, 0700);
    close(fd);
    refuse("default", "is not a directory");
}

static void a_directory_open_to_others_is_refused(void **state)
{
    assert_int_equal(mkdir(in_dir("run"), 0700), 0);
    assert_int_equal(chmod(in_dir("run"), 0750), 0);
    refuse("default", "has mode 0750");
    assert_int_equal(chmod(in_dir("run"), 0700), 0);
    struct endpoint e;
    assert_int_equal(endpoint_resolve(&e, "default", NULL), 0);
    endpoint_release(&e);
}

static void a_foreign_owner_is_refused(void **state)
{
    assert_int_equal(mkdir(in_dir("run"), 0700), 0);
    if (chown(in_dir("run"), 12345, 12345) != 0) {
        print_message("not root: cannot give a directory away, skipped\n");
        skip();
    }
    refuse("default", "belongs to uid 12345");
}

static void an_unwritable_place_is_one_clear_error(void **state)
{
    setenv("HYPERTOP_RUNTIME_DIR", "/proc/hypertop", 1);
    refuse("default", "/proc/hypertop: cannot make the directory");
}

static void the_default_directory_follows_xdg_and_the_uid(void **state)
{
    unsetenv("HYPERTOP_RUNTIME_DIR");
    setenv("XDG_RUNTIME_DIR", dir, 1);
    char *got = endpoint_runtime_dir(NULL), want[128];
    snprintf(want, sizeof want, "%s/hypertop", dir);
    assert_string_equal(got, want);
    free(got);
    unsetenv("XDG_RUNTIME_DIR");
    char *cause = NULL;
    got = endpoint_runtime_dir(&cause);
    snprintf(want, sizeof want, "/tmp/hypertop-%ld", (long)geteuid());
    if (got)
        assert_string_equal(got, want);
    else
        assert_non_null(strstr(cause, want));
    free(got);
    free(cause);
}

static void the_data_directory_is_made(void **state)
{
    struct stat st;
    char want[128], *got;
    snprintf(want, sizeof want, "%s/data/hypertop", dir);
    setenv("XDG_DATA_HOME", in_dir("data"), 1);
    got = endpoint_data_dir(NULL);
    assert_string_equal(got, want);
    assert_int_equal(stat(got, &st), 0);
    free(got);
    setenv("HYPERTOP_DATA_DIR", in_dir("mine///"), 1);
    got = endpoint_data_dir(NULL);
    assert_string_equal(got, in_dir("mine"));
    free(got);
}

/* ---- the lock ---- */

static struct endpoint resolved(void)
{
    struct endpoint e;
    char *cause = NULL;
    if (endpoint_resolve(&e, "default", &cause) != 0)
        fail_msg("%s", cause);
    return e;
}

static void a_second_lock_is_refused_and_names_the_pid(void **state)
{
    struct endpoint e = resolved();
    int pid = -1, ready[2], stop[2];
    char c, *cause = NULL, want[32];
    assert_false(endpoint_alive(&e, &pid));
    assert_int_equal(pid, 0);
    assert_true(pipe(ready) == 0 && pipe(stop) == 0);
    pid_t child = fork();
    if (child == 0) {
        close(stop[1]);
        int fd = endpoint_lock(&e, NULL);
        _exit(fd >= 0 && write(ready[1], "x", 1) == 1 && read(stop[0], &c, 1) == 0 ? 0 : 1);
    }
    close(stop[0]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_true(endpoint_alive(&e, &pid));
    assert_int_equal(pid, child);
    assert_int_equal(endpoint_lock(&e, &cause), -1);
    snprintf(want, sizeof want, "(pid %d)", (int)child);
    assert_non_null(strstr(cause, want));
    assert_non_null(strstr(cause, "hub 'default' is already running"));
    free(cause);
    close(stop[1]); /* the child ends; its lock goes with it */
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_false(endpoint_alive(&e, NULL));
    int fd = endpoint_lock(&e, &cause);
    assert_true(fd >= 0);
    assert_true(endpoint_alive(&e, &pid));
    assert_int_equal(pid, getpid());
    close(fd);
    close(ready[0]);
    close(ready[1]);
    endpoint_release(&e);
}

static void a_stale_socket_is_removed_and_nothing_else(void **state)
{
    struct endpoint e = resolved();
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct stat st;
    const char *sock = e.address + strlen("ipc://");
    memcpy(a.sun_path, sock, strlen(sock) + 1);
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof a), 0);
    close(s);
    int fd = endpoint_lock(&e, NULL);
    assert_true(fd >= 0);
    assert_int_equal(lstat(sock, &st), -1);
    close(fd);
    char *cause = NULL;
    close(open(sock, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(endpoint_lock(&e, &cause), -1);
    assert_non_null(strstr(cause, "is not a socket"));
    free(cause);
    endpoint_release(&e);
}

static void a_symlink_is_refused_as_lock_file(void **state)
{
    struct endpoint e = resolved();
    char *cause = NULL;
    assert_int_equal(symlink("/etc/passwd", e.lock_path), 0);
    assert_int_equal(endpoint_lock(&e, &cause), -1);
    assert_non_null(strstr(cause, "cannot open the lock file"));
    assert_false(endpoint_alive(&e, NULL));
    free(cause);
    endpoint_release(&e);
}

static void a_network_address_has_no_lock(void **state)
{
    struct endpoint e;
    char *cause = NULL;
    assert_int_equal(endpoint_resolve(&e, "tcp://h:1", NULL), 0);
    assert_int_equal(endpoint_lock(&e, &cause), -1);
    assert_false(endpoint_alive(&e, NULL));
    free(cause);
    endpoint_release(&e);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(names_become_sockets_in_the_runtime_directory),
        TEST(addresses_pass),
        TEST(bad_names_are_refused),
        TEST(a_path_too_long_for_a_socket_is_one_clear_error),
        TEST(a_symlink_is_refused_as_runtime_directory),
        TEST(a_file_is_refused_as_runtime_directory),
        TEST(a_directory_open_to_others_is_refused),
        TEST(a_foreign_owner_is_refused),
        TEST(an_unwritable_place_is_one_clear_error),
        TEST(the_default_directory_follows_xdg_and_the_uid),
        TEST(the_data_directory_is_made),
        TEST(a_second_lock_is_refused_and_names_the_pid),
        TEST(a_stale_socket_is_removed_and_nothing_else),
        TEST(a_symlink_is_refused_as_lock_file),
        TEST(a_network_address_has_no_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
