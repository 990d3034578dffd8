/*
 * trouble.h: a source's trouble as the log may tell it.
 *
 * An error's sentence may hold the address of a request, which names the tenant and its directory,
 * and words of the service. The tenant's sealed status keeps them; logs are not erased with a
 * tenant, so there they are left out. Ref: erasure.md 3, style.md 9.
 */
#ifndef WEIR_TROUBLE_H
#define WEIR_TROUBLE_H
#include "common/err.h"

/* trouble_for_log - the same error; words of its text that may name somebody are "...": addresses,
 * accounts, ids. Allocates nothing. Thread: any. */
struct err trouble_for_log(const struct err *e);

#endif
