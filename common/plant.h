/*
 * plant.h: faults that are built on purpose, to prove that a test would find them.
 *
 * PLANT(name) is false. Only a build with -DPLANTED has the faults, and there WEIR_TEST_PLANT in
 * the environment says which one is on: tests/planted runs the tests that tests/checklists.md names
 * beside each and demands that they fail. Thread: any.
 */
#ifndef WEIR_PLANT_H
#define WEIR_PLANT_H
#include <stdbool.h>

#ifdef PLANTED
#include <stdlib.h>
#include <string.h>

/* plant_is - whether that fault is the one to be shown. */
static inline bool
plant_is(const char *name)
{
    const char *on = getenv("WEIR_TEST_PLANT");
    return on != NULL && strcmp(on, name) == 0;
}
#define PLANT(name) plant_is(#name)
#else
#define PLANT(name) false
#endif

#endif
