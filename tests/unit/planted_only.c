/* planted_only.c: linked to the programs of `make planted`, to run the one test that is asked for:
 * with a fault on, the tests before it may fail, too, and end the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

__attribute__((constructor)) static void
only(void)
{
    const char *name = getenv("WEIR_TEST_ONLY");
    if (name != NULL)
        cmocka_set_test_filter(name);
}
