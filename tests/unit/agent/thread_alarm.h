/* thread_alarm: SIGALRM to the calling thread again and again. setitimer's goes to any thread of the
 * process, and libraries that a test is linked with have threads of their own. */
#ifndef TESTS_AGENT_THREAD_ALARM_H
#define TESTS_AGENT_THREAD_ALARM_H

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static timer_t thread_alarm;
static struct sigaction thread_alarm_before;

static void thread_alarm_start(void (*handler)(int), long every_us)
{
    struct sigaction sa = {.sa_handler = handler};
    struct sigevent ev = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM};
    struct itimerspec at = {{0, every_us * 1000}, {0, every_us * 1000}};
    ev.sigev_notify_thread_id = gettid();
    if (sigaction(SIGALRM, &sa, &thread_alarm_before) != 0 ||
        timer_create(CLOCK_MONOTONIC, &ev, &thread_alarm) != 0 ||
        timer_settime(thread_alarm, 0, &at, NULL) != 0)
        abort();
}

static void thread_alarm_stop(void)
{
    timer_delete(thread_alarm);
    sigaction(SIGALRM, &thread_alarm_before, NULL);
}

#endif
