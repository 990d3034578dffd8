/* Identity lines made up for a scenario. Ref: sources.md 5.2. */
#include "tests/simulator/sim.h"

struct err
generate_identity(struct generator *g)
{
    (void)g;
    return err_make(ERR_STOP, "generate.identity", "identity is not made up yet; use steps");
}
