// A whole call: schedule, memory, packing, and the shards run by the threads. Both bindings call these functions.
#pragma once

#include <vector>

#include "core/api.hpp"

namespace gatewright {

// The names of the cells; Spec::cell is a place in this list.
std::vector<const char*> cell_names();

CellTraits traits(const Spec& spec);

// They determine the number of tokens in `sizes` themselves. A length out of range counts as the nearest one in range,
// and an id outside the table has an input of NaN: a call inside a compiled program must not fail.
template <class T>
void run_forward(const Spec& spec, Sizes sizes, const Inputs<T>& in, const Live& live, const Outputs<T>& out);
template <class T>
void run_backward(const Spec& spec, Sizes sizes, const Inputs<T>& in, const Live& live, const BackwardInputs<T>& back,
                  const Gradients<T>& grad);

// The number of shards in `call` is set here.
template <class T>
void run_softmax(SoftmaxCall<T> call);

}  // namespace gatewright
