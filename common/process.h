/*
 * process.h: what /proc says about this process, under the names that Prometheus gave it.
 */
#ifndef WEIR_PROCESS_H
#define WEIR_PROCESS_H
#include <stdbool.h>
#include <stddef.h>

enum { PROCESS_NUMBERS = 6 };

struct process_number {
    const char *name, *help;
    bool counter;
    double value;
};

/* process_read - what could be read of CPU, memory, start and descriptors; returns how many.
 * Allocates nothing but a directory handle. Thread: any. */
size_t process_read(struct process_number out[PROCESS_NUMBERS]);

#endif
