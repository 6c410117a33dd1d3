// A whole call: schedule, memory, packing, and the shards run by the threads. Both bindings call these functions.
#pragma once

#include <vector>

#include "core/api.hpp"

namespace gatewright {

// The names of the cells; Spec::cell is a place in this list.
std::vector<const char*> cell_names();

CellTraits traits(const Spec& spec);

// The weights of a forward pass in the form in which a build of the kernels reads them; no memory if they are not packed.
template <class T>
struct PackedWeights {
  const Kernels<T>* kernels = nullptr;
  char* memory = nullptr;
};

// They determine the number of tokens in `sizes` themselves. A length out of range counts as the nearest one in range,
// and an id outside the table has an input of NaN: a call inside a compiled program must not fail. With packed weights, those
// in `in` are not read.
template <class T>
void run_forward(const Spec& spec, Sizes sizes, const Inputs<T>& in, const Live& live, const Outputs<T>& out,
                 const PackedWeights<T>& packed = {});
template <class T>
void run_backward(const Spec& spec, Sizes sizes, const Inputs<T>& in, const Live& live, const BackwardInputs<T>& back,
                  const Gradients<T>& grad);

// The number of shards in `call` is set here.
template <class T>
void run_softmax(SoftmaxCall<T> call);

}  // namespace gatewright
