/* Alerts of Defender ATP made up for a scenario. Ref: sources.md 2.5. */
#include "tests/simulator/sim.h"

struct err
generate_endpoint(struct generator *g)
{
    (void)g;
    return err_make(ERR_STOP, "generate.endpoint", "endpoint is not made up yet; use steps");
}
