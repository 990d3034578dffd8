/*
 * fuzz.h: what every fuzz target shares.
 *
 * A target is LLVMFuzzerTestOneInput over one parser. FUZZ_PLANT(condition) is a bug planted for
 * it: built with -DPLANTED the program dies when the condition holds, and `make test` fails unless
 * that happens within 60 s from a fixed seed, so that it is known to look. The condition must need
 * an input that the parser accepted and that is not in the seeds.
 */
#ifndef WEIR_FUZZ_H
#define WEIR_FUZZ_H
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef PLANTED
#define FUZZ_PLANT(condition)                                                                      \
    do {                                                                                           \
        if (condition)                                                                             \
            abort();                                                                               \
    } while (0)
#else
#define FUZZ_PLANT(condition) ((void)(condition))
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
