/*
 * page.h: pages of 100 alerts of Defender ATP, 2.4 kB each, composed here: two items of evidence,
 * about 70 members, other ids and times in each. What real alerts look like: sources.md 2.4.
 */
#ifndef WEIR_BENCH_PAGE_H
#define WEIR_BENCH_PAGE_H
#include "common/slice.h"
#include "tests/bench/bench.h"

enum { PAGE_ALERTS = 100, ALERT_BYTES = 2400, PAGE_ROOM = PAGE_ALERTS * 2600 };

struct bench_page {
    char *text;
    size_t n;
    size_t id_at[PAGE_ALERTS]; /* ten digits that make the id */
};

static inline int
page_alert(char *to, size_t room, unsigned n)
{
    return snprintf(
        to, room,
        "{\"id\":\"da%010u_-1364851390\",\"incidentId\":%u,\"investigationId\":%u,"
        "\"assignedTo\":\"analyst%u@contoso.example\",\"severity\":\"%s\",\"status\":\"New\","
        "\"classification\":null,\"determination\":null,\"investigationState\":\"Running\","
        "\"detectionSource\":\"WindowsDefenderAtp\",\"category\":\"%s\",\"threatFamilyName\":null,"
        "\"title\":\"Suspicious sequence of commands run by an Office process, variant %u\","
        "\"description\":\"A process that usually opens documents started a shell, which in turn "
        "fetched a file and ran it with arguments that hide its output. Look at the command line "
        "and at where the document came from; it may have reached others by mail. Isolate the "
        "device if the file is still there, and look for its hash on others.\","
        "\"alertCreationTime\":\"2019-12-02T10:%02u:%02u.7212579Z\","
        "\"firstEventTime\":\"2019-12-02T09:58:21.2341234Z\","
        "\"lastEventTime\":\"2019-12-02T10:%02u:01.7651123Z\","
        "\"lastUpdateTime\":\"2019-12-02T10:%02u:%02u.%07uZ\",\"resolvedTime\":null,"
        "\"machineId\":\"%08xc3fcb92c7e8ad2b79f8f7b1a94db1ae1\","
        "\"computerDnsName\":\"desktop-%05u.corp.contoso.example\",\"rbacGroupName\":\"Desktops\","
        "\"aadTenantId\":\"b3c1b5fc-828c-45fa-a1e1-10d74f6d6e9c\",\"relatedUser\":"
        "{\"userName\":\"user%u\",\"domainName\":\"CONTOSO\"},\"comments\":[],\"evidence\":["
        "{\"entityType\":\"Process\",\"sha1\":\"%08x88ae17a3b5c1c8f40f0f21d7ab9d16f2\","
        "\"sha256\":\"%08xa6f2e1c9d70b35f8146a9e0c57b2d3e8f1a4c6b09d7e5283f4a1b6c0\","
        "\"fileName\":\"powershell.exe\",\"filePath\":\"C:\\\\Windows\\\\System32\\\\"
        "WindowsPowerShell\\\\v1.0\",\"processId\":%u,\"processCommandLine\":\"powershell.exe -nop "
        "-w hidden -enc SQBFAFgAKABOAGUAdwAtAE8AYgBqAGUAYwB0%u\",\"processCreationTime\":"
        "\"2019-12-02T09:58:21.1234567Z\",\"parentProcessId\":%u,\"parentProcessCreationTime\":"
        "\"2019-12-02T09:57:59.7654321Z\",\"ipAddress\":null,\"url\":null,\"accountName\":"
        "\"user%u\",\"domainName\":\"CONTOSO\",\"userSid\":\"S-1-5-21-1004336348-1177238915-"
        "682003330-%u\",\"aadUserId\":\"%08x-7b4c-4fd6-9f4a-3c1b2a5d6e7f\",\"userPrincipalName\":"
        "\"user%u@contoso.example\"},"
        "{\"entityType\":\"File\",\"sha1\":\"%08x0cf1a9c2b7d48e63f5a0d91b7e2c4860\","
        "\"sha256\":\"%08x19b7e4d2c8f0a36b5e91d47c20fa8b6356e0c1d9a7f4b28e3d5c6a10\","
        "\"fileName\":\"invoice-%u.docm\",\"filePath\":\"C:\\\\Users\\\\user%u\\\\Downloads\","
        "\"processId\":null,\"processCommandLine\":null,\"processCreationTime\":null,"
        "\"parentProcessId\":null,\"parentProcessCreationTime\":null,\"ipAddress\":null,"
        "\"url\":null,\"accountName\":null,\"domainName\":null,\"userSid\":null,\"aadUserId\":null,"
        "\"userPrincipalName\":null}]}",
        n, 900000 + n, 1000 + n % 700, n % 17, n % 3 == 0 ? "High" : "Medium",
        n % 2 == 0 ? "Execution" : "InitialAccess", n % 40, n % 60, n % 59, n % 60, n % 60,
        n * 7 % 60, n * 9973U % 10000000U, n * 2654435761U, n % 20000, n % 5000, n * 40503U,
        n * 2246822519U, 1000 + n % 30000, n, 900 + n % 20000, n % 5000, 1000 + n % 5000,
        n * 3266489917U, n % 5000, n * 668265263U, n * 374761393U, n, n % 5000);
}

static inline struct bench_page
page_make(unsigned first)
{
    struct bench_page p = {.text = malloc(PAGE_ROOM)};
    bench_check(p.text != NULL, "out of memory");
    p.n = (size_t)snprintf(p.text, PAGE_ROOM,
                           "{\"@odata.context\":\"https://api.example/$metadata#Alerts\","
                           "\"value\":[");
    for (unsigned i = 0; i < PAGE_ALERTS; i++) {
        if (i > 0)
            p.text[p.n++] = ',';
        p.id_at[i] = p.n + sizeof "{\"id\":\"da" - 1;
        p.n += (size_t)page_alert(p.text + p.n, PAGE_ROOM - p.n, first + i);
    }
    p.n += (size_t)snprintf(p.text + p.n, PAGE_ROOM - p.n, "]}");
    bench_check(p.n > PAGE_ALERTS * (ALERT_BYTES - 50) && p.n < PAGE_ALERTS * (ALERT_BYTES + 50),
                "an alert of the bench has not the size that it should have");
    return p;
}

/* Other alerts on the same page: each has a new id. */
static inline void
page_renew(struct bench_page *p, unsigned first)
{
    for (unsigned i = 0; i < PAGE_ALERTS; i++) {
        unsigned n = first + i;
        for (size_t digit = 10; digit-- > 0; n /= 10)
            p->text[p->id_at[i] + digit] = (char)('0' + n % 10);
    }
}

#endif
