/* A scenario from a seed. */
#include "tests/simulator/scenario.h"

struct slice
scenario_random(uint64_t seed, struct arena *a)
{
    return slice_printf(a, "{\"seed\":%lld}", (long long)(seed & INT64_MAX));
}
