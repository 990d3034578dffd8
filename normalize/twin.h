/*
 * twin.h: the same detection of Azure ATP, seen through two channels.
 *
 * Cloud App Security and syslog give unrelated ids, so what says that two documents are one
 * detection is what they speak of: the kind of detection, the account, the computer and the time.
 * Each must be the other's nearest: then which are mates depends on what is near only, never on
 * the order in which documents came. Pure. Ref: sources.md 5.9; docs/analysts.md.
 */
#ifndef WEIR_TWIN_H
#define WEIR_TWIN_H
#include "schemas/alert.h"

/*
 * Times in 100 ns. TWIN_APART: furthest that mates may be apart (data takes up to 12 h from one
 * service into the other). A document that is new, gone or changed touches mates up to TWIN_TOUCHED
 * from it, and who they are is decided by what is up to TWIN_REACH from it.
 */
#define TWIN_APART (12 * 3600 * INT64_C(10000000))
#define TWIN_TOUCHED (2 * TWIN_APART)
#define TWIN_REACH (4 * TWIN_APART)

enum { TWIN_NAMES_MAX = 32 };

/* One account or computer, in all ways that it is named; lower case, NONE: not named so. */
struct twin_name {
    struct slice whole;     /* UPN, or DNS name */
    struct slice short_[3]; /* account or display names, or the host's first label */
    bool acts;              /* it is where the activity came from */
};

/* What a document says of its detection. */
struct twin_view {
    int32_t source;         /* the channel */
    struct slice native_id; /* within it */
    struct slice detection; /* source_ident.twin */
    int64_t moment;         /* when it happened, as far as the channel tells */
    struct twin_name users[TWIN_NAMES_MAX], devices[TWIN_NAMES_MAX];
    size_t n_users, n_devices;
    struct slice addresses[TWIN_NAMES_MAX];
    size_t n_addresses;
    struct twin_view *nearest; /* of the other channel; NULL: none near enough */
    struct twin_view *mate;    /* each is the other's nearest */
};

/* twin_moment - of an alert: when it was made or when it began, whichever is earlier; neither
 * moves with later versions. */
int64_t twin_moment(const struct alert *al);

/* twin_view_of - texts are borrowed from the alert or in the arena. ERR_RETRY "normalize.memory".
 */
MUST_CHECK struct err twin_view_of(const struct alert *al, int32_t source, struct slice native_id,
                                   struct slice detection, struct arena *a, struct twin_view *out);

/* twin_may_be - two documents can be of one detection, but for their time. */
bool twin_may_be(const struct twin_view *x, const struct twin_view *y);

/* twin_match - sets nearest and mate of each view; sorts the list, by detection and time. Of equal
 * distances the smaller native id is the nearer one. */
void twin_match(struct twin_view **list, size_t n);

#endif
