/*
 * process.h: what /proc says about this process, under the names that Prometheus gave it;
 * whose end is its own, and that its memory is.
 */
#ifndef WEIR_PROCESS_H
#define WEIR_PROCESS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum { PROCESS_NUMBERS = 6 };

struct process_number {
    const char *name, *help;
    bool counter;
    double value;
};

/* process_read - what could be read of CPU, memory, start and descriptors; returns how many.
 * Allocates nothing but a directory handle. Thread: any. */
size_t process_read(struct process_number out[PROCESS_NUMBERS]);

/* process_guard - no core file and no other process of this user shows what is in our memory: it
 * holds keys, secrets and tokens. Not under a sanitizer, which looks into itself that way. */
void process_guard(void);

/* process_descriptors - as many as the system allows: 1,024 are soon used up by connections. */
void process_descriptors(void);

/* process_keep_memory - what megabytes of pages were worked off in stays with the process, up to
 * 32 MiB: given back and taken again for each page it would be a fifth of the work. Once, first. */
void process_keep_memory(void);

/* process_follow - SIGTERM for this process when the one that started it ends, in whatever way.
 * parent_pid is that one, which may be gone already; 0: nothing. ERR_STOP "process.parent". */
MUST_CHECK struct err process_follow(int64_t parent_pid);

#endif
