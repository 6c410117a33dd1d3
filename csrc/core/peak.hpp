// The multiply-add throughput of all threads, the upper bound for the speed of the kernels.
#pragma once

namespace gatewright {

// Returns GFLOP/s in float32 (two operations per multiply-add) for the instruction set and the threads in use. Measures
// for about `seconds`; threads that wake late count as they do in a call.
double multiply_add_peak(double seconds);

}  // namespace gatewright
