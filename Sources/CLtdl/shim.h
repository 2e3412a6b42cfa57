/// libltdl, GNU libtool's portable loader of shared libraries, and `dladdr`.
#include <dlfcn.h>
#include <ltdl.h>

// glibc shows dladdr only under _GNU_SOURCE, which Swift's own view of its headers does not define.
#if defined(__linux__) && !defined(__USE_GNU)
typedef struct {
    const char *dli_fname;
    void *dli_fbase;
    const char *dli_sname;
    void *dli_saddr;
} Dl_info;

int dladdr(const void *address, Dl_info *info);
#endif
