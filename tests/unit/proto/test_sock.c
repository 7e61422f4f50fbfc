/* Sockets over ipc in a directory of their own: messages pass whole, nothing blocks, closing is quick with a dead peer. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "proto/sock.h"
#include "tests/unit/proto/scratch_dir.h"

#define MAX (64 << 10)
#define PATIENCE (10 * CLOCK_S)

static char address[128];

static int set_up(void **state)
{
    if (scratch_make() != 0)
        return -1;
    snprintf(address, sizeof address, "ipc://%s/h.sock", dir);
    return 0;
}

static int tear_down(void **state)
{
    return scratch_remove();
}

static struct sock *opened(struct sock *s, char **cause)
{
    if (!s)
        fail_msg("%s", *cause ? *cause : "no socket and no cause");
    return s;
}

static struct sock *router(void)
{
    char *cause = NULL;
    return opened(sock_router(address, MAX, &cause), &cause);
}

static struct sock *dealer(void)
{
    char *cause = NULL;
    return opened(sock_dealer(address, MAX, &cause), &cause);
}

/* Waits on the socket's fd the way the programs do; fails the test when nothing comes. */
static void receive(struct sock *s, struct sock_peer *from, struct buf *b)
{
    int64_t until = clock_mono_ns() + PATIENCE;
    int rc;
    while ((rc = sock_recv(s, from, b)) == 0 && clock_mono_ns() < until) {
        struct pollfd p = {.fd = sock_fd(s), .events = POLLIN};
        poll(&p, 1, 100);
    }
    assert_int_equal(rc, 1);
}

static void messages_go_there_and_back(void **state)
{
    struct sock *r = router(), *d = dealer();
    struct buf b = {0};
    struct sock_peer from = {0};
    assert_int_equal(sock_recv(r, &from, &b), 0); /* nothing there is no error */
    assert_int_equal(sock_send(d, NULL, "hello", 5), 0);
    receive(r, &from, &b);
    assert_string_equal(buf_cstr(&b), "hello");
    assert_true(from.n > 0 && from.n <= SOCK_PEER);
    assert_int_equal(sock_send(r, &from, "", 0), 0);
    receive(d, NULL, &b);
    assert_int_equal(b.len, 0);
    buf_release(&b);
    sock_close(d);
    sock_close(r);
}

static void two_peers_are_told_apart(void **state)
{
    struct sock *r = router(), *d[2] = {dealer(), dealer()};
    struct sock_peer from[2];
    struct buf b = {0};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sock_send(d[i], NULL, "hi", 2), 0);
        receive(r, &from[i], &b);
    }
    assert_true(from[0].n != from[1].n || memcmp(from[0].id, from[1].id, from[0].n) != 0);
    assert_int_equal(sock_send(r, &from[1], "one", 3), 0);
    assert_int_equal(sock_send(r, &from[0], "zero", 4), 0);
    receive(d[0], NULL, &b);
    assert_string_equal(buf_cstr(&b), "zero");
    receive(d[1], NULL, &b);
    assert_string_equal(buf_cstr(&b), "one");
    buf_release(&b);
    for (int i = 0; i < 2; i++)
        sock_close(d[i]);
    sock_close(r);
}

static void an_unknown_peer_is_an_error(void **state)
{
    struct sock *r = router();
    struct sock_peer nobody = {.id = "nobody", .n = 6};
    assert_int_equal(sock_send(r, &nobody, "x", 1), -1);
    assert_int_equal(errno, EHOSTUNREACH);
    sock_close(r);
}

static void a_peer_that_left_is_noticed(void **state)
{
    struct sock *r = router(), *d = dealer();
    struct sock_peer from;
    struct buf b = {0};
    sock_send(d, NULL, "x", 1);
    receive(r, &from, &b);
    sock_close(d);
    int64_t until = clock_mono_ns() + PATIENCE;
    int rc;
    do { /* the connection's end arrives on libzmq's thread */
        rc = sock_send(r, &from, "y", 1);
        poll(NULL, 0, 1);
    } while ((rc == 0 || errno == EAGAIN) && clock_mono_ns() < until);
    assert_int_equal(rc, -1);
    assert_int_equal(errno, EHOSTUNREACH);
    buf_release(&b);
    sock_close(r);
}

static void a_dead_peer_gives_eagain_and_never_blocks(void **state)
{
    struct sock *d = dealer(); /* nobody binds there */
    int64_t worst = 0;
    int sent = 0, rc = 0;
    while (sent < 100000 && rc == 0) {
        int64_t t = clock_mono_ns();
        rc = sock_send(d, NULL, "x", 1);
        t = clock_mono_ns() - t;
        worst = t > worst ? t : worst;
        sent += rc == 0;
    }
    assert_int_equal(rc, -1);
    assert_int_equal(errno, EAGAIN);
    assert_true(sent <= 1000); /* bounded by the high-water mark */
    assert_true(worst < CLOCK_S / 2);
    int64_t t = clock_mono_ns();
    sock_close(d);
    assert_true(clock_mono_ns() - t < 200 * CLOCK_MS);
}

/* The peer is alive and connected but does not read: it is stopped. */
static void closing_is_quick_with_a_stopped_peer(void **state)
{
    pid_t child = fork();
    if (child == 0) {
        struct sock *r = sock_router(address, MAX, NULL);
        struct buf b = {0};
        struct sock_peer from;
        while (r && sock_recv(r, &from, &b) == 0)
            poll(NULL, 0, 1);
        if (r)
            sock_send(r, &from, "up", 2);
        poll(NULL, 0, 1);
        raise(SIGSTOP);
        _exit(0);
    }
    int status;
    struct sock *d = dealer();
    struct buf b = {0};
    char *big = calloc(1, MAX);
    sock_send(d, NULL, "hello", 5);
    receive(d, NULL, &b);
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
    int sent = 0;
    while (sent < 10000 && sock_send(d, NULL, big, MAX) == 0)
        sent++;
    assert_true(sent < 10000);
    int64_t t = clock_mono_ns();
    sock_close(d);
    assert_true(clock_mono_ns() - t < 200 * CLOCK_MS);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    buf_release(&b);
    free(big);
}

static void a_message_over_the_bound_is_refused_by_the_sender(void **state)
{
    struct sock *d = dealer();
    char *big = calloc(1, MAX + 1);
    assert_int_equal(sock_send(d, NULL, big, MAX + 1), -1);
    assert_int_equal(errno, EMSGSIZE);
    free(big);
    sock_close(d);
}

static void a_message_over_the_bound_is_refused_by_the_receiver(void **state)
{
    struct sock *r = router(), *good = dealer();
    char *cause = NULL, *big = calloc(1, 2 * MAX);
    struct sock *d = opened(sock_dealer(address, 4 * MAX, &cause), &cause);
    struct buf b = {0};
    struct sock_peer from;
    assert_int_equal(sock_send(d, NULL, big, 2 * MAX), 0);
    assert_int_equal(sock_send(good, NULL, "fine", 4), 0);
    receive(r, &from, &b);
    assert_string_equal(buf_cstr(&b), "fine"); /* the big one closed its own connection and nothing else */
    assert_int_equal(sock_recv(r, &from, &b), 0);
    buf_release(&b);
    free(big);
    sock_close(d);
    sock_close(good);
    sock_close(r);
}

static void a_dealer_reconnects_to_a_new_router(void **state)
{
    struct sock *d = dealer(), *r = router();
    struct buf b = {0};
    struct sock_peer from;
    sock_send(d, NULL, "one", 3);
    receive(r, &from, &b);
    sock_close(r);
    r = router();
    /* What was sent while nobody was there may be lost: the protocol above resends. */
    int64_t until = clock_mono_ns() + PATIENCE;
    while (sock_recv(r, &from, &b) == 0 && clock_mono_ns() < until) {
        sock_send(d, NULL, "two", 3);
        poll(NULL, 0, 10);
    }
    assert_string_equal(buf_cstr(&b), "two");
    buf_release(&b);
    sock_close(d);
    sock_close(r);
}

static void the_socket_file_is_private(void **state)
{
    mode_t old = umask(0);
    struct sock *r = router();
    umask(old);
    struct stat st;
    assert_int_equal(stat(address + strlen("ipc://"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    sock_close(r);
}

static void a_bad_address_is_one_clear_error(void **state)
{
    char *cause = NULL;
    assert_null(sock_router("ipc:///no/such/directory/x.sock", MAX, &cause));
    assert_non_null(strstr(cause, "ipc:///no/such/directory/x.sock: cannot bind: "));
    assert_null(sock_dealer("nonsense", MAX, &cause));
    assert_non_null(strstr(cause, "nonsense: cannot connect: "));
    free(cause);
}

static void tick(int sig)
{
}

/* A timer fires all the time; nothing is lost and no call fails with EINTR. */
static void signals_do_not_disturb(void **state)
{
    struct sigaction a = {.sa_handler = tick};
    struct itimerval on = {{0, 200}, {0, 200}}, off = {{0, 0}, {0, 0}};
    struct sock *r = router(), *d = dealer();
    struct buf b = {0};
    struct sock_peer from;
    sigaction(SIGALRM, &a, NULL);
    setitimer(ITIMER_REAL, &on, NULL);
    for (uint32_t i = 0; i < 2000; i++) {
        uint32_t got;
        assert_int_equal(sock_send(d, NULL, &i, sizeof i), 0);
        receive(r, &from, &b);
        assert_int_equal(b.len, sizeof got);
        memcpy(&got, b.data, sizeof got);
        assert_int_equal(got, i);
    }
    setitimer(ITIMER_REAL, &off, NULL);
    buf_release(&b);
    sock_close(d);
    sock_close(r);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(messages_go_there_and_back),
        TEST(two_peers_are_told_apart),
        TEST(an_unknown_peer_is_an_error),
        TEST(a_peer_that_left_is_noticed),
        TEST(a_dead_peer_gives_eagain_and_never_blocks),
        TEST(closing_is_quick_with_a_stopped_peer),
        TEST(a_message_over_the_bound_is_refused_by_the_sender),
        TEST(a_message_over_the_bound_is_refused_by_the_receiver),
        TEST(a_dealer_reconnects_to_a_new_router),
        TEST(the_socket_file_is_private),
        TEST(a_bad_address_is_one_clear_error),
        TEST(signals_do_not_disturb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
