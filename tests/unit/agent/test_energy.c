/* Joules: exact on traces that are made up, with wraps, gaps, several runs, a fake NVML, fake sysfs trees. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/energy.h"
#include "agent/gpu.h"
#include "agent/process_tree.h"
#include "agent/rapl.h"

#define S INT64_C(1000000000)

static char root[64];

static void put(const char *path, const char *text)
{
    char full[512];
    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        mkdir(full, 0700);
        *p = '/';
    }
    FILE *f = fopen(full, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int make_root(void **state)
{
    snprintf(root, sizeof root, "/tmp/ht-energy-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int run(char *const *argv)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[0], argv);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static int drop_root(void **state)
{
    char *argv[] = {"rm", "-rf", root, NULL};
    return run(argv);
}

/* ---- integrals ---- */

static void power_is_integrated_by_trapezoids(void **state)
{
    struct energy e = {0};
    assert_true(energy_power(&e, 5 * S, 100) == 0);
    assert_true(energy_power(&e, 7 * S, 200) == 300);
    assert_true(energy_power(&e, 7 * S + S / 2, 0) == 50);
    assert_true(e.joules == 350 && e.covered_s == 2.5 && e.gap_s == 0);
}

static void a_silence_is_a_gap_and_adds_nothing(void **state)
{
    struct energy e = {0};
    energy_power(&e, 0, NAN); /* nothing was promised yet */
    energy_power(&e, 10 * S, 100);
    energy_power(&e, 12 * S, 100);
    energy_power(&e, 13 * S, NAN);
    energy_power(&e, 15 * S, 100);
    energy_power(&e, 16 * S, 100);
    energy_power(&e, (17 + ENERGY_GAP_S) * S, 100);
    assert_true(e.joules == 300);
    assert_true(e.gap_s == 3 + 1 + ENERGY_GAP_S);
    assert_int_equal(e.gaps, 3);
}

static void counters_wrap_at_their_range(void **state)
{
    const struct energy_counter c = {.unit = 1e-6, .range = 1000000, .max_watts = 0};
    struct energy e = {0};
    energy_count(&e, 0, 900000, &c);
    assert_true(energy_count(&e, S, 950000, &c) == 50000 * 1e-6);
    assert_true(energy_count(&e, 2 * S, 100000, &c) == 150000 * 1e-6);
    assert_true(energy_count(&e, 3 * S, 100000, &c) == 0);
    assert_true(fabs(e.joules - 0.2) < 1e-15 && e.covered_s == 3);
}

static void a_counter_that_may_have_wrapped_twice_says_nothing(void **state)
{
    const struct energy_counter c = {.unit = 1, .range = 1000, .max_watts = 100};
    struct energy e = {0};
    energy_count(&e, 0, 100, &c);
    assert_true(energy_count(&e, 9 * S, 200, &c) == 100);
    assert_true(energy_count(&e, 19 * S, 300, &c) == 0);
    assert_true(e.joules == 100 && e.gap_s == 10);
}

static void a_counter_that_was_reset_is_a_gap(void **state)
{
    const struct energy_counter c = {.unit = 1e-3};
    struct energy e = {0};
    energy_count(&e, 0, 5000, &c);
    energy_count(&e, S, 100, &c);
    energy_count(&e, 2 * S, 1100, &c);
    assert_true(e.joules == 1 && e.gap_s == 1);
}

static void runs_share_by_processor_time(void **state)
{
    assert_true(energy_share(100, 1, 4) == 25);
    assert_true(energy_share(100, 3, 4) + energy_share(100, 1, 4) == 100);
    assert_true(energy_share(100, 2, 1) == 100); /* clocks differ: never more than there is */
    assert_true(energy_share(100, 0, 0) == 0);
    assert_true(isnan(energy_share(NAN, 0, 1)) && isnan(energy_share(NAN, 1, 1))); /* absent, not zero */
}

static void carbon_is_arithmetic(void **state)
{
    assert_true(energy_kwh(7.2e6) == 2);
    assert_true(energy_co2e(7.2e6, 475, 1.5) == 2 * 1.5 * 475);
}

/* ---- machines ---- */

static void packages_are_counted_and_their_parts_are_not(void **state)
{
    struct rapl r;
    put("/class/powercap/intel-rapl:0/name", "package-0\n");
    put("/class/powercap/intel-rapl:0/energy_uj", "900000\n");
    put("/class/powercap/intel-rapl:0/max_energy_range_uj", "1000000\n");
    put("/class/powercap/intel-rapl:0:0/name", "core\n");
    put("/class/powercap/intel-rapl:0:0/energy_uj", "1\n");
    put("/class/powercap/intel-rapl:1/name", "psys\n");
    put("/class/powercap/intel-rapl:1/energy_uj", "1\n");
    rapl_find(&r, root);
    assert_int_equal(r.n, 1);
    assert_true(isnan(rapl_read(&r, S)));
    put("/class/powercap/intel-rapl:0/energy_uj", "100000\n");
    assert_true(rapl_read(&r, S + 100000) == 200000 * 1e-6);
    char path[128];
    snprintf(path, sizeof path, "%s/class/powercap/intel-rapl:0/energy_uj", root);
    unlink(path);
    assert_true(isnan(rapl_read(&r, 2 * S)));
    assert_true(rapl_gap_s(&r) > 0.9);
}

static void no_counters_is_none_not_zero(void **state)
{
    struct rapl r;
    struct gpu_reading g[GPU_MAX];
    rapl_find(&r, "/nowhere");
    assert_int_equal(r.n, 0);
    assert_true(isnan(rapl_read(&r, S)));
    assert_int_equal(gpu_sysfs_read("/nowhere", g, GPU_MAX), 0);
    assert_null(gpu_nvml_open("/nowhere/libnvidia-ml.so.1"));
}

static void cards_of_amd_and_intel_through_sysfs(void **state)
{
    struct gpu_reading g[GPU_MAX];
    put("/class/drm/card0/device/vendor", "0x1002\n");
    put("/class/drm/card0/device/gpu_busy_percent", "75\n");
    put("/class/drm/card0/device/mem_info_vram_used", "1073741824\n");
    put("/class/drm/card0/device/mem_info_vram_total", "8589934592\n");
    put("/class/drm/card0/device/pp_dpm_sclk", "0: 500Mhz\n1: 1720Mhz *\n");
    put("/class/drm/card0/device/hwmon/hwmon3/power1_average", "150000000\n");
    put("/class/drm/card0/device/hwmon/hwmon3/temp1_input", "65000\n");
    put("/class/drm/card0-DP-1/status", "connected\n");
    put("/class/drm/card1/device/vendor", "0x8086\n");
    put("/class/drm/card1/gt_act_freq_mhz", "1150\n");
    put("/class/drm/card1/device/hwmon/hwmon4/energy1_input", "123456789\n");
    put("/class/drm/card2/device/vendor", "0x1a03\n");
    assert_int_equal(gpu_sysfs_read(root, g, GPU_MAX), 2);
    assert_true(g[0].use == 0.75 && g[0].memory == 1073741824.0 && g[0].memory_total == 8589934592.0);
    assert_true(g[0].power == 150 && g[0].temperature == 65 && g[0].clock == 1720 && !g[0].counts);
    assert_true(isnan(g[1].use) && isnan(g[1].power) && g[1].clock == 1150);
    assert_true(g[1].counts && g[1].energy == 123456789 && g[1].energy_unit == 1e-6);
}

/* A library with the names of NVIDIA's, built here. */
static const char fake[] =
    "#include <string.h>\n"
    "int nvmlInit_v2(void){return 0;}\nint nvmlShutdown(void){return 0;}\n"
    "int nvmlDeviceGetCount_v2(unsigned *n){*n=2;return 0;}\n"
    "static int d[2];int nvmlDeviceGetHandleByIndex_v2(unsigned i,void **h){*h=&d[i];return 0;}\n"
    "int nvmlDeviceGetName(void *h,char *s,unsigned n){strncpy(s,\"Fake H1\",n);return 0;}\n"
    "int nvmlDeviceGetUtilizationRates(void *h,unsigned *u){u[0]=50;u[1]=10;return h==&d[0]?0:3;}\n"
    "int nvmlDeviceGetMemoryInfo(void *h,unsigned long long *m){m[0]=1000;m[1]=600;m[2]=400;return 0;}\n"
    "int nvmlDeviceGetPowerUsage(void *h,unsigned *p){*p=250500;return 0;}\n"
    "int nvmlDeviceGetTotalEnergyConsumption(void *h,unsigned long long *e){static unsigned long long n=1000;*e=n+=500;return h==&d[0]?0:3;}\n"
    "int nvmlDeviceGetTemperature(void *h,int s,unsigned *t){*t=61;return 0;}\n"
    "int nvmlDeviceGetClockInfo(void *h,int c,unsigned *v){*v=1980;return c==1?0:2;}\n"
    "struct p{unsigned pid;unsigned long long used;unsigned a,b;};\n"
    "int nvmlDeviceGetComputeRunningProcesses_v3(void *h,unsigned *n,struct p *p){*n=1;p[0].pid=42;p[0].used=300;return h==&d[0]?0:3;}\n"
    "struct s{unsigned pid;unsigned long long t;unsigned sm,m,e,d;};\n"
    "int nvmlDeviceGetProcessUtilization(void *h,struct s *s,unsigned *n,unsigned long long l){*n=1;s->pid=42;s->t=l+1;s->sm=45;return 0;}\n";

static void nvml_is_asked_by_name(void **state)
{
    char source[128], library[128];
    struct gpu_reading g[GPU_MAX];
    put("/fake.c", fake);
    snprintf(library, sizeof library, "%s/libfake.so", root);
    snprintf(source, sizeof source, "%s/fake.c", root);
    char *argv[] = {"cc", "-w", "-shared", "-fPIC", "-o", library, source, NULL};
    if (run(argv) != 0)
        skip();
    struct gpu_nvml *n = gpu_nvml_open(library);
    assert_non_null(n);
    assert_int_equal(gpu_nvml_read(n, g), 2);
    assert_string_equal(g[0].name, "Fake H1");
    assert_true(g[0].use == 0.5 && g[0].memory == 400 && g[0].memory_total == 1000);
    assert_true(g[0].power == 250.5 && g[0].temperature == 61 && g[0].clock == 1980);
    assert_true(g[0].counts && g[0].energy == 1500 && g[0].energy_unit == 1e-3);
    assert_true(g[0].says_processes && g[0].n_processes == 1 && g[0].processes[0].pid == 42);
    assert_true(g[0].processes[0].memory == 300 && g[0].processes[0].use == 0.45);
    assert_true(isnan(g[1].use) && !g[1].counts && !g[1].says_processes && g[1].power == 250.5);
    gpu_nvml_close(n);
}

static void a_process_tree_sums_and_never_falls(void **state)
{
    struct process_tree t;
    put("/10/stat", "10 (a) b) S 1 1 1 0 -1 0 0 0 0 0 100 50 0 0 20 0\n");
    put("/10/statm", "1000 500 100 1 0 1 0\n");
    put("/10/io", "rchar: 1\nread_bytes: 4096\nwrite_bytes: 8192\n");
    put("/10/task/10/children", "11 \n");
    put("/11/stat", "11 (b) S 10 1 1 0 -1 0 0 0 0 0 100 100 0 0 20 0\n");
    put("/11/statm", "1000 500 100 1 0 1 0\n");
    process_tree_init(&t, 10);
    assert_true(process_tree_read(&t, root));
    double tick = 1.0 / (double)sysconf(_SC_CLK_TCK), page = (double)sysconf(_SC_PAGESIZE);
    assert_int_equal(t.n, 2);
    assert_true(fabs(t.cpu_s - 350 * tick) < 1e-9);
    assert_true(t.memory == 900 * page); /* what is shared once */
    assert_true(t.read_b == 4096 && t.written_b == 8192 && isnan(t.received_b));
    put("/10/task/10/children", "\n"); /* gone, and nobody waited for it */
    assert_true(process_tree_read(&t, root));
    assert_true(fabs(t.cpu_s - 350 * tick) < 1e-9);
    put("/10/stat", "10 (a) b) S 1 1 1 0 -1 0 0 0 0 0 110 50 0 0 20 0\n");
    assert_true(process_tree_read(&t, root));
    assert_true(fabs(t.cpu_s - 360 * tick) < 1e-9);
    process_tree_init(&t, 99);
    assert_false(process_tree_read(&t, root));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_is_integrated_by_trapezoids),
        cmocka_unit_test(a_silence_is_a_gap_and_adds_nothing),
        cmocka_unit_test(counters_wrap_at_their_range),
        cmocka_unit_test(a_counter_that_may_have_wrapped_twice_says_nothing),
        cmocka_unit_test(a_counter_that_was_reset_is_a_gap),
        cmocka_unit_test(runs_share_by_processor_time),
        cmocka_unit_test(carbon_is_arithmetic),
        cmocka_unit_test_setup_teardown(packages_are_counted_and_their_parts_are_not, make_root, drop_root),
        cmocka_unit_test(no_counters_is_none_not_zero),
        cmocka_unit_test_setup_teardown(cards_of_amd_and_intel_through_sysfs, make_root, drop_root),
        cmocka_unit_test_setup_teardown(nvml_is_asked_by_name, make_root, drop_root),
        cmocka_unit_test_setup_teardown(a_process_tree_sums_and_never_falls, make_root, drop_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
