#include "common/process.h"

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { TEXT_MAX = 4096, DESCRIPTORS_MOST = 65536 };

void
process_keep_memory(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 16 << 20); /* a larger block is the kernel's at once */
    (void)mallopt(M_TRIM_THRESHOLD, 32 << 20);
}

/* The first part of a file of /proc, NUL-terminated. False: not there. */
static bool
read_text(const char *path, char text[TEXT_MAX])
{
    FILE *in = fopen(path, "re");
    if (in == NULL)
        return false;
    size_t n = fread(text, 1, TEXT_MAX - 1, in);
    text[n] = '\0';
    fclose(in);
    return n > 0;
}

static void
add(struct process_number *out, size_t *n, const char *name, const char *help, double value)
{
    bool counter = strcmp(name + strlen(name) - strlen("_total"), "_total") == 0;
    out[(*n)++] = (struct process_number){name, help, counter, value};
}

/* Field `number` of /proc/self/stat as proc(5) counts them; the second may hold blanks and
 * parentheses, so that counting starts behind the last one. */
static const char *
stat_field(const char *text, int number)
{
    const char *p = strrchr(text, ')');
    for (int at = 2; p != NULL && at < number; at++) {
        p = strchr(p, ' ');
        if (p != NULL)
            p++;
    }
    return p;
}

static void
add_start(struct process_number *out, size_t *n)
{
    char stat[TEXT_MAX];
    if (!read_text("/proc/self/stat", stat))
        return;
    const char *started = stat_field(stat, 22);
    FILE *in = fopen("/proc/stat", "re"); /* its first line alone can be longer than TEXT_MAX */
    if (in == NULL)
        return;
    char *line = NULL;
    size_t size = 0;
    double booted_s = 0;
    while (booted_s <= 0 && getline(&line, &size, in) > 0)
        if (strncmp(line, "btime ", 6) == 0)
            booted_s = strtod(line + 6, NULL);
    free(line);
    fclose(in);
    double ticks = (double)sysconf(_SC_CLK_TCK);
    if (started != NULL && booted_s > 0 && ticks > 0)
        add(out, n, "process_start_time_seconds",
            "Start time of the process since 1970, in seconds.",
            booted_s + strtod(started, NULL) / ticks);
}

static void
add_memory(struct process_number *out, size_t *n)
{
    char text[TEXT_MAX];
    if (!read_text("/proc/self/statm", text))
        return;
    char *end;
    double page_bytes = (double)sysconf(_SC_PAGESIZE);
    double all = strtod(text, &end), resident = strtod(end, NULL);
    add(out, n, "process_virtual_memory_bytes", "Virtual memory size in bytes.", all * page_bytes);
    add(out, n, "process_resident_memory_bytes", "Resident memory size in bytes.",
        resident * page_bytes);
}

static void
add_descriptors(struct process_number *out, size_t *n)
{
    struct rlimit limit;
    DIR *d = opendir("/proc/self/fd");
    if (d != NULL) {
        double open = -1; /* the directory itself is one */
        for (const struct dirent *f; (f = readdir(d)) != NULL;)
            open += f->d_name[0] != '.';
        closedir(d);
        add(out, n, "process_open_fds", "Number of open file descriptors.", open);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        add(out, n, "process_max_fds", "Maximum number of open file descriptors.",
            (double)limit.rlim_cur);
}

size_t
process_read(struct process_number out[PROCESS_NUMBERS])
{
    size_t n = 0;
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) == 0)
        add(out, &n, "process_cpu_seconds_total", "User and system CPU time spent in seconds.",
            (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    add_memory(out, &n);
    add_start(out, &n);
    add_descriptors(out, &n);
    return n;
}

void
process_guard(void)
{
#ifndef __SANITIZE_ADDRESS__
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none); /* a pipe for cores does not ask for it, so: */
    (void)prctl(PR_SET_DUMPABLE, 0);
#endif
}

void
process_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MOST ? limit.rlim_max : DESCRIPTORS_MOST;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* without, connections are refused and tried again */
}

struct err
process_follow(int64_t parent_pid)
{
    if (parent_pid == 0)
        return ERR_OK;
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
        return err_make(ERR_STOP, "process.parent", "cannot follow process %lld: %s",
                        (long long)parent_pid, strerror(errno));
    if (getppid() != (pid_t)parent_pid) /* it ended before we asked */
        return err_make(ERR_STOP, "process.parent",
                        "process %lld, which started this one, is gone (run.parent_pid)",
                        (long long)parent_pid);
    return ERR_OK;
}
