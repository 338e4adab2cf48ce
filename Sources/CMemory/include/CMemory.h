#ifndef CMEMORY_H
#define CMEMORY_H

/// Bounds what glibc's allocator keeps for itself. Before the first thread.
void cmemory_bound(void);

/// Gives free heap memory back to the kernel, and lets go of code and constants that are only there because they were
/// used once: they are clean pages of files, which come back from the page cache when they are wanted again.
void cmemory_give_back(void);

#endif
