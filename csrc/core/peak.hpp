// How many multiply-adds a second all threads do together when nothing holds them up.
#pragma once

namespace gatewright {

// GFLOP/s in float32, two operations for a multiply-add, of the instruction set and the threads in use. Takes about so
// many seconds; threads that wake late count as they do in a call.
double multiply_add_peak(double seconds);

}  // namespace gatewright
