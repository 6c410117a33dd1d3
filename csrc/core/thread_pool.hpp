// The threads that share a call's rows.
//
// One team serves the process. A call is a number of parts; the caller works on them too, and takes what the team's
// threads have not begun, so that concurrent callers never wait for each other's threads and a caller alone is
// enough to finish. Which part gets which rows is settled before, so results do not depend on who ran it.
// After a fork the child has no threads: it starts a team of its own at its first call.
#pragma once

namespace gatewright {

using PartFunction = void (*)(void* context, int part);

// Runs run(context, part) for every part, the caller among the workers, and returns when all are done.
void run_parts(int parts, PartFunction run, void* context);

void set_num_threads(int threads);  // at least 1; callers' own threads count as one
int num_threads();

}  // namespace gatewright
